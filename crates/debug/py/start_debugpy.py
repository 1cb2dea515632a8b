"""Runs a program under debugpy: `start_debugpy.py true|false FILE|-m MODULE [ARGS...]`.

The first argument says whether child processes are debugged too. Owns the way there; that the program then runs as
`__main__` with the right arguments, path and exit status is the work of `debugpy.server.cli`.
"""

import os
import sys


def main():
    """Imports debugpy from the tree this file travelled with and hands over to its command line."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = os.path.dirname(os.path.dirname(here))
    import debugpy
    import debugpy.adapter

    # debugpy.server first: it brings pydevd in, which must be there before threading is.
    import debugpy.server
    from debugpy.server import api, cli
    from debugpy._remora import behind_debugpy, dial, entry, imports, offspring, plain, plan, reload, witness

    # The program's own imports must not find the tree.
    del sys.path[0]
    behind_debugpy.redirect_adapter(debugpy.adapter)
    behind_debugpy.announce_listen(api)
    plain.arrange_the_program(cli)
    plain.leave_no_argument(sys.argv[0])
    entry.stop_when_asked()
    offspring.follow()
    imports.install(witness, plan.RUN, plan.ROOTS)
    if sys.version_info[0] > 2:
        reload.install(witness)
    # Set by a debugger that this login runs under, it would keep debugpy from listening.
    os.environ.pop("DEBUGPY_RUNNING", None)
    sub_process, program = sys.argv[1], sys.argv[2:]
    if sub_process == "false":
        offspring.leave_forked_alone()
    if plan.DIAL:
        dial.dial_for(api)
        way = ["--connect", "%s:%d" % (plan.DIAL["host"], plan.DIAL["port"])]
    else:
        way = ["--listen", "127.0.0.1:%d" % plan.PORT]
    sys.argv[:] = ["debugpy"] + way + ["--wait-for-client", "--configure-subProcess", sub_process] + program
    plain.leave_no_names(globals())
    cli.main()


if __name__ == "__main__":
    main()
