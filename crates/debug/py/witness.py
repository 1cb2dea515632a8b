"""Owns what is noted, in the process that is debugged, of the text that it really loaded: for each source file below
the program's remote roots its digest, when its code is about to run.

Says it on the run's control socket and never waits for that. Never changes what is loaded, and never breaks a
program: where anything fails, nothing is said of that file, which then counts as unknown. Imported by path in child
processes too, before the debugger: it imports neither the debugger nor `threading`.
"""

import hashlib
import io
import json
import os
import socket
import stat
import sys

from types import CodeType

try:
    import _thread as thread
except ImportError:
    import thread

# Kept by names of their own: programs under test replace the modules' functions.
_abspath, _realpath, _join = os.path.abspath, os.path.realpath, os.path.join
_isfile, _isdir, _islink = os.path.isfile, os.path.isdir, os.path.islink
_fstat, _stat, _getpid, _open, _sha256 = os.fstat, os.stat, os.getpid, io.open, hashlib.sha256
_socket, _dumps, _compile = socket.socket, json.dumps, compile

LOST = object()
"""Said of a text that nobody can tell any more."""


class Witness(object):
    """What this process has said so far."""

    def __init__(self, run, roots):
        # Python 2: paths are bytes, and what came as JSON is not.
        roots = [root if isinstance(root, str) else root.encode("utf-8") for root in roots]
        self.control = _join(run, "ctl")
        self.roots = sorted(set(roots + [_realpath(root) for root in roots]))
        self.lock = thread.allocate_lock()
        self.lines = {}
        self.codes = {}
        self.unsent = b""
        self.begin()

    def begin(self):
        """Also in a forked child: whoever hears it knows nothing of that one yet."""
        self.pid, self.line, self.inode = _getpid(), None, None
        self.unsent = self.bytes_of({"said": "began"})
        for said in list(self.lines.values()):
            self.unsent += self.bytes_of(said)
        self.lock = thread.allocate_lock()
        self.send()

    def bytes_of(self, said):
        return (_dumps(dict(said, pid=self.pid)) + "\n").encode("ascii")

    def say(self, key, said):
        if self.pid != _getpid():
            self.begin()
        if self.lines.get(key) != said:
            self.lines[key] = said
            self.unsent += self.bytes_of(said)
        self.send()

    def tell(self, said):
        """Says something that is not of a file."""
        self.unsent += self.bytes_of(said)
        self.send()

    def send(self):
        """Sends what there is room for. Whoever finds another at it leaves it to that one."""
        while self.unsent and self.lock.acquire(False):
            try:
                if not self.is_connected():
                    self.line = _socket(socket.AF_UNIX, socket.SOCK_STREAM)
                    self.line.setblocking(False)
                    self.line.connect(self.control)
                    status = _fstat(self.line.fileno())
                    self.inode = (status.st_dev, status.st_ino)
                sent = self.line.send(self.unsent)
                self.unsent = self.unsent[sent:]
            except Exception:
                # No room now; the next line brings this one along.
                return
            finally:
                self.lock.release()

    def is_connected(self):
        """A program that closes all its descriptors closes ours, whose number may then be that of a file of its own."""
        if self.line is None or self.inode is None:
            return False
        try:
            status = _fstat(self.line.fileno())
        except Exception:
            status = None
        if status is not None and (status.st_dev, status.st_ino) == self.inode:
            return True
        if hasattr(self.line, "detach"):
            self.line.detach()
        return False

    def below_root(self, path):
        return any(path.startswith(root.rstrip("/") + "/") for root in self.roots)


_witness = None


def begin(run, roots):
    """From here on what is noted of files below `roots` is said in the private folder `run`. False if there is nobody
    to say it to."""
    global _witness
    if _witness is not None or not run or not roots:
        return False
    _witness = Witness(run, roots)
    return True


def end():
    """From here on nothing is noted, until it begins again."""
    global _witness
    ended, _witness = _witness, None
    if ended is not None and ended.is_connected():
        ended.line.close()


def begin_again():
    """In a forked child."""
    if _witness is not None:
        _witness.begin()


def note(path, before, code, doubted=False, name=None):
    """Notes that the text of `path` is about to run, or that it is `code` that was made of it. `before` is the file's
    status from before it was read; with `doubted`, the code may be of another text."""
    if _witness is None:
        return
    try:
        path = _abspath(path)
        if path.endswith((".pyc", ".pyo")):
            path = path[:-1]
        if not path.endswith((".py", ".pyw")):
            return
        real = _real(path)
        _note_elsewhere(path, real, name)
        if not (_witness.below_root(path) or _witness.below_root(real)):
            return
        digest = _digest(path, before, code, doubted)
        # That it was loaded is known all the same.
        said = {"said": "present", "path": path}
        if digest is not None:
            said = {"said": "loaded", "path": path, "sha256": None if digest is LOST else digest}
        if real != path:
            said["real"] = real
        if code is not None and digest is not LOST:
            _witness.codes[path] = code
        _witness.say(path, said)
    except Exception:
        pass


