"""The instance that is mistreated, and handles to its processes.

perch-fcgi is started through a script that first reads `overrides`, so a fault can start it again under libfaketime, or
with a proxy between it and the others, while ./dev, which starts it, knows nothing of that.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from hub.tree import role_of
from perchtest import Instance, wait_for
from perchtest.instance import alive, children, find_build

HERE = Path(__file__).resolve().parent
SETTINGS = {"WORKERS": 6, "AUTH_WORKERS": 1, "HUBS": 2}


class Rig:
    """with Rig() as rig: …"""

    def __init__(self, *, small_disk=None, **settings):
        base = os.environ.get("PERCH_TEST_TMP", "/tmp")
        self.folder = Path(tempfile.mkdtemp(prefix="perch-chaos-", dir=base))
        self.folder.chmod(0o755)
        self.overrides, self.clock = self.folder / "overrides", self.folder / "clock"
        script = self.folder / "perch-fcgi"
        script.write_text(f'#!/bin/sh\n[ ! -e "{self.overrides}" ] || . "{self.overrides}"\n'
                          f'exec "{find_build()}/perch-fcgi" "$@"\n')
        script.chmod(0o755)
        self.instance = Instance(build=self.folder, **{**SETTINGS, **settings})
        self.beside, self.closed = {}, False
        self.small_disk = small_disk
        if small_disk:
            (self.instance.dir / "postgresql").symlink_to(small_disk)

    def __enter__(self):
        try:
            self.instance.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends everything; once more is fine."""
        if not self.closed:
            self.closed = True
            self.instance.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def port(self):
        return self.instance.port

    @property
    def dir(self):
        return self.instance.dir

    # Processes.

    def pid(self, name):
        """Of a service, as ./dev knows it; None when it does not run."""
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
            pid = int((self.dir / "state" / f"{name}.pid").read_text().split()[0])
            return pid if alive(pid) else None
        return None

    @property
    def hosts(self):
        """The names of perch-fcgi's trees: one for each host."""
        count = int(self.instance.settings.get("PERCH_HOSTS", 1))
        return ["perch-fcgi", *[f"perch-fcgi-{number}" for number in range(2, count + 1)]]

    def family(self, role, host="perch-fcgi"):
        """The pids of perch-fcgi's children of this role: "worker", "hub" or "auth"."""
        master = self.pid(host)
        return sorted(pid for pid in children(master or 0) if alive(pid) and role_of(pid) == role)

    def signal(self, pid, number):
        """Whether it was there to be signalled."""
        try:
            os.kill(pid, number)
        except (ProcessLookupError, TypeError):
            return False
        return True

    def end(self, name, number):
        """Signal a service and wait until it is gone."""
        pid = self.pid(name)
        if self.signal(pid, number):
            wait_for(lambda: not alive(pid), 30, f"{name} to end")

    def freeze(self, name):
        pid = self.pid(name)
        for one in [pid, *children(pid)]:
            self.signal(one, signal.SIGSTOP)

    def thaw(self, name):
        pid = self.pid(name)
        for one in [*children(pid), pid]:
            self.signal(one, signal.SIGCONT)

    @contextlib.contextmanager
    def no_writing(self, name):
        """As on a full disk, without one: the service and its children may not write into any file."""
        def limit(soft):
            pid = self.pid(name)
            for one in [pid, *children(pid)] if pid else []:
                # As its owner: root need not be allowed to.
                with contextlib.suppress(FileNotFoundError):
                    owner = os.stat(f"/proc/{one}")
                    identity = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
                    subprocess.run(["/usr/bin/prlimit", "--pid", str(one), f"--fsize={soft}:"], check=False,
                                   stderr=subprocess.DEVNULL, **identity)
        limit(0)
        try:
            yield
        finally:
            limit("unlimited")

    def up(self):
        """Start whatever does not run."""
        self.instance.up()

    def ready(self):
        try:
            return self.instance.ready()
        except OSError:
            return False

    def heal(self):
        """Whatever the fault left: all services run and answer."""
        if not all(self.pid(name) for name in ("postgresql", "redis", *self.hosts, "nginx")):
            self.up()
        wait_for(self.ready, 30, "the instance to be ready again")

    # perch-fcgi in another environment.

    @contextlib.contextmanager
    def perch_with(self, *parts):
        """perch-fcgi started again with these parts beside it, and as it was afterwards. A part is a function of the rig
        that gives variables for perch-fcgi's environment and, where it needs one, a Proxy, which `self.beside` then has
        under the part; it is called, and its proxy ended, while perch-fcgi is down."""
        if set(parts) <= self.beside.keys():
            yield self
            return
        assert not self.beside, "parts are put beside perch-fcgi once"
        self.end("perch-fcgi", signal.SIGTERM)
        try:
            with contextlib.ExitStack() as stack:
                environment = {}
                for part in parts:
                    variables, proxy = part(self)
                    environment.update(variables)
                    self.beside[part] = stack.enter_context(proxy) if proxy else None
                self.overrides.write_text("".join(f"export {name}={shlex.quote(str(value))}\n"
                                                  for name, value in environment.items()))
                try:
                    self.heal()
                    yield self
                finally:
                    self.overrides.unlink(missing_ok=True)
                    self.end("perch-fcgi", signal.SIGTERM)
        finally:
            self.beside.clear()
            if not self.closed:
                self.heal()

    def perch_restart(self):
        self.end("perch-fcgi", signal.SIGTERM)
        self.heal()


class Proxy:
    """proxy.py as a process of its own; it ends with us."""

    def __init__(self, kind, listen, upstream, seed=0):
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "proxy.py"), kind, str(listen), str(upstream), str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "listening\n", "the proxy did not start"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def tell(self, *words):
        """What it does from now on: see proxy.py."""
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "yes\n", "the proxy did not understand"
