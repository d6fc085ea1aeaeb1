"""Properties over any text: what is sent is what is read, and any name either registers or says why not."""

import unicodedata
import uuid

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from perchtest.api import everything, good

# Any text that JSON over UTF-8 can carry here: no surrogates, no NUL.
TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=300)
SHORT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=70)
FILLERS = "\u115f\u1160\u3164\uffa0"  # letters that nobody can see
RUN = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False)


@pytest.fixture(scope="module")
def pair(perch):
    return perch.person("alice"), perch.person("bob")


@RUN
@given(body=TEXT)
@example(body="\ufeff\u200b")
@example(body="\u2028\x85\x7f\x01")
@example(body='"\\\b\f\n\r\t/')
@example(body="🏳️‍🌈" * 500)
def test_any_body_that_is_taken_comes_back_unchanged_everywhere(pair, body):
    alice, bob = pair
    cursor = bob.cursor()
    client_id = str(uuid.uuid4())
    response = alice.post(f"/dialogs/{bob.id}/messages", {"client_id": client_id, "body": body})
    if response.status_code == 422:
        visible = [
            letter for letter in body if unicodedata.category(letter)[0] in "LNPS" and letter not in FILLERS
        ]
        assert not visible, ascii(body)
        return
    message = good(response, 201)["message"]
    assert message["body"] == body
    [event] = bob.poll(cursor, wait=0)["events"]
    assert event["message"] == message
    assert good(bob.get(f"/dialogs/{alice.id}/messages", params={"limit": 1}))["messages"] == [message]
    assert (
        good(alice.post(f"/dialogs/{bob.id}/messages", {"client_id": client_id, "body": body}))["message"]
        == message
    )
    assert good(bob.get("/dialogs", params={"limit": 1}))["dialogs"][0]["last_message"] == message


@RUN
@given(name=SHORT, password=TEXT)
@example(name="ﷺ" * 64, password=" ")
@example(name="\u0345\u0345", password="\x01")
def test_any_name_registers_and_logs_in_or_is_422_or_409(perch, name, password):
    client = perch.client()
    response = client.post("/accounts", {"username": name, "password": password})
    assert response.status_code in (201, 409, 422), response.text
    if response.status_code == 201:
        user = response.json()["user"]
        again = perch.client()
        assert (
            good(again.post("/sessions", {"username": name, "password": password}), 201)["user"]["id"]
            == user["id"]
        )
        assert 1 <= len(user["username"]) <= 64 and user["username"] in name


@RUN
@given(q=TEXT)
def test_any_text_can_be_searched_for(pair, q):
    alice, _ = pair
    for path in ("/users", "/search"):
        response = alice.get(path, params={"q": q, "limit": 5})
        assert response.status_code in (200, 400), response.text


@RUN
@given(text=st.text(st.sampled_from("abcdefghij0123456789"), min_size=3, max_size=20))
def test_a_word_that_was_sent_is_found(pair, text):
    alice, bob = pair
    word = f"{text}{uuid.uuid4().hex[:8]}"
    message = alice.send(bob, f"before {word} after")
    assert [row["id"] for row in everything(bob, "/search", "messages", q=word.upper())] == [message["id"]]
