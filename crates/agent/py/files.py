"""Files: changes below a root, each of them whole or not at all.

Owns how a path is walked (never through a symbolic link), the check of what is replaced, and the atomic
replacement. Never decides what to write where.
"""

DIR_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a named pipe must not wait for its writer.
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
TEMP_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Whose it is: a process id, which life of it (see listing.py), and which of its files.
TEMP_NAME = re.compile(br"\.remora-([0-9]{1,9})-(?:([0-9a-f]+)-)?[0-9a-f]+\.tmp\Z")
TEMP_NONCE, TEMP_COUNT = base64.b16encode(os.urandom(6)).lower(), itertools.count()
# Where it can't be known whether the owner of a temporary file is dead (its pid may be of another container), it is
# removed when it is older than this.
TEMP_AGE = 60.0
# Digests of files that this agent wrote, by what `stat` says of them; the oldest go first.
KNOWN_MAX = 50000
READ_SIZE = 1024 * 1024
# What stands behind the bytes of an upload: the digest and the CRC-32 of them.
SEAL = struct.Struct(">32sI")
# Larger files get a stamp: what is to be replaced later may be too much to digest.
STAMPED = 1024 * 1024


def temp_name():
    return b".remora-%d-%s%s%08x.tmp" % (os.getpid(), OWN_LIFE, TEMP_NONCE, next(TEMP_COUNT))


def open_dir(name, parent):
    """Opens the directory `name` in `parent`, never through a symbolic link."""
    try:
        return os.open(name, DIR_FLAGS, dir_fd=parent)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
            raise
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise OpError("outside_root", "'%s' is a symbolic link" % show(name))
        raise OpError("in_the_way", "'%s' is not a directory" % show(name))


