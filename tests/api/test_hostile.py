"""Bad input: a clear 4xx, no crash, nothing changed.

conftest's `steady` holds every test here to no restarted child and no line at error level."""

import json
import socket
import urllib.parse
import uuid

import pytest

import fastcgi
from perchtest.api import credentials_of, good, problem, raw, raw_json, whole_history

NOT_JSON = {
    "space": b"  ",
    "a word": b"nope",
    "cut": b"{",
    "cut string": b'{"body":"x',
    "cut escape": b'{"body":"\\',
    "single quotes": b"{'body':'x'}",
    "no quotes": b"{body:1}",
    "NaN": b'{"body":NaN}',
    "Infinity": b'{"body":Infinity}',
    "minus Infinity": b'{"body":-Infinity}',
    "comma at the end": b'{"body":"x",}',
    "rubbish behind": b'{"body":"x"}x',
    "two values": b'{"body":"x"}{"body":"y"}',
    "comment": b'/* */{"body":"x"}',
    "line comment": b'{"body":"x"}//',
    "key twice": b'{"body":"x","body":"y"}',
    "key twice by escape": b'{"body":"x","\\u0062ody":"y"}',
    "key twice below": b'{"body":"x","y":{"a":1,"a":2}}',
    "key twice in a list": b'{"body":"x","y":[{"a":1,"a":2}]}',
    "lone high": b'{"body":"\\ud800"}',
    "lone low": b'{"body":"\\udc00x"}',
    "high before a letter": b'{"body":"\\ud800x"}',
    "pair the wrong way": b'{"body":"\\udc00\\ud800"}',
    "two high": b'{"body":"\\ud83d\\ud83d\\ude00"}',
    "lone in a key": b'{"\\ud800":1}',
    "escaped NUL": b'{"body":"a\\u0000b"}',
    "escaped NUL in a key": b'{"body\\u0000":"x"}',
    "NUL": b'{"body":"a\x00b"}',
    "NUL behind": b'{"body":"x"}\x00',
    "byte ff": b'{"body":"\xff"}',
    "overlong": b'{"body":"\xc0\xaf"}',
    "surrogate bytes": b'{"body":"\xed\xa0\x80"}',
    "cut UTF-8": b'{"body":"\xe2\x82"}',
    "past Unicode": b'{"body":"\xf4\x90\x80\x80"}',
    "bad key bytes": b'{"\xff":1}',
    "BOM": b'\xef\xbb\xbf{"body":"x"}',
    "UTF-16": '{"body":"x"}'.encode("utf-16"),
    "raw newline": b'{"body":"a\nb"}',
    "raw control": b'{"body":"a\x01b"}',
    "raw tab": b'{"body":"a\tb"}',
    "escape x": b'{"body":"\\x41"}',
    "short escape": b'{"body":"\\u12"}',
    "escape quote": b'{"body":"\\\'"}',
    "leading zero": b'{"body":01}',
    "no fraction": b'{"body":1.}',
    "no integer": b'{"body":.5}',
    "plus": b'{"body":+1}',
    "hex": b'{"body":0x10}',
    "True": b'{"body":True}',
    "17 deep": b'{"body":' + b"[" * 16 + b"]" * 16 + b"}",
    "30,000 deep": b"[" * 30000 + b"]" * 30000,
    "objects deep": b'{"a":' * 9000,
    "no comma": b'{"a":1 "b":2}',
    "no colon": b'{"a" 1}',
    "array cut": b"[1,2",
    "form": b"username=a&password=b",
}
NO_OBJECT = {
    "list": b"[]",
    "null": b"null",
    "number": b"7",
    "string": b'"body"',
    "true": b"true",
    "list of one": b'[{"body":"x"}]',
}
BODY_ROUTES = [
    ("POST", "/accounts"),
    ("POST", "/sessions"),
    ("PATCH", "/me"),
    ("DELETE", "/me"),
    ("PUT", "/me/password"),
    ("POST", "/me/telegram/confirm"),
    ("POST", "/dialogs/{id}/messages"),
    ("PUT", "/dialogs/{id}/read"),
    ("PUT", "/dialogs/{id}/mute"),
    ("PATCH", "/messages/{message}"),
]


