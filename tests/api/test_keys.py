"""Signing keys are changed by a reload, without ending a session or losing a request."""

import base64
import json
import os
import signal

import pytest

from perchtest import wait_for
from perchtest.api import Call, good, problem


@pytest.fixture
def site(perch_factory):
    return perch_factory(WORKERS=2)


def kid_of(token):
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


def keys_of(site):
    with open(site.env["PERCH_JWT_KEYS_FILE"]) as file:
        return file.read()


def reload_with(site, text):
    """Puts the text into the key file, which keeps its owner and mode, and tells the master."""
    with open(site.env["PERCH_JWT_KEYS_FILE"], "r+") as file:
        file.truncate()
        file.write(text)
    site.service("perch-fcgi").signal(signal.SIGHUP)


def new_key(kid):
    return f"{kid} {base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip('=')}\n"


def refused(client):
    return client.get("/me").status_code == 401


def test_a_new_key_signs_while_the_old_one_still_holds_until_it_is_dropped(site):
    alice = site.person("alice")
    old = alice.another_device(bearer=True)
    before, added = keys_of(site), new_key("second")
    reload_with(site, added + before)
    wait_for(lambda: kid_of(alice.another_device(bearer=True).token) == "second", 20, "the new key to sign")
    new = alice.another_device(bearer=True)
    for client in (alice, old, new):
        good(client.get("/me"))
    reload_with(site, added)
    wait_for(lambda: refused(old), 20, "the old key to be dropped")
    wait_for(lambda: kid_of(new.another_device(bearer=True).token) == "second", 20, "all to be replaced")
    problem(old.get("/me"), 401, "unauthorized")
    good(new.get("/me"))


@pytest.mark.parametrize("text", ["", "nonsense\n", "k1 c2hvcnQ\n"], ids=["empty", "garbled", "short key"])
def test_a_reload_with_a_broken_key_file_goes_on_with_the_keys_it_has(site, text):
    alice = site.person("alice")
    reload_with(site, text)
    wait_for(
        lambda: any(" error " in line and "master" in line for line in site.log().splitlines()), 20, "a log line"
    )
    program = alice.another_device(bearer=True)
    good(program.get("/me"))
    assert site.ready()


def test_a_reload_loses_no_request(site):
    alice, bob = site.person("alice"), site.person("bob")
    cursor = bob.cursor()
    poll = Call(bob, "GET", "/events", params={"cursor": cursor, "wait": 30})
    ids = []
    for number in range(150):
        if number % 50 == 10:
            site.service("perch-fcgi").signal(signal.SIGHUP)
        ids.append(good(alice.post(f"/dialogs/{bob.id}/messages", {"body": f"{number}"}), 201)["message"]["id"])
    good(poll.response())
    events, _ = bob.events(cursor, 150)
    assert [event["message"]["id"] for event in events] == ids
