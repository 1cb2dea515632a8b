"""Finds the interpreters and environments of this machine, asks each for its version, and prints one line of JSON.

Sent by `listing.rs` and run once by the agent's own interpreter, Python 3.6 or later. Owns where is looked. Changes
nothing, and ends what does not answer.
"""
import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

# An interpreter on a slow disk needs a second or two.
ANSWER = 5.0
# A login's profile may ask servers; without its answer the usual folders are still there.
PROFILE = 3.0
# None is started any more after this: the one who asked waits.
ENOUGH = 12.0
# Each is a process of its own; more at once only wait for the disk.
AT_ONCE = 8
# More than anybody would choose from.
MOST = 200

ROOT = os.path.normpath(sys.argv[1])
HOME = os.path.expanduser("~")
NAMES = re.compile(r"(python|pypy)([23](\.\d+)?)?$")
# Also understood by Python 2. The mark tells the line from what a `sitecustomize` prints.
ASK = (
    "import sys; sys.stdout.write('\\nremora-version %d.%d.%d %s\\n' % (sys.version_info[:3] + (sys.prefix,)))"
)


class Found:
    """One place to ask. `rank` 0: in the root, 1: made for it, 2: for anything, 3: made for another project."""

    def __init__(self, path, kind, label, rank=2):
        self.path, self.kind, self.label, self.rank = path, kind, label, rank
        self.version = self.prefix = None


def folder(variable, otherwise):
    """A folder that a variable of the environment may name."""
    named = os.environ.get(variable, "")
    return named if os.path.isabs(named) else os.path.join(HOME, otherwise)


def inner(*patterns):
    """What fits the patterns, in order."""
    return [path for pattern in patterns for path in sorted(glob.glob(pattern))]


