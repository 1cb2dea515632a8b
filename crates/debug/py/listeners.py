"""Owns the kinds of listener that take the place of a debugger's own TCP ones.

A debug client's listener becomes a Unix socket that only its owner may open: whoever reaches a debugger's
port can run code as its user. If the user wants a port all the same, it takes connections from the user's machine only.
A listener between parts of the debugger stays TCP and takes only connections of the same user. Never decides which
listener is which.
"""

import binascii
import errno
import fcntl
import os
import socket
import struct


def for_clients(plan):
    """Where a debug client connects, as the run was asked for."""
    if plan.EXPOSED:
        return ExposedListener(plan.EXPOSED["port"], plan.EXPOSED["to"])
    return UnixListener(plan.socket_path(), plan.PORT)


class UnixListener(object):
    """A listening Unix socket, mode 0600, that gives itself out as `127.0.0.1:port`."""

    def __init__(self, path, port):
        self._shown = ("127.0.0.1", port)
        self._lock = _hold(path + ".lock")
        try:
            # What stands there is the socket of a process that has ended: its lock was free.
            os.unlink(path)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.bind(path)
            # Before listen(): until then a connect is refused, so nobody slips in between.
            os.chmod(path, 0o600)
            self._sock.listen(socket.SOMAXCONN)
        except Exception:
            self._sock.close()
            raise

    def accept(self):
        sock, _ = self._sock.accept()
        return sock, self._shown

    def getsockname(self):
        return self._shown

    def shutdown(self, how):
        self._sock.shutdown(how)

    def close(self):
        self._sock.close()
        os.close(self._lock)


class OwnListener(object):
    """Wraps a listening TCP socket and closes connections that another user makes, unanswered."""

    def __init__(self, sock):
        self._sock = sock

    def accept(self):
        while True:
            sock, address = self._sock.accept()
            if self._is_own(address, peer_uid(address, sock.getsockname())):
                return sock, address
            sock.close()

    def _is_own(self, _address, uid):
        return uid is None or uid == os.getuid()

    def __getattr__(self, name):
        return getattr(self._sock, name)


class ExposedListener(OwnListener):
    """Listens on a port of every address, and takes connections from one machine, and of this user on this one."""

    def __init__(self, port, allowed):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # What was there a moment ago to see whether the port can be reached may still be closing.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("0.0.0.0", port))
            sock.listen(socket.SOMAXCONN)
        except Exception:
            sock.close()
            raise
        OwnListener.__init__(self, sock)
        self._allowed = allowed

    def _is_own(self, address, uid):
        # Whose a connection is, the system tells of those that begin on this machine.
        return address[0] == self._allowed if uid is None else uid == os.getuid()


def peer_uid(peer, local):
    """Whose the other end of a loopback connection is; None where the system does not tell."""
    table = "/proc/net/tcp6" if ":" in peer[0] else "/proc/net/tcp"
    wanted = [_hexadecimal(peer), _hexadecimal(local)]
    try:
        with open(table) as rows:
            for row in rows:
                fields = row.split()
                if fields[1:3] == wanted:
                    return int(fields[7])
    except (IOError, OSError):
        pass
    return None


def _hexadecimal(address):
    """`address` as /proc/net/tcp writes it: 32-bit words in the machine's byte order."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    packed = socket.inet_pton(family, address[0])
    words = struct.unpack("!%dI" % (len(packed) // 4), packed)
    turned = struct.pack("=%dI" % len(words), *words)
    return "%s:%04X" % (binascii.hexlify(turned).decode("ascii").upper(), address[1])


def _hold(path):
    """Locks `path` for the life of this process. Asking the socket itself, by connecting to it, would break
    the debugger that listens there."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # Python 2 and 3.3 hand descriptors down to every program they start.
        fcntl.fcntl(lock, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (IOError, OSError) as error:
        os.close(lock)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        raise socket.error(errno.EADDRINUSE, "another process of this run listens for a debug client already")
    return lock
