"""The same calls while an installation grows ten-thousandfold.

The messages are written by a few large INSERTs that keep what the SQL functions keep: ids grow with time, every mailbox
has an event for each message sent and received, without holes and in the order of the messages, and each dialog knows
its last message. Everybody writes to ten neighbours, so that only the installation grows and not a person's part of it.
"""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg

from bench.cache import FRESH
from bench.load import Load, memory_of
from bench.pgbench import body_text
from perchtest import wait_for
from perchtest.crowd import Member, new_sessions, tokens

PEERS = 10
# Drawn evenly from all at each size, so many that they exist at the size the others are compared with, and so few that
# each has asked before the clock runs: a session's first request of the minute writes, and finds nothing kept.
ASKED_USERS = 100
FILL_MOST_S = 900  # a size that takes longer to write, judged by the one before, is left out
KINDS = ("send", "poll", "page", "dialogs")

PEOPLE_SQL = """
WITH people AS (
    INSERT INTO perch.users (username, username_key, display_name, search_key, password_hash)
    SELECT %(tag)s || n, %(tag)s || n, 'Person ' || n, 'person ' || n || ' ' || %(tag)s || n, 'none'
    FROM generate_series(1, %(count)s::int) AS n
    RETURNING id)
INSERT INTO perch.mailboxes (user_id, seq) SELECT id, %(events)s FROM people
"""

# Message number k * people + i is the k-th of person i and goes to one of the next ten.
MESSAGES_SQL = """
INSERT INTO perch.messages (id, sender_id, recipient_id, client_id, body, sent_at)
OVERRIDING SYSTEM VALUE
SELECT %(message)s + k * %(count)s::bigint + i, %(user)s + i,
       %(user)s + (i + 1 + k %% %(peers)s) %% %(count)s, gen_random_uuid(),
       left(%(text)s, (%(shortest)s + (i * 7 + k * 13) %% (%(longest)s - %(shortest)s))::int),
       now() - interval '1 hour' + (k * %(count)s::bigint + i) * interval '1 microsecond'
FROM generate_series(%(from)s::bigint, %(to)s::bigint - 1) AS k, generate_series(0, %(count)s::bigint - 1) AS i
"""

# In each round k a person sends one message and gets one: whichever has the lower id came first.
EVENTS_SQL = """
INSERT INTO perch.events (user_id, seq, type, at, message_id)
SELECT %(user)s + i, 2 * k + side, 'message.new',
       now() - interval '1 hour' + (k * %(count)s::bigint + who) * interval '1 microsecond',
       %(message)s + k * %(count)s::bigint + who
FROM generate_series(0, %(count)s::bigint - 1) AS i, generate_series(0, %(rounds)s::bigint - 1) AS k,
     LATERAL (SELECT (i - 1 - k %% %(peers)s + %(count)s) %% %(count)s AS from_whom) AS other,
     LATERAL (VALUES (1, least(i, from_whom)), (2, greatest(i, from_whom))) AS two (side, who)
"""

DIALOGS_SQL = """
INSERT INTO perch.dialogs (user_id, peer_id, last_message_id)
SELECT user_id, peer_id, max(id) FROM (
    SELECT sender_id AS user_id, recipient_id AS peer_id, id FROM perch.messages WHERE id >= %(last_rounds)s
    UNION ALL
    SELECT recipient_id, sender_id, id FROM perch.messages WHERE id >= %(last_rounds)s) AS m
GROUP BY user_id, peer_id
"""


def secondary_indexes(db):
    """(statements that drop, statements that make again) the indexes of messages that need not exist while they are
    written."""
    constraints = db.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'perch.messages'::regclass AND contype = 'u'").fetchall()
    indexes = db.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE i.indrelid = 'perch.messages'::regclass"
        " AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)").fetchall()
    return ([f"ALTER TABLE perch.messages DROP CONSTRAINT {name}" for name, _ in constraints]
            + [f"DROP INDEX {name}" for name, _ in indexes],
            [f"ALTER TABLE perch.messages ADD CONSTRAINT {name} {text}" for name, text in constraints]
            + [text for _, text in indexes])


