"""Updates that Telegram brings instead of being asked for them."""

import json

import pytest
import requests

from notifier.chat import asked, bodies, tell
from notifier.rig import texts
from perchtest import wait_for
from perchtest.api import good
from perchtest.notifier import NotifierProgram
from perchtest.telegram import confirm

PATH = "/api/v1/telegram/webhook"


def last(api):
    """The number of the last call of any bot so far."""
    return max((call["n"] for call in api.calls()), default=0)


def await_told(api, after, method="setWebhook"):
    """Until Telegram has been told after that call; what it was told."""
    def told():
        return [call["parameters"] for call in api.calls(method, after=after) if call["executed"]]
    return wait_for(told, 10, method)[0]


def address(site):
    return site.url.replace("localhost", "127.0.0.1")


@pytest.fixture
def webhook(site, api, notifier_of):
    """A notifier whose updates are brought to the instance; Telegram knows that."""
    after = last(api)
    program = notifier_of(TELEGRAM_WEBHOOK=1, PUBLIC_URL=address(site) + "/")
    assert await_told(api, after)["url"] == address(site) + PATH
    return program


def test_somebody_links_with_updates_that_are_brought(site, api, webhook, world):
    after = last(api)
    alice, phone = world.person("Alice"), api.phone("Alice")
    phone.open(good(alice.post("/me/telegram/link"))["url"])
    wait_for(lambda: good(alice.get("/me/telegram"))["pending"], 10, "the page to be asked")
    good(confirm(alice), 204)
    wait_for(phone.received, 10, "the bot to say so")
    assert api.calls("getUpdates", after=after) == []


def test_what_is_brought_while_no_notifier_runs_is_applied_later(site, api, webhook, world):
    alice, phone = world.person("Alice"), api.phone("Alice")
    url = good(alice.post("/me/telegram/link"))["url"]
    webhook.kill()
    phone.open(url)
    wait_for(lambda: site.sql("SELECT update_id FROM telegram_updates WHERE body IS NOT NULL"), 10, "the update")
    assert good(alice.get("/me/telegram"))["pending"] is None
    webhook.start()
    wait_for(lambda: good(alice.get("/me/telegram"))["pending"], 10, "the page to be asked")


def test_an_update_that_is_brought_twice_is_applied_once(site, api, webhook, world):
    phone = api.phone("Alice")
    phone.start()
    wait_for(phone.received, 10, "an answer")
    secret = api.calls("setWebhook")[-1]["parameters"]["secret_token"]
    [[number]] = site.sql("SELECT update_id FROM telegram_updates ORDER BY received_at DESC LIMIT 1")
    reply = requests.post(site.url + PATH, json={"update_id": number, "message": None}, timeout=20,
                          headers={"X-Telegram-Bot-Api-Secret-Token": secret})
    assert reply.status_code == 204
    assert site.sql("SELECT update_id FROM telegram_updates WHERE body IS NOT NULL") == []
    assert len(phone.received()) == 1


def test_without_the_setting_telegram_is_asked_again(site, api, webhook, world):
    webhook.stop()
    after = last(api)
    with NotifierProgram(site, api):
        await_told(api, after, "deleteWebhook")
        alice, phone = world.person("Alice"), api.phone("Alice")
        phone.open(good(alice.post("/me/telegram/link"))["url"])
        wait_for(lambda: good(alice.get("/me/telegram"))["pending"], 20, "the page to be asked")
    reply = requests.post(site.url + PATH, json={"update_id": 1}, timeout=20,
                          headers={"X-Telegram-Bot-Api-Secret-Token": "x"})
    assert reply.status_code == 404


def test_what_telegram_does_not_take_is_said_and_tried_again(site, api, notifier_of):
    api.fault("error", method="setWebhook", code=500)
    after = last(api)
    program = notifier_of(TELEGRAM_WEBHOOK=1, PUBLIC_URL=address(site))
    wait_for(lambda: "does not take a webhook" in program.log(), 10, "the refusal to be said")
    assert await_told(api, after)["url"] == address(site) + PATH


def test_a_webhook_needs_an_address(site, api):
    program = NotifierProgram(site, api, TELEGRAM_WEBHOOK=1).start(wait=False)
    assert program.process.wait(10) == 1
    assert "PERCH_PUBLIC_URL" in program.log()
    program.process = None
    program.close()


def test_every_notifier_gives_telegram_the_same_secret(site, api, webhook):
    first = api.calls("setWebhook")[-1]["parameters"]["secret_token"]
    after = last(api)
    webhook.restart()
    assert await_told(api, after)["secret_token"] == first and len(first) == 43
    for secret in (first, api.token.partition(":")[2]):
        assert secret not in webhook.log() + site.log() + site.log("nginx") + site.log("postgresql")


def test_a_tap_with_a_nul_in_it_is_answered(site, api, webhook, world):
    _, _, phone, message = tell(world)
    api.push_update("callback_query", {
        "id": f"{phone.id}", "from": {"id": phone.id, "is_bot": False, "first_name": "Bob"}, "message": message,
        "chat_instance": "1", "data": "\0"})
    api.await_calls(1, "answerCallbackQuery", after=api.calls("setWebhook")[-1]["n"])


