"""Many people at once: the rate, any text, the memory, and notifiers that are killed on the way."""

import random
import threading
from collections import Counter

import pytest

from notifier.crowd import Readers
from notifier.rig import texts
from perchtest import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = 100
HOSTILE = [*"\u0085\u00ad\u200b\u200d\u200f\u202e\u2028\u2066\ufeff\ufffd\ufffe\U0001f468\U000e0041\U0010ffff",
           "e" + "\u0301" * 30, "👩‍👩‍👧‍👧", "<b>", "&amp;", "*_`[", "\\", "\n", "\t"]


def random_text(dice):
    """Of any characters; now and then as long as Telegram takes them with the sender's name, which counts UTF-16
    units, or longer."""
    if dice.random() < 0.1:
        return dice.choice(("x", "ж", "😀")) * dice.choice((2044, 2045, 4080, 4096))
    blocks = ((0x20, 0x7e), (0xa0, 0x24f), (0x400, 0x4ff), (0x590, 0x6ff), (0x2000, 0x20ff), (0xe000, 0xf8ff),
              (0x10000, 0x1ffff), (0xe0000, 0xeffff))
    def piece():
        return dice.choice(HOSTILE) if dice.random() < 0.3 else chr(dice.randint(*dice.choice(blocks)))
    return "".join(piece() for _ in range(dice.choice((1, 20, 300))))


def test_a_thousand_chats_any_text_and_a_notifier_that_dies_in_the_middle(world, notifier_of):
    """Telegram takes every text, nobody is told twice but of what nobody answered, and no more than 25 a second go."""
    first, second = notifier_of(clock=True), notifier_of(clock=True, wait=False)
    dice = random.Random(seed := random.randrange(2**32))
    print(f"seed {seed}")
    world.api.limits(per_second=0)  # a machine that is busy lets requests arrive in heaps
    readers, alice = Readers(world, 1000), world.person("Alice")
    readers.send(alice, [f"{number} {random_text(dice)}"[:4096] for number in range(1000)])
    wait_for(lambda: readers.queued() <= 500, 60, "half of them to be told")
    first.kill()
    wait_for(lambda: readers.queued() == readers.queued(unanswered=1), 60, "the others to be told")
    second.clock(seconds=65)
    wait_for(lambda: readers.queued() == 0, 10, "what had no answer to be told")
    calls = readers.calls()
    assert {call["status"] for call in calls} <= {200, 0}, [call for call in calls if call["status"] not in (200, 0)]
    counts = Counter(call["chat"] for call in calls if call["executed"])
    assert len(counts) == 1000
    assert sum(counts.values()) <= 1000 + 3, "only what was under way is repeated"
    times = [call["at"] for call in calls]
    assert min(later - earlier for earlier, later in zip(times, times[260:])) > 9.9, "25 a second"


def test_killed_at_any_moment_it_loses_nothing_and_repeats_what_nobody_answered(world, notifier_of):
    """A thousand messages go out and a thousand replies come in, while it is killed a hundred times."""
    notifier = notifier_of(clock=True)
    dice = random.Random(seed := random.randrange(2**32))
    print(f"seed {seed}")
    readers, alice = Readers(world, 1000), world.person("Alice")
    world.api.limits(per_second=0)
    writers = list(zip(readers.people, readers.phones))[:100]
    told = {phone: world.api.bot("sendMessage", chat_id=phone.id, text="hello")["result"] for _, phone in writers}
    for person, phone in writers:
        world.site.sql("INSERT INTO telegram_told (chat_id, message_id, user_id, peer_id, told_at)"
                       " VALUES (%s, %s, %s, %s, clock_timestamp())", phone.id, told[phone]["message_id"], person.id,
                       alice.id)
    offset = "SELECT update_offset FROM telegram_bot"
    [[begun_at]] = world.site.sql(offset)
    readers.send(alice, ["news"] * 1000)

    def write():
        for number in range(10):
            for _, phone in writers:
                phone.say(f"line {number}", told[phone])

    def progress():
        [[update]] = world.site.sql(offset)
        return 1000 - readers.queued() + update - begun_at

    writer = threading.Thread(target=write)
    writer.start()
    for point in sorted(dice.sample(range(1900), KILLS)):
        wait_for(lambda: progress() >= point, 60, f"{point} messages and replies")
        notifier.kill()
        notifier.start(wait=False)
    writer.join()
    wait_for(lambda: readers.queued() == readers.queued(unanswered=1), 120, "all to be told")
    notifier.clock(seconds=65)
    wait_for(lambda: readers.queued() == 0, 60, "all to be told, also where the answer was lost")
    wait_for(lambda: progress() >= 2000, 120, "all replies to be posted")
    counts = [texts(phone).count("Alice: news") for phone in readers.phones]
    assert set(counts) <= {1, 2}
    assert counts.count(2) <= 2 * KILLS, "only what was under way is repeated"
    for person, _ in writers:
        posted = world.site.sql("SELECT body FROM messages WHERE sender_id = %s ORDER BY id", person.id)
        assert posted == [(f"line {number}",) for number in range(10)]


@pytest.mark.memory
def test_a_hundred_thousand_rows_that_wait_need_no_memory(world, notifier):
    readers, alice = Readers(world, 1000), world.person("Alice")
    world.api.fault("error", "sendMessage", code=500, times=None)
    readers.pile(alice, each=100)
    readers.await_tries(20000)
    peak = notifier.memory_peak()
    readers.drop()
    assert peak < 32 << 20, f"{peak / 2**20:.1f} MiB"
