"""Writes to both streams, by Python and past it; ends with status 3."""
import os
import sys

sys.stdout.write("one\n")
os.write(2, b"two\n")
os.system("echo three")
marks = b"n\xc3\xa9\n"
os.write(1, marks)
sys.exit(3)
