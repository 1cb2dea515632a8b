"""Streams: the bytes of a process or a socket, with credit so that one that is stuck holds up nothing else.

Owns the two directions of a stream. Never knows what stands behind a file descriptor.
"""


class Outflow:
    """From a file descriptor here to the client, as far as the client has given credit."""

    def __init__(self, agent, fd, stream, channel, on_end):
        self.agent, self.fd, self.stream, self.channel = agent, fd, stream, channel
        self.on_end = on_end  # called with None at the end of file, or with an error
        self.credit = WINDOW
        self.carried = 0
        self.open = True
        self.foresight = None  # sees what passes, and may put something in between
        self.keep = None  # has what passes, for those who come later
        agent.poller.watch(fd, read=self.on_readable)

    def add_credit(self, count):
        self.credit += count
        if self.open:
            self.agent.poller.watch(self.fd, read=self.on_readable)

    def on_readable(self):
        try:
            data = os.read(self.fd, min(self.credit, CHUNK))
        except BlockingIOError:
            return False
        except OSError as error:
            self.stop()
            self.on_end(error)
            return False
        if not data:
            self.finish()
            return False
        self.credit -= len(data)
        self.carried += len(data)
        if self.keep is not None:
            self.keep(data)
        if self.foresight is not None:
            data, ours = self.foresight.from_debugger(data)
            self.credit -= ours
        if data:
            self.agent.outbox.put(DATA, self.stream, data, 0, self.channel)
        if self.credit <= 0:
            self.agent.poller.watch(self.fd, read=None)
        return True

    def drain(self):
        """Takes what is there already, as far as there is credit."""
        while self.open and self.credit > 0 and self.on_readable():
            pass

    def finish(self):
        """Says end of file to the client."""
        if self.open:
            self.stop()
            rest = self.foresight.debugger.rest() if self.foresight is not None else b""
            self.agent.outbox.put(DATA, self.stream, rest, END, self.channel)
            self.on_end(None)

    def stop(self):
        if self.open:  # Else the number may be that of another file by now.
            self.open = False
            self.agent.poller.watch(self.fd, read=None)


class Inflow:
    """From the client to a file descriptor here."""

    def __init__(self, agent, fd, stream, on_end):
        self.agent, self.fd, self.stream = agent, fd, stream
        self.on_end = on_end  # called with None when all is written and ended, or with an error
        self.pending = bytearray()
        self.consumed = 0
        self.uncounted = 0  # so many of the bytes did not come from the client
        self.ending = False
        self.open = True

    def put_ours(self, data):
        """Adds something to what the client says; false if what it said before is still waiting."""
        if not self.open or len(self.pending) > CHUNK:
            return False
        self.uncounted += len(data)
        self.pending += data
        self.on_writable()
        return True

    def put(self, data, end):
        if not self.open:
            # Nobody reads it any more: it counts as consumed, so that the client is not held up.
            self.count(len(data))
            return
        if len(self.pending) + len(data) > WINDOW + MAX_PAYLOAD:
            raise Garbled("more bytes than credit on stream %d" % self.stream)
        self.pending += data
        self.ending = self.ending or end
        self.on_writable()

    def on_writable(self):
        if not self.open:
            return
        while self.pending:
            try:
                count = os.write(self.fd, self.pending)
            except BlockingIOError:
                self.agent.poller.watch(self.fd, write=self.on_writable)
                return
            except OSError as error:
                self.abandon()
                self.on_end(error)
                return
            del self.pending[:count]
            self.count(count)
        self.agent.poller.watch(self.fd, write=None)
        if self.ending:
            self.stop()
            self.on_end(None)

    def abandon(self):
        """Nobody will read it: what waits counts as consumed, too."""
        self.count(len(self.pending))
        self.stop()

    def count(self, count):
        """So many bytes are out of the way; ours give the client no credit."""
        ours = min(count, self.uncounted)
        self.uncounted -= ours
        self.consumed += count - ours
        if self.consumed >= WINDOW_STEP:
            self.agent.outbox.put(CREDIT, self.stream, struct.pack(">I", self.consumed))
            self.consumed = 0

    def stop(self):
        if self.open:  # As above.
            self.open = False
            self.pending = bytearray()
            self.agent.poller.watch(self.fd, write=None)


