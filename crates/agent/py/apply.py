"""Apply: many changes in one request, prepared first and then put in place in one go.

Owns the form of a pack of changes and its two halves: whatever takes time (writing, reading what is to be replaced)
comes first, then the renames and removals of the whole pack without anything between them. Never decides what to
change, and never follows a symbolic link.
"""

# Kind, expectation, mode, length of the path, mtime, length of the bytes; see PROTOCOL.md.
CHANGE = struct.Struct(">BBHHqI")
WRITE, SYMLINK, DIR, PARENT, META, REMOVE, MOVE, MOVE_DIR = 1, 2, 3, 4, 5, 6, 7, 8
# What the number of an expectation means; a digest follows the third.
EXPECTATIONS = ("absent", "any", "content")
DIGEST_SIZE = 32
# Directories of a pack that are kept open at a time.
DIRS_OPEN = max(16, min(256, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4))


class Dirs:
    """The directories that a pack works in, open, by their paths below the root."""

    def __init__(self, head):
        self.root = open_root(head)
        self.fds = collections.OrderedDict()

    def get(self, path, make_parents=False):
        """The open directory at `path`; it stays open until others push it out."""
        if not path:
            return self.root
        fd = self.fds.get(path)
        if fd is None:
            fd = self.open(path, make_parents)
            self.fds[path] = fd
            if len(self.fds) > DIRS_OPEN:
                os.close(self.fds.popitem(last=False)[1])
        else:
            self.fds.move_to_end(path)
        return fd

    def open(self, path, make_parents):
        above, _, name = path.rpartition(b"/")
        parent = self.fds.get(above) if above else self.root
        parts = [name] if parent is not None else parts_of(path)
        if name in (b"", b".", b".."):
            parts_of(path)
        parent = self.root if parent is None else parent
        fd = parent
        try:
            for part in parts:
                inner = open_or_make_dir(part, fd)[0] if make_parents else open_dir(part, fd)
                if fd != parent:
                    os.close(fd)
                fd = inner
        except BaseException:
            if fd != parent:
                os.close(fd)
            raise
        return fd

    def forget(self, path):
        """Something was removed at `path`: what was open there or below is not what stands there now."""
        for dir_path in [known for known in self.fds if (known + b"/").startswith(path + b"/")]:
            os.close(self.fds.pop(dir_path))

    def close(self):
        for fd in self.fds.values():
            os.close(fd)
        os.close(self.root)


class Change:
    """One change of a pack, and how far it is."""

    __slots__ = ("kind", "path", "parent", "name", "mode", "mtime", "expect", "digest", "bytes", "source", "temp", "seen",
                 "fresh", "result")

    def stat(self, dir_fd):
        try:
            return os.stat(self.name, dir_fd=dir_fd, follow_symlinks=False)
        except FileNotFoundError:
            return None


def changes_of(body):
    """The changes in a pack, in their order; their bytes are views of it."""
    view, at = memoryview(body), 0
    while at < len(view):
        change = Change()
        change.kind, expect, change.mode, path, change.mtime, size = CHANGE.unpack_from(view, at)
        at += CHANGE.size
        change.path = bytes(view[at:at + path])
        at += path
        change.parent, _, change.name = change.path.rpartition(b"/")
        if change.name in (b"", b".", b"..") or b"\0" in change.path:
            raise OpError("invalid", "not a path below the root: '%s'" % show(change.path))
        change.expect = EXPECTATIONS[expect]
        if change.expect == "content":
            change.expect = {"content": view[at:at + DIGEST_SIZE].hex()}
            at += DIGEST_SIZE
        change.digest = None
        if change.kind in (WRITE, SYMLINK):
            change.digest = view[at:at + DIGEST_SIZE]
            at += DIGEST_SIZE
        change.bytes = view[at:at + size]
        at += size
        change.source = change.temp = change.seen = change.fresh = change.result = None
        if change.kind in (MOVE, MOVE_DIR):
            change.source = b"/".join(parts_of(bytes(change.bytes)))
        yield change
    if at != len(view):
        raise OpError("invalid", "a pack of changes is cut short")


