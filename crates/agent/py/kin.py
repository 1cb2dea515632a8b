"""Kin: which processes belong to one that was started here.

Owns the look at the process table and the collecting of ended children. Never decides to end a process.
"""


def relatives(marker, leader, leader_is_gone, apart=None):
    """The ids of all living processes that belong to the one that was started as `leader`.

    Those are the members of its session, those that inherited the marker in their environment, and the descendants
    of both. With `leader` None: all that any agent-started process with this marker's beginning left behind; and,
    unless `apart` is None, our own descendants but for those `apart`.
    """
    if not os.path.isdir("/proc/self"):
        return relatives_by_ps(marker, leader)
    needle, me = b"\0REMORA_PROCESS=" + marker, os.getpid()
    parents, found, session = {}, set(), set()
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        try:
            with open("/proc/%d/stat" % pid, "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            if fields[0] in (b"Z", b"X") or pid in (apart or ()):
                continue
            parents[pid] = int(fields[1])
            if leader in (int(fields[2]), int(fields[3])):
                session.add(pid)
            with open("/proc/%d/environ" % pid, "rb") as file:
                environ = b"\0" + file.read()
            at = environ.find(needle)
            if at >= 0 and (leader is None or environ[at + len(needle):][:1] in (b"", b"\0")):
                found.add(pid)
        except (OSError, IndexError, ValueError):
            pass
    if not (leader_is_gone and leader in parents):
        # Else the number, and with it the session's, has been given to a stranger.
        found |= session
    if apart is not None:
        found.add(me)
    grown = True
    while grown:
        more = set(pid for pid, parent in parents.items() if parent in found) - found
        found |= more
        grown = bool(more)
    found.discard(me)
    return found


def relatives_by_ps(marker, leader):
    """The same where there is no /proc; the environment is not always shown there."""
    found, needle = set(), "REMORA_PROCESS=" + marker.decode("ascii")
    table = subprocess.run(["ps", "-axeww", "-o", "pid=,pgid=,stat=,command="], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL).stdout
    for line in table.decode("utf-8", "replace").splitlines():
        fields = line.split(None, 3)
        if len(fields) == 4 and not fields[2].startswith("Z"):
            words = fields[3].split()
            named = any(word.startswith(needle) if leader is None else word == needle for word in words)
            if named or int(fields[1]) == leader:
                found.add(int(fields[0]))
    found.discard(os.getpid())
    return found


def kill(pid, number):
    """Sends a signal; false if the login may not: the process runs as somebody else (sudo, a set-uid program)."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
    except OSError:
        return False
    return True


def reap(found):
    """Collects every ended child, also the orphans that were handed to us."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        found(pid, status)


