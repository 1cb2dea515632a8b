"""The holder: this same text in a process of its own, which goes on when a connection has gone. Last part.

Owns one detached run: its process, its private folder, the conversations with its debuggers, and what is kept of all
that for somebody who comes later. Serves one client at a time, as the agent does, on a socket instead of two pipes. Never
learns what is mirrored or debugged: what a client has to know of the run, an earlier client has left here.
"""

# So much of a program's output is kept, and so much of what its processes said on the control socket.
TAIL_MAX = 1024 * 1024
# How long a holder waits for its first client.
FIRST_CLIENT = 60.0
# How long is waited for the debugger to say in which line a thread stands.
WHERE_PATIENCE = 1.0
# The longest word of a guest.
WORD_MAX = 16


class Nobody:
    """The way to a client that is not there."""

    fd = heard = None

    def put(self, *_):
        pass

    put_json = put_body = forget = put

    def flush(self):
        return False


class Aside:
    """The agent, as those see it to whom nobody listens."""

    outbox = Nobody()

    def __init__(self, agent):
        self.of = agent

    def __getattr__(self, name):
        return getattr(self.of, name)


class Tail:
    """The end of something, in pieces, each with the channel it came on."""

    def __init__(self):
        self.pieces = collections.deque()
        self.size = self.omitted = self.lines = 0

    def put(self, channel, data):
        self.pieces.append((channel, data))
        self.size += len(data)
        self.lines += data.count(b"\n")
        while self.size > TAIL_MAX:
            data = self.pieces.popleft()[1]
            self.size -= len(data)
            self.lines -= data.count(b"\n")
            self.omitted += len(data)

    def framed(self):
        """Each piece after its channel (1 byte) and its length (4 bytes)."""
        return b"".join(struct.pack(">BI", channel, len(data)) + data for channel, data in self.pieces)


class Guest:
    """Somebody who has connected and not yet said what for, or who wants one answer."""

    def __init__(self, holder, peer):
        self.holder, self.peer, self.word, self.answer = holder, peer, b"", b""
        peer.setblocking(False)
        holder.poller.watch(peer.fileno(), read=self.on_readable)

    def on_readable(self):
        try:
            data = self.peer.recv(WORD_MAX - len(self.word))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.word += data
        word, newline, rest = self.word.partition(b"\n")
        if newline and word == b"serve":
            self.holder.poller.forget(self.peer.fileno())
            self.holder.serve(self.peer, rest)
        elif newline and word in (b"tell", b"output", b"end"):
            self.holder.poller.watch(self.peer.fileno(), read=None)
            getattr(self.holder, "guest_" + word.decode("ascii"))(self)
        elif newline or not data or len(self.word) >= WORD_MAX:
            self.close()

    def say(self, head, body=b""):
        """Says this, and good-bye."""
        self.answer = json.dumps(head).encode("ascii") + b"\n" + body
        self.on_writable()

    def on_writable(self):
        try:
            while self.answer:
                self.answer = self.answer[self.peer.send(self.answer):]
        except BlockingIOError:
            self.holder.poller.watch(self.peer.fileno(), write=self.on_writable)
            return
        except OSError:
            pass  # It has gone.
        self.close()

    def close(self):
        self.holder.poller.forget(self.peer.fileno())
        self.peer.close()


