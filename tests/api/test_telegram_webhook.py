"""The webhook: what Telegram brings goes into the notifier's inbox, once, if it has the secret."""

import hashlib
import itertools
import json

import pytest

from perchtest import Instance
from perchtest.api import good, problem
from perchtest.telegram import Notifier

PATH = "/telegram/webhook"
SECRET = "marked-webhook-secret_0123456789"
ids = itertools.count(700_000_000)


@pytest.fixture(scope="module")
def site():
    """An instance with a bot and a webhook. Nobody but these tests uses it."""
    instance = Instance(WORKERS=2).start()
    Notifier(instance).bot()
    yield instance
    instance.stop()


@pytest.fixture
def notifier(site):
    notifier = Notifier(site)
    notifier.webhook(SECRET)
    return notifier


@pytest.fixture
def telegram(site, notifier):
    return site.client()


def bring(client, body, secret=SECRET, kind="application/json"):
    """As Telegram does it: "POST", "/api/v1/telegram/webhook"."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": kind, "Origin": None}
    if secret is not None:
        headers["X-Telegram-Bot-Api-Secret-Token"] = secret
    return client.request("POST", PATH, data=data, headers=headers)


def inbox(site):
    """What waits for the notifier: {id: update}."""
    return {number: json.loads(body) for number, body in site.sql("SELECT update_id, body FROM telegram_updates")}


def an_update(**rest):
    return {"update_id": next(ids), "message": {"message_id": 1, "text": "Привет 🦊 \u202e", **rest}}


def test_an_update_is_kept_as_it_came(site, telegram):
    update = an_update(deep=[[[[[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]]]]]])
    good(bring(telegram, update), 204)
    assert inbox(site)[update["update_id"]] == update


def test_a_nul_in_an_update_is_replaced(site, telegram):
    update = an_update(caption="\0a\\u0000")
    good(bring(telegram, update), 204)
    assert inbox(site)[update["update_id"]] == {**update, "message": {**update["message"], "caption": "\ufffda\\u0000"}}


def test_an_update_that_is_brought_again_is_taken_and_kept_once(site, telegram):
    update = an_update()
    for _ in range(3):
        good(bring(telegram, update), 204)
    good(bring(telegram, {**update, "message": None}), 204)
    assert inbox(site)[update["update_id"]] == update


@pytest.mark.parametrize("secret", [None, "", "x", SECRET[:-1], SECRET + "x", SECRET.upper()])
def test_without_the_secret_nothing_is_taken(site, telegram, secret):
    before = inbox(site)
    problem(bring(telegram, an_update(), secret), 401, "unauthorized")
    problem(bring(telegram, b"nonsense", secret), 401, "unauthorized")
    assert inbox(site) == before


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"update_id":"1"}', b'{"update_id":1.5}', b'{"update_id":1,"x":"\0"}',
     b'{"update_id":1,"x":"\xff"}', b"[" * 100_000],
    ids=["empty", "cut", "list", "null", "no id", "id text", "id fraction", "nul", "not utf-8", "deep"],
)
def test_what_can_never_be_applied_is_dropped_so_that_telegram_goes_on(site, telegram, body):
    before = inbox(site)
    good(bring(telegram, body), 204)
    assert inbox(site) == before


def test_a_large_update_is_taken_and_one_that_is_too_large_is_not(site, telegram):
    update = an_update(caption="x" * 900_000)
    good(bring(telegram, update), 204)
    assert inbox(site)[update["update_id"]] == update
    problem(bring(telegram, an_update(caption="x" * 1_100_000)), 413, "too_large")


def test_where_there_is_no_webhook_there_is_no_such_thing(site, notifier, telegram):
    notifier.webhook(None)
    problem(bring(telegram, an_update()), 404, "not_found")


def test_where_there_is_no_bot_there_is_no_such_thing(site, notifier, telegram):
    notifier.bot(None)
    try:
        problem(bring(telegram, an_update()), 404, "not_found")
    finally:
        notifier.bot()


def test_the_notifier_hears_of_it_at_once(site, telegram):
    with site.redis().pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe("perch:n")
        channel.get_message(timeout=5)
        good(bring(telegram, an_update()), 204)
        assert channel.get_message(timeout=5)["channel"] == b"perch:n"


def test_the_secret_is_kept_nowhere(site, telegram):
    good(bring(telegram, an_update()), 204)
    [(kept,)] = site.sql("SELECT webhook_hash FROM telegram_bot")
    assert bytes(kept) == hashlib.sha256(SECRET.encode()).digest()
    assert SECRET not in site.log() + site.log("nginx") + site.log("postgresql")