@pytest.fixture(scope="module")
def victim(perch):
    """Somebody with a message to herself, whom nothing here may change."""
    client = perch.person("victim")
    client.message = client.send(client, "untouched")
    return client


def at(path, victim):
    return path.format(id=victim.id, message=victim.message["id"])


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_json_is_bad_json_on_every_route(victim, name):
    for method, path in BODY_ROUTES:
        reply = raw_json(victim, method, at(path, victim), NOT_JSON[name])
        assert (reply.status, reply.code) == (400, "bad_json"), f"{method} {path}: {reply}"
    assert whole_history(victim, victim) == [victim.message]


@pytest.mark.parametrize("name", NO_OBJECT)
def test_json_that_is_no_object_is_invalid_on_every_route(victim, name):
    for method, path in BODY_ROUTES:
        reply = raw_json(victim, method, at(path, victim), NO_OBJECT[name])
        assert (reply.status, reply.code) == (422, "invalid"), f"{method} {path}: {reply}"
        assert reply.json.get("field") is None


@pytest.mark.parametrize("method, path", BODY_ROUTES)
def test_no_body_where_one_is_needed_is_invalid(victim, method, path):
    for headers in ({}, {"Content-Type": None}):
        reply = raw_json(victim, method, at(path, victim), b"", headers)
        if path == "/me" and method == "PATCH":
            assert reply.status == 200, reply  # nothing to change
        else:
            assert (reply.status, reply.code) == (422, "invalid") and reply.json["field"], reply


@pytest.mark.parametrize(
    "method, path", [("GET", "/me"), ("GET", "/users"), ("DELETE", "/sessions"), ("GET", "/events")]
)
def test_a_body_where_none_belongs_is_too_large(victim, method, path):
    reply = raw_json(victim, method, path, b"{}")
    assert (reply.status, reply.code) == (413, "too_large"), reply


@pytest.mark.parametrize("method, path", BODY_ROUTES)
def test_bodies_over_64_kib_are_too_large(victim, method, path):
    for size in (65537, 66 * 1024, 200_000):
        reply = raw_json(victim, method, at(path, victim), b"{" + b" " * (size - 2) + b"}")
        assert (reply.status, reply.code) == (413, "too_large"), (size, reply)


def test_a_body_of_64_kib_nested_16_deep_is_taken(perch):
    client = perch.person("large")
    body = b'{"body":"x","deep":' + b"[" * 15 + b"]" * 15 + b',"pad":"' + b"x" * 65000 + b'"}'
    body += b" " * (65536 - len(body))
    assert raw_json(client, "POST", f"/dialogs/{client.id}/messages", body).status == 201
    many = json.dumps({"body": "y", **{f"k{number}": number for number in range(4000)}}).encode()
    assert raw_json(client, "POST", f"/dialogs/{client.id}/messages", many).status == 201


@pytest.mark.parametrize(
    "number", ["9" * 60000, "-" + "9" * 60000, "1e999999", "1." + "1" * 60000, "9007199254740993", "1e5", "-0"]
)
def test_strange_numbers_are_no_message_id(victim, number):
    reply = raw_json(victim, "PUT", f"/dialogs/{victim.id}/read", b'{"upto":' + number.encode() + b"}")
    assert reply.status in (400, 422) and reply.code in ("bad_json", "invalid"), reply


