"""The statements that everything waits for are planned once per connection, not at each call."""

import uuid

import pytest

from perchtest.statements import program_statement

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
        app.execute("SET enable_seqscan = off; SET random_page_cost = 1.1")
        app.execute(f"PREPARE it AS {program_statement(statement)}")
        for i in range(295, 315):
            app.execute(f"EXECUTE it ({call(i)})")
        [(generic, custom)] = app.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements"
                                          " WHERE name = 'it'").fetchall()
    # PostgreSQL tries five before it decides.
    assert (generic, custom) == (15, 5)
