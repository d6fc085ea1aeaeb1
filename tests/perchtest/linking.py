"""Telegram links through the SQL functions that make and end them: the page's as perch_app, the chat's as perch_notifier."""

import datetime
import hashlib
import itertools
import uuid

from psycopg.types.json import Jsonb

chats = itertools.count(4_503_599_627_000_000)  # Telegram's ids need up to 52 bits


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def bot_set(database, bot, username):
    return database.value("SELECT perch.telegram_bot_set(%s, %s)", [bot, username], "perch_notifier")


def code(database, user):
    """A new code's hash."""
    secret = hashlib.sha256(uuid.uuid4().bytes).digest()
    [(status, bot, _)] = database.rows("SELECT * FROM perch.telegram_code_set(%s, %s)", [user, secret], "perch_app")
    assert (status, bot) == ("ok", "perch_bot")
    return secret


def call(database, function, *parameters, role="perch_app"):
    """The one status of a mutation and its events, {(user, type)}."""
    marks = ", ".join(["%s"] * len(parameters))
    rows = database.rows(f"SELECT status, user_id, event::json ->> 'type' FROM perch.{function}({marks})", parameters, role)
    [status] = {row[0] for row in rows}
    events = {row[1:] for row in rows}
    assert events == {(None, None)} or None not in {user for user, _ in events}
    return status, events - {(None, None)}


def start(database, chat, secret=None, *, name="Ann Other", username=None, locale="en", later=datetime.timedelta(0)):
    return call(database, "telegram_start", chat, name, username, locale, secret, now() + later, role="perch_notifier")


def confirm(database, user):
    """The chat that asks."""
    chat = database.rows("SELECT chat_id FROM perch.telegram_pending WHERE user_id = %s", [user])
    return call(database, "telegram_confirm", user, chat[0][0] if chat else -1)


def block(database, chat):
    return call(database, "telegram_block", chat, now(), role="perch_notifier")


def link(database, user, **person):
    """Links a new chat to the account; the chat."""
    chat = next(chats)
    assert start(database, chat, code(database, user), **person)[0] == "asked"
    assert confirm(database, user)[0] == "ok"
    database.rows("DELETE FROM perch.telegram_says WHERE chat_id = %s RETURNING id", [chat])
    return chat


def state(database, user):
    """(linked, blocked, name, username, pending_name, pending_username)"""
    [row] = database.rows("SELECT linked, blocked, name, username, pending_name, pending_username"
                          " FROM perch.telegram_state(%s)", [user], "perch_app")
    return row


def owners(database, chat):
    return [row[0] for row in database.rows("SELECT user_id FROM perch.telegram_links WHERE chat_id = %s", [chat])]


def says(database, chat):
    """What the bot has to say to the chat: [(kind, arguments)]."""
    return database.rows("SELECT kind, arguments FROM perch.telegram_says WHERE chat_id = %s ORDER BY id", [chat])


def queue(database, user):
    """Somebody writes to the account; how many notifications wait for it now."""
    [sender] = database.people(1)
    rows = database.rows("SELECT * FROM perch.send_message(%s, %s, NULL, 'x')", [sender, user], "perch_app")
    assert rows[0][0] == "ok"
    return queued(database, user)


def queued(database, user):
    return database.value("SELECT count(*) FROM perch.outbox WHERE recipient_id = %s", [user])


def pendings(database, chat):
    return {row[0] for row in database.rows("SELECT user_id FROM perch.telegram_pending WHERE chat_id = %s", [chat])}


def name_of(database, user):
    return database.value("SELECT username FROM perch.users WHERE id = %s", [user])


def claim(database, user, telegram):
    fields = Jsonb({"telegram": telegram, "telegram_key": telegram.lower()})
    assert call(database, "update_me", user, fields)[0] == "ok"


def age_pending(database, user, age):
    assert database.rows("UPDATE perch.telegram_pending SET asked_at = clock_timestamp() - %s WHERE user_id = %s"
                         " RETURNING user_id", [age, user])
