"""Runs perch-load against a server, and weighs processes."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

from hub.tree import Tree
from perchtest import wait_for
from perchtest.instance import children, find_build
from perchtest.wire import waiting_polls


class Load:
    """perch-load with these people: Members, who ask for `path`, or (Member, path[, json]). `server`: an Instance, or
    what has its port and dir."""

    made = 0

    def __init__(self, server, people, path="/api/v1/me"):
        self.server = server
        Load.made += 1
        self.users = server.dir / f"bench-users-{Load.made}"
        self.users.write_text("".join(self.line(member, path) for member in people))

    @staticmethod
    def line(member, path):
        member, *rest = member if isinstance(member, tuple) else (member, path)
        return " ".join([str(member.id), member.token, *rest]) + "\n"

    def start(self, mode, **options):
        words = [find_build() / "tests/bench/perch-load", mode, "--port", self.server.port, "--users", self.users]
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}", value]
        return subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def result(self, process, timeout, go=False):
        """With go=True it begins when its polls wait, whatever others do."""
        out, _ = process.communicate("go\n" if go else None, timeout=timeout)
        assert process.returncode == 0, "perch-load failed"
        return json.loads(out.splitlines()[-1])

    def send(self, *, clients, seconds):
        self.server.sql("CHECKPOINT")
        return self.result(self.start("send", clients=clients, seconds=seconds, warm_up=1), seconds + 60)

    def ask(self, *, clients, seconds, warm_up=1):
        return self.result(self.start("ask", clients=clients, seconds=seconds, warm_up=warm_up), seconds + 60)

    def wake(self, *, waiting, rate, seconds, before=None, clients=16, told=True):
        """"memory" of the figures is weighed when all polls wait and (with `told`) everybody knows it; then before() is
        called, and the messages begin."""
        self.server.sql("CHECKPOINT")
        parked = Parked(self.server)
        with self.start("wake", waiting=waiting, rate=rate, seconds=seconds, clients=clients) as process:
            assert process.stdout.readline() == "waiting\n", "perch-load ended early"
            parked.wait_for(waiting)
            if told:
                wait_told(self.server, waiting)
            memory = memory_of(self.server)
            if before:
                before()
            process.stdin.write("go\n")
            process.stdin.flush()
            result = process.stdout.readline()
        assert process.returncode == 0, "perch-load failed"
        parked.wait_gone()
        return {**json.loads(result), "memory": memory}


def wait_told(server, waiting):
    """Wait until the coming of so many is told to those who know them: each hears of it at most every 10 s, and asks
    again. It is over when hardly anybody asks."""
    transactions = Transactions(server)

    def quiet():
        transactions.look()
        time.sleep(0.1)
        return transactions.rate() is not None and transactions.rate() < max(50, waiting / 100)

    wait_for(quiet, 120, "the arrivals to be told")
    transactions.close()


class Parked:
    """How many polls the hubs hold."""

    def __init__(self, instance):
        self.tree = Tree(instance)

    def count(self):
        total = 0
        for pid in self.tree.pids("hub"):
            try:
                total += waiting_polls(pid)
            except FileNotFoundError:
                continue
        return total

    def wait_for(self, waiting, timeout=60):
        """Some may be on the way back from their wait's end."""
        wait_for(lambda: self.count() >= waiting * 0.99, timeout, "the polls to be parked")

    def wait_gone(self):
        wait_for(lambda: self.count() == 0, 60, "the polls to be gone")


def weigh(pids):
    """Bytes of PSS (shared pages divided among their users) and RSS."""
    total = {"pss": 0, "rss": 0}
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        for kind in total:
            total[kind] += int(re.search(rf"^{kind}:\s*(\d+) kB", rollup, re.M | re.I).group(1)) * 1024
    return total


def memory_of(instance):
    env = instance.read_env()
    perch, nginx = int(env["PERCH_MASTER_PID"]), int(env["PERCH_NGINX_PID"])
    return {"hub": weigh(Tree(instance).pids("hub")), "perch": weigh([perch, *children(perch)]),
            "nginx": weigh([nginx, *children(nginx)])}


def cpu_of(instance):
    """{family: seconds of processor time so far} of everything that serves a request."""
    env, tree = instance.read_env(), Tree(instance)
    postgres = instance.service("postgresql").pid
    nginx = int(env["PERCH_NGINX_PID"])
    families = {"nginx": children(nginx), "workers": tree.pids("worker"), "hub": tree.pids("hub"),
                "Redis": [instance.service("redis").pid], "PostgreSQL": children(postgres)}
    return {name: sum(map(cpu_seconds, pids)) for name, pids in families.items()}


def cpu_seconds(pid):
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def memory_per(before, after, waiting):
    """{"hub": {"pss": …}}: bytes per waiting poll."""
    return {name: {kind: (after[name][kind] - before[name][kind]) / waiting for kind in after[name]}
            for name in after}


class Transactions:
    """PostgreSQL's commits per second while it is asked; call look() every now and then. A backend tells its numbers
    about once a second, hence the window."""

    WINDOW_S = 2.0

    def __init__(self, instance):
        self.db = instance.db()
        self.rows = []

    def look(self):
        [count] = self.db.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()").fetchone()
        self.rows.append((time.monotonic(), count))

    def rate(self):
        """Per second over the last window and as long as one before it; None: too early to say."""
        (last, count) = self.rows[-1]
        early = [row for row in self.rows if last - row[0] >= 2 * self.WINDOW_S]
        return (count - early[-1][1]) / (last - early[-1][0]) if early else None

    def peak(self):
        """The most per second over one window."""
        best = 0.0
        for i, (start, count) in enumerate(self.rows):
            later = [row for row in self.rows[i:] if row[0] - start >= self.WINDOW_S]
            if later:
                best = max(best, (later[0][1] - count) / (later[0][0] - start))
        return best

    def close(self):
        self.db.close()
