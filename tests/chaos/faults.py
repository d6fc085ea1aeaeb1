"""What is done to Perch while people talk: one function each, told by its row in FAULTS.

A fault runs in a thread of its own, does its mischief until `over`, and leaves the rest to heal() of the rig. What it
decides by chance comes from `source`, so a seed repeats it. A `setting` is a context manager around the whole round,
load and all, that gives the rig to use.
"""

import contextlib
import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from chaos.rig import Proxy, Rig
from perchtest import wait_for
from perchtest.instance import alive

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
HOUR = 3600
WHOLE_S = 12  # a round in which the pauses are as long as they are told


@dataclass
class Fault:
    name: str
    title: str
    run: Callable
    setting: Callable


class Over:
    """The end of a fault's time. Where that is short its pauses are, too, so that every fault strikes."""

    def __init__(self, seconds):
        self.until = time.monotonic() + seconds
        self.pace = min(1.0, seconds / WHOLE_S)
        self.early = threading.Event()

    def wait(self, seconds):
        """Waits that long, or to the end; whether the end is there."""
        self.early.wait(max(0, min(seconds * self.pace, self.until - time.monotonic())))
        return bool(self)

    def __bool__(self):
        return self.early.is_set() or time.monotonic() >= self.until


FAULTS = {}


@contextlib.contextmanager
def as_it_is(rig):
    yield rig


def beside(*parts):
    return lambda rig: rig.perch_with(*parts)


def fault(name, title, setting=as_it_is):
    def register(function):
        FAULTS[name] = Fault(name, title, function, setting)
        return function
    return register


# perch-fcgi and nginx.


@fault("none", "nothing at all, for comparison")
def none(rig, source, over):
    over.wait(HOUR)


@fault("worker-kill", "`kill -9` of a random worker every 250 ms")
def worker_kill(rig, source, over):
    while not over.wait(0.25):
        workers = rig.family("worker")
        if workers:
            rig.signal(source.choice(workers), signal.SIGKILL)


@fault("worker-stop", "`SIGSTOP` of a worker for 5 s, one after the other")
def worker_stop(rig, source, over):
    while not over:
        workers = rig.family("worker")
        pid = source.choice(workers) if workers else None
        rig.signal(pid, signal.SIGSTOP)
        over.wait(5)
        rig.signal(pid, signal.SIGCONT)
        over.wait(source.uniform(0.1, 1))


@fault("hub-kill", "`kill -9` of both hubs, or of one of them, every 1 to 3 s")
def hub_kill(rig, source, over):
    both = True
    while not over.wait(source.uniform(1, 3)):
        hubs = rig.family("hub")
        for pid in hubs if both else source.sample(hubs, min(1, len(hubs))):
            rig.signal(pid, signal.SIGKILL)
        both = not both


@fault("master-kill", "`kill -9` of the master, started again by hand, every 2 to 6 s")
def master_kill(rig, source, over):
    while not over.wait(source.uniform(2, 6)):
        rig.end("perch-fcgi", signal.SIGKILL)
        rig.up()


@fault("rolling-restart", "in turn `HUP`, and `TERM` and a start, every 2 to 5 s")
def rolling_restart(rig, source, over):
    hup = True
    while not over.wait(source.uniform(2, 5)):
        if hup:
            before = rig.family("worker")
            rig.signal(rig.pid("perch-fcgi"), signal.SIGHUP)
            wait_for(lambda: not set(before) & set(rig.family("worker")), 20, "new workers")
        else:
            rig.perch_restart()
        hup = not hup


@contextlib.contextmanager
def on_two_hosts(rig):
    with Rig(HOSTS=2) as two:
        yield two


@fault("host-kill", "two hosts behind one nginx: `kill -9` of either and all it runs, and a start, every 2 to 4 s",
       on_two_hosts)
def host_kill(rig, source, over):
    while not over.wait(source.uniform(2, 4)):
        host = source.choice(rig.hosts)
        family = [pid for role in ("worker", "auth", "hub") for pid in rig.family(role, host)]
        rig.end(host, signal.SIGKILL)
        wait_for(lambda: not any(map(alive, family)), 10, "the host's processes to be gone")
        over.wait(source.uniform(0, 2))
        rig.up()


@fault("host-restart", "two hosts behind one nginx: `HUP`, and `TERM` and a start, of one after the other, every 2 to 4 s",
       on_two_hosts)
def host_restart(rig, source, over):
    turn = 0
    while not over.wait(source.uniform(2, 4)):
        host = rig.hosts[turn % 2]
        if turn % 4 < 2:
            rig.signal(rig.pid(host), signal.SIGHUP)
        else:
            rig.end(host, signal.SIGTERM)
            rig.up()
        turn += 1


@fault("nginx-reload", "nginx reloads every 1 to 4 s")
def nginx_reload(rig, source, over):
    while not over.wait(source.uniform(1, 4)):
        rig.signal(rig.pid("nginx"), signal.SIGHUP)


# PostgreSQL.


@fault("postgresql-stop", "`pg_ctl stop -m immediate` (its signal), and a start, every 3 to 7 s")
def postgresql_stop(rig, source, over):
    while not over.wait(source.uniform(3, 7)):
        rig.end("postgresql", signal.SIGQUIT)
        rig.up()


