"""The epoch is the same while the database lives on, and another one when it may have gone back in time."""

import re
import signal
import subprocess

from psycopg import sql

from perchtest import wait_for
from perchtest.api import at_once
from perchtest.cluster import PORT, Cluster

CHECK = "SELECT perch.epoch_check()"


def test_the_epoch_is_stable(cluster):
    database = cluster.database()
    first = database.value(CHECK, user="perch_app")
    assert re.fullmatch(r"[0-9a-f]{12}", first)
    assert {database.value(CHECK, user="perch_app") for _ in range(5)} == {first}
    database.people(2)
    assert database.value(CHECK, user="perch_owner") == first
    assert database.value("SELECT epoch FROM perch.epoch", user="perch_app") == first


def test_two_databases_have_different_epochs(cluster):
    assert cluster.database().value(CHECK) != cluster.database().value(CHECK)


def test_many_connections_at_once_draw_one_new_epoch(cluster):
    """Who draws returns what it drew: a second draw would show as a second answer."""
    database = cluster.database()
    seen = {database.value(CHECK)}
    connections = [database.connect("perch_app") for _ in range(16)]
    for _ in range(10):
        with database.connect("perch_owner") as owner:
            owner.execute("UPDATE perch.epoch SET fingerprint = 'another life'")
        answers = set(at_once(*[lambda app=app: app.execute(CHECK).fetchone()[0] for app in connections]))
        assert len(answers) == 1, f"drawn more than once: {answers}"
        assert answers == {database.value("SELECT epoch FROM perch.epoch")}
        assert not answers & seen, "an epoch came back"
        seen |= answers
    for app in connections:
        app.close()


def test_a_copy_of_the_database_gets_an_epoch_of_its_own(cluster):
    database = cluster.database()
    before = database.value(CHECK)
    copy = f"{database.name}_copy"
    with cluster.connect("postgres", "postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER perch_owner")
                           .format(sql.Identifier(copy), sql.Identifier(database.name)))
    with cluster.connect("perch_app", copy) as app:
        assert app.execute("SELECT epoch FROM perch.epoch").fetchone()[0] == before
        assert app.execute(CHECK).fetchone()[0] != before
    assert database.value(CHECK) == before


def test_a_dump_read_into_another_cluster_gets_an_epoch_of_its_own(cluster):
    database = cluster.database()
    database.people(2)
    before = database.value(CHECK)
    with Cluster() as other:
        other.roles()
        other.execute(f"CREATE DATABASE {database.name} OWNER perch_owner TEMPLATE template0")
        at = ["-p", str(PORT), "-U", "postgres", "-d", database.name]
        dump = subprocess.run([cluster.bin / "pg_dump", "-h", cluster.dir, *at], check=True, capture_output=True).stdout
        subprocess.run([cluster.bin / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", other.dir, *at], input=dump, check=True,
                       capture_output=True)
        with other.connect("perch_app", database.name) as app:
            assert app.execute("SELECT epoch FROM perch.epoch").fetchone()[0] == before
            assert app.execute(CHECK).fetchone()[0] != before
    assert database.value(CHECK) == before


def test_a_restart_keeps_the_epoch_and_a_promotion_changes_it():
    with Cluster() as cluster:
        database = cluster.database()
        before = database.value(CHECK)
        restart(cluster)
        assert database.value(CHECK) == before

        restart(cluster, standby=True)
        with cluster.connect("postgres", "postgres") as connection:
            assert connection.execute("SELECT pg_is_in_recovery()").fetchone()[0]
            connection.execute("SELECT pg_promote()")
            wait_for(lambda: not connection.execute("SELECT pg_is_in_recovery()").fetchone()[0], 30, "promotion")
        assert database.value(CHECK, user="perch_app") != before


def restart(cluster, *, standby=False):
    cluster.server.send_signal(signal.SIGINT)
    cluster.server.wait(30)
    if standby:
        (cluster.dir / "data/standby.signal").touch()
    cluster.start()
