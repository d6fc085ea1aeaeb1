"""What one does with the messages of a dialog: follow links, copy, change, delete; drafts and mute."""

import uuid

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


@pytest.fixture
def talk(window, perch):
    """A function: Alice's page with a dialog of those bodies, hers or [Bob's]; returns page, alice, bob."""
    def factory(*bodies, **size):
        alice, bob = perch.person("alice"), perch.person("bob")
        for body in bodies:
            one, other = (bob, alice) if isinstance(body, list) else (alice, bob)
            one.send(other, body[0] if isinstance(body, list) else body)
        page = window(**size)
        page.login(alice.username, alice.password)
        page.driver.get(f"{perch.url}/#/with/{bob.id}")
        page.wait(lambda: len(page.texts(".message")) == len(bodies), "the history")
        return page, alice, bob
    return factory


def bubble(page, body):
    return next(one for one in page.driver.find_elements(By.CSS_SELECTOR, ".bubble") if body in one.text)


def menu(page, body, item):
    """Choose from a message's menu with the mouse."""
    ActionChains(page.driver).move_to_element(bubble(page, body)).perform()
    bubble(page, body).find_element(By.CSS_SELECTOR, ".message-menu").click()
    page.click("[role=menuitem]", item)


def keys(page, *what):
    ActionChains(page.driver).send_keys(*what).perform()


def focused(page):
    return page.js("return document.activeElement.innerText")


def test_a_link_opens_elsewhere_and_tells_nobody_where_it_was(talk):
    page, _, _ = talk(["see (https://example.com/a_(b)), or www.example.org."], ["no javascript:alert(1) here"])
    assert page.js("return [...document.querySelectorAll('.text a')].map(a => [a.innerText, a.href, a.target, a.rel, a.dir])") == [
        ["https://example.com/a_(b)", "https://example.com/a_(b)", "_blank", "noopener noreferrer nofollow", "ltr"],
        ["www.example.org", "https://www.example.org/", "_blank", "noopener noreferrer nofollow", "ltr"]]


def test_ones_own_message_is_changed_and_deleted_and_the_other_sees_it(talk, window, artefacts):
    page, alice, bob = talk("frist", ["hello"])
    other = window()
    other.login(bob.username, bob.password)
    other.click("#rows .row", alice.username)
    other.wait(lambda: other.messages() == ["frist", "hello"], "the history")

    menu(page, "frist", "Edit")
    assert page.text("#edit-was") == "frist"
    assert page.js("return document.activeElement.id") == "body"
    page.screenshot(artefacts / "dialog-editing.png")
    page.type("#body", "first")
    keys(page, Keys.ENTER)
    for one in (page, other):
        one.wait(lambda: one.messages() == ["first", "hello"] and "edited" in one.text(".message .foot"), "the change")
    assert not page.shown("#edit") and page.js("return document.getElementById('body').value") == ""

    menu(page, "first", "Delete")
    page.wait(lambda: page.shown("#ask"), "to be asked")
    page.screenshot(artefacts / "dialog-delete.png")
    page.click("#ask-no")
    assert page.messages() == ["first", "hello"]
    menu(page, "first", "Delete")
    page.click("#ask-yes")
    for one in (page, other):
        one.wait(lambda: one.messages() == ["Message deleted", "hello"], "it to be gone")
    assert not page.shown(".is-deleted .message-menu")


def test_what_another_wrote_can_be_copied_only(talk):
    page, _, _ = talk(["a line\nand another"])
    body = bubble(page, "a line")
    ActionChains(page.driver).context_click(body).perform()
    page.wait(lambda: page.texts("[role=menuitem]") == ["Copy"], "the menu")
    page.js("Object.defineProperty(navigator, 'clipboard', { value: undefined })")    # as over plain http
    page.click("[role=menuitem]", "Copy")
    page.type("#body", "")
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys("v").key_up(Keys.CONTROL).perform()
    page.wait(lambda: page.js("return document.getElementById('body').value") == "a line\nand another", "what was copied")