@pytest.mark.parametrize(
    "body",
    [
        b'{"body":"\\ud83d\\ude00"}',
        b'{"b\\u006fdy":"\xf0\x9f\x98\x80"}',
        b' \r\n\t{ "body" : "\\uD83D\\uDE00" } \n',
    ],
)
def test_escapes_that_json_allows_are_taken(perch, body):
    client = perch.person("escapes")
    reply = raw_json(client, "POST", f"/dialogs/{client.id}/messages", body)
    assert reply.status == 201 and reply.json["message"]["body"] == "😀"


QUERIES = [
    ("/users?q=%00", "bad_parameter"),
    ("/users?x=%00", "bad_parameter"),
    ("/users?x=%zz", "bad_parameter"),
    ("/users?x=1&x=2", "bad_parameter"),
    ("/me?x=%ff", "bad_parameter"),
    ("/health/live?x=%zz", "bad_parameter"),
    ("/users?" + "&".join(f"x{number}=1" for number in range(17)), "bad_parameter"),
    ("/users?q=a%00b", "bad_parameter"),
    ("/users?q=%ff", "bad_parameter"),
    ("/users?q=%c0%af", "bad_parameter"),
    ("/users?q=%ed%a0%80", "bad_parameter"),
    ("/users?q=%e2%82", "bad_parameter"),
    ("/users?q=%zz", "bad_parameter"),
    ("/users?q=%", "bad_parameter"),
    ("/users?q=%4", "bad_parameter"),
    ("/users?limit", "bad_parameter"),
    ("/users?limit=1%00", "bad_parameter"),
    ("/users?q=a&q=a", "bad_parameter"),
    ("/users?%71=a&q=a", "bad_parameter"),
    ("/search?q=%00", "bad_parameter"),
    ("/search?q=%ff", "bad_parameter"),
    ("/search?q=x&peer=-1", "bad_parameter"),
    ("/search?q=x&peer=%31%00", "bad_parameter"),
    ("/events?cursor=%ff&wait=0", ("bad_parameter", "bad_cursor")),
    ("/events?tab=%00", "bad_parameter"),
    ("/events?wait=1e1", "bad_parameter"),
    ("/events?wait=0x1", "bad_parameter"),
    ("/events?wait=%31%20", "bad_parameter"),
    ("/dialogs?after=%00", "bad_parameter"),
    ("/dialogs/1/messages?before=%00", "bad_parameter"),
    ("/users?after=%ff", "bad_parameter"),
]


@pytest.mark.parametrize("target, code", QUERIES)
def test_hostile_queries_are_refused(victim, target, code):
    reply = raw(victim.url, "GET", target, credentials_of(victim))
    assert reply.status == 400 and reply.code in ((code,) if isinstance(code, str) else code), reply


@pytest.mark.parametrize(
    "target",
    [
        "/users?",
        "/users?&&&",
        "/users?=",
        "/users?=x",
        "/users?x",
        "/users?q=a+b%20c",
        "/users?" + "&".join(f"x{number}=1" for number in range(16)),
        "/users?limit=1;DROP%20TABLE"[:14],
    ],
)
def test_odd_queries_without_known_faults_are_taken(victim, target):
    reply = raw(victim.url, "GET", target, credentials_of(victim))
    assert reply.status == 200, reply


IDS = [
    "0",
    "-1",
    "-0",
    "+1",
    "01",
    "1.0",
    "1e1",
    "0x1",
    "1_0",
    "９",
    "%20",
    "1%20",
    "%00",
    "a",
    "null",
    "undefined",
    "NaN",
    "9007199254740991",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551617",
    "9" * 100,
    "1;--",
    "1'--",
    "1%27%20OR%201=1",
    "..",
    "%2e%2e%2f1",
]