# From one way to the other


def bring(site, api, update):
    """To the instance; nobody tells Telegram of the answer."""
    secret = api.calls("setWebhook")[-1]["parameters"]["secret_token"]
    reply = requests.post(site.url + PATH, json=update, timeout=20, headers={"X-Telegram-Bot-Api-Secret-Token": secret})
    assert reply.status_code == 204


def waiting(site):
    """Ids of updates in the inbox."""
    return [number for [number] in site.sql("SELECT update_id FROM telegram_updates WHERE body IS NOT NULL")]


def helped(phone):
    """How many times /help was answered, once what the phone says now was."""
    phone.say("/unmute")
    wait_for(lambda: any("are on" in text for text in texts(phone)), 20, "the last answer")
    return len([text for text in texts(phone) if "/status" in text])


def test_what_was_polled_and_not_confirmed_is_not_applied_again_with_a_webhook(site, api, notifier_of, world):
    polling = notifier_of()
    _, _, phone, _ = tell(world)
    wait_for(lambda: api.calls("getUpdates")[-1]["status"] is None, 10, "a poll that waits")
    api.fault("error", "getUpdates", code=502, times=None)
    phone.say("/help")  # ends that poll; Telegram takes no other, so it hears nothing of the offset
    wait_for(lambda: len(texts(phone)) == 2, 10, "an answer")
    polling.kill()
    api.heal()
    assert api.bot("getWebhookInfo")["result"]["pending_update_count"] == 1
    notifier_of(TELEGRAM_WEBHOOK=1, PUBLIC_URL=address(site))
    assert helped(phone) == 1


def test_a_webhook_waits_until_telegram_has_heard_of_what_was_polled(site, api, notifier_of, world):
    polling = notifier_of()
    asked(api.phone("Alice", started=True), "/help")
    polling.stop()
    after = last(api)
    api.fault("error", "getUpdates", code=502)
    asked_for = notifier_of(TELEGRAM_WEBHOOK=1, PUBLIC_URL=address(site))
    await_told(api, after)
    assert "does not take a webhook" in asked_for.log()
    calls = [call for call in api.calls(after=after) if call["method"].lower() in ("getupdates", "setwebhook")]
    assert [call["method"].lower() for call in calls] == ["getupdates", "getupdates", "setwebhook"]
    [[offset]] = site.sql("SELECT update_offset FROM telegram_bot")
    assert calls[1]["parameters"]["offset"] == offset and calls[1]["parameters"]["timeout"] == 0


@pytest.mark.parametrize("applied", [True, False])
def test_what_a_webhook_brought_and_telegram_brings_again_is_applied_once(site, api, webhook, notifier_of, world, applied):
    """The answer to Telegram was lost."""
    alice, bob, phone, message = tell(world)
    api.bot("deleteWebhook")
    if not applied:
        webhook.kill()
    phone.say("/help")
    phone.say("one", message)
    phone.say("two", message)
    for update in api.bot("getUpdates", limit=2)["result"]:
        bring(site, api, update)
    if applied:
        wait_for(lambda: not waiting(site), 10, "these two to be applied")
        webhook.kill()
    assert api.bot("getWebhookInfo")["result"]["pending_update_count"] == 3
    notifier_of()
    wait_for(lambda: "two" in bodies(alice, bob), 10, "the last reply to be posted")
    assert bodies(alice, bob) == ["hello", "one", "two"]
    assert helped(phone) == 1
    wait_for(lambda: api.bot("getWebhookInfo")["result"]["pending_update_count"] == 0, 10, "Telegram to know")


def test_what_a_webhook_brought_comes_before_what_is_polled(site, api, webhook, notifier_of, world):
    bob, phone = world.linked("Bob")
    api.bot("deleteWebhook")
    webhook.kill()
    phone.say("/mute")
    bring(site, api, api.bot("getUpdates")["result"][0])
    after = last(api)
    with site.db() as db, db.transaction():
        db.execute("SELECT FROM telegram_links WHERE user_id = %s FOR UPDATE", [bob.id])
        notifier_of()
        await_told(api, after, "deleteWebhook")
        phone.say("/status")
        assert len(waiting(site)) == 1 and api.calls("getUpdates", after=after) == []
    wait_for(lambda: len(texts(phone)) == 2, 10, "two answers")
    assert "Muted: " in texts(phone)[1]


def test_what_comes_into_the_inbox_while_it_polls_is_applied(site, api, notifier_of, world):
    notifier_of()
    phone = api.phone("Alice", started=True)
    asked(phone, "/help")
    message = {"message_id": 1, "date": 1, "chat": {"id": phone.id, "type": "private", "first_name": "Alice"},
               "from": {"id": phone.id, "is_bot": False, "first_name": "Alice"}, "text": "/help"}
    site.sql("INSERT INTO telegram_updates VALUES (5, %s, clock_timestamp())"
             " ON CONFLICT (update_id) DO UPDATE SET body = excluded.body", json.dumps({"update_id": 5, "message": message}))
    with site.redis() as redis:
        redis.publish("perch:n", "")
    wait_for(lambda: len(texts(phone)) == 2, 10, "an answer")
