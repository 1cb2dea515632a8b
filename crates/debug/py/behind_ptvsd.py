"""Owns how ptvsd 4.3.2 is made to listen on the run's Unix socket, in the process that is debugged.

ptvsd has no adapter: the program's own process listens. Children are not debugged: each would listen
on a port of its own without a secret.
"""

import os
import sys
import threading

from . import listeners, offspring, plain, plan

_secret = None
_listener = None
_accepted = None


def redirect():
    """From now on ptvsd listens for us, whatever address it is given, and says when it does."""
    import ptvsd._remote
    import ptvsd.attach_server
    import ptvsd.daemon

    ptvsd.daemon.create_server = _create_server
    ptvsd.daemon.connect = _connect
    enable_attach = ptvsd._remote.enable_attach

    def enable_and_say(address, **kwargs):
        daemon = enable_attach(("127.0.0.1", plan.PORT), **kwargs)
        if not plan.COMPILES:
            plain.keep_nothing_compiled()
        line = {"said": "listening", "pid": os.getpid()}
        if _secret is not None:
            line["secret"] = _secret
        plan.say(**line)
        return daemon

    ptvsd._remote.enable_attach = ptvsd.attach_server.ptvsd_enable_attach = enable_and_say
    _leave_children_alone()


def take_both_shapes(ptvsd):
    """Lets `ptvsd.enable_attach` take the arguments of 3.x, secret first, as well as those of 4.x."""
    enable_attach = ptvsd.enable_attach

    def enable_attach_of_any_version(*args, **kwargs):
        global _secret
        secret, address = arguments_of_any_version(args, kwargs)
        if secret is not None:
            _secret = secret
        return enable_attach(address)

    ptvsd.enable_attach = enable_attach_of_any_version


def arguments_of_any_version(args, kwargs):
    """The secret (or None) and the address of a call in the shape of ptvsd 3.x,
    `(secret, address, certfile, keyfile, redirect_output)`, or 4.x, `(address, redirect_output, log_dir)`."""
    args = list(args)
    secret = kwargs.get("secret")
    if args and not isinstance(args[0], (tuple, list)):
        secret = args.pop(0)
    address = args[0] if args else kwargs.get("address", ("127.0.0.1", plan.PORT))
    if isinstance(secret, bytes):
        secret = secret.decode("utf-8", "replace")
    return secret, address


def _create_server(_host, _port, _timeout=None):
    global _listener
    _listener = listeners.for_clients(plan)
    return _listener


def _connect(listener, _address, **_kwargs):
    """ptvsd's own sets TCP options on what it accepts, which a Unix socket refuses."""
    global _accepted
    _accepted, _ = listener.accept()
    return _accepted


def _leave_children_alone():
    from _pydev_bundle import pydev_monkey
    from ptvsd import multiproc
    from ptvsd.wrapper import VSCodeMessageProcessor

    pydev_monkey.patch_new_process_functions = lambda: None
    pydev_monkey.patch_new_process_functions_with_warning = lambda: None
    multiproc.listen_for_subprocesses = lambda: None
    # Handles one option only: "debug child processes".
    VSCodeMessageProcessor._process_debug_options = lambda self, options: None
    offspring.in_forked_children(_forget_the_debugger)


def _forget_the_debugger():
    """In a forked child the debugger's threads are gone: a breakpoint would stop it for good, and its
    copy of the client's connection would keep that open after the parent's end."""
    import pydevd_tracing
    from _pydevd_bundle.pydevd_constants import GlobalDebuggerHolder

    GlobalDebuggerHolder.global_dbg = None
    pydevd_tracing.restore_sys_set_trace_func()
    sys.settrace(None)
    threading.settrace(None)
    if _listener is not None:
        _listener.close()
    if _accepted is not None and _accepted.fileno() >= 0:
        # Other objects hold this descriptor too and may close it later: it has to stay a valid one.
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, _accepted.fileno())
        os.close(nowhere)
