"""Finding people: search, order, pages."""

import time
import uuid

import pytest

from perchtest import wait_for
from perchtest.api import everything, good, pages, problem
from perchtest.presence import online, poll_once

SORTS = ("name", "-created", "-seen")


@pytest.fixture(scope="module")
def crowd(perch):
    """25 people who share a tag in their names, and somebody who looks for them."""
    tag = uuid.uuid4().hex[:10]
    people = []
    for number in range(25):
        client = perch.client()
        client.register(f"{tag} {number % 7} {uuid.uuid4().hex[:6]}")
        people.append(client)
    return tag, people, perch.person("seeker")


def test_a_user_has_all_fields(perch, alice):
    poll_once(alice, "tab")
    wait_for(lambda: online(alice, alice), 5, "alice to be online")
    user = good(alice.get(f"/users/{alice.id}"))["user"]
    assert user == {**good(alice.get("/me"))["user"], "last_seen_at": user["last_seen_at"]}
    assert user["online"] and not user["deleted"] and user["created_at"] <= user["last_seen_at"]


def test_the_list_has_everyone_but_the_caller(crowd):
    tag, people, seeker = crowd
    assert {row["id"] for row in everything(seeker, "/users", "users", q=tag)} == {person.id for person in people}
    others = {row["id"] for row in everything(people[0], "/users", "users", q=tag)}
    assert others == {person.id for person in people[1:]}


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 2, 7, 24, 25, 26, 100])
def test_pages_have_no_holes_and_no_repeats(crowd, sort, limit):
    tag, people, seeker = crowd
    parts = list(pages(seeker, "/users", "users", q=tag, sort=sort, limit=limit))
    assert [len(part) for part in parts[:-1]] == [limit] * (len(parts) - 1)
    ids = [row["id"] for part in parts for row in part]
    assert len(ids) == 25 and set(ids) == {person.id for person in people}


def test_order_by_name_and_by_age(crowd):
    tag, people, seeker = crowd
    rows = everything(seeker, "/users", "users", q=tag, sort="name", limit=10)
    names = [row["username"] for row in rows]
    assert names == sorted(names)
    assert rows == everything(seeker, "/users", "users", q=tag)
    ids = [row["id"] for row in everything(seeker, "/users", "users", q=tag, sort="-created", limit=10)]
    assert ids == [person.id for person in reversed(people)]


def test_order_by_last_seen_with_equal_and_missing_times(perch, crowd):
    tag, people, seeker = crowd
    ids = [person.id for person in people]
    with perch.db() as db:
        db.execute("UPDATE users SET last_seen_at = '2020-01-01' WHERE id = ANY(%s)", [ids])
        db.execute("UPDATE users SET last_seen_at = '2021-01-01' WHERE id = ANY(%s)", [ids[3:8]])
        db.execute("UPDATE users SET last_seen_at = NULL WHERE id = ANY(%s)", [ids[20:]])
    rows = everything(seeker, "/users", "users", q=tag, sort="-seen", limit=4)
    assert [row["last_seen_at"] and row["last_seen_at"][:4] for row in rows] == ["2021"] * 5 + ["2020"] * 15 + [
        None
    ] * 5
    assert len({row["id"] for row in rows}) == 25


@pytest.mark.parametrize("sort", SORTS)
def test_people_who_register_meanwhile_make_no_hole_and_no_repeat(perch, sort):
    tag = uuid.uuid4().hex[:10]
    seeker = perch.person("seeker")
    first = [perch.client().register(f"{tag} {letter}")["id"] for letter in "bdfhjl"]
    seen = []
    for number, page in enumerate(pages(seeker, "/users", "users", q=tag, sort=sort, limit=2)):
        seen += [row["id"] for row in page]
        if number < 3:
            perch.client().register(f"{tag} {'aek'[number]}")
    assert len(seen) == len(set(seen))
    assert set(first) <= set(seen)


def test_q_matches_any_part_of_either_name_without_case(perch, alice):
    tag = uuid.uuid4().hex[:8]
    client = perch.client()
    user = client.register(f"Front{tag}Back", display_name=f"Äußere {tag[::-1]} ЗОЯ")
    for q in (f"front{tag}", tag.upper(), f"{tag}back", f"NT{tag}B", f"äussere {tag[::-1]}", f"{tag[::-1]} зоя"):
        assert [row["id"] for row in everything(alice, "/users", "users", q=q)] == [user["id"]], q
    assert everything(alice, "/users", "users", q=f"{tag}front") == []


@pytest.mark.parametrize(
    "q", ["%", "_", "\\", "%%", "\\%", "'", "''; SELECT pg_sleep(9); --", '"', "*", "$1", "[a]"]
)
def test_search_signs_mean_themselves(perch, alice, q):
    tag = uuid.uuid4().hex[:12]
    perch.client().register(f"{tag} plain")
    special = perch.client().register(f"{tag} {q} x")
    started_at = time.monotonic()
    assert [row["id"] for row in everything(alice, "/users", "users", q=f"{tag} {q}")] == [special["id"]]
    assert time.monotonic() - started_at < 5


def test_an_empty_q_is_everyone(perch, alice):
    good(alice.get("/users", params={"q": "", "limit": 1}))
    assert len(good(alice.get("/users", params={"limit": 1}))["users"]) == 1


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "-1"},
        {"limit": "x"},
        {"limit": ""},
        {"limit": "1.0"},
        {"limit": " 1"},
        {"limit": "99999999999999999999"},
        {"limit": "+5"},
        {"limit": "1e1"},
        {"sort": "created"},
        {"sort": ""},
        {"sort": "-name"},
        {"sort": "name; DROP TABLE perch.users"},
        {"after": "garbled"},
        {"after": "'"},
        {"after": "AAAA"},
        {"after": ""},
        {"after": "x" * 600},
        [("limit", "1"), ("limit", "1")],
        [("q", "a"), ("q", "b")],
        [("after", "a"), ("after", "a")],
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(alice, params):
    problem(alice.get("/users", params=params), 400, "bad_parameter")


def test_an_after_of_another_list_is_refused_or_harmless(crowd):
    tag, people, seeker = crowd
    mark = good(seeker.get("/users", params={"q": tag, "sort": "name", "limit": 1}))["next"]
    for sort in SORTS[1:]:
        response = seeker.get("/users", params={"q": tag, "sort": sort, "limit": 1, "after": mark})
        if response.status_code != 200:
            problem(response, 400, "bad_parameter")


def test_unknown_parameters_are_ignored(alice):
    good(alice.get("/users", params=[("limit", "1"), ("x", "1"), ("y", ""), ("Limit", "0")]))


@pytest.mark.parametrize("user", ["0", "-1", "abc", "1x", "1.5", "+1", "01", "9007199254740992", "9" * 30, "%20"])
def test_an_id_that_names_nobody_is_not_found(alice, user):
    problem(alice.get(f"/users/{user}"), 404, "not_found")
