"""Owns what this run was asked for, and how something is said to the session that asked for it.

Read from the environment: `REMORA_RUN` is the private folder of the run, `REMORA_DEBUG` a JSON object
`{"port": PORT, "debugger": NAME, "roots": [FOLDER, ...]}`, with `"exposed": {"port": PORT, "to": ADDRESS}` or
`"dial": {"host": HOST, "port": PORT}` if the debugger does not keep to the run's socket, and `"compiles": false` if the program is to leave
no compiled files. Never starts or patches anything.
"""

import json
import os
import socket

_GIVEN = {name: os.environ[name] for name in ("REMORA_RUN", "REMORA_DEBUG") if name in os.environ}


def take(run, asked):
    """What follows is that of this run; `asked` is the JSON object above. A process that is attached to has it from here."""
    global RUN, PORT, DEBUGGER, ROOTS, EXPOSED, DIAL, COMPILES
    plan = json.loads(asked) if asked else {}
    RUN = run
    # The port on the user's machine that leads here: what a child's announcement has to name.
    PORT = plan.get("port", 0)
    # `debugpy` or `ptvsd`.
    DEBUGGER = str(plan.get("debugger", ""))
    # The folders that mirror the user's: what is loaded from below them is noted.
    ROOTS = plan.get("roots", [])
    # Where clients connect over the network, and the one address that they may come from; or None.
    EXPOSED = plan.get("exposed")
    # Where the editor listens for the program, or None.
    DIAL = plan.get("dial")
    # Whether Python may keep what it compiles of the program.
    COMPILES = plan.get("compiles", True)


take(_GIVEN.get("REMORA_RUN", ""), _GIVEN.get("REMORA_DEBUG", ""))


def socket_path():
    """Where a debugger listens for clients."""
    return os.path.join(RUN, "dap.sock")


def restore_environment():
    """Puts our two variables back, for a program that clears its environment before it starts its debugger:
    the adapter reads them, and by the first one it is found and ended with the program."""
    os.environ.update(_GIVEN)


def say(**line):
    """Sends one line to the session."""
    _send(line).close()


def say_and_wait(**line):
    """Sends one line to the session, and returns when it is on its way: what this process does next comes after it."""
    ctl = _send(line)
    try:
        ctl.shutdown(socket.SHUT_WR)
        ctl.recv(1)
    finally:
        ctl.close()


def _send(line):
    ctl = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        ctl.connect(os.path.join(RUN, "ctl"))
        ctl.sendall((json.dumps(line) + "\n").encode("ascii"))
    except Exception:
        ctl.close()
        raise
    return ctl
