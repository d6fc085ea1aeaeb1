"""The page in a real browser: what two people see when they talk."""

import uuid


def unique(name):
    return f"{name}-{uuid.uuid4().hex[:8]}"


def test_two_people_talk_in_two_windows(window, artefacts):
    alice_name, bob_name = unique("Alice"), unique("Bob")
    alice, bob = window(), window()
    alice.register(alice_name)
    bob.register(bob_name)
    for one in (alice, bob):
        one.js("window.never_reloaded = true")

    alice.find_person(bob_name)
    alice.send("Hello Bob <b>&amp;</b>")
    alice.wait(lambda: alice.messages() == ["Hello Bob <b>&amp;</b>"], "the message sent")

    # Bob has nothing open: it comes into his list by itself, and counts.
    bob.click("#tab-chats")
    bob.wait(lambda: [alice_name, "Hello Bob <b>&amp;</b>", 1] in bob.chats(), "the first message in the list")
    alice.send("Are you there?")
    bob.wait(lambda: bob.chats()[1] == [alice_name, "Are you there?", 2], "the second message in the list")
    assert bob.driver.title == "(2) Perch"
    assert not alice.shown(".tick-read")

    # He opens it: read, and Alice sees so.
    bob.click("#rows .row", alice_name)
    bob.wait(lambda: bob.messages() == ["Hello Bob <b>&amp;</b>", "Are you there?"], "the history")
    bob.wait(lambda: bob.chats()[1][2] == 0 and bob.driver.title == "Perch", "the count to vanish")
    alice.wait(lambda: len(alice.texts(".message.is-mine")) == 2 and alice.shown(".tick-read"), "the read marks")

    # Both ways, live.
    bob.send("I am. Привет!")
    alice.wait(lambda: alice.messages()[-1] == "I am. Привет!", "the answer")
    for turn in range(5):
        alice.send(f"ping {turn}")
        bob.wait(lambda: bob.messages()[-1] == f"ping {turn}", "the ping")
        bob.send(f"pong {turn}")
        alice.wait(lambda: alice.messages()[-1] == f"pong {turn}", "the pong")
    expected = ["Hello Bob <b>&amp;</b>", "Are you there?", "I am. Привет!"]
    expected += [f"{word} {turn}" for turn in range(5) for word in ("ping", "pong")]
    alice.click("#tab-chats")
    for one, name in ((alice, "alice"), (bob, "bob")):
        assert one.messages() == expected
        assert one.js("return window.never_reloaded"), "nothing of this took a reload"
        one.screenshot(artefacts / f"two-people-{name}.png")

    # A reload keeps who one is, where one was, and the history.
    bob.driver.refresh()
    bob.wait(lambda: bob.messages() == expected, "the history after a reload")
    assert bob.text("#talk-name") == alice_name
    alice.send("still there?")
    bob.wait(lambda: bob.messages()[-1] == "still there?", "a message after the reload")

    # Logged out is logged out.
    bob.logout()
    bob.wait(lambda: bob.shown("#door") and not bob.shown("#app"), "the door")
    bob.driver.refresh()
    bob.wait(lambda: bob.shown("#door"), "the door after a reload")
    assert alice_name not in bob.driver.page_source
    bob.login(bob_name)
    bob.click("#rows .row", alice_name)
    bob.wait(lambda: bob.messages() == [*expected, "still there?"], "the history after a new log-in")


def test_saved_messages_are_a_dialog_with_oneself(window):
    alice = window()
    alice.register(unique("Alice"))
    alice.click("#rows .row", "Saved messages")
    alice.send("milk, bread")
    alice.click("#tab-chats")
    alice.wait(lambda: alice.chats() == [["Saved messages", "milk, bread", 0]], "the note in the list")
    assert alice.messages() == ["milk, bread"]
    assert alice.driver.title == "Perch"


def test_troubles_stand_beside_their_fields(window, perch):
    taken = perch.person("taken").username
    page = window()
    page.expected += [f"{page.url}/api/v1/accounts - Failed", f"{page.url}/api/v1/sessions - Failed"]
    page.click("#door-register")
    page.click("#register .primary")
    assert page.text("#register-username-error") and page.text("#register-password-error")
    page.type("#register-username", taken)
    page.type("#register-password", "secret")
    page.click("#register .primary")
    page.wait(lambda: page.text("#register-username-error") == "That name is taken", "the name's trouble")
    assert page.js("return document.activeElement.id") == "register-username"
    page.click("#door-login")
    page.type("#login-username", taken)
    page.type("#login-password", "wrong")
    page.click("#login .primary")
    page.wait(lambda: page.text("#login .form-error") == "Wrong name or password", "the form's trouble")
    assert not page.shown("#app")


