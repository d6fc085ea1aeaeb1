"""Pages of history, dialogs and search: no holes and no repeats, also while rows are added."""

import pytest

from perchtest.api import at_once, everything, good, pages, problem, twin, whole_history


def fill(alice, bob, count):
    """`count` messages, taking turns; their ids, oldest first."""
    return [(alice, bob)[number % 2].send((bob, alice)[number % 2], f"{number}")["id"] for number in range(count)]


@pytest.fixture
def ids(alice, bob):
    return fill(alice, bob, 23)


@pytest.mark.parametrize("limit", [1, 2, 5, 22, 23, 24, 100])
def test_history_pages_back_to_the_beginning(alice, bob, ids, limit):
    parts = list(pages(alice, f"/dialogs/{bob.id}/messages", "messages", by="before", limit=limit))
    for part in parts:
        assert [row["id"] for row in part] == sorted(row["id"] for row in part), "oldest first within the page"
    assert [row["id"] for part in reversed(parts) for row in part] == ids
    assert [len(part) for part in parts[:-1]] == [limit] * (len(parts) - 1)
    assert whole_history(bob, alice, limit=limit) == whole_history(alice, bob)


def test_before_is_any_message_id(alice, bob, ids):
    path = f"/dialogs/{bob.id}/messages"
    assert [row["id"] for row in good(alice.get(path, params={"before": ids[5]}))["messages"]] == ids[:5]
    assert good(alice.get(path, params={"before": ids[0]})) == {"messages": [], "next": None}
    newest = good(alice.get(path, params={"before": 9007199254740991, "limit": 3}))
    assert [row["id"] for row in newest["messages"]] == ids[-3:] and newest["next"] == str(ids[-3])
    foreign = bob.send(bob, "in between")["id"]
    last = alice.send(bob, "after it")["id"]
    assert last not in [row["id"] for row in good(alice.get(path, params={"before": foreign}))["messages"]]


@pytest.mark.parametrize("limit", [1, 2, 5, 21, 22, 23, 100])
def test_history_pages_forward_to_the_newest(alice, bob, ids, limit):
    for reader, peer in ((alice, bob), (bob, alice)):
        parts = list(pages(reader, f"/dialogs/{peer.id}/messages", "messages", by="after", after=ids[0], limit=limit))
        assert [row for part in parts for row in part] == whole_history(reader, peer)[1:]
        assert [len(part) for part in parts[:-1]] == [limit] * (len(parts) - 1)
        assert 1 <= len(parts[-1]) <= limit, "no empty page at the end"


def test_after_is_any_message_id(alice, bob, ids):
    path = f"/dialogs/{bob.id}/messages"
    assert good(alice.get(path, params={"after": ids[-1]})) == {"messages": [], "next": None}
    assert good(alice.get(path, params={"after": 9007199254740991})) == {"messages": [], "next": None}
    foreign = bob.send(bob, "in between")["id"]
    last = alice.send(bob, "after it")["id"]
    assert [row["id"] for row in good(alice.get(path, params={"after": foreign}))["messages"]] == [last]
    assert [row["id"] for row in good(bob.get(path, params={"after": ids[0]}))["messages"]] == [foreign]


def test_around_a_message_there_are_two_pages(alice, bob, ids):
    path, found = f"/dialogs/{bob.id}/messages", ids[11]
    older = good(alice.get(path, params={"before": found + 1, "limit": 5}))
    newer = good(alice.get(path, params={"after": found, "limit": 5}))
    assert [row["id"] for row in older["messages"] + newer["messages"]] == ids[7:17]
    assert (older["next"], newer["next"]) == (str(ids[7]), str(ids[16]))


def test_pages_forward_bring_what_comes_meanwhile(alice, bob, ids):
    seen, sent = [], []
    for page in pages(alice, f"/dialogs/{bob.id}/messages", "messages", by="after", after=ids[0], limit=4):
        seen += [row["id"] for row in page]
        if len(sent) < 3:
            sent.append(bob.send(alice, "meanwhile")["id"])
    assert seen == ids[1:] + sent


