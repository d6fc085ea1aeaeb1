"""The statements that everything waits for are planned once per connection, not at each call."""

import re
import uuid

import pytest

from perchtest.cluster import TOP
from perchtest.statements import program_statement, session_settings

SEND = "SELECT * FROM perch.send_message(%s, %s, %s, 'x')"


@pytest.mark.parametrize("statement", ["event_poll", "event_verify", "message_send", "session_check"])
def test_a_plan_is_kept(database, statement):
    [alice, bob] = database.people(2)
    with database.connect("perch_app") as app:
        for _ in range(300):
            app.execute(SEND, [alice, bob, uuid.uuid4()])
    call = {
        "event_poll": lambda i: f"{alice}, {i}",
        "event_verify": lambda i: f"'{{{alice},{bob}}}', '{{{i},{i}}}'",
        "message_send": lambda i: f"{alice}, {bob}, '{uuid.uuid4()}', 'number {i}'",
        "session_check": lambda i: f"{i}, {alice}, false",
    }[statement]
    with database.connect("postgres") as owner:
        owner.execute("ANALYZE perch.events, perch.mailboxes, perch.messages")
    with database.connect("perch_app") as app:
        app.execute(session_settings())
        app.execute(f"PREPARE it AS {program_statement(statement)}")
        for i in range(295, 315):
            app.execute(f"EXECUTE it ({call(i)})")
        [(generic, custom)] = app.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements"
                                          " WHERE name = 'it'").fetchall()
    assert (generic, custom) == (20, 0)


def rows_read(plan):
    """How many rows the plan's scans gave or threw away."""
    own = plan["Actual Rows"] * plan["Actual Loops"] + plan.get("Rows Removed by Filter", 0)
    own = own if plan["Node Type"].endswith("Scan") else 0
    return own + sum(rows_read(child) for child in plan.get("Plans", []))


FIRST = {"name": "''", "creation": "9007199254740991", "seen": "9007199254740991"}


@pytest.mark.parametrize("order", FIRST)
@pytest.mark.parametrize("statement, pattern", [("list", "%"), ("list", "%1%"), ("find", "%-1234%")])
def test_a_page_of_people_reads_a_page_not_everybody(database, statement, pattern, order):
    database.people(3000)
    with database.connect("postgres") as owner:
        owner.execute("VACUUM ANALYZE perch.users")
    rest = ", 9007199254740991" if order == "seen" else ""
    with database.connect("perch_app") as app:
        app.execute(session_settings())
        app.execute(f"PREPARE it AS {program_statement(f'user_{statement}_by_{order}')}")
        [[[plan]]] = app.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE it"
                                 f" ('{pattern}', {FIRST[order]}, 52{rest})").fetchall()
    assert plan["Plan"]["Actual Rows"] >= 1
    # In the worst case here nine people are passed over for each that is shown.
    assert rows_read(plan["Plan"]) < 1200, plan


@pytest.mark.parametrize("statement, rest", [("message_history", ", ''"), ("message_history_newer", "")])
def test_a_page_of_history_reads_a_page_in_either_direction(database, statement, rest):
    """From the middle of a long dialog, with as many messages of others around it."""
    [alice, bob, carol] = database.people(3)
    with database.connect("postgres") as owner:
        owner.execute("INSERT INTO perch.messages (sender_id, recipient_id, body, sent_at)"
                      " SELECT CASE WHEN i %% 3 = 0 THEN %(a)s ELSE %(b)s END, CASE i %% 3 WHEN 0 THEN %(b)s WHEN 1 THEN %(a)s"
                      " ELSE %(c)s END, 'x', now() FROM generate_series(1, 9000) AS i", {"a": alice, "b": bob, "c": carol})
        owner.execute("ANALYZE perch.messages")
        [(middle,)] = owner.execute("SELECT min(id) + 4500 FROM perch.messages WHERE sender_id = %s", [alice]).fetchall()
    with database.connect("perch_app") as app:
        app.execute(session_settings())
        app.execute(f"PREPARE it AS {program_statement(statement)}")
        [[[plan]]] = app.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE it"
                                 f" ({alice}, {bob}, {middle}, 51{rest})").fetchall()
    assert plan["Plan"]["Actual Rows"] == 52  # the peer's row before them
    assert rows_read(plan["Plan"]) < 400, plan


