"""Linking a Telegram chat on the page, while the notifier's half is played with its SQL."""

import uuid

import pytest

from perchtest import Instance
from perchtest.telegram import BOT, Notifier, a_chat


@pytest.fixture(scope="module")
def site():
    """An instance with a bot. Nobody but these tests uses it."""
    instance = Instance().start()
    Notifier(instance).bot()
    yield instance
    instance.stop()


@pytest.fixture
def notifier(site):
    return Notifier(site)


def unique(name):
    return f"{name}-{uuid.uuid4().hex[:8]}"


def note(page):
    return page.text("#telegram-note")


def says(page, chat, what):
    who = f"@{chat.username} ({chat.name})" if chat.username else f"Somebody without an @name ({chat.name})"
    page.wait(lambda: note(page).startswith(f"{who} {what}"), f"{who} {what!r} instead of {note(page)!r}")


def code_on(page):
    page.wait(lambda: page.shown("#telegram-offer"), "the code")
    line, link = page.text("#telegram-code"), page.js("return document.getElementById('telegram-url').href")
    word, code = line.split(" ")
    assert (word, link) == ("/link", f"https://t.me/{BOT}?start={code}")
    assert page.text("#telegram-bot") == f"@{BOT}"
    return code


def test_a_chat_is_linked_blocked_and_unlinked(window, site, notifier, artefacts):
    alice, anna = unique("Alice"), a_chat("Anna Karenina")
    page = window(site.url)
    page.register(alice)
    phone = window(site.url, width=320, height=568)
    phone.login(alice)
    for one in (page, phone):
        one.click("#telegram-open")
        one.wait(lambda: note(one).startswith("Link your Telegram"), "the beginning")
    assert phone.js("return document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the phone"

    # The code opens in a tab of its own, which learns nothing of this one.
    page.click("#telegram-link", "Link Telegram")
    code = code_on(page)
    assert page.js("const { target, rel } = document.getElementById('telegram-url'); return [target, rel]") \
        == ["_blank", "noopener"]
    page.screenshot(artefacts / "telegram-code.png")

    # Who asks is shown on both devices by itself, and the code is gone.
    assert notifier.start(anna, code) == "asked"
    for one in (page, phone):
        says(one, anna, "wants to receive your notifications")
        assert one.texts(".sheet-does button") == ["Confirm", "Refuse"]
        assert not one.shown("#telegram-offer")
    page.screenshot(artefacts / "telegram-asks.png")
    phone.screenshot(artefacts / "telegram-asks-phone.png")

    # The answer on one is the answer for both.
    phone.click("#telegram-confirm")
    for one in (page, phone):
        says(one, anna, "receives your notifications")
        assert one.texts(".sheet-does button") == ["Link another chat", "Unlink"]
    page.screenshot(artefacts / "telegram-linked.png")

    notifier.block(anna)
    says(page, anna, "has blocked the bot")
    page.screenshot(artefacts / "telegram-blocked.png")
    assert notifier.start(anna) == "unblocked"
    says(page, anna, "receives your notifications")

    page.click("#telegram-unlink")
    for one in (page, phone):
        one.wait(lambda: note(one).startswith("Link your Telegram"), "the link to be gone")


def test_a_stranger_with_the_link_is_refused(window, site, notifier):
    page = window(site.url)
    page.register(unique("Alice"))
    page.click("#telegram-open")
    page.click("#telegram-link")
    stranger = a_chat("\u202eecilA) <b>you</b>", username=False)
    code = code_on(page)
    page.click("#telegram-close")
    assert not page.shown("#telegram-count")
    notifier.start(stranger, code)
    # Noticed although nobody looks there.
    page.wait(lambda: page.shown("#telegram-count"), "the sign beside the button")
    page.click("#telegram-open")
    stranger.name = stranger.name[1:]  # what turns the text around is left out
    says(page, stranger, "wants to receive your notifications")
    page.click("#telegram-refuse")
    page.wait(lambda: note(page).startswith("Link your Telegram"), "the beginning")
    assert not page.shown("#telegram-count")


def test_a_server_without_a_bot_says_so(window, perch):
    page = window()
    page.register(unique("Alice"))
    page.click("#telegram-open")
    page.wait(lambda: "no Telegram bot" in note(page), "the page to say so")
    assert page.texts(".sheet-does button") == []


def test_a_name_that_is_only_claimed_is_shown_as_unproved_and_can_ask(window, site, notifier, artefacts):
    chat = a_chat()
    alice = site.person("alice", telegram=f"@{chat.username}")
    page = window(site.url)
    page.login(alice.username, alice.password)
    page.click("#telegram-open")
    page.wait(lambda: note(page).startswith(f"@{chat.username} is the name you gave, and nobody has proved"), "the claim")
    page.screenshot(artefacts / "telegram-claim.png")
    assert notifier.start(chat) == "asked"
    says(page, chat, "wants to receive your notifications")
    page.click("#telegram-confirm")
    says(page, chat, "receives your notifications")


def test_a_page_that_shows_one_chat_does_not_confirm_another(window, site, notifier):
    page = window(site.url)
    page.register(unique("Alice"))
    page.click("#telegram-open")
    page.click("#telegram-link")
    first, second = a_chat("First"), a_chat("Second")
    notifier.start(first, code_on(page))
    says(page, first, "wants to receive your notifications")
    page.js("""
        const ask = fetch;
        window.fetch = (url, options) => options.method === 'GET' ? new Promise(() => {}) : ask(url, options)""")
    link = page.js("return fetch('/api/v1/me/telegram/link', {method: 'POST'}).then((reply) => reply.json())")
    notifier.start(second, link["code"])
    page.expected.append(f"{page.url}/api/v1/me/telegram/confirm - Failed")
    page.click("#telegram-confirm")
    page.js("location.reload()")
    page.wait(lambda: page.shown("#telegram-count"), "the second to ask still")
    page.click("#telegram-open")
    says(page, second, "wants to receive your notifications")


def test_the_next_person_at_this_browser_sees_nothing_of_the_last_ones_link(window, site, notifier):
    page = window(site.url)
    page.register(unique("Alice"))
    page.click("#telegram-open")
    page.click("#telegram-link")
    anna = a_chat()
    notifier.start(anna, code_on(page))
    says(page, anna, "wants to receive your notifications")
    page.click("#telegram-close")
    page.logout()
    page.wait(lambda: page.shown("#door"), "the door")
    assert anna.username not in page.js("return document.body.textContent")
    page.register(unique("Bob"))
    page.click("#telegram-open")
    page.wait(lambda: note(page).startswith("Link your Telegram"), "the beginning")
    assert not page.shown("#telegram-count")


def test_what_telegram_hears_is_set_beside_the_link(window, site):
    alice = site.person("alice")
    page = window(site.url)
    page.login(alice.username, alice.password)
    page.click("#telegram-open")
    page.wait(lambda: page.shown("#notify"), "the form")

    def choose(select, value):
        page.js("const e = document.querySelector(arguments[0]); e.value = arguments[1];"
                "e.dispatchEvent(new Event('change', {bubbles: true}))", select, value)

    def settings():
        return alice.get("/me").json()["settings"]

    choose("#notify-preview", "sender")
    choose("#notify-delay", "300")
    page.click("#notify-quiet")
    choose("#notify-zone", "Asia/Tokyo")
    wanted = {"preview": "sender", "quiet_from": "22:00", "quiet_to": "08:00", "delay_s": 300}
    page.wait(lambda: settings()["notify"] == wanted and settings()["time_zone"] == "Asia/Tokyo", "the server to know")
    page.driver.refresh()
    page.click("#telegram-open")
    page.wait(lambda: page.shown("#notify-hours"), "the hours after a reload")
    assert page.js("return ['preview', 'delay', 'from', 'to', 'zone'].map(n => document.getElementById('notify-' + n).value)") \
        == ["sender", "300", "22:00", "08:00", "Asia/Tokyo"]
    page.click("#notify-quiet")
    page.wait(lambda: settings()["notify"]["quiet_from"] is None, "the hours to be gone")
