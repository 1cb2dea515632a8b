"""Starts children of both kinds, one after the other."""
from __future__ import print_function
import multiprocessing
import subprocess
import sys


def work(n):
    product = n * 7
    return product  # works


if __name__ == "__main__":
    print("begins")  # first
    first = multiprocessing.Process(target=work, args=(6,), name="Worker")
    first.start()
    first.join()
    second = subprocess.call([sys.executable, "alone.py", "a b"])
    print("ends", first.exitcode, second)  # last