def test_forward_with_nobody_is_not_found(alice):
    problem(alice.get("/dialogs/9007199254740991/messages", params={"after": 1}), 404, "not_found")


def test_history_with_somebody_unwritten_to_is_empty(alice, carol):
    assert good(alice.get(f"/dialogs/{carol.id}/messages")) == {"messages": [], "next": None}


def test_history_shows_one_dialog_only(alice, bob, carol):
    mine = fill(alice, bob, 4)
    fill(alice, carol, 4)
    fill(bob, carol, 4)
    fill(alice, alice, 2)
    assert [row["id"] for row in whole_history(alice, bob)] == mine


def test_messages_sent_meanwhile_do_not_disturb_the_older_pages(alice, bob, ids):
    seen = []
    for page in pages(alice, f"/dialogs/{bob.id}/messages", "messages", by="before", limit=4):
        seen[:0] = [row["id"] for row in page]
        bob.send(alice, "meanwhile")
    assert seen == ids


def test_pages_read_while_many_write_are_whole(alice, bob):
    first = fill(alice, bob, 40)

    def write():
        writer = twin(bob)
        return [writer.send(alice, f"more {number}")["id"] for number in range(60)]

    def look():
        reader = twin(alice)
        for _ in range(6):
            seen = [row["id"] for row in whole_history(reader, bob, limit=7)]
            assert seen == sorted(set(seen)) and seen[:40] == first
            assert seen == everyone_upto(reader, seen[-1])
        return seen

    def everyone_upto(reader, last):
        return [row["id"] for row in whole_history(reader, bob, limit=100) if row["id"] <= last]

    written, _ = at_once(write, look)
    assert [row["id"] for row in whole_history(alice, bob, limit=9)] == first + written


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 100])
def test_dialog_pages_have_no_holes_and_no_repeats(perch, alice, limit):
    peers = [perch.person("peer") for _ in range(10)]
    for peer in peers:
        peer.send(alice, "hello")
    parts = list(pages(alice, "/dialogs", "dialogs", limit=limit))
    assert [row["peer"]["id"] for part in parts for row in part] == [peer.id for peer in reversed(peers)]


def test_dialogs_that_come_meanwhile_make_no_repeat_of_those_that_stay(perch, alice):
    peers = [perch.person("peer") for _ in range(8)]
    for peer in peers:
        peer.send(alice, "hello")
    seen, cursor = [], None
    for number, page in enumerate(pages(alice, "/dialogs", "dialogs", limit=2)):
        seen += [row["peer"]["id"] for row in page]
        if number == 0:
            perch.person("late").send(alice, "hello")
            peers[0].send(alice, "I move up")
    kept = [peer.id for peer in reversed(peers[1:])]
    assert seen == kept, "whoever moved to the top is told by an event, not by a later page"


