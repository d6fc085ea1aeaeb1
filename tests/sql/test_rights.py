"""Least rights: what the programs' roles may do, and above all what they may not."""

import uuid

import psycopg.errors
import pytest

DENIED = psycopg.errors.InsufficientPrivilege

# Functions of ours, not those of an extension.
FUNCTIONS = """
    SELECT p.oid::regprocedure::text AS signature, proname AS name, prosecdef AS definer, provolatile AS volatility,
           coalesce(proconfig, '{}') AS settings
    FROM pg_proc p
    WHERE pronamespace = 'perch'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
"""
TABLES = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relnamespace = 'perch'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
"""
INTERNAL = ("mailboxes_lock", "event_append", "message_announce", "message_lock", "dialogs_advance", "send_refused",
            "change_none", "epoch_draw", "fingerprint", "clean_events", "clean_sessions", "clean_outbox",
            "clean_telegram", "telegram_chat_lock", "telegram_chat_withdraw", "telegram_link_drop",
            "telegram_link_revive", "telegram_ask", "telegram_say", "telegram_may_take", "account_name",
            "telegram_revise", "users_revise", "dialogs_revise", "telegram_recall", "messages_recall", "quiet_hours",
            "notify_lock", "notify_over", "notify_news", "notify_windows_put", "telegram_locale", "update_begin",
            "update_repeat", "update_end", "update_post", "telegram_chat_user", "telegram_status",
            "telegram_update_put", "clean_rows")


def denied(database, role, statement, *parameters):
    with database.connect(role, autocommit=False) as connection, pytest.raises(DENIED):
        connection.execute(statement, parameters or None)


@pytest.mark.parametrize("role", ["perch_app", "perch_notifier"])
@pytest.mark.parametrize("statement", [
    "SELECT password_hash FROM perch.users",
    "SELECT * FROM perch.users",
    "SELECT u FROM perch.users u",
    "SELECT 1 FROM perch.users WHERE password_hash LIKE '$%'",
    "SELECT id FROM perch.users ORDER BY password_hash",
    "COPY perch.users (password_hash) TO STDOUT",
    "SELECT rolpassword FROM pg_authid",
])
def test_no_table_gives_a_password_hash_away(database, role, statement):
    denied(database, role, statement)


def test_statistics_do_not_give_password_hashes_away(database):
    database.people(50)
    with database.connect("perch_owner") as owner:
        owner.execute("ANALYZE perch.users")
    for role in ("perch_app", "perch_notifier"):
        assert database.rows("SELECT FROM pg_stats WHERE attname = 'password_hash'", user=role) == []


@pytest.mark.parametrize("statement", [
    "INSERT INTO perch.messages (sender_id, recipient_id, body, sent_at) VALUES (1, 2, 'x', now())",
    "UPDATE perch.messages SET body = 'x'",
    "DELETE FROM perch.messages",
    "TRUNCATE perch.messages",
    "INSERT INTO perch.events VALUES (1, 1, 'me.changed', now(), NULL, NULL)",
    "DELETE FROM perch.events",
    "UPDATE perch.mailboxes SET seq = 0",
    "SELECT FROM perch.mailboxes FOR UPDATE",
    "SELECT FROM perch.mailboxes FOR KEY SHARE",
    "UPDATE perch.users SET password_hash = 'x'",
    "INSERT INTO perch.sessions VALUES (1, 1, '', '', now(), now(), now())",
    "DELETE FROM perch.sessions",
    "UPDATE perch.dialogs SET read_upto = 0",
    "DELETE FROM perch.outbox",
    "SELECT FROM perch.outbox",
    "SELECT FROM perch.telegram_links",
    "SELECT FROM perch.telegram_bot",
    "SELECT FROM perch.telegram_codes",
    "SELECT FROM perch.telegram_pending",
    "SELECT FROM perch.telegram_says",
    "SELECT FROM perch.cleaning",
    "UPDATE perch.epoch SET epoch = '000000000000'",
    "LOCK TABLE perch.mailboxes IN SHARE MODE",
    "CREATE TABLE perch.mine (i integer)",
    "CREATE FUNCTION perch.mine() RETURNS integer LANGUAGE sql RETURN 1",
    "CREATE TABLE public.mine (i integer)",
    "ALTER TABLE perch.messages DISABLE TRIGGER ALL",
    "SELECT nextval('perch.messages_id_seq')",
])
def test_the_app_role_writes_only_through_functions(database, statement):
    denied(database, "perch_app", statement)


def test_the_app_role_has_no_right_but_select_on_any_table(database):
    """Also for tables added later."""
    wrong = database.rows(
        f"SELECT t.name, r.name FROM ({TABLES}) AS t (name),"
        " unnest(ARRAY['INSERT', 'UPDATE', 'REFERENCES']) AS r (name)"
        " WHERE has_any_column_privilege('perch_app', t.name, r.name)"
        " UNION ALL"
        f" SELECT t.name, r.name FROM ({TABLES}) AS t (name), unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER']) AS r (name)"
        " WHERE has_table_privilege('perch_app', t.name, r.name)")
    assert wrong == []


def test_the_notifier_writes_nothing_but_what_is_its_own(database):
    wrong = database.rows(
        f"SELECT t.name, r.name FROM ({TABLES}) AS t (name),"
        " unnest(ARRAY['INSERT', 'UPDATE', 'REFERENCES']) AS r (name)"
        " WHERE has_any_column_privilege('perch_notifier', t.name, r.name)"
        " AND t.name IN ('perch.users', 'perch.sessions', 'perch.mailboxes', 'perch.events', 'perch.messages',"
        "                'perch.dialogs', 'perch.epoch')")
    assert wrong == []


@pytest.mark.parametrize("role", ["perch_app", "perch_notifier"])
def test_internal_functions_are_nobodys_to_call(database, role):
    rows = database.rows(f"SELECT f.name, has_function_privilege('{role}', f.signature, 'EXECUTE')"
                         f" FROM ({FUNCTIONS}) AS f WHERE f.name = ANY(%s)", [list(INTERNAL)])
    assert {name for name, _ in rows} == set(INTERNAL), "the list of this test names a function that is no more"
    assert [name for name, may in rows if may] == []


def test_the_app_role_is_told_so_when_it_calls_one(database):
    [alice, bob] = database.people(2)
    for call in (f"perch.mailboxes_lock({alice}, {bob})", "perch.epoch_draw()",
                 f"perch.event_append({alice}, 'me.changed', now(), NULL, NULL, '')",
                 f"perch.dialogs_advance({alice}, 1, {bob}, 1, 1)"):
        denied(database, "perch_app", f"SELECT {call}")


def test_what_the_app_role_may_call_either_only_reads_or_is_guarded(database):
    """A function without SECURITY DEFINER acts with the caller's few rights; it must not pretend to write."""
    rows = database.rows(f"SELECT f.name, f.definer, f.volatility FROM ({FUNCTIONS}) AS f"
                         " WHERE has_function_privilege('perch_app', f.signature, 'EXECUTE')")
    assert {name for name, _, _ in rows} >= {"send_message", "edit_message", "delete_message", "mark_read",
                                             "mute_dialog", "create_account", "check_session", "epoch_check"}
    assert [row for row in rows if not row[1] and row[2] == "v"] == []


