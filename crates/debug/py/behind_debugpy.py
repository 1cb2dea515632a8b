"""Owns how debugpy is made to listen on the run's Unix socket, in the process that is debugged.

debugpy starts its adapter as `[python, dirname(debugpy.adapter.__file__), ...]`, so naming another folder
there runs our adapter; no wrapper needs to be executable. Never imports `debugpy.server` by itself:
that sets up half a debugger, and a program that only imports debugpy must not get it.
"""

import functools
import os
import socket

from . import listeners, plan


def redirect_adapter(adapter):
    """From now on `debugpy.listen`, however it is reached, starts our adapter."""
    here = os.path.dirname(os.path.abspath(__file__))
    adapter.__file__ = os.path.join(here, "adapter", "__init__.py")


def announce_listen(api, **more):
    """From now on `api.listen` listens for us, whatever address it is given, and says when it does."""
    sockets = api.sockets
    if isinstance(getattr(api, "_remora_listen", None), type(announce_listen)):
        return
    create_server = sockets.create_server
    # The adapter reports to the program over a loopback port; a stranger's report must not be believed.
    sockets.create_server = lambda *args, **kwargs: listeners.OwnListener(create_server(*args, **kwargs))
    _hurry(api.pydevd)
    original = api.listen

    # `wraps` also carries over the attribute `called`, which debugpy keeps on the function.
    @functools.wraps(original)
    def listen(address, *_args, **_kwargs):
        # Dropped on purpose: `in_process_debug_adapter` would listen on TCP without any secret.
        plan.restore_environment()
        endpoint = original(_shape_of(address))
        plan.say(said="listening", pid=os.getpid(), **more)
        return endpoint

    api.listen = api._remora_listen = listen


def _hurry(pydevd):
    """pydevd writes each message in two pieces. Without this the second waits until the adapter's system acknowledges the
    first, which takes it 40 ms: a fifth of a second for a step."""
    start_client = pydevd.start_client

    def start_client_without_delay(host, port):
        sock = start_client(host, port)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, socket.error):
            pass  # As slow as ever.
        return sock

    pydevd.start_client = start_client_without_delay


def _shape_of(address):
    """Our address where `address` is a valid one; else `address`, for debugpy to refuse."""
    try:
        _, port = address
    except Exception:
        port = address
    valid = hasattr(port, "__index__") and 0 <= port < 2 ** 16
    return ("127.0.0.1", plan.PORT) if valid else address
