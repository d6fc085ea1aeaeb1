"""Many people with their phones at once."""

from perchtest import wait_for
from perchtest.crowd import crowd


class Readers:
    """Linked people who are away, made by SQL."""

    def __init__(self, world, count):
        self.site, self.api = world.site, world.api
        self.after = ([{"n": 0}] + self.api.calls())[-1]["n"]  # the log is long
        self.people = crowd(self.site, count)
        self.phones = [self.api.phone("Reader", started=True) for _ in range(count)]
        self.ids = [person.id for person in self.people]
        self.site.sql("INSERT INTO telegram_links (user_id, chat_id, confirmed_at, name)"
                      " SELECT u, c, clock_timestamp(), 'Reader' FROM unnest(%s::bigint[], %s::bigint[]) AS t (u, c)",
                      self.ids, [phone.id for phone in self.phones])

    def send(self, sender, bodies):
        """One message to each of them; nobody wakes the notifier."""
        self.site.sql("SELECT count(*) FROM unnest(%s::bigint[], %s::text[]) AS t (reader, body),"
                      " perch.send_message(%s, reader, gen_random_uuid(), body)", self.ids, list(bodies), sender.id)

    def pile(self, sender, each, letters=4000):
        """So many messages to each that wait to be told, all at once. What is told is only rows: no dialog has them."""
        self.site.sql(
            "WITH made AS (INSERT INTO messages (sender_id, recipient_id, client_id, body, sent_at)"
            " SELECT %s, u, gen_random_uuid(), repeat('x', %s), clock_timestamp()"
            " FROM unnest(%s::bigint[]) AS u, generate_series(1, %s) RETURNING id, sender_id, recipient_id, sent_at)"
            " INSERT INTO outbox (message_id, sender_id, recipient_id, recipient_seq, created_at, due_at)"
            " SELECT id, sender_id, recipient_id, 1, sent_at, sent_at FROM made", sender.id, letters, self.ids, each)

    def await_tries(self, rows, timeout=120):
        """Until so many rows were tried, and refused."""
        tried = "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE recipient_id = ANY (%s) AND failures > 0 LIMIT %s) AS t"
        wait_for(lambda: self.site.sql(tried, self.ids, rows) == [(rows,)], timeout, f"{rows} rows to be tried")

    def drop(self):
        """Nothing waits for them any more."""
        self.site.sql("DELETE FROM outbox WHERE recipient_id = ANY (%s)", self.ids)

    def queued(self, unanswered=0):
        """Rows that wait, of which so many requests ended without an answer at least."""
        [[count]] = self.site.sql("SELECT count(*) FROM outbox WHERE recipient_id = ANY (%s) AND unanswered >= %s",
                                  self.ids, unanswered)
        return count

    def calls(self):
        """The messages that Telegram was asked to send to one of them."""
        chats = {phone.id for phone in self.phones}
        return [call for call in self.api.calls("sendMessage", after=self.after) if call["chat"] in chats]
