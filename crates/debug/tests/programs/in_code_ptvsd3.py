"""The recipe as written for ptvsd 3.x: the secret first."""
from __future__ import print_function
import os
import sys

if os.environ.get("REMOTE_DEBUG"):
    import ptvsd
    ptvsd.enable_attach("my_secret", address=("0.0.0.0", 8080))
    ptvsd.wait_for_attach()
    ptvsd.break_into_debugger()
x = 42
print("x", x, sys.argv[1:])
