"""Processes: starting them, carrying their output, and leaving none behind.

Owns every process that is started here and all their descendants. Never leaves one running when the agent ends.
"""

# A process is asked (SIGTERM) this long before it is killed.
GRACE = 2.0
# How often is looked whether an ended process is gone. Only our children announce it (SIGCHLD).
GONE_POLL = 0.03
# After the exit its output may be kept open by a stranger; what comes within this time still counts.
EXIT_DRAIN = 0.25
# What a process leaves behind may go on this long: a debugger's adapter still has to tell its client of the end.
AFTERLIFE = 1.0
# What two pipes hold at most, as the system lets an ordinary login enlarge them.
PIPES_MAX = 2 * 1024 * 1024
STDOUT_MAX, STDERR_MAX = 1024 * 1024, 64 * 1024

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def load_prctl():
    """Linux's `prctl`, or None elsewhere and where Python was built without ctypes."""
    try:
        import ctypes
        return ctypes.CDLL(None, use_errno=True).prctl if sys.platform.startswith("linux") else None
    except (ImportError, OSError, AttributeError):
        return None


PRCTL = load_prctl()


def prepare_child():
    """Runs in the child, before the program: it gets the signals as a fresh login would have them."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD,
                   signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if PRCTL:
        # Should the agent be killed hard, its children go too.
        PRCTL(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def launch(agent, head, marker, streams, prepare):
    """Starts the program of a request in a session of its own; `streams` are its standard input, output and error."""
    argv = [os.fsencode(arg) if isinstance(arg, bytes) else arg.encode("utf-8") for arg in head["argv"]]
    if not argv or not argv[0]:
        raise OpError("invalid", "no program given")
    cwd = path_from(head["cwd"]) if head.get("cwd") else home_dir()
    if not os.path.isdir(cwd):
        raise OpError("not_found", "no such directory: '%s'" % show(cwd))
    env = dict(os.environb)
    env.update((name.encode("utf-8"), value.encode("utf-8")) for name, value in head["env"].items())
    env[b"REMORA_PROCESS"] = marker
    if head.get("run_dir") is not None:
        env[b"REMORA_RUN"] = agent.run_dir(head["run_dir"]).path
    try:
        return subprocess.Popen(argv, cwd=cwd, env=env, stdin=streams[0], stdout=streams[1], stderr=streams[2],
                                bufsize=0, start_new_session=True, preexec_fn=prepare)
    except OSError as error:
        error.filename = error.filename or argv[0]  # It may be the directory that can't be entered.
        raise


class Hunt:
    """Ends processes: asks each of them once, insists after a moment, and does not wait for what can't be ended."""

    def __init__(self):
        self.deadline = time.monotonic() + GRACE
        self.asked = set()
        self.killed = {}  # pid -> when
        # Those of another user, and those that SIGKILL does not reach because they are stuck in the kernel.
        self.beyond = set()

    def goes_on(self, living):
        """Signals the processes `living`; true if it is worth looking again."""
        now = time.monotonic()
        for pid in living - self.beyond:
            if now < self.deadline:
                if pid in self.asked:
                    continue
                self.asked.add(pid)
                reached = kill(pid, signal.SIGTERM)
                kill(pid, signal.SIGCONT)
            else:
                reached = kill(pid, signal.SIGKILL) and now - self.killed.setdefault(pid, now) < GRACE
            if not reached:
                self.beyond.add(pid)
        return bool(living - self.beyond)


class Ending:
    """Ends one process and everything it started."""

    def __init__(self, agent, process, done):
        self.agent, self.process, self.done = agent, process, done
        self.hunt = Hunt()
        self.tick()

    def tick(self):
        process = self.process
        living = relatives(process.marker, process.pid, process.status is not None)
        if self.hunt.goes_on(living) or not (process.status is not None or process.pid in self.hunt.beyond):
            self.agent.later(GONE_POLL, self.tick)
        else:
            self.done()


