"""Runs a program under ptvsd 4.3.2: `start_ptvsd.py true|false FILE|-m MODULE [ARGS...]`.

The first argument is there for likeness with `start_debugpy.py`; ptvsd's children are never debugged.
"""

import os
import sys


def main():
    """Imports ptvsd from the tree this file travelled with and hands over to its command line."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = os.path.dirname(os.path.dirname(here))
    import ptvsd
    import ptvsd.__main__
    from ptvsd._remora import behind_ptvsd, entry, imports, plain, plan, witness

    # The program's own imports must not find the tree.
    del sys.path[0]
    plain.leave_no_argument(sys.argv[0])
    behind_ptvsd.redirect()
    entry.stop_when_asked()
    imports.install(witness, plan.RUN, plan.ROOTS)
    sys.argv[:] = ["ptvsd", "--host", "127.0.0.1", "--port", str(plan.PORT), "--wait"] + sys.argv[2:]
    argv = sys.argv
    plain.leave_no_names(globals())
    ptvsd.__main__.main(argv)


if __name__ == "__main__":
    main()
