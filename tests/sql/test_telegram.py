"""Whose a Telegram chat is: nothing without a confirmation, one chat for one account, and nothing queued after the end."""

import datetime
import hashlib
import uuid

import pytest

from perchtest.linking import (age_pending, block, bot_set, call, chats, claim, code, confirm, link, name_of, now, owners,
                               pendings, queue, queued, says, start, state)

DAY = datetime.timedelta(days=1)
MINUTE = datetime.timedelta(minutes=1)
SECOND = datetime.timedelta(seconds=1)


@pytest.fixture(scope="module")
def database(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    return database


@pytest.fixture
def alice(database):
    return database.people(1)[0]


@pytest.fixture
def bob(database):
    return database.people(1)[0]


# Codes


def test_a_code_lives_ten_minutes(database, alice):
    secret = hashlib.sha256(b"once").digest()
    before = now()
    [(_, _, expires)] = database.rows("SELECT * FROM perch.telegram_code_set(%s, %s)", [alice, secret], "perch_app")
    assert abs(expires - before - 10 * MINUTE) < 5 * SECOND
    assert start(database, next(chats), secret, later=10 * MINUTE + 5 * SECOND) == ("code_unknown", set())
    assert start(database, next(chats), secret, later=10 * MINUTE - 5 * SECOND)[0] == "asked"


def test_a_code_works_once(database, alice):
    secret = code(database, alice)
    first, second = next(chats), next(chats)
    assert start(database, first, secret)[0] == "asked"
    assert start(database, second, secret) == ("code_unknown", set())
    assert start(database, first, secret) == ("code_unknown", set())
    assert pendings(database, second) == set()


def test_a_new_code_replaces_the_earlier_one_of_this_account_only(database, alice, bob):
    old, other, new = code(database, alice), code(database, bob), code(database, alice)
    assert start(database, next(chats), old)[0] == "code_unknown"
    assert start(database, next(chats), new)[0] == "asked"
    assert start(database, next(chats), other)[0] == "asked"


def test_a_code_that_nobody_made_links_nothing(database):
    chat = next(chats)
    assert start(database, chat, hashlib.sha256(b"guessed").digest()) == ("code_unknown", set())
    assert start(database, chat, b"") == ("code_unknown", set())
    assert pendings(database, chat) == set() and owners(database, chat) == []


def test_without_a_bot_there_is_no_code(database, alice):
    bot_set(database, None, None)
    try:
        assert database.rows("SELECT * FROM perch.telegram_code_set(%s, sha256('x'))", [alice], "perch_app") \
            == [("telegram_off", None, None)]
        assert database.rows("SELECT FROM perch.telegram_codes WHERE user_id = %s", [alice]) == []
    finally:
        bot_set(database, 77, "perch_bot")


def test_another_bot_counts_its_updates_anew(cluster):
    database = cluster.database()
    assert bot_set(database, None, None) == 0
    assert database.rows("SELECT status FROM perch.telegram_code_set(%s, sha256('x'))", database.people(1)) \
        == [("telegram_off",)]
    assert bot_set(database, 1, "one") == 0
    database.rows("UPDATE perch.telegram_bot SET update_offset = 5 RETURNING 1", user="perch_notifier")
    assert bot_set(database, 1, "renamed") == 5
    assert bot_set(database, None, None) == 5
    assert bot_set(database, 1, "renamed") == 5
    assert bot_set(database, 2, "two") == 0


# The question on the page


def test_nothing_is_live_before_the_page_confirms(database, alice):
    chat = next(chats)
    assert start(database, chat, code(database, alice), username="Ann") == ("asked", {(alice, "me.changed")})
    assert state(database, alice) == (False, False, None, None, "Ann Other", "Ann")
    assert queue(database, alice) == 0
    assert owners(database, chat) == [] and says(database, chat) == []
    assert confirm(database, alice) == ("ok", {(alice, "telegram.linked")})
    assert state(database, alice) == (True, False, "Ann Other", "Ann", None, None)
    assert queue(database, alice) == 1
    assert owners(database, chat) == [alice]
    assert says(database, chat) == [("linked", {"account": name_of(database, alice)})]


def test_a_confirmation_confirms_once(database, alice):
    link(database, alice)
    assert confirm(database, alice) == ("not_found", set())
    assert state(database, alice)[0]


def test_refused_is_forgotten_and_the_chat_hears_of_it(database, alice):
    chat = next(chats)
    start(database, chat, code(database, alice))
    assert call(database, "telegram_refuse", alice) == ("ok", {(alice, "me.changed")})
    assert state(database, alice) == (False, False, None, None, None, None)
    assert says(database, chat) == [("refused", {})]
    assert confirm(database, alice) == ("not_found", set())
    assert call(database, "telegram_refuse", alice) == ("ok", set())


def test_a_refusal_leaves_the_link_alone(database, alice):
    chat, stranger = link(database, alice), next(chats)
    start(database, stranger, code(database, alice))
    call(database, "telegram_refuse", alice)
    assert owners(database, chat) == [alice] and state(database, alice)[:2] == (True, False)


def test_a_question_is_good_for_a_day(database, alice):
    chat = next(chats)
    start(database, chat, code(database, alice))
    age_pending(database, alice, DAY - MINUTE)
    assert state(database, alice)[4] == "Ann Other"
    age_pending(database, alice, DAY + MINUTE)
    assert state(database, alice)[4] is None
    assert confirm(database, alice) == ("not_found", set())
    assert call(database, "telegram_refuse", alice) == ("ok", set())
    assert owners(database, chat) == [] and says(database, chat) == []


def test_the_later_chat_is_the_one_that_asks(database, alice):
    first, second = next(chats), next(chats)
    start(database, first, code(database, alice), name="First")
    assert start(database, second, code(database, alice), name="Second") == ("asked", {(alice, "me.changed")})
    assert state(database, alice)[4] == "Second"
    confirm(database, alice)
    assert owners(database, first) == [] and owners(database, second) == [alice]


def test_asking_again_in_the_same_words_is_no_event(database, alice):
    chat = next(chats)
    start(database, chat, code(database, alice))
    assert start(database, chat, code(database, alice)) == ("asked", set())
    assert start(database, chat, code(database, alice), name="New Name") == ("asked", {(alice, "me.changed")})


@pytest.mark.parametrize("locale, kept", [("ru", "ru"), ("ru-RU", "ru"), ("RU", "ru"), ("en", "en"), ("de", "en"),
                                          ("rub", "en"), ("", "en"), (None, "en")])
def test_whatever_telegram_says_about_the_language_is_one_of_ours(database, alice, locale, kept):
    link(database, alice, locale=locale)
    assert database.value("SELECT locale FROM perch.telegram_links WHERE user_id = %s", [alice]) == kept


def test_a_name_of_any_kind_is_taken(database, alice):
    """An update that could not be stored would come again for ever."""
    chat = next(chats)
    assert start(database, chat, code(database, alice), name=None, username="")[0] == "asked"
    assert state(database, alice)[4:] == ("", None)
    assert start(database, chat, code(database, alice), name="\u0439" * 5000, username="x" * 5000)[0] == "asked"
    assert state(database, alice)[4:] == ("\u0439" * 200, "x" * 64)


# Telegram names that accounts claim


def test_a_claimed_name_asks_the_page_and_links_nothing(database, alice):
    tag = uuid.uuid4().hex[:8]
    claim(database, alice, f"@Ann_{tag}")
    chat = next(chats)
    assert start(database, chat, username=f"aNN_{tag.upper()}") == ("asked", {(alice, "me.changed")})
    assert queue(database, alice) == 0 and owners(database, chat) == []
    assert confirm(database, alice) == ("ok", {(alice, "telegram.linked")})
    assert owners(database, chat) == [alice]


def test_a_claimed_number_asks_the_page(database, alice):
    chat = next(chats)
    claim(database, alice, str(chat))
    assert start(database, next(chats)) == ("unknown", set())
    assert start(database, chat) == ("asked", {(alice, "me.changed")})


def test_name_and_number_may_be_claimed_by_two_accounts_and_both_are_asked(database, alice, bob):
    chat, name = next(chats), "n" + uuid.uuid4().hex[:8]
    claim(database, alice, f"@{name}")
    claim(database, bob, str(chat))
    assert start(database, chat, username=name) == ("asked", {(alice, "me.changed"), (bob, "me.changed")})
    assert confirm(database, bob)[0] == "ok"
    assert state(database, alice)[4] is None, "a claim offers a chat that has an account"
    assert confirm(database, alice) == ("not_found", set())
    assert owners(database, chat) == [bob]


def test_a_name_that_nobody_claims_is_unknown(database, alice):
    name = "n" + uuid.uuid4().hex[:8]
    assert start(database, next(chats), username=name) == ("unknown", set())
    claim(database, alice, f"@{name}")
    claim(database, alice, f"@{name}2")
    assert start(database, next(chats), username=name) == ("unknown", set())
    database.rows("SELECT * FROM perch.delete_account(%s, 'hash')", [alice], user="perch_app")
    assert start(database, next(chats), username=f"{name}2") == ("unknown", set())


def test_a_code_counts_and_not_the_claim(database, alice, bob):
    name = "n" + uuid.uuid4().hex[:8]
    claim(database, alice, f"@{name}")
    assert start(database, next(chats), code(database, bob), username=name) == ("asked", {(bob, "me.changed")})
    assert start(database, next(chats), hashlib.sha256(b"wrong").digest(), username=name) == ("code_unknown", set())


def test_a_claim_does_not_push_aside_who_came_with_a_code(database, alice):
    """Else a stranger with the claimed name could be confirmed for the person the page has just shown."""
    name, mine, stranger = "n" + uuid.uuid4().hex[:8], next(chats), next(chats)
    claim(database, alice, f"@{name}")
    start(database, mine, code(database, alice), name="Me", username=name)
    assert start(database, stranger, name="Stranger", username=name) == ("unknown", set())
    assert start(database, mine, name="Me", username=name) == ("asked", set())
    assert state(database, alice)[4] == "Me"
    age_pending(database, alice, DAY + MINUTE)
    assert start(database, stranger, name="Stranger", username=name)[0] == "asked"
    assert start(database, mine, code(database, alice), name="Me")[0] == "asked"
    confirm(database, alice)
    assert owners(database, mine) == [alice] and owners(database, stranger) == []


def test_a_claim_takes_no_chat_from_an_account(database, alice, bob):
    """Alice claims Bob's name; Bob pressed Start before he linked his chat with a code of his own."""
    name, chat = "n" + uuid.uuid4().hex[:8], next(chats)
    claim(database, alice, f"@{name}")
    start(database, chat, username=name)
    assert state(database, alice)[4] == "Ann Other"
    start(database, chat, code(database, bob), username=name)
    confirm(database, bob)
    assert state(database, alice)[4] is None
    assert confirm(database, alice) == ("not_found", set())
    assert start(database, chat, username=name) == ("linked", set())
    assert owners(database, chat) == [bob] and state(database, alice)[4] is None


# One chat, one account


def test_a_chat_that_moves_leaves_its_old_account(database, alice, bob):
    chat = link(database, alice)
    assert queue(database, alice) == 1
    assert start(database, chat, code(database, bob)) == ("asked", {(bob, "me.changed")})
    assert owners(database, chat) == [alice], "it moved before it was confirmed"
    assert confirm(database, bob) == ("ok", {(alice, "telegram.unlinked"), (bob, "telegram.linked")})
    assert owners(database, chat) == [bob]
    assert queued(database, alice) == 0 and queue(database, alice) == 0 and queue(database, bob) == 1
    assert state(database, alice) == (False, False, None, None, None, None)
    assert says(database, chat) == [("linked", {"account": name_of(database, bob), "instead_of": name_of(database, alice)})]


def test_an_account_that_moves_leaves_its_old_chat_which_hears_of_it(database, alice):
    old = link(database, alice)
    assert queue(database, alice) == 1
    new = next(chats)
    start(database, new, code(database, alice))
    assert confirm(database, alice) == ("ok", {(alice, "telegram.linked")})
    assert owners(database, old) == [] and owners(database, new) == [alice]
    assert queued(database, alice) == 0, "what waited for the old chat goes to the new one"
    assert says(database, old) == [("unlinked_moved", {"account": name_of(database, alice)})]
    assert [kind for kind, _ in says(database, new)] == ["linked"]


def test_two_accounts_trade_their_chats(database, alice, bob):
    one, other = link(database, alice), link(database, bob)
    start(database, other, code(database, alice))
    assert confirm(database, alice)[1] == {(alice, "telegram.linked"), (bob, "telegram.unlinked")}
    start(database, one, code(database, bob))
    assert confirm(database, bob)[1] == {(bob, "telegram.linked")}
    assert (owners(database, one), owners(database, other)) == ([bob], [alice])


def test_a_chat_that_blocked_the_bot_is_not_told_that_it_was_left(database, alice):
    old = link(database, alice)
    block(database, old)
    start(database, next(chats), code(database, alice))
    confirm(database, alice)
    assert says(database, old) == [] and state(database, alice)[:2] == (True, False)


def test_start_in_a_linked_chat_says_so_and_learns_the_newest_name(database, alice):
    chat = link(database, alice)
    assert start(database, chat, name="Ann Married", username="married", locale="ru") == ("linked", set())
    assert state(database, alice) == (True, False, "Ann Married", "married", None, None)
    assert start(database, chat, code(database, alice)) == ("linked", set())
    assert state(database, alice)[4] is None
    assert database.rows("SELECT FROM perch.telegram_codes WHERE user_id = %s", [alice]) == [], "the code still works"
    assert start(database, chat, hashlib.sha256(b"old").digest()) == ("code_unknown", set())


# The end of a link


def test_unlinked_on_the_page(database, alice):
    chat = link(database, alice)
    queue(database, alice)
    assert call(database, "telegram_unlink", alice) == ("ok", {(alice, "telegram.unlinked")})
    assert queued(database, alice) == 0 and queue(database, alice) == 0
    assert says(database, chat) == [("unlinked_page", {"account": name_of(database, alice)})]
    assert state(database, alice) == (False, False, None, None, None, None)
    assert call(database, "telegram_unlink", alice) == ("ok", set())
    assert start(database, chat) == ("unknown", set())


def test_unlinked_from_the_chat(database, alice):
    chat = link(database, alice)
    queue(database, alice)
    assert call(database, "telegram_unlink_chat", chat, role="perch_notifier") == ("ok", {(alice, "telegram.unlinked")})
    assert queued(database, alice) == 0 and queue(database, alice) == 0
    assert owners(database, chat) == [] and says(database, chat) == []
    assert call(database, "telegram_unlink_chat", chat, role="perch_notifier") == ("not_found", set())


@pytest.mark.parametrize("how", ["unlink", "block"])
def test_a_chat_that_leaves_takes_its_questions_back(database, alice, bob, how):
    chat = link(database, alice)
    start(database, chat, code(database, bob))
    status, events = block(database, chat) if how == "block" else \
        call(database, "telegram_unlink_chat", chat, role="perch_notifier")
    assert (status, events) == ("ok", {(alice, "telegram.unlinked"), (bob, "me.changed")})
    assert state(database, bob)[4] is None
    assert confirm(database, bob) == ("not_found", set())


def test_blocked_is_shown_and_nothing_is_queued(database, alice):
    chat = link(database, alice)
    queue(database, alice)
    database.rows("INSERT INTO perch.telegram_says (chat_id, kind, arguments, created_at, due_at)"
                  " VALUES (%s, 'x', '{}', now(), now()) RETURNING id", [chat], "perch_notifier")
    assert block(database, chat) == ("ok", {(alice, "telegram.unlinked")})
    assert state(database, alice) == (True, True, "Ann Other", None, None, None)
    assert queued(database, alice) == 0 and queue(database, alice) == 0 and says(database, chat) == []
    assert block(database, chat) == ("not_found", set())
    assert block(database, next(chats)) == ("not_found", set())


def test_start_brings_a_blocked_link_back(database, alice):
    chat = link(database, alice)
    block(database, chat)
    assert start(database, chat, name="Back") == ("unblocked", {(alice, "telegram.linked")})
    assert state(database, alice)[:3] == (True, False, "Back")
    assert queue(database, alice) == 1
    assert start(database, chat) == ("linked", set())


def test_an_old_code_brings_a_blocked_link_back_too(database, alice):
    """Telegram sends the code of the link that was pressed once, whenever Start is pressed there again."""
    secret, chat = code(database, alice), next(chats)
    start(database, chat, secret)
    confirm(database, alice)
    block(database, chat)
    assert start(database, chat, secret) == ("unblocked", {(alice, "telegram.linked")})
    block(database, chat)
    assert start(database, chat, code(database, alice)) == ("unblocked", {(alice, "telegram.linked")})
    assert state(database, alice)[4] is None


def test_a_blocked_chat_that_comes_back_for_another_account_keeps_its_own_until_confirmed(database, alice, bob):
    chat = link(database, alice)
    block(database, chat)
    assert start(database, chat, code(database, bob)) == ("asked", {(alice, "telegram.linked"), (bob, "me.changed")})
    assert state(database, alice)[:2] == (True, False) and state(database, bob)[4] == "Ann Other"
    assert confirm(database, bob)[1] == {(alice, "telegram.unlinked"), (bob, "telegram.linked")}


def test_a_blocked_link_can_be_unlinked(database, alice):
    chat = link(database, alice)
    block(database, chat)
    assert call(database, "telegram_unlink", alice) == ("ok", {(alice, "telegram.unlinked")})
    assert says(database, chat) == [] and start(database, chat) == ("unknown", set())


def test_a_deleted_account_leaves_nothing_of_it(database, alice, bob):
    chat, asking = link(database, alice), next(chats)
    queue(database, alice)
    start(database, asking, code(database, alice))
    secret = code(database, alice)
    assert database.rows("SELECT ended FROM perch.delete_account(%s, 'wrong')", [alice], "perch_app") == [(None,)]
    assert owners(database, chat) == [alice] and queued(database, alice) == 1
    database.rows("SELECT * FROM perch.delete_account(%s, 'hash')", [alice], user="perch_app")
    for table in ("links", "codes", "pending"):
        assert database.rows(f"SELECT FROM perch.telegram_{table} WHERE user_id = %s", [alice]) == [], table
    assert queued(database, alice) == 0
    assert says(database, chat) == [("unlinked_deleted", {})], "its name is still told, or nothing is"
    assert start(database, asking, secret) == ("code_unknown", set())
    start(database, chat, code(database, bob))
    assert confirm(database, bob) == ("ok", {(bob, "telegram.linked")})


@pytest.mark.parametrize("function", ["telegram_confirm", "telegram_refuse", "telegram_unlink"])
def test_a_request_that_outlives_its_account_is_unauthorized(database, alice, function):
    start(database, next(chats), code(database, alice))
    database.rows("SELECT * FROM perch.delete_account(%s, 'hash')", [alice], user="perch_app")
    assert call(database, function, alice) == ("unauthorized", set())
    assert database.rows("SELECT * FROM perch.telegram_code_set(%s, sha256('x'))", [alice], "perch_app") \
        == [("unauthorized", None, None)]


def test_what_a_wake_up_carries_is_what_a_poll_reads(database, alice):
    told = []

    def mutate(query, *parameters, role="perch_app"):
        told.extend(database.rows(f"SELECT user_id, seq, event FROM perch.{query}", parameters, role))

    chat = next(chats)
    secret = code(database, alice)
    mutate("telegram_start(%s, 'Ann', NULL, 'en', %s, %s)", chat, secret, now(), role="perch_notifier")
    mutate("telegram_confirm(%s)", alice)
    mutate("telegram_block(%s, %s)", chat, now(), role="perch_notifier")
    mutate("telegram_start(%s, 'Ann', NULL, 'en', NULL, %s)", chat, now(), role="perch_notifier")
    mutate("telegram_unlink(%s)", alice)
    stored = database.rows("SELECT user_id, seq, perch.event_json(e) FROM perch.events e WHERE user_id = %s ORDER BY seq",
                           [alice], "perch_app")
    assert told == stored and [row[1] for row in stored] == [1, 2, 3, 4, 5]


def test_a_link_survives_the_way_back_and_forth(cluster):
    """Reverted and deployed again: the chat stays, and accounts can be deleted in between."""
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    kept, gone = database.people(2)
    chat = link(database, kept)
    link(database, gone)
    database.sqitch("revert", "--to", "mutate_messages@HEAD")
    database.rows("SELECT * FROM perch.delete_account(%s, 'hash')", [gone], user="perch_app")
    database.sqitch("deploy", "--verify")
    assert database.rows("SELECT user_id, chat_id FROM perch.telegram_links") == [(kept, chat)]
    assert state(database, kept) == (True, False, "", None, None, None)
    assert start(database, chat, name="Ann") == ("linked", set())
