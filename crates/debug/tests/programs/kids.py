"""Starts a child: `kids.py fork`, or `kids.py spawn`."""
from __future__ import print_function
import multiprocessing
import subprocess
import sys


def work(n):
    product = n * 7
    return product


if __name__ == "__main__":
    if sys.argv[1] == "fork":
        child = multiprocessing.Process(target=work, args=(6,))
        child.start()
        child.join()
        print("child ended", child.exitcode)
    else:
        print("child ended", subprocess.call([sys.executable, "main.py"]))