class Town:
    """A growing installation, in groups of people who write to each other."""

    rebuild_from = 500_000  # messages at once; from there on it is quicker to make the indexes anew

    def __init__(self, instance):
        self.instance = instance
        self.before = self.held()  # by others: the demo accounts, at least
        self.users, self.messages = 0, 0
        self.people = []  # ids

    def held(self):
        """(people, messages) that there are."""
        [held] = self.instance.sql("SELECT (SELECT count(*) FROM perch.users), count(*) FROM perch.messages")
        return held

    def grow(self, users, messages):
        """Up to these totals; returns the seconds it took."""
        started = time.monotonic()
        count, rounds = users - self.users, (messages - self.messages) // (users - self.users)
        text, shortest, longest = body_text()
        with self.instance.db(cursor_factory=psycopg.ClientCursor) as db:
            for setting in ("synchronous_commit = off", "maintenance_work_mem = '1GB'", "work_mem = '256MB'"):
                db.execute(f"SET {setting}")
            [[message]] = db.execute("SELECT coalesce(max(id), 0) + 1 FROM perch.messages").fetchall()
            db.execute(PEOPLE_SQL, {"tag": f"town-{message}-", "count": count, "events": 2 * rounds})
            [[user]] = db.execute("SELECT max(id) - %s + 1 FROM perch.users", [count]).fetchall()
            values = {"user": user, "count": count, "message": message, "rounds": rounds,
                      "peers": min(PEERS, count - 1), "text": text, "shortest": shortest, "longest": longest,
                      "last_rounds": message + max(0, rounds - PEERS) * count}
            drop, make = secondary_indexes(db) if count * rounds >= self.rebuild_from else ([], [])
            for statement in drop:
                db.execute(statement)
            with ThreadPoolExecutor(1) as meanwhile:
                with self.instance.db(cursor_factory=psycopg.ClientCursor) as side:
                    side.execute("SET synchronous_commit = off")
                    events = meanwhile.submit(side.execute, EVENTS_SQL, values)
                    try:
                        db.execute(MESSAGES_SQL, {**values, "from": 0, "to": rounds})
                        for statement in make:
                            db.execute(statement)
                        events.result()
                    except BaseException:
                        side.cancel()
                        raise
            db.execute(DIALOGS_SQL, values)
            db.execute("SELECT setval(pg_get_serial_sequence('perch.messages', 'id'), max(id)) FROM perch.messages")
            db.execute("VACUUM ANALYZE")
            db.execute("CHECKPOINT")
        people, held = (now - before for now, before in zip(self.held(), self.before))
        # What the measure sends itself, some thousands at each size, comes on top.
        assert people == users and messages <= held < messages + 50_000, f"{people} people, {held} messages"
        self.users, self.messages = users, messages
        self.people += range(user, user + count)
        return time.monotonic() - started

    def size(self):
        return self.instance.sql("SELECT pg_database_size(current_database())")[0][0]

    def some(self):
        """[(Member, a peer's id, position)] of people drawn evenly from all."""
        step = max(1, len(self.people) // ASKED_USERS)
        chosen = self.people[::step][:ASKED_USERS]
        sessions = new_sessions(len(chosen))
        self.instance.sql("INSERT INTO perch.sessions (id, user_id, user_agent, ip, expires_at)"
                          " SELECT s, u, 'town', '127.0.0.1', now() + interval '1 day'"
                          " FROM unnest(%s::bigint[], %s::bigint[]) AS t (s, u)", sessions, chosen)
        rows = dict((user, (peer, seq)) for user, peer, seq in self.instance.sql(
            "SELECT m.user_id, min(d.peer_id), m.seq FROM perch.mailboxes m JOIN perch.dialogs d USING (user_id)"
            " WHERE m.user_id = ANY (%s) GROUP BY m.user_id, m.seq", chosen))
        return [(Member(user, session, token), *rows[user])
                for user, session, token in zip(chosen, sessions, tokens(self.instance, zip(chosen, sessions)))]


def requests_of(some, epoch):
    """What perch-load asks, by kind."""
    return {
        "poll": [(member, f"/api/v1/events?cursor={epoch}-{seq - 1}&wait=50") for member, _, seq in some],
        # Made anew each time: a few people's pages would all be kept, many people's would not.
        "page": [(member, f"/api/v1/dialogs/{peer}/messages?limit=50&before={FRESH}") for member, peer, _ in some],
        "dialogs": [(member, "/api/v1/dialogs?limit=50") for member, _, _ in some],
        "send": [(member, f"/api/v1/dialogs/{peer}/messages", '{"body":"The-quick-brown-fox-jumps-over-the-lazy-dog"}')
                 for member, peer, _ in some],
    }


def measure_growth(instance, scale, say):
    """[{"users":, "messages":, "fill_s":, "bytes":, "perch_pss":, "failures":, "ms": {kind: {"p50":, "p99":}}}]"""
    town, found = Town(instance), []
    epoch = instance.sql("SELECT epoch FROM perch.epoch")[0][0]
    for users, messages in scale.growth:
        expected_s = found[-1]["fill_s"] * (messages - town.messages) / town.messages if found else 0
        if expected_s > FILL_MOST_S:
            say(f"growth: {messages} messages would take {expected_s:.0f} s to write: left out")
            break
        say(f"growth: {users} people, {messages} messages …")
        fill_s = town.grow(users, messages)
        # Processes that have not seen the size before.
        service = instance.service("perch-fcgi")
        service.stop()
        service.start()
        wait_for(instance.ready, 60, "perch-fcgi")
        wait_for(lambda: vacuums(instance) == 0, 600, "autovacuum to have seen the new rows")
        step = {"users": users, "messages": messages, "fill_s": fill_s, "bytes": town.size(),
                **ask_all(instance, requests_of(town.some(), epoch), scale)}
        step["perch_pss"] = memory_of(instance)["perch"]["pss"]
        found.append(step)
    return found


def vacuums(instance):
    return instance.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'")[0][0]


def ask_all(instance, requests, scale):
    """{"ms": medians of the rounds, "failures":}. All kinds but sends, which move the positions that the polls ask from,
    take turns; then the sends do."""
    loads = {kind: Load(instance, rows) for kind, rows in requests.items()}
    turns = [kind for _ in range(scale.growth_rounds) for kind in requests if kind != "send"]
    rows, failures = {kind: [] for kind in requests}, 0
    for kind in turns + ["send"] * scale.growth_rounds:
        result = loads[kind].ask(clients=1, seconds=scale.growth_seconds, warm_up=1 if rows[kind] else 2)
        rows[kind].append(result["latency_ms"])
        failures += result["failures"]
    return {"ms": {kind: {name: statistics.median(row[name] for row in rows[kind]) for name in ("p50", "p99")}
                   for kind in requests}, "failures": failures}
