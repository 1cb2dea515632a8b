"""The poller: which file descriptors are waited for, and who is told.

Owns the selector. Never reads or writes, and never lets one callback that fails end the others.
"""


class Poller:
    """Which file descriptors are waited for, and who is told."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.wanted = {}  # fd -> {"read": callback, "write": callback}
        self.vital = set()  # watched to the end, whatever happens
        self.fresh = set()  # watched since the last wait

    def watch(self, fd, **callbacks):
        """Sets or, with None, ends what is waited for on `fd`."""
        before = self.wanted.get(fd, {})
        after = {key: value for key, value in dict(before, **callbacks).items() if value is not None}
        events = (selectors.EVENT_READ if "read" in after else 0) | (selectors.EVENT_WRITE if "write" in after else 0)
        if not events:
            if before:
                self.selector.unregister(fd)
                del self.wanted[fd]
            return
        if not before:
            self.selector.register(fd, events)
            self.fresh.add(fd)
        elif set(before) != set(after):
            self.selector.modify(fd, events)
        self.wanted[fd] = after

    def forget(self, fd):
        self.watch(fd, read=None, write=None)

    def wait(self, timeout):
        ready = self.selector.select(timeout)
        self.fresh.clear()
        for key, events in ready:
            for name, event in (("read", selectors.EVENT_READ), ("write", selectors.EVENT_WRITE)):
                callback = self.wanted.get(key.fd, {}).get(name)
                # A fresh one may have the number of a file that this event was about and that is closed by now.
                if events & event and callback is not None and key.fd not in self.fresh:
                    self.call(key.fd, callback)

    def call(self, fd, callback):
        """One stream that fails in a way that nobody foresaw must not end the others."""
        try:
            callback()
        except Exception:
            if fd == 0:
                raise
            if fd not in self.vital:
                self.forget(fd)