def test_functions_that_run_as_the_owner_have_a_fixed_search_path(database):
    """Else whoever calls them chooses what their names mean. pg_temp stands last: unnamed it would be first."""
    rows = database.rows(f"SELECT f.signature, f.settings FROM ({FUNCTIONS}) AS f WHERE f.definer")
    assert rows
    for signature, settings in rows:
        path = [row.removeprefix("search_path=") for row in settings if row.startswith("search_path=")]
        assert path and path[0].split(", ")[-1] in ("pg_temp", "pg_catalog"), f"{signature}: {settings}"


def test_temporary_tables_do_not_stand_in_for_the_real_ones(database):
    [alice, bob] = database.people(2)
    with database.connect("perch_app") as app:
        for name in ("mailboxes", "messages", "events", "dialogs", "users", "epoch"):
            app.execute(f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM perch.epoch WHERE false")
        app.execute("SET search_path = pg_temp, perch")
        rows = app.execute("SELECT status, user_id FROM perch.send_message(%s, %s, %s, 'hello')",
                           [alice, bob, uuid.uuid4()]).fetchall()
    assert rows == [("ok", alice), ("ok", bob)]


@pytest.mark.parametrize("call", [
    "perch.send_message(1, 2, gen_random_uuid(), 'x')",
    "perch.edit_message(1, 1, 'x')",
    "perch.delete_message(1, 1)",
    "perch.mark_read(1, 2, 1)",
    "perch.mute_dialog(1, 2, NULL)",
    "perch.create_account('n', 'n', NULL, 'n', 'x', NULL, NULL, 1, 1, '', '')",
    "perch.create_session(1, 'x', 1, 1, '', '')",
    "perch.credentials_by_name('x')",
    "perch.credentials_by_id(1)",
    "perch.change_password(1, 1, 'x', 'y')",
    "perch.delete_account(1, 'x')",
    "perch.end_sessions(1, 1, 0)",
    "perch.update_me(1, '{}')",
    "perch.clean(30)",
    "perch.telegram_code_set(1, sha256('x'))",
    "perch.telegram_state(1)",
    "perch.telegram_confirm(1)",
    "perch.telegram_confirm(1, 2)",
    "perch.telegram_refuse(1)",
    "perch.telegram_unlink(1)",
])
def test_the_notifier_neither_sends_nor_touches_accounts(database, call):
    denied(database, "perch_notifier", f"SELECT {call}")


@pytest.mark.parametrize("call", [
    "perch.telegram_start(1, 'x', NULL, 'en', sha256('x'), now())",
    "perch.telegram_block(1, now())",
    "perch.telegram_unlink_chat(1)",
    "perch.telegram_bot_set(1, 'x')",
    "perch.notify_look(1, '{}', 1)",
    "perch.notify_pending(1, 1)",
    "perch.notify_wait(1, 1, '{}', 1, 1)",
    "perch.notify_claim(1, 1, 1, '{}', '{}', false, '{}', '{}')",
    "perch.notify_told(1, 1, '{}', 1, 1, 1)",
    "perch.notify_failed(1, 1, '{}', 'again', 1, 1, '', '[]', 1)",
    "perch.notify_block(1, 1)",
    "perch.dead_list(1, 1)",
    "perch.dead_redrive(1, 1)",
    "perch.update_answer(NULL, '', '{}')",
    "perch.update_start(NULL, '', '', '', false)",
    "perch.update_unblock(NULL, '', '')",
    "perch.update_block(NULL)",
    "perch.update_unlink(NULL)",
    "perch.update_mute(NULL, 1)",
    "perch.update_status(NULL)",
    "perch.update_reply(NULL, 1, gen_random_uuid(), '')",
    "perch.update_text(NULL, gen_random_uuid(), '')",
    "perch.update_offer(NULL, '')",
    "perch.update_inbox(1)",
    "perch.say_next(1, '{}', 1)",
    "perch.say_claim(1, 1)",
    "perch.say_drop(1)",
    "perch.say_retry(1, 1, true, 1)",
    "perch.notifier_counts()",
])
def test_only_the_notifier_speaks_for_a_chat(database, call):
    denied(database, "perch_app", f"SELECT {call}")


@pytest.mark.parametrize("statement", [
    "SELECT FROM perch.telegram_codes",
    "SELECT FROM perch.telegram_pending",
    "INSERT INTO perch.telegram_links (user_id, chat_id, confirmed_at) VALUES (1, 1, now())",
    "UPDATE perch.telegram_links SET blocked_at = NULL",
    "DELETE FROM perch.telegram_links",
    "UPDATE perch.telegram_bot SET username = 'x'",
    "DELETE FROM perch.telegram_bot",
    "SELECT FROM perch.outbox",
    "SELECT FROM perch.telegram_links",
    "SELECT FROM perch.telegram_windows",
    "SELECT FROM perch.telegram_told",
    "SELECT FROM perch.telegram_dead",
    "SELECT FROM perch.telegram_offers",
    "SELECT FROM perch.telegram_updates",
    "UPDATE perch.telegram_says SET kind = 'x'",
])
def test_the_notifier_links_only_through_functions(database, statement):
    denied(database, "perch_notifier", statement)


def test_the_notifier_says_and_confirms_updates_by_itself(database):
    with database.connect("perch_notifier", autocommit=False) as notifier:
        notifier.execute("INSERT INTO perch.telegram_says (chat_id, kind, arguments, created_at, due_at)"
                         " VALUES (1, 'x', '{}', now(), now())")
        notifier.execute("SELECT * FROM perch.telegram_says WHERE due_at <= now() FOR UPDATE SKIP LOCKED")
        notifier.execute("UPDATE perch.telegram_says SET due_at = now(), attempts = 1, unanswered = 1 WHERE chat_id = 1")
        notifier.execute("DELETE FROM perch.telegram_says WHERE chat_id = 1")
        notifier.execute("UPDATE perch.telegram_bot SET update_offset = 7 WHERE update_offset < 7")
        notifier.rollback()


def test_the_notifier_does_not_see_sessions(database):
    denied(database, "perch_notifier", "SELECT FROM perch.sessions")


def test_a_stranger_in_the_cluster_has_no_way_in(database):
    role = f"stranger_{uuid.uuid4().hex[:8]}"
    database.cluster.execute(f"CREATE ROLE {role} LOGIN")
    denied(database, role, "SELECT FROM perch.messages")
    denied(database, role, "SELECT perch.epoch_check()")
    assert database.rows(f"SELECT f.signature FROM ({FUNCTIONS}) AS f"
                         f" WHERE has_function_privilege('{role}', f.signature, 'EXECUTE')") == []
