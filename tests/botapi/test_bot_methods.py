"""What the methods take, and in which words they refuse."""

import pytest
import requests

from botapi.standin import TOKEN
from perchtest import wait_for

FACE = "\U0001f600"  # two units of UTF-16, four bytes


def refused(code, description, **more):
    return {"ok": False, "error_code": code, "description": description, **more}


def bad(description):
    return refused(400, f"Bad Request: {description}")


def send(api, phone, text="hello", **arguments):
    return api.bot("sendMessage", chat_id=phone.id, text=text, **arguments)


def with_buttons(*row):
    return {"reply_markup": {"inline_keyboard": [list(row)]}}


def test_the_bot_says_who_it_is(api):
    me = api.bot("getMe")["result"]
    assert (me["id"], me["is_bot"], me["username"]) == (7000000001, True, "perch_bot")


@pytest.mark.parametrize("path, code, description", [
    ("bot7000000001:wrong/getMe", 401, "Unauthorized"),
    ("bot/getMe", 401, "Unauthorized"),
    (f"bot{TOKEN}/getNothing", 404, "Not Found: method not found"),
    ("getMe", 404, "Not Found"),
])
def test_a_wrong_token_or_method_is_refused(api, path, code, description):
    reply = requests.get(f"{api.address}/{path}", timeout=10)
    assert (reply.status_code, reply.json()) == (code, refused(code, description))


def test_arguments_come_as_a_form_as_json_or_in_the_query(api, alice):
    api.limits(per_chat_s=0)
    url = f"{api.address}/bot{TOKEN}/SENDmessage"
    arguments = {"chat_id": str(alice.id), "text": f"a & b {FACE}", "entities": '[{"type":"bold","offset":0,"length":1}]'}
    for reply in (requests.post(url, data=arguments, timeout=10), requests.get(url, params=arguments, timeout=10),
                  requests.post(url, files={key: (None, value) for key, value in arguments.items()}, timeout=10),
                  requests.post(url, json={**arguments, "chat_id": alice.id,
                                           "entities": [{"type": "bold", "offset": 0, "length": 1}]}, timeout=10)):
        message = reply.json()["result"]
        assert message["text"] == f"a & b {FACE}" and message["entities"] == [{"type": "bold", "offset": 0, "length": 1}]
    assert [message["message_id"] for message in alice.received()] == [2, 3, 4, 5], "they count up in the chat"


@pytest.mark.parametrize("body, kind", [(b"text=%ff", "application/x-www-form-urlencoded"), (b"{", "application/json"),
                                        (b"[]", "application/json"), (b'{"text": "\\ud800"}', "application/json")])
def test_a_body_that_is_not_unicode_or_json_is_refused(api, body, kind):
    reply = requests.post(f"{api.address}/bot{TOKEN}/sendMessage", data=body, headers={"Content-Type": kind}, timeout=10)
    assert (reply.status_code, reply.json()["ok"]) == (400, False)


@pytest.mark.parametrize("text, description", [
    ("", "message text is empty"),
    (" \n ", "message text is empty"),
    ("x" * 4097, "message is too long"),
    (FACE * 2049, "message is too long"),
])
def test_a_text_has_one_to_4096_units_of_utf16(api, alice, text, description):
    assert send(api, alice, text) == bad(description)


@pytest.mark.parametrize("text", ["x" * 4096, FACE * 2048, "€" * 4096])
def test_the_longest_texts_are_sent(api, alice, text):
    assert send(api, alice, f"\n{text} ")["result"]["text"] == text


def test_entities_move_with_a_text_that_is_trimmed(api, alice):
    sent = send(api, alice, f"  {FACE} bold ", entities=[{"type": "bold", "offset": 5, "length": 5},
                                                        {"type": "unheard_of", "offset": 2, "length": 2}])
    assert sent["result"]["text"] == f"{FACE} bold"
    assert sent["result"]["entities"] == [{"type": "bold", "offset": 3, "length": 4}]


@pytest.mark.parametrize("offset, length, description", [
    (0, 8, "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 8"),
    (3, 1, "entity beginning at UTF-16 offset 3 ends in a middle of a UTF-16 symbol at UTF-16 offset 4"),
    (4, 1, "entity beginning at UTF-16 offset 4 begins in a middle of a UTF-16 symbol at UTF-16 offset 4"),
    (-1, 1, "receive an entity with incorrect offset -1"),
    (0, "1", "receive an entity with incorrect length 1"),
])
def test_an_entity_that_does_not_fit_the_text_is_refused(api, alice, offset, length, description):
    entity = {"type": "bold", "offset": offset, "length": length}
    assert send(api, alice, f"abc{FACE}de", entities=[entity]) == bad(description)


@pytest.mark.parametrize("button, description", [
    ({"text": "b", "callback_data": ""}, "BUTTON_DATA_INVALID"),
    ({"text": "b", "callback_data": "ä" * 33}, "BUTTON_DATA_INVALID"),
    ({"text": "b"}, "text buttons are unallowed in the inline keyboard"),
    ({"text": " ", "callback_data": "d"}, "can't parse inline keyboard button: text is missing or empty"),
    ({"text": "b", "url": "http://localhost:8080/"},
     "inline keyboard button URL 'http://localhost:8080/' is invalid: Wrong HTTP URL"),
    ({"text": "b", "url": "https://perch/"}, "inline keyboard button URL 'https://perch/' is invalid: Wrong HTTP URL"),
    ({"text": "b", "url": "ftp://example.org/"},
     "inline keyboard button URL 'ftp://example.org/' is invalid: Unsupported URL protocol"),
    ({"text": "b", "url": "http://127.0.0.1/"}, "BUTTON_URL_INVALID"),
    ({"text": "b", "url": "https://192.168.1.2/"}, "BUTTON_URL_INVALID"),
    ({"text": "b", "url": "https://[::1]/"}, "BUTTON_URL_INVALID"),
    ({"text": "b", "url": "https://printer.local/"}, "BUTTON_URL_INVALID"),
])
def test_a_button_that_cannot_work_is_refused(api, alice, button, description):
    assert send(api, alice, **with_buttons(button)) == bad(description)


