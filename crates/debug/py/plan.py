"""Owns what this run was asked for, and how something is said to the session that asked for it.

Read from the environment: `REMORA_RUN` is the private folder of the run, `REMORA_DEBUG` a JSON object
`{"port": PORT, "debugger": NAME, "roots": [FOLDER, ...]}`, with `"exposed": {"port": PORT, "to": ADDRESS}` or
`"dial": {"host": HOST, "port": PORT}` if the debugger does not keep to the run's socket. Never starts or patches anything.
"""

import json
import os
import socket

RUN = os.environ.get("REMORA_RUN", "")
_ASKED = os.environ.get("REMORA_DEBUG", "")
_PLAN = json.loads(_ASKED) if _ASKED else {}

PORT = _PLAN.get("port", 0)
"""The port on the user's machine that leads here: what a child's announcement has to name."""

DEBUGGER = str(_PLAN.get("debugger", ""))
"""`debugpy` or `ptvsd`."""

ROOTS = _PLAN.get("roots", [])
"""The folders that mirror the user's: what is loaded from below them is noted."""

EXPOSED = _PLAN.get("exposed")
"""Where clients connect over the network, and the one address that they may come from; or None."""

DIAL = _PLAN.get("dial")
"""Where the editor listens for the program, or None."""


def socket_path():
    """Where a debugger listens for clients."""
    return os.path.join(RUN, "dap.sock")


def restore_environment():
    """Puts our two variables back, for a program that clears its environment before it starts its debugger:
    the adapter reads them, and by the first one it is found and ended with the program."""
    os.environ["REMORA_RUN"] = RUN
    os.environ["REMORA_DEBUG"] = _ASKED


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
