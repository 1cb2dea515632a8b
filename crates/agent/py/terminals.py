"""Terminals: processes on a pseudo-terminal instead of pipes.

Owns the two ends of each pseudo-terminal. Never looks at what goes through one.
"""

# What a terminal is taken for unless the request says otherwise: what every editor's terminal understands.
TERM = "xterm-256color"
# Ctrl-D: how the end of the input is said to a program that reads from a terminal.
END_OF_INPUT = b"\x04"
# Backspace removes a whole character of UTF-8 where the terminal edits the line. `termios` does not name it before
# Python 3.14; it has this value on Linux and macOS.
IUTF8 = 0x4000


def open_terminal(size):
    """A new pseudo-terminal: its near end, which does not block, and its far end."""
    try:
        near, far = os.openpty()
    except OSError as error:
        raise OpError("other", "no pseudo-terminal to be had: %s" % error.strerror)
    os.set_blocking(near, False)
    if sys.platform.startswith(("linux", "darwin")):
        mode = termios.tcgetattr(far)
        mode[0] |= IUTF8
        termios.tcsetattr(far, termios.TCSANOW, mode)
    set_size(near, size)
    return near, far


def set_size(fd, size):
    """Tells the terminal how large it is shown; who is in its foreground gets SIGWINCH if that is new."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size["rows"], size["columns"], 0, 0))


def prepare_on_terminal():
    """Runs in the child, which leads a new session by now: its standard input becomes the session's terminal."""
    prepare_child()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class OnTerminal(Spawned):
    """A long-running process on a terminal of its own: 0 in, 1 out; there is no 2."""

    def __init__(self, agent, stream, head):
        Process.__init__(self, agent, stream, head)
        self.input = Inflow(agent, self.near, stream, lambda error: None)
        self.outputs = {1: Outflow(agent, self.near, stream, 1, self.on_output_end)}

    def launch(self, head):
        self.near, self.far = open_terminal(head["tty"])
        self.open = True
        head = dict(head, env=dict({"TERM": TERM}, **head["env"]))
        try:
            return launch(self.agent, head, self.marker, [self.far] * 3, prepare_on_terminal)
        except BaseException:
            os.close(self.near)
            os.close(self.far)
            raise

    def on_data(self, channel, data, end):
        self.input.put(data + END_OF_INPUT if end else data, end)

    def on_exit(self, status):
        # Until now, so that a program may let go of its terminal and take it again, as `login` does. From now on
        # the near end is at its end (EIO) once nobody else holds the far one and all is read.
        self.close_far()
        Spawned.on_exit(self, status)

    def on_output_end(self, error):
        if error is not None:
            self.agent.outbox.put(DATA, self.stream, b"", END, 1)
        self.tell_if_done()

    def on_reset(self):
        self.close()
        Spawned.on_reset(self)

    def resize(self, size):
        if self.open:
            set_size(self.near, size)

    def close_far(self):
        if self.far is not None:
            os.close(self.far)
            self.far = None

    def close(self):
        """Hangs up: the shell and what is in the foreground get SIGHUP from the system."""
        self.close_far()
        if self.open:
            self.open = False
            self.input.abandon()
            for output in self.outputs.values():
                output.stop()
            self.agent.poller.forget(self.near)
            os.close(self.near)


def hang_up_all(agent):
    """An interactive shell takes no notice of SIGTERM."""
    for live in agent.streams.values():
        if isinstance(live, OnTerminal):
            live.close()


def op_spawn(agent, stream, head, body):
    kept = head.get("keep") is not None
    if kept:
        agent.note(head)
    process = (OnTerminal if head.get("tty") else Spawned)(agent, stream, head)
    agent.streams[stream] = process
    if kept:
        agent.keep(process, agent.run_dir(head["run_dir"]))
    return {"pid": process.pid}


def op_resize(agent, stream, head, body):
    process = process_of(agent, head)
    if not isinstance(process, OnTerminal):
        raise OpError("invalid", "process %s is on no terminal" % head["process"])
    process.resize(head["size"])
    return {}


