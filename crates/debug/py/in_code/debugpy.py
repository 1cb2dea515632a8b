"""Stands on `PYTHONPATH` for a program that calls `debugpy.listen` itself, and becomes the pushed debugpy.

Importing it replaces it in `sys.modules` by the real package, made to listen on the run's Unix socket.
"""

import os
import sys

_TREE = os.path.abspath(__file__)
for _ in range(4):
    _TREE = os.path.dirname(_TREE)

if not os.path.isdir(os.path.join(_TREE, "debugpy")):
    raise ImportError("this run was started with ptvsd, and the program asks for debugpy")

# Kept by a name: Python 2 empties a module when nothing refers to it any more.
_self = sys.modules.pop("debugpy", None)
sys.path.insert(0, _TREE)
try:
    import debugpy
    import debugpy.adapter
    from debugpy._remora import in_code_debugpy
finally:
    sys.path.remove(_TREE)
in_code_debugpy.prepare(debugpy)
