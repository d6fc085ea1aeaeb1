"""A private PostgreSQL cluster with databases of one's own: for what is tested below perch-fcgi.

    with Cluster() as cluster:
        database = cluster.database()        # the schema deployed
        with database.connect("perch_app") as app:
            app.execute("SELECT ...")

Nothing in it outlives a crash (fsync is off); order and locks do not depend on that.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import psycopg
from psycopg import sql

from .wait import wait_for

TOP = Path(__file__).resolve().parents[2]
PORT = 5432  # names the socket file; nothing listens on TCP
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "deadlock_timeout": "200ms",
    "log_min_messages": "warning",
    "timezone": "Europe/Berlin",  # a session's time zone must not show anywhere
}


def postgresql_bin():
    """The folder of the newest server on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    assert found, "no PostgreSQL server in /usr/lib/postgresql"
    return found[-1].parent


class Cluster:
    """PostgreSQL refuses to run as root: then it runs as postgres."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="perch-sql-", dir=os.environ.get("PERCH_TEST_TMP", "/tmp")))
        self.bin = postgresql_bin()
        self.identity = {}
        if os.geteuid() == 0:
            self.identity = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.dir, "postgres", "postgres")
        self.server = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        data = self.dir / "data"
        if not data.exists():
            command = [self.bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                       "--locale=C.UTF-8", "--no-sync"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **self.identity)
            rows = "".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
            rows += f"unix_socket_directories = '{self.dir}'\n"
            with (data / "postgresql.conf").open("a") as conf:
                conf.write(rows)
        with (self.dir / "log").open("ab") as log:
            self.server = subprocess.Popen([self.bin / "postgres", "-D", data, "-p", str(PORT)], stdout=log,
                                           stderr=log, stdin=subprocess.DEVNULL, cwd="/", **self.identity)
        wait_for(self.ready, 30, "PostgreSQL")

    def ready(self):
        assert self.server.poll() is None, self.log()
        try:
            self.connect("postgres", "postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def stop(self):
        """Ends the server and removes all of it."""
        if self.server:
            self.server.send_signal(signal.SIGINT)
            self.server.wait(30)
        shutil.rmtree(self.dir)

    def connect(self, user, database, **kwargs):
        """A psycopg connection; autocommit unless told otherwise."""
        kwargs.setdefault("autocommit", True)
        return psycopg.connect(host=str(self.dir), port=PORT, user=user, dbname=database, **kwargs)

    def execute(self, *statements, database="postgres"):
        """As the superuser."""
        with self.connect("postgres", database) as connection:
            for statement in statements:
                connection.execute(statement)

    def roles(self):
        """Makes the roles that an installation makes before it deploys."""
        names = ("perch_owner", "perch_app", "perch_notifier")
        with self.connect("postgres", "postgres") as connection:
            for name in names:
                if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount:
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))

    def database(self, *, deploy=True):
        """A database with a name of its own, owned by perch_owner, the schema in it unless deploy=False."""
        self.roles()
        name = f"perch_{uuid.uuid4().hex[:12]}"
        with self.connect("postgres", "postgres") as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER perch_owner TEMPLATE template0")
                               .format(sql.Identifier(name)))
        database = Database(self, name)
        if deploy:
            database.sqitch("deploy")
        return database


class Database:
    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.owner = "perch_owner"

    def connect(self, user="perch_app", **kwargs):
        return self.cluster.connect(user, self.name, **kwargs)

    def rows(self, query, parameters=None, user="postgres"):
        """The rows of one statement."""
        with self.connect(user) as connection:
            return connection.execute(query, parameters).fetchall()

    def value(self, query, parameters=None, user="postgres"):
        """The one value of one statement."""
        [[value]] = self.rows(query, parameters, user)
        return value

    def people(self, count):
        """Makes this many accounts; their ids."""
        tag = uuid.uuid4().hex[:8]
        return [row[0] for row in self.rows(
            "SELECT a.user_id FROM generate_series(1, %s) AS i,"
            " perch.create_account(%s || '-' || i, %s || '-' || i, NULL, %s || '-' || i, 'hash', NULL, NULL,"
            "                      (random() * 9007199254740990)::bigint + 1, 1, 'test', '127.0.0.1') AS a"
            " ORDER BY 1", [count, tag, tag, tag])]

    def sqitch(self, verb, *arguments, check=True):
        """Runs sqitch in sql/ against this database; the CompletedProcess."""
        target = f"db:pg://{self.owner}@/{self.name}?host={self.cluster.dir}&port={PORT}"
        quiet = ["-y"] if verb == "revert" else []
        result = subprocess.run(
            ["/usr/bin/sqitch", "--chdir", TOP / "sql", verb, *quiet, *arguments, target],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.cluster.dir), "TZ": "UTC",
                 "SQITCH_FULLNAME": "Perch tests", "SQITCH_EMAIL": "perch@localhost"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        if check:
            assert result.returncode == 0, f"sqitch {verb} {arguments}: {result.stdout}"
        return result


def sqitch_changes():
    """The plan's changes in order, as sqitch wants them named: one that was reworked is called change@tag, and its last
    version change@HEAD."""
    rows = [line.split()[0] for line in (TOP / "sql/sqitch.plan").read_text().splitlines() if line and line[0] not in "%#"]
    changes = []
    for place, name in enumerate(rows):
        if name.startswith("@"):
            continue
        if name in rows[place + 1:]:
            name += next(tag for tag in rows[place:] if tag.startswith("@"))
        elif name in rows[:place]:
            name += "@HEAD"
        changes.append(name)
    return changes
