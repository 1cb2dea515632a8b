"""Owns how a program dials the editor that listens for it, in the process that is debugged.

Never listens. Who goes first does not matter: the program waits, before its first line, until the editor is there.
"""

import errno
import os
import select
import socket
import sys

from . import plan

PATIENCE_S = 10
"""For an answer of any kind; a firewall that drops packets never gives one."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
"""Between two calls that nobody took. The editor has no way to say when it begins to listen."""


def dial_for(api):
    """From now on `api.connect` waits for the editor, and says how it goes."""
    api.pydevd.start_client = _connected


def _connected(host, port):
    pause = FIRST_PAUSE_S
    said = False
    while True:
        sock = _try(host, port)
        if not said:
            # The user may start the editor's side now: the way there is open.
            plan.say(said="listening", pid=os.getpid())
            said = True
        if sock is not None:
            return sock
        select.select([], [], [], pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def _try(host, port):
    """A connection, or None if nobody listens there. Anything else ends the program: it will not pass."""
    try:
        sock = socket.create_connection((host, port), PATIENCE_S)
    except (OSError, socket.error) as error:
        if error.errno == errno.ECONNREFUSED:
            return None
        plan.say_and_wait(said="unreachable", reason=error.strerror or str(error))
        sys.exit(1)
    if sock.getsockname() == sock.getpeername():
        # A port of the ephemeral range without a listener can be connected to itself.
        sock.close()
        return None
    sock.settimeout(None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
