"""Each change of the Sqitch project goes in, holds, comes out and goes in again, from empty and back."""

import psycopg
import pytest

from perchtest.cluster import TOP, Cluster, Database, sqitch_changes

# Everything a change can leave behind in the catalogue. Comments, owners and rights ride along, for a redeployment must
# bring them back too. The names of TOAST tables hold oids.
SHAPE = """
    SELECT 'class', c.oid::regclass::text, concat_ws(' ', relkind, relpersistence, reloptions::text, relacl::text,
           CASE WHEN relkind = 'i' THEN pg_get_indexdef(c.oid) END)
    FROM pg_class c WHERE relnamespace = to_regnamespace('perch') AND relkind <> 't'
    UNION ALL
    SELECT 'column', attrelid::regclass::text || '.' || attname,
           concat_ws(' ', atttypid::regtype::text, attnotnull, attidentity, attacl::text, pg_get_expr(adbin, adrelid))
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = to_regnamespace('perch') AND relkind IN ('r', 'c', 'v') AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = to_regnamespace('perch')
    UNION ALL
    SELECT 'function', oid::regprocedure::text, concat_ws(' ', prosecdef, provolatile, proconfig::text, proacl::text,
           CASE WHEN prokind IN ('f', 'p') THEN md5(pg_get_functiondef(oid)) END)
    FROM pg_proc WHERE pronamespace = to_regnamespace('perch')
    UNION ALL
    SELECT 'type', oid::regtype::text, (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum
                                        WHERE enumtypid = t.oid)
    FROM pg_type t WHERE typnamespace = to_regnamespace('perch') AND typtype IN ('e', 'd')
    UNION ALL
    SELECT 'schema', nspname, nspacl::text FROM pg_namespace WHERE nspname = 'perch'
    UNION ALL
    SELECT 'extension', extname, NULL FROM pg_extension
    UNION ALL
    SELECT 'default rights', concat_ws(' ', defaclrole::regrole, defaclnamespace, defaclobjtype), defaclacl::text
    FROM pg_default_acl
    ORDER BY 1, 2, 3
"""


def test_every_change_stands_alone_and_comes_back_the_same(cluster):
    """In plan order: deploy to it, verify, revert it, deploy it again. And its verification fails without it: one that
    passes then proves nothing."""
    database = cluster.database(deploy=False)
    shapes, back = [database.rows(SHAPE)], []
    for change in sqitch_changes():
        with database.connect("perch_owner") as owner, pytest.raises(psycopg.Error, match="perch|zero"):
            owner.execute((TOP / "sql/verify" / f"{change.removesuffix('@HEAD')}.sql").read_text())
        database.sqitch("deploy", "--to", change, "--verify")
        shapes.append(database.rows(SHAPE))
        assert shapes[-1] != shapes[-2], f"{change} changes nothing"
        database.sqitch("revert", *back)
        assert database.rows(SHAPE) == shapes[-2], f"reverting {change} does not restore what was before"
        database.sqitch("deploy", "--to", change, "--verify")
        assert database.rows(SHAPE) == shapes[-1], f"{change} deploys differently the second time"
        back = ["--to", "@HEAD^"]
    database.sqitch("verify")


def test_all_goes_out_in_one_go_and_in_again(cluster):
    database = cluster.database(deploy=False)
    empty = database.rows(SHAPE)
    database.sqitch("deploy", "--verify")
    full = database.rows(SHAPE)
    database.people(3)
    database.sqitch("revert")
    assert database.rows(SHAPE) == empty, "a revert of everything leaves something"
    database.sqitch("deploy", "--verify")
    assert database.rows(SHAPE) == full


def test_a_second_deployment_changes_nothing(cluster):
    database = cluster.database()
    shape, epoch = database.rows(SHAPE), database.value("SELECT perch.epoch_check()")
    database.sqitch("deploy", "--verify")
    assert (database.rows(SHAPE), database.value("SELECT perch.epoch_check()")) == (shape, epoch)


def test_an_owner_who_may_create_roles_makes_them():
    """On an empty cluster, in which nobody made perch_app and perch_notifier before."""
    with Cluster() as empty:
        empty.execute("CREATE ROLE perch_owner LOGIN CREATEROLE")
        empty.execute("CREATE DATABASE perch OWNER perch_owner")
        database = Database(empty, "perch")
        database.sqitch("deploy", "--verify")
        found = database.rows(
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication FROM pg_roles"
            " WHERE rolname IN ('perch_app', 'perch_notifier') AND rolcanlogin ORDER BY 1")
        assert found == [("perch_app", *[False] * 5), ("perch_notifier", *[False] * 5)]
