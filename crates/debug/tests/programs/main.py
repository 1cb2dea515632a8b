"""Calls a helper in a loop; ends with status 3."""
from __future__ import print_function
import sys
import helper


def total(n):
    result = 0
    for i in range(n):
        result += helper.double(i)
    return result


if __name__ == "__main__":
    print("args", sys.argv[1:])
    print("total", total(4))
    sys.exit(3)
