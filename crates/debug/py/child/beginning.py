"""What a debugged child process does first: sets up its witness, and sees to it that its own children do. Run by
`exec`, with `__file__` set; leaves no name in the program. Never keeps a child from running.
"""

import os
import sys


def _load(path):
    """A file of ours by its path: the package that it belongs to would bring the debugger in too early."""
    module = type(os)("_remora")
    module.__file__ = path
    # Python 2 empties a module when nothing refers to it any more, and its functions go on.
    module.itself = module
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
    return module


def _begin():
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    plan = _load(os.path.join(ours, "plan.py"))
    witness = _load(os.path.join(ours, "witness.py"))
    _load(os.path.join(ours, "offspring.py")).follow()
    try:
        import _pydevd_bundle.pydevd_runpy  # noqa: F401, the witness looks for it
    except ImportError:
        _watch_execfile(witness)
    _load(os.path.join(ours, "imports.py")).install(witness, plan.RUN, plan.ROOTS)
    if sys.version_info[0] > 2:
        _load(os.path.join(ours, "reload.py")).install(witness)


def _watch_execfile(witness):
    """debugpy 1.5.1 runs a child's program by this."""
    from _pydev_bundle import pydev_imports

    execfile = pydev_imports.execfile

    def note_and_execfile(file, *args):
        witness.note(file, witness.status_of(file), None, False, "__main__")
        return execfile(file, *args)

    pydev_imports.execfile = note_and_execfile


try:
    _begin()
except Exception:
    pass
