"""Answers from Telegram go into the dialog, once, or the bot says why not; buttons."""

import pytest

from notifier.chat import asked, bodies, tell
from notifier.rig import texts
from perchtest import wait_for
from perchtest.api import good
from perchtest.telegram import confirm


@pytest.fixture
def told(world, notifier):
    """(alice, bob, phone, message): Alice wrote to Bob, whose phone shows it."""
    return tell(world)


def test_a_reply_is_a_message_from_the_linked_person(world, told):
    alice, bob, phone, message = told
    cursor, bobs = alice.cursor(), bob.cursor()
    assert asked(phone, "on my way", message) == "Sent to Alice."
    [event] = alice.events(cursor, 1)[0]
    assert (event["message"]["sender_id"], event["message"]["body"]) == (bob.id, "on my way")
    [event] = bob.events(bobs, 1)[0]
    assert event["type"] == "message.new", "the person's other devices show it, too"
    assert bodies(alice, bob) == ["hello", "on my way"]


def test_a_reply_wakes_a_waiting_poll_and_a_sleeping_phone(world, told):
    alice, bob, phone, message = told
    other = world.api.phone("Alice", started=True)
    world.link(alice, other)
    phone.say("on my way", message)
    other.await_message("Bob: on my way")


def test_an_update_that_comes_again_posts_nothing_again(world, told):
    alice, bob, phone, message = told
    asked(phone, "once", message)
    world.api.repeat_update()
    world.api.restart_updates(7)
    assert asked(phone, "twice", message) == "Sent to Alice."
    assert bodies(alice, bob) == ["hello", "once", "twice"]
    assert texts(phone).count("Sent to Alice.") == 2


def test_any_text_is_passed_on_as_it_is(world, told):
    alice, bob, phone, message = told
    text = "/etc/fstab \"quoted\" \\ 'x' \u202e😀 <b>&amp;</b>\nsecond line"
    assert asked(phone, text, message) == "Sent to Alice."
    assert bodies(alice, bob)[-1] == text


def test_what_the_web_would_refuse_is_refused(world, told):
    alice, bob, phone, message = told
    assert "Not sent" in asked(phone, "\u200b", message)
    assert "Not sent" in asked(phone, "x" * 4097, message)
    assert bodies(alice, bob) == ["hello"]


def test_to_whom_a_reply_to_something_else_goes_is_not_guessed(world, told):
    alice, bob, phone, message = told
    asked(phone, "/status")
    assert "whose message this was" in asked(phone, "to whom?", phone.received()[-1])
    own = phone.say("/help")
    phone.await_message("/unmute")
    assert "whose message this was" in asked(phone, "to whom?", own)
    assert bodies(alice, bob) == ["hello"]


def test_a_reply_to_a_digest_goes_to_nobody(world, notifier_of):
    notifier = notifier_of(clock=True)
    alice, carol, (bob, phone) = world.person("Alice"), world.person("Carol"), world.linked("Bob")
    world.api.fault("error", chat=phone, code=502, times=None)
    alice.send(bob, "one")
    carol.send(bob, "two")
    world.api.await_calls(2, chat=phone)
    world.api.heal()
    notifier.clock(hours=1)
    digest = phone.await_message("While you were away")
    assert "about several people" in asked(phone, "to both?", digest)
    assert (bodies(alice, bob), bodies(carol, bob)) == (["one"], ["two"])


def test_after_unlinking_nothing_is_posted(world, told):
    alice, bob, phone, message = told
    good(bob.delete("/me/telegram"), 204)
    phone.await_message("no longer gets")
    assert "linked to no account" in asked(phone, "still there?", message)
    assert bodies(alice, bob) == ["hello"]


def test_a_chat_that_another_account_links_now_cannot_answer_for_the_first(world, told):
    alice, bob, phone, message = told
    carol = world.person("Carol")
    phone.open(good(carol.post("/me/telegram/link"))["url"])
    phone.await_message("confirm")
    good(confirm(carol), 204)
    phone.await_message("It no longer gets those of Bob.")
    assert "whose message this was" in asked(phone, "who am I?", message)
    assert bodies(alice, bob) == ["hello"] and bodies(alice, carol) == []


def test_a_deleted_account_gets_no_answer_and_the_bot_says_so(world, told):
    alice, bob, phone, message = told
    good(alice.delete("/me", {"password": alice.password}), 204)
    assert "deleted" in asked(phone, "too late", message)


def test_a_text_that_replies_to_nothing_is_offered_to_whoever_wrote_last(world, told):
    alice, bob, phone, message = told
    carol = world.person("Carol")
    carol.send(bob, "me too")
    phone.await_message("Carol: me too")
    assert asked(phone, "yes").startswith("To whom?")
    offer = phone.received()[-1]
    assert bodies(carol, bob) == ["me too"], "nothing is sent before the tap"
    cursor = carol.cursor()
    phone.press(offer, "Send to Carol")
    wait_for(phone.answers, 10, "an answer to the tap")
    assert [answer["text"] for answer in phone.answers()] == ["Sent to Carol."]
    [event] = carol.events(cursor, 1)[0]
    assert event["message"]["body"] == "yes"
    phone.press(offer, "Send to Carol")
    wait_for(lambda: len(phone.answers()) == 2, 10, "another answer")
    assert "Sent already" in phone.answers()[1]["text"]
    assert bodies(carol, bob) == ["me too", "yes"] and bodies(alice, bob) == ["hello"]


