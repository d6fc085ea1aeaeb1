"""Thousands of messages wait to be told to one person: that one and everybody else do not notice."""

import pytest

from perchtest.linking import bot_set
from perchtest.outbox import FOREVER, HOUR, Recipient, app, ask, look, now_ms


@pytest.fixture(scope="module")
def database(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    return database


@pytest.fixture
def bob(database):
    database.cluster.execute("TRUNCATE perch.outbox", database=database.name)
    return Recipient(database)


def pile(database, sender, recipient, count):
    database.rows("SELECT count(*) FROM generate_series(1, %s) AS n, perch.send_message(%s, %s, gen_random_uuid(), 'no. ' || n)",
                  [count, sender, recipient], "perch_app")


def queued(database, user):
    return database.value("SELECT count(*) FROM perch.outbox WHERE recipient_id = %s", [user])


def newest_of(database, user):
    """Each sender's last row."""
    return database.rows("SELECT sender_id, max(id) FROM perch.outbox WHERE recipient_id = %s GROUP BY 1 ORDER BY 1", [user])


def wait(bob, at):
    """As the program says it where there are more rows than it has read."""
    ask(bob.database, "notify_wait", bob.user, bob.head().revision, [], FOREVER, at)


def test_a_change_of_settings_touches_one_row_and_the_recipient_is_looked_at(database, bob):
    [alice] = database.people(1)
    pile(database, alice, bob.user, 50)
    bob.wait(now_ms() + HOUR)
    assert look(database)[0] == []
    app(database, "update_me", bob.user, '{"delay_s": 7}')
    assert bob.due().count("-infinity") == 1 and look(database)[0] == [bob.user]


def test_what_is_under_way_is_not_the_row_that_brings_the_next_look(database, bob):
    [alice] = database.people(1)
    pile(database, alice, bob.user, 3)
    bob.wait(now_ms() + HOUR)
    claim = bob.claim(rows=bob.ids()[:1])
    app(database, "update_me", bob.user, '{"delay_s": 7}')
    bob.told(claim)
    assert len(bob.ids()) == 2 and look(database)[0] == [bob.user]


def test_a_pile_becomes_small_by_waiting_and_all_of_it_is_counted_when_it_is_told(database, bob):
    [alice, carol] = database.people(2)
    pile(database, alice, bob.user, 2500)
    pile(database, carol, bob.user, 500)
    newest = newest_of(database, bob.user)
    wait(bob, now_ms() + HOUR)
    assert queued(database, bob.user) == 1002 and look(database)[0] == []
    assert newest_of(database, bob.user) == newest
    [news] = bob.claim(rows=bob.ids())
    assert (news.sender_id, news.new_count) == (alice, 1000)
    bob.told([news])
    rows = bob.ids()
    assert len(rows) == 2
    [news] = bob.claim(rows=rows[:1], edit=True)
    assert (news.sender_id, news.new_count) == (alice, 2500)


def test_what_waits_behind_two_thousand_has_its_turn_at_the_next_look(database, bob):
    people = database.people(2200)
    database.rows("SELECT count(*) FROM unnest(%s::bigint[]) AS p, perch.send_message(p, %s, gen_random_uuid(), 'hello')",
                  [people, bob.user], "perch_app")
    at = now_ms() + HOUR
    wait(bob, at)
    assert queued(database, bob.user) == 2200 and look(database)[0] == [bob.user]
