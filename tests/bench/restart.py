"""Ten thousand pollers come back after perch-fcgi was started anew, and what PostgreSQL is asked meanwhile."""

import os
import signal
import time

from bench.load import Load, Parked, Transactions
from bench.pgbench import pgbench, poll_script
from perchtest import wait_for

PATIENCE_S = 60
NEWEST = 9007199254740990  # a position nobody reaches: nothing is after it


def restart_hup(instance):
    os.kill(instance.service("perch-fcgi").pid, signal.SIGHUP)


def restart_stop_start(instance):
    service = instance.service("perch-fcgi")
    service.stop()
    service.start()


WAYS = {"stop": restart_stop_start, "hup": restart_hup}


def come_back(instance, people, waiting, restart):
    """{"seconds":, "peak_per_second":, …} of one restart."""
    load, parked = Load(instance, people), Parked(instance)
    with load.start("keep", waiting=waiting, seconds=2 * PATIENCE_S) as process:
        assert process.stdout.readline() == "waiting\n", "perch-load ended early"
        parked.wait_for(waiting)
        process.stdin.write("go\n")
        process.stdin.flush()
        old, transactions = set(parked.tree.pids("hub")), Transactions(instance)

        def all_wait():
            transactions.look()
            time.sleep(0.25)  # counting ten thousand descriptors is work, too
            new = set(parked.tree.pids("hub"))
            return new and not new & old and parked.count() >= waiting * 0.999

        def quiet_again():
            transactions.look()
            return time.monotonic() > deadline

        transactions.look()
        started = time.monotonic()
        restart(instance)
        parked.tree.master = instance.service("perch-fcgi").pid
        wait_for(all_wait, PATIENCE_S, "all polls to wait again")
        seconds = time.monotonic() - started
        deadline = time.monotonic() + Transactions.WINDOW_S
        wait_for(quiet_again, 10, "PostgreSQL's last numbers")
        found = load.result(process, 30)
    transactions.close()
    parked.wait_gone()
    return {"seconds": seconds, "peak_per_second": transactions.peak(), "load": found}


def measure_restart(instance, people, scale, say):
    """{"waiting": …, "stop": …, "hup": …, "pgbench": …}: each way once, beside PostgreSQL's own rate of polls that find
    nothing, as those do that come back."""
    found = {"waiting": scale.waiting, "spread_s": 1 + scale.waiting / 1000}  # DRAIN_SPREAD_MIN_MS and on, hub_table.c
    for name, restart in WAYS.items():
        say(f"restart ({name}) with {scale.waiting} waiting polls …")
        found[name] = come_back(instance, people, scale.waiting, restart)
    script = poll_script(people, NEWEST)
    found["pgbench"] = pgbench(instance, script, clients=8, seconds=scale.seconds)["per_second"]
    for name in WAYS:
        found[name]["ratio"] = found[name]["peak_per_second"] / found["pgbench"]
    return found
