"""Owns how the witness sees what this process loads: imports, the file that is run as `__main__`, and forks.

Stands where Python's own machinery can be watched without changing what it does, in Python 2.7 and from 3.5 on. Never
reads or judges a text: that is the witness's, a module (or what has its names) that is handed in.
"""

import io
import os
import sys

try:
    import _thread as thread
except ImportError:
    import thread

# Kept by names of their own: programs under test replace the modules' functions.
_open, _join, _isfile = io.open, os.path.join, os.path.isfile


_watching = False


def install(witness, run, roots):
    """From here on all that this process loads from below `roots` is noted."""
    global _watching
    try:
        # One that was attached to before is watched already.
        if not witness.begin(run, roots) or _watching:
            return
        _watching = True
        if sys.version_info[0] == 2:
            _watch_imports_of_2(witness)
        else:
            _watch_imports_of_3(witness)
        # debugpy runs programs by a copy of its own.
        for runpy in [__import__("runpy"), sys.modules.get("_pydevd_bundle.pydevd_runpy")]:
            _watch_main(witness, runpy)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=witness.begin_again)
        else:
            _watch_forks(witness)
    except Exception:
        # The program runs all the same, and what it loads counts as unknown.
        pass


def note_running(witness):
    """Notes what was loaded before the witness came: of a file that has not changed since the process began, its text."""
    from . import earlier

    began = _process_began()
    main = sys.modules.get("__main__")
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if not path:
            continue
        path = path[:-1] if path.endswith((".pyc", ".pyo")) else path
        code = _frame_code(main) if module is main else None
        before = witness.status_of(path)
        if code is None and (began is None or before is None or before.st_ctime > began - 0.1):
            witness.note_present(path)
        else:
            witness.note(path, before, code, code is not None)
        witness.note_earlier(path, lambda same: earlier.is_another(module, path, same))


# Compiled under the names of importlib's own files, so that a traceback leaves these frames out as it leaves out the
# others of an import. They call what they stand for and change nothing of it.
_CODE_OF_FILES = """
def get_code(self, fullname):
    noted = begun(self)
    code = original(self, fullname)
    ended(self, fullname, code, noted)
    return code
"""
_CODE_OF_CACHES = """
def compile_bytecode(*args, **kwargs):
    from_cache(args, kwargs)
    return original(*args, **kwargs)
"""
_CODE_OF_OTHERS = """
def module_from_spec(spec):
    before_others(spec)
    return original(spec)
"""


def _watch_imports_of_3(witness):
    import importlib._bootstrap as bootstrap
    import importlib._bootstrap_external as external

    caches = thread._local()

    def begun(loader):
        caches.used = None
        return witness.status_of(getattr(loader, "path", None) or "")

    def ended(loader, name, code, before):
        path = getattr(loader, "path", None)
        cache = getattr(caches, "used", None)
        if path and code is not None:
            witness.note(path, before, code, cache is not None and _is_cache_doubtful_3(witness, before, cache), name)

    def from_cache(args, kwargs):
        caches.used = kwargs.get("bytecode_path") or (args[2] if len(args) > 2 else "")

    def before_others(spec):
        """Loaders that read a file in their own way, as pytest's does for its tests."""
        try:
            loader, path = spec.loader, spec.origin
            if spec.has_location and not isinstance(loader, (external.SourceLoader, external.ExtensionFileLoader)):
                witness.note(path, witness.status_of(path), None, False, spec.name)
        except Exception:
            pass

    def stand_in(owner, name, text, file, **names):
        names["original"] = getattr(owner, name)
        exec(compile(text, "<frozen importlib.%s>" % file, "exec"), names)
        setattr(owner, name, names[text.split("(", 1)[0].split()[1]])

    stand_in(external, "_compile_bytecode", _CODE_OF_CACHES, "_bootstrap_external", from_cache=from_cache)
    stand_in(external.SourceLoader, "get_code", _CODE_OF_FILES, "_bootstrap_external", begun=begun, ended=ended)
    stand_in(bootstrap, "module_from_spec", _CODE_OF_OTHERS, "_bootstrap", before_others=before_others)


def _is_cache_doubtful_3(witness, source, cache):
    try:
        with _open(cache, "rb") as file:
            head = file.read(8)
        # From 3.7 on a cache may say that nobody shall look whether it is the source's.
        if sys.version_info >= (3, 7) and bytearray(head)[4] & 3 == 1:
            return True
    except Exception:
        return True
    return witness.is_cache_doubtful(source, cache)


def _watch_imports_of_2(witness):
    import imp
    import marshal
    import pkgutil

    class Looker(object):
        """Finds nothing, and so leaves each import to Python; but sees what it is about to find."""

        @staticmethod
        def find_module(fullname, path=None):
            try:
                if "." in fullname and path is None:
                    return None
                found, place, (_, _, kind) = imp.find_module(fullname.rpartition(".")[2], path)
                if found is not None:
                    found.close()
                if kind == imp.PKG_DIRECTORY:
                    place, kind = _join(place, "__init__.py"), imp.PY_SOURCE
                if kind == imp.PY_SOURCE and _isfile(place):
                    note_of_2(place, fullname)
            except Exception:
                pass
            return None

    def note_of_2(path, name):
        before = witness.status_of(path)
        code = cached(path, before)
        witness.note(path, before, code, code is not None and witness.is_cache_doubtful(before, path + "c"), name)

    def cached(path, before):
        """What Python will take in place of the text, if it will."""
        try:
            with _open(path + "c", "rb") as file:
                content = file.read()
        except Exception:
            return None
        time = sum(ord(byte) << shift for byte, shift in zip(content[4:8], (0, 8, 16, 24)))
        if content[:4] != imp.get_magic() or time != int(before.st_mtime) & 0xFFFFFFFF:
            return None
        return marshal.loads(content[8:])

    get_code = pkgutil.ImpLoader.get_code

    def get_code_and_note(self, fullname=None):
        code = get_code(self, fullname)
        path = self.get_filename(fullname)
        witness.note(path, witness.status_of(path), code, True, fullname)
        return code

    sys.meta_path.insert(0, Looker)
    pkgutil.ImpLoader.get_code = get_code_and_note


def _watch_main(witness, runpy):
    """Notes a file that is run as `__main__`."""
    code_from_file = getattr(runpy, "_get_code_from_file", None)
    if code_from_file is None or getattr(code_from_file, "_remora_watches", False):
        return

    def get_code_and_note(*args):
        before = witness.status_of(args[-1])
        result = code_from_file(*args)
        code = result[0] if isinstance(result, tuple) else result
        witness.note(args[-1], before, code, False, "__main__")
        return result

    get_code_and_note._remora_watches = True
    runpy._get_code_from_file = get_code_and_note


def _watch_forks(witness):
    fork = os.fork

    def fork_and_begin():
        pid = fork()
        if pid == 0:
            witness.begin_again()
        return pid

    os.fork = fork_and_begin


def _frame_code(main):
    """The code of the main module, if it still runs."""
    for frame in list(sys._current_frames().values()):
        while frame is not None:
            if frame.f_globals is main.__dict__ and frame.f_code.co_name == "<module>":
                return frame.f_code
            frame = frame.f_back
    return None


def _process_began():
    """When this process began, in seconds since 1970; None where the system does not tell."""
    try:
        with _open("/proc/self/stat") as file:
            ticks = float(file.read().rpartition(")")[2].split()[19])
        with _open("/proc/stat") as file:
            booted = [float(line.split()[1]) for line in file if line.startswith("btime")][0]
        return booted + ticks / os.sysconf("SC_CLK_TCK")
    except Exception:
        return None