class Pack:
    """The changes of one request."""

    def __init__(self, agent, head, changes):
        self.agent, self.changes, self.root = agent, changes, path_from(head["root"])
        self.dirs = Dirs(head)
        self.fresh = {}  # path -> the directory on its way in which it is, and where: "" or "inner/".
        self.modules_gone = {}  # directory -> modules that are no longer in it
        agent.uploads.add(self)

    def run(self):
        """A generator: does it all; returns what came of each change."""
        try:
            for change in self.changes:
                # What is moved into a directory that is not shown yet waits for that.
                inside = None if change.source is not None else self.fresh.get(change.parent)
                if inside is None:
                    yield from self.attempt(change, self.prepare)
                else:
                    self.prepare_inside(change, *inside)
                yield
            for change in self.changes:
                if change.fresh is not None:
                    self.show(change.fresh)
                if change.result is None:
                    # No pause from here on, save where somebody else wrote meanwhile and has to be looked at.
                    yield from self.attempt(change, self.put_in_place)
            self.drop_compiled()
            return [change.result for change in self.changes]
        finally:
            self.discard()

    def attempt(self, change, step):
        try:
            change.result = yield from step(change)
        except Exception as error:
            self.failed(change, error)

    def failed(self, change, error):
        make_room(self.agent, error)
        if isinstance(error, OSError):
            error.filename, error.filename2 = change.path, None
        change.result = error_head(error)
        self.drop(change)

    # First half: nothing that is there already changes.

    def prepare(self, change):
        """Whatever takes time; the result if that is all there is to do."""
        if change.kind in (DIR, PARENT):
            return self.prepare_dir(change)
        if change.kind in (WRITE, SYMLINK):
            dir_fd, temp = self.dirs.get(change.parent, make_parents=True), temp_name()
            if change.kind == WRITE:
                write_new(change, temp, dir_fd)
            else:
                os.symlink(bytes(change.bytes), temp, dir_fd=dir_fd)
            change.temp, change.bytes = temp, None
        elif change.source is not None:
            return (yield from prepare_move(self, change))
        else:
            dir_fd = self.parent_of(change)
            if dir_fd is None:
                return False
        if isinstance(change.expect, dict):
            yield from self.check(change, dir_fd)
        return None

    def prepare_dir(self, change):
        """A directory that is not there is made under another name."""
        if change.path in self.fresh:
            return None  # Asked for twice.
        if change.stat(self.dirs.get(change.parent, make_parents=True)) is None:
            change.fresh = Fresh(self.dirs, change)
            self.fresh[change.path] = change.fresh, b""
            return None
        try:
            return self.make_dir(change)
        except OpError:
            return None  # What is in the way may be removed by a change before this one.

    def prepare_inside(self, change, fresh, above):
        """What is to be below a directory that is not shown yet."""
        if change.path in self.fresh:
            return
        try:
            inner = above + change.name
            if not fresh.add(change, inner):
                if change.kind == META:
                    raise OpError("not_found", "no such file: '%s'" % show(change.path))
                change.result = False
                return
            change.fresh = fresh
            if change.kind in (DIR, PARENT):
                self.fresh[change.path] = fresh, inner + b"/"
        except Exception as error:
            self.failed(change, error)

    def make_dir(self, change):
        dir_fd, mode = self.dirs.get(change.parent, make_parents=True), change.mode & 0o7777
        try:
            os.mkdir(change.name, mode, dir_fd=dir_fd)
            made = True
        except FileExistsError:
            made = False
        # Opened all the same when it is there already: that tells a link and a file from a directory.
        as_it_should_be = made and not mode & UNUSUAL
        if not as_it_should_be:
            fd = open_dir(change.name, dir_fd)
            try:
                if made or change.kind == DIR:
                    os.fchmod(fd, mode)
            finally:
                os.close(fd)
        return made

    def parent_of(self, change):
        """The directory of what is removed or touched; None if the removal has nothing to do."""
        try:
            return self.dirs.get(change.parent)
        except FileNotFoundError:
            if change.kind != REMOVE:
                raise
            return None

    # Second half.

    def show(self, fresh):
        """Shows a directory with all in it. If something came in its way, all that is done again, one by one."""
        done = [fresh.top] + [change for change, _ in fresh.done]
        try:
            fresh.show()
        except (OSError, OpError):
            fresh.discard()
        for change in done:
            change.fresh = None
            if fresh.is_shown:
                change.result, change.bytes = True, None

    def put_in_place(self, change):
        if change.kind in (DIR, PARENT):
            return self.make_dir(change)
        if change.source is not None:
            return (yield from move(self, change))
        dir_fd = self.parent_of(change)
        if dir_fd is None:
            return False
        if change.kind == REMOVE:
            return (yield from self.remove(change, dir_fd))
        if change.kind == META:
            return (yield from self.set_meta(change, dir_fd))
        if change.temp is None:
            yield from self.prepare(change)  # It was to be shown with its directory.
        yield from self.check(change, dir_fd)
        if change.kind == WRITE:
            # Only now: with an old mtime, a look that lasts would make it a leftover for another agent.
            os.utime(change.temp, ns=(change.mtime, change.mtime), dir_fd=dir_fd, follow_symlinks=False)
        keep_replaced(self.agent, self.root, change.path, dir_fd, change.name, change.expect)
        os.rename(change.temp, change.name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        change.temp = None
        return True

    def remove(self, change, dir_fd):
        status = change.stat(dir_fd)
        if status is None:
            return False
        if stat.S_ISDIR(status.st_mode):
            self.dirs.forget(change.path)
            remove_dir(change.name, dir_fd)
        else:
            yield from self.check(change, dir_fd)
            if not keep_removed(self.agent, self.root, change.path, dir_fd, change.name):
                os.unlink(change.name, dir_fd=dir_fd)
            self.note_gone(change.path)
        return True

    def note_gone(self, path):
        """What Python made of it goes, too, once all is in place."""
        parent, _, name = path.rpartition(b"/")
        if name.endswith(b".py"):
            self.modules_gone.setdefault(parent, set()).add(name[:-3])

    def drop_compiled(self):
        for parent, modules in self.modules_gone.items():
            try:
                drop_compiled(self.dirs.get(parent), modules)
            except (OSError, OpError):
                pass  # The directory is gone, too.

    def set_meta(self, change, dir_fd):
        status = change.stat(dir_fd)
        if status is None:
            raise OpError("not_found", "no such file: '%s'" % show(change.path))
        if not stat.S_ISREG(status.st_mode):
            raise OpError("in_the_way", "'%s' is not a regular file" % show(change.path))
        yield from self.check(change, dir_fd)
        digest = self.agent.known.get(status)
        fd = os.open(change.name, READ_FLAGS, dir_fd=dir_fd)
        try:
            os.fchmod(fd, change.mode & 0o7777)
            os.utime(fd, ns=(change.mtime, change.mtime))
            if digest and os.fstat(fd).st_ino == status.st_ino:
                self.agent.known.put(os.fstat(fd), digest)
        finally:
            os.close(fd)
        return True

    def check(self, change, dir_fd):
        """A generator: as `confirm`. A file that was looked at is not read again."""
        status = change.stat(dir_fd)
        if status is None and change.expect == "absent":
            return
        if status is not None and signature(status) == change.seen:
            return
        if status is not None and change.kind == REMOVE and stat.S_ISDIR(status.st_mode):
            return
        new = None if change.digest is None else (change.kind == SYMLINK, change.digest.hex())
        yield from confirm(self.agent, (dir_fd, change.name, change.path), status, change.expect, new)
        change.seen = None if status is None else signature(status)

    # The end.

    def drop(self, change):
        if change.temp is not None:
            try:
                os.unlink(change.temp, dir_fd=self.dirs.get(change.parent))
            except (OSError, OpError):
                pass
            change.temp = None

    def discard(self):
        """Removes the temporary files that were not put in place."""
        if self in self.agent.uploads:
            self.agent.uploads.discard(self)
            for change in self.changes:
                self.drop(change)
                if change.fresh is not None:
                    change.fresh.discard()
            self.dirs.close()


def op_apply(agent, stream, head, body):
    """Returns a generator, so that the pack takes its turn among the changes."""
    if zlib.crc32(body) != head["crc"]:
        raise OpError("corrupt", "other bytes came than were sent")
    changes = list(changes_of(inflated(body) if head["packed"] else body))
    head["touched"] = [path for change in changes for path in (change.path, change.source) if path is not None]
    return applied(agent, head, changes)


def applied(agent, head, changes):
    results = yield from Pack(agent, head, changes).run()
    return {}, json.dumps(results).encode("ascii")
