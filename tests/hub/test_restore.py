"""The database goes back in time while hubs run and people wait: everybody is told to start again (410, reason epoch), and
no number that was given out once is delivered for something else."""

import asyncio
import os
import shutil
import signal
import subprocess
import uuid

import psycopg
import pytest

from hub.tree import Tree
from perchtest import wait_for
from perchtest.cluster import postgresql_bin
from perchtest.crowd import crowd
from perchtest.wire import Wire

BIN = postgresql_bin()


@pytest.fixture
def instance(perch_factory):
    return perch_factory(WORKERS=4, AUTH_WORKERS=1)


class Spare:
    """A second data directory beside the instance's own."""

    def __init__(self, instance):
        self.instance = instance
        self.home = instance.dir / "postgresql"
        self.data = self.home / "spare"
        owner = (self.home / "data").stat()
        self.identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}

    def run(self, *command):
        subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=60, cwd="/", **self.identity)

    def backup(self):
        """A copy of the running server, as pg_basebackup makes it."""
        self.run(BIN / "pg_basebackup", "-h", self.instance.dir / "run", "-p", "5432", "-U", "postgres", "-D", self.data,
                 "--checkpoint=fast", "--no-sync")

    def copy(self):
        """A copy of the files of the stopped server."""
        self.run("cp", "-a", self.home / "data", self.data)

    def use(self, *, settings="", mark=None, statement=None):
        """Bring the copy up on its own until it takes writes, as an operator would, and run a statement."""
        if mark:
            self.run("touch", self.data / mark)
        with (self.data / "postgresql.auto.conf").open("a") as conf:
            conf.write(settings)
        server = subprocess.Popen(
            [BIN / "postgres", "-D", self.data, "-c", "listen_addresses=", "-c", "port=5433", "-c", "max_connections=1000", "-c",
             f"unix_socket_directories={self.instance.dir / 'run'}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self.identity)
        try:
            connection = wait_for(self.connect, 30, "the copy to answer")
            with connection:
                if mark == "standby.signal":
                    connection.execute("SELECT pg_promote()")
                wait_for(lambda: not connection.execute("SELECT pg_is_in_recovery()").fetchone()[0], 30, "the promotion")
                if statement:
                    connection.execute(statement)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)

    def connect(self):
        try:
            return psycopg.connect(host=str(self.instance.dir / "run"), port=5433, user="postgres", dbname="perch",
                                   autocommit=True)
        except psycopg.OperationalError:
            return None

    def take_over(self):
        """In the place of the instance's own files; the instance's PostgreSQL must be stopped."""
        shutil.move(self.home / "data", self.home / "lost")
        shutil.move(self.data, self.home / "data")


def promoted_replica(spare):
    spare.use(mark="standby.signal")


def point_in_time_recovery(spare):
    spare.use(mark="recovery.signal", settings="restore_command = '/bin/false'\nrecovery_target = 'immediate'\n"
                                               "recovery_target_action = 'promote'\n")


def files_put_back(spare):
    # Nothing in the files tells a restore from a restart: the operator does.
    spare.use(statement="SELECT perch.epoch_draw()")


@pytest.mark.parametrize("restore", [promoted_replica, point_in_time_recovery, files_put_back],
                         ids=lambda restore: restore.__name__)
def test_what_waits_while_the_database_goes_back_starts_again(instance, restore):
    postgresql, spare = instance.service("postgresql"), Spare(instance)
    sender, reader = crowd(instance, 2)
    if restore is files_put_back:
        postgresql.stop()
        spare.copy()
        postgresql.start()
        wait_for(instance.ready, 30, "the instance to be ready")
    else:
        spare.backup()
    restore(spare)

    async def scenario():
        tree = Tree(instance)
        async with Wire(instance, sender) as bob, Wire(instance, reader) as alice, Wire(instance, reader) as other:
            old = await alice.cursor()
            await alice.request("GET", f"/events?cursor={old}&wait=1")
            base = tree.hub_polls()
            for body in ("lost 1", "lost 2", "lost 3"):
                # An answered poll's descriptor may be seen for a moment: the least counts.
                base = min(base, tree.hub_polls())
                poll = asyncio.create_task(alice.news(old))
                await bob.message(reader.id, body)
                old = (await poll)["cursor"]
            # The hub knows position 3 and holds a poll at it.
            poll = asyncio.create_task(alice.request("GET", f"/events?cursor={old}&wait=50"))
            await tree.parked(1, base)

            await asyncio.to_thread(postgresql.stop)
            spare.take_over()
            await asyncio.to_thread(postgresql.start)
            # The numbers are used again at once, past the one that the hub knows.
            sent = []
            while len(sent) < 4:
                reply = await bob.request("POST", f"/dialogs/{reader.id}/messages",
                                          {"client_id": str(uuid.uuid4()), "body": f"new {len(sent)}"})
                if reply.status == 201:
                    sent.append(reply.json["message"]["id"])

            waited = await asyncio.wait_for(poll, 30)
            if waited.status == 200:
                assert waited.json["events"] == [], "a number of the lost log was used for something else"
            else:
                assert waited.status in (410, 503)
            for wire in (alice, other):
                reply = await wire.request("GET", f"/events?cursor={old}&wait=1")
                while reply.status == 503:
                    reply = await wire.request("GET", f"/events?cursor={old}&wait=1")
                assert (reply.status, reply.json["code"], reply.json["reason"]) == (410, "cursor_reset", "epoch")
            # From the place named there everything goes on.
            poll = asyncio.create_task(alice.news(reply.json["cursor"]))
            message = await bob.message(reader.id, "after")
            assert [event["message"] for event in (await poll)["events"]] == [message]

    asyncio.run(scenario())
