"""Owns what happens when the first client attaches: the session hears of it where no relay sees it, and the program stops
at its first line. Never decides whether that is wanted: the client's `stopOnEntry` does.

Both debuggers take notice of that option when they launch a program themselves, and here they are attached to one
that waits for them, which comes to the same.
"""

from . import plan


def stop_when_asked():
    """From now on the first client that attaches can have the program stop at its first line."""
    import _pydevd_bundle.pydevd_process_net_command_json as commands

    # Its name in ptvsd 4.3.2 begins with an underscore.
    processor = getattr(commands, "PyDevJsonCommandProcessor", None) or commands._PyDevJsonCommandProcessor
    attach = processor.on_attach_request
    asked = []

    def attach_and_stop(self, py_db, request):
        response = attach(self, py_db, request)
        if not asked:
            asked.append(True)
            if plan.EXPOSED or plan.DIAL:
                plan.say(said="attached")
            options = request.arguments.kwargs
            if options.get("stopOnEntry") or "StopOnEntry" in options.get("debugOptions", ()):
                self.api.stop_on_entry()
        return response

    processor.on_attach_request = attach_and_stop