@fault("postgresql-freeze", "PostgreSQL stopped as by a hung disk for 1 to 7 s")
def postgresql_freeze(rig, source, over):
    while not over.wait(source.uniform(1, 3)):
        rig.freeze("postgresql")
        over.wait(source.uniform(1, 7))
        rig.thaw("postgresql")


def database_proxy(rig):
    folder = rig.folder / "database"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return ({"PERCH_DATABASE_URL": f"postgresql://perch_app@/perch?host={folder}&port=5432"},
            Proxy("stream", folder / ".s.PGSQL.5432", rig.dir / "run/.s.PGSQL.5432"))


@fault("postgresql-half-open", "all connections to PostgreSQL go silent and stay open, every 2 to 8 s; every other time "
       "what was asked is still done", beside(database_proxy))
def postgresql_half_open(rig, source, over):
    how = ("deaf", "silent")
    while not over.wait(source.uniform(1, 2)):
        rig.beside[database_proxy].tell(how[0])
        how = how[::-1]
        over.wait(source.uniform(1, 6))


SMALL_DISK = os.environ.get("PERCH_CHAOS_DISK")  # see tests/chaos/run


@contextlib.contextmanager
def on_a_small_disk(rig):
    """An instance of its own, for the file system of the data folder is what fills up."""
    if not SMALL_DISK:
        yield rig
        return
    with Rig(small_disk=SMALL_DISK) as small:
        yield small


@contextlib.contextmanager
def full_disk(rig):
    """To the last byte. Where no small file system may be mounted: no process of PostgreSQL may write to any file."""
    if not rig.small_disk:
        with rig.no_writing("postgresql"):
            yield
        return
    filler = Path(rig.small_disk) / "filler"
    try:
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65536))
        yield
    finally:
        filler.unlink()


@fault("disk-full", "the file system of the data folder is full for 1 to 5 s, every 1 to 2 s; PostgreSQL is started again "
       "where it ended", on_a_small_disk)
def disk_full(rig, source, over):
    while not over.wait(source.uniform(1, 2)):
        with full_disk(rig):
            over.wait(source.uniform(1, 5))
        if not rig.pid("postgresql"):
            rig.up()


@fault("epoch", "a new epoch, as after a restore, every 2 to 5 s: every device starts again from the history")
def epoch(rig, source, over):
    while not over.wait(source.uniform(2, 5)):
        rig.instance.sql("SELECT perch.epoch_draw()")


# Redis.


@fault("redis-kill", "`kill -9` of Redis, started again after up to 3 s, every 1 to 4 s")
def redis_kill(rig, source, over):
    while not over.wait(source.uniform(1, 4)):
        rig.end("redis", signal.SIGKILL)
        over.wait(source.uniform(0, 3))
        rig.up()


@fault("redis-flush", "`FLUSHALL` every 100 ms to 1 s")
def redis_flush(rig, source, over):
    with rig.instance.redis() as redis:
        while not over.wait(source.uniform(0.1, 1)):
            redis.flushall()


@fault("redis-pause", "Redis stopped for 0.1 to 5 s, every 1 to 3 s")
def redis_pause(rig, source, over):
    while not over.wait(source.uniform(1, 3)):
        rig.freeze("redis")
        over.wait(source.uniform(0.1, 5))
        rig.thaw("redis")


# The clock, the network.


def false_clock(rig):
    """perch-fcgi sees the wall clock that rig.clock says; the monotonic one is the machine's, as on a real machine whose
    clock is set."""
    if FAKETIME is None:
        raise RuntimeError("libfaketime is missing: Debian package faketime")
    rig.clock.write_text("+0")
    return {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": rig.clock, "FAKETIME_CACHE_DURATION": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1, "DONT_FAKE_MONOTONIC": 1}, None


@fault("clock", "the clock of perch-fcgi is set to an hour ahead, an hour back, and right again, in turn every 2 to 4 s; every "
       "other time the children are replaced with it", beside(false_clock))
def clock(rig, source, over):
    turn = 0
    while not over.wait(source.uniform(2, 4)):
        rig.clock.write_text(f"{(HOUR, -HOUR, 0)[turn % 3]:+d}")
        turn += 1
        if turn % 2 == 0:
            rig.signal(rig.pid("perch-fcgi"), signal.SIGHUP)
    rig.clock.write_text("+0")


def network_proxy(rig):
    """proxy.py listens where nginx looks for the workers, and they listen elsewhere."""
    nginx_side, perch_side = rig.dir / "run/app.sock", rig.dir / "run/behind.sock"
    return {"PERCH_APP_SOCKET": perch_side}, Proxy("fastcgi", nginx_side, perch_side)


@fault("network", "one request in ten loses its answer after it was done, gets half of it, gets it up to 4 s late, "
       "is done twice at once, or once more up to 3 s later", beside(network_proxy))
def network(rig, source, over):
    rig.beside[network_proxy].tell("trouble", 0.1)
    over.wait(HOUR)
    rig.beside[network_proxy].tell("calm")


def begin(which, rig, seed, seconds):
    """Starts the fault; (its thread, its Over). The thread's `error` is what stopped it, if anything did."""
    over = Over(seconds)

    def run():
        try:
            which.run(rig, random.Random(f"{seed} {which.name}"), over)
        except BaseException as error:
            thread.error = error

    thread = threading.Thread(target=run, daemon=True)
    thread.error = None
    thread.start()
    return thread, over
