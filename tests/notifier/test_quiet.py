"""Quiet hours, at the notifier's own clock."""

from datetime import datetime, timedelta, timezone

from notifier.rig import texts
from perchtest import wait_for


def clock_time(moment):
    return moment.strftime("%H:%M")


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
