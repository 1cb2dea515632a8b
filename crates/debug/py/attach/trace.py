"""Owns one thread of another process while it is held: calls functions in it, and lets it go on as if nothing had been.
Linux on x86-64. Never decides what is called.

A thread that waits in the system is woken there, which the system takes up again when it goes on, as after SIGSTOP.
"""

import ctypes
import errno
import os
import signal
import struct

SEIZE, INTERRUPT, DETACH, CONTINUE, STEP = 0x4206, 0x4207, 17, 7, 9
GET_REGISTERS, SET_REGISTERS, GET_SET, SET_SET = 12, 13, 0x4204, 0x4205
EXTENDED_STATE, ALL_THREADS, MMAP = 0x202, 0x40000000, 9
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
         "ds es fs gs").split()
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
NO_CALL = 2 ** 64 - 1
INTERRUPTED = tuple(2 ** 64 - number for number in (4, 512, 513, 514, 516))
"""What a system call that a stop has interrupted gives back: EINTR, or one of the kernel's ERESTART…"""

RED_ZONE = 128
"""Below the stack pointer, where a function that calls no other keeps what is its own."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class Broke(Exception):
    """The called function did not come back, or the process went away."""


class Held(object):
    """A thread that stands still."""

    def __init__(self, tid):
        """Raises OSError if the system does not let us."""
        self.tid = tid
        self.signals = []
        _ptrace(SEIZE, tid, 0, 0)
        try:
            _ptrace(INTERRUPT, tid, 0, 0)
            self._wait()
            self.before = self._registers()
            self.state = self._extended_state()
        except Exception:
            self._detach()
            raise

    def waits(self):
        """Whether it was waiting in the system, and so holds nothing of Python."""
        return self.before["orig_rax"] != NO_CALL and self.before["rax"] in INTERRUPTED

    def store(self, content):
        """The address of a copy of these bytes in the process, in memory of their own."""
        length = (len(content) + 4095) // 4096 * 4096
        asked = dict(self.before, orig_rax=NO_CALL, rip=self._system_call(), rax=MMAP, rdi=0, rsi=length, rdx=3, r10=0x22,
                     r8=NO_CALL, r9=0)
        self._set_registers(asked)
        self._go(STEP, signal.SIGTRAP)
        address = self._registers()["rax"]
        if address > 2 ** 64 - 4096:
            raise OSError(2 ** 64 - address, os.strerror(2 ** 64 - address))
        with open("/proc/%d/mem" % self.tid, "r+b", 0) as memory:
            memory.seek(address)
            memory.write(content)
        return address

    def call(self, function, *arguments):
        """What the function gives back, as a C int."""
        stack = (self.before["rsp"] - RED_ZONE - 1024) // 16 * 16 - 8
        with open("/proc/%d/mem" % self.tid, "r+b", 0) as memory:
            memory.seek(stack)
            # It returns to where nothing is, which the system tells us.
            memory.write(struct.pack("<Q", 0))
        asked = dict(self.before, orig_rax=NO_CALL, rip=function, rsp=stack, rax=0)
        asked.update(zip(ARGUMENTS, arguments))
        # Direction is forward, as every function expects it.
        asked["eflags"] &= ~0x400
        self._set_registers(asked)
        self._go(CONTINUE, signal.SIGSEGV)
        after = self._registers()
        if after["rip"] != 0:
            raise Broke("it stopped at %#x" % after["rip"])
        return ctypes.c_int(after["rax"] & 0xffffffff).value

    def release(self):
        """Lets it go on where it was."""
        try:
            self._set_registers(self.before)
            self._set_extended_state()
        finally:
            self._detach()

    def _detach(self):
        first = self.signals.pop(0) if self.signals else 0
        try:
            _ptrace(DETACH, self.tid, 0, first)
        except OSError:
            return  # It has ended.
        for number in self.signals:
            os.kill(self.tid, number)

    def _go(self, how, until):
        """Lets it run until it stops with this signal; others are its own, and come when it is let go."""
        while True:
            _ptrace(how, self.tid, 0, 0)
            number = self._wait()
            if number == until:
                return
            if number != signal.SIGTRAP:
                self.signals.append(number)

    def _wait(self):
        while True:
            pid, status = os.waitpid(self.tid, ALL_THREADS)
            if not os.WIFSTOPPED(status):
                raise Broke("the process has ended")
            if pid == self.tid:
                return os.WSTOPSIG(status)

    def _system_call(self):
        """The address of an instruction that calls the system."""
        with open("/proc/%d/maps" % self.tid) as maps:
            parts = [line.split() for line in maps]
        with open("/proc/%d/mem" % self.tid, "rb", 0) as memory:
            for fields in parts:
                if "x" not in fields[1] or fields[-1] == "[vsyscall]":
                    continue
                start, end = [int(part, 16) for part in fields[0].split("-")]
                memory.seek(start)
                at = memory.read(end - start).find(b"\x0f\x05")
                if at >= 0:
                    return start + at
        raise Broke("it has no way to the system")

    def _registers(self):
        buffer = ctypes.create_string_buffer(8 * len(NAMES))
        _ptrace(GET_REGISTERS, self.tid, 0, ctypes.addressof(buffer))
        return dict(zip(NAMES, struct.unpack("<%dQ" % len(NAMES), buffer.raw)))

    def _set_registers(self, registers):
        buffer = ctypes.create_string_buffer(struct.pack("<%dQ" % len(NAMES), *[registers[name] for name in NAMES]))
        _ptrace(SET_REGISTERS, self.tid, 0, ctypes.addressof(buffer))

    def _extended_state(self):
        """Of the floating point and vector units."""
        buffer = ctypes.create_string_buffer(32 * 1024)
        vector = struct.pack("<QQ", ctypes.addressof(buffer), len(buffer))
        vector = ctypes.create_string_buffer(vector)
        _ptrace(GET_SET, self.tid, EXTENDED_STATE, ctypes.addressof(vector))
        return buffer.raw[:struct.unpack("<QQ", vector.raw[:16])[1]]

    def _set_extended_state(self):
        buffer = ctypes.create_string_buffer(self.state, len(self.state))
        vector = ctypes.create_string_buffer(struct.pack("<QQ", ctypes.addressof(buffer), len(self.state)))
        _ptrace(SET_SET, self.tid, EXTENDED_STATE, ctypes.addressof(vector))


def _ptrace(request, tid, address, data):
    if _libc.ptrace(request, tid, address, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number or errno.EIO, os.strerror(number or errno.EIO))
