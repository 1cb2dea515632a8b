"""Has a place for everything that a debugger is asked to do. The test finds each by the comment behind it."""
from __future__ import print_function
import subprocess
import sys
import threading


def double(x):
    y = 2 * x  # in
    return y  # over


def squares(count):
    total = 0
    for number in range(count):
        total += number * number  # each
    return total  # all


def fails():
    raise KeyError("no such thing")  # raise


def aside(heard):
    place = "aside"
    heard.append(place)  # aside


def turn(last):
    turns = 0  # turn
    while turns != last:
        turns += 1
    return turns


value = 1
value = double(value)  # first
total = squares(10)
try:
    fails()
except KeyError:
    pass
heard = []
thread = threading.Thread(target=aside, args=(heard,), name="Aside")
thread.start()
thread.join()
ended = subprocess.call([sys.executable, "child.py"])
print("child ended with", ended)  # child
turn(-1)
