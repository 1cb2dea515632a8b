"""Raises exceptions that are caught, that are not, and that come of others."""
from __future__ import print_function
import json
import sys


class OwnError(Exception):
    def __init__(self, code):
        super(OwnError, self).__init__("own %d" % code)
        self.code = code


def caught():
    try:
        raise ArithmeticError("bad code")
    except Exception as error:
        return str(error)


def chained():
    try:
        try:
            {}["missing"]
        except KeyError:
            raise OwnError(7)
    except OwnError:
        pass


def library():
    try:
        json.loads("{")
    except ValueError:
        pass


def deep(n):
    if n == 0:
        raise ArithmeticError("deep")
    deep(n - 1)


def ends():
    try:
        sys.exit(3)
    except SystemExit:
        pass


print("begins")  # first
caught()
chained()
library()
ends()
try:
    deep(60)
except ArithmeticError:
    pass
assert_fails = False
deep(5)
