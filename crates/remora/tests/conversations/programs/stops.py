"""Stops in all the ways that a breakpoint has."""
from __future__ import print_function
import other


def each(count):
    total = 0
    for i in range(1, count):
        total += i  # condition
    return total


def hits(count):
    for i in range(1, count):
        twice = 2 * i  # hit
    return twice


def says(count):
    for i in range(count):
        square = i * i  # log
    return square  # said


def spread():

    b = True
    while b:
        pass  # inside
        break

    both = [  # begins
        1, 2, 3,
    ]  # ends
    # A comment alone.  # comment
    return both


class Shape(object):
    """A class and what is in it."""

    sides = 4  # class

    @staticmethod
    def area(a, b):
        return a * b  # method


print("begins")  # first
each(10)
for round in range(20):
    hits(10)  # round
says(10)
spread()
Shape.area(2, 3)
print([n * 2 for n in range(3)])  # comprehension
shown = (lambda n: n + 1)(2)  # lambda
other.called(3)
print("ends")  # last
