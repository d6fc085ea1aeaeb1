"""Our JSON edge against Python's json module, text by text: whatever is taken means the same to both, and what is
refused is what Python refuses, or one of the few things that are JSON and that we do not want."""

import json
import math
import random
import subprocess
import time
from pathlib import Path

import pytest

from perchtest.instance import find_build

SEEDS = Path(__file__).resolve().parent / "seeds/json"
PIECES = ["{", "}", "[", "]", ",", ":", '"', "\\", "\\u", "0", "1", "-", ".", "e", "E+", "true", "null", "NaN", " ", "\n",
          "\\ud83d", "\\ude00", "\\u0000", "\\u0061", "a", "ä", "\x00", "\x1f", "\ufeff", "9223372036854775808", "1e400", "'",
          '"a":', "[[[[[[[[[[[[[[[[", '{"a":1,"a":2}', "/**/", "+1", "01", "0x1", "1.", ".5", "\u2028", "\x7f"]
DEPTH = 16
SECONDS = 3


class Unwanted(Exception):
    """JSON, by RFC 8259, that we refuse all the same: json_edge.h says what."""


def pairs(members):
    if len({key for key, _ in members}) != len(members):
        raise Unwanted("a key twice")
    return dict(members)


def whole(text):
    if len(text) > 64 or not -2**63 <= int(text) < 2**63:
        raise Unwanted("beyond 64 bits")
    return int(text)


def fraction(text):
    if len(text) > 64 or not math.isfinite(float(text)):
        raise Unwanted("beyond a double")
    return float(text)


def no_constant(text):
    raise ValueError(text)


def texts_of(value):
    if isinstance(value, str):
        yield value
    for item in value if isinstance(value, (list, dict)) else ():
        yield from texts_of(item)
        if isinstance(value, dict):
            yield from texts_of(value[item])


def depth_of(value):
    if not isinstance(value, (list, dict)):
        return 0
    return 1 + max(map(depth_of, value.values() if isinstance(value, dict) else value), default=0)


def python_reads(data):
    """The value; raises ValueError where it is no JSON, Unwanted where we do not want it."""
    text = data.decode()  # UnicodeDecodeError is a ValueError
    if "\x00" in text:
        raise ValueError("NUL")
    value = json.loads(text, object_pairs_hook=pairs, parse_int=whole, parse_float=fraction, parse_constant=no_constant)
    if depth_of(value) > DEPTH:
        raise Unwanted("too deep")
    for found in texts_of(value):
        if "\x00" in found or any("\ud800" <= c <= "\udfff" for c in found):
            raise Unwanted("a NUL or half a pair")
    return value


@pytest.fixture(scope="module")
def verdict():
    """A function that says what perch makes of a text: (taken, value)."""
    program = subprocess.Popen([find_build() / "tests/fuzz/json-verdict"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(data):
        program.stdin.write(b"%d\n%s" % (len(data), data))
        program.stdin.flush()
        answer = program.stdout.readline()
        assert answer.endswith(b"\n"), f"it died of {data!r}"
        return (False, None) if answer == b"refused\n" else (True, json.loads(answer))

    yield ask
    program.stdin.close()
    assert program.wait(10) == 0


def compare(verdict, data):
    taken, value = verdict(data)
    try:
        wanted = python_reads(data)
    except (ValueError, Unwanted) as reason:
        assert not taken, f"{data!r} was taken, Python says: {reason!r}"
        return
    assert taken, f"{data!r} was refused"
    assert value == wanted, f"{data!r} means {wanted!r}, not {value!r}"


def mutation(source, seeds):
    data = bytearray(source.choice(seeds))
    for _ in range(source.randrange(1, 4)):
        place = source.randrange(len(data) + 1)
        what = source.randrange(4)
        if what == 0:
            data[place:place] = source.choice(PIECES).encode()
        elif what == 1:
            del data[place:place + source.randrange(1, 4)]
        elif what == 2 and data:
            data[place % len(data)] = source.randrange(256)
        else:
            other = source.choice(seeds)
            data[place:] = other[source.randrange(len(other) + 1):]
    return bytes(data)


def test_the_seeds_mean_the_same_to_python(verdict):
    for path in sorted(SEEDS.iterdir()):
        compare(verdict, path.read_bytes())


def test_random_texts_mean_the_same_to_python(verdict):
    number = random.randrange(2**32)
    source = random.Random(number)
    seeds = [path.read_bytes() for path in sorted(SEEDS.iterdir())]
    print("seed", number)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for _ in range(100):
            compare(verdict, mutation(source, seeds))
        compare(verdict, "".join(source.choices(PIECES, k=source.randrange(1, 12))).encode())
