"""Rules that hold on every route: the query, the body, the site a cookie comes from, a request cut short."""

import json

import pytest

import fastcgi
from perchtest import Instance
from perchtest.api import credentials_of, problem, raw
from perchtest.contract import CONTRACT

ROUTES = CONTRACT.operations()
API_ROUTES = [(method, template) for method, template in ROUTES if template.startswith("/api/")]
UNSAFE = [(method, template) for method, template in API_ROUTES if method != "GET"]
HASHING = {
    ("POST", "/api/v1/accounts"),
    ("POST", "/api/v1/sessions"),
    ("PUT", "/api/v1/me/password"),
    ("DELETE", "/api/v1/me"),
}


def takes_body(method, template):
    return "requestBody" in CONTRACT.operation(method, template)


WITH_BODY = [route for route in ROUTES if takes_body(*route)]
WITHOUT_BODY = [route for route in ROUTES if not takes_body(*route)]


@pytest.fixture(scope="module")
def person(perch):
    """Somebody with a message; every call here is refused, so both stay as they are."""
    client = perch.person("rules")
    message = client.send(client, "stays")
    client.message = message["id"]
    yield client
    assert client.history(client)["messages"] == [message]


def path_of(template, person):
    number = person.message if "messages/{id}" in template else person.id
    return template.replace("{id}", str(number)).replace("{peer}", str(person.id))


def name(route):
    return " ".join(route)


@pytest.mark.parametrize("route", ROUTES, ids=name)
@pytest.mark.parametrize("query", ["x=%zz", "x=%00", "x=%ff", "x=1&x=1"])
def test_a_malformed_query_is_refused(person, route, query):
    method, template = route
    body = b"{}" if takes_body(*route) else None
    headers = {**credentials_of(person), "Origin": person.url, "Content-Type": "application/json"}
    reply = raw(person.url, method, f"{path_of(template, person)}?{query}", headers, body)
    assert (reply.status, reply.code) == (400, "bad_parameter"), reply


# But what a browser sends as a beacon.
OTHER_TYPES = [(route, kind) for route in WITH_BODY
               for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
               if kind not in CONTRACT.operation(*route)["requestBody"]["content"]]


@pytest.mark.parametrize("route, kind", OTHER_TYPES, ids=lambda part: part if isinstance(part, str) else name(part))
def test_a_body_that_is_not_json_by_its_type_is_refused(person, route, kind):
    method, template = route
    response = person.request(method, path_of(template, person), data=b"{}", headers={"Content-Type": kind})
    problem(response, 415, "media_type")


@pytest.mark.parametrize("route", WITHOUT_BODY, ids=name)
def test_a_body_where_none_belongs_is_refused(person, route):
    method, template = route
    problem(person.request(method, path_of(template, person), json={}), 413, "too_large")


@pytest.mark.parametrize("route", UNSAFE, ids=name)
def test_a_cookie_from_another_site_is_refused(person, route):
    method, template = route
    body = {} if takes_body(*route) else None
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": None}):
        problem(person.request(method, path_of(template, person), json=body, headers=headers), 403, "csrf")


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_a_head_that_is_too_long_is_refused_by_the_web_server(person, route):
    method, template = route
    headers = {**credentials_of(person), "Origin": person.url, "X-Long": "x" * 9000}
    reply = raw(person.url, method, path_of(template, person), headers)
    assert (reply.status, reply.code) == (400, "bad_request"), reply


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
def test_a_body_shorter_than_announced_is_refused(perch, person, route):
    """nginx never sends one; another web server might."""
    method, template = route
    path = path_of(template, person)
    headers = {"HTTP_COOKIE": credentials_of(person)["Cookie"], "HTTP_SEC_FETCH_SITE": "same-origin"}
    params = fastcgi.params(method, path, body=b"{}", **headers)
    socket = perch.env["PERCH_AUTH_SOCKET" if route in HASHING else "PERCH_APP_SOCKET"]
    reply = fastcgi.call(socket, {**params, "CONTENT_LENGTH": "3"}, b"{}")
    CONTRACT.check(method, path, reply)
    assert (reply.status, reply.code) == (400, "bad_request"), reply


@pytest.fixture(scope="module")
def slow_site():
    """The web server lets one address make a call a second."""
    instance = Instance(WORKERS=1, NGINX_RATE_API=1).start()
    yield instance
    instance.stop()


@pytest.mark.parametrize("route", API_ROUTES, ids=name)
def test_the_web_servers_limit_is_told_like_every_other_error(slow_site, route):
    method, template = route
    body = json.dumps({}).encode() if takes_body(*route) else None
    headers = {"Content-Type": "application/json"} if body else {}
    path = template.replace("{id}", "1").replace("{peer}", "1")
    for _ in range(50):
        reply = raw(slow_site.url, method, path, headers, body)
        if reply.status == 429:
            break
    assert (reply.status, reply.code) == (429, "rate_limited"), reply
    assert int(reply.headers["retry-after"]) >= 1
