"""Listing: what is there, without changing it.

Owns the survey, the digests, reading a file and looking at a root. Never writes, save that it removes
temporary files which dead agents left in a directory it looks at, and makes a root when asked to.
"""


class Walker:
    """Finds the directories of many paths, keeping those open that the next path shares."""

    def __init__(self, head):
        self.fds = [open_root(head)]
        self.names = []  # Where each of the other open directories is, with a slash behind.
        self.on_enter = None

    def enter(self, parent):
        """The open directory at `parent`, a path below the root or empty."""
        names, fds = self.names, self.fds
        below = parent + b"/"
        while names and not below.startswith(names[-1]):
            names.pop()
            os.close(fds.pop())
        known = len(names[-1]) if names else 0
        for part in parts_of(parent[known:]) if known < len(parent) else ():
            fds.append(open_dir(part, fds[-1]))
            names.append((names[-1] if names else b"") + part + b"/")
            if self.on_enter is not None:
                self.on_enter(fds[-1])
        return fds[-1]

    def close(self):
        while self.fds:
            os.close(self.fds.pop())


# Paths of a survey are told of together, this many, and believed by a digest of this many bytes.
BLOCK, BLOCK_DIGEST = 64, 8


def inflated(packed):
    """The bytes that zlib packed, if they are not too many."""
    inflate = zlib.decompressobj()
    body = inflate.decompress(packed, MAX_BODY)
    if inflate.unconsumed_tail:
        raise OpError("invalid", "the body of a request is too long")
    return body


def listed(body):
    """Paths in a body stand one after another, a NUL between them."""
    return body.split(b"\0") if body else []


def remove_leftovers(fd):
    """Removes temporary files and directories of agents that are no more: at once where that is sure, else when they are old."""
    for name in os.listdir(fd):
        match = TEMP_NAME.match(os.fsencode(name)) if name.startswith(".remora-") else None
        if match is None:
            continue
        try:
            dead = is_dead(int(match.group(1)), match.group(2))
            if dead is None:
                old = time.time() - os.stat(name, dir_fd=fd, follow_symlinks=False).st_mtime > TEMP_AGE
                dead = old and not is_alive(int(match.group(1)))
            if dead:
                remove_tree(name, fd)
        except (OSError, OpError):
            pass


def is_dead(pid, life):
    """Whether that life of a process is over; None when that can't be known from here."""
    if not OWN_LIFE or not life or life[:8] != OWN_LIFE[:8]:
        return None
    start = started_at(pid)
    if start is None:
        # Another login's processes may be hidden, but not their ids.
        return not is_alive(pid)
    return start != life[8:]


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def entry_line(fd, name):
    """What stands at `name` in the open directory, as the protocol has it."""
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return b"-"
    except PermissionError:
        return b"x"
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return b"f %d %d %d" % (status.st_size, mtime_of(status), mode & 0o777)
    if stat.S_ISDIR(mode):
        return b"d 0 0 %d" % (mode & 0o777)
    if stat.S_ISLNK(mode):
        try:
            return b"l " + blake(os.readlink(name, dir_fd=fd)).hexdigest().encode("ascii")
        except FileNotFoundError:
            return b"-"
    return b"o"


def mtime_of(status):
    """The mtime as the protocol has it: 64 bits of nanoseconds end in the year 2262, some file systems do not."""
    return max(-2**63, min(status.st_mtime_ns, 2**63 - 1))


class Survey:
    """What stands under many paths; those of one directory stand together in the list, mostly."""

    def __init__(self, head):
        self.walker = Walker(head)
        if head["tidy"]:
            self.walker.on_enter = remove_leftovers
            remove_leftovers(self.walker.fds[0])
        self.parent, self.fd, self.instead = b"", self.walker.fds[0], None

    def line(self, path):
        parent, _, name = path.rpartition(b"/")
        if parent != self.parent:
            self.enter(parent)
        if name in (b"", b".", b".."):
            raise OpError("outside_root", "not a path below the root: '%s'" % show(path))
        if self.instead is not None:
            return self.instead
        try:
            return entry_line(self.fd, name)
        except OSError as error:
            error.filename = path
            raise

    def enter(self, parent):
        self.parent, self.instead = parent, None
        try:
            self.fd = self.walker.enter(parent)
        except FileNotFoundError:
            self.instead = b"-"
        except PermissionError:
            self.instead = b"x"
        except OpError:
            self.instead = b"!"


