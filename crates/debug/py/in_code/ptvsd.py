"""Stands on `PYTHONPATH` for a program that calls `ptvsd.enable_attach` itself.

Becomes the pushed ptvsd 4.3.2 where that was asked for; otherwise it is a ptvsd over debugpy, with the
calls of both 3.x and 4.x.
"""

import os
import sys

_TREE = os.path.abspath(__file__)
for _ in range(4):
    _TREE = os.path.dirname(_TREE)

if os.path.isdir(os.path.join(_TREE, "ptvsd")):
    # Kept by a name: Python 2 empties a module when nothing refers to it any more.
    _self = sys.modules.pop("ptvsd", None)
    sys.path.insert(0, _TREE)
    try:
        import ptvsd
        from ptvsd._remora import behind_ptvsd, imports, plan, witness
    finally:
        sys.path.remove(_TREE)
    behind_ptvsd.redirect()
    behind_ptvsd.take_both_shapes(ptvsd)
    imports.install(witness, plan.RUN, plan.ROOTS)
    imports.note_running(witness)
else:
    import debugpy as _debugpy
    from debugpy._remora import ptvsd_over_debugpy as _over

    __version__ = "4.3.2"
    AttachAlreadyEnabledError = _over.AttachAlreadyEnabledError
    attach = _debugpy.connect
    # The function itself, not one that calls it: the stop is on the caller's line.
    break_into_debugger = _debugpy.breakpoint
    debug_this_thread = _debugpy.debug_this_thread
    enable_attach = _over.enable_attach
    is_attached = _debugpy.is_client_connected
    tracing = _over.tracing
    wait_for_attach = _over.wait_for_attach
