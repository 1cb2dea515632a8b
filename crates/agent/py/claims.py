"""Claims: who mirrors to a root, so that a second one hears of it.

Owns a small file per root in the login's cache folder, locked for as long as this agent lives: the system frees the lock
also after a SIGKILL. Advisory; never keeps anybody from changing anything, and never looks into the root.
"""


def op_claim(agent, stream, head, body):
    """Takes the claim if nobody has it; else tells who has."""
    root = path_from(head["root"])
    if root in agent.claims:
        return {"held_by": None}
    folder = os.path.join(cache_dir(make=True), b"claims")
    os.makedirs(folder, 0o700, exist_ok=True)
    # A home folder may be shared by machines on which the same path is not the same folder.
    key = blake(os.fsencode(os.uname().nodename) + b"\0" + root).hexdigest()[:24]
    path = os.path.join(folder, key.encode("ascii"))
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            return {"held_by": json.loads(os.pread(fd, 4096, 0).decode("utf-8"))}
        except ValueError:
            return {"held_by": None}  # It is being written: whoever it is has just come, and hears of us next time.
        finally:
            os.close(fd)
    except OSError:
        os.close(fd)
        raise
    os.ftruncate(fd, 0)
    os.pwrite(fd, json.dumps(head["who"]).encode("ascii"), 0)
    agent.claims[root] = fd
    return {"held_by": None}
