"""The recipe as written for debugpy."""
from __future__ import print_function
import os
import sys

if os.environ.get("REMOTE_DEBUG"):
    import debugpy
    debugpy.listen(("0.0.0.0", 5678))
    debugpy.wait_for_client()
    debugpy.breakpoint()
x = 42
print("x", x, sys.argv[1:])
