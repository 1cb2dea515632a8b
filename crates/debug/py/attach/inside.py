"""What is done in a process that is attached to, in a thread of its own: brings the debugger in, has it listen for the
session, and lets go of the process when the session is over, whatever became of it.

The session holds one end of a connection, this process the other: where one end is gone, the other side is over. Never
stops the process. Run by `exec`, with `__file__` set; Python 2.7 and 3.5 on.
"""

import fcntl
import json
import os
import socket
import sys
import threading


def begin(asked):
    """Starts the thread; the one that calls this is nobody's that `threading` knows."""
    caller = set(threading._active)
    thread = threading.Thread(target=_serve, args=(json.loads(asked),), name="remora")
    thread.daemon = thread.pydev_do_not_trace = thread.is_pydev_daemon_thread = True
    # Python 2 has noted the caller by now.
    for ident in set(threading._active) - caller:
        threading._active.pop(ident, None)
    thread.start()


def _serve(asked):
    lease = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Children that had it, too, would keep it open after this process's end.
    fcntl.fcntl(lease, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lease.close)
    try:
        lease.connect(asked["lease"])
    except (OSError, socket.error):
        # Nobody waits any more: this process had other things to do for too long.
        lease.close()
        return
    others = "debugpy" in sys.modules or "pydevd" in sys.modules
    try:
        debugger = _debugger(asked["tree"])
    except Exception as error:
        return _refuse(lease, "debugged" if others else "failed", error)
    # The session before this one may not have let go yet.
    with debugger.one_at_a_time:
        try:
            debugger.listen(asked)
        except Exception as error:
            _refuse(lease, "debugged" if isinstance(error, debugger.Debugged) else "failed", error)
        else:
            _stay(lease)
        debugger.let_go()


def _stay(lease):
    """Until the session is over."""
    try:
        while lease.recv(1024):
            pass
    except (OSError, socket.error):
        pass
    lease.close()


def _refuse(lease, why, error):
    said = json.dumps({"why": why, "about": "%s: %s" % (type(error).__name__, error)})
    try:
        lease.sendall((said + "\n").encode("ascii"))
    except (OSError, socket.error):
        pass
    lease.close()


def _debugger(tree):
    """Ours, of this session or an earlier one. Another one's has no part of this name."""
    sys.path.insert(0, tree)
    try:
        from debugpy._remora.attach import debugger
    finally:
        sys.path.remove(tree)
    return debugger
