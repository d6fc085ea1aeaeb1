"""Updates that Telegram brings instead of being asked for them."""

import pytest
import requests

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
