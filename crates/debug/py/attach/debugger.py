"""Owns debugpy in a process that is attached to: has it listen, and makes the process again one that nobody debugs.

What is undone here is what debugpy leaves as it is when it is disposed of: for it a session's end is the program's.
"""

import os
import subprocess
import sys
import threading

import debugpy._vendored

with debugpy._vendored.vendored("pydevd"):
    from _pydevd_bundle import pydevd_constants

# That modules of Python's own are frozen it says aloud, on the standard error of the program.
pydevd_constants.DISABLE_FILE_VALIDATION = True

# debugpy.server first: it brings pydevd in.
import debugpy.adapter  # noqa: E402
import debugpy.server  # noqa: E402, F401
import pydevd  # noqa: E402
import pydevd_tracing  # noqa: E402

from _pydevd_bundle.pydevd_api import PyDevdAPI  # noqa: E402
from debugpy._remora import behind_debugpy, imports, offspring, plan, witness  # noqa: E402
from debugpy.server import api  # noqa: E402

one_at_a_time = threading.Lock()
"""Held from before it listens until the process is let go."""

_connected = None
"""pydevd's own object for the session; None when there is none of ours."""


class Debugged(Exception):
    """Another debugger has this process."""


def listen(asked):
    """Returns when a client may connect."""
    global _connected
    if pydevd.get_global_debugger() is not None:
        raise Debugged("pydevd")
    plan.take(asked["run"], asked["plan"])
    debugpy.adapter.__file__ = asked["adapter"]
    behind_debugpy.announce_listen(api)
    offspring.follow()
    if not asked["sub_process"]:
        offspring.leave_forked_alone()
    imports.install(witness, plan.RUN, plan.ROOTS)
    imports.note_running(witness)
    api._config["subProcess"] = asked["sub_process"]
    # Set in this function when it has listened once.
    api.listen.called = False
    pydevd.SetupHolder.setup = None
    try:
        api.listen(("127.0.0.1", plan.PORT))
    finally:
        _connected = pydevd.get_global_debugger()


def let_go():
    """No breakpoint, no thread, no function of ours is in the way from here on."""
    global _connected
    witness.end()
    if _connected is None:
        return
    # Who stands at a breakpoint goes on.
    PyDevdAPI().request_disconnect(_connected, resume_threads=True)
    # The first word of each thread that is traced is its last.
    if not getattr(pydevd_constants, "PYDEVD_USE_SYS_MONITORING", False):
        # pydevd's own stands in for it, and warns.
        settrace = pydevd_tracing.TracingFunctionHolder._original_tracing or sys.settrace
        pydevd_tracing.set_trace_to_threads(lambda *_: settrace(None), create_dummy_thread=False)
    pydevd.stoptrace()
    if _connected.reader is not None:
        # Before 1.8 it is left to the program's end.
        _connected.reader.sock.close()
    _connected = None
    _give_functions_back()


def _give_functions_back():
    """What starts processes would start them under a debugger that is gone."""
    modules = [os, subprocess]
    for name in ("_posixsubprocess", "_subprocess", "_winapi"):
        modules.extend(filter(None, [sys.modules.get(name)]))
    for module in modules:
        for name in list(vars(module)):
            if name.startswith("original_") and hasattr(module, name[len("original_"):]):
                setattr(module, name[len("original_"):], getattr(module, name))
                delattr(module, name)
    threading.settrace(None)
