"""Moves: what was renamed here is renamed there, and what Python compiled of a module goes with it.

Owns the proof that what is moved is what the client knows and nothing else, and which compiled files belong to a module.
Never moves over anything, and never removes a file that Python did not make of a module that is gone.
"""

PYCACHE = b"__pycache__"
# NAME.cpython-312.opt-1.pyc, as the interpreters (PEP 3147 and 488) and pytest call it.
COMPILED = re.compile(br"(.+?)\.[a-z]+[0-9]*(?:-[\w.+-]+)?(?:\.opt-[0-9A-Za-z]+)?\.pyc\Z", re.S)
# One that an interpreter was ended over: it writes to such a name and renames.
HALF_COMPILED = re.compile(br".+\.pyc(?:\.[0-9]+)?\Z", re.S)
# A folder that is deeper goes file by file: each level holds a descriptor.
DEEPEST = 64


def module_of(name):
    """The module that a file in `__pycache__` was made of, or None."""
    match = COMPILED.match(name)
    return match and match.group(1)


def names_in(fd):
    return sorted(map(os.fsencode, os.listdir(fd)))


def drop_compiled(dir_fd, modules):
    """Removes what Python made of those of these modules that are not in the open directory. Never an error."""
    try:
        cache = open_dir(PYCACHE, dir_fd)
    except (OSError, OpError):
        return
    try:
        modules = modules.difference(name[:-3] for name in names_in(dir_fd) if name.endswith(b".py"))
        stale = [name for name in names_in(cache) if module_of(name) in modules]
        for name in stale:
            os.unlink(name, dir_fd=cache)
        if stale:
            os.rmdir(PYCACHE, dir_fd=dir_fd)
    except OSError:
        pass  # Something else is in it, or nobody may remove it.
    finally:
        os.close(cache)


def remove_dir(name, dir_fd):
    """Removes an empty directory. What Python compiled, and what dead agents left, does not count."""
    try:
        os.rmdir(name, dir_fd=dir_fd)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        fd = open_dir(name, dir_fd)
        try:
            remove_leftovers(fd)
            if names_in(fd) == [PYCACHE] and empty_cache(fd):
                os.rmdir(PYCACHE, dir_fd=fd)
            if names_in(fd):
                raise error
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=dir_fd)


def empty_cache(dir_fd):
    """Empties `__pycache__` in the open directory; false if something else is in it, and then it stays as it is."""
    try:
        cache = open_dir(PYCACHE, dir_fd)
    except OpError:
        return False
    try:
        names = names_in(cache)
        stats = [os.stat(name, dir_fd=cache, follow_symlinks=False) for name in names]
        if not all(map(HALF_COMPILED.match, names)) or not all(stat.S_ISREG(status.st_mode) for status in stats):
            return False
        for name in names:
            os.unlink(name, dir_fd=cache)
        return True
    finally:
        os.close(cache)


class Inventory:
    """All that stands below a directory, save what Python compiled of the modules in it: that moves along unasked."""

    def __init__(self, agent, digests):
        self.agent, self.digests = agent, digests
        self.lines = []  # As the client counts them up; see PROTOCOL.md.
        self.seen = []  # What tells whether anything has changed since.

    def take(self, fd, above=b"", depth=0):
        """A generator: takes in what is below the open directory."""
        if depth > DEEPEST:
            raise OpError("diverged", "'%s' is too deep to be moved at once" % show(above))
        names = names_in(fd)
        modules = {name[:-3] for name in names if name.endswith(b".py")}
        for name in names:
            yield
            path = above + name
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                yield from self.take_file(fd, name, path, status)
                continue
            inner = open_dir(name, fd)
            try:
                if name != PYCACHE or not all(module_of(compiled) in modules for compiled in names_in(inner)):
                    self.lines.append((path, b"d"))
                    self.seen.append(path)
                    yield from self.take(inner, path + b"/", depth + 1)
            finally:
                os.close(inner)

    def take_file(self, fd, name, path, status):
        self.seen.append((path, signature(status)))
        if self.digests:
            digest = yield from digest_of(self.agent, fd, name, status)
            if digest is None:
                raise OpError("diverged", "'%s' is neither a file nor a link" % show(path))
            kind = b"l" if stat.S_ISLNK(status.st_mode) else b"f"
            self.lines.append((path, kind + bytes.fromhex(digest)))

    def digest(self):
        lines = [line + path + b"\0" for path, line in sorted(self.lines)]
        return blake(b"".join(lines)).hexdigest()


def inventory(agent, name, dir_fd, digests):
    """A generator: what stands below the directory `name` in an open one."""
    fd = open_dir(name, dir_fd)
    try:
        taken = Inventory(agent, digests)
        yield from taken.take(fd)
        return taken
    finally:
        os.close(fd)


def source_of(pack, change):
    """The open directory of what is moved, its name there, and what stands there."""
    parent, _, name = change.source.rpartition(b"/")
    fd = pack.dirs.get(parent)
    return fd, name, os.stat(name, dir_fd=fd, follow_symlinks=False)


def prepare_move(pack, change):
    """A generator, the first half of a move: reads what is to be moved."""
    fd, name, status = source_of(pack, change)
    if change.kind == MOVE_DIR:
        taken = yield from inventory(pack.agent, name, fd, digests=True)
        digest, change.seen = taken.digest(), taken.seen
    else:
        digest = yield from digest_of(pack.agent, fd, name, status)
        change.seen = signature(status)
    if change.expect != {"content": digest}:
        raise OpError("diverged", "'%s' has other content" % show(change.source))


def move(pack, change):
    """A generator, the second half: moves it, if it still is what it was and nothing is in its way."""
    to_fd = pack.dirs.get(change.parent, make_parents=True)
    if change.stat(to_fd) is not None:
        raise OpError("diverged", "'%s' is there" % show(change.path))
    fd, name, status = source_of(pack, change)
    if change.kind == MOVE_DIR:
        seen = (yield from inventory(pack.agent, name, fd, digests=False)).seen
    else:
        seen = signature(status)
    if seen != change.seen:
        raise OpError("diverged", "'%s' has other content" % show(change.source))
    if stat.S_ISREG(status.st_mode):
        set_moved_meta(change, fd, name, status)
    os.rename(name, change.name, src_dir_fd=fd, dst_dir_fd=to_fd)
    if change.kind == MOVE_DIR:
        pack.dirs.forget(change.source)
    elif stat.S_ISREG(status.st_mode):
        pack.agent.known.put(change.stat(to_fd), change.expect["content"])
        pack.note_gone(change.source)
    return True


def set_moved_meta(change, dir_fd, name, status):
    """Before the move: nobody sees the file under its new name with its old mode."""
    mode = change.mode & 0o7777
    if mode != stat.S_IMODE(status.st_mode):
        fd = os.open(name, READ_FLAGS, dir_fd=dir_fd)
        try:
            os.fchmod(fd, mode)
        finally:
            os.close(fd)
    if change.mtime != status.st_mtime_ns:
        os.utime(name, ns=(change.mtime, change.mtime), dir_fd=dir_fd, follow_symlinks=False)


