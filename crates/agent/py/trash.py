"""Trash: what was replaced or removed below a root, kept for a while and found again.

Owns where it is, what is kept and for how long. A file is kept by one hard link, or a rename where it is removed, so
that it costs no copy. Never fails the change before which it is called, and keeps nothing unless it was asked to.

It is in the login's cache folder where that is on the root's file system: programs that walk the tree, `ls` and
`git status` see nothing of it, and no folder beside the root has to be writable. Elsewhere it is in the root, hidden,
with a `.gitignore` of its own.
"""

TRASH_IN_ROOT = b".remora-trash"
# When it was kept (nanoseconds), then the path with its slashes escaped, or "=" and a digest of it where that is too long.
TRASH_NAME = re.compile(br"([0-9a-f]{16})-(.+)\Z", re.S)
TRASH_NAME_MAX = 240
# Of a file that is saved again and again, what stood there first in so many seconds is kept, and not each text after it.
TRASH_QUIET = 60.0
# How soon after something is kept what is there already is counted, and how often what is too old goes.
TRASH_SOON, TRASH_OFTEN = 2.0, 3600.0


def trash_places(root, make=False):
    """Where the trash of a root may be, in this order."""
    try:
        folder = cache_dir(make)
        if folder and os.stat(folder).st_dev == os.stat(root).st_dev:
            yield os.path.join(folder, b"trash", blake(root).hexdigest()[:24].encode("ascii"))
    except (OSError, OpError):
        pass
    yield os.path.join(root, TRASH_IN_ROOT)


def open_trash(place, make=False):
    """The open folder; an error if it is not ours alone."""
    if make:
        os.makedirs(os.path.dirname(place), 0o700, exist_ok=True)
        try:
            os.mkdir(place, 0o700)
            if os.path.basename(place) == TRASH_IN_ROOT:
                with open(os.path.join(place, b".gitignore"), "w") as rule:
                    rule.write("*\n")
        except FileExistsError:
            pass
    fd = os.open(place, DIR_FLAGS)
    status = os.fstat(fd)
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        os.close(fd)
        raise OpError("permission", "'%s' is not a folder of this login alone" % show(place))
    return fd


def trash_escaped(path):
    escaped = path.replace(b"%", b"%25").replace(b"/", b"%2f").replace(b"=", b"%3d")
    return escaped if len(escaped) <= TRASH_NAME_MAX else b"=" + blake(path).hexdigest()[:32].encode("ascii")


def trash_path(fd, escaped):
    """The reverse of `trash_escaped`; None if it can't be known any more."""
    if not escaped.startswith(b"="):
        return escaped.replace(b"%3d", b"=").replace(b"%2f", b"/").replace(b"%25", b"%")
    try:
        with os.fdopen(os.open(b"path" + escaped, READ_FLAGS, dir_fd=fd), "rb") as told:
            return told.read()
    except OSError:
        return None


