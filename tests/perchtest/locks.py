"""Statements that are expected to wait for a lock."""

import threading

import psycopg

from .wait import wait_for


def blocked(database, connection):
    return database.value("SELECT cardinality(pg_blocking_pids(%s)) > 0", [connection.info.backend_pid])


class Blocked(threading.Thread):
    """One statement in a thread, which is expected to wait for a lock."""

    def __init__(self, database, query, parameters, user="perch_app"):
        super().__init__(daemon=True)
        self.connection = database.connect(user)
        self.query, self.parameters, self.rows, self.error = query, parameters, None, None
        self.start()
        wait_for(lambda: blocked(database, self.connection), 10, f"{query} to wait for a lock")

    def run(self):
        try:
            self.rows = self.connection.execute(self.query, self.parameters).fetchall()
        except psycopg.Error as error:
            self.error = error
        self.connection.close()

    def result(self):
        self.join(10)
        assert not self.is_alive(), f"{self.query} still waits"
        if self.error:
            raise self.error
        return self.rows