class Holder(Agent):
    """What serves one detached run."""

    def __init__(self, name, listener, lock):
        Agent.__init__(self)
        self.name, self.lock = name, lock
        self.session = held_session(name)
        self.listener = socket.socket(fileno=listener)
        self.base = os.path.dirname(os.fsencode(self.listener.getsockname()))
        self.pipe, self.outbox, self.client = None, Nobody(), None
        self.aside = Aside(self)
        self.process = self.run_folder = self.record = self.shown = None
        self.tail, self.lines = Tail(), Tail()
        self.conversations = {}  # process, or None for the program itself -> Dialled
        self.since = int(time.time())
        self.exited_at = None
        self.seen = False  # somebody has heard how it ended, or wanted it to
        self.ending = None  # who is to hear when all is over

    def marker(self, stream):
        self.launched += 1
        return b"%s.%d" % (self.session.encode("ascii"), self.launched)

    # Clients.

    def open_up(self):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.listener.setblocking(False)
        self.poller.vital.add(self.listener.fileno())
        self.poller.watch(self.listener.fileno(), read=self.on_connect)
        self.later(FIRST_CLIENT, self.end_if_done)

    def on_connect(self):
        try:
            peer, _ = self.listener.accept()
        except OSError:
            return
        if hasattr(socket, "SO_PEERCRED"):
            credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            if struct.unpack("3i", credentials)[1] != os.getuid():
                peer.close()
                return
        Guest(self, peer)

    def serve(self, peer, rest):
        """From now on this one is the client; an earlier one, which may be half dead, is told and let go."""
        if self.client is not None:
            self.outbox.put_json(BYE, 0, error_head(OpError("address_in_use", "another client has come")))
            self.hung_up()
        self.running = True
        self.client, self.pipe = peer, peer.fileno()
        self.outbox, self.decoder = Outbox(self.pipe), Decoder()
        self.heard_at = time.monotonic()
        self.poller.watch(self.pipe, read=self.on_client_readable)
        self.greet()
        self.feed(rest)

    def on_client_readable(self):
        try:
            self.on_pipe_readable()
        except Exception:
            # Gone, or it can't be trusted any more. The run is not to suffer for it.
            self.hung_up()

    def flush(self):
        if self.client is None:
            return
        try:
            Agent.flush(self)
        except OSError:
            self.hung_up()

    def hung_up(self):
        """The client has gone; what it asked for and is not done is given up."""
        try:
            self.outbox.flush()
        except OSError:
            pass
        self.poller.forget(self.pipe)
        self.client.close()
        self.client = self.pipe = self.decoder = None
        self.outbox = Nobody()
        for request in self.requests.values():
            if request is not None:
                request.discard()
        self.requests, self.jobs = {}, collections.deque()
        for live in list(self.streams.values()):
            live.on_reset()
        self.end_if_done()

    def end_if_done(self):
        """Without a client: goes when there is no run, or none of which anybody has to be told."""
        over = self.process is None or (self.seen and self.process.told)
        if self.client is None and over:
            self.running = False

    def forgotten(self):
        self.seen = True
        self.end_if_done()

    # The run.

    def note(self, head):
        """What is known of a run that is about to begin stands in a file, for the case that this process is killed."""
        self.record, self.shown = head["keep"]["record"], head["keep"]["shown"]
        path = os.path.join(self.base, RUN_NAME)
        with open(os.open(path, TEMP_FLAGS, 0o600), "w") as file:
            json.dump({"shown": self.shown, "since": self.since}, file)

    def keep(self, process, run_folder):
        """From now on these are the run."""
        self.process, self.run_folder = process, run_folder
        for channel, output in process.outputs.items():
            output.keep = functools.partial(self.tail.put, channel)
        run_folder.keep = functools.partial(self.lines.put, 0)

    def standing(self, stream):
        def attached(process):
            self.conversations[process] = self.streams[stream]
        return Standing(attached)

    def forget(self, part):
        self.conversations = {key: one for key, one in self.conversations.items() if one is not part}

    def on_told(self, process):
        if process is self.process:
            self.exited_at = int(time.time())
            self.later(KEPT_FOR, self.forgotten)
            self.end_if_done()

    def on_end_asked(self, process):
        self.seen = self.seen or process is self.process

    def loosen(self, part):
        """Nobody listens to this part of the run any more; it goes on."""
        self.streams.pop(part.stream, None)
        self.give(part, self.aside, None)
        if isinstance(part, Dialled) and not part.foresight.let_go():
            part.close()
            return
        for flow in part.flows():
            if isinstance(flow, Inflow):
                flow.uncounted, flow.consumed = len(flow.pending), 0
        self.allow(part, float("inf"))

    def give(self, part, agent, stream):
        for one in [part] + part.flows():
            one.agent, one.stream = agent, stream

    def allow(self, part, credit):
        """So much may be said to the client from now on; reading rests if that is nothing."""
        if isinstance(part, RunDir):
            part.credit = credit
            part.on_credit(0, 0)
        for flow in part.flows():
            if isinstance(flow, Outflow) and flow.open:
                flow.credit = credit
                self.poller.watch(flow.fd, read=flow.on_readable if credit else None)

    def talks(self):
        """Which conversations wait for a client, and what debuggers answer to its first question."""
        waiting = {key: one for key, one in self.conversations.items() if one.agent is self.aside}
        known = [one.foresight.capabilities for one in waiting.values() if one.foresight.capabilities]
        return {"capabilities": known[0] if known else None, "processes": list(waiting)}

    def adopt(self, stream, head):
        """Hands a part of the run over to the client: first what was kept of it, then what comes."""
        part = {"process": self.process, "run_dir": self.run_folder,
                "conversation": self.conversations.get(head.get("of"))}[head["part"]]
        if part is None:
            raise OpError("not_found", "nothing of that kind is held")
        if part.agent is not self.aside:
            raise OpError("address_in_use", "it has a client")
        self.give(part, self, stream)
        self.streams[stream] = part
        self.allow(part, 0)
        answer, kept = {"id": stream, "record": self.record}, b""
        if part is self.process:
            answer.update({"pid": part.pid, "omitted": self.tail.omitted})
            kept = self.tail.framed()
        elif part is self.run_folder:
            answer["path"] = path_to(part.path)
            kept = b"".join(line for _, line in self.lines.pieces)
        else:
            kept = json.dumps(part.foresight.found()).encode("ascii")
        return answer, self.handing_over(part, kept)

    def handing_over(self, part, kept):
        stream = part.stream
        for piece in pieces_of_bytes(kept):
            yield piece
        if part.stream != stream:
            return  # Its client has gone meanwhile.
        self.allow(part, WINDOW)
        if part is self.process and part.told:
            self.outbox.put_json(EVENT, stream, {"exited": part.status})

    # Guests.

    def guest_tell(self, guest):
        talk = self.conversations.get(None)
        if talk is None or not talk.foresight.stopped:
            guest.say(self.state())
            return
        answer = iter([None])

        def once():
            for _ in answer:
                guest.say(self.state())
        talk.foresight.look(once)
        self.later(WHERE_PATIENCE, once)

    def state(self):
        state = {"name": self.name, "shown": self.shown, "since": self.since, "client": self.client is not None,
                 "attached": None in self.conversations, "lines": self.tail.lines, "bytes": self.tail.size}
        if self.process is not None:
            state.update({"pid": self.process.pid, "exit": self.process.status, "ended": self.exited_at})
        talk = self.conversations.get(None)
        if talk is not None and talk.foresight.stopped:
            stopped = list(talk.foresight.stopped.values())[-1]
            state["stopped"] = dict(talk.foresight.where or {}, reason=stopped.get("reason"))
        return state

    def guest_output(self, guest):
        guest.say(dict(self.state(), omitted=self.tail.omitted), self.tail.framed())

    def guest_end(self, guest):
        """Ends the run; the answer is the end of the connection, when nothing is left."""
        self.ending, self.running = guest.peer, False

    def end(self):
        try:
            Agent.end(self)
        finally:
            shutil.rmtree(self.base, ignore_errors=True)
            if self.ending is not None:
                self.ending.close()


def main():
    """Serves until the client goes. Nothing is printed: both pipes belong to the protocol."""
    held = sys.argv[1:2] == [HOLDER]
    agent = Holder(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])) if held else Agent()
    try:
        agent.run()
        agent.outbox.put(BYE)
        agent.outbox.flush()
    except (OSError, Garbled):
        pass  # The connection is gone or can't be trusted any more.
    except BaseException as error:
        try:
            agent.outbox.put_json(BYE, 0, error_head(error))
            agent.outbox.flush()
        except OSError:
            pass
    finally:
        try:
            agent.end()
        finally:
            os._exit(0)


main()
