"""Runs debugpy's adapter with the client listener that the run was asked for.

Started by debugpy in place of its own `debugpy/adapter`, with the same arguments. Owns the patch of
`debugpy.common.sockets.serve`, and that the program's output is the program's alone; all else is debugpy's.
"""

import locale
import os
import sys


def _patch(sockets, listeners, plan):
    """The listener named "Client" becomes the run's; the others take only our own user."""
    serve = sockets.serve
    create_server = sockets.create_server

    def serve_behind(name, *args, **kwargs):
        def create(*create_args, **create_kwargs):
            if name == "Client":
                return listeners.for_clients(plan)
            return listeners.OwnListener(create_server(*create_args, **create_kwargs))

        # Only while serve() runs, which takes the function from its module. Adapter's listeners are made
        # one after another by its main thread.
        sockets.create_server = create
        try:
            return serve(name, *args, **kwargs)
        finally:
            sockets.create_server = create_server

    sockets.serve = serve_behind


def _let_go_of_output():
    """debugpy closes these as files and keeps what is below them. Whoever waits for the end of the program's output, as `conda run`
    and `| tee` do, would wait for this process too, which stays until its client has gone."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    os.close(nowhere)


def main():
    """Finds the tree this file travelled with, patches, and becomes the adapter."""
    here = os.path.dirname(os.path.abspath(__file__))
    tree = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    sys.path[0] = tree
    import debugpy.adapter.__main__ as adapter
    from debugpy._remora import listeners, plan
    from debugpy.common import sockets

    # As debugpy does: modules of the tree are found through their package from here on.
    del sys.path[0]
    _patch(sockets, listeners, plan)
    try:
        # Also as debugpy does; an unknown locale is the user's business.
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        pass
    _let_go_of_output()
    if adapter.main.__code__.co_argcount:
        # Until 1.7.0 main() is handed the arguments that later ones read by themselves.
        adapter.main(adapter._parse_argv(sys.argv))
    else:
        adapter.main()


if __name__ == "__main__":
    main()
