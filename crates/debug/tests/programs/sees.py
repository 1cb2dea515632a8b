import json
import sys

print(json.dumps([sorted(name for name in globals() if name[:2] != "__"), __doc__, __name__, sys.path[0], sys.argv]))
