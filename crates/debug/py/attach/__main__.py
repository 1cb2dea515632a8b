"""Attaches to a process that runs already: `python attach PID true|false`, with the environment of a run. Says in its last
line of standard error why it can't, if so.

Owns the way into the process, and holds the session's end of the connection to it: ends when the process does, and the
process is let go when this one ends, however it does. SIGUSR1 ends the process. Python 3.6 on, of any kind.
"""

import json
import os
import select
import signal
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = HERE

import obstacles  # noqa: E402

PATIENCE_S = 20
"""For the process to come by: it does between two of its instructions, or where it waits. Native code may take longer."""

FAREWELL_S = 2
"""From asking a process to end to ending it; as long as the agent gives its own."""

PASSED_ON = ("REMORA_DEBUG", "REMORA_PROCESS", "REMORA_RUN")
"""By these the adapter finds its run and is ended with it. The process itself never gets them: it is to live on."""

ADAPTER = """import os, sys
os.environ.update(%r)
os.execv(sys.executable, [sys.executable, %r] + sys.argv[1:])
"""

REFUSED = 3


def main():
    """Attaches, and stays for as long as the session does."""
    pid, sub_process = int(sys.argv[1]), sys.argv[2] == "true"
    run, tree = os.environ["REMORA_RUN"], os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
    try:
        obstacles.find(pid)
        listener = _listen(os.path.join(run, "lease"))
        asked = {"run": run, "plan": os.environ["REMORA_DEBUG"], "tree": tree, "lease": os.path.join(run, "lease"),
                 "adapter": _adapter(run), "sub_process": sub_process}
        _bring_in(pid, json.dumps(asked))
        lease = _answered(listener)
    except obstacles.Obstacle as obstacle:
        _refuse(obstacle.why, obstacle.about)
    signal.signal(signal.SIGUSR1, lambda *_: _end(pid, lease))
    said = b""
    while True:
        # By a signal it goes on.
        portion = lease.recv(4096)
        said += portion
        if said.endswith(b"\n"):
            refused = json.loads(said.decode("ascii"))
            _refuse(refused["why"], refused["about"])
        if not portion:
            sys.exit(0)


def _listen(path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)
    return listener


def _adapter(run):
    """What debugpy starts for its adapter, as the path of a file beside it: the adapter with the run's variables."""
    path = os.path.join(run, "adapter.py")
    ours = os.path.join(os.path.dirname(HERE), "adapter")
    with open(path, "w") as file:
        file.write(ADAPTER % ({name: os.environ[name] for name in PASSED_ON if name in os.environ}, ours))
    return os.path.join(path, "beside")


def _bring_in(pid, asked):
    import symbols
    import trace

    begin, inside = os.path.join(HERE, "begin.py"), os.path.join(HERE, "inside.py")
    names = "{'INSIDE': %a, 'ASKED': %a}" % (inside, asked)
    # An error of ours is no concern of the thread that it would come up in.
    code = "try:\n exec(compile(open(%a, 'rb').read(), %a, 'exec', 0, True), %s)\nexcept Exception:\n pass\n"
    code %= (begin, begin, names)
    try:
        found = symbols.find(pid, ["PyGILState_Ensure", "PyGILState_Release", "PyRun_SimpleString", "Py_AddPendingCall"])
    except symbols.Missing:
        raise obstacles.Obstacle("not_python", obstacles.command(pid))
    except OSError as error:
        raise obstacles.forbidden(pid, error)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    try:
        held = trace.Held(pid)
        try:
            text = held.store(code.encode("ascii") + b"\0")
            if held.waits():
                # It holds nothing of Python there, and would not come by for as long as it waits.
                state = held.call(found["PyGILState_Ensure"])
                held.call(found["PyRun_SimpleString"], text)
                held.call(found["PyGILState_Release"], state)
            else:
                # Done by the interpreter between two instructions; before that anything may be half done.
                held.call(found["Py_AddPendingCall"], found["PyRun_SimpleString"], text)
        finally:
            held.release()
    except (OSError, trace.Broke) as error:
        raise obstacles.forbidden(pid, error)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _answered(listener):
    ready, _, _ = select.select([listener], [], [], PATIENCE_S)
    if not ready:
        raise obstacles.Obstacle("busy", str(PATIENCE_S))
    lease, _ = listener.accept()
    listener.close()
    return lease


def _end(pid, lease):
    os.kill(pid, signal.SIGTERM)
    gone, _, _ = select.select([lease], [], [], FAREWELL_S)
    if not gone:
        os.kill(pid, signal.SIGKILL)


def _refuse(why, about):
    sys.stderr.write("remora-refused " + json.dumps({"why": why, "about": about}) + "\n")
    sys.stderr.flush()
    os._exit(REFUSED)


if __name__ == "__main__":
    main()
