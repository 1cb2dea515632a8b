"""Prints the names of the folders in one folder, as one line of JSON.

Sent by `browse.rs` and run by the agent's own interpreter, Python 3.6 or later. Owns what counts as a folder. Changes
nothing.
"""
import json
import os
import sys

# More than anybody would choose from; hidden ones are the first to go.
MOST = 1000


def is_text(name):
    """Settings are text and could not name any other."""
    try:
        name.encode("utf-8")
        return True
    except UnicodeEncodeError:
        return False


def is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:
        return False


def look():
    path = os.path.realpath(os.path.expanduser(sys.argv[1]))
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if is_text(entry.name) and is_folder(entry)]
    except OSError as error:
        return {"error": type(error).__name__, "message": error.strerror or str(error)}
    if not is_text(path):
        return {"error": "UnicodeEncodeError", "message": "its path is not UTF-8"}
    names.sort(key=lambda name: (name.startswith("."), name.lower(), name))
    return {"path": path, "folders": names[:MOST]}


sys.stdout.write("\nremora-folder " + json.dumps(look()) + "\n")
