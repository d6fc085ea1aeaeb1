"""The search in what was said, and the way to what was found."""

import uuid

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys


def history_make(perch, alice, bob, count):
    perch.sql("INSERT INTO messages (sender_id, recipient_id, client_id, body, sent_at)"
              " SELECT CASE WHEN i %% 3 = 0 THEN %s ELSE %s END, CASE WHEN i %% 3 = 0 THEN %s ELSE %s END,"
              " gen_random_uuid(), 'message ' || i || CASE WHEN i = 100 THEN ' a needle <b>here</b>' ELSE '' END,"
              " now() - make_interval(mins => (%s - i) * 20) FROM generate_series(1, %s) AS i",
              bob.id, alice.id, alice.id, bob.id, count, count - 1)
    last = alice.send(bob, f"message {count}")
    assert alice.put(f"/dialogs/{bob.id}/read", {"upto": last["id"]}).status_code == 204


def found(page):
    return page.texts("#find-rows .found")


def test_a_message_far_back_is_found_and_shown_among_its_neighbours(window, perch, artefacts):
    alice, bob = perch.person("alice"), perch.person("bob")
    history_make(perch, alice, bob, 1000)
    page = window()
    page.login(alice.username, alice.password)
    page.driver.get(f"{perch.url}/#/with/{bob.id}")
    page.wait(lambda: page.messages()[-1:] == ["message 1000"], "the newest")
    page.click("#talk-menu")
    page.click("[role=menuitem]", "Search")
    page.type("#find-q", "needl")
    page.wait(lambda: found(page) == ["You: message 100 a needle <b>here</b>"], "it")
    assert page.texts("#find-rows mark") == ["needl"]
    page.screenshot(artefacts / "search.png")
    page.click("#find-rows .row")
    page.wait(lambda: page.shown(".is-target"), "the message")
    page.screenshot(artefacts / "search-target.png")
    assert page.text(".is-target .text") == "message 100 a needle <b>here</b>"
    assert page.js("return document.activeElement.className").startswith("message")
    shown = [int(body.split()[1]) for body in page.messages()]
    assert shown == list(range(shown[0], shown[-1] + 1)) and shown[0] < 90 and 110 < shown[-1] < 400

    # What arrives meanwhile makes no hole; down the history goes on without one.
    bob.send(alice, "message 1001")
    page.wait(lambda: page.text("#to-end-count") == "1", "the count")
    last = shown[-1]
    while last < 400:
        page.js("document.getElementById('scroller').scrollBy(0, 1500)")
        shown = [int(body.split()[1]) for body in page.messages()]
        assert shown == list(range(shown[0], shown[-1] + 1))
        last = shown[-1]
    page.click("#to-end")
    page.wait(lambda: page.messages()[-1:] == ["message 1001"] and not page.shown("#to-end"), "the newest")


def test_all_dialogs_are_searched_page_after_page(window, perch):
    word = uuid.uuid4().hex
    alice, bob, eve = (perch.person(name) for name in ("alice", "bob", "eve"))
    for number in range(40):
        alice.send(bob, f"{word} {number}")
    eve.send(alice, f"Also {word}!")
    alice.send(alice, f"note {word}")
    page = window(width=390, height=700)
    page.login(alice.username, alice.password)
    page.click("#find-open")
    page.type("#find-q", f"{word[:20]}")
    page.wait(lambda: len(found(page)) >= 30, "the first page")
    assert found(page)[:3] == [f"note {word}", f"Also {word}!", f"You: {word} 39"]
    assert not page.shown("#find-where"), "there is no dialog to be searched alone"

    def down():
        page.js("document.getElementById('find-list').scrollTop = 100000")
        return len(found(page)) == 42

    page.wait(down, "all of them")
    assert not page.shown("#find-more")
    page.js("document.getElementById('find-list').scrollTop = 0")
    page.click("#find-rows .row", "Also")
    page.wait(lambda: page.text("#talk-name") == eve.username and page.text(".is-target .text") == f"Also {word}!", "it")


def test_the_search_is_done_by_keyboard_and_says_when_there_is_nothing(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    bob.send(alice, "a haystack")
    page = window()
    page.login(alice.username, alice.password)
    page.driver.get(f"{perch.url}/#/with/{bob.id}")
    page.wait(lambda: page.messages() == ["a haystack"], "the history")
    page.js("document.getElementById('find-open').focus()")
    keys = ActionChains(page.driver)
    keys.send_keys(Keys.ENTER, "needle").perform()
    page.wait(lambda: page.text("#find-note") == "Nothing was found.", "it to say so")
    ActionChains(page.driver).send_keys(*[Keys.BACKSPACE] * 6, "hay").perform()
    page.wait(lambda: found(page) == ["a haystack"], "it")
    ActionChains(page.driver).send_keys(Keys.TAB, Keys.ENTER).perform()
    page.wait(lambda: page.shown(".is-target") and not page.shown("#find"), "the message")
