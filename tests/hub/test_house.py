"""What the hub does for PostgreSQL beside its looks."""

import os
import signal

from hub.tree import Tree
from perchtest import wait_for
from perchtest.crowd import crowd


def test_a_hub_cleans_old_events_away(tough):
    """A new one soon after its start; it goes on for as long as there is more."""
    [user] = crowd(tough, 1)
    tough.sql("INSERT INTO events (user_id, seq, type, at) SELECT %s, i, 'me.changed', now() - interval '31 days'"
              " FROM generate_series(1, 2500) AS i", user.id)
    tough.sql("UPDATE mailboxes SET seq = 2500 WHERE user_id = %s", user.id)
    tough.sql("UPDATE cleaning SET upto_user = 0, ended_at = '-infinity'")
    os.kill(Tree(tough).hub, signal.SIGKILL)
    wait_for(lambda: tough.sql("SELECT floor_seq FROM mailboxes WHERE user_id = %s", user.id) == [(2500,)], 20,
             "the hub to clean")
    assert tough.sql("SELECT seq FROM events WHERE user_id = %s", user.id) == []


def test_it_has_a_connection_of_its_own(tough):
    """So that no look ever waits for the house."""
    wait_for(lambda: tough.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'perch-house'"), 10,
             "the hub's second connection")
