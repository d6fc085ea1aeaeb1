"""Headers of every reply, health, and the files beside the API."""

import pytest
import yaml

from perchtest.api import good
from perchtest.contract import CONTRACT


def test_request_ids_are_there_and_differ(alice):
    ids = {alice.get("/me").headers["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5 and all(len(text) >= 16 for text in ids)


def test_a_request_id_of_the_clients_is_not_taken_over(alice):
    response = alice.get("/me", headers={"X-Request-Id": "forged"})
    assert response.headers["X-Request-Id"] != "forged"


@pytest.mark.parametrize("path", ["/me", "/nothing", "/users/x"])
def test_the_api_is_never_stored_and_has_one_of_each_header(alice, path):
    response = alice.get(path)
    for name in (
        "Cache-Control",
        "X-Request-Id",
        "Content-Type",
        "X-Content-Type-Options",
        "Content-Security-Policy",
    ):
        values = response.raw.headers.getlist(name)
        assert len(values) == 1, f"{name}: {values}"
    assert response.headers["Cache-Control"] == "no-store"


def test_replies_are_utf8_json(alice):
    response = alice.get("/me")
    assert response.headers["Content-Type"].split(";")[0] == "application/json"
    response.content.decode("utf-8")


def test_cors_is_not_opened(alice):
    response = alice.get("/me", headers={"Origin": "https://evil.example"})
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_head_is_get_without_a_body_or_is_refused(alice):
    response = alice.session.head(f"{alice.url}/api/v1/me", timeout=20)
    assert response.status_code in (200, 405) and not response.content


def test_health_needs_nobody_and_says_ok(perch):
    assert good(perch.client().get("/health/live")) == {"status": "ok"}
    assert good(perch.client().get("/health/ready")) == {"status": "ok", "postgresql": True, "redis": True}


def test_the_contract_is_served_as_it_is(perch):
    response = perch.client().session.get(f"{perch.url}/openapi.yaml", timeout=20)
    assert response.status_code == 200 and yaml.safe_load(response.content) == CONTRACT.document


@pytest.mark.parametrize(
    "type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"],
)
def test_json_content_types_are_taken(alice, type):
    good(alice.patch("/me", data=b"{}", headers={"Content-Type": type}))


@pytest.mark.parametrize(
    "type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json-patch+json",
        "application",
        "json",
        "text/json",
        "xapplication/json",
        "application/ json",
    ],
)
def test_other_content_types_are_refused(alice, perch, type):
    for path, client in (("/me", alice), ("/sessions", perch.client()), ("/accounts", perch.client())):
        response = client.request(
            "PATCH" if path == "/me" else "POST", path, data=b"{}", headers={"Content-Type": type}
        )
        assert response.status_code == 415 and response.json()["code"] == "media_type", response.text


def test_a_request_without_a_body_needs_no_content_type(alice):
    response = alice.delete("/sessions")
    assert "Content-Type" not in response.request.headers
    good(response, 204)
