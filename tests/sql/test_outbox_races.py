"""The notifier at work while everybody does everything: no deadlock, nothing told twice, nothing left after the end."""

import random
import uuid

import psycopg
import pytest

from perchtest.api import at_once
from perchtest.linking import bot_set, chats, confirm, start
from perchtest.outbox import CLAIM, HOUR, PENDING, SAY, Recipient, messages, named, now_ms, run, send

PEOPLE, PAGES, ROUNDS = 5, 6, 120


@pytest.fixture
def database(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    return database


class Side:
    """One connection that does something at random, again and again; what went wrong."""

    def __init__(self, database, role, people, seed):
        self.connection = database.connect(role)
        self.people, self.random, self.wrong = people, random.Random(seed), []
        self.done = {}

    def call(self, function, *values):
        marks = ", ".join(["%s"] * len(values))
        return self.connection.execute(f"SELECT * FROM perch.{function}({marks})", values).fetchall()

    def run(self, count):
        actions = self.actions()
        for _ in range(count):
            action = self.random.choice(actions)
            self.done[action.__name__] = self.done.get(action.__name__, 0) + 1
            try:
                action()
            except psycopg.Error as error:
                self.wrong.append(f"{action.__name__}: {error.sqlstate} {error}")
        self.connection.close()


class Page(Side):
    def actions(self):
        return [self.send] * 20 + [self.delete, self.read, self.confirm] * 4 + [
            self.mute, self.settings, self.unlink, self.refuse, self.clean]

    def send(self):
        pair = self.random.choice(self.people), self.random.choice(self.people)
        self.call("send_message", *pair, uuid.uuid4(), "x")

    def message(self):
        user = self.random.choice(self.people)
        found = self.connection.execute("SELECT id, sender_id, recipient_id FROM perch.messages WHERE sender_id = %s"
                                        " ORDER BY id DESC LIMIT 1", [user]).fetchall()
        return found[0] if found else (0, user, user)

    def delete(self):
        message, sender, _ = self.message()
        self.call("delete_message", sender, message)

    def read(self):
        message, sender, recipient = self.message()
        self.call("mark_read", recipient, sender, message)

    def mute(self):
        self.call("mute_dialog", self.random.choice(self.people), self.random.choice(self.people),
                  self.random.choice([None, "infinity"]))

    def settings(self):
        self.call("update_me", self.random.choice(self.people), '{"delay_s": %d}' % self.random.randrange(900))

    def confirm(self):
        self.call("telegram_confirm", self.random.choice(self.people))

    def unlink(self):
        self.call("telegram_unlink", self.random.choice(self.people))

    def refuse(self):
        self.call("telegram_refuse", self.random.choice(self.people))

    def clean(self):
        self.call("clean", 30)


class Notifier(Side):
    """What the program does, and, as the clock goes as it likes, faster than the program does it."""

    def actions(self):
        return [self.notify] * 8 + [self.say, self.redrive]

    def ask(self, statement, *values):
        return run(self.connection, statement, *values)

    def notify(self):
        now = now_ms() + self.random.randrange(HOUR)
        for user in self.ask("notify_look", now, [], 3)[0][0]:
            rows = [row for row in named(PENDING, self.ask("notify_pending", user, now)) if row.id is not None]
            if rows:
                self.decide(user, rows, now)

    def decide(self, user, rows, now):
        over = [row.id for row in rows if row.read or row.deleted or row.unanswered > 1]
        take = [row.id for row in rows if row.id not in over]
        head = rows[0]
        if not take or self.random.random() < 0.2:
            self.ask("notify_wait", user, head.revision, over, max(row.id for row in rows), now + 1)
            return
        senders = list(dict.fromkeys(row.sender_id for row in rows if row.id in take))
        claim = named(CLAIM, self.ask("notify_claim", user, head.revision, now, over, take, self.random.random() < 0.5, senders,
                                      [0] * len(senders)))
        if claim:
            assert all(news.body and news.new_count >= 1 for news in claim), claim
            self.answer(user, head.chat_id, claim, now)

    def answer(self, user, chat, claim, now):
        outcome = self.random.choice(["told"] * 20 + ["again", "shorten", "wait", "back", "dead", "block", "lost"])
        peer = claim[0].sender_id if len(claim) == 1 else None
        if outcome == "told":
            self.ask("notify_told", user, chat, claim[0].rows, peer, next(messages), now)
        elif outcome == "block":
            self.ask("notify_block", chat, now)
        elif outcome != "lost":
            self.ask("notify_failed", user, chat, claim[0].rows, outcome, now + 1, self.random.choice([0, now]), "why", "[]", now)

    def say(self):
        now = now_ms() + self.random.randrange(HOUR)
        for say in named(SAY, self.ask("say_next", now, [], 3))[1:]:
            if self.ask("say_claim", say.id, now)[0][0]:
                if self.random.random() < 0.7:
                    self.ask("say_drop", say.id)
                else:
                    self.ask("say_retry", say.id, now + 1, self.random.random() < 0.5, self.random.choice([0, now]))

    def redrive(self):
        self.ask("dead_redrive", 0, now_ms())


class Bot(Notifier):
    """The updates, of which two notifiers want to apply the same."""

    def actions(self):
        return [self.update]

    def update(self):
        [[before]] = self.connection.execute("SELECT update_offset FROM perch.telegram_bot").fetchall()
        chat = self.random.choice(self.chats)
        common = [before, before + 1, chat, "en", None, 0, now_ms()]
        name, values = self.random.choice([
            *[("start", ["Ann", None, None])] * 12, ("unlink", []), ("block", []), ("unblock", ["Ann", None]), ("mute", [60]),
            ("mute", [0]), ("status", []), ("reply", [next(messages) - 1, uuid.uuid4(), "hi"]), ("text", [uuid.uuid4(), "hi"])])
        self.ask(f"update_{name}", *common, *values)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_deadlock_whatever_everybody_does_while_the_notifier_works(database, seed):
    people = database.people(PEOPLE)
    their_chats = [next(chats) for _ in people]
    with database.connect("postgres") as owner:  # so that /start finds whom a chat may be linked to
        for user, chat in zip(people, their_chats):
            owner.execute("UPDATE perch.users SET telegram = %s, telegram_key = %s WHERE id = %s", [str(chat), str(chat), user])
    for user, chat in zip(people, their_chats):
        assert start(database, chat)[0] == "asked" and confirm(database, user)[0] == "ok"
    sides = [Page(database, "perch_app", people, seed * 1000 + i) for i in range(PAGES)]
    sides += [kind(database, "perch_notifier", people, seed * 1000 + 500 + i)
              for i, kind in enumerate([Notifier, Notifier, Bot, Bot])]
    for side in sides:
        side.chats = their_chats
    failed = at_once(*[lambda side=side: side.run(ROUNDS) for side in sides])
    assert [error for error in failed if error is not None] == []
    assert [wrong for side in sides for wrong in side.wrong] == []
    assert database.rows("SELECT o.id FROM perch.outbox o LEFT JOIN perch.telegram_links l"
                         " ON l.user_id = o.recipient_id AND l.blocked_at IS NULL WHERE l.user_id IS NULL") == [], \
        "rows without a link"
    assert database.value("SELECT coalesce(max(unanswered), 0) FROM perch.outbox") <= 2
    assert database.value("SELECT count(*) FROM perch.telegram_told") > 0, "nothing was told at all"


def test_of_two_notifiers_that_want_the_same_rows_one_gets_them(database):
    bob, [alice] = Recipient(database), database.people(1)
    for _ in range(20):
        send(database, alice, bob.user)
        revision, rows, at = bob.head().revision, bob.ids(), now_ms()
        claims = at_once(*[lambda: bob.claim(at, rows=rows, revision=revision) for _ in range(3)])
        assert sorted(len(claim) for claim in claims) == [0, 0, 1]
        bob.told(next(claim for claim in claims if claim))


def test_a_claim_whose_notifier_is_killed_before_the_bytes_go_out_counts_once(database):
    """Before its commit it never was; after it the row is another one's in a minute."""
    bob, [alice] = Recipient(database), database.people(1)
    send(database, alice, bob.user)
    values = [bob.user, bob.head().revision, now_ms(), [], bob.ids(), False, [alice], [0]]
    with database.connect("perch_notifier", autocommit=False) as notifier:
        assert run(notifier, "notify_claim", *values)
        assert database.value("SELECT pg_terminate_backend(%s, 5000)", [notifier.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            notifier.commit()
    assert bob.pending()[0].unanswered == 0 and bob.window(alice) is None
    with database.connect("perch_notifier") as notifier:
        assert run(notifier, "notify_claim", *values)
    assert bob.pending()[0].unanswered == 1
    assert bob.claim() == [] and bob.claim(now_ms() + HOUR)


@pytest.mark.parametrize("update", ["unlink", "mute", "block"])
def test_an_update_and_a_claim_do_not_hinder_each_other(database, update):
    bob, [alice] = Recipient(database), database.people(1)
    for place in range(10):
        send(database, alice, bob.user)
        revision, rows = bob.head().revision, bob.ids()
        common = [place, place + 1, bob.chat, "en", None, 0, now_ms()]
        extra = [60] if update == "mute" else []

        def apply():
            with database.connect("perch_notifier") as notifier:
                return run(notifier, f"update_{update}", *common, *extra)[0][0]

        claim, status = at_once(lambda: bob.claim(rows=rows, revision=revision), apply)
        assert status == "ok" and isinstance(claim, list), (claim, status)
        if update != "mute":
            assert bob.ids() == []
            bob.link()
