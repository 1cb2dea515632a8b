"""Held: the folders of detached runs on this machine, and the requests that are about them.

Owns where a holder has its folder, and what becomes of what a killed one left. Never talks to a holder: whoever asks
about a run dials it. What a holder itself does stands in `holder`.
"""

# The first argument of a holder's process.
HOLDER = "remora-holder"
# A holder's folder. Not below the login's runtime folder, which goes with its last session, and the run must not.
HELD_BASE = b"/tmp"
HELD_NAME = re.compile(br"remora-(\d+)-held-([0-9a-f]{8})\Z")
# What is in it: the socket, what is known of the run, and what is to be said of one whose holder was killed.
SOCKET_NAME, RUN_NAME, LOST_NAME = b"hold", b"run", b"lost"
# How long is kept what nobody has asked for: how a run ended, and its output.
KEPT_FOR = 7 * 24 * 3600.0
# The holder's own Python: the source comes on its standard input, so that it is in no file and in no list of arguments.
HOLDER_BOOT = ("import sys;sys.path=[p for p in sys.path if p];import zlib;"
               "source=zlib.decompress(sys.stdin.buffer.read());exec(compile(source,'agent.py','exec'))")


def held_session(name):
    """The session of the holder with that name: what its processes are marked with, so that they are found without it."""
    return "held-" + name


def op_hold(agent, stream, head, body):
    """Starts a holder, which listens already: who dials it now is served when it is there."""
    name = base64.b16encode(os.urandom(4)).decode("ascii").lower()
    folder = os.path.join(HELD_BASE, b"remora-%d-held-%s" % (os.getuid(), name.encode("ascii")))
    os.mkdir(folder, 0o700)
    # As in RunDir: tells everybody that the holder lives.
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        listener.bind(os.path.join(folder, SOCKET_NAME))
        listener.listen(16)
        start_holder(agent, name, listener.fileno(), lock)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.umask(before)
        listener.close()
        os.close(lock)
    return {"name": name, "socket": path_to(os.path.join(folder, SOCKET_NAME))}


def start_holder(agent, name, listener, lock):
    env = dict(os.environ)
    for ours in ("REMORA_PROCESS", "REMORA_RUN"):
        env.pop(ours, None)
    argv = [sys.executable, "-c", HOLDER_BOOT, HOLDER, name, str(listener), str(lock)]
    child = subprocess.Popen(argv, cwd="/", env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, pass_fds=(listener, lock), start_new_session=True)
    # Ours to collect while we are there, and never ours to end.
    agent.holders.add(child.pid)
    agent.unwatched.append(child)
    try:
        # Less than a pipe holds.
        child.stdin.write(zlib.compress(source, 9))
        child.stdin.close()
    except BrokenPipeError:
        pass  # It has ended, as who dials it will hear.


def held_folders():
    """The name and the folder of each holder of this login, dead or alive."""
    for entry in sorted(os.listdir(HELD_BASE)):
        match = HELD_NAME.match(entry)
        path = os.path.join(HELD_BASE, entry)
        if match and int(match.group(1)) == os.getuid():
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            # Anybody may make a folder of that name here.
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid():
                yield match.group(2).decode("ascii"), path


def lock_if_dead(path):
    """The folder's lock if its holder is dead, else None."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd
    except OSError:
        os.close(fd)
        return None


def read_json(path):
    """What stands in a file of a holder's folder, or None."""
    try:
        with open(path, "rb") as file:
            return json.loads(file.read(MAX_PAYLOAD).decode("utf-8"))
    except (OSError, ValueError):
        return None


class Sweep:
    """Ends what the run of a killed holder left, and keeps what there is to say of it."""

    def __init__(self, agent, name, path, lock):
        self.agent, self.name, self.path, self.lock = agent, name, path, lock
        self.marker = held_session(name).encode("ascii") + b"."
        self.hunt = Hunt()
        self.ended = set()
        self.tick()

    def tick(self):
        living = relatives(self.marker, None, False)
        self.ended |= living
        if self.hunt.goes_on(living):
            self.agent.later(GONE_POLL, self.tick)
            return
        try:
            self.settle()
        finally:
            os.close(self.lock)

    def settle(self):
        lost = os.path.join(self.path, LOST_NAME)
        run = read_json(os.path.join(self.path, RUN_NAME))
        known = read_json(lost)
        age = time.time() - (known or {}).get("since", time.time())
        if run is None and time.time() - os.fstat(self.lock).st_mtime < ORPHAN_AGE:
            pass  # It may be just being made.
        elif run is None or age > KEPT_FOR:
            shutil.rmtree(self.path, ignore_errors=True)
        elif known is None or self.ended:
            for name in os.listdir(self.path):
                if name != RUN_NAME:
                    remove_all(os.path.join(self.path, name))
            with open(lost, "w") as file:
                json.dump({"since": int(time.time()), "ended": len(self.ended)}, file)


def remove_all(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)


def sweep_held(agent):
    """Looks for holders that were killed. Each agent does so when it starts."""
    for name, path in list(held_folders()):
        lock = lock_if_dead(path)
        if lock is not None:
            Sweep(agent, name, path, lock)


def op_held(agent, stream, head, body):
    """The runs of this login, whose holders are to be dialled, or which have none any more."""
    found = []
    for name, path in held_folders():
        run, lost = (read_json(os.path.join(path, file)) for file in (RUN_NAME, LOST_NAME))
        if run is not None:
            found.append({"name": name, "socket": path_to(os.path.join(path, SOCKET_NAME)), "run": run, "lost": lost})
    return {"held": found}


def op_forget(agent, stream, head, body):
    """Removes what was kept of a run whose holder was killed."""
    for name, path in held_folders():
        lock = lock_if_dead(path) if name == head["name"] else None
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)
    return {}


def op_talks(agent, stream, head, body):
    return agent.talks()


def op_adopt(agent, stream, head, body):
    return agent.adopt(stream, head)


