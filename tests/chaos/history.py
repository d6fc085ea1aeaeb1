"""What happened, as plain rows: the load writes them, the checker reads them and nothing else.

    ["device", name, user, pauses]                  somebody's device, or their history as read at the end; pauses: it
                                                    takes its time between polls, so its ages are its own
    ["send", client_id, sender, peer, body, at]     the first attempt began
    ["trouble", client_id or device, what, at]      an attempt that failed: a status, or the name of an exception
    ["ack", client_id, message id, status, at]      2xx: 201 stored now, 200 found as stored by an earlier attempt
    ["batch", device, at, asked, from, cursor, rows]    a reply to a poll, as it came; each of the rows
                                                    [seq, type, message id, client_id, sender, peer, body],
                                                    only [seq, type] where the event brings no message
    ["reset", device, at, cursor]                   410: the device starts again from this cursor
    ["history", device, at, rows]                   messages new to the device, read from the history, oldest first
    ["stored", message id, client_id, sender, peer, body]   what PostgreSQL has in the end

Times are seconds of one monotonic clock. A history can be written to a file and judged again later:

    /usr/bin/python3 tests/chaos/run --judge FILE
"""

import gzip
import json


class History:
    def __init__(self, rows=()):
        self.rows = [list(row) for row in rows]

    def add(self, *row):
        self.rows.append(list(row))

    def of(self, kind):
        return [row for row in self.rows if row[0] == kind]

    def save(self, path):
        with gzip.open(path, "wt", compresslevel=3) as file:
            for row in self.rows:
                file.write(json.dumps(row, separators=(",", ":")) + "\n")

    @classmethod
    def load(cls, path):
        with gzip.open(path, "rt") as file:
            return cls(json.loads(line) for line in file)


def message_row(message):
    """The columns that a batch and a history have of a message."""
    return [message["id"], message["client_id"], message["sender_id"], message["recipient_id"], message["body"]]


def event_row(event):
    head = [event.get("seq"), event["type"]]
    return head + message_row(event["message"]) if event["type"] == "message.new" else head


def dialog_of(sender, peer):
    return tuple(sorted((sender, peer)))