def test_without_anybody_to_offer_the_bot_asks(world, notifier):
    bob, phone = world.linked()
    assert asked(phone, "hello?") == "To whom? Reply to a notification: then I know."


@pytest.mark.parametrize("kind", ["sticker", "photo"])
def test_media_are_refused_politely(world, told, kind):
    alice, bob, phone, message = told
    sent = phone.send(kind, message)
    answer = phone.await_message("nothing but text")
    assert answer["reply_to_message"]["message_id"] == sent["message_id"]
    assert bodies(alice, bob) == ["hello"]


def test_an_edit_changes_nothing_and_the_bot_says_so(world, told):
    alice, bob, phone, message = told
    sent = phone.say("tpyo", message)
    phone.await_message("Sent to Alice.")
    phone.edit(sent, "typo")
    phone.await_message("stays as it was")
    assert bodies(alice, bob) == ["hello", "tpyo"]


def test_the_mute_button_mutes_for_an_hour(world, told):
    alice, bob, phone, message = told
    phone.press(message, "Mute 1 h")
    wait_for(phone.answers, 10, "an answer to the tap")
    assert phone.answers()[0]["text"] == "No notifications for 1 h. /unmute brings them back."
    alice.send(bob, "not now")
    world.await_queued(bob, 0)
    assert "Muted: 1 h." in asked(phone, "/status")


def test_a_tap_with_anything_in_it_is_answered_and_does_nothing(world, told):
    alice, bob, phone, message = told
    [person] = [person for person in world.api.control("chats") if person["id"] == phone.id]
    someone = {"id": phone.id, "is_bot": False, "first_name": person["first_name"]}
    offers = world.site.sql("SELECT count(*) FROM telegram_offers")
    strange = ["m0", "m-5", "m99999999", "o", "o1", "oxx';--", "\0", "\x00m60\x1b", "x" * 64, "r5", None]
    for number, data in enumerate(strange):
        world.api.push_update("callback_query", {
            "id": f"{phone.id}{number}", "from": someone, "message": message, "chat_instance": "1", "data": data})

    def answers():
        calls = world.api.calls("answerCallbackQuery")
        return [call for call in calls if call["parameters"]["callback_query_id"].startswith(str(phone.id))]

    wait_for(lambda: len(answers()) == len(strange), 20, "an answer to each tap")
    assert all(call["parameters"]["text"] for call in answers())
    assert "Muted" not in asked(phone, "/status")
    assert world.site.sql("SELECT count(*) FROM telegram_offers") == offers


def test_an_offer_is_good_in_its_own_chat_only(world, told):
    alice, bob, phone, message = told
    asked(phone, "a secret")
    [row] = phone.received()[-1]["reply_markup"]["inline_keyboard"]
    mallory, other = world.linked("Mallory")
    alice.send(mallory, "hi")
    theirs = other.await_message("Alice: hi")
    world.api.push_update("callback_query", {
        "id": f"{other.id}9", "from": {"id": other.id, "is_bot": False, "first_name": "Mallory"}, "message": theirs,
        "chat_instance": "1", "data": row[0]["callback_data"]})
    wait_for(lambda: any(call["parameters"]["callback_query_id"] == f"{other.id}9"
                         for call in world.api.calls("answerCallbackQuery")), 10, "an answer")
    assert bodies(alice, bob) == ["hello"] and bodies(alice, mallory) == ["hi"]
    phone.press(phone.received()[-1], "Send to Alice")
    wait_for(lambda: bodies(alice, bob) == ["hello", "a secret"], 10, "the true one to work still")


@pytest.mark.parametrize("ceiling, settings", [("off", {}), ("full", {"preview": "off"})])
def test_who_wants_no_names_in_telegram_gets_none_from_the_bot(world, notifier_of, ceiling, settings):
    notifier_of(TELEGRAM_PREVIEW_MAX=ceiling)
    alice, (bob, phone) = world.person("Alice"), world.linked("Bob", **settings)
    alice.send(bob, "hello")
    message = phone.await_message("You have 1 new message")
    assert asked(phone, "hi", message) == "Sent."
    assert asked(phone, "there?").startswith("To whom?")
    phone.press(phone.received()[-1], "Send")
    wait_for(phone.answers, 10, "an answer to the tap")
    assert phone.answers()[0]["text"] == "Sent."
    assert bodies(alice, bob) == ["hello", "hi", "there?"]
    assert not any("Alice" in str(call["parameters"]) for call in world.api.calls(chat=phone))
