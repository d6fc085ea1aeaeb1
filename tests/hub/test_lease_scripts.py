"""The scripts that keep leases, against a model of what they promise, over random histories and a clock of our own."""

import ast
import random
import re
import subprocess
from pathlib import Path

import pytest
import redis

from perchtest import wait_for
from perchtest.statements import LITERAL

SOURCE = Path(__file__).resolve().parents[2] / "common/lease_script.c"
EVENTS = ("put", "put", "cut", "drop", "bye", "end", "pass", "pass", "pass", "turn", "turn", "died")
PREFIX, USERS, TABS, PARTNERS = "t:", ("7", "9007199254740991"), ("1:a", "1:b b", "2:a", "2:new\nline"), "{100}"


def scripts():
    """The texts of lease_script.c by name, put together as by the C compiler, with time taken from the key "clock"."""
    text = re.sub(r"/\*.*?\*/", "", SOURCE.read_text(), flags=re.S).replace("\\\n", " ")
    macros = {}

    def value(tokens):
        return "".join(ast.literal_eval(token) if token.startswith('"') else macros[token]
                       for token in re.findall(rf"{LITERAL}|\w+", tokens))

    for name, tokens in re.findall(rf"#define (\w+) ((?:\s*(?:{LITERAL}|\w+))+)\s*\n", text):
        macros[name] = value(tokens)
    found = re.findall(rf"const char lease_script_(\w+)\[\] =((?:\s*(?:{LITERAL}|\w+))+);", text)
    clock = "{math.floor(redis.call('GET', 'clock') / 1000), redis.call('GET', 'clock') % 1000 * 1000}"
    return {name: value(tokens).replace("redis.call('TIME')", clock) for name, tokens in found}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redis")
    options = ["--port", "0", "--unixsocket", folder / "s", "--save", "", "--dir", folder]
    process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    wait_for((folder / "s").exists, 10, "Redis to start")
    yield redis.Redis(unix_socket_path=str(folder / "s"), decode_responses=True)
    process.terminate()
    process.wait(10)


class Model:
    """What ought to be so: leases by (user, tab), and what the partners were told."""

    def __init__(self, server):
        self.server, self.scripts = server, scripts()
        self.server.flushall()
        self.now, self.leases, self.told = 1_800_000_000_000, {}, {}
        self.pass_ms(0)
        self.turn()
        self.news = server.pubsub()
        self.news.subscribe(f"{PREFIX}u:100")
        assert self.news.get_message(timeout=10)["type"] == "subscribe"
        for _ in range(61):  # leases count when they have been kept for a minute
            self.pass_ms(1000)
            self.turn()

    def run(self, name, *arguments):
        return self.server.execute_command("EVAL", self.scripts[name], 0, PREFIX, *arguments)

    def pass_ms(self, ms):
        self.now += ms
        self.server.set("clock", self.now)

    def put(self, user, tab, ttl, active, poll):
        self.run("change", f"p {user} {ttl} {active:d} 41 {poll} 0 {tab}\0")
        self.leases[user, tab] = (self.now + ttl, active, poll)

    def cut(self, user, tab, ttl, poll):
        self.run("change", f"c {user} {ttl} {poll} {tab}\0")
        expiry, active, of = self.leases.get((user, tab), (0, False, None))
        if of == poll:
            self.leases[user, tab] = (min(expiry, self.now + ttl), active, poll)

    def drop(self, user, tab, poll):
        self.run("change", f"d {user} {poll} {tab}\0")
        if (user, tab) in self.leases and poll in (0, self.leases[user, tab][2]):
            del self.leases[user, tab]

    def end(self, user, session):
        self.run("change", f"e {user} {session}\0")
        self.leases = {key: lease for key, lease in self.leases.items()
                       if key[0] != user or not key[1].startswith(f"{session}:")}

    def turn(self, announce=True):
        head, *claims = self.run("turn", 64).split("\n")
        for claim in claims:
            user, state, until, _ = claim.split()
            if announce:
                self.run("announce", user, state, until, PARTNERS)

    def states(self):
        live = {}
        for (user, _), (expiry, active, _) in self.leases.items():
            if expiry > self.now:
                live[user] = "a" if active or live.get(user) == "a" else "i"
        return {user: live.get(user, "0") for user in USERS}

    def check(self):
        assert self.run("look", ",".join(USERS)) == "k" + "".join(self.states().values())
        for user in USERS:
            live = [f"{expiry - self.now} {active:d} 41" for (of, _), (expiry, active, _) in self.leases.items()
                    if of == user and expiry > self.now]
            belief, *devices = self.run("devices", user).split("\n")
            assert belief == "k" and sorted(devices) == sorted(live)

    def heard(self):
        while (message := self.news.get_message(timeout=0.05)) is not None:
            _, urgent, user, state, _ = message["data"].split(" ")
            before = self.told.get(user, "0")
            assert state != before and urgent == str(int("0" in (state, before))), message
            self.told[user] = state
        return {user: self.told.get(user, "0") for user in USERS}


