"""Sockets: dialling one, listening for a reachability check, and the private folders with their control socket.

Owns every socket but the two pipes to the client. Never reads what goes through a dialled one; foresight may.
"""

# A Unix socket whose queue is full refuses at once instead of waiting: tried again this often, this long.
QUEUE_POLL, QUEUE_PATIENCE = 0.02, 2.0
# How long a connection to the loopback interface may take.
CONNECT_PATIENCE = 10.0
# The longest line on a control socket.
LINE_MAX = 64 * 1024


class Dialled:
    """A connection to a socket on this machine."""

    def __init__(self, agent, stream, family, address, foresight=None):
        self.agent, self.stream, self.family, self.address = agent, stream, family, address
        self.foresight = foresight
        self.deadline = time.monotonic() + (QUEUE_PATIENCE if family == socket.AF_UNIX else CONNECT_PATIENCE)
        self.input = self.output = None
        self.closed = False
        self.abandoned = False
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        agent.streams[stream] = self
        agent.later(self.deadline - time.monotonic(), self.on_deadline)
        self.connect()

    def connect(self):
        if self.closed:
            return
        number = self.socket.connect_ex(self.address)
        if number == errno.EAGAIN and time.monotonic() < self.deadline:
            self.agent.later(QUEUE_POLL, self.connect)
        elif number == errno.EINPROGRESS:
            self.agent.poller.watch(self.socket.fileno(), write=self.on_connected)
        else:
            self.settle(number)

    def on_connected(self):
        self.agent.poller.forget(self.socket.fileno())
        self.settle(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def on_deadline(self):
        if self.input is None and not self.closed:
            self.settle(errno.ETIMEDOUT)

    def settle(self, number):
        """The connection stands or has failed."""
        if number == 0 and self.family != socket.AF_UNIX:
            try:
                if self.socket.getsockname() == self.socket.getpeername():
                    # A port of the ephemeral range without a listener can be connected to itself.
                    number = errno.ECONNREFUSED
                else:
                    self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                number = error.errno  # It was accepted and reset at once.
        if number:
            self.close()
            name = self.address if self.family == socket.AF_UNIX else "%s:%d" % self.address[:2]
            self.agent.fail(self.stream, OSError(number, os.strerror(number), name))
            return
        fd = self.socket.fileno()
        self.agent.reply(self.stream, {})
        self.output = Outflow(self.agent, fd, self.stream, 0, self.on_output_end)
        self.input = Inflow(self.agent, fd, self.stream, self.on_input_end)
        if self.foresight is not None:
            self.foresight.ask, self.output.foresight = self.input.put_ours, self.foresight

    def on_data(self, channel, data, end):
        if self.input is None:
            return
        if self.foresight is not None:
            data, ours = self.foresight.from_client(data)
            self.input.count(ours)
            if self.is_kept():
                end = False
            elif end:
                data += self.foresight.client.rest()
        self.input.put(data, end)

    def is_kept(self):
        """Whether it outlives its client."""
        return isinstance(self.foresight, Standing) and self.foresight.attached

    def on_credit(self, channel, count):
        if self.output is not None:
            self.output.add_credit(count)

    def on_output_end(self, error):
        if error is not None:
            self.broke(error)
        elif not self.input.open or self.stream is None:
            self.close()

    def on_input_end(self, error):
        if not self.output.open or self.abandoned:
            self.close()
        elif error is None:
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        # Else the peer reads no more; what it said before it went is still to be read.

    def broke(self, error):
        self.agent.outbox.put_json(RESET, self.stream, error_head(error))
        self.close()

    def on_reset(self):
        """The client has let go of both directions; what it said before is still delivered."""
        if self.is_kept():
            self.agent.loosen(self)
            return
        self.abandoned = True
        if self.input is None or not self.input.pending:
            self.close()
        elif self.output.open:
            self.output.stop()

    def close(self):
        if not self.closed:
            self.closed = True
            for flow in (self.input, self.output):
                if flow is not None:
                    flow.stop()
            self.agent.poller.forget(self.socket.fileno())
            self.socket.close()
            self.agent.streams.pop(self.stream, None)
            self.agent.forget(self)

    def flows(self):
        return [self.input, self.output]


class Lines:
    """Text of ours for the client, as far as it has given credit; more is dropped or has to wait."""

    def __init__(self, agent, stream):
        self.agent, self.stream = agent, stream
        self.credit = WINDOW

    def put(self, data):
        self.credit -= len(data)
        for at in range(0, len(data), CHUNK):
            self.agent.outbox.put(DATA, self.stream, data[at:at + CHUNK])


class Probe(Lines):
    """Listens, and says who came. Never talks to them."""

    def __init__(self, agent, stream, head):
        Lines.__init__(self, agent, stream)
        host, port = head["host"], head["port"]
        try:
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (socket.gaierror, UnicodeError) as error:
            raise OpError("invalid", "%s: %s" % (host, error))
        family, _, _, _, address = found[0]
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.setblocking(False)
            self.socket.bind(address)
            self.socket.listen(16)
        except OSError as error:
            self.socket.close()
            error.filename = "%s:%d" % (host, port)
            raise
        agent.poller.watch(self.socket.fileno(), read=self.on_readable)
        agent.streams[stream] = self

    def on_readable(self):
        try:
            peer, address = self.socket.accept()
        except OSError:
            return
        peer.close()
        line = ("%s\n" % address[0]).encode("ascii", "replace")
        if self.credit >= len(line):
            self.put(line)

    def on_data(self, channel, data, end):
        pass

    def on_credit(self, channel, count):
        self.credit += count

    def on_reset(self):
        self.close()
        self.agent.streams.pop(self.stream, None)

    def close(self):
        self.agent.poller.forget(self.socket.fileno())
        self.socket.close()


class RunDir(Lines):
    """A private folder with a control socket. Every line that comes there goes to the client."""

    def __init__(self, agent, stream):
        Lines.__init__(self, agent, stream)
        self.path = make_private_dir(agent.base)
        self.lock = hold_private_dir(self.path)
        self.buffers = {}
        self.keep = None  # has what passes, for those who come later
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        before = os.umask(0o177)
        try:
            self.socket.bind(os.path.join(self.path, b"ctl"))
            self.socket.listen(64)
        except BaseException:
            self.close()
            raise
        finally:
            os.umask(before)
        agent.streams[stream] = self
        agent.poller.watch(self.socket.fileno(), read=self.on_connect)

    def on_connect(self):
        try:
            peer, _ = self.socket.accept()
        except OSError:
            return
        peer.setblocking(False)
        self.buffers[peer] = bytearray()
        self.watch(peer)

    def watch(self, peer):
        wanted = (lambda: self.on_readable(peer)) if self.credit > 0 else None
        self.agent.poller.watch(peer.fileno(), read=wanted)

    def on_readable(self, peer):
        try:
            data = peer.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        buffer = self.buffers[peer]
        buffer += data
        whole, newline, rest = buffer.rpartition(b"\n")
        if newline:
            if self.keep is not None:
                self.keep(bytes(whole) + b"\n")
            self.put(bytes(whole) + b"\n")
            self.buffers[peer] = rest
        if not data or len(rest if newline else buffer) > LINE_MAX:
            self.drop(peer)
        if self.credit <= 0:
            for other in self.buffers:
                self.watch(other)

    def drop(self, peer):
        self.agent.poller.forget(peer.fileno())
        peer.close()
        self.buffers.pop(peer)

    def on_data(self, channel, data, end):
        pass

    def on_credit(self, channel, count):
        self.credit += count
        for peer in self.buffers:
            self.watch(peer)

    def on_reset(self):
        if self.keep is not None:
            self.agent.loosen(self)
            return
        self.close()
        self.agent.streams.pop(self.stream, None)

    def flows(self):
        return []

    def close(self):
        for peer in list(self.buffers):
            self.drop(peer)
        self.agent.poller.forget(self.socket.fileno())
        self.socket.close()
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def make_private_dir(base):
    """A new folder of ours alone, with a path short enough for a socket in it."""
    if base is not None:
        return tempfile.mkdtemp(prefix=b"remora-", dir=base)
    base = os.environb.get(b"XDG_RUNTIME_DIR", b"")
    try:
        status = os.lstat(base)
        private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
    except OSError:
        private = False
    if not private or not base.startswith(b"/") or len(base) > 40:
        base = b"/tmp"
    remove_orphans(base)
    try:
        return tempfile.mkdtemp(prefix=b"remora-%d-" % os.getuid(), dir=base)
    except OSError:
        # For example a runtime folder on a full or read-only file system.
        return tempfile.mkdtemp(prefix=b"remora-%d-" % os.getuid(), dir=b"/tmp")


def hold_private_dir(path):
    """Tells the agents to come that this folder is in use; ends with this process, however it ends."""
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pass  # A file system without locks, where nobody else gets one either.
    return lock


def remove_orphans(base):
    """Removes our private folders whose agent was killed (by the system, for want of memory, for example)."""
    try:
        names = [name for name in os.listdir(base) if name.startswith(b"remora-%d-" % os.getuid())]
        names = [name for name in names if not HELD_NAME.match(name)]
    except OSError:
        return
    for name in names:
        path = os.path.join(base, name)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            status = os.fstat(fd)
            if status.st_uid == os.getuid() and time.time() - status.st_mtime > ORPHAN_AGE:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            pass  # Its agent lives.
        finally:
            os.close(fd)


def op_dial(agent, stream, head, body):
    address = head["address"]
    foresight = Foresight() if head.get("foresight") else None
    if head.get("keep"):
        foresight = agent.standing(stream)
    if "unix" in address:
        path = path_from(address["unix"])
        if len(path) > 103:
            raise OpError("invalid", "the path of a socket is at most 103 bytes long: '%s'" % show(path))
        Dialled(agent, stream, socket.AF_UNIX, path, foresight)
    else:
        Dialled(agent, stream, socket.AF_INET, ("127.0.0.1", address["tcp"]), foresight)
    return LATER


def op_listen(agent, stream, head, body):
    Probe(agent, stream, head)
    return {}


def op_run_dir(agent, stream, head, body):
    run_dir = RunDir(agent, stream)
    return {"id": stream, "path": path_to(run_dir.path)}


def op_put(agent, stream, head, body):
    name = path_from(head["name"])
    if b"/" in name or name in (b".", b"..", b"ctl"):
        raise OpError("invalid", "not a name for a file in the private folder: '%s'" % show(name))
    folder = agent.run_dir(head["run_dir"]).path
    path, temp = os.path.join(folder, name), os.path.join(folder, temp_name())
    fd = os.open(temp, TEMP_FLAGS, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(body)
        os.rename(temp, path)
    except OSError:
        os.unlink(temp)
        raise
    return {"path": path_to(path)}


