"""Foresight: at a stop, asks a debugger what its client is about to ask, and tells the client what was asked.

Owns the messages of the Debug Adapter Protocol on one dialled socket, and the questions of ours between them. Never
changes, drops or delays a message of either side; what can't be read passes as it came.
"""

# Our questions have numbers from here on: no client counts so far, and a number of 32 bits holds them.
FIRST_QUESTION = 1 << 30
# What is longer passes without being looked at. Held until it is whole, it must stay well below what there is credit for.
LOOKED_AT = WINDOW // 4
# A longer block of headers is none.
HEADERS_MAX = 4096
# With so many questions unanswered the debugger is left alone.
UNANSWERED_MAX = 64
# What our own messages to and from the client begin with.
OURS = b'{"remora":'
CONTENT_LENGTH = re.compile(br"^[ \t]*content-length[ \t]*:[ \t]*\+?(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
# What a client may say while we ask; after anything else the rest is left to it.
HARMLESS = frozenset(("threads", "stackTrace", "scopes", "variables", "exceptionInfo", "source", "modules",
                      "loadedSources", "setBreakpoints", "setFunctionBreakpoints", "setExceptionBreakpoints"))


class Messages:
    """Cuts one direction into messages. Long ones pass in pieces, what is no message as it comes."""

    def __init__(self):
        self.held = bytearray()
        self.passing = 0  # so many bytes of a long message are still to come
        self.begun = 0
        self.garbled = False

    def feed(self, data):
        """What can go on now: bytes, each time with the body if they are a whole message, else with None."""
        self.held += data
        pieces = []
        while self.held:
            size, start = self.cut()
            if not size:
                break
            piece = bytes(self.held[:size])
            del self.held[:size]
            pieces.append((piece, piece[start:] if start else None))
        return pieces

    def cut(self):
        """How many bytes can go on (0: none yet), and where in them the body begins (0: they are no whole message)."""
        if self.garbled:
            return len(self.held), 0
        if self.passing:
            size = min(self.passing, len(self.held))
            self.passing -= size
            return size, 0
        end = self.held.find(b"\r\n\r\n", 0, HEADERS_MAX)
        if end < 0 and len(self.held) < HEADERS_MAX:
            return 0, 0
        length = CONTENT_LENGTH.search(self.held, 0, end) if end >= 0 else None
        if length is None:
            self.garbled = True
            return len(self.held), 0
        size = end + 4 + int(length.group(1))
        if size > LOOKED_AT:
            self.begun += 1
            self.passing = size
            return self.cut()
        if len(self.held) < size:
            return 0, 0
        self.begun += 1
        return size, end + 4

    def rest(self):
        """What is left at the end."""
        rest, self.held = bytes(self.held), bytearray()
        return rest


class Stop:
    """What is asked at one stop: the plan's questions in their order, each as soon as it is known about what."""

    def __init__(self, number, plan, body):
        self.number, self.plan, self.body = number, plan, body
        self.next = 0
        self.answers = {}  # place in the plan -> the body of the answer, or None: there will be none

    def questions(self):
        """The questions that can be asked now: place, command, arguments (None: without)."""
        found = []
        while self.next < len(self.plan):
            question, place = self.plan[self.next], self.next
            needs = question.get("needs")
            of = needs and needs.get("of")
            if of is not None and of not in self.answers:
                break
            self.next += 1
            arguments = question.get("arguments")
            if needs:
                value = found_at(self.body if of is None else self.answers[of], needs["at"])
                # A reference of 0 leads nowhere; a thread or frame may have that number.
                if type(value) is not int or (value == 0 and needs["into"] == "variablesReference"):
                    self.answers[place] = None
                    continue
                arguments = dict(arguments or {}, **{needs["into"]: value})
            if question.get("reason") in (None, self.body.get("reason")):
                found.append((place, question["command"], arguments))
            else:
                self.answers[place] = None
        return found


class Foresight:
    """What is asked at the stops of one debugger."""

    def __init__(self):
        self.ask = None  # takes bytes for the debugger; false if it takes none now
        self.debugger, self.client = Messages(), Messages()
        self.plan = []
        self.plans = 0
        self.last = FIRST_QUESTION - 1
        self.stops = 0
        self.stop = None
        self.unanswered = {}  # number of a question -> its stop, its place there

    def from_debugger(self, data):
        """What the client gets of these bytes, and how many bytes of that are ours."""
        out, ours = [], 0
        for piece, body in self.debugger.feed(data):
            if body is not None:
                told = self.heard(body)
                ours += len(told)
                out.append(told)
            out.append(piece)
        return b"".join(out), ours

    def from_client(self, data):
        """What the debugger gets of these bytes, and how many bytes were for us."""
        out, ours = [], 0
        for piece, body in self.client.feed(data):
            if body is not None and body.startswith(OURS):
                self.plans += 1
                ours += len(piece)
                self.plan = parsed(body)["remora"]["plan"]
                continue
            message = parsed(body) if body is not None else {}
            if message.get("command") not in HARMLESS:
                self.stop = None
            self.note_request(message)
            out.append(piece)
        return b"".join(out), ours

    def note_request(self, message):
        """A message of the client is on its way; empty if it was not looked at."""

    def heard(self, body):
        """What goes to the client before this message of the debugger."""
        if b'"stopped"' not in body and not (self.unanswered and b'"request_seq"' in body):
            return b""
        try:
            return self.follow(parsed(body))
        except Exception:
            # Answers of an unknown shape: this debugger is left alone.
            self.plan, self.stop = [], None
            return b""

    def follow(self, message):
        kind, body = message.get("type"), message.get("body")
        if kind == "event" and message.get("event") == "stopped":
            self.stops += 1
            wanted = self.plan and len(self.unanswered) < UNANSWERED_MAX
            self.stop = Stop(self.stops, self.plan, body) if wanted and type(body.get("threadId")) is int else None
        elif kind == "response" and message.get("request_seq") in self.unanswered:
            stop, place = self.unanswered.pop(message["request_seq"])
            stop.answers[place] = body if message.get("success") is True else None
        else:
            return b""
        return self.ask_on() if self.stop else b""

    def ask_on(self):
        """Asks what can be asked now; the message that tells the client."""
        asked, bytes_of_all = [], []
        for place, command, arguments in self.stop.questions():
            self.last += 1
            question = {"seq": self.last, "type": "request", "command": command}
            if arguments is not None:
                question["arguments"] = arguments
            asked.append((place, question))
            bytes_of_all.append(framed(question))
        # Between the pieces of a long message of the client there is no room for ours.
        if not asked or self.client.passing or not self.ask(b"".join(bytes_of_all)):
            return b""
        for place, question in asked:
            self.unanswered[question["seq"]] = self.stop, place
        after = self.client.begun - self.plans
        told = {"stop": self.stop.number, "after": after, "asked": [question for _, question in asked]}
        return framed({"remora": told})


def found_at(value, path):
    """What stands at the end of a path of names, places and objects (the first element that agrees with it)."""
    for step in path:
        if value is None:
            break
        if isinstance(step, dict):
            fits = (each for each in value if all(each.get(name) == wanted for name, wanted in step.items()))
            value = next(fits, None)
        elif isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            value = value.get(step)
    return value


def parsed(body):
    """A message, or an empty one if it is none."""
    try:
        message = json.loads(body.decode("utf-8"))
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def framed(message):
    body = json.dumps(message).encode("ascii")
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


