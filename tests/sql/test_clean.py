"""Retention: old events, ended sessions and stale notifications go in small batches that get in nobody's way."""

import threading
import uuid

import psycopg
import pytest

from perchtest.statements import for_psycopg, program_statement

DAYS = 30
BATCH = 1000
SEND = "SELECT * FROM perch.send_message(%s, %s, %s, 'x')"
POLL = for_psycopg(program_statement("event_poll"))


@pytest.fixture(scope="module")
def database(cluster):
    """One of its own: a walk cleans all of it."""
    return cluster.database()


def batch(database, days=DAYS):
    return database.value("SELECT perch.clean(%s)", [days], "perch_app")


def walk(database, days=DAYS):
    """A whole walk, as if the last one were long ago; the number of batches."""
    database.cluster.execute("UPDATE perch.cleaning SET upto_user = 0, ended_at = '-infinity'", database=database.name)
    count = 1
    while batch(database, days):
        count += 1
        assert count < 100, "it never ends"
    return count


def log(database, count, *, old):
    """Somebody with this many events, the first `old` of them too old to be kept."""
    [user] = database.people(1)
    with database.connect("postgres") as connection:
        connection.execute(
            "INSERT INTO perch.events (user_id, seq, type, at)"
            " SELECT %s, i, 'me.changed', now() - CASE WHEN i <= %s THEN interval '31 days' ELSE '29 days' END"
            " FROM generate_series(1, %s) AS i", [user, old, count])
        connection.execute("UPDATE perch.mailboxes SET seq = %s WHERE user_id = %s", [count, user])
    return user


def state(database, user):
    """(floor, newest position, the positions of the events) of one log."""
    [row] = database.rows(
        "SELECT floor_seq, seq, ARRAY(SELECT e.seq FROM perch.events e WHERE e.user_id = m.user_id ORDER BY 1)"
        " FROM perch.mailboxes m WHERE user_id = %s", [user])
    return row


def whole(floor, newest):
    """A log without holes from its floor to its position."""
    return floor, newest, list(range(floor + 1, newest + 1))


def test_events_too_old_go_and_the_floor_tells(database):
    mixed, all_old, young, empty = (log(database, 5, old=3), log(database, 4, old=4), log(database, 4, old=0),
                                    log(database, 0, old=0))
    walk(database)
    assert state(database, mixed) == whole(3, 5)
    assert state(database, all_old) == whole(4, 4)
    assert state(database, young) == whole(0, 4)
    assert state(database, empty) == whole(0, 0)


def test_a_second_walk_finds_nothing(database):
    user = log(database, 5, old=3)
    walk(database)
    before = database.rows("SELECT xmin::text, * FROM perch.mailboxes WHERE user_id = %s", [user])
    walk(database)
    assert database.rows("SELECT xmin::text, * FROM perch.mailboxes WHERE user_id = %s", [user]) == before


def test_the_next_send_goes_on_counting(database):
    user = log(database, 4, old=4)
    walk(database)
    rows = database.rows(SEND, [user, user, uuid.uuid4()], user="perch_app")
    assert [row[4] for row in rows] == [5]
    assert state(database, user) == whole(4, 5)


def test_a_log_of_many_events_goes_in_batches_without_a_hole_between(database):
    user = log(database, 2 * BATCH + 600, old=2 * BATCH + 500)
    database.cluster.execute("UPDATE perch.cleaning SET upto_user = 0, ended_at = '-infinity'", database=database.name)
    floors = [0]
    more = True
    while more:
        more = batch(database)
        floor, newest, seqs = state(database, user)
        assert (floor, newest, seqs) == whole(floor, newest)
        assert 0 <= floor - floors[-1] <= BATCH
        floors.append(floor)
    assert floors[-1] == 2 * BATCH + 500


def test_an_old_event_behind_a_young_one_stays(database):
    """A clock that was wrong for a while must not make holes, nor take away what is young."""
    user = log(database, 5, old=2)
    database.cluster.execute(f"UPDATE perch.events SET at = '1970-01-01' WHERE user_id = {user} AND seq = 4",
                             database=database.name)
    walk(database)
    assert state(database, user) == whole(2, 5)


