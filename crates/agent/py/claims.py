"""Claims: who mirrors to a root, so that a second one hears of it.

Owns a small file per root in the login's cache folder, locked for as long as this agent lives: the system frees the lock
also after a SIGKILL. Advisory; never keeps anybody from changing anything, and never looks into the root.
"""

# An agent that was told to end does so in its next turn, which may be long in coming on a machine that has no time.
TOLD_TO_END = 30.0


class Awaited:
    """A claim that an earlier agent of the same person still holds, while it works off what has reached it."""

    def __init__(self, agent, head, fd):
        self.agent, self.head, self.fd = agent, head, fd
        self.asking = {}  # stream -> who has the claim
        self.reader, self.writer = os.pipe()
        agent.poller.watch(self.reader, read=self.on_free)
        # The system has no other way to tell that a lock is free.
        threading.Thread(target=self.wait, daemon=True).start()

    def ask(self, stream, holder, seconds):
        self.asking[stream] = holder
        self.agent.later(seconds, lambda: self.answer(stream, {"held_by": holder}))

    def wait(self):
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX)
            os.write(self.writer, b"!")
        except OSError:
            pass  # Whoever asked is answered when its time is over.

    def on_free(self):
        self.agent.poller.forget(self.reader)
        os.close(self.reader)
        os.close(self.writer)
        taken = take_claim(self.agent, self.head, self.fd)
        for stream in list(self.asking):
            self.answer(stream, taken)

    def answer(self, stream, result):
        if self.asking.pop(stream, None):
            self.agent.reply(stream, result)


def take_claim(agent, head, fd):
    """The lock is ours: says whose it is now, and which agent has it."""
    os.ftruncate(fd, 0)
    claim = {"who": head["who"], "pid": os.getpid(), "life": OWN_LIFE.rstrip(b"-").decode("ascii")}
    os.pwrite(fd, json.dumps(claim).encode("ascii"), 0)
    agent.claims[path_from(head["root"])] = fd
    return {"held_by": None}


def is_same_person(one, other):
    return all(one.get(key) == other.get(key) for key in ("host", "user", "root"))


def tell_to_end(claim):
    """Ends the agent that has a claim, if it is sure which one that is; whether it is."""
    pid, life = int(claim["pid"]), claim["life"].encode("ascii")
    if is_dead(pid, life) is not False:
        return False
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # It has just ended, and its lock with it.
    return True


def op_claim(agent, stream, head, body):
    """Takes the claim if nobody has it; else tells who has, after a while if an earlier agent of the same person has. One of
    the same mirror serves a connection that is no more, and is told to end.
    """
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
            claim = json.loads(os.pread(fd, 4096, 0).decode("utf-8"))
            holder = claim["who"]
        except (KeyError, ValueError):
            claim = holder = None  # It is being written: whoever it is has just come, and hears of us next time.
        if holder and head["wait_ms"] and is_same_person(holder, head["who"]):
            wait = head["wait_ms"] / 1000
            if holder["mirror"] == head["who"]["mirror"] and tell_to_end(claim):
                wait = TOLD_TO_END
            if root in agent.awaited:
                os.close(fd)
            else:
                agent.awaited[root] = Awaited(agent, head, fd)
            agent.awaited[root].ask(stream, holder, wait)
            return LATER
        os.close(fd)
        return {"held_by": holder}
    except OSError:
        os.close(fd)
        raise
    return take_claim(agent, head, fd)
