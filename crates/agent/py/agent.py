"""Remora's helper on the remote: first part, with what all the others need.

Owns the constants, the errors and how paths stand in JSON. Never touches a file or a socket.

You are reading the whole of what Remora runs on this machine. Nothing is installed: the text comes over the
connection that somebody opened with your login, runs with your rights, and is gone when the connection ends; if it holds
a detached run, when that ends.
It needs Python 3.6 or later and only the standard library. The parts (agent, wire, poller, streams, files, fresh, apply,
moves, rebuild, listing, cache, trash, claims, names, kin, processes, terminals, foresight, standing, sockets, held, loop,
holder) are joined into one text in this order before they are sent, so a name from an earlier part is simply there.
PROTOCOL.md describes what is spoken.
"""

import base64
import collections
import errno
import fcntl
import functools
import hashlib
import heapq
import io
import itertools
import json
import os
import pwd
import re
import resource
import selectors
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios
import threading
import time
import traceback
import types
import zlib

MAGIC = "remora-agent"
PROTOCOL = 1

# The largest payload of one frame. A longer one means that the two sides are out of step.
MAX_PAYLOAD = 256 * 1024
# The largest body that is held in memory (all but file uploads). The list of paths of a survey is the largest.
MAX_BODY = 256 * 1024 * 1024
# File bodies travel in pieces of this size, so that a debugger's frame waits for one piece at most.
CHUNK = 32 * 1024
# What one stream may send in one direction before the other side has consumed it.
WINDOW = 256 * 1024
# Credit is given back in pieces of this size: often enough to keep a stream busy, seldom enough to be cheap.
WINDOW_STEP = WINDOW // 4
# With no word from the client for this long (it pings every 10 s) the connection is taken for dead.
SILENCE = 60.0
# A private folder without a living agent is removed after this long; a younger one may be just being made.
ORPHAN_AGE = 60.0
# How long a long job runs before the loop looks after the streams again.
SLICE = 0.005

# What a chain of errno values means to the other side; the names stand in PROTOCOL.md.
KINDS = {
    errno.ENOENT: "not_found",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "read_only",
    errno.ENOSPC: "no_space",
    errno.EDQUOT: "no_space",
    errno.EFBIG: "no_space",
    errno.ELOOP: "outside_root",
    errno.ENOTDIR: "in_the_way",
    errno.EISDIR: "in_the_way",
    errno.ENOTEMPTY: "in_the_way",
    errno.EEXIST: "in_the_way",
    errno.EADDRINUSE: "address_in_use",
    errno.EADDRNOTAVAIL: "invalid",
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timed_out",
    errno.ENAMETOOLONG: "invalid",
}


class OpError(Exception):
    """A request that is refused or failed; `kind` is one of the names in PROTOCOL.md."""

    def __init__(self, kind, message):
        Exception.__init__(self, message)
        self.kind = kind
        self.message = message


class Garbled(Exception):
    """The client broke the protocol: nothing that follows can be trusted."""


def error_head(error):
    """What the reply says of `error`. An error that nobody foresaw is told with the line it came from."""
    if isinstance(error, OpError):
        kind, message = error.kind, error.message
    elif isinstance(error, OSError):
        kind, message = KINDS.get(error.errno, "other"), os_error_text(error)
    elif isinstance(error, (KeyError, TypeError, ValueError)):
        kind, message = "invalid", unforeseen(error)
    else:
        kind, message = "other", unforeseen(error)
    return {"error": {"kind": kind, "message": message}}


def os_error_text(error):
    """`[Errno 13] Permission denied: '/srv/x'`, also when the name is bytes or is not known."""
    name = error.filename
    if isinstance(name, bytes):
        name = show(name)
    text = "[Errno %s] %s" % (error.errno, error.strerror)
    return text if name is None or isinstance(name, int) else "%s: '%s'" % (text, name)


def unforeseen(error):
    """The last line of the traceback and where it points to."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = " (agent.py line %d)" % last[0].lineno if last else ""
    return traceback.format_exception_only(type(error), error)[-1].strip() + where


def show(path):
    """A path made of bytes, for a message."""
    return path.decode("utf-8", "backslashreplace")


def path_from(value):
    """A path in JSON is a string, or `{"b64": …}` when it is not UTF-8. Here it is always bytes."""
    path = base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode("utf-8")
    if b"\0" in path or not path:
        raise OpError("invalid", "a path is empty or holds a NUL")
    return path


def path_to(path):
    """The reverse of `path_from`."""
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(path).decode("ascii")}


def parts_of(path):
    """The parts of a path below a root, or an error if it would leave the root."""
    parts = path.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts):
        raise OpError("outside_root", "not a path below the root: '%s'" % show(path))
    return parts


