"""Runs perch-load and pgbench against an instance, and weighs its processes."""

import json
import os
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from hub.tree import Tree
from perchtest import wait_for
from perchtest.instance import children, find_build
from perchtest.statements import program_statement

TOP = Path(__file__).resolve().parents[2]


def body_text():
    """(text, shortest, longest): the same bodies for both, from perch-load's own source."""
    source = (TOP / "tests/bench/load_http.c").read_text()
    [literals] = re.findall(r"static const char text\[\] =\s*((?:\"[^\"]*\"\s*)+);", source)
    header = (TOP / "tests/bench/load.h").read_text()
    shortest, longest = re.search(r"LOAD_BODY_MIN = (\d+), LOAD_BODY_MAX = (\d+)", header).groups()
    return "".join(re.findall(r'"([^"]*)"', literals)), int(shortest), int(longest)


class Load:
    """perch-load with these people."""

    def __init__(self, instance, people):
        self.instance = instance
        self.users = instance.dir / "bench-users"
        self.users.write_text("".join(f"{member.id} {member.token}\n" for member in people))

    def command(self, mode, **options):
        words = [find_build() / "tests/bench/perch-load", mode, "--port", self.instance.port, "--users", self.users]
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}", value]
        return [str(word) for word in words]

    def send(self, *, clients, seconds):
        self.instance.sql("CHECKPOINT")
        result = subprocess.run(self.command("send", clients=clients, seconds=seconds, warm_up=1), check=True,
                                stdout=subprocess.PIPE, text=True, timeout=seconds + 60)
        return json.loads(result.stdout)

    def wake(self, *, waiting, rate, seconds, look):
        """`look(memory)` is called while all polls wait."""
        self.instance.sql("CHECKPOINT")
        hub = Tree(self.instance).hub
        base = len(os.listdir(f"/proc/{hub}/fd"))
        with subprocess.Popen(self.command("wake", waiting=waiting, rate=rate, seconds=seconds, clients=16),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "waiting\n", "perch-load ended early"
            # Some hundred may be on the way back from their wait's end.
            wait_for(lambda: len(os.listdir(f"/proc/{hub}/fd")) >= base + waiting * 0.99, 60, "the polls to be parked")
            look(memory_of(self.instance))
            process.stdin.write("go\n")
            process.stdin.flush()
            result = process.stdout.readline()
        assert process.returncode == 0, "perch-load failed"
        wait_for(lambda: len(os.listdir(f"/proc/{hub}/fd")) <= base + 8, 60, "the polls to be gone")
        return json.loads(result)


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
    return {"hub": weigh([Tree(instance).hub]), "perch": weigh([perch, *children(perch)]),
            "nginx": weigh([nginx, *children(nginx)])}


def pgbench_script(people):
    """The statement that perch-fcgi prepares, with the same choice of people and bodies as perch-load's."""
    text, shortest, longest = body_text()
    statement = program_statement("message_send")
    for place, value in (("$1", ":sender"), ("$2", ":recipient"), ("$3", "gen_random_uuid()"),
                         ("$4", "left(:text, :length)")):
        assert place in statement
        statement = statement.replace(place, value)
    first, count = people[0].id, len(people)
    assert [member.id for member in people] == list(range(first, first + count)), "ids with holes"
    return text, "\n".join([
        f"\\set from random(0, {count - 1})",
        f"\\set to (:from + 1 + random(0, {count - 2})) % {count}",
        f"\\set sender {first} + :from",
        f"\\set recipient {first} + :to",
        f"\\set length random({shortest}, {longest})",
        statement + ";",
    ]) + "\n"


def pgbench(instance, people, *, clients, seconds, log=False):
    """One run as the app role over the socket, prepared; per_second and mean_ms, with log=True p50_ms."""
    instance.sql("CHECKPOINT")
    text, script = pgbench_script(people)
    with tempfile.TemporaryDirectory(prefix="perch-pgbench-") as folder:
        (Path(folder) / "send.sql").write_text(script)
        command = ["pgbench", "-n", "-M", "prepared", "-f", "send.sql", "-D", f"text={text}", "-c", clients,
                   "-j", min(clients, 2), "-T", seconds, *(["--log"] if log else []),
                   instance.env["PERCH_DATABASE_URL"]]
        result = subprocess.run([str(word) for word in command], cwd=folder, check=True, capture_output=True, text=True,
                                timeout=seconds + 60)
        found = {
            "per_second": float(re.search(r"^tps = ([\d.]+)", result.stdout, re.M).group(1)),
            "mean_ms": float(re.search(r"^latency average = ([\d.]+) ms", result.stdout, re.M).group(1)),
        }
        assert "number of failed transactions: 0 " in result.stdout, result.stdout
        if log:
            times = [int(line.split()[2]) for path in Path(folder).glob("pgbench_log.*")
                     for line in path.read_text().splitlines()]
            found["p50_ms"] = statistics.median(times) / 1000
    return found
