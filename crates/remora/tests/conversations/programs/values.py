# -*- coding: utf-8 -*-
"""Has values of every kind to look at."""
from __future__ import print_function, unicode_literals
import collections


class Point(object):
    shared = "class"

    def __init__(self, x, y):
        self.x = x
        self._y = y
        self.__hidden = (x, y)

    def __repr__(self):
        return "Point(%r, %r)" % (self.x, self._y)

    @property
    def sum(self):
        return self.x + self._y


class Silent(object):
    def __repr__(self):
        raise ValueError("nothing to show")


class Counts(object):
    shown = 0

    def __repr__(self):
        Counts.shown += 1
        return "shown %d" % Counts.shown


Pair = collections.namedtuple("Pair", "left right")


def look(flag=True, *args, **kwargs):
    number = 100
    whole = -7 ** 30
    part = 0.1
    nothing = None
    text = "Größe ಸ್ಕ್ರಿಪ್ಟ್ \U0001f40d 'quoted' \"twice\"\n\ttab"
    data = b"\x00bytes\xff"
    long_text = "long " * 5000
    long_list = list(range(350))
    nested = {"one": [1, {"two": (2, [3])}], (1, 2): "tuple"}
    ordered = collections.OrderedDict([("b", 1), ("a", 2)])
    empty = [(), [], {}, set(), ""]
    names = {"x", "y"} and frozenset(["only"])
    pair = Pair(1, "right")
    point = Point(3, 4)
    silent = Silent()
    circle = [1]
    circle.append(circle)
    _protected = "protected"
    __private = "private"
    calls = [len, Point, look, point.__init__]
    return number  # look


def effects():
    seen = []
    counts = Counts()
    return seen  # effects


look(False, 1, 2, key="word")
effects()
print("ends")  # last
