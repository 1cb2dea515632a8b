"""Owns hot reload: functions that live in this process get the code that the new text of their file has for them, with
its lines. Asked for by the session through a request that the debugger takes.

Runs no code of the program, and never applies half of a text: where something was changed that runs only once (the
body of a module or a class, a default value, a decorator), the file stays as it was loaded. Frames that run already go
on with what they have, and are told apart in stacks.
"""

import gc
import hashlib
import io

from types import CodeType, FunctionType

# `CO_OPTIMIZED`: set for functions, and not for the bodies of modules and classes.
_FUNCTION = 1

_current = {}
"""By the name in its code, the code objects of each reloaded file. Kept here, so that no other gets their number."""


def install(witness):
    """From now on the debugger takes requests to reload, and says in stacks what runs an earlier text."""
    try:
        import _pydevd_bundle.pydevd_process_net_command_json as commands

        processor = commands.PyDevJsonCommandProcessor
        original = processor.on_setdebuggerproperty_request
        if getattr(original, "_remora_reloads", False):
            return

        def set_property_or_reload(self, py_db, request):
            paths = request.arguments.kwargs.pop("remoraReload", None)
            if paths is not None:
                reload_all(witness, paths)
                # Those that came before the text did stand where the earlier one had a line.
                self.api.reapply_breakpoints(py_db)
                # What it knows of functions without breakpoints is of the earlier code.
                py_db.on_breakpoints_changed()
            return original(self, py_db, request)

        set_property_or_reload._remora_reloads = True
        processor.on_setdebuggerproperty_request = set_property_or_reload
        _tell_old_frames_apart()
        witness.say_always({"said": "reloads"})
    except Exception:
        # Then nobody answers, and the user starts anew.
        pass


def reload_all(witness, paths):
    """Reloads what this process has loaded of the files, and says when that is done."""
    for path in paths:
        try:
            reload_file(witness, path)
        except Exception:
            # A text that can't be compiled, or read: it stays as it was loaded.
            pass
    witness.tell({"said": "reloaded"})


def reload_file(witness, path):
    """Gives living functions the code of the file's present text; whether it could."""
    known = witness.code_of(path)
    if known is None:
        return False
    path, old = known
    with io.open(path, "rb") as file:
        text = file.read()
    new = compile(text, old.co_filename, "exec", 0, True)
    pairs = []
    if not _matches(old, new, pairs):
        return False
    code_for = dict((id(before), after) for before, after in pairs)
    for function in gc.get_objects():
        if type(function) is FunctionType and id(function.__code__) in code_for:
            function.__code__ = code_for[id(function.__code__)]
    _current[old.co_filename] = dict((id(code), code) for code in _all_of(new))
    witness.note_reloaded(path, new, hashlib.sha256(text).hexdigest())
    return True


def _matches(old, new, pairs):
    """Whether what runs once is the same in both, apart from lines; `pairs` gets the functions."""
    if old.co_name != new.co_name or old.co_freevars != new.co_freevars or old.co_flags != new.co_flags:
        return False
    inner = [[const for const in code.co_consts if isinstance(const, CodeType)] for code in (old, new)]
    if old.co_flags & _FUNCTION:
        # Its inner functions are made anew whenever it runs; those that live follow where there is no doubt which is which.
        pairs.append((old, new))
        if [code.co_name for code in inner[0]] != [code.co_name for code in inner[1]]:
            return not inner[0]
    elif _once(old) != _once(new):
        return False
    return all(_matches(before, after, pairs) for before, after in zip(*inner))


def _once(code):
    """What a body does."""
    consts = [None if isinstance(const, CodeType) else _line_or(const, code) for const in code.co_consts]
    return code.co_code, code.co_names, [(type(const), repr(const)) for const in consts]


def _line_or(const, code):
    """From Python 3.13 on the body of a class says in which line it stands."""
    says_line = "__firstlineno__" in code.co_names and type(const) is int and const == code.co_firstlineno
    return "line" if says_line else const


def _all_of(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            for inner in _all_of(const):
                yield inner


def _is_old(frame):
    code = getattr(frame, "f_code", None)
    current = _current.get(getattr(code, "co_filename", None))
    return current is not None and id(code) not in current


def _tell_old_frames_apart():
    from _pydevd_bundle import pydevd_net_command_factory_json as factory
    from _pydevd_bundle._debug_adapter import pydevd_schema

    old = set()
    frames_of = factory.NetCommandFactoryJson._iter_visible_frames_info
    plain = pydevd_schema.StackFrame

    def iter_and_note(self, *args, **kwargs):
        for info in frames_of(self, *args, **kwargs):
            old.discard(info[0])
            if _is_old(info[1]):
                old.add(info[0])
            yield info

    class StackFrame(plain):
        __slots__ = []

        def __init__(self, id, *args, **kwargs):
            if id in old:
                kwargs["remora"] = "old"
            plain.__init__(self, id, *args, **kwargs)

    factory.NetCommandFactoryJson._iter_visible_frames_info = iter_and_note
    pydevd_schema.StackFrame = StackFrame
