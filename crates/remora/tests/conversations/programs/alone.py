"""Is started as a child."""
import sys

words = sys.argv[1:]
sys.exit(len(words))  # alone
