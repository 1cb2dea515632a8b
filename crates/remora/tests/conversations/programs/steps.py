"""Has ways in and out: generators, recursion, decorators, a context, an import, a library."""
from __future__ import print_function
import json


def twice(function):
    def wrapped(*args):
        first = function(*args)
        return first, function(*args)

    return wrapped


@twice
def increased(n):
    return n + 1


def outer(n):
    def inner():
        return n * 10

    return inner() + 1


print("begins")  # first
import other
pair = increased(1)
total = 0
for n in other.numbers(2):
    total += n
with other.Guard() as guard:
    inside = guard.inside
depth = other.called(3)
value = outer(2); value += outer(3)
text = json.dumps({"a": [1, 2]})
squares = [outer(n) for n in range(2)]
if total > 100:
    print("never")  # never
print("ends", pair)  # last
