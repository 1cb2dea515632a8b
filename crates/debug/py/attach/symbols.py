"""Owns where the functions of Python stand in another process: which of its files has them, and at which address. Reads
`/proc` and ELF files; never touches the process.
"""

import os
import re
import struct

EXECUTABLE, LIBRARY = "/exe", re.compile(r"/(libpython|python|pypy)[^/]*$")
DYNAMIC_SYMBOLS, ALL_SYMBOLS, LOADED = 11, 2, 1
X86_64 = 62


class Missing(Exception):
    """No file of the process has what was looked for."""


def find(pid, names):
    """The addresses of these functions in the process, by name."""
    for path, start in _images(pid):
        try:
            with open(path, "rb") as file:
                found = _defined(file, names)
        except (OSError, ValueError, struct.error):
            continue
        if found is not None:
            base, values = found
            return {name: start - base + value for name, value in values.items()}
    raise Missing()


def _images(pid):
    """The files that may have Python in them, as they can be opened here, and where each begins in memory."""
    seen = {}
    executable = os.readlink("/proc/%d/exe" % pid)
    with open("/proc/%d/maps" % pid, "rb") as maps:
        for line in maps:
            fields = os.fsdecode(line.rstrip(b"\n")).split(None, 5)
            if len(fields) == 6 and int(fields[2], 16) == 0 and fields[5] not in seen:
                seen[fields[5]] = int(fields[0].split("-")[0], 16)
    for path, start in seen.items():
        if path == executable:
            yield "/proc/%d/exe" % pid, start
        elif LIBRARY.search(path):
            # By the process's own root: it may have another one than we.
            yield "/proc/%d/root%s" % (pid, path), start


def _defined(file, names):
    """Where the image begins by its own account, and what it says of `names`; None unless it has all of them."""
    head = file.read(64)
    if head[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", head, 18)[0] != X86_64:
        raise ValueError("not for this processor")
    programs, sections = struct.unpack_from("<QQ", head, 32)
    program_size, program_count, section_size, section_count = struct.unpack_from("<HHHH", head, 54)
    rows = _table(file, sections, section_size, section_count, "<IIQQQQIIQQ")
    for kind in (DYNAMIC_SYMBOLS, ALL_SYMBOLS):
        for row in rows:
            if row[1] == kind:
                values = _values(_part(file, row), _part(file, rows[row[6]]), names)
                if len(values) == len(names):
                    return _base(_table(file, programs, program_size, program_count, "<IIQQQQQQ")), values
    return None


def _table(file, at, size, count, shape):
    file.seek(at)
    content = file.read(size * count)
    return [struct.unpack_from(shape, content, size * index) for index in range(count)]


def _part(file, section):
    file.seek(section[4])
    return file.read(section[5])


def _values(symbols, texts, names):
    values = {}
    wanted = {name.encode("ascii") + b"\0": name for name in names}
    for name_at, _, _, section, value, _ in struct.iter_unpack("<IBBHQQ", symbols):
        name = wanted.get(texts[name_at:texts.find(b"\0", name_at) + 1])
        if name is not None and section:
            values[name] = value
    return values


def _base(programs):
    """The address at which the first byte of the file would like to be."""
    return min(row[3] - row[2] for row in programs if row[0] == LOADED)
