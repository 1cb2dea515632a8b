"""Stands for a program that listens for a debug client by itself: says who it is, and ends with it or with the session.
`- PID ROOT...` with the environment of a run. SIGUSR1 ends the program.

Never touches it otherwise. Of files that were changed since it began nobody can tell which text it has.
"""

import json
import os
import select
import signal
import socket
import sys

LEFT_OUT = (".git", "__pycache__", "node_modules", ".venv", "venv")


def main(words):
    pid = int(words[0]) if words[0] != "-" else None
    began = os.stat("/proc/%d" % pid).st_ctime if pid is not None else None
    lines = [{"said": "began", "pid": pid}] if pid is not None else []
    if began is not None:
        lines += [{"said": "present", "pid": pid, "path": path} for root in words[1:] for path in changed(root, began)]
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.connect(os.path.join(os.environ["REMORA_RUN"], "ctl"))
    lines.append({"said": "listening", "pid": pid})
    control.sendall("".join(json.dumps(line) + "\n" for line in lines).encode("ascii"))
    control.close()
    if pid is not None:
        signal.signal(signal.SIGUSR1, lambda *_: os.kill(pid, signal.SIGTERM))
    watched = [sys.stdin]
    if pid is not None and hasattr(os, "pidfd_open"):
        watched.append(os.pidfd_open(pid))
    select.select(watched, [], [])


def changed(root, began):
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            path = os.path.join(folder, name)
            try:
                if name.endswith(".py") and os.stat(path).st_ctime > began:
                    yield path
            except OSError:
                pass


main(sys.argv[1:])
