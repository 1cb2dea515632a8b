"""Never calls a debugger."""
import sys

sys.stderr.write("no debugger today\n")
sys.exit(5)
