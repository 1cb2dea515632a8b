"""Fresh: a directory that is not there yet, filled under another name and shown when it is whole.

Owns that name and all below it until then. Nothing can stand in it that is not ours, so a file costs no look at what is
there, no temporary name of its own and no rename. Never shows half of it, and never replaces a directory that has something in it.
"""

# A mode with one of these bits is not what a new file or directory gets by itself.
UMASK = os.umask(0o077)
os.umask(UMASK)
UNUSUAL = UMASK | 0o7000


class Fresh:
    """A directory on its way, with what a pack puts below it."""

    def __init__(self, dirs, change):
        self.dirs, self.top, self.temp = dirs, change, temp_name()
        self.place = change.parent + b"/" + self.temp if change.parent else self.temp
        self.is_shown = False
        self.done = []  # Changes and where they are, seen from here.
        # Nobody else gets in before it is shown, so a path below it is what it was.
        os.mkdir(self.temp, 0o700, dir_fd=dirs.get(change.parent, make_parents=True))

    def add(self, change, inner):
        """Does a change below it; false if it is none that makes something. What came of it is known when it is shown."""
        kind, fd = change.kind, self.dirs.get(self.place)
        if kind in (WRITE, SYMLINK) and isinstance(change.expect, dict):
            raise OpError("diverged", "'%s' is gone" % show(change.path))
        if kind == WRITE:
            write_new(change, inner, fd, change.mtime)
        elif kind == SYMLINK:
            os.symlink(bytes(change.bytes), inner, dir_fd=fd)
        elif kind in (DIR, PARENT):
            os.mkdir(inner, change.mode & 0o777, dir_fd=fd)
            if change.mode & UNUSUAL:
                os.chmod(inner, change.mode & 0o7777, dir_fd=fd)
        else:
            return False
        self.done.append((change, inner))
        return True

    def show(self):
        """Puts it in its place; an error, and nothing is shown, if something stands there that is not an empty directory."""
        dir_fd, fd = self.dirs.get(self.top.parent), self.dirs.get(self.place)
        # What the directory above hands down stays.
        os.fchmod(fd, self.top.mode & 0o7777 | os.fstat(fd).st_mode & stat.S_ISGID)
        os.rename(self.temp, self.top.name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        self.temp, self.is_shown = None, True
        self.dirs.forget(self.place)

    def discard(self):
        """Removes it, unless it is shown. What can't be removed goes at a later look, as that of dead agents does."""
        if self.temp is None:
            return
        self.dirs.forget(self.place)
        try:
            remove_tree(self.temp, self.dirs.get(self.top.parent))
        except (OSError, OpError):
            pass
        self.temp = None


def remove_tree(name, dir_fd):
    """Removes what nobody shows any more: a file, or a directory with all below it, never through a link."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=dir_fd)
        return
    fd = open_dir(name, dir_fd)
    try:
        for inner in os.listdir(fd):
            remove_tree(inner, fd)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=dir_fd)


def write_new(change, name, dir_fd, mtime=None):
    """Makes the file of a change at `name`, where nothing is: whole, or not at all."""
    data, plain = change.bytes, not change.mode & UNUSUAL
    fd = os.open(name, TEMP_FLAGS, change.mode & 0o777 if plain else 0o600, dir_fd=dir_fd)
    try:
        try:
            while data:
                data = data[os.write(fd, data):]
            if not plain:
                os.fchmod(fd, change.mode & 0o7777)
            if mtime is not None:
                os.utime(fd, ns=(mtime, mtime))
        finally:
            # A network file system keeps some errors (no space, quota) for now.
            os.close(fd)
    except BaseException:
        os.unlink(name, dir_fd=dir_fd)
        raise
