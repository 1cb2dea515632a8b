"""What travels beside a pushed debugger, as a sub-package of it, and lets it listen on a Unix socket.

A sub-package so that its frames count as the debugger's own, which the debugger hides from the user.
Everything here runs on Python 2.7 and on 3.5 and later, with the standard library only.
"""
