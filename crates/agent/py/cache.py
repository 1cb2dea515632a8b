"""The cache: trees that are worth keeping between connections (the debuggers), named by their content.

Owns the folder below ~/.cache and how a tree gets into it, whole or not at all. Never removes a tree; only where the login
has no home to write to, trees go with the agent.
"""

# What keeps a folder from being made in a home that is not there or somebody else's.
NO_HOME = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)

CACHE_NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,120}\Z")


def cache_name(head):
    if not CACHE_NAME.match(head["name"]):
        raise OpError("invalid", "not a name for the cache: '%s'" % head["name"])
    return head["name"].encode("ascii")


def cache_dir(make):
    """The cache's folder: ours alone, and no symbolic link (else another account could plant code in it)."""
    base = os.environb.get(b"XDG_CACHE_HOME", b"")
    if not base.startswith(b"/"):
        base = os.path.join(home_dir(), b".cache")
    path = os.path.join(base, b"remora")
    if make:
        os.makedirs(base, 0o700, exist_ok=True)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise OpError("permission", "'%s' is not a directory of this login" % show(path))
    if status.st_mode & 0o077:
        os.chmod(path, 0o700)
    return path


def tree_dir(agent, make):
    """The cache's folder, or a private one for the life of this agent. None if there is neither yet."""
    if agent.trees is None:
        try:
            return cache_dir(make)
        except OSError as error:
            if error.errno not in NO_HOME:
                raise
            if not make:
                return None
        agent.trees = make_private_dir(agent.base)
        agent.folders.add(agent.trees)
        hold_private_dir(agent.trees)  # As long as this process lives.
    return agent.trees


def op_cached(agent, stream, head, body):
    name, folder = cache_name(head), tree_dir(agent, make=False)
    path = folder and os.path.join(folder, name)
    return {"path": path_to(path) if path and os.path.isdir(path) and not os.path.islink(path) else None}


def op_cache(agent, stream, head, body):
    if hashlib.sha256(body).hexdigest() != head["sha256"].lower():
        raise OpError("corrupt", "the archive's SHA-256 is not the announced one")
    name = cache_name(head)
    folder = tree_dir(agent, make=True)
    path = os.path.join(folder, name)
    temp = os.path.join(folder, b"." + temp_name())
    remove_dead_trees(folder)
    os.mkdir(temp, 0o700)
    agent.folders.add(temp)
    try:
        for _ in unpack(body, temp):
            yield
        try:
            os.rename(temp, path)
        except OSError as error:
            # Another connection was faster: the content is the same.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    finally:
        shutil.rmtree(temp, ignore_errors=True)
        agent.folders.discard(temp)
    return {"path": path_to(path)}


def remove_dead_trees(folder):
    for name in os.listdir(folder):
        match = TEMP_NAME.match(name[1:])
        if match and not is_alive(int(match.group(1))):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def unpack(archive, folder):
    """A generator: files and directories only, none of them outside of `folder`."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                name = os.fsencode(member.name).rstrip(b"/")
                if name.startswith(b"./"):
                    name = name[2:]
                if name in (b"", b"."):
                    continue
                path = os.path.join(folder, *parts_of(name))
                if member.isdir():
                    os.makedirs(path, 0o755, exist_ok=True)
                elif member.isreg():
                    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
                    with open(path, "xb") as file:
                        shutil.copyfileobj(tar.extractfile(member), file, READ_SIZE)
                    os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
                else:
                    raise OpError("invalid", "the archive holds more than files and directories: '%s'" % show(name))
                yield
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise OpError("corrupt", "not a whole .tar.gz: %s" % error)


