"""The page's state: whatever the events come with, twice or in whatever pieces, it is what loading it anew gives. And what
two devices of one person show is the same after a random walk."""

import random

import pytest

STATE = """
    const [me, first, events, done] = arguments;
    const run = async () => {
        window.copies = (window.copies ?? 0) + 1;
        const { state, state_begin, dialog_put, history_new, history_extend, event_apply } =
            await import('/state.js?' + window.copies);
        state_begin(me);
        for (const dialog of first.dialogs) dialog_put(dialog);
        for (const [peer_id, list] of first.histories) {
            const history = { ...history_new(peer_id), loaded: true };
            state.histories.set(peer_id, history);
            history_extend(history, list, { from: 0, upto: Infinity });
        }
        for (const event of events) event_apply(event);
        const dialogs = [...state.dialogs.values()].sort((a, b) => a.peer_id - b.peer_id);
        return dialogs.map(({ peer_id, last, unread, uncertain, read_upto, peer_read_upto, muted_until }) =>
            ({ peer_id, last, unread, uncertain, read_upto, peer_read_upto, muted_until,
               list: state.histories.get(peer_id)?.list ?? null }));
    };
    run().then(done, (error) => done(String(error.stack)));
"""


class Walk:
    """What three people do to one another, one step at a time."""

    def __init__(self, perch, seed, count=3):
        self.random = random.Random(seed)
        self.people = [perch.person(f"walker{number}") for number in range(count)]
        self.messages = []

    def step(self):
        one, other = self.random.choice(self.people), self.random.choice(self.people)
        what = self.random.choice(["send", "send", "send", "edit", "delete", "read", "read some", "mute"])
        mine = [m for m in self.messages if m["sender_id"] == one.id]
        theirs = [m for m in self.messages if {m["sender_id"], m["recipient_id"]} == {one.id, other.id}]
        if what == "send":
            self.messages.append(one.send(other, f"message {len(self.messages)}"))
        elif what == "edit" and mine:
            one.patch(f"/messages/{self.random.choice(mine)['id']}", {"body": f"edited {self.random.random()}"})
        elif what == "delete" and mine:
            one.delete(f"/messages/{self.random.choice(mine)['id']}")
        elif what.startswith("read") and theirs:
            upto = theirs[-1] if what == "read" else self.random.choice(theirs)
            one.put(f"/dialogs/{other.id}/read", {"upto": upto["id"]})
        elif what == "mute" and theirs:
            one.put(f"/dialogs/{other.id}/mute", {"until": self.random.choice([None, "forever"])})


def load(person, people):
    histories = [[peer.id, person.history(peer, limit=100)["messages"]] for peer in people]
    return {"dialogs": person.dialogs()["dialogs"], "histories": [row for row in histories if row[1]]}


@pytest.fixture(scope="module")
def blank(perch):
    """A page of the site, for its modules."""
    from browser.conftest import Window

    page = Window(perch.url)
    yield page
    page.close()


@pytest.mark.parametrize("seed", range(4))
def test_events_in_any_pieces_and_with_repeats_give_what_loading_anew_gives(blank, perch, seed):
    walk = Walk(perch, seed)
    for _ in range(8):
        walk.step()
    person = walk.people[0]
    cursor, first, events = person.cursor(), load(person, walk.people), []
    for _ in range(60):
        walk.step()
        if walk.random.random() < 0.3:
            reply = person.get("/events", params={"cursor": cursor, "wait": 0}).json()
            events += reply["events"]
            cursor = reply["cursor"]
    events += person.get("/events", params={"cursor": cursor, "wait": 0}).json()["events"]
    told = [event for event in events if "seq" in event]
    for repeats in (0, 6):
        pieces = list(told)
        for _ in range(repeats):  # as after a poll from an earlier place
            again = walk.random.randrange(len(told))
            pieces += told[again:]
        applied, fresh = (blank.driver.execute_async_script(STATE, person.user, start, rest)
                          for start, rest in ((first, pieces), (load(person, walk.people), [])))
        # A dialog that was not there yet has no history that was loaded.
        known = {row["peer_id"] for row in applied if row["list"] is not None}
        for row in fresh:
            row["list"] = row["list"] if row["peer_id"] in known else None
        for row in applied:
            if row["uncertain"]:  # it says itself that it does not know, and load.js looks
                assert row["list"] is None
                [row["unread"]] = [one["unread"] for one in fresh if one["peer_id"] == row["peer_id"]]
                row["uncertain"] = False
        assert applied == fresh, f"seed {seed}, {repeats} repeats"


def test_what_was_sent_meanwhile_hides_nothing_unread(blank, perch):
    """The answer to one's own message comes before the events of what others wrote earlier."""
    alice, bob = perch.person("alice"), perch.person("bob")
    first = load(alice, [])
    cursor = alice.cursor()
    for number in range(3):
        bob.send(alice, f"message {number}")
    own = alice.send(bob, "from a train")
    told = alice.get("/events", params={"cursor": cursor, "wait": 0}).json()["events"]
    answer = {"type": "message.new", "message": own}
    [row] = blank.driver.execute_async_script(STATE, alice.user, first, [answer, *told])
    assert (row["unread"], row["last"]["id"]) == (3, own["id"])


@pytest.mark.parametrize("seed", range(2))
def test_unread_numbers_are_equal_everywhere_after_a_random_walk(window, perch, seed):
    walk = Walk(perch, seed, count=4)
    person = walk.people[0]
    for _ in range(10):
        walk.step()
    pages = [window(), window(width=390, height=700)]
    for page in pages:
        page.login(person.username, person.password)
        page.click("#tab-chats")
    for number in range(80):
        walk.step()
        if number % 20 == 10:
            for page in pages:
                row = walk.random.choice(page.chats())
                page.click("#rows .row", row[0])
                page.wait(lambda: page.shown("#talk-open"), "a dialog")
                page.js("location.hash = '#/'")

    def truth():
        rows = person.dialogs()["dialogs"]
        return {"Saved messages": 0} | {row["peer"]["display_name"]: row["unread"] for row in rows
                                        if row["peer"]["id"] != person.id}

    for page in pages:
        page.wait(lambda: {row[0]: row[2] for row in page.chats()} == truth(), f"the numbers of {truth()}")
        total = sum(truth().values())
        page.wait(lambda: page.driver.title == (f"({total}) Perch" if total else "Perch"),
                  f"{total} in the title instead of {page.driver.title}")