@pytest.mark.parametrize("seed", range(6))
def test_leases_do_what_they_promise_whatever_happens(server, seed):
    chance, model, polls = random.Random(seed), Model(server), {}
    for step in range(300):
        user, tab = chance.choice(USERS), chance.choice(TABS)
        what = chance.choice(EVENTS)
        if what == "put":
            polls[user, tab] = polls.get((user, tab), 0) + 1
            model.put(user, tab, chance.choice((8000, 33000)), chance.random() < 0.5, polls[user, tab])
        elif what == "cut":
            model.cut(user, tab, 8000, max(1, polls.get((user, tab), 1) - chance.randrange(2)))
        elif what == "drop":
            model.drop(user, tab, max(1, polls.get((user, tab), 1) - chance.randrange(2)))
        elif what == "bye":
            model.drop(user, tab, 0)
        elif what == "end":
            model.end(user, tab[0])
        elif what == "pass":
            model.pass_ms(chance.choice((1, 500, 900, 2000, 4900)))
            model.turn(announce=chance.random() < 0.9)  # somebody must look every 5 s
        else:
            model.turn(announce=what == "turn")  # or a hub claims changes and dies
        model.check()
    # When nothing happens any more, everybody is told the truth, and then there is nothing left to do.
    for _ in range(20):
        model.pass_ms(1000)
        model.turn()
        model.check()
    assert model.heard() == model.states()
    for _ in range(60):
        model.pass_ms(1000)
        model.turn()
    assert model.heard() == dict.fromkeys(USERS, "0")
    assert sorted(server.keys()) == ["clock", f"{PREFIX}presence"]


def test_a_gap_in_looking_after_leases_makes_nobody_offline_for_a_minute(server):
    model = Model(server)
    model.put("7", "1:a", 33000, False, 1)
    model.turn()
    model.pass_ms(40000)  # Redis was paused
    assert model.run("look", "7") == "u0"
    model.turn()
    for _ in range(59):
        model.pass_ms(1000)
        model.turn()
        assert model.run("look", "7") == "u0" and model.heard()["7"] == "i"
    model.pass_ms(1000)
    model.turn()
    assert model.run("look", "7") == "k0" and model.heard()["7"] == "0"


def test_a_clock_set_back_leaves_nobody_online_for_longer(server):
    model = Model(server)
    model.put("7", "1:a", 33000, True, 1)
    model.put("9007199254740991", "1:a", 33000, False, 1)
    model.turn()
    model.drop("9007199254740991", "1:a", 1)  # to be told 5 seconds later
    for number in range(250):
        model.run("change", f"p {1000 + number} 33000 0 41 1 1 1:a\0")
    model.pass_ms(-3600000)
    for _ in range(10):
        model.turn()
    assert server.zcount(f"{PREFIX}leases", model.now + 70001, "+inf") == 0
    assert model.heard() == {"7": "a", "9007199254740991": "i"}
    for _ in range(80):
        model.pass_ms(1000)
        model.turn()
    assert model.run("look", ",".join(USERS)) == "k00"
    assert model.heard() == dict.fromkeys(USERS, "0")
    model.put("7", "1:a", 33000, True, 2)
    model.pass_ms(5000)
    model.turn()
    assert model.heard()["7"] == "a"


def test_a_lease_written_again_after_a_flush_is_news_to_nobody(server):
    model = Model(server)
    server.delete(*server.keys(f"{PREFIX}*"))
    model.turn()
    model.run("change", "p 7 33000 0 41 1 1 1:a\0")
    model.put("9007199254740991", "1:a", 33000, False, 1)
    model.turn()
    assert model.heard() == {"7": "0", "9007199254740991": "i"}
    assert model.run("look", "7,9007199254740991") == "uii"


def test_a_user_keeps_32_leases(server):
    model = Model(server)
    for number in range(40):
        model.run("change", f"p 7 {8000 + number} 0 41 1 0 1:{number}\0")
    tabs = [field for field in server.hkeys(f"{PREFIX}l:7") if ":" in field]
    assert sorted(tabs) == sorted(f"1:{number}" for number in range(8, 40))
    assert server.zcard(f"{PREFIX}leases") == 32
