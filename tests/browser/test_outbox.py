"""Nothing that was sent or typed is lost or doubled, whatever becomes of page, network, server and session."""


def talk(window, perch):
    """A page of Alice's with the dialog with Bob open; Bob by the API."""
    alice, bob = perch.person("alice"), perch.person("bob")
    page = window(perch.url)
    page.login(alice.username, alice.password)
    page.find_person(bob.username)
    page.expected += [f"{perch.url}/api/v1/{path}" for path in ("dialogs", "events", "presence", "me", "users")]
    return page, alice, bob


def network(page, on):
    """The browser's own network, as when a laptop's cable is pulled."""
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
        "offline": not on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})


def block(page, *urls):
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": list(urls)})


def bodies(client, peer):
    return [message["body"] for message in client.history(peer)["messages"]]


def pending(page):
    return page.js("return document.querySelectorAll('#messages [aria-label=\"Sending\"]').length")


def kept(page, kind):
    """What the browser's database holds; None where there is none."""
    return page.driver.execute_async_script("""
        const [kind, done] = arguments;
        indexedDB.databases().then((all) => {
            const { name } = all.find((one) => one.name.startsWith('perch-')) ?? {};
            if (!name) return done(null);
            const open = indexedDB.open(name);
            open.addEventListener('success', () => {
                const get = open.result.transaction(kind).objectStore(kind).getAll();
                get.addEventListener('success', () => { open.result.close(); done(get.result); });
            });
        });""", kind)


def test_what_waits_outlives_a_reload_and_a_server_that_is_away(window, perch_factory):
    perch = perch_factory()
    page, alice, bob = talk(window, perch)
    perch.service("perch-fcgi").stop()
    for number in range(3):
        page.send(f"waits {number}")
    page.wait(lambda: pending(page) == 3, "three that wait")
    page.wait(lambda: len(kept(page, "outbox")) == 3, "them to be kept")
    page.driver.refresh()
    perch.service("perch-fcgi").start()
    expected = [f"waits {number}" for number in range(3)]
    page.wait(lambda: page.messages() == expected and pending(page) == 0, "all of them, once", timeout=60)
    assert bodies(bob, alice) == expected
    page.wait(lambda: kept(page, "outbox") == [], "nothing to be kept any more")


def test_what_is_sent_offline_goes_out_when_the_network_is_back(window, perch):
    page, alice, bob = talk(window, perch)
    network(page, False)
    page.send("from a tunnel")
    page.wait(lambda: pending(page) == 1, "it to wait")
    page.wait(lambda: page.shown("#notice"), "the page to say so", timeout=30)
    assert bodies(bob, alice) == []
    network(page, True)
    page.wait(lambda: bodies(bob, alice) == ["from a tunnel"], "it to arrive")
    page.wait(lambda: page.messages() == ["from a tunnel"] and pending(page) == 0 and not page.shown("#notice"), "all well")
    bob.send(alice, "welcome back")
    page.wait(lambda: page.messages() == ["from a tunnel", "welcome back"], "the answer")


def test_an_answer_that_gets_lost_posts_nothing_twice(window, perch):
    """The message is stored, the reply is not heard; the page reloads and tries again."""
    page, alice, bob = talk(window, perch)
    page.js("""
        const ask = window.fetch;
        window.fetch = async (url, options) => {
            const reply = ask(url, options);
            if (options?.method !== 'POST' || !url.includes('/messages')) return reply;
            await reply;
            window.answered = true;
            return new Promise(() => {});
        };""")
    block(page, "*/api/v1/events*")  # nor does an event tell, by the poll that waits or the next
    page.js("dispatchEvent(new Event('online'))")
    page.send("once")
    page.wait(lambda: page.js("return window.answered"), "the server to have it")
    assert [item["body"] for item in kept(page, "outbox")] == ["once"], "the page does not know"
    page.driver.refresh()
    page.wait(lambda: page.messages() == ["once"] and pending(page) == 0, "it, sent")
    page.wait(lambda: kept(page, "outbox") == [], "nothing to be kept any more")
    assert bodies(bob, alice) == ["once"]


def test_what_can_not_be_sent_says_why_over_reloads_until_it_is_retried_or_discarded(window, perch):
    page, alice, bob = talk(window, perch)
    page.expected.append(f"{perch.url}/api/v1/dialogs")
    page.js("""
        const ask = window.fetch;
        window.fetch = (url, options) => options?.method === 'POST' && url.includes('/messages')
            ? Promise.resolve(new Response(JSON.stringify({ code: 'invalid', title: 'Not today' }), { status: 422 }))
            : ask(url, options);""")
    page.send("first")
    page.send("second")
    page.wait(lambda: len(page.texts(".trouble")) == 2, "both to have failed")
    page.driver.refresh()
    page.wait(lambda: len(page.texts(".trouble")) == 2, "both to be there still")
    page.click("[data-discard]")
    page.wait(lambda: page.messages() == ["second"], "the first to be gone")
    page.click("[data-retry]")
    page.wait(lambda: page.messages() == ["second"] and not page.shown(".trouble"), "the second to be sent")
    page.driver.refresh()
    page.wait(lambda: page.messages() == ["second"], "the one that was sent")
    assert bodies(bob, alice) == ["second"]


def test_draft_and_message_outlive_a_session_that_ended(window, perch_factory):
    perch = perch_factory()
    page, alice, bob = talk(window, perch)
    page.type("#body", "half a thought")
    page.wait(lambda: kept(page, "drafts") == [{"peer_id": bob.id, "text": "half a thought"}], "the draft to be kept")
    page.driver.refresh()
    page.wait(lambda: page.js("return document.getElementById('body').value") == "half a thought", "the draft after a reload")
    page.wait(lambda: "No messages" in page.text("#talk-note"), "the history")
    network(page, False)
    page.send("from before")
    page.type("#body", "another thought")
    page.wait(lambda: pending(page) == 1 and kept(page, "outbox"), "it to wait")
    assert alice.delete("/sessions").status_code == 204
    network(page, True)
    page.wait(lambda: page.shown("#door"), "the door", timeout=20)
    assert bodies(bob, alice) == []

    # Somebody else at this browser sees and sends nothing of it.
    carol = perch.person("carol")
    page.login(carol.username, carol.password)
    page.find_person(bob.username)
    assert page.js("return document.getElementById('body').value") == ""
    page.send("from Carol")
    page.wait(lambda: bodies(bob, carol) == ["from Carol"] and page.messages() == ["from Carol"], "hers alone")
    page.logout()

    page.login(alice.username, alice.password)
    page.wait(lambda: bodies(bob, alice) == ["from before"], "what waited to be sent")
    page.find_person(bob.username)
    page.wait(lambda: page.messages() == ["from before"], "it on the page")
    assert page.js("return document.getElementById('body').value") == "another thought"


def test_logging_out_with_unsent_messages_asks_and_leaves_nothing(window, perch):
    page, alice, bob = talk(window, perch)
    block(page, "*/messages")
    page.send("never mind")
    page.wait(lambda: kept(page, "outbox"), "it to wait")
    page.click("#settings-open")
    page.click("#logout")
    page.click("#leave button", "Stay")
    assert page.shown("#app") and page.messages() == ["never mind"]
    page.click("#logout")
    page.click("#leave button", "Log out")
    page.wait(lambda: page.shown("#door"), "the door")
    page.wait(lambda: kept(page, "outbox") is None, "the browser to have forgotten")
    block(page)
    page.login(alice.username, alice.password)
    page.find_person(bob.username)
    page.wait(lambda: page.text("#talk-note"), "an empty dialog")
    assert page.messages() == [] and bodies(bob, alice) == []
