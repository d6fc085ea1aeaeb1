"""Writers that hold their transactions open between taking a position and committing, readers that poll meanwhile,
and a checker that knows what every reader must have seen.

A writer sends, then (injected, seeded) stays in its transaction for up to 20 ms, then commits or rolls back. Readers
poll every 15 ms or so. Readers and the way of writing are exchangeable, so that the checker can be shown a design that fails.
"""

import json
import random
import threading
import uuid

from perchtest.statements import for_psycopg, program_statement

WRITERS = 16
POLL = for_psycopg(program_statement("event_poll"))


class Ledger:
    """What the writers know for certain."""

    def __init__(self):
        self.lock = threading.Lock()
        self.committed = {}  # client_id: (sender, recipient)
        self.rolled_back = set()


class Writer(threading.Thread):
    def __init__(self, connection, ledger, people, count, seed):
        super().__init__(daemon=True)
        self.connection, self.ledger, self.people, self.count = connection, ledger, people, count
        self.random = random.Random(seed)
        self.error = None

    def run(self):
        try:
            left = self.count
            while left > 0:
                left -= self.write()
                if self.random.random() < 0.1:
                    self.look_back()
        except BaseException as error:
            self.error = error
        finally:
            self.connection.close()

    def send(self, sender, recipient, client_id):
        self.connection.execute("SELECT * FROM perch.send_message(%s, %s, %s, 'tick')", [sender, recipient, client_id])

    def write(self):
        """One transaction; 1 when it was committed."""
        sender, recipient = self.random.choice(self.people), self.random.choice(self.people)
        client_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        delay = min(self.random.expovariate(1 / 0.002), 0.02) if self.random.random() < 0.5 else 0
        keep = self.random.random() > 0.15
        self.connection.execute("BEGIN")
        self.send(sender, recipient, client_id)
        self.connection.execute(f"SELECT pg_sleep({delay:.6f}); " + ("COMMIT" if keep else "ROLLBACK"))
        with self.ledger.lock:
            if keep:
                self.ledger.committed[client_id] = (sender, recipient)
            else:
                self.ledger.rolled_back.add(client_id)
        return int(keep)

    def look_back(self):
        """Other events between the messages: an edit or a read mark."""
        user = self.random.choice(self.people)
        row = self.connection.execute("SELECT id, sender_id FROM perch.messages WHERE recipient_id = %s"
                                      " ORDER BY id DESC LIMIT 1", [user]).fetchone()
        if row and self.random.random() < 0.5:
            self.connection.execute("SELECT * FROM perch.mark_read(%s, %s, %s)", [user, row[1], row[0]])
        elif row:
            self.connection.execute("SELECT * FROM perch.edit_message(%s, %s, %s)",
                                    [row[1], row[0], str(self.random.random())])


class NaiveWriter(Writer):
    """Inserts into the table as most messengers do: the sequence gives the number, nothing is locked."""

    def send(self, sender, recipient, client_id):
        self.connection.execute("INSERT INTO perch.messages (sender_id, recipient_id, client_id, body, sent_at)"
                                " VALUES (%s, %s, %s, 'tick', clock_timestamp())", [sender, recipient, client_id])

    def look_back(self):
        pass


class Reader(threading.Thread):
    """Polls one person's log by cursor, with perch-fcgi's own statement."""

    def __init__(self, connection, user):
        super().__init__(daemon=True)
        self.connection, self.user = connection, user
        self.cursor = 0
        self.polls = 0
        self.seen = []  # message ids, client ids of message.new events in the order they came
        self.events = []  # (seq, type) in the order they came
        self.faults = []
        self.finish = threading.Event()
        self.random = random.Random(user)
        self.error = None

    def run(self):
        try:
            while not self.finish.wait(self.random.random() * 0.03):
                self.step()
            while self.step():  # what was committed since the last look
                pass
        except BaseException as error:
            self.error = error
        finally:
            self.connection.close()

    def step(self):
        """One poll; whether it brought anything."""
        self.polls += 1
        rows = self.connection.execute(POLL, {"p1": self.user, "p2": self.cursor}).fetchall()
        head = rows[0][1]
        events = [json.loads(row[4]) for row in rows if row[3] is not None]
        if len(events) < 200 and head != self.cursor + len(events):
            self.faults.append(f"user {self.user}: the log stands at {head}, {len(events)} events after {self.cursor}")
        for event in events:
            if event["seq"] != self.cursor + 1:
                self.faults.append(f"user {self.user}: event {event['seq']} after {self.cursor}")
            self.cursor = event["seq"]
            self.events.append((event["seq"], event["type"]))
            if event["type"] == "message.new":
                self.seen.append((event["message"]["id"], event["message"]["client_id"]))
        return bool(events)


