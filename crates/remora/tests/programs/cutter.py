"""Passes a shell's input on and ends somebody after so many bytes of it.

Owns the moment. Stands between Remora and the shell that it starts, as its command or as a server's forced command.
The folder that it is given holds `moment` (`KIND BYTES`), `sidecar` (a process id) and `alive`, which is locked as long
as it or the shell lives; `passed` is how many bytes went through. Never changes a byte.
"""

import fcntl
import os
import signal
import subprocess
import sys

FOLDER = sys.argv[1]


def of(name):
    return os.path.join(FOLDER, name)


def server(pid):
    """The nearest process above that is the server's."""
    while pid > 1:
        with open("/proc/%d/stat" % pid) as file:
            name, _, rest = file.read().partition("(")[2].rpartition(")")
        if name.startswith("sshd"):
            return pid
        pid = int(rest.split()[1])
    raise SystemExit("no server above")


def end(kind, shell):
    if kind == "sidecar":
        with open(of("sidecar")) as file:
            os.kill(int(file.read()), signal.SIGKILL)
    elif kind == "agent":
        os.killpg(shell.pid, signal.SIGKILL)
    elif kind == "server":
        os.kill(server(os.getppid()), signal.SIGKILL)
    # "pipe": it ends here.
    os._exit(1)


def main():
    alive = os.open(of("alive"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(alive, fcntl.LOCK_SH)
    with open(of("moment")) as file:
        kind, left = file.read().split()
    left, passed = int(left), 0
    command = os.environ.get("SSH_ORIGINAL_COMMAND")
    argv = ["sh"] if command is None else ["sh", "-c", command]
    shell = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True, pass_fds=[alive])
    while True:
        data = os.read(0, 65536)
        if not data:
            break
        data, rest = (data, b"") if kind == "never" else (data[:left], data[left:])
        try:
            while data:
                written = os.write(shell.stdin.fileno(), data)
                data, left, passed = data[written:], left - written, passed + written
        except BrokenPipeError:
            break
        if kind != "never" and left == 0:
            end(kind, shell)
    shell.stdin.close()
    with open(of("passed"), "w") as file:
        file.write(str(passed))
    sys.exit(shell.wait())


main()