@pytest.mark.parametrize("text", IDS)
@pytest.mark.parametrize(
    "method, path, body",
    [
        ("GET", "/users/{}", None),
        ("GET", "/dialogs/{}/messages", None),
        ("POST", "/dialogs/{}/messages", {"body": "x"}),
        ("PUT", "/dialogs/{}/read", {"upto": 1}),
        ("PUT", "/dialogs/{}/mute", {"until": None}),
        ("PATCH", "/messages/{}", {"body": "x"}),
        ("DELETE", "/messages/{}", None),
        ("DELETE", "/sessions/{}", None),
    ],
)
def test_ids_that_name_nothing_are_not_found(victim, method, path, body, text):
    target = "/api/v1" + path.format(urllib.parse.quote(text, safe="%;'+="))
    headers = {**credentials_of(victim), "Origin": victim.url}
    raw_body = None if body is None else json.dumps(body).encode()
    if body is not None:
        headers["Content-Type"] = "application/json"
    reply = raw(victim.url, method, target, headers, raw_body, check=False)
    if text == "%00":
        assert (reply.status, reply.code) == (400, "bad_request"), reply  # nginx
    elif text in ("..", "%2e%2e%2f1"):
        assert reply.status in (404, 405), reply  # nginx makes another path of it
    else:
        assert (reply.status, reply.code) == (404, "not_found"), reply


