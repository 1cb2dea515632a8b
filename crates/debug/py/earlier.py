"""Owns what can be told of a text that was loaded before anybody looked: that it is not the file's of now, by the functions
that live of it. That it is the same can't be told of what ran once and is gone. Changes nothing; Python 2.7 and 3.5 on.
"""

import io

from types import CodeType, FunctionType


def is_another(module, path, same):
    """Whether a function of the module is none that the file has now; `same` compares two code objects."""
    with io.open(path, "rb") as file:
        text = file.read()
    try:
        made = _by_name(compile(text, path, "exec", 0, True), {})
    except Exception:
        # What Python does not take now it has taken once.
        return True
    codes = [function.__code__ for function in _functions(module)]
    return any(not any(same(code, other) for other in made.get(code.co_name, ())) for code in codes)


def _functions(module):
    """Those of the module and of its classes that were written in it."""
    found = list(vars(module).values())
    for value in list(found):
        if isinstance(value, type) and value.__module__ == module.__name__:
            found.extend(vars(value).values())
    found = [getattr(value, "__func__", value) for value in found]
    return [value for value in found if isinstance(value, FunctionType) and value.__module__ == module.__name__]


def _by_name(code, found):
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found.setdefault(inner.co_name, []).append(inner)
            _by_name(inner, found)
    return found
