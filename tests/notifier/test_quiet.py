"""Quiet hours, at the notifier's own clock."""

import time
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from notifier.rig import texts
from perchtest import wait_for


BERLIN = ZoneInfo("Europe/Berlin")


def clock_time(moment):
    return moment.strftime("%H:%M")


def next_change(hours):
    """The evening before the next night that is longer by so many hours, at eleven."""
    evening = datetime.now(BERLIN).replace(hour=23, minute=0, second=0, microsecond=0)
    while True:
        evening += timedelta(days=1)  # by the clock on the wall
        if (evening.utcoffset() - (evening + timedelta(days=1)).utcoffset()).total_seconds() == hours * 3600:
            return evening


def test_what_came_in_quiet_hours_is_one_digest_at_their_end(world, notifier_of):
    notifier = notifier_of(clock=True)
    now = datetime.now(timezone.utc)
    begins, ends = now - timedelta(hours=1), now + timedelta(hours=5)
    people = [world.person(f"Person{i}") for i in range(3)]
    bob, phone = world.linked(time_zone="Etc/UTC", quiet_from=clock_time(begins), quiet_to=clock_time(ends))
    for i, person in enumerate(people):
        for line in range(i + 1):
            person.send(bob, f"line {line}")
    wait_for(lambda: world.site.sql("SELECT 1 FROM outbox WHERE recipient_id = %s AND due_at > clock_timestamp() + '4 h'"
                                    " HAVING count(*) = 6", bob.id), 10, "all of them to wait for the morning")
    assert texts(phone) == []
    notifier.clock(hours=5, minutes=1)
    phone.await_message("While you were away:")
    world.await_queued(bob, 0)
    [text] = texts(phone)
    assert [line for line in text.splitlines()[1:] if line] == [
        "Person0: line 0", "Person1 (2): line 1", "Person2 (3): line 2"]


def test_a_thousand_that_are_read_a_second_before_they_are_due_are_not_told(world, notifier_of):
    notifier = notifier_of(clock=True)
    now = datetime.now(timezone.utc)
    alice = world.person("Alice")
    bob, phone = world.linked(time_zone="Etc/UTC", quiet_from=clock_time(now - timedelta(hours=1)),
                              quiet_to=clock_time(now + timedelta(hours=5)))
    world.site.sql("SELECT count(*) FROM generate_series(1, 1000) AS number,"
                   " perch.send_message(%s, %s, gen_random_uuid(), 'line ' || number)", alice.id, bob.id)
    [[last]] = world.site.sql("SELECT max(id) FROM messages WHERE recipient_id = %s", bob.id)
    [[due_at]] = wait_for(lambda: world.site.sql(
        "SELECT min(due_at) FROM outbox WHERE recipient_id = %s HAVING count(*) = 1000 AND"
        " min(due_at) > clock_timestamp() + '4 h'", bob.id), 10, "all of them to wait for the morning")
    notifier.clock(seconds=int(due_at.timestamp() - time.time()) - 1)
    assert bob.put(f"/dialogs/{alice.id}/read", {"upto": last}).status_code == 204
    notifier.clock(hours=6)
    world.await_queued(bob, 0)
    carol, other_phone = world.linked("Carol")
    alice.send(carol, "hello")
    other_phone.await_message("Alice: hello", 20)
    assert world.api.calls(chat=phone) == []


def test_who_ends_their_quiet_hours_hears_at_once(world, notifier):
    now = datetime.now(timezone.utc)
    alice = world.person("Alice")
    bob, phone = world.linked(time_zone="Etc/UTC", quiet_from=clock_time(now - timedelta(hours=1)),
                              quiet_to=clock_time(now + timedelta(hours=5)))
    alice.send(bob, "hello")
    wait_for(lambda: world.site.sql("SELECT 1 FROM outbox WHERE recipient_id = %s AND due_at > clock_timestamp() + '4 h'",
                                    bob.id), 10, "it to wait for the morning")
    world.set(bob, quiet_from=None, quiet_to=None)
    phone.await_message("Alice: hello")


@pytest.mark.parametrize("hours", [-1, 1], ids=["spring", "autumn"])
def test_in_the_nights_of_the_change_quiet_hours_end_by_the_clock_on_the_wall(world, notifier_of, hours):
    evening = next_change(hours)
    morning = evening.astimezone(timezone.utc) + timedelta(hours=8 + hours)
    assert morning.astimezone(BERLIN).hour == 7
    alice = world.person("Alice")
    bob, phone = world.linked(time_zone="Europe/Berlin", quiet_from="22:00", quiet_to="07:00")
    alice.send(bob, "hello")
    world.site.sql("UPDATE outbox SET created_at = %s, due_at = %s WHERE recipient_id = %s", evening, evening, bob.id)
    notifier = notifier_of(clock=True)
    notifier.clock(seconds=int(evening.timestamp() - time.time()) + 10)
    wait_for(lambda: world.site.sql("SELECT due_at FROM outbox WHERE recipient_id = %s", bob.id) == [(morning,)], 10,
             "it to wait for the morning")
    notifier.clock(seconds=int(morning.timestamp() - time.time()) + 10)
    phone.await_message("Alice: hello")
