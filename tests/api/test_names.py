"""Names are unique after NFKC and case folding (NFKC_Casefold), and are found in any such form."""

import uuid

import pytest

from perchtest.api import everything, good, problem

SAME = [
    ("Alice", "aLICE"),
    ("STRASSE", "straße"),
    ("Straße", "STRAẞE"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("σίσυφοσ", "ΣΊΣΥΦΟς"),
    ("ЗОЯ", "зоя"),
    ("Ёж", "ёЖ"),
    ("ﬁsh", "FISH"),
    ("Ａｌｉｃｅ", "alice"),
    ("①②", "12"),
    ("é", "e\u0301"),
    ("Å", "\u212b"),
    ("K", "\u212a"),
    ("ſ", "S"),
    ("ǆ", "Ǆ"),
    ("ŉ", "\u02bcn"),
    ("x²", "x2"),
    ("½", "1\u20442"),
    ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
    ("ｶﾞ", "ガ"),
    ("a\u00a0b", "a b"),
    ("a\u2003b", "a b"),
    ("ali\u00adce", "alice"),
    ("ali\u200bce", "alice"),
    ("heart❤\ufe0f", "heart❤"),
    ("ﷺ", "صلى الله عليه وسلم"),
    ("ﬃ", "ffi"),
    ("Dž", "dž"),
]
DIFFERENT = [
    ("alice", "аlice"),
    ("i", "ı"),
    ("İ", "i"),
    ("e", "é"),
    ("e", "ё"),
    ("а", "a"),
    ("0", "O"),
    ("1", "l"),
    ("a b", "ab"),
    ("a  b", "a b"),
    ("a_b", "a-b"),
    ("ж", "ж\u0306"),
    ("ss", "s"),
    ("👍", "👍🏽"),
    ("٣", "3"),
]


def register(perch, name):
    client = perch.client()
    return client, client.post("/accounts", {"username": name, "password": "pw"})


@pytest.mark.parametrize("one, other", SAME, ids=ascii)
def test_forms_of_one_name_are_one_name(perch, one, other):
    tail = uuid.uuid4().hex[:12]
    one, other = f"{tail[:6]}{one}{tail[6:]}", f"{tail[:6]}{other}{tail[6:]}"
    _, response = register(perch, one)
    user = good(response, 201)["user"]
    problem(register(perch, other)[1], 409, "name_taken", "username")
    again = perch.client()
    assert good(again.post("/sessions", {"username": other, "password": "pw"}), 201)["user"]["id"] == user["id"]
    seeker = perch.person("seeker")
    assert [row["id"] for row in everything(seeker, "/users", "users", q=other)] == [user["id"]]


@pytest.mark.parametrize("one, other", DIFFERENT, ids=ascii)
def test_look_alikes_are_different_names(perch, one, other):
    tail = uuid.uuid4().hex[:16]
    good(register(perch, f"{tail}{one}x")[1], 201)
    good(register(perch, f"{tail}{other}x")[1], 201)


def test_the_name_is_shown_as_it_was_typed(perch):
    name = f"Ａｌｉｃｅ STRAẞE {uuid.uuid4().hex[:8].upper()}"
    client, response = register(perch, name)
    assert good(response, 201)["user"]["username"] == name
    assert good(client.get("/me"))["user"]["username"] == name


@pytest.mark.parametrize("space", [" ", "\u3000", "\u00a0\u2003", "   "], ids=ascii)
def test_space_at_the_ends_is_cut(perch, space):
    name = uuid.uuid4().hex
    _, response = register(perch, f"{space}{name}{space}")
    assert good(response, 201)["user"]["username"] == name
    problem(register(perch, name)[1], 409, "name_taken", "username")
    good(perch.client().post("/sessions", {"username": f"{name}{space}", "password": "pw"}), 201)
