"""Functions that hide: behind a decorator, in a class, in a closure, in a table."""
import functools


def noted(function):
    @functools.wraps(function)
    def call():
        return function()

    return call


@noted
def decorated():
    return "old 1"


class Shelf(object):
    def method(self):
        return "old 2"

    @staticmethod
    def static():
        return "old 3"

    @property
    def value(self):
        return [text for text in ["old 4"]][0]


def outer():
    def inner():
        return "old 5"

    return inner


closure = outer()
table = {"key": lambda: "old 6"}


def all_of_them():
    return [decorated(), Shelf().method(), Shelf.static(), Shelf().value, closure(), table["key"](), outer()()]


while True:
    said = " ".join(all_of_them())
    print(said)
