"""Updates from Telegram: each takes effect once, with its answer, wherever the notifier is killed; and what the bot says."""

import hashlib
import json
import uuid

import psycopg
import pytest

from perchtest.api import at_once
from perchtest.linking import block, bot_set, call, chats, code, confirm, name_of, owners, pendings, start
from perchtest.locks import Blocked
from perchtest.outbox import (FOREVER, HOUR, MINUTE, SAY, SECOND, Recipient, app, ask, messages, named, now_ms, run, send)

DAY = 24 * HOUR


@pytest.fixture(scope="module")
def database(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    return database


@pytest.fixture
def bob(database):
    return Recipient(database)


@pytest.fixture
def alice(database):
    return database.people(1)[0]


def offset(database):
    return database.value("SELECT update_offset FROM perch.telegram_bot")


def update(database, chat, *, locale="en", callback=None, message=0, now=None, before=None):
    """What all updates have: the next one for this bot."""
    before = offset(database) if before is None else before
    return [before, before + 1, chat, locale, callback, message, now or now_ms()]


def apply(database, name, common, *more):
    """The status of the update and its wake-ups, {(user, event)}."""
    rows = ask(database, f"update_{name}", *common, *more)
    return rows[0][0], {(row[3], json.loads(row[5])["type"]) for row in rows if row[3] is not None}


def said(database, chat):
    """What the bot has to say to the chat: [(kind, arguments)], and it is forgotten."""
    return database.rows("DELETE FROM perch.telegram_says WHERE chat_id = %s RETURNING kind, arguments", [chat])


def texts(database, *people):
    """All that these two have written, oldest first."""
    return database.rows("SELECT sender_id, body FROM perch.messages WHERE sender_id = ANY (%s) AND recipient_id = ANY (%s)"
                         " ORDER BY id", [list(people), list(people)])


# Once


UPDATES = {
    "answer": ("help", "{}"),
    "start": ("Ann", None, None),
    "unblock": ("Ann", None),
    "block": (),
    "unlink": (),
    "mute": (60,),
    "status": (),
    "reply": (1, uuid.uuid4(), "hello"),
    "text": (uuid.uuid4(), "hello"),
    "offer": ("o",),
}


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("linked", [True, False])
def test_an_update_is_applied_once_and_the_offset_goes_with_it(database, name, linked):
    chat = Recipient(database).chat if linked else next(chats)
    common = update(database, chat)
    first = apply(database, name, common, *UPDATES[name])
    answers = said(database, chat)
    assert first[0] != "repeat" and offset(database) == common[1]
    assert len(answers) == (0 if name in ("unblock", "block") else 1)
    rows = ask(database, f"update_{name}", *common, *UPDATES[name])
    assert [(row[0], row[1], row[3]) for row in rows] == [("repeat", str(common[1]), None)]
    assert said(database, chat) == [] and offset(database) == common[1]


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_that_is_not_committed_never_was(database, bob, name):
    """The notifier, or its server, is killed just before."""
    common, state = update(database, bob.chat), bob.head()
    with database.connect("perch_notifier", autocommit=False) as notifier:
        run(notifier, f"update_{name}", *common, *UPDATES[name])
        assert database.value("SELECT pg_terminate_backend(%s, 5000)", [notifier.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            notifier.commit()
    assert (offset(database), said(database, bob.chat), bob.head()) == (common[0], [], state)
    assert apply(database, name, common, *UPDATES[name])[0] != "repeat"


@pytest.mark.parametrize("name", UPDATES)
def test_of_two_notifiers_with_the_same_update_one_applies_it(database, bob, name):
    common = update(database, bob.chat)
    results = at_once(*[lambda: apply(database, name, common, *UPDATES[name])[0] for _ in range(4)])
    assert len([status for status in results if status != "repeat"]) == 1, results


def test_an_update_out_of_turn_does_nothing(database, bob):
    common = update(database, bob.chat, before=offset(database) + 5)
    assert apply(database, "mute", common, 60)[0] == "repeat"
    assert bob.head().muted_until == 0


def test_update_ids_may_start_anywhere(database, bob):
    common = update(database, bob.chat)
    common[1] = 5
    apply(database, "answer", common, None, None)
    assert offset(database) == 5 and said(database, bob.chat) == []


# The inbox of a webhook


def put(database, number, body="{}"):
    return database.value("SELECT perch.telegram_update_put(%s, %s)", [number, body])


def test_what_a_webhook_brought_is_applied_in_order_and_once(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    bob = Recipient(database)
    assert [put(database, number, f'{{"update_id": {number}}}') for number in (8, 7, 8)] == [True, True, False]
    assert ask(database, "update_inbox", 10) == [(7, '{"update_id": 7}'), (8, '{"update_id": 8}')]
    assert ask(database, "update_inbox", 1) == [(7, '{"update_id": 7}')]
    common = [-1, 7, bob.chat, "en", None, 0, now_ms()]
    assert apply(database, "mute", common, 60)[0] == "ok"
    assert apply(database, "mute", common, 0)[0] == "repeat"
    assert bob.head().muted_until > now_ms() and len(said(database, bob.chat)) == 1
    assert ask(database, "update_inbox", 10) == [(8, '{"update_id": 8}')]
    assert put(database, 7) is False, "Telegram brings it again, and it counts again"
    assert ask(database, "update_inbox", 10) == [(8, '{"update_id": 8}')]
    assert offset(database) == 0


# Start, and the end


def test_start_with_a_code_asks_the_page_and_answers(database, alice):
    chat = next(chats)
    secret = code(database, alice)
    assert apply(database, "start", update(database, chat, locale="ru-RU"), "Ann", "ann", secret) \
        == ("asked", {(alice, "me.changed")})
    assert pendings(database, chat) == {alice}
    assert database.rows("SELECT kind, locale FROM perch.telegram_says WHERE chat_id = %s", [chat]) == [("start_asked", "ru")]


def test_each_outcome_of_start_has_an_answer(database, bob):
    def answer(chat, secret):
        apply(database, "start", update(database, chat), "Ann", None, secret)
        [(kind, arguments)] = said(database, chat)
        assert arguments == {}
        return kind
    assert answer(bob.chat, None) == "start_linked"
    assert answer(next(chats), hashlib.sha256(b"?").digest()) == "start_code_unknown"
    assert answer(next(chats), None) == "start_unknown"
    block(database, bob.chat)
    assert answer(bob.chat, None) == "start_unblocked"


def test_a_chat_that_takes_messages_again_is_live_without_a_word(database, bob):
    apply(database, "block", update(database, bob.chat))
    assert not bob.head().linked
    assert apply(database, "unblock", update(database, bob.chat), "Ann", None) == ("unblocked", {(bob.user, "telegram.linked")})
    assert bob.head().linked and said(database, bob.chat) == []


def test_unlinked_from_the_chat(database, bob, alice):
    send(database, alice, bob.user)
    assert apply(database, "unlink", update(database, bob.chat)) == ("ok", {(bob.user, "telegram.unlinked")})
    assert said(database, bob.chat) == [("unlinked_chat", {})] and owners(database, bob.chat) == [] and bob.ids() == []
    apply(database, "unlink", update(database, bob.chat))
    assert said(database, bob.chat) == [("not_linked", {})]


def test_a_blocked_bot_ends_what_waits(database, bob, alice):
    send(database, alice, bob.user)
    assert apply(database, "block", update(database, bob.chat)) == ("ok", {(bob.user, "telegram.unlinked")})
    assert bob.ids() == []


# Mute and status


def test_a_mute_holds_for_as_long_as_was_said(database, bob, alice):
    at = now_ms()
    send(database, alice, bob.user)
    before = bob.head().revision
    apply(database, "mute", update(database, bob.chat, now=at), 60)
    assert bob.head().muted_until == at + HOUR and said(database, bob.chat) == [("muted", {"minutes": 60})]
    assert bob.head().revision != before and bob.due() == ["-infinity"]
    apply(database, "mute", update(database, bob.chat), -1)
    assert bob.head().muted_until == FOREVER and said(database, bob.chat) == [("muted", {})]
    apply(database, "mute", update(database, bob.chat), 0)
    assert bob.head().muted_until == 0 and said(database, bob.chat) == [("unmuted", {})]


@pytest.mark.parametrize("name", ["mute", "status", "reply", "text"])
def test_a_chat_that_is_nobodys_is_told_so(database, bob, name):
    for chat in (next(chats), bob.chat):
        block(database, chat)
        apply(database, name, update(database, chat), *UPDATES[name])
        assert said(database, chat) == [("not_linked", {})]


def test_a_chat_that_only_asks_is_nobodys(database, alice):
    chat = next(chats)
    start(database, chat, code(database, alice))
    apply(database, "mute", update(database, chat), 60)
    assert said(database, chat) == [("not_linked", {})]


def test_the_status_tells_what_keeps_the_bot_quiet(database, bob, alice):
    at = database.value("SELECT perch.at_ms('2026-11-21 23:00+00')")
    apply(database, "status", update(database, bob.chat, now=at))
    assert said(database, bob.chat) == [("status", {"account": name_of(database, bob.user), "waiting": 0})]
    send(database, alice, bob.user)
    app(database, "update_me", bob.user, '{"quiet_from": "22:00", "quiet_to": "07:00", "time_zone": "UTC"}')
    apply(database, "mute", update(database, bob.chat, now=at - 1), 60)
    said(database, bob.chat)
    apply(database, "status", update(database, bob.chat, now=at))
    [(_, status)] = said(database, bob.chat)
    assert (status["muted_minutes"], status["quiet"], status["waiting"]) == (60, True, 1)
    apply(database, "mute", update(database, bob.chat), -1)
    said(database, bob.chat)
    apply(database, "status", update(database, bob.chat, now=at))
    assert said(database, bob.chat)[0][1]["muted_minutes"] == -1


def test_a_tapped_button_is_answered_as_a_button(database, bob):
    apply(database, "mute", update(database, bob.chat, callback="q1"), 60)
    assert database.rows("SELECT callback_id, reply_to FROM perch.telegram_says WHERE chat_id = %s", [bob.chat]) \
        == [("q1", None)]


# Answering from Telegram


def test_a_reply_is_posted_as_the_person_and_confirmed(database, bob, alice):
    app(database, "update_me", alice, '{"display_name": "Alice", "search_key": "alice"}')
    send(database, alice, bob.user, "hello")
    told = bob.tell()
    status, events = apply(database, "reply", update(database, bob.chat, message=55), told, uuid.uuid4(), "hi")
    assert (status, events) == ("ok", {(bob.user, "message.new"), (alice, "message.new")})
    assert texts(database, alice, bob.user) == [(alice, "hello"), (bob.user, "hi")]
    assert database.rows("SELECT kind, arguments, reply_to FROM perch.telegram_says WHERE chat_id = %s", [bob.chat]) \
        == [("reply_sent", {"account": "Alice", "preview": "full"}, 55)]


def test_answers_that_name_somebody_say_how_much_may_be_shown(database, bob, alice):
    app(database, "update_me", bob.user, '{"preview": "off"}')
    send(database, alice, bob.user)
    apply(database, "reply", update(database, bob.chat), bob.tell(), uuid.uuid4(), "hi")
    apply(database, "text", update(database, bob.chat), uuid.uuid4(), "hi")
    assert [(kind, arguments["preview"]) for kind, arguments in said(database, bob.chat)] \
        == [("reply_sent", "off"), ("offer", "off")]


def test_a_reply_that_comes_again_as_another_update_is_posted_once(database, bob, alice):
    """Update ids start anew after a quiet week."""
    send(database, alice, bob.user)
    told, twin = bob.tell(), uuid.uuid4()
    for _ in range(2):
        assert apply(database, "reply", update(database, bob.chat), told, twin, "hi")[0] == "ok"
    assert texts(database, alice, bob.user)[1:] == [(bob.user, "hi")]
    assert [kind for kind, _ in said(database, bob.chat)] == ["reply_sent"]


def test_a_reply_to_what_tells_of_nobody_is_not_posted(database, bob, alice):
    [carol] = database.people(1)
    send(database, alice, bob.user)
    send(database, carol, bob.user)
    digest = bob.tell()
    for message, answer in ((digest, "reply_digest"), (next(messages), "reply_unknown")):
        apply(database, "reply", update(database, bob.chat), message, uuid.uuid4(), "hi")
        assert said(database, bob.chat) == [(answer, {})]
    assert texts(database, alice, bob.user) == [(alice, "hello")]


def test_a_notification_can_be_answered_for_thirty_days(database, bob, alice):
    send(database, alice, bob.user)
    at = now_ms()
    told = bob.tell(now=at)
    for later, answer in ((30 * DAY, "reply_unknown"), (30 * DAY - SECOND, "reply_sent")):
        apply(database, "reply", update(database, bob.chat, now=at + later), told, uuid.uuid4(), "hi")
        assert said(database, bob.chat)[0][0] == answer


def test_nobody_answers_in_somebody_elses_name(database, bob, alice):
    """The message is known by chat and id together; and a chat that changed hands does not answer for its first owner."""
    send(database, alice, bob.user)
    told, carol = bob.tell(), Recipient(database)
    apply(database, "reply", update(database, carol.chat), told, uuid.uuid4(), "hi")
    assert said(database, carol.chat) == [("reply_unknown", {})]
    [dave] = database.people(1)
    assert start(database, bob.chat, code(database, dave))[0] == "asked" and confirm(database, dave)[0] == "ok"
    said(database, bob.chat)
    apply(database, "reply", update(database, bob.chat), told, uuid.uuid4(), "hi")
    assert said(database, bob.chat) == [("reply_unknown", {})]
    assert len(texts(database, alice, bob.user, carol.user, dave)) == 1


def test_a_deleted_account_cannot_be_answered(database, bob, alice):
    send(database, alice, bob.user)
    told = bob.tell()
    app(database, "delete_account", alice, "hash")
    assert apply(database, "reply", update(database, bob.chat), told, uuid.uuid4(), "hi") == ("ok", set())
    assert said(database, bob.chat) == [("reply_deleted", {})]


def test_a_reply_waits_for_an_unlink_and_is_then_not_posted(database, bob, alice):
    send(database, alice, bob.user)
    told = bob.tell()
    common = update(database, bob.chat)
    with database.connect("perch_app", autocommit=False) as page:
        page.execute("SELECT * FROM perch.telegram_unlink(%s)", [bob.user])
        reply = Blocked(database, "SELECT * FROM perch.update_reply(ROW(%s, %s, %s, %s, %s, %s, %s)::perch.telegram_update,"
                                  " %s, gen_random_uuid(), 'hi')", [*common, told], "perch_notifier")
        page.commit()
    assert [row[0] for row in reply.result()] == ["ok"]
    assert [kind for kind, _ in said(database, bob.chat)] == ["unlinked_page", "not_linked"]
    assert len(texts(database, alice, bob.user)) == 1


# Texts that reply to nothing


def offer(database, bob, body="hi", **common):
    apply(database, "text", update(database, bob.chat, **common), uuid.uuid4(), body)
    [(kind, arguments)] = said(database, bob.chat)
    assert kind == "offer" and len(arguments["offer"]) <= 40
    return arguments["account"], arguments["offer"]


def test_a_text_that_replies_to_nothing_is_offered_to_whoever_was_told_of_last(database, bob, alice):
    [carol] = database.people(1)
    for sender in (carol, alice):
        send(database, sender, bob.user)
        bob.tell()
    name, button = offer(database, bob)
    assert name == name_of(database, alice)
    assert texts(database, alice, bob.user) == [(alice, "hello")], "it was guessed"
    assert apply(database, "offer", update(database, bob.chat, callback="q"), button)[1] \
        == {(bob.user, "message.new"), (alice, "message.new")}
    assert said(database, bob.chat) == [("reply_sent", {"account": name, "preview": "full"})]
    assert texts(database, alice, bob.user)[1:] == [(bob.user, "hi")]
    apply(database, "offer", update(database, bob.chat, callback="q"), button)
    assert said(database, bob.chat) == [("offer_gone", {})]
    assert len(texts(database, alice, bob.user)) == 2


def test_who_was_told_of_last_goes_by_time_and_not_by_message(database, bob, alice):
    """An edit tells of somebody in an older message."""
    [carol] = database.people(1)
    at = now_ms()
    send(database, alice, bob.user)
    older = bob.tell(now=at)
    send(database, carol, bob.user)
    bob.tell(now=at + SECOND)
    assert offer(database, bob, now=at + 2 * SECOND)[0] == name_of(database, carol)
    send(database, alice, bob.user)
    bob.told(bob.claim(edit=True, now=at + 3 * SECOND), older, at + 3 * SECOND)
    assert offer(database, bob, now=at + 4 * SECOND)[0] == name_of(database, alice)


def test_a_chat_has_the_latest_twenty_offers(database, bob, alice):
    """Two of the same millisecond are two; another chat's are not touched."""
    carol, at = Recipient(database), now_ms()
    for recipient in (bob, carol):
        send(database, alice, recipient.user)
        recipient.tell(now=at)
    _, other = offer(database, carol, now=at)
    buttons = [offer(database, bob, now=at + i // 2)[1] for i in range(44)]
    kept = {row[0] for row in database.rows("SELECT id FROM perch.telegram_offers WHERE chat_id = %s", [bob.chat])}
    assert kept == set(buttons[24:])
    apply(database, "offer", update(database, carol.chat, now=at), other)
    assert said(database, carol.chat)[0][0] == "reply_sent"


def test_what_is_not_offered_is_not_kept(database, bob, alice):
    """A chat that ten things wait to be said to hears of no offer."""
    send(database, alice, bob.user)
    bob.tell()
    for _ in range(12):
        apply(database, "text", update(database, bob.chat), uuid.uuid4(), "hi")
    offered = {arguments["offer"] for _, arguments in said(database, bob.chat)}
    kept = {row[0] for row in database.rows("SELECT id FROM perch.telegram_offers WHERE chat_id = %s", [bob.chat])}
    assert kept == offered and len(kept) == 10


def test_there_is_no_offer_where_nobody_was_told_of(database, bob, alice):
    apply(database, "text", update(database, bob.chat), uuid.uuid4(), "hi")
    assert said(database, bob.chat) == [("offer_nobody", {})]
    send(database, alice, bob.user)
    bob.tell()
    app(database, "delete_account", alice, "hash")
    apply(database, "text", update(database, bob.chat), uuid.uuid4(), "hi")
    assert said(database, bob.chat) == [("offer_nobody", {})]


def test_an_offer_is_good_for_a_day_in_its_own_chat(database, bob, alice):
    send(database, alice, bob.user)
    at = now_ms()
    bob.tell(now=at)
    _, button = offer(database, bob, now=at)
    carol = Recipient(database)
    apply(database, "offer", update(database, carol.chat), button)
    assert said(database, carol.chat) == [("offer_gone", {})]
    apply(database, "offer", update(database, bob.chat, now=at + DAY), button)
    assert said(database, bob.chat) == [("offer_gone", {})]
    apply(database, "offer", update(database, bob.chat, now=at + DAY - SECOND), button)
    assert said(database, bob.chat)[0][0] == "reply_sent"


def test_an_offer_ends_with_the_link(database, bob, alice):
    send(database, alice, bob.user)
    bob.tell()
    _, button = offer(database, bob)
    app(database, "telegram_unlink", bob.user)
    [dave] = database.people(1)
    start(database, bob.chat, code(database, dave))
    confirm(database, dave)
    said(database, bob.chat)
    apply(database, "offer", update(database, bob.chat), button)
    assert said(database, bob.chat) == [("not_linked", {})]
    assert len(texts(database, alice, bob.user, dave)) == 1


# What the bot says


@pytest.fixture
def quiet(database):
    """Nothing is left to say."""
    database.cluster.execute("TRUNCATE perch.telegram_says", database=database.name)


def say(database, chat, kind="help"):
    apply(database, "answer", update(database, chat), kind, "{}")
    return database.value("SELECT max(id) FROM perch.telegram_says WHERE chat_id = %s", [chat])


def next_says(database, *, now=None, busy=(), limit=100):
    """What is due, and when something else will be."""
    head, *rows = named(SAY, ask(database, "say_next", now or now_ms(), list(busy), limit))
    assert head.id is None
    return rows, head.retry_at


def test_a_chat_hears_one_thing_at_a_time_in_order(database, quiet, bob):
    other = next(chats)
    first, second, third = say(database, bob.chat), say(database, other), say(database, bob.chat)
    rows, later = next_says(database)
    assert [row.id for row in rows] == [first, second] and later == FOREVER
    assert [row.id for row in next_says(database, busy=[bob.chat])[0]] == [second]
    assert [row.id for row in next_says(database, limit=1)[0]] == [first]
    ask(database, "say_drop", first)
    assert [row.id for row in next_says(database)[0]] == [second, third]


def test_all_that_is_needed_to_say_it_comes_along(database, quiet, bob):
    apply(database, "answer", update(database, bob.chat, locale="ru", message=5, callback="q"), "help", '{"a": null, "n": 1}')
    [[row], _] = next_says(database)
    assert (row.chat_id, row.kind, json.loads(row.arguments), row.locale) == (bob.chat, "help", {"n": 1}, "ru")
    assert (row.callback_id, row.reply_to, row.failures, row.retry_at) == ("q", 5, 0, 0)


def test_what_is_said_because_of_the_page_is_in_the_chats_language(database, quiet, alice):
    chat = next(chats)
    start(database, chat, code(database, alice), locale="ru")
    call(database, "telegram_refuse", alice)
    start(database, chat, code(database, alice), locale="ru")
    confirm(database, alice)
    app(database, "telegram_unlink", alice)
    assert database.rows("SELECT kind, locale FROM perch.telegram_says WHERE chat_id = %s ORDER BY id", [chat]) \
        == [("refused", "ru"), ("linked", "ru"), ("unlinked_page", "ru")]


def test_what_is_said_is_counted_before_and_said_twice_at_most(database, quiet, bob):
    mine, at = say(database, bob.chat), now_ms()
    assert ask(database, "say_claim", mine, at) == [(True,)]
    assert ask(database, "say_claim", mine, at + MINUTE - 1) == [(False,)]
    assert next_says(database, now=at)[1] == at + MINUTE
    assert ask(database, "say_claim", mine, at + MINUTE) == [(True,)]
    assert ask(database, "say_claim", mine, at + HOUR) == [(False,)]
    assert next_says(database, now=at + HOUR) == ([], FOREVER)


def test_refused_for_now_it_is_said_again_and_too_many_hold_the_chat(database, quiet, bob):
    mine, at = say(database, bob.chat), now_ms() + 5 * SECOND
    ask(database, "say_claim", mine, now_ms())
    ask(database, "say_retry", mine, at, False, 0)
    assert next_says(database) == ([], at)
    [[row], _] = next_says(database, now=at)
    assert (row.failures, row.retry_at) == (1, 0)
    ask(database, "say_claim", mine, at)
    ask(database, "say_retry", mine, at + HOUR, True, 0)
    [[row], _] = next_says(database, now=at + HOUR)
    assert row.failures == 1 and bob.head().retry_at == at + HOUR
    assert database.value("SELECT unanswered FROM perch.telegram_says WHERE id = %s", [mine]) == 0


@pytest.mark.parametrize("linked", [True, False])
def test_a_chat_that_rests_hears_nothing_but_answers_to_taps(database, quiet, bob, linked):
    chat, other = bob.chat if linked else next(chats), next(chats)
    first, now = say(database, chat), now_ms()
    rest = now + HOUR
    ask(database, "say_claim", first, now)
    ask(database, "say_retry", first, rest, True, 0)
    second, elsewhere = say(database, chat), say(database, other)
    rows, later = next_says(database)
    assert ([row.id for row in rows], later) == ([elsewhere], rest)
    assert next_says(database, busy=[chat, other]) == ([], FOREVER)
    apply(database, "answer", update(database, chat, callback="q"), "help", "{}")
    rows, later = next_says(database)
    assert ([(row.id, row.callback_id) for row in rows][0], len(rows), later) == ((elsewhere, None), 2, rest)
    assert rows[1].callback_id == "q"
    ask(database, "say_drop", rows[1].id)
    assert [row.id for row in next_says(database, now=rest)[0]] == [first, elsewhere]
    ask(database, "say_drop", first)
    assert [row.id for row in next_says(database, now=rest)[0]] == [second, elsewhere]


def test_a_rest_that_a_notification_met_holds_for_what_the_bot_says(database, quiet, bob, alice):
    send(database, alice, bob.user)
    rest = now_ms() + HOUR
    bob.failed(bob.claim(), "wait", rest)
    mine = say(database, bob.chat)
    assert next_says(database) == ([], rest)
    assert [row.id for row in next_says(database, now=rest)[0]] == [mine]


def test_while_the_bot_rests_nobody_hears_anything_but_answers_to_taps(database, quiet, bob):
    first, other, now = say(database, bob.chat), say(database, next(chats)), now_ms()
    rest, longer = now + MINUTE, now + HOUR
    ask(database, "say_claim", first, now)
    ask(database, "say_retry", first, longer, True, rest)
    try:
        assert next_says(database) == ([], rest)
        apply(database, "answer", update(database, bob.chat, callback="q"), "help", "{}")
        [[row], later] = next_says(database)
        assert (row.callback_id, later) == ("q", rest)
        rows, later = next_says(database, now=rest, busy=[])
        assert ([row.chat_id for row in rows], later) == ([database.value(
            "SELECT chat_id FROM perch.telegram_says WHERE id = %s", [other]), bob.chat], longer)
    finally:
        database.cluster.execute("UPDATE perch.telegram_bot SET retry_at = NULL", database=database.name)


def test_a_notification_is_not_recalled_where_there_is_no_link(database, quiet, bob, alice):
    only = send(database, alice, bob.user)
    bob.tell()
    app(database, "delete_message", alice, only)
    [[row], _] = next_says(database)
    assert row.kind == "delete"
    app(database, "telegram_unlink", bob.user)
    assert ask(database, "say_claim", row.id, now_ms()) == [(False,)]
    assert [row.kind for row in next_says(database)[0]] == ["unlinked_page"]


def test_whoever_types_without_end_is_not_answered_without_end(database, quiet, bob, alice):
    """Every update takes effect all the same, and a tapped button is always answered."""
    send(database, alice, bob.user)
    bob.tell()
    for _ in range(12):
        say(database, bob.chat)
    assert len(said(database, bob.chat)) == 10
    for _ in range(10):
        say(database, bob.chat)
    common = update(database, bob.chat)
    assert apply(database, "mute", common, 60)[0] == "ok"
    assert offset(database) == common[1] and bob.head().muted_until > now_ms()
    apply(database, "mute", update(database, bob.chat, callback="q"), 0)
    assert [kind for kind, _ in said(database, bob.chat)] == ["help"] * 10 + ["unmuted"]


# For whoever watches


def test_the_counts(cluster):
    database = cluster.database()
    bot_set(database, 77, "perch_bot")
    assert ask(database, "notifier_counts") == [(0, 0, 0, 0, 0, 0)]
    bob, [alice, carol] = Recipient(database), database.people(2)
    send(database, alice, bob.user)
    bob.failed(bob.claim(), "dead")
    send(database, alice, bob.user)
    send(database, carol, bob.user)
    say(database, bob.chat)
    put(database, 7)
    [(outbox, oldest, says, says_oldest, dead, updates)] = ask(database, "notifier_counts")
    assert (outbox, says, dead, updates) == (2, 1, 1, 1)
    assert abs(oldest - now_ms()) < 10 * SECOND and abs(says_oldest - now_ms()) < 10 * SECOND
