"""Standing: what a debugger has said, as far as it still stands when nobody listens to it and somebody comes again.

Owns the state of one conversation that outlives its client. Never answers for either side, and asks one thing only: in
which line a thread stands, when somebody wants to know.
"""

# Output of the debugger's own (what logpoints write) is kept up to here, the end of it.
SAID_MAX = 64 * 1024
# Requests that the relay makes by itself have numbers from here on.
FIRST_OF_RELAY = 1 << 29
# What has threads go on.
GOES_ON = frozenset(("continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue", "goto", "restartFrame"))


class Standing(Foresight):
    """A conversation with a debugger that is not over when its client goes."""

    def __init__(self, on_attached):
        Foresight.__init__(self)
        self.on_attached = on_attached  # told of which process the client asked for: None is the program itself
        self.attached = self.configured = False
        self.initialize = None  # the number of the client's first request
        self.capabilities = None
        self.last_number = 0  # the client's
        self.stopped = {}  # thread -> the body of the event
        self.before = {}  # number of a request that has threads go on -> what stood before it
        self.children = {}  # process -> the body of its announcement
        self.process = None
        self.said = collections.deque()
        self.said_size = 0
        self.skip = 0  # so many bytes of a long message are of no use to a client that did not hear its beginning
        self.where = None  # the line in which a thread stands, for as long as it does
        self.asking = None  # the number of the question for it, and who wants to know

    def from_debugger(self, data):
        out, ours = [], 0
        for piece, body in self.debugger.feed(data):
            if body is None and self.skip:
                self.skip -= len(piece)
                continue
            if body is not None:
                message = parsed(body)
                if self.note(message):
                    continue
                told = self.heard(body)
                ours += len(told)
                out.append(told)
            out.append(piece)
        return b"".join(out), ours

    def note(self, message):
        """Remembers what matters of it; true if it is the answer to our own question."""
        kind, body = message.get("type"), message.get("body")
        if kind == "response":
            return self.note_answer(message.get("request_seq"), message.get("success") is True, body)
        if kind == "event" and isinstance(body, dict):
            self.note_event(message["event"], body)
        return False

    def note_answer(self, number, succeeded, body):
        before = self.before.pop(number, None)
        if before is not None and not succeeded:
            self.stopped = dict(before, **self.stopped)
        if number == self.initialize and succeeded:
            self.capabilities = body
        if self.asking is None or number != self.asking[0]:
            return False
        frames = (body or {}).get("stackFrames") if succeeded else None
        if frames:
            self.where = {"path": (frames[0].get("source") or {}).get("path"), "line": frames[0].get("line")}
        for told in self.asking[1]:
            told()
        self.asking = None
        return True

    def note_event(self, event, body):
        thread = body.get("threadId")
        if event == "stopped":
            self.where = None
            self.stopped.pop(thread, None)
            self.stopped[thread] = body
        elif event == "continued":
            self.gone_on(None if body.get("allThreadsContinued", True) else thread)
        elif event == "thread" and body.get("reason") == "exited":
            self.stopped.pop(thread, None)
        elif event == "debugpyAttach":
            self.children[body.get("subProcessId")] = body
        elif event == "process":
            self.process = body
        elif event == "output":
            self.said.append(body)
            self.said_size += len(body.get("output", ""))
            while self.said_size > SAID_MAX:
                self.said_size -= len(self.said.popleft().get("output", ""))

    def gone_on(self, thread):
        self.where = None
        if thread is None:
            self.stopped = {}
        else:
            self.stopped.pop(thread, None)

    def note_request(self, message):
        if message.get("type") != "request":
            return
        command, number, arguments = message.get("command"), message.get("seq", 0), message.get("arguments") or {}
        if number < FIRST_OF_RELAY:
            self.last_number = max(self.last_number, number)
        if command == "initialize":
            self.initialize = number
        elif command == "attach":
            self.attached = True
            self.on_attached(arguments.get("subProcessId"))
        elif command == "configurationDone":
            self.configured = True
        elif command == "disconnect":
            self.attached = False
        elif command in GOES_ON:
            self.before[number] = dict(self.stopped)
            self.gone_on(arguments.get("threadId") if arguments.get("singleThread") else None)

    # A client goes, and another comes.

    def let_go(self):
        """Nobody listens; false if the client was cut within a message, which nobody else can end."""
        self.plan, self.stop = [], None
        cut = self.client.passing
        self.client = Messages()
        return not cut

    def found(self):
        """What a client that comes now has to know. From here on it hears all."""
        self.skip, self.plans = self.debugger.passing, 0
        children = [body for pid, body in self.children.items() if is_there(pid)]
        return {
            "capabilities": self.capabilities, "configured": self.configured, "process": self.process,
            "last_number": self.last_number, "said": list(self.said), "children": children,
            "stopped": list(self.stopped.values()),
        }

    def look(self, told):
        """Finds out where the thread that stopped last stands; `told` is called when that is known, or can't be."""
        if not self.stopped or self.where:
            told()
        elif self.asking is not None:
            self.asking[1].append(told)
        else:
            self.last += 1
            self.asking = self.last, [told]
            arguments = {"threadId": list(self.stopped)[-1], "startFrame": 0, "levels": 1}
            self.ask(framed({"seq": self.last, "type": "request", "command": "stackTrace", "arguments": arguments}))


def is_there(pid):
    try:
        os.kill(pid, 0)
    except (OSError, TypeError):
        return False
    return True
