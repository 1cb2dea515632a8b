"""Owns what makes a program see itself as it does under its interpreter alone. Never touches the debugger's traffic."""

import os
import sys

from . import plan


def leave_no_names(names):
    """Empties the globals of a start script: a module that is run becomes the same `__main__`, and would find them."""
    for name in [name for name in names if not name.startswith("__")]:
        del names[name]
    names["__doc__"] = None


def leave_no_argument(script):
    """Takes the start script and its own argument out of what this process was called with: servers start themselves
    again by it when a file was saved, and are to start the program, not another debugger."""
    called = getattr(sys, "orig_argv", [])
    if script in called:
        at = called.index(script)
        del called[at : at + 2]


def keep_nothing_compiled():
    """From now on neither this process nor its children keep what they compile. Not sooner: the debugger's own is worth keeping."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def arrange_the_program(cli):
    """Sees to it that all is as it should be once the debugger stands and the program's own code is next.

    A module finds its folder first on `sys.path` by its name, as `python -m` has it since Python 3.7: debugpy puts an
    empty string there, which means another folder after an `os.chdir`."""
    start_debugging = cli.start_debugging

    def start_and_arrange(*args):
        start_debugging(*args)
        if not plan.COMPILES:
            keep_nothing_compiled()
        if sys.version_info >= (3, 7) and sys.path[:1] == [""]:
            sys.path[0] = os.getcwd()

    cli.start_debugging = start_and_arrange