def open_root(head):
    return os.open(path_from(head["root"]), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def open_or_make_dir(name, parent, mode=0o777):
    """Opens the directory `name`, making it if it is not there; says whether it did."""
    try:
        return open_dir(name, parent), False
    except FileNotFoundError:
        pass
    try:
        os.mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        return open_dir(name, parent), False
    return open_dir(name, parent), True


class Place:
    """A name in an open directory below a root. Renaming a parent meanwhile does no harm."""

    def __init__(self, head, make_parents=False):
        self.path = path_from(head["path"])
        parts = parts_of(self.path)
        self.name = parts[-1]
        self.dir = open_root(head)
        self.walk(parts, make_parents)

    def walk(self, parts, make_parents):
        try:
            for part in parts[:-1]:
                inner = open_or_make_dir(part, self.dir)[0] if make_parents else open_dir(part, self.dir)
                os.close(self.dir)
                self.dir = inner
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                error.filename = self.path
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.dir is not None:
            os.close(self.dir)
            self.dir = None

    def stat(self):
        """What stands there, or None."""
        try:
            return os.stat(self.name, dir_fd=self.dir, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self, flags, mode=0o600):
        return os.open(self.name, flags, mode, dir_fd=self.dir)

    def is_there(self, head):
        """Whether its path still leads here: a folder may be renamed while a large file comes."""
        with Place(head) as now:
            return os.path.sameopenfile(now.dir, self.dir)


def blake(data=b""):
    return hashlib.blake2b(data, digest_size=32)


def where_pids_count():
    """What names this boot of this machine and this container: there a process id means one process. Or None."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            boot = file.read()
        return b"%s %d %s" % (boot, os.stat("/proc/self/ns/pid").st_ino, os.fsencode(os.uname().nodename))
    except OSError:
        return None


def started_at(pid):
    """The time at which a process was started, in ticks since the boot, or None if that can't be read."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            state, rest = file.read().rpartition(b")")[2].split(None, 1)
    except (OSError, ValueError):
        return None
    # A process that has ended and was not waited for writes no more.
    return b"0" if state in b"ZX" else b"%x" % int(rest.split()[18])


def own_life():
    """What tells this process from all others that had its id, for a name; empty where nothing does."""
    where, start = where_pids_count(), started_at(os.getpid())
    if where is None or start is None:
        return b""
    return b"%s%s-" % (blake(where).hexdigest()[:8].encode("ascii"), start)


OWN_LIFE = own_life()


def signature(status):
    """Changes when anybody writes to the file: we set the mtime, so a later write can't leave it as it is."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def stamp_of(status):
    """The signature as a word that the client keeps of a large file, and shows again over a later connection."""
    return "-".join(map(str, signature(status)))


class Known:
    """Digests of files written by this agent, so that checking what is replaced costs one `stat`."""

    def __init__(self):
        self.digests = collections.OrderedDict()

    def get(self, status):
        return self.digests.get(signature(status))

    def put(self, status, digest):
        self.digests[signature(status)] = digest
        if len(self.digests) > KNOWN_MAX:
            self.digests.popitem(last=False)

    def forget(self, status):
        self.digests.pop(signature(status), None)


def digest_of(agent, place_dir, name, status):
    """A generator: the digest of a file's bytes or of a link's text; None for what has neither."""
    if stat.S_ISLNK(status.st_mode):
        return blake(os.readlink(name, dir_fd=place_dir)).hexdigest()
    if not stat.S_ISREG(status.st_mode):
        return None
    known = agent.known.get(status)
    if known:
        return known
    fd = os.open(name, READ_FLAGS, dir_fd=place_dir)
    try:
        if signature(os.fstat(fd)) != signature(status):
            raise OpError("diverged", "'%s' changed while it was looked at" % show(name))
        hasher = blake()
        while True:
            piece = os.read(fd, READ_SIZE)
            if not piece:
                break
            hasher.update(piece)
            yield
        if signature(os.fstat(fd)) != signature(status):
            raise OpError("diverged", "'%s' changed while it was read" % show(name))
        return hasher.hexdigest()
    finally:
        os.close(fd)


def confirm(agent, at, status, expect, new=None):
    """A generator: an error unless what stands there is what the request expects to replace.

    `at` is an open directory, a name in it, and the path to tell; `status` is what stands there, or None. What already is
    what the request would make (`new`: whether it is a link, and its digest) is fine too.
    """
    dir_fd, name, path = at
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise OpError("in_the_way", "'%s' is a directory" % show(path))
    if expect == "any" or (expect == "absent" and status is None):
        return
    digest = None
    if status is not None:
        digest = yield from digest_of(agent, dir_fd, name, status)
        if new is not None and (stat.S_ISLNK(status.st_mode), digest) == new:
            return
        if expect != "absent" and digest is not None and digest == expect["content"]:
            return
    found = "is gone" if status is None else "is there" if expect == "absent" else "has other content"
    raise OpError("diverged", "'%s' %s" % (show(path), found))


class Upload:
    """One file on its way in: a temporary file beside its target, then a rename."""

    makes_parents = True

    def __init__(self, agent, stream, head):
        self.agent, self.head = agent, head
        self.size, self.crc, self.seal = 0, 0, b""
        self.temp = self.fd = None
        self.place = Place(head, make_parents=self.makes_parents)
        agent.uploads.add(self)
        try:
            temp = temp_name()
            self.fd = os.open(temp, TEMP_FLAGS, 0o600, dir_fd=self.place.dir)
            self.temp = temp
        except BaseException:
            self.discard()
            raise

    def put(self, data):
        view = memoryview(data)[:self.head["size"] - self.size]
        self.seal += data[len(view):]
        if len(self.seal) > SEAL.size:
            raise OpError("invalid", "more bytes than the %d announced" % self.head["size"])
        self.size += len(view)
        self.crc = zlib.crc32(view, self.crc)
        while view:
            view = view[os.write(self.fd, view):]

    def finish(self):
        """A generator: the last check and the rename."""
        try:
            if len(self.seal) != SEAL.size:
                raise OpError("invalid", "%d bytes came of the %d announced" % (self.size, self.head["size"]))
            digest, crc = SEAL.unpack(self.seal)
            if crc != self.crc:
                raise OpError("corrupt", "other bytes came for '%s' than were sent" % show(self.place.path))
            return (yield from self.settle(digest.hex()))
        finally:
            self.discard()

    def settle(self, digest):
        """A generator: puts what was written in its place. Readers see the old file or the new one."""
        head, place = self.head, self.place
        try:
            # A network file system keeps some errors (no space, quota) for when a descriptor is closed.
            os.close(os.dup(self.fd))
            at = (place.dir, place.name, place.path)
            yield from confirm(self.agent, at, place.stat(), head["expect"], (False, digest))
            if not place.is_there(head):
                raise OpError("not_found", "the folder of '%s' is not there any more" % show(place.path))
            # Only now: with an old mtime, a look that lasts would make it a leftover for another agent.
            os.fchmod(self.fd, head["mode"] & 0o7777)
            os.utime(self.fd, ns=(head["mtime"], head["mtime"]))
            keep_replaced(self.agent, path_from(head["root"]), place.path, place.dir, place.name, head["expect"])
            os.rename(self.temp, place.name, src_dir_fd=place.dir, dst_dir_fd=place.dir)
            self.temp = None
            status = os.fstat(self.fd)
            self.agent.known.put(status, digest)
            return {"digest": digest, "size": self.size, "stamp": stamp_of(status) if self.size > STAMPED else None}
        except OSError as error:
            error.filename, error.filename2 = place.path, None
            raise

    def discard(self):
        """Closes all and removes the temporary file, if it is still there."""
        self.agent.uploads.discard(self)
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        if self.temp is not None:
            try:
                os.unlink(self.temp, dir_fd=self.place.dir)
            except OSError:
                pass
            self.temp = None
        self.place.close()
