"""Makes what the build embeds: one small archive for each pinned debugger. Run by `build.rs`.

    python3 fetch.py OUT_DIR

Owns the way from a pin to an archive: find or download the wheel, check its SHA-256, leave out what a remote start
never needs, add our own files beside it, and write a `.tar.gz` that comes out the same every time.
Where to download from is pip's own configuration. `REMORA_WHEELS=DIR` names a folder that holds the wheels
already; nothing is downloaded then.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(os.path.dirname(HERE), "py")

# Attaching to a running process by its number, which nobody asks a remote start for. Of it one file stays: the
# debugger loads it into its own process to trace threads that run already, and complains aloud without it.
LEFT_OUT_FOLDERS = ("pydevd_attach_to_process", "tests")
KEPT = ("attach_linux_amd64.so",)
# Text that Python reads is kept, and the licences. Native parts are for other machines than most, and optional.
LEFT_OUT_ENDINGS = (
    ".so", ".pyd", ".dll", ".dylib", ".pdb", ".c", ".cpp", ".h", ".hpp", ".pyx", ".pxd",
    ".bat", ".sh", ".md", ".gitignore", "README",
)  # fmt: skip
LICENCES = ("LICENSE", "METADATA", "ThirdPartyNotices.txt")
LARGEST = 1000 * 1000
PUSH = """    Push {
        name: "%(name)s",
        version: "%(version)s",
        sha256: "%(digest)s",
        archive: include_bytes!(%(path)s),
    },
"""


class Failure(Exception):
    """Something the person who builds has to know; its text is all they see."""


def main(out_dir):
    """Writes one archive a pin into `out_dir`, and `pushes.rs`, the list of them for `wheels.rs` to include."""
    with open(os.path.join(HERE, "pins.json")) as file:
        pins = json.load(file)
    pushes = []
    for pin in pins:
        archive = pack(wheel(pin), pin)
        if len(archive) > LARGEST:
            raise Failure("%(name)s %(version)s is too large to travel" % pin)
        path = os.path.join(out_dir, "%(name)s-%(version)s.tar.gz" % pin)
        with open(path, "wb") as file:
            file.write(archive)
        pushes.append(PUSH % dict(pin, digest=hashlib.sha256(archive).hexdigest(), path=json.dumps(path)))
    with open(os.path.join(out_dir, "pushes.rs"), "w") as file:
        file.write("&[\n" + "".join(pushes) + "]\n")


def wheel(pin):
    """The bytes of a pinned wheel: from REMORA_WHEELS, from the cache, or downloaded into it."""
    given = os.environ.get("REMORA_WHEELS")
    if given:
        content = read(os.path.join(given, pin["wheel"]))
        if content is None:
            raise Failure("REMORA_WHEELS=%s holds no %s" % (given, pin["wheel"]))
        check(content, pin)
        return content
    cached = os.path.join(cache_dir(), pin["sha256"] + ".whl")
    content = read(cached)
    if content is None or hashlib.sha256(content).hexdigest() != pin["sha256"]:
        content = download(pin)
        check(content, pin)
        store(cached, content)
    return content


def download(pin):
    """Asks pip for the wheel, with its hash, so that pip refuses anything else."""
    folder = tempfile.mkdtemp(prefix="remora-wheels-")
    try:
        requirements = os.path.join(folder, "requirements.txt")
        with open(requirements, "w") as file:
            file.write("%(name)s==%(version)s --hash=sha256:%(sha256)s\n" % pin)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        # A universal wheel is wanted whatever Python runs this; pip takes "py2.py3-none-any" for any platform.
        command += ["--only-binary", ":all:", "--platform", "any", "--require-hashes", "-r", requirements]
        # The folder of this script has no module that could shadow pip's; still, run elsewhere.
        done = subprocess.run(command + ["-d", folder], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        content = read(os.path.join(folder, pin["wheel"]))
        if done.returncode != 0 or content is None:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise Failure(
                "can't download %s with pip (it said: %s)\n"
                "Connect to the network, or put the wheels named in crates/debug/wheels/pins.json into a folder "
                "and set REMORA_WHEELS to it." % (pin["wheel"], said or "nothing")
            )
        return content
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(content, pin):
    """Refuses a wheel that is not the pinned one."""
    found = hashlib.sha256(content).hexdigest()
    if found != pin["sha256"]:
        raise Failure("%s is not the pinned one: SHA-256 %s instead of %s" % (pin["wheel"], found, pin["sha256"]))


def cache_dir():
    """The user's own cache folder."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "remora-build", "wheels")


def read(path):
    """The file's bytes; None without one."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def store(path, content):
    """Puts a file into the cache, whole or not at all: two builds may run at once."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        # A read-only home is no reason to stop: the next build downloads again.
        print("cargo:warning=can't keep %s: %s" % (os.path.basename(path), error))


def pack(content, pin):
    """The archive: what is kept of the wheel, and our own files as its sub-package `_remora`."""
    files = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if kept(name):
                files[name] = archive.read(name)
    for folder, _, names in os.walk(OURS):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                inside = os.path.relpath(path, OURS).replace(os.sep, "/")
                files["%s/_remora/%s" % (pin["name"], inside)] = read(path)
    return tar_gz(files)


def kept(name):
    """Whether a file of a wheel travels."""
    folders, _, last = name.rpartition("/")
    if folders.split("/")[0].endswith(".dist-info"):
        return last in LICENCES
    if last in KEPT:
        return True
    if any(part in LEFT_OUT_FOLDERS for part in folders.split("/")):
        return False
    return bool(last) and (last in LICENCES or not last.endswith(LEFT_OUT_ENDINGS))


def tar_gz(files):
    """A reproducible archive: sorted, no times, no owners."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            info.mode = 0o644
            archive.addfile(info, io.BytesIO(files[name]))
    return gzip.compress(plain.getvalue(), 9, mtime=0)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Failure as failure:
        sys.exit(str(failure))