@pytest.mark.parametrize(
    "path, params",
    [
        ("/dialogs/{peer}/messages", {"before": "0"}),
        ("/dialogs/{peer}/messages", {"before": "-1"}),
        ("/dialogs/{peer}/messages", {"before": "x"}),
        ("/dialogs/{peer}/messages", {"before": ""}),
        ("/dialogs/{peer}/messages", {"before": "9007199254740992"}),
        ("/dialogs/{peer}/messages", {"before": "1.0"}),
        ("/dialogs/{peer}/messages", {"before": "9" * 40}),
        ("/dialogs/{peer}/messages", {"after": "0"}),
        ("/dialogs/{peer}/messages", {"after": ""}),
        ("/dialogs/{peer}/messages", {"after": "9007199254740992"}),
        ("/dialogs/{peer}/messages", {"after": "1", "before": "9"}),
        ("/dialogs/{peer}/messages", {"after": "1", "before": "9007199254740991"}),
        ("/dialogs/{peer}/messages", {"limit": "0"}),
        ("/dialogs/{peer}/messages", {"limit": "101"}),
        ("/dialogs/{peer}/messages", [("before", "1"), ("before", "1")]),
        ("/dialogs", {"limit": "0"}),
        ("/dialogs", {"limit": "101"}),
        ("/dialogs", {"after": "x"}),
        ("/dialogs", {"after": "-1"}),
        ("/dialogs", [("after", "1"), ("after", "2")]),
        ("/search", {}),
        ("/search", {"q": ""}),
        ("/search", {"q": "x", "limit": "0"}),
        ("/search", {"q": "x", "peer": "x"}),
        ("/search", {"q": "x", "peer": "0"}),
        ("/search", {"q": "x", "after": "x"}),
        ("/search", [("q", "x"), ("q", "x")]),
        ("/search", {"q": "x" * 257}),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(alice, bob, path, params):
    problem(alice.get(path.format(peer=bob.id), params=params), 400, "bad_parameter")


@pytest.mark.parametrize("peer", ["0", "-1", "abc", "9007199254740992", "9" * 40, "9007199254740991", "1e3", "me"])
def test_a_dialog_with_nobody_is_not_found(alice, peer):
    problem(alice.get(f"/dialogs/{peer}/messages"), 404, "not_found")


def test_search_finds_words_in_own_dialogs_newest_first(alice, bob, carol):
    first = alice.send(bob, "Lunch tomorrow, обед?")
    second = bob.send(alice, "LUNCH is fine")
    carol.send(bob, "lunch without alice")
    note = alice.send(alice, "note: lunch")
    found = [row["id"] for row in everything(alice, "/search", "messages", q="lunch")]
    assert found == [note["id"], second["id"], first["id"]]
    assert [row["id"] for row in everything(alice, "/search", "messages", q="lunch", peer=bob.id)] == found[1:]
    assert [row["id"] for row in everything(alice, "/search", "messages", q="ОБЕД")] == [first["id"]]
    assert [row["id"] for row in everything(alice, "/search", "messages", q="lunch fine")] == [second["id"]]
    assert everything(alice, "/search", "messages", q="dinner") == []
    assert everything(alice, "/search", "messages", q="lunch", peer=carol.id) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 12, 13])
def test_search_pages_have_no_holes_and_no_repeats_while_messages_come(alice, bob, limit):
    ids = [alice.send(bob, f"needle {number}")["id"] for number in range(12)]
    seen = []
    for page in pages(alice, "/search", "messages", q="needle", limit=limit):
        seen += [row["id"] for row in page]
        bob.send(alice, "another needle")
    assert seen == ids[::-1]


def test_search_follows_edits_and_deletions(alice, bob):
    message = alice.send(bob, "before")
    good(alice.patch(f"/messages/{message['id']}", {"body": "afterwards"}))
    assert everything(bob, "/search", "messages", q="before") == []
    assert [row["body"] for row in everything(bob, "/search", "messages", q="afterwards")] == ["afterwards"]
    good(alice.delete(f"/messages/{message['id']}"), 204)
    assert everything(bob, "/search", "messages", q="afterwards") == []


@pytest.mark.parametrize(
    "q",
    [
        "'",
        "''",
        '"',
        '"unclosed',
        "a & b | !c",
        "!",
        "&",
        "(",
        ")",
        ":*",
        "a:*",
        "<->",
        "\\",
        "%",
        "@1",
        "'@1'",
        "or",
        "-",
        "--",
        "😀",
        "x' OR 1=1 --",
        "); SELECT pg_sleep(9); --",
        "a" * 256,
        "\u0301",
        "foo -bar",
        "http://x.y/z?a=b",
    ],
    ids=ascii,
)
def test_search_takes_any_text(alice, bob, q):
    alice.send(bob, "nothing of that")
    assert everything(alice, "/search", "messages", q=q) == []


def test_search_of_other_peoples_marks_finds_nothing(alice, bob, carol):
    bob.send(carol, "between the two")
    for q in (
        f"@{bob.id}",
        f"@{carol.id} between",
        f"'@{bob.id}':*",
        f"between or @{carol.id}",
        f"-@{alice.id} between",
    ):
        assert everything(alice, "/search", "messages", q=q) == []
