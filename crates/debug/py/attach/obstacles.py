"""Owns why a process can't be attached to, one cause each: what can be seen of it from outside, and what the system refuses.
Never touches the process.
"""

import errno
import os
import platform
import pwd

YAMA = "/proc/sys/kernel/yama/ptrace_scope"


class Obstacle(Exception):
    """`why` is a word that the session knows, `about` what it has to say of it."""

    def __init__(self, why, about=""):
        Exception.__init__(self, why, about)
        self.why, self.about = why, about


def find(pid):
    """Raises the first thing that is in the way, and that can be told without trying."""
    status = _status(pid)
    if status is None:
        raise Obstacle("gone")
    if status["State"][0] in "ZX":
        raise Obstacle("gone")
    owner = int(status["Uid"].split()[0])
    if owner != os.getuid():
        raise Obstacle("user", _user(owner))
    if not _same_namespace(pid, "mnt") or not _same_namespace(pid, "pid"):
        raise Obstacle("container", command(pid))
    if status.get("TracerPid", "0") != "0":
        raise Obstacle("traced", "%s %s" % (status["TracerPid"], command(int(status["TracerPid"]))))
    if status["State"][0] in "Tt":
        raise Obstacle("stopped")
    if "pypy" in os.path.basename(_executable(pid)):
        raise Obstacle("pypy", _executable(pid))
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Obstacle("processor", "%s on %s" % (platform.system(), platform.machine()))
    try:
        import ctypes  # noqa: F401
    except ImportError:
        raise Obstacle("no_ctypes")


def forbidden(pid, error):
    """Why the system did not let us."""
    number = getattr(error, "errno", None)
    if number == errno.ESRCH or _status(pid) is None:
        return Obstacle("gone")
    if number not in (errno.EPERM, errno.EACCES):
        return Obstacle("failed", str(error))
    return Obstacle(*_who_forbids(_yama(), os.stat("/proc/%d/maps" % pid).st_uid != os.getuid()))


def _who_forbids(scope, is_protected):
    if scope in ("1", "2", "3"):
        return ("yama" + scope, scope)
    return ("protected", "") if is_protected else ("forbidden", "")


def _yama():
    try:
        with open(YAMA) as file:
            return file.read().strip()
    except OSError:
        return ""


def command(pid):
    """What a process calls itself."""
    try:
        with open("/proc/%d/comm" % pid, errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "?"


def _executable(pid):
    try:
        return os.readlink("/proc/%d/exe" % pid)
    except OSError:
        # Not to be seen by us; what that means is for the attempt to tell.
        return ""


def _status(pid):
    try:
        with open("/proc/%d/status" % pid, errors="replace") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return None


def _same_namespace(pid, name):
    try:
        return os.readlink("/proc/%d/ns/%s" % (pid, name)) == os.readlink("/proc/self/ns/%s" % name)
    except OSError:
        return True


def _user(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
