"""The whole story, as somebody new would try it: linked, gone, told on the phone, answered from there."""

import uuid

import pytest

from perchtest import Instance
from perchtest.presence import leases_believe


@pytest.fixture(scope="module")
def site():
    """With the stand-in for Telegram and its phone."""
    instance = Instance(DEV_TELEGRAM="stand-in").start()
    leases_believe(instance)
    yield instance
    instance.stop()


def phone_page(window, site, name):
    """The phone, with a chat for somebody new."""
    phone = window(site.url, width=900, height=640)
    phone.driver.get(site.env["PERCH_TELEGRAM_API"])
    phone.type("#person [name=first_name]", name)
    phone.click("#person button")
    phone.wait(lambda: phone.shown("#link"), "the chat")
    return phone


def phone_shows(phone, text):
    phone.wait(lambda: any(text in line for line in phone.texts("#messages p")), f"{text!r} on the phone", timeout=30)


def test_somebody_links_a_chat_leaves_is_told_there_and_answers_from_there(window, site, artefacts):
    alice, bob = (f"{name}-{uuid.uuid4().hex[:6]}" for name in ("Alice", "Bob"))
    hers, his = window(site.url), window(site.url)
    hers.register(alice)
    his.register(bob)
    phone = phone_page(window, site, "Alice")

    hers.click("#telegram-open")
    hers.click("#telegram-link")
    hers.wait(lambda: hers.shown("#telegram-offer"), "the link")
    phone.type("#link [name=link]", hers.js("return document.getElementById('telegram-url').href"))
    phone.click("#link button", "Follow")
    phone_shows(phone, "confirm")
    hers.click("#telegram-confirm")
    hers.wait(lambda: "receives your notifications" in hers.text("#telegram-note"), "the link to be there")
    phone_shows(phone, alice)
    hers.screenshot(artefacts / "story-linked.png")
    hers.click("#telegram-close")
    hers.logout()
    hers.wait(lambda: hers.shown("#door"), "the door")

    his.find_person(alice)
    his.send("Are you there?")
    phone_shows(phone, "Are you there?")
    phone.screenshot(artefacts / "story-phone.png")
    phone.click("#messages .bubble", "Are you there?")
    phone.type("#say [name=text]", "On the train. Back at eight!")
    phone.click("#say button", "Send")
    his.wait(lambda: his.messages() == ["Are you there?", "On the train. Back at eight!"], "the answer")
    his.screenshot(artefacts / "story-answer.png")
    phone.screenshot(artefacts / "story-phone-answered.png")

    hers.login(alice)
    hers.find_person(bob)
    hers.wait(lambda: hers.messages() == ["Are you there?", "On the train. Back at eight!"], "what was said meanwhile")
