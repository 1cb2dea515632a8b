import sys

from stays import turn

turn(0.02)
