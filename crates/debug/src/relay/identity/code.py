"""Says which lines of source files have code, as this interpreter compiles them, and where their links lead. Runs over
there in the interpreter of the program, from 2.7 on. Never runs what it compiles, and prints one line.
"""

import sys

# It runs in nobody's folder, where a `json.py` must not be taken for the library's.
sys.path[:] = [part for part in sys.path if part]

import dis
import hashlib
import json
import os

from types import CodeType

LARGEST = 8 * 1024 * 1024


def lines_of(code):
    """Those of a code object and of all that are in it. From 3.11 on some instructions have no line, or 0."""
    found = set(line for _, line in dis.findlinestarts(code) if line)
    for const in code.co_consts:
        if isinstance(const, CodeType):
            found |= lines_of(const)
    return found


def look(path):
    """None for a file that can't be read; without lines, if it can't be compiled."""
    try:
        if os.path.getsize(path) > LARGEST:
            return None
        with open(path, "rb") as file:
            text = file.read()
    except (IOError, OSError):
        return None
    try:
        # `dont_inherit`: this file's own future statements are not that one's.
        lines = sorted(lines_of(compile(text, path, "exec", 0, True)))
    except Exception:
        lines = None
    return {"sha256": hashlib.sha256(text).hexdigest(), "real": os.path.realpath(path), "lines": lines}


print("remora-code " + json.dumps([look(path) for path in sys.argv[1:]]))
