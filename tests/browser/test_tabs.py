"""Several tabs of one browser: one polls and sends for all, and another goes on when it is gone."""

import random
import uuid

import pytest
from hub.tree import Tree
from selenium.common.exceptions import WebDriverException

from perchtest.presence import leases_believe, online


class Tabs:
    """One person's tabs with the same dialog open."""

    def __init__(self, page, client, peer):
        self.page, self.client, self.peer = page, client, peer
        page.expected += [f"{page.url}/api/v1/{path}" for path in ("dialogs", "events", "presence", "me", "users")]
        page.login(client.username, client.password)
        self.handles = []
        self.first = page.driver.current_window_handle
        self.go(self.first)

    def go(self, handle):
        if handle not in self.handles:
            self.handles.append(handle)
        self.page.driver.switch_to.window(handle)
        path = f"{self.page.url}/#/with/{self.peer.id}"
        if self.page.driver.current_url != path:
            self.page.driver.get(path)
        self.page.wait(lambda: self.page.text("#talk-name") == self.peer.username, "the dialog")
        self.page.wait(lambda: self.page.js("return !document.querySelector('#log[aria-busy=true]')"), "its history")
        return handle

    def open(self, kind="tab"):
        self.page.driver.switch_to.window(self.page.driver.window_handles[0])  # it may stand on a closed one
        self.page.driver.switch_to.new_window(kind)
        return self.go(self.page.driver.current_window_handle)

    def on(self, handle):
        self.page.driver.switch_to.window(handle)
        return self.page

    def locks(self):
        return self.page.driver.execute_async_script("""
            navigator.locks.query().then((all) => arguments[0]([
                all.held.filter((lock) => lock.name.startsWith('perch-')).map((lock) => lock.clientId),
                all.pending.filter((lock) => lock.name.startsWith('perch-')).length]))""")

    def show(self, handle, expected, timeout=15):
        page = self.on(handle)
        page.wait(lambda: page.messages() == expected, f"{expected[-1:]} in {self.handles.index(handle)}", timeout=timeout)


@pytest.fixture
def two(window, perch):
    """Alice's window with a tab, and Bob by the API."""
    alice, bob = perch.person("alice"), perch.person("bob")
    leases_believe(perch)
    return Tabs(window(), alice, bob), bob


def polls(page):
    """The events requests of this tab that have ended, those that waited."""
    return page.js("return performance.getEntriesByType('resource').filter(e => /events\\?.*wait=25/.test(e.name)).length")


def test_one_tab_polls_and_all_show_what_comes(two, perch):
    tabs, bob = two
    base = Tree(perch).hub_polls() - 1  # tabs.first has one there by now, or soon
    first, second, third = tabs.first, tabs.open(), tabs.open("window")
    said = []
    for number in range(6):
        said.append(f"number {number}")
        bob.send(tabs.client, said[-1])
        for handle in (first, second, third):
            tabs.show(handle, said)
    assert polls(tabs.on(second)) == polls(tabs.on(third)) == 0
    assert polls(tabs.on(first)) >= 6
    tabs.page.wait(lambda: Tree(perch).hub_polls() <= base + 1, "a single poll")

    # What is sent in a tab that does not lead, and what is read there, all show.
    tabs.on(second).send("from the second")
    said.append("from the second")
    for handle in (first, second, third):
        tabs.show(handle, said)
    assert [m["body"] for m in bob.history(tabs.client)["messages"]] == said


def crash(tabs, handle):
    with pytest.raises(WebDriverException):
        tabs.on(handle).driver.get("chrome://crash")


def close(tabs, handle):
    tabs.on(handle).driver.close()


@pytest.mark.parametrize("end", [close, crash], ids=lambda end: end.__name__)
def test_another_tab_goes_on_when_the_leader_is_gone(two, end):
    tabs, bob = two
    second = tabs.open()
    bob.send(tabs.client, "before")
    tabs.show(second, ["before"])
    end(tabs, tabs.first)
    page = tabs.on(second)
    bob.send(tabs.client, "after")
    tabs.show(second, ["before", "after"])
    page.send("answer")
    page.wait(lambda: page.messages() == ["before", "after", "answer"] and not page.shown('[aria-label="Sending"]'), "it, sent")
    assert [m["body"] for m in bob.history(tabs.client)["messages"]] == ["before", "after", "answer"]


def test_what_a_crashed_leader_had_not_sent_the_next_one_sends(two):
    tabs, bob = two
    second = tabs.open()
    page = tabs.on(tabs.first)
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/messages"]})
    page.send("one")
    tabs.on(second).send("two")
    for handle in (tabs.first, second):
        tabs.on(handle).wait(lambda: len(page.texts(".message.is-mine")) == 2, "both to wait, in both tabs")
    assert bob.history(tabs.client)["messages"] == []
    crash(tabs, tabs.first)
    tabs.on(second).wait(lambda: not page.shown('[aria-label="Sending"]'), "both to be sent", timeout=30)
    assert page.messages() == ["one", "two"]
    assert [m["body"] for m in bob.history(tabs.client)["messages"]] == ["one", "two"]


