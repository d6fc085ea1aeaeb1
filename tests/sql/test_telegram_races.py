"""Several who decide about one Telegram chat at once: one owner at the end, nothing queued for the others, no deadlock."""

import random

import psycopg
import pytest
from psycopg.types.json import Jsonb

from perchtest.api import at_once
from perchtest.linking import bot_set, call, chats, code, confirm, link, now, owners, queue, queued, says, start, state
from perchtest.locks import Blocked

ROUNDS = 20
START = "SELECT * FROM perch.telegram_start(%s, 'Ann', NULL, 'en', %s, %s)"
CONFIRM = "SELECT * FROM perch.telegram_confirm(%s, %s)"


@pytest.fixture(scope="module")
def database(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    return database


def ask(database, chat, *users):
    for user in users:
        assert start(database, chat, code(database, user))[0] == "asked"


def linked(database, users):
    return [user for user in users if state(database, user)[0]]


def test_a_code_used_by_two_chats_at_once_is_used_by_one(database):
    [user] = database.people(1)
    for _ in range(ROUNDS):
        pair, secret = [next(chats), next(chats)], code(database, user)
        results = at_once(*[lambda chat=chat: start(database, chat, secret)[0] for chat in pair])
        assert sorted(results) == ["asked", "code_unknown"]
        [[chat]] = database.rows("SELECT chat_id FROM perch.telegram_pending WHERE user_id = %s", [user])
        assert chat == pair[results.index("asked")]


def test_two_accounts_that_confirm_one_chat_end_with_one_owner(database):
    """Both asked for, both confirmed: whoever comes last has it, the other one hears that it lost it."""
    people = database.people(2)
    for _ in range(ROUNDS):
        chat = next(chats)
        ask(database, chat, *people)
        results = at_once(*[lambda user=user: confirm(database, user) for user in people])
        assert [status for status, _ in results] == ["ok", "ok"]
        [owner] = owners(database, chat)
        [loser] = [user for user in people if user != owner]
        assert linked(database, people) == [owner]
        assert {event for _, events in results for event in events} == {
            (owner, "telegram.linked"), (loser, "telegram.linked"), (loser, "telegram.unlinked")}
        assert [kind for kind, _ in says(database, chat)] == ["linked", "linked"]


def test_accounts_that_take_each_others_chats_do_not_meet_in_a_deadlock(database):
    people = database.people(2)
    mine = {user: link(database, user) for user in people}
    for _ in range(ROUNDS):
        first, second = people
        ask(database, mine[second], first)
        ask(database, mine[first], second)
        results = at_once(*[lambda user=user: confirm(database, user)[0] for user in people])
        assert results == ["ok", "ok"]
        mine = {first: mine[second], second: mine[first]}
        assert [owners(database, mine[user]) for user in people] == [[first], [second]]


@pytest.mark.parametrize("end", ["telegram_unlink", "delete_account"])
def test_a_chat_taken_while_its_account_lets_go_of_it(database, end):
    """Only who took it has it, and whoever was first, the loser's events tell of one end."""
    for _ in range(ROUNDS):
        old, new = random.sample(database.people(2), 2)
        chat = link(database, old)
        queue(database, old)
        ask(database, chat, new)
        more = ["hash"] if end == "delete_account" else []
        marks = ", ".join(["%s"] * (1 + len(more)))
        at_once(lambda: confirm(database, new),
                lambda: database.rows(f"SELECT * FROM perch.{end}({marks})", [old, *more], "perch_app"))
        assert owners(database, chat) == [new] and linked(database, [old, new]) == [new]
        assert queued(database, old) == 0
        ends = database.value("SELECT count(*) FROM perch.events WHERE user_id = %s AND type = 'telegram.unlinked'", [old])
        assert ends == (0 if end == "delete_account" else 1)


def test_confirmed_and_withdrawn_by_the_chat_at_once(database):
    """Linked and unlinked again, or never linked: either way the chat has the last word, if it was the last."""
    [user] = database.people(1)
    for _ in range(ROUNDS):
        chat = next(chats)
        ask(database, chat, user)
        (confirmed, _), (withdrawn, events) = at_once(
            lambda: confirm(database, user),
            lambda: call(database, "telegram_unlink_chat", chat, role="perch_notifier"))
        assert withdrawn == "ok" and owners(database, chat) == []
        assert (confirmed, events) in [("ok", {(user, "telegram.unlinked")}), ("not_found", {(user, "me.changed")})]


def test_nothing_is_queued_by_a_message_that_waited_for_the_unlinking(database):
    sender, user = database.people(2)
    link(database, user)
    with database.connect("perch_app", autocommit=False) as page:
        page.execute("SELECT * FROM perch.telegram_unlink(%s)", [user])
        waiting = Blocked(database, "SELECT * FROM perch.send_message(%s, %s, NULL, 'x')", [sender, user])
        page.commit()
        assert waiting.result()[0][0] == "ok"
    assert queued(database, user) == 0


def test_a_message_that_was_first_is_taken_back_by_the_unlinking(database):
    sender, user = database.people(2)
    link(database, user)
    with database.connect("perch_app", autocommit=False) as app:
        app.execute("SELECT * FROM perch.send_message(%s, %s, NULL, 'x')", [sender, user])
        waiting = Blocked(database, "SELECT * FROM perch.telegram_unlink(%s)", [user])
        app.commit()
        assert waiting.result()[0][0] == "ok"
    assert queued(database, user) == 0


def test_who_confirms_links_the_chat_that_was_shown_or_none(database):
    """The confirmation waits while another chat takes the place of the one that was shown."""
    [user] = database.people(1)
    shown, other = next(chats), next(chats)
    ask(database, shown, user)
    secret = code(database, user)
    with database.connect("perch_notifier", autocommit=False) as notifier:
        notifier.execute(START, [other, secret, now()])
        waiting = Blocked(database, CONFIRM, [user, shown])
        notifier.commit()
        assert waiting.result()[0][0] == "not_found"
    assert owners(database, shown) == owners(database, other) == []
    assert confirm(database, user)[0] == "ok" and owners(database, other) == [user]


@pytest.mark.parametrize("held", ["low", "high"])
@pytest.mark.parametrize("taker", ["low", "high"])
def test_a_chat_changes_hands_under_both_mailboxes_locked_in_id_order(database, taker, held):
    """Who waits for the lower mailbox holds no row of anybody; who waits for the higher one holds the lower one."""
    [low, high] = database.people(2)
    new, old = (low, high) if taker == "low" else (high, low)
    chat = link(database, old)
    ask(database, chat, new)
    with database.connect("postgres", autocommit=False) as holder:
        holder.execute("SELECT FROM perch.mailboxes WHERE user_id = %s FOR NO KEY UPDATE", [low if held == "low" else high])
        waiting = Blocked(database, CONFIRM, [new, chat])
        with database.connect("postgres", autocommit=False) as probe:
            if held == "low":
                probe.execute("SELECT FROM perch.mailboxes WHERE user_id = %s FOR UPDATE NOWAIT", [high])
            else:
                with pytest.raises(psycopg.errors.LockNotAvailable), probe.transaction():
                    probe.execute("SELECT FROM perch.mailboxes WHERE user_id = %s FOR NO KEY UPDATE NOWAIT", [low])
            for table, column in (("users", "id"), ("telegram_links", "user_id"), ("telegram_pending", "user_id"),
                                  ("telegram_codes", "user_id"), ("outbox", "recipient_id")):
                probe.execute(f"SELECT FROM perch.{table} WHERE {column} = ANY(%s) FOR UPDATE NOWAIT", [[low, high]])
    assert waiting.result()[0][0] == "ok"


class Storm:
    """Random steps of one connection for the page and one for the notifier, with chats and accounts others work on too."""

    def __init__(self, database, people, doomed, some_chats, seed):
        self.app, self.notifier = database.connect("perch_app"), database.connect("perch_notifier")
        self.people, self.doomed, self.chats = people, doomed, some_chats
        self.random = random.Random(seed)
        self.codes, self.wrong, self.done = [], [], {}

    def user(self):
        return self.random.choice(self.people)

    def page(self, query, *parameters):
        return self.app.execute(f"SELECT * FROM perch.{query}", parameters).fetchall()

    def chat(self, query, *parameters):
        chat = self.random.choice(self.chats)
        return self.notifier.execute(f"SELECT * FROM perch.{query}", [chat, *parameters]).fetchall()

    def take_code(self):
        self.codes.append(self.random.randbytes(32))
        return self.page("telegram_code_set(%s, %s)", self.user(), self.codes[-1])

    def start(self):
        secret = self.codes.pop() if self.codes else None
        name = self.random.choice(["storm0", "storm1", None])
        return self.chat("telegram_start(%s, 'x', %s, 'en', %s, %s)", name, secret, now())

    def confirm(self):
        user = self.user()
        [[*_, shown, _bot, _claim]] = self.page("telegram_state(%s)", user)
        return self.page("telegram_confirm(%s, %s)", user, shown or -1)

    def refuse(self):
        return self.page("telegram_refuse(%s)", self.user())

    def unlink(self):
        return self.page("telegram_unlink(%s)", self.user())

    def withdraw(self):
        return self.chat("telegram_unlink_chat(%s)")

    def block(self):
        return self.chat("telegram_block(%s, %s)", now())

    def come_back(self):
        """Blocks and starts again at once: a chat seldom stays linked for long here."""
        chat = self.random.choice(self.chats)
        self.notifier.execute("SELECT * FROM perch.telegram_block(%s, %s)", [chat, now()])
        return self.notifier.execute(START, [chat, None, now()]).fetchall()

    def send(self):
        return self.page("send_message(%s, %s, NULL, 'x')", self.user(), self.user())

    def rename(self):
        number = self.random.randrange(2)
        name = self.random.choice(["@storm", "@calm"]) + str(number)
        return self.page("update_me(%s, %s)", self.people[number], Jsonb({"telegram": name, "telegram_key": name}))

    def clean(self):
        return [("ok" if row[0] is not None else "nothing",) for row in self.page("clean(30)")]

    def delete_account(self):
        if not self.doomed or self.random.random() > 0.1:
            return []
        try:
            self.page("delete_account(%s, 'hash')", self.doomed.pop())
        except IndexError:
            return []
        return [("ok",)]

    def run(self, count):
        steps = [self.take_code, self.start, self.confirm] * 4 + [self.send, self.come_back] * 3 + [
            self.refuse, self.unlink, self.withdraw, self.block, self.rename, self.clean, self.delete_account]
        for _ in range(count):
            step = self.random.choice(steps)
            try:
                for row in step()[:1]:
                    self.done[step.__name__, row[0]] = self.done.get((step.__name__, row[0]), 0) + 1
            except psycopg.Error as error:
                self.wrong.append(f"{step.__name__}: {error.sqlstate} {error}")
        self.app.close()
        self.notifier.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_no_deadlock_and_no_two_owners_whatever_runs_at_once(database, seed):
    people = database.people(6)
    doomed = people[4:]
    some_chats = [next(chats) for _ in range(4)]
    storms = [Storm(database, people, doomed, some_chats, seed * 1000 + i) for i in range(12)]
    at_once(*[lambda storm=storm: storm.run(150) for storm in storms])
    assert [wrong for storm in storms for wrong in storm.wrong] == []
    done = {key for storm in storms for key in storm.done}
    assert done >= {("start", "asked"), ("start", "code_unknown"), ("come_back", "unblocked"), ("confirm", "ok"),
                    ("confirm", "not_found"), ("confirm", "unauthorized"), ("unlink", "ok"), ("withdraw", "ok"),
                    ("block", "ok"), ("delete_account", "ok")}
    # Whoever has no live link has nothing queued, and the logs are whole.
    assert database.rows("SELECT o.id FROM perch.outbox o LEFT JOIN perch.telegram_links l ON l.user_id = o.recipient_id"
                         " AND l.blocked_at IS NULL WHERE l.user_id IS NULL") == []
    for table in ("links", "codes", "pending"):
        assert database.rows(f"SELECT FROM perch.telegram_{table} t LEFT JOIN perch.mailboxes m USING (user_id)"
                             " WHERE m.user_id IS NULL") == [], f"{table} of a deleted account"
    for user in people:
        for seq, found in database.rows("SELECT m.seq, array_agg(e.seq ORDER BY e.seq) FROM perch.mailboxes m"
                                        " JOIN perch.events e USING (user_id) WHERE user_id = %s GROUP BY m.seq", [user]):
            assert found == list(range(1, seq + 1))
