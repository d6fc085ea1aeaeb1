"""The CSRF rule: who sends a cookie with an unsafe method must come from this site's own page."""

import itertools

import pytest

from perchtest.api import credentials_of, good, problem

SITES = (None, "same-origin", "same-site", "cross-site", "none", "Same-Origin", "same-origin, cross-site", "")
ORIGINS = ("absent", "own", "null", "other", "longer host", "other port", "other scheme", "path", "empty")
UNSAFE = {"POST": "/dialogs/{id}/messages", "PUT": "/dialogs/{id}/mute", "PATCH": "/me", "DELETE": "/sessions"}
BODIES = {"POST": {"body": "hello"}, "PUT": {"until": None}, "PATCH": {}}


def origin_header(url, kind):
    scheme, _, rest = url.partition("://")
    host, _, port = rest.partition(":")
    return {
        "absent": None, "own": url, "null": "null", "other": "https://evil.example", "longer host": url + ".evil.example",
        "other port": f"{scheme}://{host}:{int(port or 80) + 1}", "other scheme": f"https://{rest}", "path": url + "/x",
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
def test_every_unsafe_method_is_checked(person, method, site, allowed):
    response = person.request(method, UNSAFE[method].format(id=person.id), json=BODIES.get(method),
                              headers={"Sec-Fetch-Site": site, "Origin": None})
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


@pytest.mark.parametrize("path", ["/sessions", "/accounts"])
def test_logging_in_from_another_site_is_refused_with_a_cookie(person, path):
    body = {"username": person.username, "password": person.password}
    problem(person.post(path, body, headers={"Sec-Fetch-Site": "cross-site"}), 403, "csrf")


def test_a_refused_call_changes_nothing(person):
    before = good(person.get("/me"))
    problem(person.patch("/me", {"display_name": "Mallory"}, headers={"Sec-Fetch-Site": "cross-site"}), 403, "csrf")
    assert good(person.get("/me")) == before
