"""The page's own link to the server: it comes back by itself, at once where there is reason to, and says so meanwhile."""

import pytest
from hub.tree import Tree


def talk(window, perch, query=""):
    """A page of Alice's with the dialog with Bob open; Bob by the API."""
    alice, bob = perch.person("alice"), perch.person("bob")
    page = window(perch.url)
    page.expected += [f"{perch.url}/api/v1/{path}" for path in ("dialogs", "events", "presence", "me", "users")]
    page.login(alice.username, alice.password)
    page.driver.get(f"{perch.url}/{query}#/with/{bob.id}")
    page.wait(lambda: page.text("#talk-name") == bob.username, "the dialog")
    page.js("window.never_reloaded = true")
    return page, alice, bob


def heard(page, bob, alice, bodies):
    """Everything of `bodies` and a message more is on the page, once."""
    bodies.append(f"number {len(bodies)}")
    bob.send(alice, bodies[-1])
    page.wait(lambda: page.messages() == bodies, bodies[-1], timeout=30)


def watch_asks(page):
    """Note the requests for events, those on their way, too."""
    page.js("""
        window.asks = [];
        const ask = window.fetch;
        window.fetch = (url, options) => {
            if (url.includes('/events?')) window.asks.push(url);
            return ask(url, options);
        };""")


def asks(page):
    return page.js("return window.asks.length")


def test_the_server_restarts_while_people_talk(window, perch_factory):
    perch = perch_factory()
    page, alice, bob = talk(window, perch)
    bodies = []
    heard(page, bob, alice, bodies)
    service = perch.service("perch-fcgi")
    service.stop()
    page.wait(lambda: page.shown("#notice"), "the page to say that it has no connection", timeout=30)
    service.start()
    heard(page, bob, alice, bodies)
    page.wait(lambda: not page.shown("#notice"), "the notice to vanish")
    Tree(perch).kill(Tree(perch).hub)
    heard(page, bob, alice, bodies)
    assert page.js("return window.never_reloaded")


@pytest.mark.parametrize("transport", ["", "?transport=sse"], ids=["poll", "stream"])
def test_a_void_cursor_is_repaired_in_place(window, perch_factory, transport):
    """Another epoch: the numbers of events mean nothing any more. Two tabs, a draft, and nothing is lost."""
    perch = perch_factory()
    page, alice, bob = talk(window, perch, transport)
    bodies = []
    heard(page, bob, alice, bodies)
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(f"{perch.url}/#/with/{bob.id}")
    second = page.driver.current_window_handle
    page.wait(lambda: page.messages() == bodies, "the history in the second tab")
    page.type("#body", "half a thought")
    page.js("window.never_reloaded = true")
    perch.sql("SELECT perch.epoch_draw()")
    perch.service("perch-fcgi").stop()
    perch.service("perch-fcgi").start()
    for handle in (first, second):
        page.driver.switch_to.window(handle)
        heard(page, bob, alice, bodies)
        assert page.js("return window.never_reloaded")
    assert page.js("return document.getElementById('body').value") == "half a thought"
    page.click("#send")
    bodies.append("half a thought")
    for handle in (second, first):
        page.driver.switch_to.window(handle)
        page.wait(lambda: page.messages() == bodies, "what was half a thought")


def test_cursors_that_stay_void_are_repaired_slowly_and_the_page_says_so(window, perch):
    page, alice, bob = talk(window, perch)
    page.js("""
        window.asks = [];
        const ask = window.fetch;
        window.fetch = (url, options) => {
            if (!url.includes('/events?')) return ask(url, options);
            if (window.healed) return ask(url, options);
            window.asks.push(url);
            const doc = { code: 'cursor_reset', title: 'Start again', reason: 'epoch' };
            return Promise.resolve(new Response(JSON.stringify(doc), { status: 410 }));
        };""")
    bob.send(alice, "number 0")  # ends the poll that waits
    page.wait(lambda: "cannot be brought up to date" in page.text("#notice"), "the page to say so", timeout=40)
    assert asks(page) == 5
    page.js("window.healed = true; dispatchEvent(new Event('online'))")
    page.wait(lambda: not page.shown("#notice"), "the notice to vanish")
    heard(page, bob, alice, ["number 0"])
    assert page.js("return window.never_reloaded")


def test_a_reason_to_ask_at_once_is_taken(window, perch):
    """The network is back; the page was put away and comes back; the machine slept."""
    page, alice, bob = talk(window, perch)
    bodies = []
    heard(page, bob, alice, bodies)
    watch_asks(page)
    for script in ("dispatchEvent(new Event('online'))",
                   "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
                   "const now = Date.now, late = now() + 3600000 - performance.now();"
                   "Date.now = () => late + performance.now()"):
        before = asks(page)
        page.js(script)
        page.wait(lambda: asks(page) > before, f"another poll after {script}")
    heard(page, bob, alice, bodies)


def test_looking_at_the_page_ends_the_wait_for_another_try_but_not_one_the_server_named(window, perch):
    page, alice, bob = talk(window, perch)
    page.js("""
        window.asks = [];
        window.after = '';
        const ask = window.fetch;
        window.fetch = (url, options) => {
            if (!url.includes('/events?')) return ask(url, options);
            window.asks.push(url);
            const headers = window.after ? { 'Retry-After': window.after } : {};
            return Promise.resolve(new Response('{"code": "x", "title": "x"}', { status: 503, headers }));
        };""")
    look = "document.dispatchEvent(new Event('visibilitychange'))"
    bob.send(alice, "number 0")
    # Sooner than it would try by itself, again and again.
    page.wait(lambda: page.js(look) or asks(page) >= 8, "tries without waiting")
    page.js("window.after = '3000'")
    page.wait(lambda: page.js(look) or page.js("const last = window.seen === window.asks.length;"
                                               "window.seen = window.asks.length; return last"), "the server to be heeded")
    before = asks(page)
    for _ in range(20):
        page.js(look)
    assert asks(page) == before


def test_the_stream_brings_the_same_and_the_poll_is_there_when_it_can_not(window, perch):
    page, alice, bob = talk(window, perch, "?transport=sse")
    bodies = []
    for _ in range(3):
        heard(page, bob, alice, bodies)
    assert page.js("return performance.getEntriesByType('resource').filter(e => /events\\?.*wait=25/.test(e.name)).length") == 0
    Tree(perch).kill(Tree(perch).hub)
    for _ in range(3):
        heard(page, bob, alice, bodies)

    # A browser, or a proxy in between, without streams.
    page.driver.execute_cdp_cmd("Page.enable", {})
    page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
        window.opened = 0;
        window.EventSource = class extends EventTarget {
            constructor() {
                super();
                window.opened++;
                setTimeout(() => this.dispatchEvent(new Event('error')));
            }
            close() {}
        };"""})
    page.driver.refresh()
    page.wait(lambda: page.messages() == bodies, "the history")
    for _ in range(4):
        heard(page, bob, alice, bodies)
    assert page.js("return window.opened") == 2
