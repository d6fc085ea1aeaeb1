"""What people type to the bot: the link from beginning to end, mutes, status, in their language."""

import pytest

from notifier.chat import asked
from notifier.rig import texts
from perchtest import wait_for
from perchtest.api import good
from perchtest.telegram import confirm


def code_of(person):
    return good(person.post("/me/telegram/link"))


def state_of(person):
    return good(person.get("/me/telegram"))


def await_state(person, **wanted):
    def fits():
        state = state_of(person)
        return all(state[key] == value for key, value in wanted.items())
    wait_for(fits, 10, f"the page to show {wanted}")


def test_a_deep_link_asks_the_page_and_only_its_yes_links(world, notifier):
    alice, phone = world.person("Alice"), world.api.phone("Anna", last_name="Karenina", username="anna_k")
    phone.open(code_of(alice)["url"])
    phone.await_message("confirm")
    await_state(alice, linked=False, pending={"id": phone.id, "name": "Anna Karenina", "username": "anna_k"})
    good(confirm(alice), 204)
    message = phone.await_message("This chat now gets the notifications of Alice.")
    [bold] = message["entities"]
    assert message["text"].encode("utf-16-le")[2 * bold["offset"]:][:2 * bold["length"]].decode("utf-16-le") == "Alice"
    await_state(alice, linked=True, pending=None)


def test_a_code_can_be_typed_and_is_good_once(world, notifier):
    alice, phone = world.person("Alice"), world.api.phone(started=True)
    code = code_of(alice)["code"]
    assert "confirm" in asked(phone, f"/link {code}")
    await_state(alice, linked=False)
    assert "used before" in asked(phone, f"/link {code}")
    assert "used before" in asked(phone, "/link nonsense")
    assert "the code that Perch shows" in asked(phone, "/link")


def test_start_without_a_code_says_what_to_do(world, notifier):
    phone = world.api.phone()
    phone.start()
    assert "open Perch" in phone.await_message("Hello!")["text"]


def test_the_bot_speaks_the_language_of_the_phone(world, notifier):
    phone = world.api.phone("Анна", language_code="ru")
    phone.start()
    phone.await_message("Здравствуйте!")
    assert "Когда вам пишут" in asked(phone, "/help")


def test_help_names_every_command_of_the_menu(world, notifier):
    phone = world.api.phone(started=True)
    wait_for(lambda: len(world.api.control("bot")["commands"]) == 2, 10, "a menu in two languages")
    menu = world.api.control("bot")["commands"]
    text = asked(phone, "/help")
    for row in menu[""]:
        assert row["command"] in ("start", "help") or f"/{row['command']}:" in text
    assert [row["command"] for row in menu["ru"]] == [row["command"] for row in menu[""]]
    assert menu["ru"] != menu[""]


def test_a_command_the_bot_does_not_know_is_said_to_be_one(world, notifier):
    assert "/help" in asked(world.api.phone(started=True), "/muet")


@pytest.mark.parametrize("command", ["/status", "/mute", "/unmute", "/unlink", "hello"])
def test_a_chat_without_a_link_is_told_how_to_get_one(world, notifier, command):
    assert "linked to no account" in asked(world.api.phone(started=True), command)


def test_status_tells_whose_chat_it_is_and_what_keeps_it_quiet(world, notifier):
    bob, phone = world.linked("Bob")
    assert asked(phone, "/status") == "This chat gets the notifications of Bob.\nWaiting to be told: 0."
    asked(phone, "/mute 2h")
    assert "Muted: 2 h." in asked(phone, "/status")


def test_mute_and_unmute(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    assert asked(phone, "/mute") == "No notifications for 1 h. /unmute brings them back."
    alice.send(bob, "while muted")
    world.await_queued(bob, 0)
    assert asked(phone, "/unmute") == "The notifications are on."
    alice.send(bob, "not muted")
    phone.await_message("Alice: not muted")
    assert not [text for text in texts(phone) if "while muted" in text]


def test_a_mute_ends_by_itself(world, notifier_of):
    notifier = notifier_of(clock=True)
    alice, (bob, phone) = world.person("Alice"), world.linked()
    assert "30 min" in asked(phone, "/mute 30m")
    notifier.clock(minutes=31)
    alice.send(bob, "hello")
    phone.await_message("Alice: hello")


def test_a_mute_that_makes_no_sense_mutes_nothing(world, notifier):
    bob, phone = world.linked()
    assert "/mute 30m" in asked(phone, "/mute for a while")
    assert "Muted" not in asked(phone, "/status")


def test_unlink_ends_the_link_and_the_page_hears_of_it(world, notifier):
    bob, phone = world.linked()
    cursor = bob.cursor()
    assert asked(phone, "/unlink") == "Done: nothing will come to this chat any more."
    [event] = bob.events(cursor, 1)[0]
    assert event["type"] == "telegram.unlinked" and not state_of(bob)["linked"]
    assert "linked to no account" in asked(phone, "/unlink")


def test_blocking_is_shown_on_the_page_and_unblocking_brings_the_link_back(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    phone.block()
    await_state(bob, linked=True, blocked=True)
    phone.unblock()
    await_state(bob, linked=True, blocked=False)
    phone.start()
    phone.await_message("gets your notifications already")
    alice.send(bob, "hello")
    phone.await_message("Alice: hello")


def test_what_the_page_does_is_said_in_the_chat(world, notifier):
    bob, phone = world.linked("Bob")
    good(bob.delete("/me/telegram"), 204)
    phone.await_message("no longer gets the notifications of Bob")


def test_an_answer_that_was_refused_for_now_comes_later(world, notifier):
    phone = world.api.phone(started=True)
    world.api.fault("error", "sendMessage", chat=phone, code=500)
    world.api.fault("error", "sendMessage", chat=phone, code=429, retry_after=1)
    asked(phone, "/help")
    assert [call["status"] for call in world.api.calls("sendMessage", phone)] == [500, 429, 200]


def test_an_answer_telegram_will_never_take_is_given_up_and_the_next_is_said(world, notifier):
    phone = world.api.phone(started=True)
    world.api.fault("error", "sendMessage", chat=phone, code=400, description="Bad Request: a new rule")
    phone.say("/help")
    world.api.await_calls(1, "sendMessage", phone)
    assert "linked to no account" in asked(phone, "/status")


def test_an_answer_that_waits_outlives_the_notifier(world, notifier):
    phone = world.api.phone(started=True)
    world.api.fault("error", "sendMessage", chat=phone, code=500, times=2)
    phone.say("/help")
    world.api.await_calls(1, "sendMessage", phone)
    notifier.kill()
    notifier.start()
    phone.await_message("/status")
    assert len(texts(phone)) == 1
