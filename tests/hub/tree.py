"""The processes of one perch-fcgi, as an operator sees them with ps."""

import os
import signal
from pathlib import Path

from perchtest import wait_for
from perchtest.instance import alive, children
from perchtest.wire import eventually, waiting_polls


def role_of(pid):
    """From the title ("perch-fcgi: worker 2"), else from the short name."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_text()
        if title.startswith("perch-fcgi: "):
            return title.split()[1].rstrip("\0")
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Tree:
    def __init__(self, instance, name="perch-fcgi"):
        """With HOSTS=2 the second host's is "perch-fcgi-2"."""
        self.instance = instance
        self.master = instance.service(name).pid

    def pids(self, role):
        """Children of this role: "hub", "worker" or "auth"."""
        return sorted(pid for pid in children(self.master)
                      if alive(pid) and role_of(pid) == role)

    @property
    def hub(self):
        [pid] = self.pids("hub")
        return pid

    def hubs(self):
        """By their number: the hub of a user is that of the user's id modulo how many there are."""
        return sorted(self.pids("hub"), key=lambda pid: Path(f"/proc/{pid}/cmdline").read_text())

    def all(self):
        return self.pids("hub") + self.pids("worker") + self.pids("auth")

    def kill(self, pid):
        """kill -9, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), 10, f"{pid} to die")

    def replaced(self, role, old, count):
        """Whether this many processes of the role run and none of them is an old one."""
        now = self.pids(role)
        return len(now) == count and not set(now) & set(old)

    def hub_polls(self):
        return waiting_polls(self.hub)

    async def parked(self, count, base, timeout=60):
        """Wait until the hub holds this many polls more than the `base` it held before."""
        await eventually(lambda: self.hub_polls() >= base + count, timeout, f"{count} polls to be parked")

    async def unparked(self, base, timeout=20):
        await eventually(lambda: self.hub_polls() <= base, timeout, "the hub to let the polls go")
