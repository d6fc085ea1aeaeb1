"""Linking a Telegram chat: the code, who asks with it, the answer on the page, and who is told."""

import hashlib
import re
from datetime import datetime, timedelta, timezone

import pytest
import zbar

from perchtest import Instance
from perchtest.api import at_once, events_of, good, log_from, poll_call, problem, twin, waiting_poll
from perchtest.telegram import BOT, Notifier, a_chat, confirm

NOTHING = {"linked": False, "blocked": False, "name": None, "username": None, "pending": None, "bot": BOT, "claim": None}


@pytest.fixture(scope="module")
def site():
    """An instance with a bot. Nobody but these tests uses it."""
    instance = Instance(WORKERS=2).start()
    Notifier(instance).bot()
    yield instance
    instance.stop()


@pytest.fixture(scope="module")
def notifier(site):
    return Notifier(site)


@pytest.fixture
def alice(site):
    return site.person("alice")


@pytest.fixture
def bob(site):
    return site.person("bob")


def code_of(person):
    return good(person.post("/me/telegram/link"))["code"]


def state_of(person):
    return good(person.get("/me/telegram"))


def linked_to(chat, blocked=False):
    return {**NOTHING, "linked": True, "blocked": blocked, **chat.linked}


def asked(person, notifier, **chat):
    """A chat that asks to be linked."""
    chat = a_chat(**chat)
    assert notifier.start(chat, code_of(person)) == "asked"
    return chat


def linked(person, notifier, **chat):
    chat = asked(person, notifier, **chat)
    good(confirm(person, chat), 204)
    return chat


def types(events):
    return [event["type"] for event in events]


def test_the_code_is_a_deep_link_that_telegram_takes_and_each_is_new(alice):
    codes = set()
    for _ in range(3):
        reply = good(alice.post("/me/telegram/link"))
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", reply["code"])  # Telegram: 1 to 64 of these, else silently none
        assert reply["url"] == f"https://t.me/{BOT}?start={reply['code']}" and reply["bot"] == BOT
        codes.add(reply["code"])
    assert len(codes) == 3


def test_a_camera_reads_the_address_from_the_drawing(alice):
    """Drawn as the page draws it, three pixels for a unit."""
    reply = good(alice.post("/me/telegram/link"))
    width = 3 * reply["qr"]["size"]
    rows = [bytearray(b"\xff" * width) for _ in range(width)]
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", reply["qr"]["path"]):
        for row in rows[3 * int(y) : 3 * int(y) + 3]:
            row[3 * int(x) : 3 * (int(x) + int(length))] = bytes(3 * int(length))
    image = zbar.Image(width, width, "Y800", bytes(b"".join(rows)))
    zbar.ImageScanner().scan(image)
    assert [symbol.data for symbol in image] == [reply["url"]]


def test_what_is_kept_of_a_code_does_not_give_it_away(site, alice):
    code = code_of(alice)
    rows = site.sql("SELECT code_hash, telegram_codes::text FROM telegram_codes WHERE user_id = %s", alice.id)
    assert [bytes(row[0]) for row in rows] == [hashlib.sha256(code.encode()).digest()]
    assert code not in rows[0][1] and code not in site.log() and code not in site.log("nginx")


def test_a_code_is_good_for_ten_minutes(notifier, alice):
    before = datetime.now(timezone.utc)
    reply = good(alice.post("/me/telegram/link"))
    left = datetime.fromisoformat(reply["expires_at"].replace("Z", "+00:00")) - before
    assert timedelta(minutes=9, seconds=59) < left < timedelta(minutes=11)
    assert notifier.start(a_chat(), reply["code"], later="10 minutes 2 seconds") == "code_unknown"
    assert notifier.start(a_chat(), reply["code"], later="9 minutes") == "asked"


def test_only_the_newest_code_is_good_and_only_once(notifier, alice):
    old, new = code_of(alice), code_of(alice)
    assert notifier.start(a_chat(), old) == "code_unknown"
    assert notifier.start(a_chat(), new) == "asked"
    assert notifier.start(a_chat(), new) == "code_unknown"


