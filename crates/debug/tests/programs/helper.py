"""The breakpoint of most tests is in here."""


def double(x):
    y = 2 * x
    return y