NOTIFIER = ("notify_look", "notify_pending", "notify_wait", "notify_claim", "notify_told", "notify_failed", "notify_block",
            "update_answer", "update_start", "update_unblock", "update_block", "update_unlink", "update_mute", "update_status",
            "update_reply", "update_text", "update_offer", "update_inbox", "say_next", "say_claim", "say_drop", "say_retry",
            "bot_set", "webhook_set", "notifier_counts", "dead_list", "dead_redrive")


def test_the_notifiers_statements_fit_the_schema(database):
    """All that it prepares when it connects, in its own role."""
    source = "".join(path.read_text() for path in sorted((TOP / "notifier").glob("store_*.c")))
    assert set(NOTIFIER) <= set(re.findall(r'\{\s*"(\w+)",', source)), "the list of this test names a statement that is no more"
    with database.connect("perch_notifier") as notifier:
        notifier.execute(session_settings())
        notifier.execute("SET tcp_keepalives_idle = 2; SELECT perch.epoch_check()")
        for name in NOTIFIER:
            notifier.execute(f"PREPARE {name} AS {program_statement(name)}")


def test_a_look_reads_what_is_due_and_not_the_whole_outbox(database):
    """However many wait for their window, or for the morning."""
    with database.connect("postgres") as owner:
        owner.execute("TRUNCATE perch.outbox")
        owner.execute("INSERT INTO perch.outbox (message_id, sender_id, recipient_id, recipient_seq, created_at, due_at)"
                      " SELECT i, 1, i % 500, i, now(), now() + CASE WHEN i <= 10 THEN '-1 s' ELSE '1 h' END::interval"
                      " FROM generate_series(1, 20000) AS i")
        owner.execute("ANALYZE perch.outbox")
        owner.execute(session_settings())
        [[[plan]]] = owner.execute("EXPLAIN (ANALYZE, FORMAT JSON) SELECT recipient_id, due_at FROM perch.outbox"
                                   " WHERE due_at <= now() AND recipient_id <> ALL ('{}'::bigint[])"
                                   " ORDER BY due_at, recipient_id LIMIT 10000").fetchall()
        assert rows_read(plan["Plan"]) == 10
        [[[plan]]] = owner.execute("EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM perch.outbox x WHERE x.recipient_id = 7"
                                   " ORDER BY x.id LIMIT 10").fetchall()
        assert rows_read(plan["Plan"]) == 10, "somebody with many rows is read whole"
        owner.execute("TRUNCATE perch.outbox")


YOUNG = {
    "telegram_says (chat_id, kind, arguments, created_at, due_at)": "i, 'help', '{}', now(), now()",
    "telegram_windows (recipient_id, sender_id, opened_at, step, edited_at, message_id, read_upto, first_id)":
        "%(user)s, i, now(), 0, now(), 0, 0, 0",
    "telegram_offers (id, chat_id, user_id, peer_id, client_id, body, made_at)":
        "'offer-' || i, 1, 1, 1, gen_random_uuid(), 'x', now()",
    "telegram_updates (update_id, received_at)": "i, now()",
    "telegram_told (chat_id, message_id, user_id, told_at)": "1, i, 1, now()",
    "telegram_dead (message_id, sender_id, recipient_id, recipient_seq, created_at, died_at, reason)":
        "i, 1, 1, 1, now(), now(), ''",
}


def test_cleaning_does_not_read_what_is_to_be_kept(cluster):
    """Every minute it asks for old rows, and mostly there are none."""
    database = cluster.database()
    [user] = database.people(1)
    with database.connect("postgres", autocommit=False) as owner:
        owner.execute("SET LOCAL search_path = perch")
        owner.execute("INSERT INTO telegram_links (user_id, chat_id) VALUES (%s, 1)", [user])
        for table, row in YOUNG.items():
            owner.execute(f"INSERT INTO {table} SELECT {row} FROM generate_series(1, 2000) AS i", {"user": user})
        owner.commit()
        owner.execute(session_settings())
        owner.execute("SELECT perch.clean(30)")
        read = owner.execute("SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
                             " WHERE relname = ANY (%s)", [[table.split()[0] for table in YOUNG]]).fetchall()
    assert len(read) == len(YOUNG)
    assert [(name, count) for name, count in read if count > 10] == []
