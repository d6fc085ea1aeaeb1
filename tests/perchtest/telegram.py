"""The notifier's half of linking a Telegram chat, played in its own role with the SQL that it calls."""

import hashlib
import secrets
from dataclasses import dataclass

BOT = "perch_test_bot"


@dataclass
class Chat:
    """Somebody in Telegram, who writes to the bot."""

    id: int
    name: str
    username: str

    @property
    def shown(self):
        """As GET /me/telegram shows who asks."""
        return {"id": self.id, **self.linked}

    @property
    def linked(self):
        """As it shows who is linked."""
        return {"name": self.name, "username": self.username}


def confirm(person, chat=None):
    """The reply to the confirmation of this chat, or of the one that asks now."""
    return person.post("/me/telegram/confirm", {"id": chat.id if chat else person.get("/me/telegram").json()["pending"]["id"]})


def a_chat(name="Anna Karenina", username=None):
    """A chat nobody has written from; with `username` False its person has no @name."""
    number = secrets.randbelow(2**51) + 1
    if username is None:
        username = f"anna_{number:x}"
    return Chat(number, name, username or None)


class Notifier:
    def __init__(self, instance):
        self.instance = instance

    def call(self, call, *values):
        """The rows of one call, as the notifier."""
        with self.instance.db(user="perch_notifier") as db:
            return db.execute(f"SELECT * FROM perch.{call}", values).fetchall()

    def bot(self, username=BOT):
        """A bot is there from now on; None: none is."""
        self.call("telegram_bot_set(%s, %s)", username and 4711, username)

    def webhook(self, secret):
        """Updates with this secret are taken; None: none are."""
        self.call("telegram_webhook_set(%s)", secret and hashlib.sha256(secret.encode()).digest())

    def start(self, chat, code=None, later="0"):
        """/start, with a code or without one, `later` than now; what came of it."""
        digest = None if code is None else hashlib.sha256(code.encode()).digest()
        rows = self.call("telegram_start(%s, %s, %s, 'en', %s, clock_timestamp() + %s::interval)",
                         chat.id, chat.name, chat.username, digest, later)
        return rows[0][0]

    def unlink(self, chat):
        """/unlink; what came of it."""
        return self.call("telegram_unlink_chat(%s)", chat.id)[0][0]

    def block(self, chat):
        """The chat refused a message; what came of it."""
        return self.call("telegram_block(%s, clock_timestamp())", chat.id)[0][0]

    def told(self, chat):
        """What the bot is to say in the chat: kinds, in their order."""
        with self.instance.db(user="perch_notifier") as db:
            rows = db.execute("SELECT kind FROM telegram_says WHERE chat_id = %s ORDER BY id", [chat.id])
            return [kind for kind, in rows]
