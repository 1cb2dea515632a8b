"""Is imported, and stopped in."""


def called(n):
    if n == 0:
        return 0  # deepest
    return 1 + called(n - 1)


def numbers(count):
    for n in range(count):
        yield n  # yields


class Guard(object):
    def __enter__(self):
        self.inside = True  # enters
        return self

    def __exit__(self, *exception):
        self.inside = False
        return False
