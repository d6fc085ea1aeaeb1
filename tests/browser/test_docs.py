"""The API reference for people at /docs: all of the contract is there, and a call can be tried in place."""

import uuid

import pytest
from selenium.webdriver.common.by import By

from perchtest.contract import CONTRACT


@pytest.fixture
def docs(window):
    """A function that opens /docs: in a window of its own, or in one where somebody is logged in."""
    def opened(page=None, place="", **size):
        page = page or window(**size)
        page.driver.get(f"{page.url}/docs{place}")
        page.wait(lambda: page.shown("#main .call"), "the calls")
        return page
    return opened


@pytest.fixture
def alice(window, docs):
    """/docs as somebody who is logged in sees it."""
    page = window()
    page.register(f"Alice-{uuid.uuid4().hex[:8]}")
    return docs(page)


def open_call(page, operation):
    page.js("document.getElementById(arguments[0]).open = true", operation)
    page.wait(lambda: page.shown(f"#{operation} .try"), f"{operation} to unfold")


def fill(page, operation, number, text):
    field = page.driver.find_elements(By.CSS_SELECTOR, f"#{operation} .try :is(input, select, textarea)")[number]
    field.clear()
    field.send_keys(text)


def press(page, operation):
    page.click(f"#{operation} .try button")


def output(page, operation, wanted):
    def there():
        text = page.text(f"#{operation} .output")
        return text if wanted in text else ""
    return page.wait(there, f"{wanted} in the output")


def test_every_operation_of_the_contract_is_shown(docs):
    page = docs()
    page.js("document.querySelectorAll('.call').forEach((call) => { call.open = true })")
    page.wait(lambda: page.js("return [...document.querySelectorAll('.call')].every((call) => call.childElementCount > 1)"),
              "all to unfold")
    shown = page.js("""return [...document.querySelectorAll('.call[id]')].map((call) => [
        call.id, call.querySelector('.method').innerText, call.querySelector('.path').innerText,
        [...call.querySelectorAll('.status')].map((one) => one.innerText),
        [...call.querySelectorAll('.code')].map((one) => one.innerText),
        [...call.querySelectorAll('.try label code')].map((one) => one.innerText), call.innerText])""")
    assert sorted((method, path) for _, method, path, *_ in shown) == sorted(CONTRACT.operations())
    for name, method, path, statuses, codes, parameters, text in shown:
        operation = CONTRACT.operation(method, path)
        own = CONTRACT.document["paths"][path].get("parameters", []) + operation.get("parameters", [])
        assert name == operation["operationId"] and operation["summary"] in text
        assert statuses == list(operation["responses"])
        assert set(codes) == {code for m, p, _, code in CONTRACT.documented() if (m, p) == (method, path) and code}
        assert parameters == [CONTRACT.resolve(one)["name"] for one in own]
        assert "undefined" not in text and "[object" not in text
    assert page.texts("main h2")[:-1] == [tag["name"].capitalize() for tag in CONTRACT.document["tags"]]


def test_a_call_is_tried_in_place_with_the_visitors_session(alice, artefacts):
    open_call(alice, "sessionList")
    press(alice, "sessionList")
    text = output(alice, "sessionList", "200")
    assert '"current": true' in text and "X-Request-Id: " in text and " ms: GET /api/v1/sessions" in text

    # What changes something is asked about once more.
    me = alice.js("return fetch('/api/v1/me').then((reply) => reply.json())")["user"]["id"]
    open_call(alice, "messageSend")
    fill(alice, "messageSend", 0, str(me))
    fill(alice, "messageSend", 1, '{"body": "from the reference"}')
    press(alice, "messageSend")
    alice.wait(lambda: "Really POST" in alice.text("#messageSend .try button"), "the question")
    assert not alice.text("#messageSend .output")
    press(alice, "messageSend")
    output(alice, "messageSend", "201")
    alice.screenshot(artefacts / "docs-tried.png")
    open_call(alice, "messageSearch")
    fill(alice, "messageSearch", 0, "from the reference")
    press(alice, "messageSearch")
    assert '"body": "from the reference"' in output(alice, "messageSearch", "200")


def test_what_goes_wrong_is_shown(alice):
    alice.expected += [f"{alice.url}/api/v1/users/9007199254740991 - Failed", f"{alice.url}/api/v1/me - Failed"]
    open_call(alice, "userGet")
    fill(alice, "userGet", 0, "9007199254740991")
    press(alice, "userGet")
    assert '"code": "not_found"' in output(alice, "userGet", "404")
    open_call(alice, "meGet")
    alice.driver.set_network_conditions(offline=True, latency=0, throughput=0)
    press(alice, "meGet")
    output(alice, "meGet", "No answer")
    alice.driver.set_network_conditions(offline=False, latency=0, throughput=0)
    press(alice, "meGet")
    output(alice, "meGet", "200")

    # A call that waits can be stopped.
    cursor = alice.js("return fetch('/api/v1/events').then((reply) => reply.json())")["cursor"]
    open_call(alice, "eventList")
    fill(alice, "eventList", 0, cursor)
    fill(alice, "eventList", 2, "50")
    press(alice, "eventList")
    alice.click("#eventList .try button", "Stop")
    output(alice, "eventList", "Stopped.")


def test_a_token_is_used_and_kept_nowhere(docs, perch):
    """It wins over the session, and is gone with the page."""
    person = perch.person("bearer")
    token = person.post("/sessions", {"username": person.username, "password": person.password, "bearer": True}).json()["token"]
    page = docs()
    page.type("#token", token)
    open_call(page, "meGet")
    press(page, "meGet")
    assert person.username in output(page, "meGet", "200")
    assert token not in page.js("return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    docs(page)
    assert page.js("return document.getElementById('token').value") == ""


def test_calls_are_found_by_words_and_by_their_address(docs):
    page = docs(place="#dialogMute")
    page.wait(lambda: page.shown("#dialogMute .try"), "the call of the address to unfold")
    page.type("#filter", "webhook")
    page.wait(lambda: page.texts("main .path") == ["/api/v1/telegram/webhook"], "one call")
    assert page.texts("main h2") == ["Telegram"]
    assert page.text("#count") == f"1 of {len(CONTRACT.operations())} calls"
    page.type("#filter", "cursor_reset")
    page.wait(lambda: page.texts("main .path") == ["/api/v1/events"], "the call that sends this code")
    page.js("location.hash = 'meGet'")
    page.wait(lambda: page.shown("#meGet .try"), "a call that was filtered away")


@pytest.mark.parametrize("width, height", [(320, 568), (1200, 800)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_on_a_phone_or_a_wide_screen(docs, artefacts, width, height, scheme):
    page = docs(width=width, height=height)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    page.screenshot(artefacts / f"docs-{width}-{scheme}-top.png")
    for operation in ("messageList", "eventList", "telegramLink"):
        page.js("document.querySelectorAll('.call').forEach((call) => { call.open = call.id === arguments[0] })", operation)
        page.wait(lambda: page.shown(f"#{operation} .try"), f"{operation} to unfold")
        page.js("document.getElementById(arguments[0]).scrollIntoView()", operation)
        assert page.js("return document.documentElement.scrollWidth <= innerWidth"), f"{operation} is wider than the screen"
        page.screenshot(artefacts / f"docs-{width}-{scheme}-{operation}.png")
