"""Owns orders and what they cost. Never prints."""
from __future__ import division


class Order(object):
    """What one customer wants."""

    def __init__(self, customer, lines):
        self.customer = customer
        self.lines = lines

    def total(self):
        """The price of all lines, in cents."""
        return sum(quantity * cents for _, quantity, cents in self.lines)


def discounted(order, percent):
    """The total after a discount, in cents."""
    total = order.total()
    saved = total * percent // 100
    price = total - saved  # BREAKPOINT: `total`, `saved` and `order` are worth a look
    return price


def sample():
    """Two orders to try the rest with."""
    return [
        Order("Ada", [("punched card", 1200, 3), ("brass gear", 8, 950)]),
        Order("Grace", [("moth", 1, 12), ("nanosecond of wire", 30, 45)]),
    ]
