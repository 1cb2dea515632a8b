"""Asks for the debugger itself."""
from __future__ import print_function
import debugpy


def stops(n):
    inside = n
    debugpy.breakpoint()
    return inside


print("begins")  # first
print("attached", debugpy.is_client_connected())
stops(1)
stops(2)
print("ends")  # last
