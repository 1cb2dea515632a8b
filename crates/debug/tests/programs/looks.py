"""Has something to look at: frames, nested values, a second thread, an exception that is caught."""
import threading


class Point(object):
    def __init__(self, x):
        self.x = x
        self.pair = [x, (x, "y")]

    def __repr__(self):
        return "Point(%d)" % self.x


def inner(point):
    doubled = point.x * 2
    items = list(range(150))
    return doubled + len(items)


def outer(count):
    total = 0
    for number in range(count):
        point = Point(number)
        total += inner(point)
    text = "total %d" % total
    return text


def aside(done):
    place = "aside"
    done.append(place)


def fails():
    try:
        raise KeyError("no such thing")
    except KeyError as error:
        return str(error)


shown = outer(3)
first = 1
second = [first, 2]
done = []
thread = threading.Thread(target=aside, args=(done,), name="Aside")
thread.start()
thread.join()
reason = fails()
print(shown)
print(reason)
