"""Runs until it is told to end."""
from __future__ import print_function

running = True


def turn():
    turns = 0  # turn
    while running:
        turns += 1
    return turns


print("begins")  # first
turn()
print("ends")  # last