def test_a_frozen_leader_is_replaced_and_catches_up_when_it_thaws(two):
    tabs, bob = two
    first, second = tabs.first, tabs.open()
    bob.send(tabs.client, "before")
    tabs.show(second, ["before"])
    leader = tabs.locks()[0]
    freeze(tabs, first, "frozen")
    page = tabs.on(second)
    page.send("from the other")  # which the frozen one cannot send
    page.wait(lambda: tabs.locks()[0] not in ([], leader), "another leader", timeout=4.9)
    said = ["before", "from the other"]
    for number in range(3):
        said.append(f"meanwhile {number}")
        bob.send(tabs.client, said[-1])
        tabs.show(second, said)
    freeze(tabs, first, "active")
    tabs.show(first, said)
    tabs.page.wait(lambda: tabs.locks()[1] == 1, "it to wait in line")
    bob.send(tabs.client, "and on")
    for handle in (first, second):
        tabs.show(handle, [*said, "and on"])


def freeze(tabs, handle, how):
    tabs.on(handle).driver.execute_cdp_cmd("Page.setWebLifecycleState", {"state": how})


def test_without_locks_every_tab_polls_and_all_is_right(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    page = window()
    tabs = Tabs(page, alice, bob)
    script = {"source": "Object.defineProperty(Navigator.prototype, 'locks', {value: undefined});"
                        "delete crypto.__proto__.randomUUID;"}
    handles = [tabs.first, tabs.open()]
    for handle in handles:
        tabs.on(handle).driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
        page.driver.refresh()
        tabs.go(handle)
        assert page.js("return navigator.locks === undefined")
    said = []
    for number in range(4):
        bob.send(alice, f"to {number}")
        tabs.on(handles[number % 2]).wait(lambda: len(page.messages()) == len(said) + 1, "his")
        page.send(f"fro {number}")
        said += [f"to {number}", f"fro {number}"]
        for handle in handles:
            tabs.show(handle, said)
    for handle in handles:
        assert polls(tabs.on(handle)) > 0
    assert [m["body"] for m in bob.history(alice)["messages"]] == said


def test_leaving_one_of_two_tabs_is_no_leaving(two, perch):
    """The peer hears nothing of it; of the last one's leaving at once."""
    tabs, bob = two
    second = tabs.open()
    tabs.page.wait(lambda: online(bob, tabs.client), "her to be online")
    cursor = bob.cursor()
    close(tabs, tabs.first)
    tabs.on(second)
    bob.send(tabs.client, "still there?")
    tabs.show(second, ["still there?"])
    heard = [event for event in bob.poll(cursor, wait=9)["events"]
             if event["type"] == "presence" and event["id"] == tabs.client.id]
    assert all(event["online"] for event in heard)
    assert online(bob, tabs.client)
    tabs.page.driver.get("about:blank")
    tabs.page.wait(lambda: not online(bob, tabs.client), "her to be gone", timeout=4.9)


def test_one_tab_draws_attention_and_not_to_what_another_shows(two, perch):
    tabs, bob = two
    other = perch.person("carol")
    second = tabs.open()
    told = """
        localStorage.setItem('perch.alert.notify', 'on');
        window.told = [];
        window.Notification = class { static permission = 'granted';
            constructor(title, { body }) { window.told.push(body); }
            addEventListener() {} };"""
    for handle in (tabs.first, second):
        tabs.on(handle).js(told)
    tabs.page.driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    bob.send(tabs.client, "before her eyes")
    tabs.show(second, ["before her eyes"])
    tabs.page.wait(lambda: bob.dialogs()["dialogs"][0]["peer_read_upto"], "it to be read")
    other.send(tabs.client, "look here")
    tabs.on(tabs.first).wait(lambda: tabs.page.js("return window.told") == ["look here"], "one word of it")
    assert tabs.on(second).js("return window.told") == []


def test_all_tabs_leave_together(two):
    tabs, _ = two
    second = tabs.open()
    tabs.on(tabs.first).logout()
    for handle in (tabs.first, second):
        tabs.on(handle).wait(lambda: tabs.page.shown("#door"), "the door")
    tabs.page.login(tabs.client.username, tabs.client.password)
    tabs.on(tabs.first).wait(lambda: tabs.page.shown("#app"), "the other to come in, too")


def test_nothing_is_lost_or_doubled_in_a_walk_at_random(two, perch):
    tabs, bob = two
    seed = uuid.uuid4().int % 1000000
    print("seed", seed)
    chance = random.Random(seed)
    handles = [tabs.first, tabs.open()]
    sent, number = [], 0

    def say():
        tabs.on(chance.choice(handles)).send(f"hers {number}")
        sent.append(f"hers {number}")

    def hear():
        bob.send(tabs.client, f"his {number}")
        sent.append(f"his {number}")

    def reload():
        tabs.on(chance.choice(handles)).driver.refresh()

    def open_one():
        if len(handles) < 4:
            handles.append(tabs.open())

    def close_one():
        if len(handles) > 1:
            close(tabs, handles.pop(chance.randrange(len(handles))))

    for number in range(40):
        chance.choice([say, say, say, hear, hear, reload, open_one, close_one])()
    tabs.on(handles[0])
    tabs.page.wait(lambda: len(bob.history(tabs.client, limit=100)["messages"]) >= len(sent), "all to be sent", timeout=30)
    stored = [m["body"] for m in bob.history(tabs.client, limit=100)["messages"]]
    assert sorted(stored) == sorted(sent)
    for handle in handles:
        tabs.show(handle, stored)
