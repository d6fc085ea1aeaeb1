"""Updates that come by getUpdates and by a webhook, as an installation changes from one to the other: each counts once."""

import hashlib

import pytest

from perchtest.linking import bot_set, chats
from perchtest.locks import Blocked
from perchtest.outbox import ask, now_ms, run

HASH = hashlib.sha256(b"secret").digest()
CHANGE = "SELECT perch.telegram_changeover(%s)"
PUT = "SELECT perch.telegram_webhook_put(%s, %s, '{}')"


@pytest.fixture
def database(cluster):
    """Where getUpdates goes on at 10."""
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    assert apply(database, 0, 10)[0] == "ok"
    return database


def change(database, digest):
    return database.value(CHANGE, [digest], "perch_notifier")


def put(database, number):
    return database.value(PUT, [HASH, number], "perch_app")


def apply(database, before, after):
    """An update that getUpdates brought, or of the inbox: (status, where getUpdates goes on)."""
    row = ask(database, "update_answer", before, after, next(chats), "en", None, 0, now_ms(), "help", "{}")[0]
    return row[0], row[1]


def said(database):
    return database.value("SELECT count(*) FROM perch.telegram_says")


def test_the_change_tells_where_getupdates_went_on(database):
    assert change(database, HASH) == 10
    assert put(database, 7) == "ok"
    assert change(database, None) == 10
    assert put(database, 8) == "not_found"


@pytest.mark.parametrize("applied", [True, False])
def test_what_the_inbox_has_is_gone_past_by_getupdates(database, applied):
    change(database, HASH)
    assert put(database, 10) == "ok"
    if applied:
        assert apply(database, -1, 10)[0] == "ok"
    change(database, None)
    before = said(database)
    assert apply(database, 10, 11) == ("repeat", "11")
    assert said(database) == before
    assert ask(database, "update_inbox", 10) == ([] if applied else [(10, "{}")])
    assert apply(database, 11, 12)[0] == "ok" and said(database) == before + 1


def test_what_is_in_the_inbox_moves_no_other_offset(database):
    change(database, HASH)
    assert put(database, 20) == "ok"
    change(database, None)
    assert apply(database, 20, 21) == ("repeat", "10")


def test_where_there_is_a_webhook_nothing_is_polled_any_more(database):
    """By a notifier that was killed, and whose statement comes late."""
    change(database, HASH)
    assert apply(database, 10, 11) == ("repeat", "10")
    change(database, None)
    assert apply(database, 10, 11)[0] == "ok"


def test_the_change_waits_for_the_update_that_is_being_applied(database):
    with database.connect("perch_notifier", autocommit=False) as notifier:
        run(notifier, "update_answer", 10, 11, next(chats), "en", None, 0, now_ms(), "help", "{}")
        waiting = Blocked(database, CHANGE, [HASH], "perch_notifier")
        notifier.commit()
    assert waiting.result() == [(11,)]


def test_the_change_waits_for_what_is_being_put_into_the_inbox(database):
    """Or else it would lie there after the last look."""
    change(database, HASH)
    with database.connect("perch_app", autocommit=False) as app:
        assert app.execute(PUT, [HASH, 10]).fetchone() == ("ok",)
        waiting = Blocked(database, CHANGE, [None], "perch_notifier")
        app.commit()
    assert waiting.result() == [(10,)]
    assert ask(database, "update_inbox", 10) == [(10, "{}")]
    with database.connect("perch_notifier", autocommit=False) as notifier:
        notifier.execute(CHANGE, [HASH])
        late = Blocked(database, PUT, [HASH, 11])
        notifier.rollback()
    assert late.result() == [("not_found",)]
