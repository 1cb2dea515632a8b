"""Owns what a program that calls `debugpy.listen` itself finds under that name. Sets nothing up before the call."""

import sys

from . import behind_debugpy, imports, offspring, plan, reload, witness

secret = None
"""What the program gave `ptvsd.enable_attach` as its secret, if it did."""


def prepare(debugpy):
    """Redirects the listening of a freshly imported debugpy."""
    behind_debugpy.redirect_adapter(debugpy.adapter)
    imports.install(witness, plan.RUN, plan.ROOTS)
    imports.note_running(witness)

    def listen(*args, **kwargs):
        from debugpy.server import api

        more = {} if secret is None else {"secret": secret}
        behind_debugpy.announce_listen(api, **more)
        offspring.follow()
        if sys.version_info[0] > 2:
            reload.install(witness)
        return api.listen(*args, **kwargs)

    debugpy.listen = listen
    public_api = getattr(debugpy, "public_api", None)
    if public_api is not None:
        public_api.listen = listen