def op_survey(agent, stream, head, body):
    """A generator: tells of the paths in blocks, and only of those blocks that are not as the client believes."""
    believed, packed = body[:head["blocks"]], body[head["blocks"]:]
    if head["names"] is not None:
        packed = agent.names.get(head["names"])
        if packed is None:
            return {"unknown": True}
    survey = Survey(head)
    try:
        paths = listed(inflated(packed))
        told = []
        for number, at in enumerate(range(0, len(paths), BLOCK)):
            lines = b"\n".join([survey.line(path) for path in paths[at:at + BLOCK]])
            digest = hashlib.blake2b(lines, digest_size=BLOCK_DIGEST).digest()
            if believed[number * BLOCK_DIGEST:(number + 1) * BLOCK_DIGEST] != digest:
                told.append(b"@%d\n%s" % (number, lines))
            yield
    finally:
        survey.walker.close()
    agent.names.put(blake(packed).hexdigest(), packed)
    return {}, zlib.compress(b"\n".join(told), 1)


def op_digests(agent, stream, head, body):
    walker, lines = Walker(head), []
    try:
        for path in listed(body):
            parts_of(path)
            (parent, _, name), digest = path.rpartition(b"/"), None
            try:
                fd = walker.enter(parent)
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                digest = yield from digest_of(agent, fd, name, status)
            except (OSError, OpError):
                pass
            lines.append((digest or "-").encode("ascii"))
            yield
    finally:
        walker.close()
    return {}, b"\n".join(lines)


def pieces_of(fd):
    """The bytes of an open file; closes it."""
    try:
        while True:
            piece = os.read(fd, CHUNK)
            if not piece:
                return
            yield piece
    finally:
        os.close(fd)


def op_read(agent, stream, head, body):
    with Place(head) as place:
        status = place.stat()
        if status is None:
            raise OpError("not_found", "no such file: '%s'" % show(place.path))
        if stat.S_ISLNK(status.st_mode):
            raise OpError("outside_root", "'%s' is a symbolic link" % show(place.path))
        if not stat.S_ISREG(status.st_mode):
            raise OpError("in_the_way", "'%s' is not a regular file" % show(place.path))
        fd = place.open(READ_FLAGS)
    return read_answer(fd, place.path)


def read_answer(fd, path):
    """The answer with the bytes of an open file; closes it."""
    status = os.fstat(fd)
    if status.st_size > MAX_BODY:
        os.close(fd)
        raise OpError("invalid", "'%s' is too large to be read at once" % show(path))
    answer = {"size": status.st_size, "mode": stat.S_IMODE(status.st_mode), "mtime": mtime_of(status)}
    pieces = pieces_of(fd)
    return answer, pieces if status.st_size > CHUNK else b"".join(pieces)


def op_root(agent, stream, head, body):
    text = head["path"]
    home = home_dir()
    path = text.encode("utf-8")
    if text == "~" or text.startswith("~/"):
        path = home + path[1:]
    if not path.startswith(b"/") or b"\0" in path:
        raise OpError("invalid", "not an absolute path: '%s'" % text)
    path, created = os.path.realpath(path), False
    if not os.path.lexists(path) and head["create"]:
        if (path + b"/").startswith(os.path.realpath(home) + b"/"):
            os.makedirs(path, exist_ok=True)
        else:
            os.mkdir(path)
        created = True
    if not stat.S_ISDIR(os.stat(path).st_mode):
        raise OpError("in_the_way", "'%s' is not a directory" % show(path))
    room = os.statvfs(path)
    return {
        "path": path_to(path),
        "created": created,
        "writable": os.access(path, os.W_OK | os.X_OK) and not room.f_flag & os.ST_RDONLY,
        "free_bytes": room.f_bavail * room.f_frsize,
    }


def home_dir():
    """HOME as the login has it, else what the password database says. A container's user may be in neither."""
    home = os.environb.get(b"HOME", b"")
    try:
        return home if home.startswith(b"/") else os.fsencode(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return b"/"


