"""Telegram refuses, is away, says garbage; the notifier is killed, or there are two of them."""

import signal
import time

import pytest

from notifier.rig import World, texts, told
from perchtest import wait_for
from perchtest.api import good
from perchtest.notifier import NotifierProgram


def test_what_telegram_refuses_for_now_comes_later(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("error", chat=phone, code=500)
    world.api.fault("garbage", chat=phone)
    world.api.fault("close_before", chat=phone, times=1)
    alice.send(bob, "hello")
    # Garbage has a status, and a connection that is closed has none: that one is repeated after a minute only.
    wait_for(lambda: len(world.api.calls(chat=phone)) == 3, 20, "three tries")
    assert [call["status"] for call in world.api.calls(chat=phone)] == [500, 200, 0]
    world.await_queued(bob, 1)
    [[unanswered, failures]] = world.site.sql(
        "SELECT unanswered, failures FROM outbox WHERE recipient_id = %s", bob.id)
    assert (unanswered, failures) == (1, 2)


def test_an_answer_that_was_lost_is_one_repeat_after_a_minute(world, notifier_of):
    notifier = notifier_of(clock=True)
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.limits(per_chat_s=0)  # Telegram's clock does not jump
    world.api.fault("close_after", chat=phone, times=None)
    alice.send(bob, "hello")
    world.api.await_calls(1, chat=phone)
    notifier.clock(seconds=62)
    world.api.await_calls(2, chat=phone)
    notifier.clock(seconds=62 * 10)
    world.await_queued(bob, 0)  # given up
    assert texts(phone) == ["Alice: hello"] * 2


def test_what_was_read_meanwhile_is_not_repeated(world, notifier_of):
    notifier = notifier_of(clock=True)
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("close_after", chat=phone)
    message = alice.send(bob, "hello")
    world.api.await_calls(1, chat=phone)
    assert bob.put(f"/dialogs/{alice.id}/read", {"upto": message["id"]}).status_code == 204
    notifier.clock(seconds=62)
    world.await_queued(bob, 0)
    assert texts(phone) == ["Alice: hello"]


@pytest.mark.parametrize("code, description", [
    (403, "Forbidden: bot was blocked by the user"), (403, "Forbidden: user is deactivated"),
    (403, "Forbidden: bot can't initiate conversation with a user"), (403, "Forbidden: bot was kicked from the chat"),
    (400, "Bad Request: chat not found"),
])
def test_a_chat_that_takes_nothing_any_more_is_shown_as_blocked(world, notifier, code, description):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("error", "sendMessage", phone, code=code, description=description, times=None)
    cursor = bob.cursor()
    alice.send(bob, "hello")
    wait_for(lambda: good(bob.get("/me/telegram"))["blocked"], 10, "the link to be marked")
    assert [event["type"] for event in bob.events(cursor, 2)[0]] == ["message.new", "telegram.unlinked"]
    world.await_queued(bob, 0)
    alice.send(bob, "again")
    assert world.queued(bob) == 0


def test_what_telegram_will_never_take_is_a_dead_letter_and_holds_up_nothing(world, notifier):
    alice, carol, (bob, phone) = world.person("Alice"), world.person("Carol"), world.linked()
    world.api.fault("error", chat=phone, code=400, description="Bad Request: a new rule")
    alice.send(bob, "poison")
    wait_for(lambda: world.site.sql("SELECT 1 FROM telegram_dead WHERE recipient_id = %s AND reason LIKE '%%a new rule%%'",
                                    bob.id), 10, "the dead letter")
    world.await_queued(bob, 0)
    carol.send(bob, "hello")
    phone.await_message("Carol: hello")
    assert texts(phone) == ["Carol: hello"]


def test_a_text_that_telegram_cannot_parse_goes_again_plain(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("error", chat=phone, code=400, description="Bad Request: can't parse entities")
    alice.send(bob, "hello")
    phone.await_message("Alice: hello")
    [first, second] = told(world, phone, 2)
    assert first["parameters"]["entities"] and not second["parameters"].get("entities")


def test_a_text_that_is_too_long_for_telegram_twice_is_a_dead_letter(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("error", "sendMessage", phone, code=400, description="Bad Request: message is too long", times=None)
    alice.send(bob, "hello " * 600)
    first, second = told(world, phone, 2)
    world.await_queued(bob, 0)
    assert len(second["text"]) <= 1000 < len(first["text"])
    [(reason,)] = world.site.sql("SELECT reason FROM telegram_dead WHERE recipient_id = %s", bob.id)
    assert "too long" in reason


def test_a_rest_of_a_second_is_kept(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.limits(per_chat_s=0)
    world.api.fault("error", chat=phone, code=429, retry_after=1)
    alice.send(bob, "hello")
    phone.await_message("Alice: hello")
    first, second = world.api.calls(chat=phone)
    assert second["at"] - first["at"] >= 1
    world.await_queued(bob, 0)


@pytest.mark.parametrize("rest, looks", [(60, (0, 30)), (2282, (0, 60, 2270))])
def test_the_rest_that_telegram_asks_for_outlives_restarts(world, notifier_of, rest, looks):
    notifier = notifier_of(clock=True)
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("error", chat=phone, code=429, retry_after=rest)
    alice.send(bob, "hello")
    world.api.await_calls(1, chat=phone)
    world.await_queued(bob, 1)
    for ahead in looks:
        notifier.clock(seconds=ahead)
        notifier.restart() if ahead == 60 else notifier.kill() or notifier.start()
        carol, other_phone = world.linked("Carol")
        alice.send(carol, "away")
        other_phone.await_message("Alice: away")
        assert len(world.api.calls(chat=phone)) == 1
    notifier.clock(seconds=rest + 8)
    phone.await_message("Alice: hello")
    assert len(world.api.calls(chat=phone)) == 2


def test_two_chats_refused_at_once_are_a_rest_for_all(world, notifier):
    alice = world.person("Alice")
    people = [world.linked(f"Reader{i}") for i in range(3)]
    for _, phone in people[:2]:
        world.api.fault("error", chat=phone, code=429, retry_after=4)
    for person, _ in people[:2]:
        alice.send(person, "hello")
    refused = [world.api.await_calls(1, chat=phone)[0]["at"] for _, phone in people[:2]]
    alice.send(people[2][0], "hello")
    [other] = world.api.await_calls(1, chat=people[2][1])
    assert other["at"] >= max(refused) + 4
    for _, phone in people:
        phone.await_message("Alice: hello")
        assert world.api.calls(chat=phone)[-1]["at"] >= max(refused) + 4


@pytest.mark.parametrize("code, description", [(401, "Unauthorized"), (404, "Not Found")])
def test_a_bad_token_stops_everything_and_loses_nothing(world, notifier, code, description):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("error", "sendMessage", code=code, description=description, times=None)
    alice.send(bob, "hello")
    wait_for(lambda: "no longer knows the token" in notifier.log(), 10, "a loud word")
    assert len(world.api.calls("sendMessage", phone)) == 1
    [[unanswered]] = wait_for(lambda: world.site.sql(
        "SELECT unanswered FROM outbox WHERE recipient_id = %s AND unanswered = 0", bob.id), 10, "the claim to be given back")
    world.api.heal()
    notifier.restart()
    phone.await_message("Alice: hello")


def test_a_bad_token_that_the_poll_meets_stops_messages_too(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    for method in ("getUpdates", "getMe"):
        world.api.fault("error", method, code=401, description="Unauthorized", times=None)
    world.api.phone(started=True).say("/help")  # ends the poll that waits
    wait_for(lambda: "no longer knows the token" in notifier.log(), 10, "a loud word")
    alice.send(bob, "hello")
    notifier.stop()
    notifier.start(wait=False)
    wait_for(lambda: "does not know the token" in notifier.log(), 10, "another")
    assert world.api.calls("sendMessage", phone) == [] and world.queued(bob) == 1
    world.api.heal()
    notifier.restart()
    phone.await_message("Alice: hello")


def test_an_hour_without_telegram_ends_in_a_digest(world, notifier_of):
    notifier = notifier_of(clock=True)
    alice, carol, (bob, phone) = world.person("Alice"), world.person("Carol"), world.linked()
    world.api.fault("error", chat=phone, code=502, times=None)
    alice.send(bob, "one")
    carol.send(bob, "two")
    world.api.await_calls(2, chat=phone)
    notifier.clock(hours=1)
    wait_for(lambda: "away" in (world.api.calls(chat=phone)[-1]["text"] or ""), 10, "a digest")
    world.api.heal()
    phone.await_message("While you were away")
    world.await_queued(bob, 0)
    [text] = texts(phone)
    assert "Alice: one" in text and "Carol: two" in text


def test_another_notifier_takes_over_within_5_s_of_a_kill(world, notifier_of):
    first = notifier_of()
    other = notifier_of(wait=False)
    alice, (bob, phone) = world.person("Alice"), world.linked()
    wait_for(lambda: world.site.sql("SELECT 1 FROM pg_stat_activity WHERE application_name = 'perch-notifier leader' "
                                    "HAVING count(*) = 2"), 10, "both to look for the lock")
    first.kill()
    killed_at = time.monotonic()
    other.await_work()
    assert time.monotonic() - killed_at < 5
    first.start(wait=False)
    alice.send(bob, "hello")
    phone.await_message("Alice: hello")
    assert other.log().count("this notifier works") == 1


def test_a_lost_connection_ends_the_shift_and_begins_another(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    known = len(notifier.log())
    world.site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'perch-notifier%%'")
    wait_for(lambda: "stands by" in notifier.log()[known:], 5, "the notifier to notice")
    notifier.await_work(known)
    alice.send(bob, "hello")
    phone.await_message("Alice: hello")


def test_term_ends_it_at_once_and_notes_what_is_under_way(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("delay", chat=phone, seconds=0.7)
    alice.send(bob, "hello")
    world.api.await_calls(1, chat=phone)
    begun_at = time.monotonic()
    assert notifier.stop(signal.SIGTERM) == 0
    assert time.monotonic() - begun_at < 2
    assert texts(phone) == ["Alice: hello"]
    assert world.queued(bob) == 0  # told, and known to be


def test_an_answer_that_postgresql_cannot_note_at_once_is_noted_later(world, notifier_of):
    notifier = notifier_of(clock=True)
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("delay", chat=phone, seconds=1)
    alice.send(bob, "hello")
    world.api.await_calls(1, chat=phone)
    with world.site.db() as holder, holder.transaction():
        holder.execute("SELECT FROM telegram_links WHERE user_id = %s FOR UPDATE", [bob.id])
        phone.await_message("Alice: hello")
        wait_for(lambda: "took too long" in notifier.log(), 20, "PostgreSQL to give up")
        assert world.queued(bob) == 1
    world.await_queued(bob, 0)
    notifier.clock(seconds=65)
    carol = world.person("Carol")
    carol.send(bob, "hi")
    phone.await_message("Carol: hi", 20)
    assert texts(phone) == ["Alice: hello", "Carol: hi"]


def test_without_redis_a_message_waits_a_minute_for_its_reader(world, perch_factory):
    """Nobody knows who is online."""
    site = perch_factory()
    site.service("redis").stop()
    there = World(site, world.api)
    with NotifierProgram(site, world.api, clock=True) as notifier:
        alice, (bob, phone) = there.person("Alice"), there.linked()
        alice.send(bob, "hello")
        notifier.clock(seconds=50)
        wait_for(lambda: site.sql("SELECT 1 FROM outbox WHERE due_at > created_at + interval '50 s'"), 10, "a look at +50 s")
        assert texts(phone) == []
        notifier.clock(seconds=65)
        phone.await_message("Alice: hello")


def test_the_token_is_nowhere(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault("error", chat=phone, code=500)
    alice.send(bob, "hello")
    phone.await_message("Alice: hello")
    secret = world.api.token.partition(":")[2]
    for name in ("cmdline", "environ"):
        with open(f"/proc/{notifier.process.pid}/{name}", "rb") as file:
            assert secret.encode() not in file.read()
    assert secret not in notifier.log() and "/bot" not in notifier.log()