def test_sessions_that_ended_go_and_others_stay(database):
    [user] = database.people(1)
    [[alive]] = database.rows("SELECT id FROM perch.sessions WHERE user_id = %s", [user])
    with database.connect("postgres") as connection:
        connection.execute(
            "INSERT INTO perch.sessions (id, user_id, user_agent, ip, expires_at)"
            " SELECT 1000000 + i, %s, '', '', now() - interval '1 second' FROM generate_series(1, %s) AS i",
            [user, BATCH + 5])
    walk(database)
    assert database.rows("SELECT id FROM perch.sessions WHERE user_id = %s", [user]) == [(alive,)]


def test_notifications_a_day_old_go_and_younger_ones_stay(database):
    with database.connect("postgres") as connection:
        for age, count in (("25 hours", BATCH + 5), ("23 hours", 3)):
            connection.execute(
                "INSERT INTO perch.outbox (message_id, sender_id, recipient_id, recipient_seq, created_at, due_at)"
                " SELECT 1, 1, 1, 1, now() - %s::interval, now() FROM generate_series(1, %s)", [age, count])
    walk(database)
    assert database.value("SELECT count(*) FROM perch.outbox") == 3
    database.cluster.execute("TRUNCATE perch.outbox", database=database.name)


def test_codes_and_requests_nobody_can_use_go_and_what_the_bot_could_not_say(cluster):
    """In every batch, not only once an hour; more than a batch of them is a reason to go on."""
    database = cluster.database()
    walk(database)
    users = database.people(BATCH + 6)
    with database.connect("postgres") as connection:
        for statement in (
                "INSERT INTO perch.telegram_codes (user_id, code_hash, expires_at)"
                " SELECT id, sha256(id::text::bytea), now() + CASE WHEN id = %s THEN '9 minutes' ELSE '-1 second' END"
                "::interval FROM unnest(%s::bigint[]) AS id",
                "INSERT INTO perch.telegram_pending (user_id, chat_id, name, locale, claimed, asked_at)"
                " SELECT id, id, '', 'en', false, now() - CASE WHEN id = %s THEN '23 hours' ELSE '25 hours' END"
                "::interval FROM unnest(%s::bigint[]) AS id",
                "INSERT INTO perch.telegram_says (chat_id, kind, arguments, created_at, due_at)"
                " SELECT id, 'refused', '{}', now() - CASE WHEN id = %s THEN '23 hours' ELSE '25 hours' END"
                "::interval, now() FROM unnest(%s::bigint[]) AS id"):
            connection.execute(statement, [users[0], users])
    assert batch(database) is True
    assert batch(database) is False
    for table in ("telegram_codes", "telegram_pending", "telegram_says"):
        assert database.value(f"SELECT count(*) FROM perch.{table}") == 1, table


TELEGRAM = {
    "telegram_windows (recipient_id, sender_id, opened_at, step, edited_at, message_id, read_upto, first_id)":
        ("%(user)s, i, {at}, 0, now(), 0, 0, 0", "1 day"),
    "telegram_offers (id, chat_id, user_id, peer_id, client_id, body, made_at)":
        ("'offer-' || i, 1, 1, 1, gen_random_uuid(), 'x', {at}", "1 day"),
    "telegram_updates (update_id, received_at)": ("i, {at}", "2 days"),
    "telegram_told (chat_id, message_id, user_id, told_at)": ("1, i, 1, {at}", "30 days"),
    "telegram_dead (message_id, sender_id, recipient_id, recipient_seq, created_at, died_at, reason)":
        ("i, 1, 1, 1, now(), {at}, ''", "30 days"),
}


@pytest.mark.parametrize("table", TELEGRAM)
def test_what_the_notifier_goes_by_is_kept_for_as_long_as_it_may_ask(database, table):
    """More than a batch that is too old, and one row that is not quite."""
    row, age = TELEGRAM[table]
    walk(database)
    [user] = database.people(1)
    with database.connect("postgres") as connection:
        connection.execute("INSERT INTO perch.telegram_links (user_id, chat_id) VALUES (%(user)s, -%(user)s)", {"user": user})
        at = f"now() - interval '{age}' - CASE WHEN i > 0 THEN interval '1 minute' ELSE '-1 minute' END"
        connection.execute(f"INSERT INTO perch.{table} SELECT {row.format(at=at)}"
                           f" FROM generate_series(0, {BATCH}) AS i", {"user": user})
    name = table.split()[0]
    assert batch(database) is True and batch(database) is False
    assert database.value(f"SELECT count(*) FROM perch.{name}") == 1
    database.cluster.execute(f"TRUNCATE perch.{name}", database=database.name)


