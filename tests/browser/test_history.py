"""However long a dialog is: its reader is never moved, and the document holds a bounded part of it."""

import json
import os

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROWS = "return document.getElementById('messages').children.length"
MOST_ROWS = 300


def history_make(perch, alice, bob, count, minutes=20):
    """`count` messages "message 1" …, the last one now, one per so many minutes before it; every third is Bob's."""
    perch.sql("INSERT INTO messages (sender_id, recipient_id, client_id, body, sent_at)"
              " SELECT CASE WHEN i %% 3 = 0 THEN %s ELSE %s END, CASE WHEN i %% 3 = 0 THEN %s ELSE %s END,"
              " gen_random_uuid(), 'message ' || i || repeat(' word', i %% 40), now() - make_interval(mins => (%s - i) * %s)"
              " FROM generate_series(1, %s) AS i",
              bob.id, alice.id, alice.id, bob.id, count, minutes, count - 1)
    return alice.send(bob, f"message {count}")


def numbers(page):
    return [int(text.split()[1]) for text in page.messages()]


def visible(page):
    """The number of the first message in sight, and where it stands."""
    return page.js("""
        const edge = document.getElementById('scroller').getBoundingClientRect().top;
        for (const node of document.querySelectorAll('.message')) {
            const { top, bottom } = node.getBoundingClientRect();
            if (bottom > edge + 1) return [parseInt(node.querySelector('.text').innerText.split(' ')[1]), Math.round(top - edge)];
        }""")


def assert_stands(page, stood):
    number, place = visible(page)
    assert number == stood[0] and abs(place - stood[1]) <= 1, "a pixel is a matter of rounding"


def login_at(page, perch, person, peer):
    page.login(person.username, person.password)
    page.driver.get(f"{perch.url}/#/with/{peer.id}")
    page.wait(lambda: page.messages(), "the history")


def test_a_dialog_of_ten_thousand_keeps_a_bounded_number_of_rows(window, perch, artefacts):
    alice, bob = perch.person("alice"), perch.person("bob")
    last = history_make(perch, alice, bob, 10000, minutes=1441)  # a day for each, so each has its divider
    assert alice.put(f"/dialogs/{bob.id}/read", {"upto": last["id"]}).status_code == 204
    page = window()
    login_at(page, perch, alice, bob)
    page.wait(lambda: numbers(page)[-1:] == [10000], "the newest")

    # Up to where 1,500 are loaded, with frames counted on the way.
    page.js("""
        window.frames_ms = []; window.rows_most = 0;
        let before = performance.now();
        const look = (now) => {
            frames_ms.push(now - before); before = now;
            rows_most = Math.max(rows_most, document.getElementById('messages').children.length);
            requestAnimationFrame(look);
        };
        requestAnimationFrame(look);""")
    first = numbers(page)[0]
    while first > 8500:
        page.js("document.getElementById('scroller').scrollBy(0, -1500)")
        page.wait(lambda: numbers(page)[0] < first or page.js("return document.getElementById('scroller').scrollTop") > 400,
                  "older ones")
        shown = numbers(page)
        assert shown == list(range(shown[0], shown[-1] + 1)), "an unbroken run"
        first = shown[0]
    assert page.shown("#to-end") and 10000 not in numbers(page)
    # And down again, row after row, to the same end.
    while numbers(page)[-1:] != [10000]:
        page.js("document.getElementById('scroller').scrollBy(0, 3000)")
        shown = numbers(page)
        assert shown == list(range(shown[0], shown[-1] + 1))
    frames = sorted(page.js("return frames_ms"))
    report = {"frames": len(frames), "median_ms": frames[len(frames) // 2], "p95_ms": frames[len(frames) * 95 // 100],
              "worst_ms": frames[-1], "rows_most": page.js("return rows_most")}
    (artefacts / "history-frames.json").write_text(json.dumps(report, indent=1))
    assert report["rows_most"] <= MOST_ROWS
    page.wait(lambda: not page.shown("#newer"), "the end to be known")


def test_what_comes_in_above_and_below_moves_nothing_in_sight(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    last = history_make(perch, alice, bob, 400)
    assert alice.put(f"/dialogs/{bob.id}/read", {"upto": last["id"]}).status_code == 204
    page = window()
    login_at(page, perch, alice, bob)
    page.wait(lambda: numbers(page)[-1:] == [400], "the newest")
    # A little below the top, so that older ones come in above.
    page.js("document.getElementById('scroller').scrollTop = 300")
    stood = visible(page)
    page.wait(lambda: numbers(page)[0] <= 310, "older ones above")
    assert_stands(page, stood)
    # More than are shown arrive below: what is read stays, and the count tells.
    for number in range(401, 406):
        bob.send(alice, f"message {number}")
    page.wait(lambda: page.text("#to-end-count") == "5", "the count")
    assert_stands(page, stood)
    page.click("#to-end")
    page.wait(lambda: numbers(page)[-1:] == [405] and not page.shown("#to-end"), "the newest")
    page.wait(lambda: alice.get("/dialogs").json()["dialogs"][0]["unread"] == 0, "it to be read")


def test_many_unread_are_begun_where_they_begin(window, perch, artefacts):
    alice, bob = perch.person("alice"), perch.person("bob")
    history_make(perch, alice, bob, 60)
    history = alice.history(bob)["messages"]
    assert alice.put(f"/dialogs/{bob.id}/read", {"upto": history[-1]["id"]}).status_code == 204
    for number in range(61, 161):
        bob.send(alice, f"message {number}")
    page = window(width=390, height=700)
    login_at(page, perch, alice, bob)
    page.wait(lambda: page.shown(".divider-unread"), "the line")
    page.screenshot(artefacts / "history-unread.png")
    above = page.js("return document.querySelector('.divider-unread').nextElementSibling.innerText")
    assert above.startswith("message 61")
    assert 0 <= page.js("return document.querySelector('.divider-unread').getBoundingClientRect().top"
                        " - document.getElementById('scroller').getBoundingClientRect().top") < 60
    assert page.text("#to-end-count") in ("99+", "100")
    assert alice.get("/dialogs").json()["dialogs"][0]["unread"] == 100, "nothing of it was read yet"
    page.click("#to-end")
    page.wait(lambda: numbers(page)[-1:] == [160] and not page.shown("#to-end"), "the newest")
    page.wait(lambda: alice.get("/dialogs").json()["dialogs"][0]["unread"] == 0, "it to be read")
    page.wait(lambda: page.chats()[0][2] == 0, "the list to say so")


def test_what_one_sends_from_far_up_brings_one_to_the_end(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    history_make(perch, alice, bob, 300)
    page = window()
    login_at(page, perch, alice, bob)
    page.wait(lambda: numbers(page)[-1:] == [300], "the newest")
    for _ in range(4):
        first = numbers(page)[0]
        page.js("document.getElementById('scroller').scrollTop = 0")
        page.wait(lambda: numbers(page)[0] < first, "older ones")
    assert 300 not in numbers(page)
    page.send("message 301")
    page.wait(lambda: numbers(page)[-1:] == [301] and not page.shown("#to-end"), "the end")
