"""Names: long lists of paths that the client has asked about before, so that they need not travel again.

Owns where such a list is kept: in memory for this connection, in the cache for the next. Never looks into a list.
"""

# A list shorter than this, packed, is not worth a file.
NAMES_LEAST = 4096
# So many lists are kept; the one that was used longest ago goes first.
NAMES_KEPT = 8


class Names:
    """Packed lists of paths, by the digest of their bytes."""

    def __init__(self):
        self.digest = self.packed = None

    def get(self, digest):
        """The list, or None if it is not here."""
        if digest == self.digest:
            return self.packed
        try:
            path = self.path(digest, make=False)
            if path is None:
                return None
            with open(path, "rb") as file:
                packed = file.read(MAX_BODY)
            os.utime(path)
        except OSError:
            return None
        return packed if blake(packed).hexdigest() == digest else None

    def put(self, digest, packed):
        """Keeps a list. A disk that can't take it is no reason to fail: it then travels again."""
        if len(packed) < NAMES_LEAST or digest == self.digest:
            return
        self.digest, self.packed = digest, packed
        try:
            path = self.path(digest, make=True)
            folder = os.path.dirname(path)
            temp = os.path.join(folder, temp_name())
            with open(temp, "xb") as file:
                file.write(packed)
            os.rename(temp, path)
            self.forget_oldest(folder)
        except (OSError, OpError):
            pass

    def path(self, digest, make):
        if not re.match(r"[0-9a-f]{64}\Z", digest):
            raise OpError("invalid", "not a digest: '%s'" % digest)
        cache = cache_dir(make)
        folder = cache and os.path.join(cache, b"names")
        if make:
            try:
                os.mkdir(folder, 0o700)
            except FileExistsError:
                pass
        return folder and os.path.join(folder, digest.encode("ascii"))

    def forget_oldest(self, folder):
        kept = sorted((os.stat(os.path.join(folder, name)).st_mtime, name) for name in os.listdir(folder))
        for _, name in kept[:-NAMES_KEPT]:
            os.unlink(os.path.join(folder, name))
