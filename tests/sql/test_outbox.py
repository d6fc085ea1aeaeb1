"""The outbox: what the notifier is told about it, and each step of a request: counted before it goes out, noted after."""

import json

import pytest

from perchtest.linking import block, bot_set
from perchtest.locks import Blocked
from perchtest.outbox import (FOREVER, HOUR, MINUTE, SECOND, Recipient, app, ask, look, messages, now_ms, send)
from perchtest.statements import for_psycopg, program_statement

UNLINK = "SELECT * FROM perch.telegram_unlink(%s)"


@pytest.fixture(scope="module")
def database(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    return database


@pytest.fixture
def bob(database):
    """Who is told."""
    database.cluster.execute("TRUNCATE perch.outbox", database=database.name)
    return Recipient(database)


@pytest.fixture
def alice(database):
    """Who writes."""
    return database.people(1)[0]


# A send, and the look


def test_a_send_says_whether_there_is_something_for_the_notifier(database, bob, alice):
    send_to = "SELECT status, user_id FROM perch.send_message(%s, %s, NULL, 'x')"
    [carol] = database.people(1)
    assert database.rows(send_to, [alice, bob.user], "perch_app") == [("ok", alice), ("notify", bob.user)]
    assert database.rows(send_to, [alice, carol], "perch_app") == [("ok", alice), ("ok", carol)]
    assert database.rows(send_to, [bob.user, bob.user], "perch_app") == [("ok", bob.user)]
    block(database, bob.chat)
    assert database.rows(send_to, [alice, bob.user], "perch_app") == [("ok", alice), ("ok", bob.user)]


def test_a_look_names_each_recipient_once_whose_turn_is_longest_ago_first(database, bob, alice):
    carol = Recipient(database)
    send(database, alice, carol.user)
    send(database, alice, bob.user)
    send(database, alice, carol.user)
    assert look(database) == ([carol.user, bob.user], FOREVER)
    assert look(database, busy=[carol.user]) == ([bob.user], FOREVER)
    users, next_at = look(database, limit=1)
    assert users == [carol.user] and next_at <= now_ms(), "nobody hears that there are more"
    assert look(database, busy=[bob.user, carol.user]) == ([], FOREVER)


def test_a_look_tells_when_the_next_one_is_worth_it(database, bob, alice):
    carol = Recipient(database)
    send(database, alice, bob.user)
    send(database, alice, carol.user)
    soon, later = now_ms() + MINUTE, now_ms() + HOUR
    bob.wait(later)
    carol.wait(soon)
    assert look(database) == ([], soon)
    assert look(database, busy=[carol.user]) == ([], later)
    assert look(database, now=soon) == ([carol.user], later)


# What is kept


def test_all_that_a_decision_needs_comes_in_one_answer(database, bob, alice):
    message = send(database, alice, bob.user)
    [row] = bob.pending()
    assert (row.user_id, row.chat_id, row.locale, row.linked) == (bob.user, bob.chat, "en", True)
    assert (row.retry_at, row.sent_at, row.muted_until, row.quiet_until, row.quiet_ended_at) == (0, 0, 0, 0, 0)
    assert (row.delay_s, row.preview) == (60, "full")
    assert (row.sender_id, row.sender_muted_until, row.opened_at) == (alice, 0, 0)
    assert (row.row_retry_at, row.unanswered, row.failures, row.plain, row.read, row.deleted) == (0, 0, 0, False, False, False)
    assert abs(row.created_at - now_ms()) < 10 * SECOND
    assert row.seq == database.value("SELECT seq FROM perch.events WHERE user_id = %s AND message_id = %s",
                                     [bob.user, message])


def test_reads_deletions_and_mutes_show(database, bob, alice):
    [carol, dave] = database.people(2)
    read, deleted = send(database, alice, bob.user), send(database, carol, bob.user)
    send(database, dave, bob.user)
    app(database, "mark_read", bob.user, alice, read)
    app(database, "delete_message", carol, deleted)
    app(database, "mute_dialog", bob.user, dave, "infinity")
    rows = {row.sender_id: row for row in bob.pending()}
    assert (rows[alice].read, rows[alice].deleted) == (True, False)
    assert (rows[carol].read, rows[carol].deleted) == (False, True)
    assert rows[dave].sender_muted_until == FOREVER


def test_nobody_without_a_link_has_anything(database, bob, alice):
    [carol] = database.people(1)
    [row] = ask(database, "notify_pending", carol, now_ms())
    assert row[1:5] == (0, 0, None, False) and row[21] is None
    assert ask(database, "notify_pending", -1, now_ms())[0][4] is False
    send(database, alice, bob.user)
    app(database, "telegram_unlink", bob.user)
    assert bob.pending() == [] and not bob.head().linked


@pytest.mark.parametrize("hours, zone, at, until, ended", [
    (("22:00", "07:00"), "UTC", "2026-11-21 23:30+00", "2026-11-22 07:00+00", "2026-11-21 07:00+00"),
    (("22:00", "07:00"), "UTC", "2026-11-21 02:00+00", "2026-11-21 07:00+00", "2026-11-20 07:00+00"),
    (("22:00", "07:00"), "UTC", "2026-11-21 12:00+00", None, "2026-11-21 07:00+00"),
    (("22:00", "07:00"), "UTC", "2026-11-21 22:00+00", "2026-11-22 07:00+00", "2026-11-21 07:00+00"),  # the first instant
    (("22:00", "07:00"), "UTC", "2026-11-21 07:00+00", None, "2026-11-21 07:00+00"),  # and the first one after
    (("13:00", "14:00"), "UTC", "2026-11-21 13:30+00", "2026-11-21 14:00+00", "2026-11-20 14:00+00"),
    (("22:00", "07:00"), "Asia/Tokyo", "2026-11-21 14:00+00", "2026-11-21 22:00+00", "2026-11-20 22:00+00"),
    (("22:00", "07:00"), "America/New_York", "2026-11-21 03:30+00", "2026-11-21 12:00+00", "2026-11-20 12:00+00"),
    # Berlin, the nights of the change: an hour less, an hour more.
    (("22:00", "07:00"), "Europe/Berlin", "2026-03-29 00:30+00", "2026-03-29 05:00+00", "2026-03-28 06:00+00"),
    (("22:00", "07:00"), "Europe/Berlin", "2026-10-25 00:30+00", "2026-10-25 06:00+00", "2026-10-24 05:00+00"),
    # An end that is skipped by the clock on the wall comes when that goes on.
    (("22:00", "02:30"), "Europe/Berlin", "2026-03-29 00:59+00", "2026-03-29 01:30+00", "2026-03-28 01:30+00"),
    (("12:00", "12:00"), "UTC", "2026-11-21 12:00+00", None, None),
    ((None, None), "UTC", "2026-11-21 12:00+00", None, None),
    (("22:00", "07:00"), "Mars/Olympus", "2026-11-21 23:30+00", None, None),  # PostgreSQL forgot it
])
def test_quiet_hours_go_by_the_clock_on_the_persons_wall(database, hours, zone, at, until, ended):
    assert database.rows("SELECT ends_at, ended_at FROM perch.quiet_hours(%s, %s, %s, %s)", [*hours, zone, at]) \
        == database.rows("SELECT %s::timestamptz, %s::timestamptz", [until, ended])


def test_quiet_hours_are_the_recipients(database, bob, alice):
    send(database, alice, bob.user)
    app(database, "update_me", bob.user, '{"quiet_from": "22:00", "quiet_to": "07:00", "time_zone": "Asia/Tokyo"}')
    at = database.value("SELECT perch.at_ms('2026-11-21 14:00+00')")
    [row] = bob.pending(at)
    assert (row.quiet_until, row.quiet_ended_at) == (at + 8 * HOUR, at - 16 * HOUR)


# Waiting


def test_a_wait_moves_what_was_looked_at_and_nothing_newer(database, bob, alice):
    send(database, alice, bob.user)
    seen = bob.pending()
    send(database, alice, bob.user)
    at = now_ms() + HOUR
    ask(database, "notify_wait", bob.user, seen[0].revision, [], seen[0].id, at)
    assert look(database) == ([bob.user], at)


def test_a_wait_removes_what_is_not_worth_telling(database, bob, alice):
    for _ in range(3):
        send(database, alice, bob.user)
    first, second, third = bob.ids()
    bob.wait(0, remove=[first, third])
    assert bob.ids() == [second] and look(database)[0] == [bob.user]


CHANGES = {
    "quiet hours": ("update_me", '{"quiet_from": "22:00", "quiet_to": "07:00"}'),
    "the time zone": ("update_me", '{"time_zone": "Asia/Tokyo"}'),
    "the preview": ("update_me", '{"preview": "off"}'),
    "the delay": ("update_me", '{"delay_s": 3}'),
    "a mute": ("mute_dialog", None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_holds_that_was_decided_before_somebody_wanted_something_else(database, bob, alice, change):
    function, fields = CHANGES[change]
    send(database, alice, bob.user)
    bob.wait(now_ms() + HOUR)
    before = bob.head().revision
    app(database, function, bob.user, *([fields] if fields else [alice, "infinity"]))
    assert bob.due() == ["-infinity"] and look(database)[0] == [bob.user]
    bob.wait(now_ms() + HOUR, revision=before)
    bob.wait(0, remove=bob.ids(), revision=before)
    assert bob.due() == ["-infinity"]
    assert bob.claim(revision=before) == []
    assert bob.pending()[0].unanswered == 0
    assert bob.claim() != []


def test_what_has_nothing_to_do_with_notifications_changes_nothing(database, bob, alice):
    send(database, alice, bob.user)
    before, due = bob.head().revision, bob.due()
    app(database, "update_me", bob.user, '{"display_name": "B", "search_key": "b", "delay_s": 60, "locale": "ru"}')
    app(database, "mute_dialog", bob.user, alice, None)
    app(database, "mark_read", alice, bob.user, send(database, bob.user, alice))
    assert (bob.head().revision, bob.due()) == (before, due)


# Claiming


def test_a_claim_tells_what_to_say_as_it_is_now(database, bob, alice):
    first = send(database, alice, bob.user, "one")
    send(database, alice, bob.user, "two")
    third = send(database, alice, bob.user, "three")
    app(database, "edit_message", alice, third, "drei")
    app(database, "delete_message", alice, first)
    app(database, "update_me", alice, '{"display_name": "Alice", "search_key": "alice"}')
    [news] = bob.claim()
    assert (news.sender_id, news.name, news.body, news.new_count) == (alice, "Alice", "drei", 2)
    assert (news.failures, news.plain) == (0, False)
    assert [row.unanswered for row in bob.pending()] == [1, 1], "what was deleted is still there, or one was not counted"


def test_what_was_read_or_deleted_meanwhile_is_not_told(database, bob, alice):
    [carol] = database.people(1)
    read, deleted = send(database, alice, bob.user), send(database, carol, bob.user)
    rows, revision = bob.ids(), bob.head().revision
    app(database, "mark_read", bob.user, alice, read)
    app(database, "delete_message", carol, deleted)
    assert bob.claim(rows=rows, revision=revision) == [] and bob.ids() == []
    assert bob.window(alice) is None


@pytest.mark.parametrize("end", ["unlinked", "blocked", "linked anew"])
def test_without_the_link_nothing_is_claimed(database, bob, alice, end):
    send(database, alice, bob.user)
    rows, revision = bob.ids(), bob.head().revision
    if end == "blocked":
        block(database, bob.chat)
    else:
        app(database, "telegram_unlink", bob.user)
    if end == "linked anew":
        bob.link()
        send(database, alice, bob.user)
        rows = bob.ids()
    assert bob.claim(rows=rows, revision=revision) == []


def test_what_is_claimed_is_nobody_elses_for_a_minute_and_is_claimed_twice_at_most(database, bob, alice):
    send(database, alice, bob.user)
    rows, at = bob.ids(), now_ms()
    assert len(bob.claim(at, rows=rows)) == 1
    assert bob.claim(at + MINUTE - 1, rows=rows) == []
    assert look(database, now=at + MINUTE - 1)[0] == []
    assert look(database, now=at + MINUTE)[0] == [bob.user]
    assert len(bob.claim(at + MINUTE, rows=rows)) == 1
    assert bob.claim(at + HOUR, rows=rows) == []
    assert bob.pending()[0].unanswered == 2


def test_a_window_is_opened_for_each_sender(database, bob, alice):
    [carol] = database.people(1)
    mine, at = send(database, alice, bob.user), now_ms()
    send(database, alice, bob.user)
    hers = send(database, carol, bob.user)
    claim = bob.claim(at, steps=[2, 0])
    assert [news.sender_id for news in claim] == [alice, carol]
    assert [news.new_count for news in claim] == [2, 1]
    for sender, step, first in ((alice, 2, mine), (carol, 0, hers)):
        window = bob.window(sender)
        assert (window.step, window.first_id, window.message_id) == (step, first, 0)
        assert (window.opened_at, window.edited_at) == (at, at)
    assert bob.head().sent_at == at


def test_an_edit_tells_of_all_since_the_window_was_opened(database, bob, alice):
    first, at = send(database, alice, bob.user, "one"), now_ms()
    message = bob.tell(now=at)
    second = send(database, alice, bob.user, "two")
    send(database, alice, bob.user, "three")
    app(database, "delete_message", alice, second)
    [news] = bob.claim(at + 5 * SECOND, edit=True)
    assert (news.body, news.new_count) == ("three", 2)
    window = bob.window(alice)
    assert (window.opened_at, window.edited_at) == (at, at + 5 * SECOND)
    assert (window.message_id, window.first_id) == (message, first)


def test_what_is_read_no_longer_counts(database, bob, alice):
    first = send(database, alice, bob.user)
    bob.tell()
    app(database, "mark_read", bob.user, alice, first)
    send(database, alice, bob.user)
    [row] = bob.pending()
    assert row.window_read
    [news] = bob.claim(edit=True)
    assert news.new_count == 1
    [row] = bob.pending()
    assert row.window_read


def test_an_unlink_waits_for_a_claim_and_then_takes_its_rows(database, bob, alice):
    """Whichever is first: after the unlink's commit nothing is claimed."""
    send(database, alice, bob.user)
    rows, revision = bob.ids(), bob.head().revision
    with database.connect("perch_notifier", autocommit=False) as notifier:
        statement = for_psycopg(program_statement("notify_claim"))
        values = [bob.user, revision, now_ms(), [], rows, False, [alice], [0]]
        assert notifier.execute(statement, {f"p{i}": value for i, value in enumerate(values, 1)}).fetchall()
        unlink = Blocked(database, UNLINK, [bob.user])
        notifier.commit()
    assert unlink.result()[0][0] == "ok"
    assert bob.pending() == [] and bob.window(alice) is None


def test_a_claim_waits_for_an_unlink_and_then_finds_nothing(database, bob, alice):
    send(database, alice, bob.user)
    rows, revision = bob.ids(), bob.head().revision
    with database.connect("perch_app", autocommit=False) as page:
        page.execute(UNLINK, [bob.user])
        statement = for_psycopg(program_statement("notify_claim"))
        values = [bob.user, revision, now_ms(), [], rows, False, [alice], [0]]
        claim = Blocked(database, statement, {f"p{i}": value for i, value in enumerate(values, 1)}, "perch_notifier")
        page.commit()
    assert claim.result() == []


# The answer


def test_what_was_told_is_gone_and_known_by_telegrams_message(database, bob, alice):
    first, last, at = send(database, alice, bob.user), send(database, alice, bob.user), now_ms()
    message = bob.tell(now=at)
    assert bob.ids() == []
    assert bob.window(alice).message_id == message
    told = "SELECT user_id, peer_id, first_id, last_id, perch.at_ms(told_at) FROM perch.telegram_told" \
           " WHERE chat_id = %s AND message_id = %s"
    assert database.rows(told, [bob.chat, message]) == [(bob.user, alice, first, last, at)]
    newest = send(database, alice, bob.user)
    bob.told(bob.claim(at, edit=True), message, at + SECOND)
    assert database.rows(told, [bob.chat, message]) == [(bob.user, alice, first, newest, at + SECOND)]


def test_a_digest_is_nobodys_and_is_not_edited(database, bob, alice):
    [carol] = database.people(1)
    send(database, alice, bob.user)
    send(database, carol, bob.user)
    message = bob.tell()
    assert (bob.window(alice).message_id, bob.window(carol).message_id) == (0, 0)
    assert database.rows("SELECT peer_id, first_id, last_id FROM perch.telegram_told WHERE chat_id = %s AND message_id = %s",
                         [bob.chat, message]) == [(None, None, None)]


def test_an_answer_that_comes_after_the_unlink_leaves_nothing(database, bob, alice):
    send(database, alice, bob.user)
    claim = bob.claim()
    app(database, "telegram_unlink", bob.user)
    message = bob.told(claim)
    bob.failed(claim, "wait", now_ms() + HOUR)
    assert bob.window(alice) is None
    assert database.rows("SELECT FROM perch.telegram_told WHERE chat_id = %s AND message_id = %s", [bob.chat, message]) == []


def put_back(bob, sender, **over):
    """The window as the program remembers it from before the claim."""
    window = bob.window(sender)
    before = dict(sender_id=sender, opened_at=0, step=0, edited_at=0, message_id=0, read_upto=0, first_id=0)
    if window:
        before.update(vars(window))
    return json.dumps([before | over])


def test_refused_for_now_is_tried_again_and_counts_no_lost_answer(database, bob, alice):
    send(database, alice, bob.user)
    before, at = put_back(bob, alice), now_ms() + 5 * SECOND
    claim = bob.claim()
    bob.failed(claim, "again", at, windows=before)
    [row] = bob.pending()
    assert (row.unanswered, row.failures, row.row_retry_at, row.plain) == (0, 1, at, False)
    assert bob.window(alice) is None, "a window whose message never came"
    assert look(database) == ([], at)
    assert bob.claim(at - 1) == [] and bob.claim(at)[0].failures == 1


def test_a_message_to_edit_that_is_gone_is_not_edited_again(database, bob, alice):
    send(database, alice, bob.user)
    opened = now_ms()
    bob.tell(now=opened)
    send(database, alice, bob.user)
    before = put_back(bob, alice, message_id=0)
    bob.failed(bob.claim(opened + 4 * SECOND, edit=True), "again", now_ms(), windows=before)
    window = bob.window(alice)
    assert (window.message_id, window.opened_at, window.edited_at) == (0, opened, opened)


def test_a_text_that_telegram_finds_at_fault_is_shortened_once(database, bob, alice):
    send(database, alice, bob.user)
    bob.failed(bob.claim(), "shorten")
    assert look(database, now=now_ms() + SECOND)[0] == [bob.user]
    [news] = bob.claim()
    assert news.plain


def test_too_many_requests_hold_the_chat_and_spend_nothing(database, bob, alice):
    send(database, alice, bob.user)
    at = now_ms() + HOUR
    bob.failed(bob.claim(), "wait", at)
    [row] = bob.pending()
    assert (row.unanswered, row.failures, row.row_retry_at, row.retry_at) == (0, 0, 0, at)
    assert look(database) == ([], at)
    assert Recipient(database).head().retry_at == 0


def test_too_many_requests_in_all_hold_everybody(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    bob, carol, at = Recipient(database), Recipient(database), now_ms() + MINUTE
    [alice] = database.people(1)
    send(database, alice, bob.user)
    bob.failed(bob.claim(), "wait", at - SECOND, bot_retry_at=at)
    assert carol.head().retry_at == at and bob.head().retry_at == at


def test_what_never_went_out_is_as_before(database, bob, alice):
    send(database, alice, bob.user)
    bob.tell()
    send(database, alice, bob.user)
    before, window = put_back(bob, alice), bob.window(alice)
    bob.failed(bob.claim(), "back", windows=before)
    [row] = bob.pending()
    assert (row.unanswered, row.failures, row.row_retry_at) == (0, 0, 0)
    assert bob.window(alice) == window


def test_a_refusal_for_ever_is_a_dead_letter_and_holds_up_no_other(database, bob, alice):
    [carol] = database.people(1)
    message = send(database, alice, bob.user)
    send(database, carol, bob.user)
    poisoned = [row.id for row in bob.pending() if row.sender_id == alice]
    bob.failed(bob.claim(rows=poisoned), "dead", reason="Bad Request: whatever")
    dead = ask(database, "dead_list", FOREVER, 1)[0]
    assert (dead[1], dead[2], dead[4], dead[8]) == (message, alice, bob.user, "Bad Request: whatever")
    assert bob.claim()[0].sender_id == carol


def test_a_dead_letter_can_be_brought_back_to_life(database, bob, alice):
    message = send(database, alice, bob.user)
    bob.failed(bob.claim(), "dead", reason="x")
    [dead] = [row[0] for row in ask(database, "dead_list", FOREVER, 100) if row[1] == message]
    at = now_ms() + HOUR
    assert ask(database, "dead_redrive", dead, at) == [(1, 0)]
    assert ask(database, "dead_redrive", dead, at) == [(0, 0)]
    [row] = bob.pending()
    assert (row.created_at, row.unanswered) == (at, 0)
    assert bob.claim()[0].new_count == 1


@pytest.mark.parametrize("end", ["read", "deleted", "unlinked", "account deleted"])
def test_a_dead_letter_that_has_no_reader_is_only_removed(database, bob, alice, end):
    message = send(database, alice, bob.user)
    bob.failed(bob.claim(), "dead")
    [dead] = [row[0] for row in ask(database, "dead_list", FOREVER, 100) if row[1] == message]
    {"read": lambda: app(database, "mark_read", bob.user, alice, message),
     "deleted": lambda: app(database, "delete_message", alice, message),
     "unlinked": lambda: app(database, "telegram_unlink", bob.user),
     "account deleted": lambda: app(database, "delete_account", bob.user, "hash")}[end]()
    assert ask(database, "dead_redrive", dead, now_ms()) == [(0, 1)]
    assert bob.ids() == []


def test_all_dead_letters_at_once(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    recipients, [alice] = [Recipient(database) for _ in range(3)], database.people(1)
    for recipient in recipients:
        send(database, alice, recipient.user)
        recipient.failed(recipient.claim(), "dead")
    assert [row[4] for row in ask(database, "dead_list", FOREVER, 2)] == [recipients[2].user, recipients[1].user]
    app(database, "telegram_unlink", recipients[0].user)
    assert ask(database, "dead_redrive", 0, now_ms()) == [(2, 1)]
    assert ask(database, "dead_list", FOREVER, 2) == []
    assert [len(recipient.ids()) for recipient in recipients] == [0, 1, 1]


def test_a_chat_that_takes_nothing_is_blocked_and_its_rows_are_gone(database, bob, alice):
    send(database, alice, bob.user)
    bob.claim()
    rows = ask(database, "notify_block", bob.chat, now_ms())
    assert [(row[0], row[3]) for row in rows] == [("ok", bob.user)]
    assert bob.ids() == [] and not bob.head().linked


# Deleted after it was told


def test_a_message_deleted_after_it_was_told_is_deleted_there_too(database, bob, alice):
    only = send(database, alice, bob.user)
    message = bob.tell()
    app(database, "delete_message", alice, only)
    assert bob.said() == [("delete", {"message_id": message})]


def test_of_several_only_the_text_that_shows_goes(database, bob, alice):
    app(database, "update_me", alice, '{"display_name": "Alice", "search_key": "alice"}')
    shown = [send(database, alice, bob.user) for _ in range(3)]
    message = bob.tell()
    app(database, "delete_message", alice, shown[0])
    assert bob.said() == []
    app(database, "delete_message", alice, shown[2])
    assert bob.said() == [("recall", {"message_id": message, "account": "Alice", "count": 1, "preview": "full"})]


def test_a_message_deleted_while_it_was_under_way_is_deleted_there_too(database, bob, alice):
    only = send(database, alice, bob.user)
    claim = bob.claim()
    app(database, "delete_message", alice, only)
    message = bob.told(claim)
    assert bob.said() == [("delete", {"message_id": message})]


def test_a_deletion_under_way_is_waited_for_before_the_answer_is_noted(database, bob, alice):
    only = send(database, alice, bob.user)
    claim, message = bob.claim(), next(messages)
    with database.connect("perch_app", autocommit=False) as page:
        page.execute("SELECT * FROM perch.delete_message(%s, %s)", [alice, only])
        values = [bob.user, bob.chat, claim[0].rows, alice, message, now_ms()]
        told = Blocked(database, for_psycopg(program_statement("notify_told")),
                       {f"p{i}": value for i, value in enumerate(values, 1)}, "perch_notifier")
        page.commit()
    told.result()
    assert bob.said() == [("delete", {"message_id": message})]


def test_after_an_unlink_nothing_is_deleted_there(database, bob, alice):
    only = send(database, alice, bob.user)
    bob.tell()
    app(database, "telegram_unlink", bob.user)
    bob.said()
    app(database, "delete_message", alice, only)
    assert bob.said() == []


def test_another_bot_knows_nothing_of_the_messages_before(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    bob, [alice] = Recipient(database), database.people(1)
    send(database, alice, bob.user)
    bob.tell()
    assert bot_set(database, 78, "other_bot") == 0
    assert bob.window(alice).message_id == 0
    assert database.value("SELECT count(*) FROM perch.telegram_told") == 0


@pytest.mark.parametrize("ms", [1, 1_700_000_000_123, 1_763_736_400_999, 4_102_444_800_001, FOREVER])
def test_a_time_comes_out_as_it_went_in(database, ms):
    assert database.value("SELECT perch.at_ms(perch.ms_at(%s))", [ms]) == ms


def test_no_time_is_zero(database):
    assert database.rows("SELECT perch.ms_at(0), perch.at_ms(NULL), perch.at_ms('-infinity')") == [(None, 0, 0)]
