"""A browser's own EventSource reads the stream: resumes where it was, and stops when it may not."""

import uuid

from hub.tree import Tree

FOLLOW = """
    const source = new EventSource('/api/v1/events?cursor=' + arguments[0]);
    window.stream = {bodies: [], opened: 0, source};
    source.onopen = () => window.stream.opened++;
    source.onmessage = event => {
        const {message} = JSON.parse(event.data);
        if (message) window.stream.bodies.push(message.body);
    };
"""


def test_a_browser_reads_the_stream_and_comes_back_when_it_breaks(window, perch):
    name = f"Streamer-{uuid.uuid4().hex[:8]}"
    one = window()
    one.register(name)
    friend = perch.person("friend", bearer=True)
    user = friend.get("/users", params={"q": name}).json()["users"][0]["id"]

    def say(body):
        response = friend.request("POST", f"/dialogs/{user}/messages", json={"body": body})
        assert response.status_code == 201, response.text

    say("before")
    cursor = one.driver.execute_async_script(
        "fetch('/api/v1/events').then(reply => reply.json()).then(reply => arguments[0](reply.cursor))")
    say("missed")
    one.js(FOLLOW, cursor)
    one.wait(lambda: one.js("return stream.bodies") == ["missed"], "what was there")
    say("first")
    one.wait(lambda: one.js("return stream.bodies") == ["missed", "first"], "what happened")

    # The hub dies; the browser comes back by itself, with the id it had last.
    tree = Tree(perch)
    tree.kill(tree.hub)
    one.expected.append(f"{perch.url}/api/v1/events")
    say("second")
    one.wait(lambda: one.js("return stream.bodies") == ["missed", "first", "second"], "its return")
    say("third")
    one.wait(lambda: one.js("return stream.bodies")[-1] == "third", "what happens from then on")
    assert one.js("return stream.bodies") == ["missed", "first", "second", "third"]
    assert one.js("return stream.opened") >= 2

    # A session that has ended: told so once, and left in peace.
    one.logout()
    one.wait(lambda: one.js("return stream.source.readyState") == 2, "the browser to give up")
