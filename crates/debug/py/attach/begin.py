"""What is run first in a process that is attached to, in its main thread, by whatever has hold of it: starts a thread that
does the rest. Does nothing that could wait for what this thread has in its hands. Python 2.7 and 3.5 on.
"""

try:
    import _thread as thread
except ImportError:
    import thread

# Whoever imports it first makes its own thread the main one.
import threading  # noqa: F401


def _rest(path, asked):
    names = {"__name__": "_remora_inside", "__file__": path}
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec", 0, True), names)
    names["begin"](asked)


# `INSIDE` and `ASKED` are handed in.
thread.start_new_thread(_rest, (INSIDE, ASKED))  # noqa: F821