def python_of(prefix):
    """The interpreter of an environment, or None."""
    for name in ("python", "python3"):
        path = os.path.join(prefix, "bin", name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return None


def is_conda(prefix):
    return os.path.isdir(os.path.join(prefix, "conda-meta"))


def is_venv(prefix):
    return os.path.isfile(os.path.join(prefix, "pyvenv.cfg"))


def environment(prefix, kind, label, rank=2):
    path = python_of(prefix)
    return [Found(path, kind, label, rank)] if path else []


def in_root():
    """Environments in the remote root: any folder that says so, and the usual names even if it does not."""
    try:
        names = sorted(os.listdir(ROOT))
    except OSError:
        names = []
    usual = [".venv", "venv", "env"]
    for name in usual + [name for name in names if name not in usual]:
        prefix = os.path.join(ROOT, name)
        if is_conda(prefix):
            yield from environment(prefix, "conda", name, 0)
        elif is_venv(prefix) or name in usual:
            yield from environment(prefix, "venv", name, 0)


def made_for_root(prefix):
    """Whether pipenv, poetry or a user's habit made this for the root: by the path it notes, or else by its name."""
    try:
        with open(os.path.join(prefix, ".project")) as file:
            return os.path.normpath(file.read().strip()) == ROOT
    except (OSError, ValueError):
        pass
    name, own = os.path.basename(prefix).lower(), os.path.basename(ROOT).lower()
    return bool(own) and (name == own or name.startswith(own + "-"))


def kept_elsewhere():
    """Where pipenv, poetry and virtualenvwrapper keep virtual environments."""
    data, cache = folder("XDG_DATA_HOME", ".local/share"), folder("XDG_CACHE_HOME", ".cache")
    for prefix in inner(
        os.path.join(folder("WORKON_HOME", ".virtualenvs"), "*"),
        os.path.join(data, "virtualenvs", "*"),
        os.path.join(cache, "pypoetry", "virtualenvs", "*"),
        os.path.join(HOME, "Library/Caches/pypoetry/virtualenvs/*"),
    ):
        rank = 1 if made_for_root(prefix) else 3
        yield from environment(prefix, "venv", os.path.basename(prefix), rank)


def condas():
    """What conda notes of its environments, and where its installers put it."""
    prefixes = []
    try:
        with open(os.path.join(HOME, ".conda", "environments.txt")) as file:
            prefixes += [line.strip() for line in file]
    except (OSError, ValueError):
        pass
    executable = os.environ.get("CONDA_EXE", "")
    bases = [os.path.dirname(os.path.dirname(executable))] if os.path.isabs(executable) else []
    bases += [folder("MAMBA_ROOT_PREFIX", "micromamba")]
    for name in ("conda", "miniconda3", "miniconda", "anaconda3", "anaconda", "miniforge3", "mambaforge"):
        bases += [os.path.join(HOME, name), os.path.join("/opt", name), os.path.join("/usr/local", name)]
    for base in bases:
        prefixes += [base] + inner(os.path.join(base, "envs", "*"))
    prefixes += inner(os.path.join(HOME, ".conda", "envs", "*"))
    for prefix in prefixes:
        if os.path.isabs(prefix) and is_conda(prefix):
            is_base = os.path.isdir(os.path.join(prefix, "condabin"))
            yield from environment(prefix, "conda", "base" if is_base else os.path.basename(prefix))


def pyenvs(paths):
    """pyenv's versions, and the virtual environments that it keeps beside and inside them."""
    roots = [folder("PYENV_ROOT", ".pyenv")]
    roots += [os.path.dirname(path) for path in paths if os.path.basename(path) == "shims"]
    for root in roots:
        for prefix in inner(os.path.join(root, "versions", "*"), os.path.join(root, "versions", "*", "envs", "*")):
            # A link beside the versions is a name for what is inside one of them.
            name = os.path.basename(prefix)
            if is_conda(prefix):
                yield from environment(prefix, "conda", name)
            elif is_venv(prefix):
                yield from environment(prefix, "venv", name, 1 if made_for_root(prefix) else 3)
            else:
                yield from environment(prefix, "pyenv", name)


def systems(paths):
    """Interpreters in folders of programs, and those that uv keeps."""
    paths = paths + ["/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin", os.path.join(HOME, ".local/bin")]
    paths += inner("/opt/*/bin", "/opt/python/*/bin")
    paths += inner(os.path.join(folder("XDG_DATA_HOME", ".local/share"), "uv", "python", "*", "bin"))
    for path in paths:
        if not os.path.isabs(path) or os.path.basename(os.path.normpath(path)) == "shims":
            continue
        try:
            names = [name for name in os.listdir(path) if NAMES.match(name)]
        except OSError:
            continue
        # `python3` is what one writes; `python3.11` is the same or another one.
        for name in sorted(names, key=lambda name: (name != "python3", name)):
            program, prefix = os.path.join(path, name), os.path.dirname(os.path.normpath(path))
            if not os.access(program, os.X_OK) or os.path.isdir(program):
                continue
            if is_conda(prefix):
                yield from environment(prefix, "conda", os.path.basename(prefix))
            elif is_venv(prefix):
                yield from environment(prefix, "venv", os.path.basename(prefix), 1 if made_for_root(prefix) else 3)
            else:
                yield Found(program, "system", name)


def identity(found):
    """The same for two names of one environment: a virtual one is its folder, because its interpreter is a link."""
    prefix = os.path.dirname(os.path.dirname(found.path))
    return os.path.realpath(prefix if is_venv(prefix) or is_conda(prefix) else found.path)


def ended(argv, patience):
    """What a program prints, or None when it fails or takes longer; then it is ended with all it started."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        child = subprocess.Popen(argv, cwd="/", env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, start_new_session=True)
    except (OSError, ValueError):
        return None
    try:
        output = child.communicate(timeout=patience)[0]
        return output.decode("utf-8", "replace") if child.returncode == 0 else None
    except subprocess.TimeoutExpired:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except OSError:
            pass
        child.communicate()
        return None


def login_paths():
    """The folders of PATH here and in a login shell: `ssh host command` reads fewer profiles than a person's login."""
    import pwd
    try:
        shell = pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    except KeyError:
        shell = os.environ.get("SHELL", "/bin/sh")
    # csh takes no other option beside -l, and reads the file that sets its path without it.
    flags = ["-c"] if os.path.basename(shell) in ("csh", "tcsh") else ["-l", "-c"]
    said = ended([shell] + flags + ["echo remora-path; printenv PATH"], PROFILE) or ""
    login = said.rpartition("remora-path\n")[2].split("\n")[0]
    paths = []
    for path in (os.environ.get("PATH", "") + ":" + login).split(":"):
        if path and path not in paths:
            paths.append(path)
    return paths


def ask(found, deadline):
    """Has an interpreter say which it is."""
    patience = min(ANSWER, deadline - time.monotonic())
    said = ended([found.path, "-E", "-c", ASK], patience) if patience > 0 else None
    match = re.search(r"^remora-version (\d+\.\d+\.\d+) (.*)$", said or "", re.M)
    if match:
        found.version, found.prefix = match.group(1), os.path.realpath(match.group(2))


def main():
    deadline = time.monotonic() + ENOUGH
    paths = login_paths()
    known, all_found = set(), []
    for source in (in_root(), condas(), pyenvs(paths), kept_elsewhere(), systems(paths)):
        for found in source:
            key = identity(found)
            if key not in known and len(all_found) < MOST:
                known.add(key)
                all_found.append(found)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda found: ask(found, deadline), all_found))
    same, answer, silent = set(), [], []
    for found in all_found:
        try:
            found.path.encode("utf-8"), found.label.encode("utf-8")
        except UnicodeEncodeError:
            continue  # Settings are text and could not name it.
        if found.version is None:
            silent.append(found.path)
        elif (found.prefix, found.version) not in same:
            same.add((found.prefix, found.version))
            answer.append({"path": found.path, "version": [int(part) for part in found.version.split(".")],
                           "kind": found.kind, "label": found.label, "rank": found.rank})
    sys.stdout.write("\nremora-interpreters " + json.dumps({"interpreters": answer, "silent": silent}) + "\n")


main()