def test_a_chat_that_asks_is_shown_and_linked_only_by_the_confirmation(notifier, alice, bob):
    assert state_of(alice) == NOTHING
    chat = asked(alice, notifier)
    assert state_of(alice) == {**NOTHING, "pending": chat.shown}
    assert state_of(bob) == NOTHING
    problem(confirm(bob, chat), 404, "not_found")
    good(confirm(alice, chat), 204)
    assert state_of(alice) == linked_to(chat)
    assert notifier.told(chat) == ["linked"]


def test_only_the_chat_that_was_shown_can_be_confirmed(notifier, alice):
    """Another one asks while the page still shows the first."""
    first = asked(alice, notifier)
    second = asked(alice, notifier)
    problem(confirm(alice, first), 404, "not_found")
    assert state_of(alice) == {**NOTHING, "pending": second.shown}
    good(confirm(alice, second), 204)
    assert state_of(alice) == linked_to(second)


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": 0}, {"id": "7"}, {"id": -7}, {"id": 2**53}])
def test_a_confirmation_says_which_chat(notifier, alice, body):
    asked(alice, notifier)
    problem(alice.post("/me/telegram/confirm", body), 422, "invalid", "id")
    assert not state_of(alice)["linked"]


def test_a_waiting_poll_hears_that_somebody_asks(notifier, alice):
    code = code_of(alice)
    cursor = alice.cursor()
    poll = poll_call(alice, cursor)
    chat = a_chat()
    assert notifier.start(chat, code) == "asked"
    assert types(events_of(alice, poll.response())) == ["me.changed"]
    assert state_of(alice)["pending"] == chat.shown


def test_the_waiting_polls_of_all_devices_hear_of_the_link_and_of_its_end(site, notifier, alice, bob):
    devices = [alice, alice.another_device(), alice.another_device(bearer=True)]
    chat = asked(alice, notifier)
    for call, kind in ((lambda: confirm(alice, chat), "telegram.linked"),
                       (lambda: alice.delete("/me/telegram"), "telegram.unlinked")):
        cursor, theirs = alice.cursor(), bob.cursor()
        polls = [waiting_poll(site, device, cursor, tab=str(number)) for number, device in enumerate(devices)]
        good(call(), 204)
        for poll in polls:
            [event] = events_of(alice, poll.response())
            assert event["type"] == kind and set(event) == {"seq", "type", "at"}
        assert log_from(bob, theirs) == []
    assert state_of(devices[2]) == NOTHING
    assert notifier.told(chat) == ["linked", "unlinked_page"]


def test_a_refused_chat_is_not_linked_and_needs_another_code(notifier, alice):
    chat = asked(alice, notifier)
    cursor = alice.cursor()
    good(alice.delete("/me/telegram/pending"), 204)
    assert state_of(alice) == NOTHING
    assert types(log_from(alice, cursor)) == ["me.changed"]
    problem(confirm(alice, chat), 404, "not_found")
    assert notifier.told(chat) == ["refused"]


def test_refusing_and_unlinking_what_is_not_there_changes_nothing(alice):
    cursor = alice.cursor()
    for _ in range(2):
        good(alice.delete("/me/telegram/pending"), 204)
        good(alice.delete("/me/telegram"), 204)
    assert state_of(alice) == NOTHING and log_from(alice, cursor) == []


def test_refusing_leaves_the_link_there_is(notifier, alice):
    chat = linked(alice, notifier)
    other = asked(alice, notifier)
    assert state_of(alice) == {**linked_to(chat), "pending": other.shown}
    good(alice.delete("/me/telegram/pending"), 204)
    assert state_of(alice) == linked_to(chat)


def test_another_chat_takes_the_place_of_the_linked_one(notifier, alice):
    old = linked(alice, notifier)
    new = linked(alice, notifier, name="Анна 🦊", username=False)
    assert state_of(alice) == linked_to(new)
    assert notifier.told(old) == ["linked", "unlinked_moved"]


def test_a_chat_that_another_account_links_is_lost_to_the_first_and_both_are_told(site, notifier, alice, bob):
    chat = linked(alice, notifier)
    assert notifier.start(chat, code_of(bob)) == "asked"
    assert state_of(alice) == linked_to(chat), "not before the confirmation"
    loses = waiting_poll(site, alice, alice.cursor())
    gains = waiting_poll(site, bob, bob.cursor())
    good(confirm(bob, chat), 204)
    assert types(events_of(alice, loses.response())) == ["telegram.unlinked"]
    assert types(events_of(bob, gains.response())) == ["telegram.linked"]
    assert (state_of(alice), state_of(bob)) == (NOTHING, linked_to(chat))


