"""The lock law: all mailboxes in id order first, nothing else before them. So no mutation ever meets a deadlock, and
a twin of a send finds the first one instead of failing on the unique index."""

import random
import threading
import uuid

import psycopg
import pytest
from psycopg import errors

from perchtest.api import at_once
from perchtest.locks import Blocked

CONNECTIONS = 16


def send(connection, sender, recipient, body="x", client_id=None):
    return connection.execute("SELECT * FROM perch.send_message(%s, %s, %s, %s)",
                              [sender, recipient, client_id or uuid.uuid4(), body]).fetchall()


MUTATIONS = {
    "send up": ("SELECT * FROM perch.send_message(%(low)s, %(high)s, gen_random_uuid(), 'x')", "both"),
    "send down": ("SELECT * FROM perch.send_message(%(high)s, %(low)s, gen_random_uuid(), 'x')", "both"),
    "edit": ("SELECT * FROM perch.edit_message(%(high)s, %(message)s, 'y')", "both"),
    "delete": ("SELECT * FROM perch.delete_message(%(high)s, %(message)s)", "both"),
    "read": ("SELECT * FROM perch.mark_read(%(high)s, %(low)s, %(message)s)", "both"),
    "mute": ("SELECT * FROM perch.mute_dialog(%(low)s, %(high)s, 'infinity')", "one"),
    "settings": ("SELECT * FROM perch.update_me(%(low)s, '{\"locale\": \"ru\"}')", "one"),
    "password": ("SELECT * FROM perch.change_password(%(low)s, 0, 'hash', 'new')", "one"),
    "account deletion": ("SELECT * FROM perch.delete_account(%(low)s, 'hash')", "one"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_locks_the_mailboxes_in_id_order_and_nothing_before_them(database, name):
    """Whoever waits for the lower mailbox holds no other row: not the higher mailbox, no message, no dialog, no user."""
    query, _ = MUTATIONS[name]
    [low, high] = database.people(2)
    with database.connect("perch_app") as app:
        message = [row for row in send(app, high, low) if row[3] == high][0]
    message_id = database.value("SELECT max(id) FROM perch.messages WHERE sender_id = %s", [high])
    assert message[0] == "ok"
    with database.connect("postgres", autocommit=False) as holder:
        holder.execute("SELECT FROM perch.mailboxes WHERE user_id = %s FOR NO KEY UPDATE", [low])
        waiting = Blocked(database, query, {"low": low, "high": high, "message": message_id})
        with database.connect("postgres", autocommit=False) as probe:
            for table, column in (("mailboxes", "user_id"), ("users", "id"), ("sessions", "user_id"),
                                  ("dialogs", "user_id"), ("messages", "sender_id")):
                keep = [high] if table == "mailboxes" else [low, high]
                probe.execute(f"SELECT FROM perch.{table} WHERE {column} = ANY(%s) FOR UPDATE NOWAIT", [keep])
    assert waiting.result(), "no answer"


@pytest.mark.parametrize("name", [name for name, (_, locks) in MUTATIONS.items() if locks == "both"])
def test_a_mutation_of_a_dialog_waits_for_the_higher_mailbox_too(database, name):
    query, _ = MUTATIONS[name]
    [low, high] = database.people(2)
    with database.connect("perch_app") as app:
        send(app, high, low)
    message_id = database.value("SELECT max(id) FROM perch.messages WHERE sender_id = %s", [high])
    with database.connect("postgres", autocommit=False) as holder:
        holder.execute("SELECT FROM perch.mailboxes WHERE user_id = %s FOR NO KEY UPDATE", [high])
        waiting = Blocked(database, query, {"low": low, "high": high, "message": message_id})
        with database.connect("postgres") as probe, pytest.raises(errors.LockNotAvailable):
            probe.execute("SELECT FROM perch.mailboxes WHERE user_id = %s FOR NO KEY UPDATE NOWAIT", [low])
    assert waiting.result()


def test_a_locked_mailbox_does_not_hinder_a_new_session(database):
    """FOR NO KEY UPDATE: a foreign-key check of another statement goes through."""
    [user] = database.people(1)
    with database.connect("postgres", autocommit=False) as holder:
        holder.execute("SELECT perch.mailboxes_lock(%s, %s)", [user, user])
        with database.connect("perch_app") as app:
            app.execute("SET statement_timeout = '5s'")
            assert app.execute("SELECT perch.create_session(%s, 'hash', %s, 1, '', '')",
                               [user, random.getrandbits(50) + 1]).fetchone()[0]


def test_concurrent_twins_of_a_send_store_one_message(database):
    [alice, bob] = database.people(2)
    connections = [database.connect("perch_app") for _ in range(CONNECTIONS)]
    for _ in range(20):
        client_id = uuid.uuid4()
        before = database.value("SELECT seq FROM perch.mailboxes WHERE user_id = %s", [bob])
        results = at_once(*[lambda app=app: send(app, alice, bob, "twin", client_id) for app in connections])
        assert sorted(rows[0][0] for rows in results) == ["ok"] + ["repeat"] * (CONNECTIONS - 1)
        assert len({rows[0][1] for rows in results}) == 1, "twins disagree about the message"
        assert database.value("SELECT seq FROM perch.mailboxes WHERE user_id = %s", [bob]) == before + 1, \
            "a repeat burnt a number"
    for app in connections:
        app.close()


def test_a_session_check_and_a_password_change_wait_for_each_other_without_a_deadlock(database):
    """A log-in with the old password slips in between; its session is checked while the change is about to end it."""
    [user] = database.people(1)
    slipped = random.getrandbits(50) + 1
    with database.connect("perch_app", autocommit=False) as login:
        login.execute("SELECT perch.create_session(%s, 'hash', %s, 1, '', '')", [user, slipped])
        change = Blocked(database, "SELECT perch.change_password(%s, 0, 'hash', 'new')", [user])
        checks = []
        check = threading.Thread(target=lambda: checks.append(run_check(database, slipped, user)), daemon=True)
        login.commit()
        check.start()
        [[ended]] = change.result()
        check.join(10)
    assert slipped in ended
    assert isinstance(checks[0], bool), f"the check failed: {checks[0]!r}"
    assert database.rows("SELECT FROM perch.sessions WHERE user_id = %s", [user]) == []


def run_check(database, session, user):
    try:
        return database.value(f"SELECT perch.check_session({session}, {user})", user="perch_app")
    except psycopg.Error as error:
        return error


class Storm:
    """Random mutations by one connection among a few people, all of whom everybody else is busy with too."""

    def __init__(self, database, people, doomed, seed):
        self.connection = database.connect("perch_app")
        self.people, self.doomed = people, doomed
        self.random = random.Random(seed)
        self.messages = []
        self.sessions = []
        self.wrong = []
        self.done = 0

    def pair(self):
        return self.random.choice(self.people), self.random.choice(self.people)

    def call(self, query, *parameters):
        return self.connection.execute(f"SELECT * FROM perch.{query}", parameters).fetchall()

    def send(self):
        sender, recipient = self.pair()
        rows = self.call("send_message(%s, %s, %s, 'x')", sender, recipient, uuid.uuid4())
        if rows[0][0] == "ok":
            [found] = self.call("messages WHERE sender_id = %s ORDER BY id DESC LIMIT 1", sender)
            self.messages.append((found[0], sender, recipient))

    def on_message(self, query, *more):
        if self.messages:
            message, sender, _ = self.random.choice(self.messages)
            self.call(query, sender, message, *more)

    def edit(self):
        self.on_message("edit_message(%s, %s, %s)", str(self.random.random()))

    def delete(self):
        self.on_message("delete_message(%s, %s)")

    def read(self):
        if self.messages:
            message, sender, recipient = self.random.choice(self.messages)
            self.call("mark_read(%s, %s, %s)", recipient, sender, message)

    def mute(self):
        self.call("mute_dialog(%s, %s, %s)", *self.pair(), self.random.choice([None, "infinity"]))

    def settings(self):
        self.call("update_me(%s, %s)", self.random.choice(self.people),
                  '{"delay_s": %d}' % self.random.randrange(900))

    def login(self):
        user, session = self.random.choice(self.people), self.random.getrandbits(52) + 1
        self.call("create_session(%s, 'hash', %s, 1, '', '')", user, session)
        self.sessions.append((session, user))

    def check(self):
        if self.sessions:
            self.call("check_session(%s, %s)", *self.random.choice(self.sessions))

    def logout(self):
        if self.sessions:
            session, user = self.random.choice(self.sessions)
            self.call("end_sessions(%s, %s, 0)", user, session)

    def password(self):
        self.call("change_password(%s, 0, 'hash', 'hash')", self.random.choice(self.people))

    def delete_account(self):
        if self.doomed and self.random.random() < 0.2:
            try:
                self.call("delete_account(%s, 'hash')", self.doomed.pop())
            except IndexError:
                pass

    def run(self, count):
        operations = [self.send] * 8 + [self.edit, self.delete, self.read, self.mute] * 2 + [
            self.settings, self.login, self.check, self.logout, self.password, self.delete_account]
        for _ in range(count):
            operation = self.random.choice(operations)
            try:
                operation()
            except errors.NoDataFound:
                pass  # the hash of a deleted account
            except psycopg.Error as error:
                self.wrong.append(f"{operation.__name__}: {error.sqlstate} {error}")
            self.done += 1
        self.connection.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_no_deadlock_and_no_unique_violation_whatever_runs_at_once(database, seed):
    people = database.people(6)
    doomed = people[4:]
    storms = [Storm(database, people, doomed, seed * 1000 + i) for i in range(CONNECTIONS)]
    at_once(*[lambda storm=storm: storm.run(150) for storm in storms])
    assert [wrong for storm in storms for wrong in storm.wrong] == []
    assert sum(storm.done for storm in storms) == CONNECTIONS * 150
    assert doomed == [], "no account was deleted in the storm"
    # And the logs are whole all the same.
    for user in people:
        rows = database.rows("SELECT m.seq, array_agg(e.seq ORDER BY e.seq) FROM perch.mailboxes m"
                             " JOIN perch.events e USING (user_id) WHERE user_id = %s GROUP BY m.seq", [user])
        for seq, found in rows:
            assert found == list(range(1, seq + 1))
