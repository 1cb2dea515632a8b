"""Prints what can be attached to: `all` the Python processes, `own` those of our login, `pid N` one of them, `port N` who
listens there for a debug client. Runs behind the text of `obstacles.py`, by the agent's own interpreter.

Only looks at `/proc`; never touches a process.
"""

import json
import re
import sys

VERSIONED = re.compile(r"(?:lib)?(?:python|pypy)([23])\.?(\d+)")
OF_PYTHON = re.compile(r"/(?:lib)?(?:python|pypy)[^/]*$")
LIBRARY = re.compile(r"/(?:libpython|libpypy|python)([23])\.?(\d+)[^/]*\.so|/python([23])\.(\d+)/lib-dynload/")
LISTENS, CONNECTED = "0A", "01"
OURS = "/_remora/"
ATTACHES = OURS + "attach"
LONGEST = 500
"""Of a command; what follows tells nobody which process it is."""


def main(words):
    """The answer as one line, which nothing else that is printed can be taken for."""
    net = Net()
    if words[0] == "pid":
        answer = one(int(words[1]), net)
    elif words[0] == "port":
        answer = listener(int(words[1]), net)
    else:
        rows = [row(pid, net) for pid in all_processes() if pid not in (os.getpid(), os.getppid())]
        rows = [found for found in rows if found and (found["own"] or words[0] == "all") and not found["ours"]]
        answer = sorted(rows, key=lambda found: (-found["started"], -found["pid"]))
    print("remora-processes " + json.dumps(answer))


def one(pid, net):
    """The process, or why it can't be attached to."""
    try:
        find(pid)
        found = row(pid, net)
        if found is not None and not found["python"]:
            raise forbidden(pid, OSError(errno.EPERM, "not to be seen"))
        if found is None or found["version"] is None:
            raise Obstacle("not_python", command(pid))
        if found["debugger"] is not None:
            raise Obstacle("debugged", found["debugger"])
        return found
    except Obstacle as obstacle:
        return {"why": obstacle.why, "about": obstacle.about}


def listener(port, net):
    """The process behind a port on loopback; its number is null where we may not see it."""
    if port not in net.listening:
        return {"why": "port_closed", "about": ""}
    owner = net.owners.get(port)
    arguments = _arguments(owner) if owner is not None else []
    is_adapter = _is_adapter(arguments)
    if is_adapter:
        behind = [pid for pid, ports in net.connections.items() if pid != owner and ports & net.ports_of(owner)]
        owner = behind[0] if behind else None
    found = row(owner, net) if owner is not None else None
    return dict(found or {"pid": None, "version": None, "python": ""}, ptvsd=owner is not None and not is_adapter)


class Net(object):
    """Which process listens on which port of TCP, and which ports it is connected to."""

    def __init__(self):
        self.listening, self.owners, self.connections = {}, {}, {}
        connected = {}
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for fields in _rows(table):
                local, remote = [int(part.rpartition(":")[2], 16) for part in fields[1:3]]
                if fields[3] == LISTENS:
                    self.listening[local] = fields[9]
                elif fields[3] == CONNECTED:
                    connected[fields[9]] = remote
        sockets = {}
        for pid in all_processes():
            for inode in _sockets(pid):
                sockets.setdefault(inode, pid)
                if inode in connected:
                    self.connections.setdefault(pid, set()).add(connected[inode])
        for port, inode in self.listening.items():
            if inode in sockets:
                self.owners[port] = sockets[inode]

    def ports_of(self, pid):
        """The ports on which it listens."""
        return set(port for port, owner in self.owners.items() if owner == pid)


def row(pid, net):
    """What is told of a process; None if it is not there, or no Python."""
    status = _status(pid)
    executable = _executable(pid)
    arguments = _arguments(pid)
    if status is None or status["State"][0] in "ZX" or not arguments:
        return None
    version = _version(pid, executable or arguments[0])
    if version is None and not OF_PYTHON.search("/" + (executable or arguments[0])):
        return None
    uid = int(status["Uid"].split()[0])
    return {
        "pid": pid,
        "user": _user(uid),
        "own": uid == os.getuid(),
        "ours": any(ATTACHES in argument for argument in arguments[:3]) or _is_adapter(arguments),
        "started": int(_began(pid)),
        "command": " ".join(" ".join(arguments).split())[:LONGEST],
        "version": version,
        "python": executable,
        "listens": sorted(net.ports_of(pid)),
        "debugger": _debugger(pid, status, net),
    }


def _debugger(pid, status, net):
    """Who debugs it, as far as can be seen from outside."""
    if status.get("TracerPid", "0") != "0":
        return command(int(status["TracerPid"]))
    for port in net.connections.get(pid, ()):
        owner = net.owners.get(port)
        arguments = _arguments(owner) if owner not in (None, pid) else []
        if _is_adapter(arguments):
            if any(OURS in argument for argument in arguments):
                return "remora"
            # On the one port it talks to the program, on the other to its client.
            clients = sorted(net.ports_of(owner) - {port})
            return "debugpy:%d" % clients[0] if clients else "debugpy"
    return None


def _is_adapter(arguments):
    return "--for-server" in arguments and any("adapter" in argument for argument in arguments[:3])


def _version(pid, executable):
    """By its name, or by the libraries that it has loaded."""
    found = VERSIONED.match(executable.rpartition("/")[2])
    if found is None:
        try:
            with open("/proc/%d/maps" % pid, errors="replace") as maps:
                found = LIBRARY.search(maps.read())
        except OSError:
            return None
    return [int(part) for part in found.groups() if part] if found else None


def _began(pid):
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            ticks = float(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat") as file:
            booted = [float(line.split()[1]) for line in file if line.startswith("btime")][0]
        return booted + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0


def _arguments(pid):
    try:
        with open("/proc/%d/cmdline" % pid, errors="replace") as file:
            return file.read().rstrip("\0").split("\0")
    except OSError:
        return []


def _sockets(pid):
    folder = "/proc/%d/fd" % pid
    try:
        for name in os.listdir(folder):
            try:
                target = os.readlink(folder + "/" + name)
            except OSError:
                continue
            if target.startswith("socket:["):
                yield target[8:-1]
    except OSError:
        pass


def _rows(table):
    try:
        with open(table) as file:
            return [line.split() for line in file][1:]
    except OSError:
        return []


def all_processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


main(sys.argv[1:])
