"""The CSRF rule: who sends a cookie with an unsafe method must come from this site's own page."""

import itertools
import json
import uuid

import pytest

from perchtest.api import credentials_of, good, problem, raw

SITES = (None, "same-origin", "same-site", "cross-site", "none", "Same-Origin", "same-origin, cross-site", "")
ORIGINS = ("absent", "own", "null", "other", "longer host", "other port", "other scheme", "path", "empty")
UNSAFE = {"POST": "/dialogs/{id}/messages", "PUT": "/dialogs/{id}/mute", "PATCH": "/me", "DELETE": "/sessions"}
BODIES = {"POST": {"body": "hello"}, "PUT": {"until": None}, "PATCH": {}}


def origin_header(url, kind):
    scheme, _, rest = url.partition("://")
    host, _, port = rest.partition(":")
    return {
        "absent": None,
        "own": url,
        "null": "null",
        "other": "https://evil.example",
        "longer host": url + ".evil.example",
        "other port": f"{scheme}://{host}:{int(port or 80) + 1}",
        "other scheme": f"https://{rest}",
        "path": url + "/x",
        "empty": "",
    }[kind]


@pytest.fixture(scope="module")
def person(perch):
    return perch.person("csrf")


@pytest.fixture(scope="module")
def program(person):
    return person.another_device(bearer=True)


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("site", SITES)
def test_cookie_with_unsafe_method_needs_this_site(person, site, origin):
    headers = {"Sec-Fetch-Site": site, "Origin": origin_header(person.url, origin)}
    allowed = site == "same-origin" or (site is None and origin == "own")
    response = person.patch("/me", {}, headers=headers)
    if allowed:
        good(response)
    else:
        problem(response, 403, "csrf")


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("site, allowed", [("same-origin", True), ("cross-site", False), (None, False)])
def test_every_unsafe_method_is_checked(alice, method, site, allowed):
    response = alice.request(
        method,
        UNSAFE[method].format(id=alice.id),
        json=BODIES.get(method),
        headers={"Sec-Fetch-Site": site, "Origin": None},
    )
    if allowed:
        assert response.status_code in (200, 201, 204), response.text
    else:
        problem(response, 403, "csrf")


@pytest.mark.parametrize("site, origin", itertools.product(SITES, ("absent", "own", "other")))
def test_safe_method_and_bearer_callers_are_exempt(person, program, site, origin):
    headers = {"Sec-Fetch-Site": site, "Origin": origin_header(person.url, origin)}
    good(person.get("/me", headers=headers))
    good(program.get("/me", headers=headers))
    good(program.patch("/me", {}, headers=headers))
    # With a bearer token the cookie is ignored, so it does not make the call a browser's.
    good(program.patch("/me", {}, headers={**headers, **credentials_of(person)}))


LOG_IN = [
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site", "Origin": None}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({}, True),
    ({"Origin": None}, True),  # a program: it has neither
]


@pytest.mark.parametrize("headers, allowed", LOG_IN, ids=str)
def test_another_sites_page_can_neither_log_in_nor_register(perch, person, headers, allowed):
    name = {"username": person.username, "password": person.password}
    new = {"username": uuid.uuid4().hex, "password": "x"}
    for path, body in (("/sessions", name), ("/accounts", new)):
        response = perch.client().post(path, body, headers=headers)
        good(response, 201) if allowed else problem(response, 403, "csrf")
        if not allowed:
            problem(person.post(path, body, headers=headers), 403, "csrf")


def test_a_refused_call_changes_nothing(person):
    before = good(person.get("/me"))
    problem(
        person.patch("/me", {"display_name": "Mallory"}, headers={"Sec-Fetch-Site": "cross-site"}), 403, "csrf"
    )
    assert good(person.get("/me")) == before


def test_a_site_with_a_public_url_wants_that_origin_and_secure_cookies(perch_factory):
    site = "https://chat.example.org"
    perch = perch_factory(WORKERS=1, PUBLIC_URL=site)
    body = json.dumps({"username": uuid.uuid4().hex, "password": "x"}).encode()
    reply = raw(perch.url, "POST", "/accounts", {"Content-Type": "application/json", "Origin": site}, body)
    assert reply.status == 201, reply
    name, _, rest = reply.headers["set-cookie"].partition("=")
    token, *attributes = [part.strip().lower() for part in rest.split(";")]
    token = rest.split(";")[0]
    assert name == "__Host-perch_session"
    assert {"secure", "httponly", "path=/", "samesite=strict"} <= set(attributes)
    assert not any(part.startswith("domain") for part in attributes)

    def rename(cookie, **headers):
        send = {"Content-Type": "application/json", "Cookie": f"{cookie}={token}", **headers}
        reply = raw(perch.url, "PATCH", "/me", send, b"{}")
        return reply.status, reply.code

    assert rename(name, Origin=site) == (200, None)
    assert rename(name, **{"Sec-Fetch-Site": "same-origin"}) == (200, None)
    for origin in (perch.url, "http://chat.example.org", site + ".evil.example", site + ":8443", "null"):
        assert rename(name, Origin=origin) == (403, "csrf"), origin
    assert rename("perch_session", Origin=site) == (401, "unauthorized")
