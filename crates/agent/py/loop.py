"""The loop: one thread that looks after the connection, the streams and the requests in turn.

Owns the conversation with the client, and the agent's end. Never waits for anything but the selector.
"""

# What an operation returns when its reply comes later.
LATER = object()

OPS = {
    "root": op_root,
    "survey": op_survey,
    "digests": op_digests,
    "read": op_read,
    "write": Upload,
    "rebuild": Rebuild,
    "apply": op_apply,
    "run": op_run,
    "spawn": op_spawn,
    "signal": op_signal,
    "resize": op_resize,
    "end": op_end,
    "run_dir": op_run_dir,
    "put": op_put,
    "dial": op_dial,
    "listen": op_listen,
    "hold": op_hold,
    "held": op_held,
    "forget": op_forget,
    "talks": op_talks,
    "adopt": op_adopt,
    "cached": op_cached,
    "claim": op_claim,
    "trash": op_trash,
    "trash_list": op_trash_list,
    "trash_read": op_trash_read,
    "cache": op_cache,
}
# Operations that change files are done strictly one after another, in the order in which they came.
CHANGES = ("write", "rebuild", "apply")


def concerns(head, other):
    """Whether two changes are about the same path, or one about a path above one of the other's."""
    if path_from(head["root"]) != path_from(other["root"]):
        return True
    ones, others = [[path + b"/" for path in touched(of)] for of in (head, other)]
    return any(one.startswith(two) or two.startswith(one) for one in ones for two in others)


def touched(head):
    """The paths that a change is about."""
    return head["touched"] if "touched" in head else [path_from(head["path"])]


def pieces_of_bytes(body):
    for at in range(0, len(body), CHUNK):
        yield body[at:at + CHUNK]


class Collected:
    """A request whose body is collected before it is done."""

    def __init__(self, agent, stream, head):
        self.agent, self.stream, self.head, self.pieces, self.size = agent, stream, head, [], 0

    def put(self, data):
        self.size += len(data)
        if self.size > MAX_BODY:
            raise OpError("invalid", "the body of a request is too long")
        self.pieces.append(data)

    def finish(self):
        return OPS[self.head["op"]](self.agent, self.stream, self.head, b"".join(self.pieces))

    def discard(self):
        self.pieces = []


