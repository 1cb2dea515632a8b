"""Has threads, one beside the other."""
from __future__ import print_function
import threading

started, go = threading.Event(), threading.Event()


def waits(name):
    here = name
    started.set()
    go.wait()
    return here


def works(name):
    here = name
    total = 0
    for n in range(3):
        total += n  # works
    return total


waiting = threading.Thread(target=waits, args=("waiting",), name="Waiting")
waiting.start()
started.wait()
print("one waits")  # first
working = threading.Thread(target=works, args=("working",), name="Working")
working.start()
working.join()
go.set()
waiting.join()
print("ends")  # last