def test_older_messages_come_in_above_on_a_small_phone(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    for number in range(120):
        last = (alice if number % 3 else bob).send(bob if number % 3 else alice, f"message {number}")
    assert alice.put(f"/dialogs/{bob.id}/read", {"upto": last["id"]}).status_code == 204
    page = window(width=320, height=568)
    page.login(alice.username, alice.password)
    page.click("#rows .row", bob.username)
    page.wait(lambda: page.messages()[-1:] == ["message 119"] and not page.shown(".side"), "the newest page")
    assert len(page.messages()) == 50
    assert page.js("return document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the phone"

    def up():
        page.js("document.getElementById('scroller').scrollTop = 0")
        return page.messages() == [f"message {number}" for number in range(120)]

    page.wait(up, "the whole history")
    page.wait(lambda: not page.shown("#older"), "the beginning to be known")
    page.click("#talk-back")
    page.wait(lambda: page.shown(".side") and not page.shown(".talk"), "the list")


def test_a_message_typed_while_the_server_is_away_arrives_once(window, perch_factory):
    perch = perch_factory()
    alice, bob = perch.person("alice"), perch.person("bob")
    pages = []
    for one, peer in ((alice, bob), (bob, alice)):
        page = window(perch.url)
        page.expected += [f"{perch.url}/api/v1/{path}" for path in ("events?", "dialogs", "presence?")]
        page.login(one.username, one.password)
        page.find_person(peer.username)
        pages.append(page)
    pages[0].send("before")
    pages[1].wait(lambda: pages[1].messages() == ["before"], "the first message")

    perch.service("perch-fcgi").stop()
    pages[0].send("while it was away")
    pages[0].wait(lambda: pages[0].shown('[aria-label="Sending"]'), "the message to wait")
    pages[0].wait(lambda: pages[0].shown("#notice"), "the page to say so", timeout=30)
    perch.service("perch-fcgi").start()
    for page in pages:
        page.wait(lambda: page.messages() == ["before", "while it was away"], "the second message, once", timeout=60)
        page.wait(lambda: not page.shown("#notice"), "the notice to vanish", timeout=60)
    assert [m["body"] for m in bob.history(alice)["messages"]] == ["before", "while it was away"]


def test_a_session_ended_elsewhere_returns_to_the_door_and_then_to_where_it_was(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    page = window()
    page.expected.append(f"{page.url}/api/v1/events?")
    page.login(alice.username, alice.password)
    page.find_person(bob.username)
    page.type("#body", "half a sen")
    assert alice.delete("/sessions").status_code == 204
    page.wait(lambda: page.shown("#door") and page.shown("#door-notice"), "the door", timeout=10)
    assert alice.username not in page.js("return document.body.innerText")
    page.login(alice.username, alice.password)
    page.wait(lambda: page.text("#talk-name") == bob.username, "the dialog again")
    assert page.js("return document.getElementById('body').value") == "half a sen"


def test_a_dialog_that_is_opened_anew_comes_in_one_round_of_requests(window, perch):
    """And what came between the answers of that round is not missing."""
    alice, bob = perch.person("alice"), perch.person("bob")
    for number in range(3):
        bob.send(alice, f"message {number}")
    page = window()
    page.login(alice.username, alice.password)
    page.click("#rows .row", bob.username)
    page.wait(lambda: page.messages() == ["message 0", "message 1", "message 2"], "the dialog")
    # The page of the history is answered long before the dialogs and their cursor.
    page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
        const real = window.fetch, asked = window.asked = [];
        window.fetch = async (path, ...more) => {
            asked.push([String(path), Boolean(document.querySelector('.message'))]);
            if (path.includes('/dialogs?') && !window.released)
                await new Promise((done) => { window.release = () => { window.released = true; done(); }; });
            return real(path, ...more);
        };"""})
    page.driver.refresh()
    page.wait(lambda: len(page.js("return window.asked")) >= 3, "the first round")
    first = [path.split("?")[0] for path, _ in page.js("return window.asked.slice(0, 3)")]
    assert sorted(first) == ["/api/v1/dialogs", f"/api/v1/dialogs/{bob.id}/messages", "/api/v1/me"]
    page.wait(lambda: page.js("return performance.getEntriesByType('resource').some("
                              "(one) => one.name.includes('/messages?') && one.responseEnd > 0)"), "the page of the history")
    bob.send(alice, "in between")
    page.js("window.release()")
    page.wait(lambda: page.messages() == ["message 0", "message 1", "message 2", "in between"], "all of it")


def test_a_session_that_ended_while_the_page_was_closed_is_no_trouble_for_the_next(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    bob.send(alice, "hello")
    page = window()
    page.expected += [f"{page.url}/api/v1/{path}" for path in ("events?", "dialogs", "me", "presence?")]
    page.login(alice.username, alice.password)
    page.click("#rows .row", bob.username)
    page.wait(lambda: page.messages() == ["hello"], "the dialog")
    address = page.js("return location.href")
    page.driver.get("about:blank")
    assert alice.delete("/sessions").status_code == 204
    page.driver.get(address)
    page.wait(lambda: page.shown("#door"), "the door")
    page.login(alice.username, alice.password)
    page.wait(lambda: page.messages() == ["hello"], "the dialog again")
    alice.login(alice.username, alice.password)
    bob.send(alice, "are you back?")
    page.wait(lambda: page.messages() == ["hello", "are you back?"], "what happens from then on")
