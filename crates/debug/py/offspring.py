"""Owns how child processes that are debugged get a witness of their own. Never decides which are debugged.

pydevd starts them in two ways: it runs its own `pydevd.py` with the child's program, or puts code of its own before
what follows `-c`. Both lead over files of ours, which do the same after they have set the witness up.
"""

import os

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