class PlainReader(Reader):
    """The obvious reader: everything of mine with an id above the last one I saw. With user None: of everybody."""

    def step(self):
        rows = self.connection.execute(
            "SELECT id, client_id::text FROM perch.messages WHERE id > %(last)s"
            " AND (%(user)s::bigint IS NULL OR %(user)s IN (sender_id, recipient_id)) ORDER BY id LIMIT 200",
            {"last": self.cursor, "user": self.user}).fetchall()
        for row in rows:
            self.cursor = row[0]
            self.seen.append(tuple(row))
        return bool(rows)


def torture(database, *, people, messages, seed, writer=Writer, reader=Reader, readers=None, role="perch_app"):
    """Runs it; (ledger, readers). `readers`: whom the readers read for."""
    ledger = Ledger()
    writers = [writer(database.connect(role), ledger, people, messages // WRITERS, seed * 100 + i)
               for i in range(WRITERS)]
    crowd = [reader(database.connect(role), user) for user in (people if readers is None else readers)]
    for thread in crowd + writers:
        thread.start()
    for thread in writers:
        thread.join(150)
    for thread in crowd:
        thread.finish.set()
    for thread in crowd:
        thread.join(30)
    for thread in writers + crowd:
        assert not thread.is_alive(), f"{thread} did not end"
        if thread.error:
            raise thread.error
    return ledger, crowd


def dialog(sender, recipient):
    return tuple(sorted((sender, recipient)))


def faults(database, ledger, readers):
    """Everything that any reader saw wrongly, as text: [] when each message came exactly once and in order."""
    wrong = [fault for reader in readers for fault in reader.faults]
    stored = {client_id: (message, sent_at) for message, client_id, sent_at in database.rows(
        "SELECT id, client_id::text, sent_at FROM perch.messages WHERE client_id = ANY(%s::uuid[])",
        [list(ledger.committed) + list(ledger.rolled_back)])}
    wrong += [f"{client_id} was committed and is not stored" for client_id in ledger.committed.keys() - stored.keys()]
    wrong += [f"{client_id} was rolled back and is stored" for client_id in ledger.rolled_back & stored.keys()]

    for reader in readers:
        mine = {client_id for client_id, pair in ledger.committed.items() if reader.user in (None, *pair)}
        seen = [client_id for _, client_id in reader.seen]
        wrong += [f"reader {reader.user}: {client_id} lost" for client_id in mine - set(seen)]
        wrong += [f"reader {reader.user}: {client_id} out of nowhere" for client_id in set(seen) - mine]
        if len(seen) != len(set(seen)):
            wrong.append(f"reader {reader.user}: {len(seen) - len(set(seen))} repeats")

        # Event order is history order (ids) and the order of times, in each dialog.
        order = {}
        for message, client_id in reader.seen:
            order.setdefault(dialog(*ledger.committed.get(client_id, (0, 0))), []).append((message, client_id))
        for pair, found in order.items():
            if found != sorted(found):
                wrong.append(f"reader {reader.user}: dialog {pair} in another order than its history")
            times = [stored[client_id][1] for _, client_id in found if client_id in stored]
            if times != sorted(times):
                wrong.append(f"reader {reader.user}: the times of dialog {pair} go back")
    return wrong
