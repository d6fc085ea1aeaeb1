#!/usr/bin/python3
"""Runs every unit test program again and again, letting its 1st, 2nd, 3rd… allocation fail.

    tests/unit/failing_malloc.py BUILD [test_name…] [--seconds S] [--seed N] [--all]

Running out of memory may end a program with "out of memory", abort(), or make tests fail because a function returned
an error. It may not crash it, hang it or wake a sanitizer. Of many allocations a sample is tried (--all: each one).
What fails is printed with the command that shows it again.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FIRST, SAMPLED = 40, 40  # tries per program: the first ones, and some of the others
HANG_S = 60
CRASH = re.compile(r"with exception: .*|ERROR: \w+Sanitizer.*|runtime error:.*|double free.*|malloc\(\): .*|free\(\): .*")


class Program:
    def __init__(self, build, path):
        self.path, self.name = path, path.name
        self.library = build / "tests/unit/failing_malloc.so"
        self.preload = [str(self.library)]
        linked = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        self.preload += re.findall(r"=> (\S*lib(?:asan|ubsan)\S*)", linked)
        with tempfile.NamedTemporaryFile("r") as file:
            started_at = time.monotonic()
            result = self.run(0, False, FAILING_MALLOC_COUNT=file.name)
            self.took = time.monotonic() - started_at
            if result.returncode != 0:
                sys.exit(f"{self.name} fails with all the memory it wants:\n{result.stdout}{result.stderr}")
            self.count = int(file.read())

    def variables(self, fail_at, on):
        return {"FAILING_MALLOC": str(fail_at), "FAILING_MALLOC_ON": str(int(on)), "LD_PRELOAD": ":".join(self.preload),
                "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0:allocator_may_return_null=1"}

    def run(self, fail_at, on, **more):
        variables = {**os.environ, **self.variables(fail_at, on), "TMPDIR": tempfile.gettempdir(), **more}
        return subprocess.run([self.path], env=variables, timeout=HANG_S,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")

    def tries(self, source, everything):
        """(which allocation, whether all after it fail, too)"""
        places = list(range(1, self.count + 1))
        if not everything:
            rest = places[FIRST:]
            most = max(4, int(3 / self.took))  # slow programs get fewer
            places = places[:FIRST] + source.sample(rest, min(SAMPLED, len(rest)))
            places = source.sample(places, min(most, len(places)))
        return [(self, place, on) for place in places for on in ([False, True] if everything else [source.random() < .3])]

    def command(self, fail_at, on):
        words = [f"{name}={value}" for name, value in self.variables(fail_at, on).items()]
        return f"env {' '.join(words)} {self.path}"


def judge(result):
    """(what became of it, what is wrong with that or None)"""
    output = result.stdout + result.stderr
    crash = CRASH.search(output)
    if crash:
        return "crash", crash.group()
    if result.returncode == -signal.SIGABRT:
        return "abort", None
    if result.returncode < 0:
        return "crash", f"killed by signal {-result.returncode}"
    if "out of memory" in output and result.returncode == 1:
        return "out of memory", None
    return ("no matter" if result.returncode == 0 else "tests failed"), None


def try_one(job):
    program, fail_at, on = job
    try:
        result = program.run(fail_at, on)
    except subprocess.TimeoutExpired:
        return job, "hang", f"no end after {HANG_S} s", ""
    outcome, wrong = judge(result)
    return job, outcome, wrong, result.stdout + result.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--show", action="store_true", help="which assertions failed, how often")
    options = parser.parse_args()
    source = random.Random(options.seed)
    paths = [path for path in sorted((options.build / "tests/unit").glob("test_*")) if not path.suffix]
    programs = [Program(options.build.resolve(), path.resolve()) for path in paths
                if not options.names or path.name in options.names]
    jobs = [job for program in programs for job in program.tries(source, options.all)]
    source.shuffle(jobs)

    outcomes, failed, assertions, deadline = Counter(), 0, Counter(), time.monotonic() + options.seconds
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while jobs and (options.all or time.monotonic() < deadline):
            batch, jobs = jobs[:32], jobs[32:]
            for (program, fail_at, on), outcome, wrong, output in pool.map(try_one, batch):
                outcomes[outcome] += 1
                if wrong:
                    failed += 1
                    print(f"{program.name}: {wrong}\n    {program.command(fail_at, on)}")
                if outcome == "abort" and options.show:
                    print(f"{program.name}: abort()\n    {program.command(fail_at, on)}")
                if outcome == "tests failed":
                    # Numbers of lines say where; addresses differ each time.
                    for line in set(re.findall(r"--- (\S+:\d+: error: .*)|\] --- (0x.*|.*!=.*)", output)):
                        assertions[f"{program.name}: {''.join(line)}"] += 1
    if options.show:
        for line, count in sorted(assertions.items()):
            print(f"{count:5} {line}")
    print(f"{len(programs)} programs, {sum(outcomes.values())} failing allocations (seed {options.seed}, {len(jobs)} left out): "
          + ", ".join(f"{count} × {outcome}" for outcome, count in outcomes.most_common()))
    return 1 if failed or not outcomes else 0


# A program that ends in the middle leaves its files behind.
with tempfile.TemporaryDirectory(prefix="perch-unit-") as folder:
    tempfile.tempdir = folder
    sys.exit(main())
