"""How updates reach the bot: by polling, and by a webhook."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from botapi.standin import TOKEN
from perchtest import wait_for

TAKEN = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
HOOKED = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


def texts(reply):
    return [update["message"]["text"] for update in reply["result"]]


def ids(reply):
    return [update["update_id"] for update in reply["result"]]


def say(phone, *words):
    for word in words:
        phone.say(word)


@pytest.fixture
def beside():
    """For calls that wait."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def waits(api):
    """Until a poll waits: its arguments are read."""
    wait_for(lambda: any(call["status"] is None and call["parameters"] for call in api.calls("getUpdates")),
             what="a poll that waits")


def poll(api, **arguments):
    """With a connection of its own: a session is for one thread."""
    return requests.post(f"{api.address}/bot{TOKEN}/getUpdates", json=arguments, timeout=70)


def test_updates_stay_until_an_offset_confirms_them(api, alice):
    say(alice, "one", "two")
    first = api.bot("getUpdates")
    assert texts(first) == ["one", "two"] and first == api.bot("getUpdates")
    assert texts(api.bot("getUpdates", offset=ids(first)[1])) == ["two"]
    assert texts(api.bot("getUpdates")) == ["two"]
    assert api.bot("getUpdates", offset=ids(first)[1] + 1)["result"] == []


def test_a_negative_offset_destroys_all_but_the_last(api, alice):
    say(alice, "one", "two", "three")
    assert texts(api.bot("getUpdates", offset=-1)) == ["three"]
    assert texts(api.bot("getUpdates")) == ["three"]


def test_one_answer_has_a_hundred_updates_at_most(api, alice):
    say(alice, *map(str, range(101)))
    assert len(api.bot("getUpdates", limit=1000)["result"]) == 100
    assert texts(api.bot("getUpdates", limit=2)) == ["0", "1"]


def test_one_answer_stays_below_four_mebibytes(api, alice):
    say(alice, *["x" * 900_000] * 6)
    assert len(api.bot("getUpdates")["result"]) == 4


def test_a_poll_waits_for_the_update(api, alice, beside):
    waiting = beside.submit(poll, api, timeout=50)
    waits(api)
    alice.say("hello")
    assert texts(waiting.result(5).json()) == ["hello"]


def test_a_poll_with_nothing_to_tell_ends_at_its_timeout(api, alice):
    assert api.bot("getUpdates", timeout=1) == {"ok": True, "result": []}
    assert 1 <= api.calls("getUpdates")[-1]["seconds"] < 10


def test_a_second_poller_takes_the_place_of_the_first(api, alice, beside):
    first = beside.submit(poll, api, timeout=50)
    waits(api)
    second = beside.submit(poll, api, timeout=50)
    refused = first.result(5)
    assert (refused.status_code, refused.json()) == (409, {"ok": False, "error_code": 409, "description": TAKEN})
    waits(api)
    alice.say("hello")
    assert texts(second.result(5).json()) == ["hello"]


def test_allowed_updates_stick(api, alice):
    api.bot("getUpdates", allowed_updates=["callback_query"])
    alice.say("unheard")
    assert api.bot("getUpdates")["result"] == []
    api.bot("getUpdates", allowed_updates=[])
    alice.say("heard")
    assert texts(api.bot("getUpdates")) == ["heard"]


def test_update_ids_restart_and_an_old_offset_confirms_nothing(api, alice):
    say(alice, "before")
    [old] = ids(api.bot("getUpdates"))
    api.restart_updates(first=old - 1000)
    alice.say("after")
    assert texts(api.bot("getUpdates", offset=old + 1)) == ["before", "after"]
    api.restart_updates()
    assert ids(api.bot("getUpdates"))[0] not in (old, old - 1000)


def test_an_update_comes_again_under_another_id(api, alice):
    alice.say("once")
    first = api.bot("getUpdates")["result"]
    api.bot("getUpdates", offset=first[0]["update_id"] + 1)
    api.repeat_update()
    [again] = api.bot("getUpdates")["result"]
    assert again["message"] == first[0]["message"] and again["update_id"] != first[0]["update_id"]


