"""What one person sees of another who comes, types and goes."""

import uuid

from perchtest.presence import leases_believe


def unique(name):
    return f"{name}-{uuid.uuid4().hex[:8]}"


def test_one_sees_the_other_come_type_and_go(window, perch, artefacts):
    leases_believe(perch)
    alice_name, bob_name = unique("Alice"), unique("Bob")
    alice, bob = window(), window()
    alice.register(alice_name)
    bob.register(bob_name)
    alice.find_person(bob_name)
    alice.send("hello")
    alice.click("#tab-chats")
    bob.click("#tab-chats")
    bob.click("#rows .row", alice_name)

    # Each is there, and looks.
    for one in (alice, bob):
        one.wait(lambda: one.text("#talk-status") == "online", "the peer to be online", timeout=20)
        one.wait(lambda: one.shown("#rows .avatar.is-online"), "the mark in the list")

    # Bob types, then stops, then sends.
    bob.type("#body", "I am")
    alice.wait(lambda: alice.text("#talk-status") == "typing\u2026", "to see Bob type")
    assert [bob_name, "typing\u2026", 0] in alice.chats()
    alice.screenshot(artefacts / "presence-typing.png")
    alice.wait(lambda: alice.text("#talk-status") == "online", "the typing to end", timeout=10)
    bob.send("I am here")
    alice.wait(lambda: alice.messages() == ["hello", "I am here"], "the message")
    alice.wait(lambda: [bob_name, "I am here", 0] in alice.chats(), "the list to show it")

    # He closes his window: gone, though the connection would have had a grace.
    bob.driver.get("about:blank")
    alice.wait(lambda: alice.text("#talk-status").startswith("last seen"), "Bob to be gone", timeout=14)
    assert not alice.shown("#rows .avatar.is-online")
    bob.driver.get(bob.url)
    bob.wait(lambda: bob.shown("#app"), "Bob to be back")
    alice.wait(lambda: alice.text("#talk-status") == "online", "Bob to be back", timeout=20)
    alice.screenshot(artefacts / "presence-online.png")


def test_who_looks_elsewhere_is_away_at_once(window, perch):
    leases_believe(perch)
    friend = perch.person("friend")
    page = window()
    name = unique("Carol")
    page.register(name)
    page.find_person(friend.username)
    page.send("hello")
    me = page.js("return fetch('/api/v1/me').then((reply) => reply.json()).then((me) => me.user.id)")

    def active():
        [row] = friend.get("/presence", params={"ids": str(me)}).json()["presence"]
        return (row["online"], row["active"])

    page.wait(lambda: active() == (True, True), "Carol to be active")
    hide = "Object.defineProperty(document, 'visibilityState', {value: arguments[0], configurable: true});" \
           "document.dispatchEvent(new Event('visibilitychange'))"
    page.js(hide, "hidden")
    page.wait(lambda: active() == (True, False), "Carol to be idle", timeout=5)
    page.js(hide, "visible")
    page.wait(lambda: active() == (True, True), "Carol to be active again", timeout=5)