def code_of(path):
    """What was loaded of a file, by one of its names: its path here, and its code."""
    for known, code in list(_witness.codes.items()):
        if path in (known, _witness.lines.get(known, {}).get("real")):
            return known, code
    return None


def note_reloaded(path, code, digest):
    """Notes that the functions of `path` are now those of this text."""
    _witness.codes[path] = code
    _witness.say(path, dict(_witness.lines[path], sha256=digest))


def tell(said):
    _witness.tell(said)


def say_always(said):
    """Says something of this process that is as true of those that it forks."""
    if _witness is not None:
        _witness.say(said["said"], said)


def _note_elsewhere(path, real, name):
    """A module that was loaded from another file than one that the project has for it."""
    if not name or name == "__main__":
        return
    tail = name.replace(".", "/") + ("/__init__.py" if path.endswith("/__init__.py") else ".py")
    for root in _module_roots():
        ours = root + "/" + tail
        if ours != path and _isfile(ours) and _real(ours) != real:
            _witness.say(ours, {"said": "elsewhere", "path": ours, "module": name, "loaded": path})


def note_present(path):
    """Notes that `path` was loaded some time ago; of which text, nobody can tell."""
    note(path, None, None)


def note_earlier(path, is_another):
    """Notes that `path`, which was loaded some time ago, had another text then: if what runs is not the file's, or else if
    `is_another` can tell by comparing code."""
    path = _abspath(path)
    said = _witness and _witness.lines.get(path)
    try:
        if said and said.get("sha256") is None and (said["said"] == "loaded" or is_another(_same_code)):
            _witness.say(path, dict(said, said="earlier"))
    except Exception:
        pass


_folders = {}
_known_path = (None, ())


def _module_roots():
    """The folders of the project in which its modules may stand."""
    global _known_path
    entries = tuple(entry for entry in sys.path if isinstance(entry, str))
    if _known_path[0] != entries:
        roots = [root + ending for root in _witness.roots for ending in ("", "/src")]
        found = [_abspath(entry) for entry in entries]
        roots += [entry for entry in found if _witness.below_root(entry) and entry not in roots]
        _known_path = (entries, [root for root in roots if _isdir(root)])
    return _known_path[1]


def _real(path):
    """The path without links; where a folder leads is asked once."""
    folder, _, name = path.rpartition("/")
    if folder not in _folders:
        _folders[folder] = _realpath(folder)
    return _realpath(path) if _islink(path) else _folders[folder] + "/" + name


def _digest(path, before, code, doubted):
    """SHA-256 of the text that was loaded; LOST if it is not the file's, None if that can't be told."""
    if before is None:
        return None
    with _open(path, "rb") as file:
        text = file.read()
        after = _fstat(file.fileno())
    if not stat.S_ISREG(after.st_mode):
        return None
    if _signature(before) != _signature(after):
        doubted = True
    if doubted:
        if code is None:
            return None
        try:
            made = _compile(text, path, "exec", 0, True)
        except Exception:
            return LOST
        if not _same_code(code, made):
            return LOST
    return _sha256(text).hexdigest()


def _signature(status):
    time = getattr(status, "st_ctime_ns", status.st_ctime)
    return status.st_dev, status.st_ino, status.st_size, time, getattr(status, "st_mtime_ns", status.st_mtime)


def status_of(path):
    """What the system says of the file; None where there is none."""
    try:
        return _stat(path)
    except Exception:
        return None


def is_cache_doubtful(source, cache):
    """Whether what Python compiled may be of an earlier text: it compares whole seconds and the size, and a file
    that was saved twice in a second may have neither changed. Compiled after the file's last change, it is not."""
    status = status_of(cache) if cache else None
    if status is None or source is None:
        return True
    made = getattr(status, "st_mtime_ns", status.st_mtime)
    return made <= getattr(source, "st_ctime_ns", source.st_ctime)


def _same_code(one, other):
    """Whether two code objects are of the same lines and do the same; the files that they name do not count."""
    for name in ("co_name", "co_firstlineno", "co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars"):
        if getattr(one, name) != getattr(other, name):
            return False
    # From 3.10 on lines are in another table, and asking for the old one is deprecated.
    lines = "co_linetable" if hasattr(one, "co_linetable") else "co_lnotab"
    if getattr(one, lines) != getattr(other, lines) or len(one.co_consts) != len(other.co_consts):
        return False
    for left, right in zip(one.co_consts, other.co_consts):
        if isinstance(left, CodeType) and isinstance(right, CodeType):
            if not _same_code(left, right):
                return False
        elif type(left) is not type(right) or repr(left) != repr(right) and left != right:
            return False
    return True
