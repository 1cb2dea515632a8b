"""Rebuilding: a large file made of ranges of the one it replaces and of bytes that came.

Owns the instructions, the copying and the check of the whole. Never copies from a file that is not proven to be
what the request takes it for, and never replaces one before the new one is proven, too.
"""

# The first byte of an instruction.
COPY, CAME, WHOLE = 1, 2, 3
# Where in the old file, how many bytes.
COPY_FORM = struct.Struct(">QQ")
# How many bytes follow.
CAME_FORM = struct.Struct(">I")
# The digest of all marks, the digest of the new file.
WHOLE_FORM = struct.Struct(">32s32s")
# What is kept of each instruction: how many bytes it made, and their CRC-32.
MARK = struct.Struct(">QI")
# Copied at a time: a fifth of a millisecond, and small enough for a processor's cache.
COPY_SIZE = 256 * 1024


class Rebuild(Upload):
    """One file that is rebuilt. Its old self is open from the beginning, so that nobody can exchange it."""

    makes_parents = False

    def __init__(self, agent, stream, head):
        self.old = self.job = self.failed = self.whole = None
        self.stream, self.rest = stream, bytearray()
        self.copies, self.marks = collections.deque(), bytearray()
        self.view = memoryview(bytearray(COPY_SIZE))
        Upload.__init__(self, agent, stream, head)
        try:
            self.expected = head["expect"]["content"]
            self.old = self.place.open(READ_FLAGS)
            self.status = os.fstat(self.old)
            if not stat.S_ISREG(self.status.st_mode):
                raise OpError("diverged", "'%s' is not a regular file" % show(self.place.path))
        except BaseException:
            self.discard()
            raise

    def put(self, data):
        """Follows what is complete. What came is written at once, where it belongs; copying is a job of its own."""
        if self.failed is not None:
            raise self.failed
        self.rest += data
        at = 0
        while at < len(self.rest):
            end = self.follow(at)
            if end is None:
                break
            at = end
        del self.rest[:at]

    def follow(self, at):
        """Follows the instruction at `at`; its end, or None if it is not all there."""
        if self.whole is not None:
            raise OpError("invalid", "an instruction after the last")
        kind = self.rest[at]
        form = {COPY: COPY_FORM, CAME: CAME_FORM, WHOLE: WHOLE_FORM}.get(kind)
        if form is None:
            raise OpError("invalid", "an instruction of kind %d" % kind)
        end = at + 1 + form.size
        if len(self.rest) < end:
            return None
        values = form.unpack_from(self.rest, at + 1)
        if kind == WHOLE:
            self.whole = values
        elif kind == COPY:
            self.copies.append(values + (self.size, len(self.marks)))
            self.grow(values[1], 0)
            self.begin_copying()
        else:
            if values[0] > MAX_PAYLOAD:
                raise OpError("invalid", "%d bytes in one instruction" % values[0])
            if len(self.rest) < end + values[0]:
                return None
            with memoryview(self.rest) as rest, rest[end:end + values[0]] as came:
                target = self.size
                self.grow(len(came), zlib.crc32(came))
                write_at(self.fd, came, target)
            end += values[0]
        return end

    def grow(self, count, crc):
        self.size += count
        if self.size > self.head["size"]:
            raise OpError("invalid", "more bytes than the %d announced" % self.head["size"])
        self.marks += MARK.pack(count, crc)

    def begin_copying(self):
        if self.job is None:
            self.job = self.work_off()
            self.agent.jobs.append((self.stream, self.job, self.head))

    def work_off(self):
        """A generator: proves the old file and works off the copies. The next frame hears what failed."""
        try:
            yield from self.prove()
            while self.copies:
                yield from self.copy(*self.copies.popleft())
            self.job = None
        except (OSError, OpError) as error:
            self.failed = error
        return LATER

    def prove(self):
        """A generator: an error unless the old file has the content that the request takes for granted.

        The client's stamp is what we, or an agent before us, said of the file when its content was known.
        """
        agent, status = self.agent, self.status
        if self.head.get("stamp") == stamp_of(status):
            agent.known.put(status, self.expected)
        digest = yield from digest_of(agent, self.place.dir, self.place.name, status)
        if digest != self.expected:
            raise OpError("diverged", "'%s' has other content" % show(self.place.path))
        agent.known.put(status, digest)

    def copy(self, offset, length, target, mark):
        crc, left = 0, length
        os.lseek(self.old, offset, os.SEEK_SET)
        while left:
            count = os.readv(self.old, [self.view[:left]])
            if not count:
                raise OpError("diverged", "'%s' became shorter" % show(self.place.path))
            piece = self.view[:count]
            crc = zlib.crc32(piece, crc)
            write_at(self.fd, piece, target)
            target += count
            left -= count
            yield
        MARK.pack_into(self.marks, mark, length, crc)

    def finish(self):
        """A generator: the rest of the copying, the check of the whole, and the rename."""
        try:
            job = self.stop_copying()
            if job is not None:
                yield from job
            if self.failed is not None:
                raise self.failed
            if self.whole is None or self.rest or self.size != self.head["size"]:
                raise OpError("invalid", "%d bytes were made of the %d announced" % (self.size, self.head["size"]))
            if blake(self.marks).digest() != self.whole[0]:
                raise self.misfit()
            return (yield from self.settle(self.whole[1].hex()))
        finally:
            self.discard()

    def misfit(self):
        """Other bytes were copied than the client meant: somebody wrote to the old file, or it was never that file."""
        self.agent.known.forget(self.status)
        if signature(os.fstat(self.old)) != signature(self.status):
            return OpError("diverged", "'%s' changed while it was copied" % show(self.place.path))
        return OpError("corrupt", "'%s' was rebuilt to something else" % show(self.place.path))

    def stop_copying(self):
        """Takes the job out of the agent's hands."""
        job, self.job = self.job, None
        for entry in [entry for entry in self.agent.jobs if entry[1] is job]:
            self.agent.jobs.remove(entry)
        return job

    def discard(self):
        self.stop_copying()
        Upload.discard(self)
        if self.old is not None:
            close_aside(self.old)
            self.old = None


def write_at(fd, data, offset):
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, offset)
        offset += count
        view = view[count:]


def close_aside(fd):
    """Closes a file that may be the last of its name: to free a gigabyte takes a fifth of a second."""
    try:
        threading.Thread(target=os.close, args=(fd,), daemon=True).start()
    except RuntimeError:  # No more threads.
        os.close(fd)


