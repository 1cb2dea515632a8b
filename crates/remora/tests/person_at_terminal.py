"""Plays a person at a terminal for tests: runs a program on a pseudo-terminal and follows a script.

Owns the terminal. Never decides whether what happened is right: it prints what it saw, as JSON.
Arguments: the script (JSON), then the program and its arguments. Steps: ["until", text], ["type", text],
["size", columns, rows], ["signal", number].
"""

import codecs
import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios

# No step takes longer, also on a busy machine.
PATIENCE = 30


def set_size(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Person:
    def __init__(self, argv):
        self.near, self.far = os.openpty()
        set_size(self.near, 90, 20)
        self.mode = termios.tcgetattr(self.far)
        # Readable once the program has ended: nobody else holds the other end.
        self.ended, wake = os.pipe()
        os.set_inheritable(wake, True)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.near)
            os.setsid()
            fcntl.ioctl(self.far, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.far, fd)
            os.execv(argv[0], argv)
        os.close(wake)
        self.all = self.unseen = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self):
        """Takes what is shown next; false when the program has ended and all was taken."""
        ready = select.select([self.near, self.ended], [], [], PATIENCE)[0]
        if not ready:
            raise SystemExit("nothing came in time after %r" % self.all)
        if self.near not in ready:
            return False
        text = self.decoder.decode(os.read(self.near, 65536))
        self.all += text
        self.unseen += text
        return True

    def until(self, text):
        while text not in self.unseen:
            if not self.read():
                raise SystemExit("it ended without %r: %r" % (text, self.all))
        self.unseen = self.unseen.partition(text)[2]

    def type(self, text):
        data = text.encode("utf-8")
        while data:
            data = data[os.write(self.near, data):]

    def size(self, columns, rows):
        set_size(self.near, columns, rows)

    def signal(self, number):
        os.kill(self.pid, number)

    def end(self):
        while self.read():
            pass
        status = os.waitpid(self.pid, 0)[1]
        # The last may still be on its way through the terminal; a mark of ours comes after it.
        restored = termios.tcgetattr(self.far) == self.mode
        mark = "the person leaves"
        termios.tcsetattr(self.far, termios.TCSANOW, self.mode)
        os.write(self.far, mark.encode("ascii"))
        while mark not in self.unseen:
            self.read()
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        shown = self.all.replace(mark, "")
        print(json.dumps({"event": "ended", "status": code, "restored": restored, "shown": shown}))


def main():
    person = Person(sys.argv[2:])
    for name, *values in json.loads(sys.argv[1]):
        getattr(person, name)(*values)
    person.end()


main()