class Agent:
    """The one conversation, and all that was started in it."""

    def __init__(self):
        self.session = base64.b16encode(os.urandom(16)).decode("ascii").lower()
        self.poller = Poller()
        self.outbox = Outbox(1)
        self.decoder = Decoder()
        self.known = Known()
        self.names = Names()
        self.requests = {}  # stream -> request whose body is still coming, or None: it has failed already
        self.streams = {}  # stream -> what lives there
        self.children = {}  # pid -> Process
        self.uploads = set()
        self.folders = set()
        self.trees = None  # instead of the cache, where the login has no home
        self.claims = {}  # root -> its file, open and locked
        self.awaited = {}  # root -> Awaited
        self.trashes = {}  # root -> Trash
        self.changes = collections.deque()
        self.jobs = collections.deque()
        self.timers = []
        self.timer_count = 0
        self.heard_at = time.monotonic()
        self.running = True
        self.started = False
        self.pipe = 0  # what the client says comes from here
        self.base = None  # where private folders are made, if that is decided
        self.holders = set()  # processes that go on when we end
        self.unwatched = []  # nobody waits for the end of these
        self.launched = self.highest = 0

    # Requests.

    def reply(self, stream, result):
        head, body = result if isinstance(result, tuple) else (result, b"")
        text = json.dumps(head).encode("ascii")
        payload = struct.pack(">I", len(text)) + text
        if isinstance(body, bytes) and len(body) <= CHUNK:
            self.outbox.put(REPLY, stream, payload + body, END)
            return
        self.outbox.put(REPLY, stream, payload)
        if isinstance(body, bytes):
            body = pieces_of_bytes(body)
        self.outbox.put_body(stream, body)

    def fail(self, stream, error):
        make_room(self, error)
        self.reply(stream, error_head(error))

    def begin(self, stream, payload, end):
        """A new request. Its body may still be coming."""
        self.highest = max(self.highest, stream)
        length = struct.unpack_from(">I", payload)[0]
        head = json.loads(payload[4:4 + length].decode("utf-8"))
        try:
            if head.get("op") not in OPS:
                raise OpError("invalid", "no such operation: %s" % head.get("op"))
            large = head["op"] in ("write", "rebuild")
            while large and any(concerns(head, earlier) for _, _, earlier in self.changes):
                self.work(self.changes)  # They may change the parents of what is opened now.
            self.requests[stream] = (OPS[head["op"]] if large else Collected)(self, stream, head)
        except Exception as error:
            self.requests[stream] = None
            self.fail(stream, error)
        self.add_body(stream, payload[4 + length:], end)

    def add_body(self, stream, data, end):
        request = self.requests[stream]
        if end:
            del self.requests[stream]
        if request is None:
            return
        try:
            request.put(data)
            if end:
                self.finish(stream, request)
        except Exception as error:
            request.discard()
            if not end:
                self.requests[stream] = None
            self.fail(stream, error)

    def finish(self, stream, request):
        result = request.finish()
        if not isinstance(result, types.GeneratorType):
            if result is not LATER:
                self.reply(stream, result)
        elif request.head["op"] in CHANGES:
            self.changes.append((stream, result, request.head))
            self.work(self.changes)
        else:
            self.jobs.append((stream, result, request.head))

    def work(self, jobs):
        """Works on the first of `jobs` for a moment; true if it is not done."""
        stream, job, _ = jobs[0]
        deadline = time.monotonic() + SLICE
        try:
            while True:
                next(job)
                if time.monotonic() > deadline:
                    return True
        except StopIteration as stop:
            if stop.value is not LATER:
                self.reply(stream, stop.value)
        except Exception as error:
            self.fail(stream, error)
        jobs.popleft()
        return False

    def run_dir(self, number):
        found = self.streams.get(number)
        if not isinstance(found, RunDir):
            raise OpError("invalid", "no private folder %s" % number)
        return found

    # Frames.

    def on_pipe_readable(self):
        try:
            data = os.read(self.pipe, MAX_PAYLOAD)
        except BlockingIOError:
            return
        if not data:
            self.hung_up()
            return
        self.feed(data)

    def hung_up(self):
        """The client has gone."""
        self.running = False

    def feed(self, data):
        self.heard_at = time.monotonic()
        decoder = self.decoder
        for frame in decoder.feed(data):
            if self.decoder is not decoder:
                return  # It was let go.
            try:
                self.on_frame(*frame)
            except (struct.error, ValueError, KeyError) as error:
                raise Garbled(unforeseen(error))

    def on_frame(self, kind, flags, channel, stream, seq, ack, payload):
        outbox = self.outbox
        if seq:
            if seq != outbox.heard + 1:
                raise Garbled("frame %d after %d" % (seq, outbox.heard))
            outbox.heard = seq
        outbox.flight.on_ack(ack, time.monotonic())
        if flags & BULK:
            outbox.ack_now = True
        end = bool(flags & END)
        live = self.streams.get(stream)
        if kind == REQUEST:
            self.begin(stream, payload, end)
        elif kind == DATA and stream in self.requests:
            self.add_body(stream, payload, end)
        elif kind == DATA and live:
            live.on_data(channel, payload, end)
        elif kind == CREDIT and live:
            live.on_credit(channel, struct.unpack(">I", payload)[0])
        elif kind == RESET:
            self.on_reset(stream, live)
        elif kind == PING:
            outbox.put(PONG, 0, payload)
        elif kind == BYE:
            self.hung_up()
        elif kind not in (DATA, CREDIT, ACK, PONG):
            raise Garbled("a frame of kind %d" % kind)

    def on_reset(self, stream, live):
        request = self.requests.pop(stream, None)
        if request is not None:
            request.discard()
        self.outbox.forget(stream)
        # Dropping a job closes what it has open. Changes are done all the same: others may build on them.
        self.jobs = collections.deque(job for job in self.jobs if job[0] != stream)
        if live:
            live.on_reset()

    # What is otherwise where a run outlives its client.

    def marker(self, stream):
        """By what a process and all that it starts are known."""
        return b"%s.%d" % (self.session.encode("ascii"), stream)

    def forget(self, part):
        """A connection to a socket has ended."""

    def on_told(self, process):
        """The client was told how a process ended, if there is one."""

    def on_end_asked(self, process):
        """The client wants a process and all it left to be ended."""

    # Time and signals.

    def later(self, seconds, callback):
        self.timer_count += 1
        heapq.heappush(self.timers, (time.monotonic() + seconds, self.timer_count, callback))

    def run_timers(self):
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            callback = heapq.heappop(self.timers)[2]
            try:
                callback()
            except Exception:
                pass  # As in Poller.call: the others go on.

    def check_silence(self):
        if self.pipe is not None and time.monotonic() - self.heard_at > SILENCE:
            self.hung_up()
        self.later(SILENCE / 4, self.check_silence)

    def on_child(self, pid, status):
        self.holders.discard(pid)
        process = self.children.pop(pid, None)
        if process is not None:
            process.on_exit(status)

    def catch_signals(self):
        """Signals arrive through a pipe, so that they are handled between two turns of the loop."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda *_: None)

        def on_signal():
            try:
                numbers = os.read(reader, 512)
            except BlockingIOError:
                return
            if any(number != signal.SIGCHLD for number in numbers):
                self.running = False
            reap(self.on_child)

        self.poller.vital.add(reader)
        self.poller.watch(reader, read=on_signal)

    # Life.

    def greet(self):
        uname = os.uname()
        try:
            user = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            user = str(os.getuid())
        self.outbox.put_json(HELLO, 0, {
            "magic": MAGIC,
            "protocol": PROTOCOL,
            "session": self.session,
            "version": blake(source).hexdigest(),
            "python": list(sys.version_info[:3]),
            "executable": sys.executable or "",
            "platform": sys.platform,
            "machine": uname.machine,
            "host": uname.nodename,
            "user": user,
            "uid": os.getuid(),
            "home": path_to(home_dir()),
            "pid": os.getpid(),
            "client": os.environ.get("SSH_CONNECTION", "").split(" ")[0] or None,
            "clock": int(time.time() * 1e9),
            "streams": self.highest + 1,
        })

    def open_up(self):
        for fd in (0, 1):
            os.set_blocking(fd, False)
        self.poller.watch(0, read=self.on_pipe_readable)
        self.greet()
        self.later(0, lambda: sweep_held(self))

    def run(self):
        if PRCTL:
            # Orphans of our processes become our children, so that their end is noticed.
            PRCTL(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.catch_signals()
        self.open_up()
        self.check_silence()
        while self.running:
            self.turn()

    def flush(self):
        waiting = self.outbox.flush()
        self.poller.watch(self.outbox.fd, write=(lambda: None) if waiting else None)

    def turn(self):
        self.flush()
        timeout = max(0.0, self.timers[0][0] - time.monotonic())
        self.poller.wait(0 if self.changes or self.jobs else timeout)
        self.run_timers()
        if self.changes:
            self.work(self.changes)
        if self.jobs and self.work(self.jobs):
            self.jobs.rotate(-1)

    def end(self):
        """Leaves nothing behind: no process, no folder, no temporary file."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        for upload in list(self.uploads):
            upload.discard()
        # Nothing is changed any more; how long processes take to end is nobody's business who waits for that.
        for fd in self.claims.values():
            os.close(fd)
        hang_up_all(self)
        try:
            end_all(self)
        finally:
            for live in list(self.streams.values()):
                if isinstance(live, (RunDir, Probe, Dialled)):
                    live.close()
            for folder in self.folders:
                shutil.rmtree(folder, ignore_errors=True)


