"""The same statements that perch-fcgi prepares, run by PostgreSQL's own benchmark: the mark to measure against."""

import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from perchtest.instance import TOP
from perchtest.statements import program_statement


def body_text():
    """(text, shortest, longest): the same bodies for both, from perch-load's own source."""
    source = (TOP / "tests/bench/load_http.c").read_text()
    [literals] = re.findall(r"static const char text\[\] =\s*((?:\"[^\"]*\"\s*)+);", source)
    header = (TOP / "tests/bench/load.h").read_text()
    shortest, longest = re.search(r"LOAD_BODY_MIN = (\d+), LOAD_BODY_MAX = (\d+)", header).groups()
    return "".join(re.findall(r'"([^"]*)"', literals)), int(shortest), int(longest)


def fill(statement, *values):
    """Puts values in the place of $1, $2 …"""
    for i, value in enumerate(values, 1):
        assert f"${i}" in statement
        statement = statement.replace(f"${i}", value)
    assert not re.search(r"\$\d", statement), statement
    return statement


def people_range(people):
    first, count = people[0].id, len(people)
    assert [member.id for member in people] == list(range(first, first + count)), "ids with holes"
    return first, count


def send_script(people):
    """The same choice of people and bodies as perch-load's."""
    _, shortest, longest = body_text()
    first, count = people_range(people)
    return [
        f"\\set from random(0, {count - 1})",
        f"\\set to (:from + 1 + random(0, {count - 2})) % {count}",
        f"\\set sender {first} + :from",
        f"\\set recipient {first} + :to",
        f"\\set length random({shortest}, {longest})",
        fill(program_statement("message_send"), ":sender", ":recipient", "gen_random_uuid()",
             "left(:text, :length)") + ";",
    ]


def poll_script(people, after):
    """A poll of somebody at random from the position `after`."""
    first, count = people_range(people)
    return [f"\\set user random({first}, {first + count - 1})",
            fill(program_statement("event_poll"), ":user", str(after)) + ";"]


def pgbench(instance, script, *, clients, seconds, log=False):
    """One run as the app role over the socket, prepared; per_second and mean_ms, with log=True p50_ms."""
    instance.sql("CHECKPOINT")
    with tempfile.TemporaryDirectory(prefix="perch-pgbench-") as folder:
        (Path(folder) / "script.sql").write_text("\n".join(script) + "\n")
        command = ["pgbench", "-n", "-M", "prepared", "-f", "script.sql", "-D", f"text={body_text()[0]}", "-c", clients,
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
