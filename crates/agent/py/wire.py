"""The wire: frames in and out, who goes first, and how much may be under way.

Owns the format of a frame, the two lanes and the bound on bulk bytes in flight. Never looks into a payload.
"""

# Payload length, kind, flags, channel, stream, sequence number, acknowledgement.
HEADER = struct.Struct(">IBBHIQQ")

# Numbered frames: what a session consists of.
REQUEST, REPLY, DATA, CREDIT, EVENT, RESET = 1, 2, 3, 4, 5, 6
# Frames of one connection, without a number.
HELLO, RESUME, ACK, PING, PONG, BYE = 64, 65, 66, 67, 68, 69

# Flags.
BULK, END = 1, 2

# What is handed to the kernel at a time; until then a more urgent frame can still overtake.
OUT_TARGET = 64 * 1024
# Bounds of the bulk bytes in flight. The lower one keeps a slow start short, the upper one bounds the delay.
MIN_FLIGHT, MAX_FLIGHT = 128 * 1024, 8 * 1024 * 1024
# Queueing that is allowed on top of the shortest round trip: seconds, and as a part of that round trip.
ALLOWANCE, ALLOWANCE_PART = 0.01, 0.25
# How long the best bandwidth and the shortest round trip seen are believed.
BELIEF = 10.0
# Numbered frames that may go unacknowledged without bulk; an acknowledgement mostly rides on something else.
ACK_EVERY = 32


class Decoder:
    """Cuts the incoming bytes into frames."""

    def __init__(self):
        self.left = b""

    def feed(self, data):
        """Takes `data` and returns the frames that are now whole."""
        # What was left over is mostly nothing: then the new bytes are not copied once more.
        buffer = self.left + data if self.left else data
        view, at, frames = memoryview(buffer), 0, []
        while len(buffer) - at >= HEADER.size:
            length, kind, flags, channel, stream, seq, ack = HEADER.unpack_from(buffer, at)
            if length > MAX_PAYLOAD:
                raise Garbled("a frame of %d bytes" % length)
            end = at + HEADER.size + length
            if len(buffer) < end:
                break
            frames.append((kind, flags, channel, stream, seq, ack, bytes(view[at + HEADER.size:end])))
            at = end
        self.left = bytes(view[at:])
        return frames


class Flight:
    """How many bulk bytes may be unacknowledged: bandwidth times (shortest round trip + a little).

    What already sits in a socket's buffer can't be overtaken, so no more than the line needs is put there.
    The idea of measuring both is BBR's.
    """

    def __init__(self):
        self.sent = collections.deque()  # (seq, bytes, when, delivered at that time)
        self.bytes = 0
        self.delivered = 0
        self.limit = 2 * MIN_FLIGHT
        self.rates = [0.0, 0.0]  # the best of the current and of the previous period
        self.trips = [float("inf"), float("inf")]
        self.period = 0.0

    def room(self):
        return self.bytes < self.limit

    def on_sent(self, seq, size, now):
        self.sent.append((seq, size, now, self.delivered))
        self.bytes += size

    def on_ack(self, ack, now):
        last = None
        while self.sent and self.sent[0][0] <= ack:
            last = self.sent.popleft()
            self.bytes -= last[1]
            self.delivered += last[1]
        if last is None:
            return
        if now - self.period > BELIEF / 2:
            self.period = now
            self.rates = [0.0, self.rates[0]]
            self.trips = [float("inf"), self.trips[0]]
        trip = max(now - last[2], 1e-5)
        self.rates[0] = max(self.rates[0], (self.delivered - last[3]) / trip)
        self.trips[0] = min(self.trips[0], trip)
        shortest = min(self.trips)
        span = shortest + max(ALLOWANCE, ALLOWANCE_PART * shortest)
        self.limit = min(max(max(self.rates) * span, MIN_FLIGHT), MAX_FLIGHT)


class Outbox:
    """Frames on their way out. Control and streams go first, bulk when nothing else waits."""

    def __init__(self, fd):
        self.fd = fd
        self.control = collections.deque()
        self.bulk = collections.deque()  # (stream, iterator of pieces)
        self.out = bytearray()
        self.seq = 0
        self.flight = Flight()
        self.heard = 0  # the last number received
        self.told = 0  # the last number acknowledged
        self.ack_now = False

    def put(self, kind, stream=0, payload=b"", flags=0, channel=0):
        """Queues one frame in the fast lane."""
        self.control.append((kind, flags, channel, stream, payload))

    def put_json(self, kind, stream, value):
        self.put(kind, stream, json.dumps(value).encode("ascii"))

    def put_body(self, stream, pieces):
        """Queues a body for the slow lane; `pieces` is asked for the next one when there is room."""
        self.bulk.append((stream, iter(pieces)))

    def forget(self, stream):
        """Drops what is left of a body."""
        self.bulk = collections.deque(job for job in self.bulk if job[0] != stream)

    def frame(self, kind, flags, channel, stream, payload):
        seq = 0
        if kind < HELLO:
            self.seq += 1
            seq = self.seq
        if flags & BULK:
            self.flight.on_sent(seq, len(payload), time.monotonic())
        self.told = self.heard
        self.ack_now = False
        self.out += HEADER.pack(len(payload), kind, flags, channel, stream, seq, self.heard)
        self.out += payload

    def next_piece(self):
        """One piece of the body whose turn it is."""
        stream, pieces = self.bulk.popleft()
        try:
            piece = next(pieces, None)
        except Exception as error:
            self.put_json(RESET, stream, error_head(error))
            return
        if piece is None:
            self.frame(DATA, BULK | END, 0, stream, b"")
        else:
            self.frame(DATA, BULK, 0, stream, piece)
            self.bulk.append((stream, pieces))

    def fill(self):
        while len(self.out) < OUT_TARGET:
            if self.control:
                self.frame(*self.control.popleft())
            elif self.bulk and self.flight.room():
                self.next_piece()
            else:
                break
        if self.ack_now or self.heard - self.told >= ACK_EVERY:
            self.frame(ACK, 0, 0, 0, b"")

    def flush(self):
        """Writes what goes without waiting; true if more waits for the pipe."""
        while True:
            self.fill()
            if not self.out:
                return False
            try:
                del self.out[:os.write(self.fd, self.out)]
            except BlockingIOError:
                return True


