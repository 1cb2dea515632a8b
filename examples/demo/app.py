"""Owns the demo's output: prices the sample orders. The arithmetic is in orders.py."""
import os
import platform

import orders


def main():
    """Prints one line for each order."""
    print("Python %s in %s" % (platform.python_version(), os.getcwd()))
    for order in orders.sample():
        cents = orders.discounted(order, percent=10)
        print("%-5s pays %d.%02d" % (order.customer, cents // 100, cents % 100))


if __name__ == "__main__":
    main()