def test_the_bot_is_told_of_what_a_person_does(api, alice):
    row = [{"text": "Mute", "callback_data": "m1"}, {"text": "Open", "url": "https://example.org/"}]
    sent = api.bot("sendMessage", chat_id=alice.id, text="tap", reply_markup={"inline_keyboard": [row]})["result"]
    mine = alice.say("hello", reply_to=sent)
    alice.edit(mine, "hullo")
    alice.press(sent, "Mute")
    alice.send("sticker")
    alice.send("photo", reply_to=sent)
    alice.block()
    alice.start("code_1-2")
    said, edited, tapped, sticker, photo, blocked, unblocked, started = api.bot("getUpdates")["result"]
    assert said["message"]["reply_to_message"]["message_id"] == sent["message_id"]
    assert said["message"]["text"] == "hello", "as it was then"
    assert edited["edited_message"]["text"] == "hullo" and edited["edited_message"]["edit_date"]
    assert tapped["callback_query"]["data"] == "m1"
    assert tapped["callback_query"]["message"]["chat"]["id"] == tapped["callback_query"]["from"]["id"] == alice.id
    assert "sticker" in sticker["message"] and "text" not in sticker["message"]
    assert "photo" in photo["message"] and "reply_to_message" in photo["message"]
    assert blocked["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert unblocked["my_chat_member"]["new_chat_member"]["status"] == "member"
    assert started["message"]["text"] == "/start code_1-2"
    assert started["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]
    assert alice.press(sent, "Open") == {"url": "https://example.org/"}


def test_a_person_is_described_as_telegram_does(api):
    boris = api.phone("Борис", username="boris_b", language_code="ru", id=2**52 - 1)
    boris.start()
    [update] = api.bot("getUpdates")["result"]
    assert update["message"]["from"] == {"id": 2**52 - 1, "is_bot": False, "first_name": "Борис", "username": "boris_b",
                                         "language_code": "ru"}
    assert update["message"]["chat"] == {"id": 2**52 - 1, "first_name": "Борис", "username": "boris_b",
                                         "type": "private"}


@pytest.mark.parametrize("payload, text", [("a" * 64, "/start " + "a" * 64), ("a" * 65, "/start"), ("a.b", "/start"),
                                           ("", "/start")])
def test_a_payload_that_telegram_does_not_like_is_dropped(api, payload, text):
    assert api.phone().open(f"https://t.me/Perch_Bot?start={payload}")["text"] == text


class Hook:
    """The bot's side of a webhook; takes an update once it was `refusals` times asked in vain."""

    def __init__(self, refusals=0):
        self.came, self.refusals = [], refusals
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.came.append((self.headers["X-Telegram-Bot-Api-Secret-Token"], json.loads(body)))
                self.send_response(500 if len(hook.came) <= hook.refusals else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_webhook_is_sent_each_update_with_the_secret(api, alice):
    with Hook() as hook:
        assert api.bot("setWebhook", url=hook.url, secret_token="s3cret")["ok"]
        say(alice, "one", "two")
        wait_for(lambda: len(hook.came) == 2, what="two updates")
    assert [(secret, update["message"]["text"]) for secret, update in hook.came] == [("s3cret", "one"), ("s3cret", "two")]


def test_a_webhook_that_fails_is_sent_the_update_again(api, alice):
    with Hook(refusals=1) as hook:
        api.bot("setWebhook", url=hook.url)
        alice.say("one")
        wait_for(lambda: len(hook.came) == 2, what="the update again")
        assert hook.came[0] == hook.came[1]
        wait_for(lambda: api.bot("getWebhookInfo")["result"]["pending_update_count"] == 0, what="an empty queue")
    info = api.bot("getWebhookInfo")["result"]
    assert info["url"] == hook.url
    assert info["last_error_message"] == "Wrong response from the webhook: 500 Internal Server Error"


def test_polling_and_a_webhook_exclude_each_other(api, alice, beside):
    waiting = beside.submit(poll, api, timeout=50)
    waits(api)
    assert api.bot("setWebhook", url="https://127.0.0.1:9/")["ok"]
    assert waiting.result(5).json()["description"] == "Conflict: terminated by setWebhook request"
    assert api.bot("getUpdates") == {"ok": False, "error_code": 409, "description": HOOKED}
    alice.say("kept")
    assert api.bot("deleteWebhook")["ok"]
    assert texts(api.bot("getUpdates")) == ["kept"]
    api.bot("deleteWebhook", drop_pending_updates=True)
    assert api.bot("getUpdates")["result"] == []


@pytest.mark.parametrize("url", ["https://hooks.example.org/", "ftp://127.0.0.1/", "http://[::"])
def test_a_webhook_elsewhere_is_refused(api, url):
    assert api.bot("setWebhook", url=url)["error_code"] == 400


def test_a_test_can_make_an_update_of_its_own(api, alice):
    api.push_update("message", {"text": "\0", "chat": None})
    [update] = api.bot("getUpdates")["result"]
    assert update["message"] == {"text": "\0", "chat": None}


def test_somebody_who_started_long_ago_can_be_written_to(api):
    phone = api.phone("Bob", started=True)
    assert api.bot("sendMessage", chat_id=phone.id, text="hello")["ok"]
    assert api.bot("getUpdates")["result"] == []