def trash_entries(fd):
    """Time, escaped path and status of everything in it, the oldest first."""
    names = sorted(os.fsencode(name) for name in os.listdir(fd))
    for match in filter(None, map(TRASH_NAME.match, names)):
        try:
            yield int(match.group(1), 16), match.group(2), os.stat(match.group(), dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            pass


class Trash:
    """The trash of one root, while somebody changes it."""

    def __init__(self, agent, stream, root, head):
        self.agent, self.stream, self.root = agent, stream, root
        self.seconds, self.bytes, self.entries = head["seconds"], head["bytes"], head["entries"]
        self.places = list(trash_places(root, make=True))
        self.fd, self.last = None, 0
        self.recent = collections.OrderedDict()  # path -> when something of it was kept last
        self.kept, self.size = None, 0  # Names and sizes, the oldest first; None until they were counted.
        self.new = collections.deque()  # The same of what was kept since.
        self.oldest, self.most = b"", self.entries
        self.due = self.tidying = self.half = False

    def keep(self, path, dir_fd, name, status, moving):
        """Keeps what stands at `name`; true if it was moved away. `status` may be None: not known."""
        try:
            if status is None:
                status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                return False
            if status.st_size > self.bytes:
                raise OpError("no_space", "'%s' alone is larger than the trash may be" % show(path))
            return self.put(path, dir_fd, name, status.st_size, moving)
        except FileNotFoundError:
            return False
        except (OSError, OpError) as error:
            self.tell(error)
            return False

    def put(self, path, dir_fd, name, size, moving):
        kept = self.name(path)
        while True:
            if self.fd is None:
                self.fd = open_trash(self.places[0], make=True)
            try:
                if moving:
                    os.rename(name, kept, src_dir_fd=dir_fd, dst_dir_fd=self.fd)
                else:
                    os.link(name, kept, src_dir_fd=dir_fd, dst_dir_fd=self.fd, follow_symlinks=False)
                break
            except OSError as error:
                # The same device number, and another file system all the same (a bind mount, an overlay).
                elsewhere = error.errno == errno.EXDEV and len(self.places) > 1
                emptied = error.errno == errno.ENOENT and os.fstat(self.fd).st_nlink == 0
                if not (elsewhere or emptied):
                    raise
                self.close()
                self.places = self.places[elsewhere:]
        if kept[17:18] == b"=":
            self.tell_path(kept[17:], path)
        self.recent[path] = time.monotonic()
        self.recent.move_to_end(path)
        if len(self.recent) > 5000:
            self.recent.popitem(last=False)
        self.count(kept, size)
        return moving

    def name(self, path):
        self.last = max(int(time.time() * 1e9), self.last + 1)
        return b"%016x-%s" % (self.last, trash_escaped(path))

    def tell_path(self, escaped, path):
        try:
            fd = os.open(b"path" + escaped, TEMP_FLAGS, 0o600, dir_fd=self.fd)
            os.write(fd, path)
            os.close(fd)
        except FileExistsError:
            pass

    def is_quiet(self, path):
        """Whether something of this path was kept a moment ago."""
        last = self.recent.get(path)
        return last is not None and time.monotonic() - last < TRASH_QUIET

    def count(self, kept, size):
        self.new.append((kept, size))
        if self.kept is not None or len(self.new) > self.entries:
            self.tidy()
        elif not self.due:
            self.due = True
            self.agent.later(TRASH_SOON, self.recount)

    def recount(self):
        """A timer calls it: what is there may have become too old, and others may have put in and taken out."""
        self.kept = None
        self.tidy()
        self.due = True
        self.agent.later(TRASH_OFTEN, self.recount)

    def tidy(self):
        """Has what is too old or too much removed, a little at a time among the agent's other jobs."""
        if not self.tidying:
            self.tidying = True
            self.agent.jobs.append((None, self.portions(), None))

    def portions(self):
        """A generator, as any job; it answers nobody."""
        try:
            while self.fd is not None:
                if self.kept is None:
                    yield from self.take_stock()
                while self.new:
                    self.kept.append(self.new.popleft())
                    self.size += self.kept[-1][1]
                if not self.is_too_much():
                    break
                name, size = self.kept.popleft()
                self.size -= size
                try:
                    os.unlink(name, dir_fd=self.fd)
                except OSError:
                    pass
                yield
        except OSError:
            pass  # The next time counts anew.
        finally:
            self.tidying, self.half, self.most = False, False, self.entries
        return LATER

    def take_stock(self):
        self.new.clear()
        kept, known = collections.deque(), set()
        for when, escaped, status in trash_entries(self.fd):
            kept.append((b"%016x-%s" % (when, escaped), status.st_size))
            known.add(b"path" + escaped)
            yield
        for name in map(os.fsencode, os.listdir(self.fd)):
            # One that has come meanwhile is told of by what has come with it.
            if name.startswith(b"path=") and name not in known and not self.new:
                os.unlink(name, dir_fd=self.fd)
        self.kept, self.size = kept, sum(size for _, size in kept)
        self.oldest = b"%016x" % max(0, int((time.time() - self.seconds) * 1e9))
        self.most = len(kept) // 2 if self.half else self.entries

    def is_too_much(self):
        if not self.kept:
            return False
        return self.kept[0][0] < self.oldest or len(self.kept) > self.most or self.size > self.bytes

    def make_room(self):
        """The older half goes: what is saved now matters more."""
        if not self.half:
            self.half, self.kept = True, None
            self.tidy()

    def tell(self, error):
        """Says once that something was not kept, to whoever asked for it."""
        if self.stream is not None:
            self.agent.reply(self.stream, {"reason": error_head(error)["error"]["message"]})
            self.stream = None

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def keep_replaced(agent, root, path, dir_fd, name, expect):
    """Called right before what stands at `name` is replaced. What is not known to be ours is kept in any case."""
    trash = agent.trashes.get(root)
    if trash and expect != "absent" and (expect == "any" or not trash.is_quiet(path)):
        trash.keep(path, dir_fd, name, None, moving=False)


def keep_removed(agent, root, path, dir_fd, name):
    """Called in the place of a removal; whether it is done by that."""
    trash = agent.trashes.get(root)
    return trash is not None and trash.keep(path, dir_fd, name, None, moving=True)


def make_room(agent, error):
    """After an error: if there was no space, the trash gives some for the next attempt."""
    if isinstance(error, OSError) and KINDS.get(error.errno) == "no_space":
        for trash in agent.trashes.values():
            trash.make_room()


def op_trash(agent, stream, head, body):
    """Keeps what is replaced or removed below a root from now on. Answered when something could not be kept."""
    root = path_from(head["root"])
    before = agent.trashes.pop(root, None)
    if before:
        before.close()
    if not (head["seconds"] and head["bytes"] and head["entries"]):
        return {"reason": None}
    agent.trashes[root] = Trash(agent, stream, root, head)
    return LATER


def op_trash_list(agent, stream, head, body):
    lines = []
    for place in trash_places(path_from(head["root"])):
        try:
            fd = open_trash(place)
        except (OSError, OpError):
            continue
        try:
            for when, escaped, status in trash_entries(fd):
                path = trash_path(fd, escaped)
                if path:
                    kind = b"l" if stat.S_ISLNK(status.st_mode) else b"f"
                    lines.append(b"%d %s %d %s" % (when, kind, status.st_size, path))
        finally:
            os.close(fd)
    return {}, b"\0".join(lines)


def op_trash_read(agent, stream, head, body):
    path = path_from(head["path"])
    name = b"%016x-%s" % (head["time"], trash_escaped(path))
    for place in trash_places(path_from(head["root"])):
        try:
            folder = open_trash(place)
        except (OSError, OpError):
            continue
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                text = os.readlink(name, dir_fd=folder)
                return {"size": len(text), "mode": 0o777, "mtime": mtime_of(status)}, text
            fd = os.open(name, READ_FLAGS, dir_fd=folder)
        except FileNotFoundError:
            continue
        finally:
            os.close(folder)
        return read_answer(fd, path)
    raise OpError("not_found", "nothing of '%s' was kept then" % show(path))
