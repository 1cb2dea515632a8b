"""Owns how child processes that are debugged get a witness of their own, and how those that are not get rid of what they
inherit. Never decides which are debugged.

pydevd starts them in two ways: it runs its own `pydevd.py` with the child's program, or puts code of its own before
what follows `-c`. Both lead over files of ours, which do the same after they have set the witness up.
"""

import os
import sys
import threading

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child")
BEGINNING = os.path.join(HERE, "beginning.py")
# pydevd knows its own processes by the name of the file that they run.
PYDEVD = os.path.join(HERE, "pydevd.py")
FIRST = "import pydevd; "
THEN = "exec(compile(open(%r).read(), %r, 'exec'), {'__name__': '_remora', '__file__': %r}); " % ((BEGINNING,) * 3)


def follow():
    """From now on children begin with a witness. Needs pydevd to be on `sys.path`, or imported."""
    from _pydev_bundle import pydev_monkey
    from _pydevd_bundle import pydevd_command_line_handling as command_line

    if command_line.get_pydevd_file() == PYDEVD:
        return
    python_c_args = pydev_monkey._get_python_c_args

    def python_c_args_and_witness(*args, **kwargs):
        return python_c_args(*args, **kwargs).replace(FIRST, FIRST + THEN, 1)

    command_line.get_pydevd_file = lambda: PYDEVD
    pydev_monkey._get_python_c_args = python_c_args_and_witness


def leave_forked_alone():
    """From now on forked children run freely. debugpy lets go only of those that it was to debug: without this, the others
    keep its breakpoints, and one that is hit stops them for good, because nobody there hears a debug client."""
    in_forked_children(_forget_the_debugger)


def in_forked_children(do):
    """From now on each forked child begins with this."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=do)
        return
    fork = os.fork

    def fork_and_do():
        pid = fork()
        if pid == 0:
            do()
        return pid

    os.fork = fork_and_do


def _forget_the_debugger():
    from _pydev_bundle import pydev_monkey

    pydev_monkey._on_forked_process(setup_tracing=False)
    sys.settrace(None)
    threading.settrace(None)
    if hasattr(sys, "monitoring"):
        from _pydevd_sys_monitoring import pydevd_sys_monitoring

        pydevd_sys_monitoring.stop_monitoring(all_threads=True)
