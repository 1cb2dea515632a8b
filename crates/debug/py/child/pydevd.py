"""What a debugged child process runs in place of pydevd's own `pydevd.py`: sets the witness up, then becomes that
file, under its name and with its arguments. Decides nothing.
"""

import os
import sys


def _run(path, names):
    names["__file__"] = path
    with open(path, "rb") as file:
        # `dont_inherit`, as if it were run by itself.
        exec(compile(file.read(), path, "exec", 0, True), names)


_here = os.path.dirname(os.path.abspath(__file__))
_vendored = os.path.join(os.path.dirname(os.path.dirname(_here)), "_vendored", "pydevd")
sys.path[0] = _vendored
_run(os.path.join(_here, "beginning.py"), {"__name__": "_remora"})
sys.argv[0] = os.path.join(_vendored, "pydevd.py")
_run(sys.argv[0], globals())