class Process:
    """A process that was started here. What is done with its output is up to the kind of it."""

    def __init__(self, agent, stream, head):
        self.agent, self.stream = agent, stream
        self.marker = agent.marker(stream)
        self.status = None  # {"code": n} or {"signal": n} when it has ended
        self.waiters = None  # who waits for its end, while it is being ended
        self.told = False
        self.child = self.launch(head)
        self.pid = self.child.pid
        agent.children[self.pid] = self
        agent.started = True

    def launch(self, head):
        """Starts the program with its three streams as pipes."""
        child = launch(self.agent, head, self.marker, [subprocess.PIPE] * 3, prepare_child)
        for file in (child.stdin, child.stdout, child.stderr):
            os.set_blocking(file.fileno(), False)
        return child

    def on_exit(self, status):
        if os.WIFSIGNALED(status):
            self.status = {"signal": os.WTERMSIG(status)}
        else:
            self.status = {"code": os.WEXITSTATUS(status)}
        self.child.returncode = 0  # so that `subprocess` does not wait for it again
        self.agent.later(EXIT_DRAIN, self.stop_draining)
        self.tell_if_done()

    def end(self, done):
        """Ends it and everything it started; calls `done` when none is left."""
        if self.waiters is not None:
            self.waiters.append(done)
            return
        self.waiters = [done]
        Ending(self.agent, self, self.on_gone)

    def on_gone(self):
        waiters, self.waiters = self.waiters, None
        for done in waiters:
            done()

    def tell_if_done(self):
        """Reports the end when it has ended and its output is complete. What it left behind goes too."""
        if self.status is not None and not self.told and not self.is_open():
            self.told = True
            self.close()
            self.tell()
            self.agent.later(AFTERLIFE, lambda: self.end(lambda: None))

    def close(self):
        for file in (self.child.stdin, self.child.stdout, self.child.stderr):
            self.agent.poller.forget(file.fileno() if not file.closed else -1)
            file.close()


class Spawned(Process):
    """A long-running process whose streams are carried to the client: 0 in, 1 out, 2 err."""

    def __init__(self, agent, stream, head):
        Process.__init__(self, agent, stream, head)
        child = self.child
        self.input = Inflow(agent, child.stdin.fileno(), stream, lambda error: self.close_input())
        self.outputs = {
            1: Outflow(agent, child.stdout.fileno(), stream, 1, self.on_output_end),
            2: Outflow(agent, child.stderr.fileno(), stream, 2, self.on_output_end),
        }

    def close_input(self):
        self.agent.poller.forget(self.child.stdin.fileno())
        self.child.stdin.close()

    def on_data(self, channel, data, end):
        self.input.put(data, end)

    def on_credit(self, channel, count):
        self.outputs[channel].add_credit(count)

    def on_reset(self):
        """The client has lost interest."""
        if self.is_kept():
            self.agent.loosen(self)
        else:
            self.end(self.forget)

    def is_kept(self):
        """Whether it outlives its client."""
        return any(output.keep is not None for output in self.outputs.values())

    def flows(self):
        return [self.input] + list(self.outputs.values())

    def forget(self):
        self.told = True
        self.close()
        self.agent.streams.pop(self.stream, None)

    def is_open(self):
        return any(output.open for output in self.outputs.values())

    def on_output_end(self, error):
        self.tell_if_done()

    def on_exit(self, status):
        # What is still in the pipes was said before the exit and goes to the client, however slow that is. What is
        # more than pipes hold is a stranger's, who may talk for ever.
        self.carried_at_most = sum(output.carried for output in self.outputs.values()) + PIPES_MAX
        Process.on_exit(self, status)

    def stop_draining(self):
        if self.told:
            return
        outputs = list(self.outputs.values())
        for output in outputs:
            output.drain()
        slow = any(output.open and output.credit <= 0 for output in outputs)
        if slow and sum(output.carried for output in outputs) < self.carried_at_most:
            self.agent.later(EXIT_DRAIN, self.stop_draining)
            return
        for output in outputs:
            output.finish()

    def tell(self):
        for output in self.outputs.values():
            output.finish()
        self.input.stop()
        self.agent.outbox.put_json(EVENT, self.stream, {"exited": self.status})
        self.agent.on_told(self)