def test_the_menu_is_reached_and_left_by_the_keyboard_alone(talk):
    page, _, _ = talk("one", "two", ["three"])
    page.js("document.getElementById('scroller').focus()")
    keys(page, Keys.TAB)
    assert "three" in focused(page)
    keys(page, Keys.ARROW_UP)
    assert "two" in focused(page)
    keys(page, Keys.TAB, Keys.ENTER)
    page.wait(lambda: focused(page) == "Copy", "the first of the menu")
    keys(page, Keys.ARROW_DOWN)
    assert focused(page) == "Edit"
    keys(page, Keys.END)
    assert focused(page) == "Delete"
    keys(page, Keys.ESCAPE)
    assert not page.shown("#menu") and page.js("return document.activeElement.className") == "message-menu"
    keys(page, Keys.ENTER, Keys.ARROW_UP, Keys.ENTER)
    page.wait(lambda: page.shown("#ask"), "to be asked")
    keys(page, Keys.ESCAPE)
    page.wait(lambda: not page.shown("#ask"), "the question to be gone")
    assert page.messages() == ["one", "two", "three"], "and the dialog is still there"
    ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    assert "two" in focused(page)
    keys(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    page.wait(lambda: page.js("return document.activeElement.id") == "body", "the end of the messages to lead to the field")


def test_a_finger_that_rests_opens_the_menu(talk):
    page, _, _ = talk("one", width=390, height=700)
    at = page.js("const r = document.querySelector('.bubble').getBoundingClientRect(); return [r.x + 20, r.y + 15]")
    point = {"x": at[0], "y": at[1]}
    page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    page.wait(lambda: page.texts("[role=menuitem]") == ["Copy", "Edit", "Delete"], "the menu")
    page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.click("[role=menuitem]", "Edit")
    page.wait(lambda: page.text("#edit-was") == "one", "to change it")


def test_up_takes_back_the_last_one_and_escape_returns_to_the_draft(talk):
    page, _, _ = talk("one", "two", ["three"])
    page.click("#body")
    keys(page, Keys.ARROW_UP)
    assert page.js("return document.getElementById('body').value") == "two"
    keys(page, "!", Keys.ESCAPE)
    assert page.shown("#talk-open") and not page.shown("#edit")
    assert page.js("return document.getElementById('body').value") == ""
    keys(page, "a draft", Keys.ARROW_UP)
    assert not page.shown("#edit"), "Up in a text moves in it"
    menu(page, "one", "Edit")
    keys(page, Keys.ESCAPE)
    assert page.js("return document.getElementById('body').value") == "a draft"
    assert page.messages() == ["one", "two", "three"]


def test_a_change_that_fails_says_why_and_loses_nothing(talk):
    page, alice, bob = talk("one")
    [message] = alice.history(bob)["messages"]
    page.expected.append(f"{page.url}/api/v1/messages/{message['id']} - Failed")
    menu(page, "one", "Edit")
    page.type("#body", "one, but better")
    assert alice.delete(f"/messages/{message['id']}").status_code == 204
    page.wait(lambda: page.messages() == ["Message deleted"], "it to be gone")
    page.click("#send")
    page.wait(lambda: "was deleted" in page.text("#body-error"), "the reason")
    assert page.js("return document.getElementById('body').value") == "one, but better"


def test_a_very_long_message_shows_its_beginning_until_asked_for_all(talk, artefacts):
    body = "\n".join(f"line {number}" for number in range(80))
    page, _, _ = talk([body], ["short"], width=390, height=700)
    height = "return document.querySelector('.text').getBoundingClientRect().height"
    cut = page.js(height)
    assert cut < 700 and page.text(".text").startswith("line 0")
    page.screenshot(artefacts / "dialog-long.png")
    page.click(".bubble .all", "Show all")
    page.wait(lambda: page.js(height) > 2 * cut, "all of it")
    assert not page.shown(".bubble .all")


def test_each_dialog_keeps_its_draft(talk, perch):
    page, alice, bob = talk("one")
    page.type("#body", "for Bob")
    page.driver.get(f"{perch.url}/#/with/{alice.id}")
    page.wait(lambda: page.text("#talk-name") == "Saved messages", "the other dialog")
    assert page.js("return document.getElementById('body').value") == ""
    page.type("#body", "for me")
    page.driver.get(f"{perch.url}/#/with/{bob.id}")
    page.wait(lambda: page.js("return document.getElementById('body').value") == "for Bob", "the first draft")


def test_a_dialog_is_muted_from_its_menu(talk):
    page, alice, bob = talk("one")

    def muted():
        [dialog] = alice.get("/dialogs").json()["dialogs"]
        return dialog["muted_until"]

    page.click("#talk-menu")
    page.click("[role=menuitem]", "8 hours")
    page.wait(lambda: page.shown("#talk-muted"), "the mark")
    assert muted() not in (None, "forever")
    page.click("#talk-menu")
    page.click("[role=menuitem]", "Unmute")
    page.wait(lambda: not page.shown("#talk-muted"), "the mark to vanish")
    assert muted() is None
    assert alice.put(f"/dialogs/{bob.id}/mute", {"until": "forever"}).status_code == 204
    page.wait(lambda: page.shown("#talk-muted"), "what another device did")