def test_cleaning_waits_for_nobody_who_uses_a_code(database):
    [user] = database.people(1)
    database.cluster.execute("INSERT INTO perch.telegram_codes VALUES"
                             f" ({user}, sha256('busy'), now() - interval '1 second')", database=database.name)
    with database.connect("postgres", autocommit=False) as busy:
        busy.execute("SELECT FROM perch.telegram_codes WHERE user_id = %s FOR UPDATE", [user])
        batch(database)
        assert database.value("SELECT count(*) FROM perch.telegram_codes WHERE user_id = %s", [user]) == 1
    batch(database)
    assert database.value("SELECT count(*) FROM perch.telegram_codes WHERE user_id = %s", [user]) == 0


def test_after_a_walk_the_next_one_waits_an_hour(database):
    walk(database)
    user = log(database, 3, old=3)
    assert batch(database) is False
    assert state(database, user) == whole(0, 3)
    database.cluster.execute("UPDATE perch.cleaning SET ended_at = now() - interval '61 minutes'", database=database.name)
    assert batch(database) is True
    assert state(database, user) == whole(3, 3)


def test_a_clock_that_was_ahead_does_not_stop_it(database):
    user = log(database, 3, old=3)
    database.cluster.execute("UPDATE perch.cleaning SET upto_user = 0, ended_at = now() + interval '1 year'",
                             database=database.name)
    assert batch(database) is True
    assert state(database, user) == whole(3, 3)


def test_of_two_at_the_same_time_one_cleans_and_the_other_goes_away(database):
    walk(database)
    user = log(database, 3, old=3)
    database.cluster.execute("UPDATE perch.cleaning SET ended_at = '-infinity'", database=database.name)
    with database.connect("perch_app", autocommit=False) as first:
        assert first.execute("SELECT perch.clean(30)").fetchone() == (True,)
        assert batch(database) is False
    assert state(database, user) == whole(3, 3)


def test_it_waits_for_no_sender_and_comes_back_to_the_log(database):
    busy, idle = log(database, 3, old=3), log(database, 3, old=3)
    with database.connect("perch_app", autocommit=False) as sender:
        sender.execute(SEND, [busy, busy, uuid.uuid4()])
        walk(database)
        assert state(database, idle) == whole(3, 3)
        assert state(database, busy) == whole(0, 3)
    walk(database)
    assert state(database, busy) == whole(3, 4)


def test_senders_and_readers_at_the_same_time_see_whole_logs(database):
    """While batches run one after another, each send gets the next number, and each read is a log without a hole."""
    people = [log(database, 1500, old=1490) for _ in range(4)]
    wrong, sent = [], [0]
    stop = threading.Event()

    def send():
        with database.connect("perch_app") as connection:
            while not stop.is_set():
                rows = connection.execute(SEND, [people[sent[0] % 4], people[(sent[0] + 1) % 4], uuid.uuid4()]).fetchall()
                wrong.extend(row for row in rows if row[0] != "ok")
                sent[0] += 1

    def read():
        with database.connect("perch_app") as connection:
            while not stop.is_set():
                for user in people:
                    rows = connection.execute(POLL, {"p1": user, "p2": 0}).fetchall()
                    _, newest, floor = rows[0][:3]
                    seqs = [row[3] for row in rows if row[3] is not None]
                    if seqs != list(range(floor + 1, min(floor + 200, newest) + 1)):
                        wrong.append((user, floor, newest, seqs))

    threads = [threading.Thread(target=target, daemon=True) for target in (send, read)]
    for thread in threads:
        thread.start()
    try:
        while sent[0] < 20 and not wrong:
            pass
        # Whoever was busy at that moment is left for the next walk.
        for _ in range(100):
            walk(database)
            if all(state(database, user)[0] == 1490 for user in people):
                break
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert wrong == []
    for user in people:
        floor, newest, seqs = state(database, user)
        assert (floor, newest, seqs) == whole(1490, newest)


@pytest.mark.parametrize("days", [0, -1, None])
def test_nobody_can_throw_everything_away(database, days):
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        batch(database, days)
