"""The notifier's work on the outbox and on updates, step by step, by the statements that it prepares itself."""

import functools
import itertools
import threading
import time
import types
import uuid

from .linking import link
from .statements import for_psycopg, program_statement

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
FOREVER = 2**63 - 1
messages = itertools.count(1000)  # Telegram's ids of the bot's messages

PENDING = ("user_id revision chat_id locale linked retry_at sent_at delay_s preview muted_until quiet_until quiet_ended_at"
           " sender_id sender_muted_until opened_at step edited_at message_id window_read window_read_upto first_id"
           " id seq created_at row_retry_at unanswered failures plain read deleted").split()
CLAIM = "sender_id name body new_count rows failures plain".split()
SAY = "id chat_id kind arguments locale callback_id reply_to failures retry_at".split()


def now_ms():
    return time.time_ns() // 1_000_000


reading = threading.Lock()  # Python's parser, which unquotes the statements, is not for several threads at once


@functools.cache
def statement_of(name):
    with reading:
        return for_psycopg(program_statement(name))


def run(connection, statement, *values):
    """The rows of one of the program's statements."""
    return connection.execute(statement_of(statement),
                              {f"p{place}": value for place, value in enumerate(values, 1)}).fetchall()


def ask(database, statement, *values):
    with database.connect("perch_notifier") as connection:
        return run(connection, statement, *values)


def named(columns, rows):
    return [types.SimpleNamespace(**dict(zip(columns, row))) for row in rows]


def send(database, sender, recipient, body="hello"):
    """The id of the message."""
    with database.connect("perch_app") as app:
        app.execute("SELECT FROM perch.send_message(%s, %s, %s, %s)", [sender, recipient, uuid.uuid4(), body])
        [[found]] = app.execute("SELECT max(id) FROM perch.messages WHERE sender_id = %s", [sender]).fetchall()
    return found


def app(database, function, *values):
    """A mutation that somebody makes on the page."""
    marks = ", ".join(["%s"] * len(values))
    rows = database.rows(f"SELECT * FROM perch.{function}({marks})", values, "perch_app")
    return rows[0][0]


class Recipient:
    """Somebody with a linked chat, and what the notifier does about them."""

    def __init__(self, database):
        self.database = database
        [self.user] = database.people(1)
        self.chat = link(database, self.user)

    def link(self):
        self.chat = link(self.database, self.user)

    def pending(self, now=None):
        """What is kept about them, a list with a row for each that waits."""
        rows = named(PENDING, ask(self.database, "notify_pending", self.user, now or now_ms()))
        return [row for row in rows if row.id is not None]

    def head(self, now=None):
        """The same without the rows."""
        return named(PENDING, ask(self.database, "notify_pending", self.user, now or now_ms()))[0]

    def ids(self):
        return [row.id for row in self.pending()]

    def wait(self, at, remove=(), revision=None):
        upto = max(self.ids(), default=0)
        revision = self.head().revision if revision is None else revision
        ask(self.database, "notify_wait", self.user, revision, list(remove), upto, at)

    def claim(self, now=None, *, rows=None, edit=False, steps=None, revision=None, remove=()):
        """Takes rows (all) of all their senders; what there is to say."""
        pending = self.pending()
        rows = [row.id for row in pending] if rows is None else rows
        senders = list(dict.fromkeys(row.sender_id for row in pending if row.id in rows))
        revision = self.head().revision if revision is None else revision
        return named(CLAIM, ask(self.database, "notify_claim", self.user, revision, now or now_ms(), list(remove), rows, edit,
                                senders, steps or [0] * len(senders)))

    def told(self, claim, message=None, now=None):
        message = message or next(messages)
        peer = claim[0].sender_id if len(claim) == 1 else None
        ask(self.database, "notify_told", self.user, self.chat, claim[0].rows, peer, message, now or now_ms())
        return message

    def tell(self, **how):
        """All that waits is told; the id of Telegram's message."""
        claim = self.claim(**how)
        assert claim, "there is nothing to tell"
        return self.told(claim, now=how.get("now"))

    def failed(self, claim, outcome, retry_at=0, *, bot_retry_at=0, reason=None, windows="[]"):
        ask(self.database, "notify_failed", self.user, self.chat, claim[0].rows, outcome, retry_at, bot_retry_at, reason,
            windows, now_ms())

    def window(self, sender):
        rows = self.database.rows("SELECT step, message_id, first_id, read_upto, perch.at_ms(opened_at),"
                                  " perch.at_ms(edited_at) FROM perch.telegram_windows"
                                  " WHERE recipient_id = %s AND sender_id = %s", [self.user, sender])
        names = "step message_id first_id read_upto opened_at edited_at".split()
        return named(names, rows)[0] if rows else None

    def due(self):
        """When each row that waits is due, as PostgreSQL writes it."""
        return [row[0] for row in self.database.rows(
            "SELECT due_at::text FROM perch.outbox WHERE recipient_id = %s ORDER BY id", [self.user])]

    def said(self):
        """What the bot has to say to the chat: [(kind, arguments)], and it is forgotten."""
        return self.database.rows("DELETE FROM perch.telegram_says WHERE chat_id = %s RETURNING kind, arguments", [self.chat])


def look(database, busy=(), limit=100, now=None):
    [row] = ask(database, "notify_look", now or now_ms(), list(busy), limit)
    return row
