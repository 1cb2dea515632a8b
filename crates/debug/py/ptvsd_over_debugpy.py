"""Owns the calls of ptvsd that have no namesake of the same meaning in debugpy."""

import contextlib
import threading

import debugpy

from . import behind_ptvsd, in_code_debugpy

_endpoint = None


class AttachAlreadyEnabledError(Exception):
    """Here for programs written for ptvsd 3.x that catch it; as in 4.x, a second call is no error."""


def enable_attach(*args, **kwargs):
    """Lets a client attach. Takes the arguments of ptvsd 3.x and 4.x; returns the address."""
    global _endpoint
    if _endpoint is None:
        in_code_debugpy.secret, address = behind_ptvsd.arguments_of_any_version(args, kwargs)
        host, port = address
        # ptvsd takes a port in digits too.
        _endpoint = debugpy.listen((host, int(port)))
    return _endpoint


def wait_for_attach(timeout=None):
    """Waits for a client, `timeout` seconds at most."""
    if timeout is None:
        debugpy.wait_for_client()
        return
    timer = threading.Timer(timeout, lambda: debugpy.wait_for_client.cancel())
    timer.daemon = True
    timer.start()
    try:
        debugpy.wait_for_client()
    finally:
        timer.cancel()


def tracing(should_trace=None):
    """Turns tracing of this thread on or off; as a context manager, for a while."""
    if should_trace is None:
        return debugpy.is_client_connected()
    debugpy.trace_this_thread(should_trace)

    @contextlib.contextmanager
    def restore():
        try:
            yield
        finally:
            debugpy.trace_this_thread(not should_trace)

    return restore()