INJECTIONS = [
    "'",
    "''",
    '"',
    "\\",
    "\\'",
    "'; DROP TABLE perch.users; --",
    "' OR '1'='1",
    "1 OR 1=1",
    "'||pg_sleep(9)||'",
    "$$; SELECT 1; $$",
    "$1",
    "%s",
    "%n%n%n",
    "{{7*7}}",
    "${7*7}",
    "`id`",
    "$(id)",
    "| id",
    "<img src=x onerror=alert(1)>",
    "E'\\x00'",
    "\\x00",
    "NULL",
    "*",
    "(",
    "[[:alpha:]]",
    ".*",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_is_never_code(perch, text):
    name = f"{text}{uuid.uuid4().hex[:10]}"
    client = perch.client()
    user = good(client.post("/accounts", {"username": name, "password": text, "display_name": text}), 201)["user"]
    assert (user["username"], user["display_name"]) == (name, text)
    client.user = user
    problem(client.post("/sessions", {"username": text, "password": text}), 401, "bad_credentials")
    good(client.post("/sessions", {"username": name, "password": text}), 201)
    message = client.send(client, text)
    assert whole_history(client, client) == [message] and message["body"] == text
    for params in ({"q": text}, {"q": text, "limit": 1}):
        good(client.get("/users", params=params))
        good(client.get("/search", params=params))
    for path, params in (
        ("/users", {"after": text}),
        ("/users", {"sort": text}),
        ("/dialogs", {"after": text}),
        ("/search", {"q": "x", "after": text}),
        ("/search", {"q": "x", "peer": text}),
    ):
        problem(client.get(path, params=params), 400, "bad_parameter")
    problem(client.get("/events", params={"cursor": text}), 400, "bad_cursor")
    problem(client.patch("/me", {"time_zone": text}), 422, "invalid")


def exchange(perch, data):
    """Raw bytes to nginx; what comes back until it closes or 5 s pass."""
    with socket.create_connection(("127.0.0.1", perch.port), timeout=5) as connection:
        connection.sendall(data)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except socket.timeout:
            pass
        return received


def post(headers, body):
    head = ["POST /api/v1/sessions HTTP/1.1", "Host: a", "Connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


JSON, CHUNKED = "Content-Type: application/json", "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    "data, status",
    [
        (b"GET /api/v1/me HTTP/1.1\r\nConnection: close\r\n\r\n", b"400"),  # no Host
        (b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", b"400"),
        (b"GET /api/v1/me HTTP/1.0\r\n\r\n", b"401"),
        (b"GET /api/v1/me HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", b"401"),
        (b"GET /api/v1/me HTTP/9.9\r\nHost: a\r\nConnection: close\r\n\r\n", b"505"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (post([JSON, CHUNKED], b"2\r\n[]\r\n0\r\n\r\n"), b"422"),
        (post([JSON, CHUNKED], b"zz\r\n"), b"400"),
        (post([CHUNKED, "Content-Length: 5"], b"0\r\n\r\n"), b"400"),
        (post([JSON, "Content-Length: 2", "Expect: 100-continue"], b"[]"), b"422"),
    ],
)
def test_raw_http_gets_a_clear_answer(perch, data, status):
    answer = exchange(perch, data)
    first = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ") and b" 100 " not in line]
    assert (first and first[0].split()[1] == status) or (not first and status in answer), answer[:300]


def fcgi_streams():
    """Broken FastCGI conversations; each ends with the other side closing."""
    begin = fastcgi.record(fastcgi.BEGIN, b"\0\1\0\0\0\0\0\0")
    encoded = b"\x0e\x04REQUEST_METHODGET"
    return {
        "nothing": b"",
        "one byte": b"\1",
        "half a header": begin[:5],
        "begin only": begin,
        "wrong version": b"\x09" + begin[1:],
        "rubbish": b"GET / HTTP/1.0\r\n\r\n",
        "a role nobody plays": fastcgi.record(fastcgi.BEGIN, b"\0\2\0\0\0\0\0\0"),
        "cut parameters": begin + fastcgi.record(fastcgi.PARAMS, encoded[:7]) + fastcgi.record(fastcgi.PARAMS),
        "a length that lies": begin
        + fastcgi.record(fastcgi.PARAMS, b"\xff\xff\xff\xff\x01ab")
        + fastcgi.record(fastcgi.PARAMS),
        "no parameters": begin + fastcgi.record(fastcgi.PARAMS) + fastcgi.record(fastcgi.STDIN),
    }


@pytest.mark.parametrize("name", fcgi_streams())
def test_a_broken_conversation_on_the_socket_leaves_the_pool_whole(perch, name):
    for key in ("PERCH_APP_SOCKET", "PERCH_AUTH_SOCKET"):
        for _ in range(3):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(perch.env[key])
                try:
                    connection.sendall(fcgi_streams()[name])
                    connection.shutdown(socket.SHUT_WR)
                except (BrokenPipeError, OSError):
                    pass
    assert perch.ready()
    perch.person("after")


@pytest.mark.parametrize(
    "changes",
    [
        {"CONTENT_LENGTH": "100000"},
        {"CONTENT_LENGTH": "-5"},
        {"CONTENT_LENGTH": "x"},
        {"CONTENT_LENGTH": "9" * 30},
        {"CONTENT_LENGTH": "1"},
        {"REQUEST_METHOD": ""},
        {"DOCUMENT_URI": ""},
        {"DOCUMENT_URI": "/api/v1/\0"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "x'; --"},
        {"REQUEST_ID": "\n\n"},
        {"QUERY_STRING": "a\0b"},
        {"CONTENT_TYPE": ""},
        {"HTTP_HOST": ""},
        {"HTTP_USER_AGENT": b"\xff\0\n"},
        {"HTTP_COOKIE": "\0"},
        {"REQUEST_SCHEME": "x"},
    ],
    ids=str,
)
def test_odd_fastcgi_parameters_get_an_answer(perch, changes):
    body = json.dumps({"username": uuid.uuid4().hex, "password": "x"}).encode()
    params = {**fastcgi.params("POST", "/api/v1/accounts", body=body), **changes}
    reply = fastcgi.call(perch.env["PERCH_AUTH_SOCKET"], params, body)
    assert reply.status < 500, reply


def test_bad_input_is_worth_one_log_line_at_most(perch, victim):
    before = len(perch.log().splitlines())
    count = 0
    for body in NOT_JSON.values():
        raw_json(victim, "POST", f"/dialogs/{victim.id}/messages", body)
        count += 1
    for token in ("x", "x.y.z", "." * 100):
        raw(perch.url, "GET", "/me", {"Authorization": f"Bearer {token}"})
        count += 1
    assert len(perch.log().splitlines()) - before <= count