def test_buttons_of_up_to_64_bytes_and_public_links_are_shown(api, alice):
    row = [{"text": "b", "callback_data": "ä" * 32}, {"text": "l", "url": "https://perch.example.org/#x"}]
    assert send(api, alice, **with_buttons(*row))["result"]["reply_markup"] == {"inline_keyboard": [row]}


def test_only_who_pressed_start_can_be_written_to(api):
    shy = api.phone("Shy")
    assert send(api, shy) == bad("chat not found")
    assert api.bot("sendMessage", chat_id=1, text="x") == bad("chat not found")
    assert api.bot("sendMessage", text="x") == bad("chat_id is empty")
    shy.start()
    assert send(api, shy)["ok"]


def test_who_blocked_the_bot_cannot_be_written_to(api, alice):
    alice.block()
    blocked = refused(403, "Forbidden: bot was blocked by the user")
    assert send(api, alice) == blocked
    assert api.bot("sendChatAction", chat_id=alice.id, action="typing") == blocked
    alice.unblock()
    assert send(api, alice)["ok"]


def test_one_message_a_second_to_a_chat(api, alice):
    bob = api.phone("Bob")
    bob.start()
    assert send(api, alice)["ok"] and send(api, bob)["ok"]
    assert send(api, alice) == refused(429, "Too Many Requests: retry after 1", parameters={"retry_after": 1})
    wait_for(lambda: send(api, alice)["ok"], what="the next message to Alice")
    first, second = [call["at"] for call in api.calls("sendMessage", alice) if call["status"] == 200]
    assert second - first > 0.99
    assert len(alice.received()) == 2, "what was refused was not sent"


def test_so_many_messages_a_second_in_all(api):
    phones = [api.phone(f"Person {number}") for number in range(4)]
    for phone in phones:
        phone.start()
    api.limits(per_second=3)
    replies = [send(api, phone) for phone in phones]
    assert [reply["ok"] for reply in replies] == [True, True, True, False]
    assert replies[3] == refused(429, "Too Many Requests: retry after 1", parameters={"retry_after": 1})
    wait_for(lambda: send(api, phones[3])["ok"], what="the next message")


def test_a_message_is_edited_and_its_new_buttons_shown(api, alice):
    sent = send(api, alice, "1 new message", **with_buttons({"text": "b", "callback_data": "d"}))["result"]
    edited = api.bot("editMessageText", chat_id=alice.id, message_id=sent["message_id"], text="2 new messages")["result"]
    assert edited["text"] == "2 new messages" and edited["edit_date"] >= sent["date"] and "reply_markup" not in edited
    assert [message["text"] for message in alice.received()] == ["2 new messages"]


def test_an_edit_that_cannot_be_is_refused(api, alice):
    sent = send(api, alice, "same")["result"]

    def edit(message_id, text):
        return api.bot("editMessageText", chat_id=alice.id, message_id=message_id, text=text)

    assert edit(sent["message_id"], "same") == bad(
        "message is not modified: specified new message content and reply markup are exactly the same"
        " as a current content and reply markup of the message")
    assert edit(99, "new") == bad("message to edit not found")
    assert edit(alice.say("mine")["message_id"], "new") == bad("message can't be edited")


def test_a_message_is_deleted_once(api, alice):
    sent = send(api, alice)["result"]
    assert api.bot("deleteMessage", chat_id=alice.id, message_id=sent["message_id"])["result"] is True
    assert alice.received() == []
    assert api.bot("deleteMessage", chat_id=alice.id, message_id=sent["message_id"]) == bad("message to delete not found")


def test_the_bot_answers_to_a_message(api, alice):
    said = alice.say("question")
    sent = send(api, alice, "answer", reply_parameters={"message_id": said["message_id"]})["result"]
    assert sent["reply_to_message"]["text"] == "question"
    assert send(api, alice, reply_to_message_id=99) == bad("message to be replied not found")


def test_a_tap_is_answered_once(api, alice):
    sent = send(api, alice, **with_buttons({"text": "Mute", "callback_data": "m"}))["result"]
    query = alice.press(sent, "m")["callback_query_id"]
    assert api.bot("answerCallbackQuery", callback_query_id=query, text="Muted")["result"] is True
    assert alice.answers() == [{"data": "m", "text": "Muted", "show_alert": False}]
    for unknown in (query, "1"):
        assert api.bot("answerCallbackQuery", callback_query_id=unknown) == bad(
            "query is too old and response timeout expired or query ID is invalid")


def test_commands_are_kept_by_language(api):
    commands = [{"command": "help", "description": "Помощь"}]
    assert api.bot("setMyCommands", commands=commands, language_code="ru")["result"] is True
    assert api.bot("getMyCommands", language_code="ru")["result"] == commands
    assert api.bot("getMyCommands")["result"] == []
    assert api.bot("setMyCommands", commands=[{"command": "Help", "description": "x"}]) == bad("BOT_COMMAND_INVALID")


def test_a_chat_action_is_one_that_telegram_knows(api, alice):
    assert api.bot("sendChatAction", chat_id=alice.id, action="typing")["result"] is True
    assert api.bot("sendChatAction", chat_id=alice.id, action="yawning") == bad("wrong parameter action in request")