def test_of_two_confirmations_at_once_one_links(notifier, alice):
    chat = asked(alice, notifier)
    cursor = alice.cursor()
    calls = [lambda caller=twin(alice): confirm(caller, chat).status_code for _ in range(4)]
    assert sorted(at_once(*calls)) == [204, 404, 404, 404]
    assert types(log_from(alice, cursor)) == ["telegram.linked"]
    assert state_of(alice) == linked_to(chat)


def test_a_blocked_chat_stays_linked_and_comes_back_with_a_start(notifier, alice):
    chat = linked(alice, notifier)
    cursor = alice.cursor()
    assert notifier.block(chat) == "ok"
    assert state_of(alice) == linked_to(chat, blocked=True)
    assert notifier.start(chat) == "unblocked"
    assert state_of(alice) == linked_to(chat)
    assert types(log_from(alice, cursor)) == ["telegram.unlinked", "telegram.linked"]


def test_a_blocked_chat_can_be_unlinked(notifier, alice):
    chat = linked(alice, notifier)
    notifier.block(chat)
    good(alice.delete("/me/telegram"), 204)
    assert state_of(alice) == NOTHING
    assert notifier.start(chat) == "unknown"


def test_what_is_unlinked_in_telegram_is_unlinked_here(notifier, alice):
    chat = linked(alice, notifier)
    cursor = alice.cursor()
    assert notifier.unlink(chat) == "ok"
    assert state_of(alice) == NOTHING and types(log_from(alice, cursor)) == ["telegram.unlinked"]


def test_a_name_given_at_registration_is_a_claim_that_needs_the_same_confirmation(site, notifier):
    chat = a_chat()
    claims = site.person("claims", telegram=f"@{chat.username.upper()}")
    assert notifier.start(a_chat()) == "unknown"
    assert notifier.start(chat) == "asked"
    claim = {"claim": f"@{chat.username.upper()}"}
    assert state_of(claims) == {**NOTHING, **claim, "pending": chat.shown}
    good(confirm(claims, chat), 204)
    assert state_of(claims) == {**linked_to(chat), **claim}


def test_an_account_that_is_deleted_leaves_neither_link_nor_code(notifier, alice):
    chat = linked(alice, notifier)
    code = code_of(alice)
    good(alice.delete("/me", {"password": alice.password}), 204)
    assert notifier.start(a_chat(), code) == "code_unknown"
    assert notifier.start(chat) == "unknown"
    assert notifier.told(chat) == ["linked", "unlinked_deleted"]


@pytest.mark.parametrize("name", ['O\'Neil "the\\cat"', "</script><b>x", "\u202egpj.exe", "a\tb\u2028c", "Ж" * 120])
def test_odd_names_come_through_as_they_are(notifier, alice, name):
    chat = linked(alice, notifier, name=name, username=False)
    assert state_of(alice) == linked_to(chat)


def test_another_sites_page_neither_makes_a_code_nor_answers_for_anybody(site, notifier, alice):
    chat = asked(alice, notifier)
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    for method, path in (("POST", "link"), ("POST", "confirm"), ("DELETE", "pending")):
        problem(alice.request(method, f"/me/telegram/{path}", headers=elsewhere), 403, "csrf")
    assert state_of(alice) == {**NOTHING, "pending": chat.shown}
    assert site.sql("SELECT FROM telegram_codes WHERE user_id = %s", alice.id) == []


def test_without_a_bot_no_code_is_made_and_the_rest_works(notifier, alice):
    chat = linked(alice, notifier)
    try:
        notifier.bot(None)
        response = alice.post("/me/telegram/link")
        problem(response, 503, "telegram_off")
        assert int(response.headers["Retry-After"]) >= 60
        assert state_of(alice) == {**linked_to(chat), "bot": None}
        problem(confirm(alice, chat), 404, "not_found")
        good(alice.delete("/me/telegram"), 204)
    finally:
        notifier.bot()
    code_of(alice)
