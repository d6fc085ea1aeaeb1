"""A private, complete Perch: PostgreSQL, Redis, nginx, perch-fcgi and, if wanted, perch-notifier, started by ./dev."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from .client import Client
from .wait import wait_for

TOP = Path(__file__).resolve().parents[2]
DEV = TOP / "dev"

# What a sanitizer writes into perch-fcgi's log; the instance fails when it stops, whatever the tests thought.
SANITIZER = re.compile(r"(ERROR: \w+Sanitizer|SUMMARY: \w+Sanitizer|runtime error:)")


def free_port():
    """A TCP port that is free on both loopback addresses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_build():
    """The folder with a built perch-fcgi: PERCH_DEV_BUILD, else what ./dev check or ./dev up left."""
    given = os.environ.get("PERCH_DEV_BUILD")
    for folder in [given] if given else [TOP / ".dev/check/build", TOP / ".dev/build"]:
        if (Path(folder) / "perch-fcgi").is_file():
            return Path(folder)
    raise RuntimeError("no perch-fcgi is built: run ./dev check, or ./dev up once, or set PERCH_DEV_BUILD")


class Service:
    """One of the instance's processes, for tests that take it away: "postgresql", "redis", "nginx", "perch-fcgi".

    With HOSTS=2 the second host's tree is "perch-fcgi-2".
    """

    def __init__(self, instance, name):
        self.instance = instance
        self.name = name

    @property
    def pid(self):
        name = {"postgresql": "postgres"}.get(self.name, self.name.replace("perch-fcgi", "master"))
        return int(self.instance.read_env()[f"PERCH_{name.upper().replace('-', '_')}_PID"])

    def signal(self, number):
        os.kill(self.pid, number)

    def pause(self):
        """Freeze it (and, for PostgreSQL, each of its backends): it keeps its sockets and answers nothing."""
        for pid in [self.pid, *children(self.pid)]:
            os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in [*children(self.pid), self.pid]:
            os.kill(pid, signal.SIGCONT)

    def stop(self, number=None):
        """End it and wait until it is gone. The default signal is its quick, orderly end."""
        pid = self.pid
        os.kill(pid, number or (signal.SIGINT if self.name == "postgresql" else signal.SIGTERM))
        wait_for(lambda: not alive(pid), 30, f"{self.name} to end")

    def start(self):
        """Start it again (and whatever else is not running); does not wait until perch-fcgi has noticed."""
        self.instance.up()


class Instance:
    """Started by start(), gone without a trace after stop(). Settings are PERCH_* variables without the prefix:

    Instance(RATE_SEND=3, WORKERS=1).start()

    perch-notifier and the stand-in for Telegram are there with DEV_TELEGRAM="stand-in", and left out else.
    """

    def __init__(self, *, build=None, port=None, **settings):
        self.build = Path(build) if build else None
        self.port = port or free_port()
        settings = {"DEV_TELEGRAM": "off", **settings}
        self.settings = {f"PERCH_{key}": str(value) for key, value in settings.items()}
        # Directly below /tmp: the path of a unix socket has at most 107 bytes.
        self.dir = Path(tempfile.mkdtemp(prefix="perch-", dir=os.environ.get("PERCH_TEST_TMP", "/tmp")))
        self.dir.chmod(0o711)  # as root the services run as somebody else, who must pass through
        self.env = {}

    @property
    def url(self):
        return self.env["PERCH_URL"]

    # Life.

    def start(self):
        """Start everything; returns self when /health/ready is 200."""
        try:
            self.up()
        except BaseException:
            self.stop()
            raise
        return self

    def up(self):
        """./dev up --detach: starts what is not running."""
        self.dev("up", "--detach", "--port", str(self.port), timeout=120)
        self.env = self.read_env()

    def stop(self):
        """Stop everything and remove the folder; fails if a sanitizer complained in the meantime."""
        self.dev("down", timeout=60)
        logs = self.dir / "log"
        keep = os.environ.get("PERCH_TEST_LOGS")
        if keep and logs.is_dir():
            shutil.copytree(logs, Path(keep) / self.dir.name, dirs_exist_ok=True)
        complaint = self.sanitizer_complaint()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert complaint is None, complaint

    def dev(self, *arguments, timeout=60, check=True, env=None):
        """Run ./dev with this instance's folder and settings; returns the CompletedProcess with its output."""
        command = [str(DEV), arguments[0], "--dir", str(self.dir), *arguments[1:]]
        result = subprocess.run(
            command,
            env={**self.environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout,
        )
        if check and result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: status {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def environment(self):
        """The environment for ./dev: the caller's own PERCH_* settings stay out of it."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PERCH_")}
        build = self.build or find_build()
        return {**clean, "PERCH_DEV_BUILD": str(build), **self.settings}

    def read_env(self):
        """What `./dev env` says now, as a dictionary."""
        lines = self.dev("env").stdout.splitlines()
        return dict(line.split("=", 1) for line in lines)

    def service(self, name):
        return Service(self, name)

    def log(self, name="perch-fcgi"):
        """The text of one service's log."""
        return (self.dir / "log" / f"{name}.log").read_text(errors="replace")

    def sanitizer_complaint(self):
        for path in (self.dir / "log").glob("perch-fcgi*.log"):
            text = path.read_text(errors="replace")
            found = SANITIZER.search(text)
            if found:
                return text[max(0, found.start() - 200) : found.start() + 4000]
        return None

    # People.

    def client(self, **kwargs):
        """Somebody who is not logged in."""
        return Client(self.url, **kwargs)

    def person(self, name="person", *, bearer=False, **fields):
        """A newly registered, logged-in person with a unique name that starts with `name`."""
        client = self.client()
        client.register(f"{name}-{os.urandom(6).hex()}", **fields)
        return client.another_device(bearer=True) if bearer else client

    # A look behind.

    def db(self, **kwargs):
        """A psycopg connection as the cluster's superuser, autocommit, search_path perch."""
        import psycopg

        connection = psycopg.connect(self.env["PERCH_ADMIN_DATABASE_URL"], autocommit=True, **kwargs)
        connection.execute("SET search_path = perch, public")
        return connection

    def sql(self, query, *parameters):
        """Rows of one statement."""
        with self.db() as connection:
            cursor = connection.execute(query, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def redis(self):
        """A client of the instance's Redis."""
        import redis

        return redis.Redis(unix_socket_path=self.env["PERCH_REDIS_URL"].removeprefix("unix://"))

    def ready(self):
        """Whether /health/ready is 200 at this moment."""
        return self.client().get("/health/ready").status_code == 200


def alive(pid):
    """Whether the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def children(pid):
    """The process ids of a process's children."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