class Ran(Process):
    """A short command: its output is collected and sent with the reply."""

    def __init__(self, agent, stream, head, body):
        Process.__init__(self, agent, stream, head)
        self.outputs = {self.child.stdout: bytearray(), self.child.stderr: bytearray()}
        self.reading = set(self.outputs)
        self.failed = None
        for file in self.outputs:
            agent.poller.watch(file.fileno(), read=lambda file=file: self.on_readable(file))
        self.pending = bytearray(body)
        self.on_writable()
        if head.get("timeout_ms") is not None:
            agent.later(head["timeout_ms"] / 1000.0, self.on_timeout)
        agent.streams[stream] = self

    def on_data(self, channel, data, end):
        pass

    def on_credit(self, channel, count):
        pass

    def on_reset(self):
        """Nobody waits for the reply any more."""
        self.end(self.give_up)

    def on_writable(self):
        fd = self.child.stdin.fileno()
        try:
            while self.pending:
                del self.pending[:os.write(fd, self.pending[:CHUNK])]
        except BlockingIOError:
            self.agent.poller.watch(fd, write=self.on_writable)
            return
        except OSError:
            pass  # It does not read all of its input: its own business.
        self.agent.poller.forget(fd)
        self.child.stdin.close()

    def on_readable(self, file):
        try:
            data = os.read(file.fileno(), CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        kept = self.outputs[file]
        kept += data
        if file is self.child.stderr:
            del kept[:-STDERR_MAX]
        else:
            del kept[STDOUT_MAX:]
        if not data:
            self.stop_reading(file)
            self.tell_if_done()
        return bool(data)

    def stop_reading(self, file):
        self.reading.discard(file)
        self.agent.poller.forget(file.fileno())

    def on_timeout(self):
        if not self.told:
            self.failed = OpError("timed_out", "it did not end in time")
            self.end(self.give_up)

    def give_up(self):
        self.stop_draining()
        if not self.told:  # It can't be ended.
            self.told = True
            self.close()
            self.tell()

    def is_open(self):
        return bool(self.reading)

    def stop_draining(self):
        for file in list(self.reading):
            # No more than a pipe holds: a stranger may write for ever.
            for _ in range(64):
                if file not in self.reading or not self.on_readable(file):
                    break
            if file in self.reading:
                self.stop_reading(file)
        if not self.told:
            self.tell_if_done()

    def tell(self):
        self.agent.streams.pop(self.stream, None)
        if self.failed:
            self.agent.fail(self.stream, self.failed)
            return
        out, err = self.outputs[self.child.stdout], self.outputs[self.child.stderr]
        self.agent.reply(self.stream, ({"exit": self.status, "stdout": len(out)}, bytes(out + err)))


def op_run(agent, stream, head, body):
    Ran(agent, stream, head, body)
    return LATER


def process_of(agent, head):
    process = agent.streams.get(head["process"])
    if not isinstance(process, Spawned):
        raise OpError("invalid", "no process %s" % head["process"])
    return process


def op_signal(agent, stream, head, body):
    process = process_of(agent, head)
    if process.status is None:
        try:
            os.killpg(process.pid, head["signal"])
        except ProcessLookupError:
            pass
    return {}


def op_end(agent, stream, head, body):
    process = process_of(agent, head)
    agent.on_end_asked(process)
    process.end(lambda: agent.reply(stream, {}))
    return LATER


def end_all(agent):
    """Ends everything that was ever started here. The loop runs no more: this waits."""
    hunt, prefix = Hunt(), agent.session.encode("ascii") + b"."
    while agent.started:
        reap(lambda pid, status: agent.holders.discard(pid))
        if not hunt.goes_on(relatives(prefix, None, False, agent.holders)):
            return
        time.sleep(GONE_POLL)


