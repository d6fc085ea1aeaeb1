"""Sockets that systemd holds (sd_listen_fds): they outlive the program, and whoever connects meanwhile waits."""

import fcntl
import os
import signal
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api import fastcgi
from perchtest import wait_for
from perchtest.instance import children, find_build


class Activated:
    """perch-fcgi for two sockets of ours, with an instance's PostgreSQL and Redis."""

    def __init__(self, instance, folder):
        self.paths = [f"{folder}/{name}" for name in ("app", "auth")]
        self.sockets = []
        for path in self.paths:
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(path)
            listening.listen(64)
            self.sockets.append(listening)
        settings = {key: value for key, value in instance.env.items() if key.startswith("PERCH_")}
        # Where it must not listen, being given sockets.
        settings.update(PERCH_APP_SOCKET="/nonexistent/app.sock", PERCH_AUTH_SOCKET="/nonexistent/auth.sock",
                        PERCH_WORKERS="2", PERCH_AUTH_WORKERS="1")
        if os.geteuid() == 0:
            settings["PERCH_USER"] = "postgres"
        self.env = {**os.environ, **settings, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "app:auth"}
        self.process = None

    def start(self):
        spare = [fcntl.fcntl(listening.fileno(), fcntl.F_DUPFD_CLOEXEC, 20) for listening in self.sockets]
        command = ["bash", "-c", f'exec 3<&{spare[0]} 4<&{spare[1]}; LISTEN_PID=$$ exec "$0"']
        self.process = subprocess.Popen([*command, find_build() / "perch-fcgi"], env=self.env, pass_fds=spare)
        for fd in spare:
            os.close(fd)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0

    def get(self, path):
        return fastcgi.call(self.paths[0], fastcgi.params("GET", path)).status

    def family(self):
        return children(self.process.pid)


@pytest.fixture
def activated(pool):
    with tempfile.TemporaryDirectory(prefix="perch-activated-") as folder:
        Path(folder).chmod(0o755)
        one = Activated(pool, folder)
        one.start()
        yield one
        one.process.kill()
        one.process.wait()


def test_the_sockets_of_systemd_are_served(activated):
    assert activated.get("/health/ready") == 200
    assert fastcgi.call(activated.paths[1], fastcgi.params("GET", "/health/live")).status == 421  # the other pool's


def test_whoever_connects_between_two_programs_is_served_by_the_next(activated):
    assert activated.get("/health/ready") == 200
    activated.end()
    with ThreadPoolExecutor() as threads:
        waiting = [threads.submit(activated.get, "/health/ready") for _ in range(10)]
        activated.start()
        assert [call.result(20) for call in waiting] == [200] * 10


def test_a_change_over_keeps_the_sockets_of_systemd_and_their_owner(activated):
    assert activated.get("/health/ready") == 200
    old = activated.family()
    activated.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(activated.family()) == 4 and not set(activated.family()) & set(old), 20, "new children")
    assert activated.get("/health/ready") == 200
    activated.end()
    assert all(Path(path).exists() for path in activated.paths)
    activated.start()
    assert activated.get("/health/ready") == 200
