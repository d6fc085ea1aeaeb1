"""For everybody: with the keyboard alone, by names that a screen reader can say, in colours that can be told apart."""

import uuid

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

INTERACTIVE = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "DisclosureTriangle"}
CONTRAST = """
    const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return Array.from(canvas.getImageData(0, 0, 1, 1).data);
    };
    const over = (top, below) => {
        const alpha = top[3] / 255;
        return top.slice(0, 3).map((v, i) => v * alpha + below[i] * (1 - alpha)).concat(255);
    };
    const light = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const back = (node) => {
        const layers = [];
        for (let at = node; at; at = at.parentElement) {
            const colour = rgba(getComputedStyle(at).backgroundColor);
            layers.push(colour);
            if (colour[3] === 255) break;
        }
        return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 255]);
    };
    const low = [];
    const top = [...document.querySelectorAll('dialog')].find((one) => one.open) ?? document.body;
    for (const node of top.querySelectorAll('*')) {
        const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
        const hint = node.matches('input,textarea') && node.placeholder && !node.value;
        if (!(own || hint) || !node.checkVisibility({ checkVisibilityCSS: true }) || node.matches(':disabled, option')) continue;
        if (node.closest('.unseen')) continue;
        const style = getComputedStyle(node, hint ? '::placeholder' : undefined);
        const ground = back(node);
        const [a, b] = [light(over(rgba(style.color), ground)), light(ground)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        if (ratio < (large ? 3 : 4.5)) low.push(`${node.tagName}.${node.className} ${node.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
    }
    return low;
"""


def nameless(page):
    """What can be used and has no name, in the browser's accessibility tree."""
    page.driver.execute_cdp_cmd("Accessibility.enable", {})
    nodes = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [node for node in nodes if not node.get("ignored") and node["role"]["value"] in INTERACTIVE
            and not node.get("name", {}).get("value")]


def check(page):
    page.js("document.querySelectorAll('*').forEach((one) => one.getAnimations().forEach((a) => a.finish()))")
    assert nameless(page) == []
    assert page.js(CONTRAST) == []
    assert page.js("return document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the window"


@pytest.mark.parametrize("size", [(1280, 800), (320, 640)], ids=["wide", "narrow or at 400 %"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_has_a_name_and_enough_contrast(window, perch, artefacts, size, theme):
    alice, bob = perch.person("alice"), perch.person("bob")
    for number in range(3):
        alice.send(bob, f"one way {number}")
        last = bob.send(alice, f"the other way {number}")
    bob.put(f"/dialogs/{alice.id}/read", {"upto": last["id"] - 1})
    bob.delete(f"/messages/{last['id']}")
    page = window(width=size[0], height=size[1])
    page.js("localStorage.setItem('perch.theme', arguments[0])", theme)
    page.driver.refresh()
    page.wait(lambda: page.shown("#door"), "the door")
    name = f"{size[0]}-{theme}"

    def look(part):
        check(page)
        page.screenshot(artefacts / f"page-{part}-{name}.png")

    look("door")
    page.click("#door-register")
    page.type("#register-password", "abc")
    look("register")
    page.click("#door-login")
    page.login(alice.username, alice.password)
    page.wait(lambda: page.chats(), "the list")
    look("list")
    page.click("#tab-people")
    page.wait(lambda: len(page.chats()) > 1, "people")
    look("people")
    page.click("#settings-open")
    page.wait(lambda: page.texts("#devices li"), "the devices")
    page.js("document.querySelectorAll('#settings details').forEach((part) => { part.open = true; })")
    look("settings")
    page.click("#settings-close")
    page.click("#telegram-open")
    look("telegram")
    page.click("#telegram-close")
    page.click("#tab-chats")
    page.click("#rows .row", bob.username)
    page.wait(lambda: len(page.messages()) == 6, "the messages")
    look("talk")


class Keyboard:
    """Someone without a mouse."""

    def __init__(self, page):
        self.page = page

    def press(self, *keys):
        ActionChains(self.page.driver).send_keys(*keys).perform()

    def press_shifted(self, key):
        ActionChains(self.page.driver).key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT).perform()

    def focused(self, css):
        return self.page.js("return document.activeElement.matches(arguments[0])", css)

    def tab_to(self, css, back=False, most=40):
        for _ in range(most):
            if self.focused(css):
                assert self.page.js("return document.activeElement.matches(':focus-visible')"), f"{css} shows its focus"
                return
            (self.press_shifted if back else self.press)(Keys.TAB)
        raise AssertionError(f"{css} was not reached")


def test_everything_can_be_done_by_keyboard(window, perch):
    bob = perch.person("bob")
    page, name = window(), f"Keys-{uuid.uuid4().hex[:8]}"
    keyboard = Keyboard(page)
    keyboard.tab_to("#door-register", back=True)
    keyboard.press(Keys.ENTER)
    keyboard.tab_to("#register-username")
    keyboard.press(name, Keys.TAB, "a long password, typed")
    keyboard.press(Keys.ENTER)
    page.wait(lambda: page.shown("#app"), "to be in")
    keyboard.tab_to("#search-q")
    keyboard.press(bob.username)
    page.wait(lambda: [row[0] for row in page.chats()] == [bob.username], "bob alone")
    keyboard.tab_to("#rows a")
    keyboard.press(Keys.ENTER)
    page.wait(lambda: keyboard.focused("#body"), "the place to write")
    keyboard.press("two")
    keyboard.press_shifted(Keys.ENTER)
    keyboard.press("lines", Keys.ENTER)
    page.wait(lambda: page.messages() == ["two\nlines"], "the message")
    page.wait(lambda: bob.dialogs()["dialogs"], "it to have arrived")
    assert bob.dialogs()["dialogs"][0]["last_message"]["body"] == "two\nlines"
    keyboard.press(Keys.ESCAPE)
    page.wait(lambda: keyboard.focused("#rows a"), "its row")
    keyboard.tab_to("#settings-open", back=True)
    keyboard.press(Keys.ENTER)
    page.wait(lambda: page.shown("#settings"), "the settings")
    keyboard.tab_to("#set-language")
    keyboard.press("Р")
    page.wait(lambda: page.text("#settings-title") == "Настройки", "Russian")
    keyboard.press(Keys.ESCAPE)
    page.wait(lambda: not page.shown("#settings") and keyboard.focused("#settings-open"), "to be back at the button")
    keyboard.press(Keys.ENTER)
    keyboard.tab_to("#logout")
    keyboard.press(Keys.ENTER)
    page.wait(lambda: page.shown("#door") and keyboard.focused("#login-username"), "the door")


def test_a_new_message_is_said_and_nothing_moves_for_who_wants_it_still(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    bob.send(alice, "first")
    page = window()
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-reduced-motion", "value": "reduce"}]})
    page.login(alice.username, alice.password)
    page.click("#rows .row", bob.username)
    page.wait(lambda: page.messages() == ["first"], "the first message")
    live = "return document.querySelector('#talk-open [aria-live=polite]').textContent"
    assert page.js(live) == "", "what was there before is not news"
    bob.send(alice, "second")
    page.wait(lambda: page.js(live) == f"{bob.username}: second", "it to be said")
    assert page.js("const list = document.getElementById('messages'); return [list.getAttribute('aria-label'),"
                   " list.contains(document.querySelector('.message'))]") == ["Messages", True]
    assert page.js("return document.querySelectorAll('main:not([hidden]), [role=search], nav').length") >= 2
    moving = page.js("return document.getAnimations().map((one) => one.effect.getComputedTiming().duration)"
                     ".filter((ms) => ms > 1)")
    assert moving == []
