"""What was deleted after it was told is taken back; buttons stay where they are."""

import pytest

from notifier.chat import tell
from notifier.rig import texts
from perchtest import wait_for
from perchtest.api import good


def labels(message):
    return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]


def test_a_message_that_was_deleted_goes_from_the_phone(world, notifier):
    alice, bob, phone, _ = tell(world)
    [message] = alice.history(bob)["messages"]
    good(alice.delete(f"/messages/{message['id']}"), 204)
    wait_for(lambda: phone.received() == [], 10, "the notification to go")


@pytest.mark.parametrize("preview, wanted", [("full", "Alice: 1 new message"), ("off", "You have 1 new message")])
def test_of_several_messages_only_the_text_that_was_deleted_goes(world, notifier, preview, wanted):
    alice, (bob, phone) = world.person("Alice"), world.linked("Bob", preview=preview)
    alice.send(bob, "one")
    last = alice.send(bob, "two")
    phone.await_message("2 new messages")
    good(alice.delete(f"/messages/{last['id']}"), 204)
    phone.await_message(wanted)
    assert texts(phone) == [wanted] and labels(phone.received()[0]) == ["Mute 1 h"]


def test_an_edit_keeps_the_buttons_and_open_leads_to_the_dialog(world, notifier_of):
    notifier_of(PUBLIC_URL="https://chat.example.org")
    alice, bob, phone, message = tell(world)
    assert labels(message) == ["Open", "Mute 1 h"]
    assert phone.press(message, "Open") == {"url": f"https://chat.example.org/#/with/{alice.id}"}
    alice.send(bob, "one more")
    message = phone.await_message("2 new messages")
    assert labels(message) == ["Open", "Mute 1 h"]


def test_an_address_telegram_does_not_take_costs_the_button_only(world, notifier_of):
    notifier_of(PUBLIC_URL="https://chat.example.org")
    alice, (bob, phone) = world.person("Alice"), world.linked("Bob")
    world.api.fault("error", "sendMessage", chat=phone, code=400, description="Bad Request: BUTTON_URL_INVALID")
    alice.send(bob, "hello")
    assert labels(phone.await_message("Alice: hello")) == ["Mute 1 h"]


def test_a_recalled_text_goes_from_the_phone_though_telegram_does_not_take_the_address(world, notifier_of):
    """The edit that takes it away has no address."""
    notifier_of(PUBLIC_URL="https://chat.example.org")
    alice, (bob, phone) = world.person("Alice"), world.linked("Bob")
    world.api.fault("error", "sendMessage", chat=phone, code=400, description="Bad Request: BUTTON_URL_INVALID")
    alice.send(bob, "one")
    last = alice.send(bob, "two")
    phone.await_message("2 new messages")
    good(alice.delete(f"/messages/{last['id']}"), 204)
    phone.await_message("Alice: 1 new message")
    assert texts(phone) == ["Alice: 1 new message"] and labels(phone.received()[0]) == ["Mute 1 h"]
