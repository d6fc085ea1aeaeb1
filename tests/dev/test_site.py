"""What nginx adds: headers, limits, the choice of the pool, and errors of its own."""

import re
import socket
import subprocess

import pytest
import requests
import yaml

from perchtest import free_port, wait_for
from perchtest.instance import TOP, find_build

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def get(perch, path, **kwargs):
    return requests.get(perch.url + path, timeout=20, **kwargs)


def assert_problem(response, status, code):
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["title"]
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-Id"])
    assert response.headers["Cache-Control"] == "no-store"
    assert_security(response)


def assert_security(response):
    for name, value in SECURITY.items():
        assert response.headers[name] == value
    policy = response.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
                 "require-trusted-types-for 'script'", "trusted-types 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert not any(character.isdigit() for character in response.headers["Server"])


@pytest.mark.parametrize("path", ["/", "/main.js", "/nothing-here", "/docs", "/openapi.yaml", "/openapi.json", "/health/ready"])
def test_every_page_has_the_security_headers(perch, path):
    assert_security(get(perch, path))


def test_every_api_reply_has_the_security_headers_once(perch):
    response = perch.person().get("/me")
    assert response.status_code == 200
    assert_security(response)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "," not in response.headers["X-Request-Id"]


def test_the_page_is_kept_but_asked_about_each_time(perch):
    first = get(perch, "/")
    assert first.headers["Cache-Control"] == "no-cache"
    again = get(perch, "/", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/", "/main.js", "/perch.css", "/docs", "/openapi.yaml", "/openapi.json"])
def test_the_page_travels_compressed(perch, path):
    packed = get(perch, path, headers={"Accept-Encoding": "gzip"})
    plain = get(perch, path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    assert "Accept-Encoding" in packed.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]
    again = get(perch, path, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert again.status_code == 304


def test_the_api_is_never_compressed(perch):
    """A stranger who sees how long replies are, and has words of theirs in them, could guess the rest."""
    alice = perch.person()
    alice.send(alice, "x" * 4000)
    response = alice.get(f"/dialogs/{alice.id}/messages", headers={"Accept-Encoding": "gzip"})
    assert len(response.content) > 4000
    assert "Content-Encoding" not in response.headers


def test_the_contract_is_served(perch):
    response = get(perch, "/openapi.yaml")
    assert response.headers["Content-Type"] == "application/yaml"
    assert response.content == (TOP / "fcgi-app/openapi.yaml").read_bytes()
    same = get(perch, "/openapi.json")
    assert same.headers["Content-Type"] == "application/json"
    assert same.json() == yaml.safe_load(response.content)


def test_a_body_far_too_large_is_a_problem_document(perch):
    response = perch.client().post("/sessions", data=b"x" * 100_000, headers={"Content-Type": "application/json"})
    assert_problem(response, 413, "too_large")


def test_an_address_too_long_is_a_problem_document(perch):
    assert_problem(get(perch, "/api/v1/" + "a" * 9000), 414, "uri_too_long")


def test_a_header_too_long_is_a_problem_document(perch):
    assert_problem(get(perch, "/api/v1/me", headers={"X-Long": "a" * 9000}), 400, "bad_request")


def test_a_nul_or_a_way_out_in_the_path_is_a_problem_document(perch):
    assert_problem(get(perch, "/api/v1/%00"), 400, "bad_request")
    assert b"400" in raw(perch, b"GET /api/v1/../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n")


def test_a_request_that_is_none_is_a_problem_document(perch):
    reply = raw(perch, b"\x16\x03\x01 nonsense\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in reply and b'"code":"bad_request"' in reply


def raw(perch, data):
    with socket.create_connection(("127.0.0.1", perch.port), 20) as connection:
        connection.sendall(data)
        reply = b""
        while b"\r\n\r\n" not in reply or b"}" not in reply:
            part = connection.recv(65536)
            if not part:
                break
            reply += part
        return reply


def test_a_trace_is_refused(perch):
    response = requests.request("TRACE", perch.url + "/api/v1/me", timeout=20)
    assert_problem(response, 405, "method_not_allowed")


def test_without_perch_fcgi_the_reply_is_a_problem_document(perch_factory):
    perch = perch_factory()
    perch.service("perch-fcgi").stop()
    response = get(perch, "/api/v1/me")
    assert_problem(response, 502, "bad_gateway")
    assert int(response.headers["Retry-After"]) >= 1
    assert get(perch, "/").status_code == 200


def test_too_many_log_ins_of_one_address_are_refused_by_nginx(perch_factory):
    perch = perch_factory(NGINX_RATE_LOGIN=2)
    body = {"username": "nobody", "password": "x"}
    answers = [perch.client().post("/sessions", body) for _ in range(6)]
    assert answers[0].status_code == 401
    assert_problem(answers[-1], 429, "rate_limited")
    assert int(answers[-1].headers["Retry-After"]) >= 1
    # Nothing but log-ins is held back.
    assert perch.person().get("/me").status_code == 200


def test_too_many_registrations_of_one_address_are_refused_by_nginx(perch_factory):
    perch = perch_factory(NGINX_RATE_REGISTER=2)
    answers = [
        perch.client().post("/accounts", {"username": f"person {number}", "password": "x"}) for number in range(6)
    ]
    assert answers[0].status_code == 201
    assert_problem(answers[-1], 429, "rate_limited")


def test_too_many_connections_of_one_address_are_refused_by_nginx(perch_factory):
    perch = perch_factory(NGINX_CONNECTIONS=2)
    person = perch.person()
    request = (
        f"GET /api/v1/events?cursor={person.cursor()}&wait=50 HTTP/1.1\r\nHost: x\r\n"
        f"Cookie: perch_session={person.session.cookies['perch_session']}\r\n\r\n"
    ).encode()
    waiting = []

    def one_more_poll_is_one_too_many():
        # The first may be refused: nginx counts a reply for a moment longer than its reader does.
        # To the same name as get(): where localhost is ::1 first, 127.0.0.1 would be another address.
        waiting.append(socket.create_connection(("localhost", perch.port), 20))
        waiting[-1].sendall(request)
        return get(perch, "/api/v1/me").status_code == 429

    wait_for(one_more_poll_is_one_too_many, 60)
    assert_problem(get(perch, "/api/v1/me"), 429, "rate_limited")
    for connection in waiting:
        connection.close()
    wait_for(lambda: person.get("/me").status_code == 200)


def test_the_production_site_has_strict_limits_and_is_accepted_by_nginx(tmp_path):
    build = find_build()
    files = ["http.conf", "site.conf", "problem.conf", "perch-site.conf"]
    subprocess.run(["make", "-s", "-C", build, *(f"nginx/{name}" for name in files)], check=True)
    folder = re.search(r'include "(.*)/http.conf"', (build / "nginx/perch-site.conf").read_text())[1]
    for name in files:
        text = (build / "nginx" / name).read_text()
        assert not re.search(r"@\w+@", text)
        text = text.replace(folder, str(tmp_path)).replace("/etc/letsencrypt/live/chat.example.org", str(tmp_path))
        # Only root may listen below 1024, and somebody may do so.
        text = re.sub(r"(listen (?:\[::\]:)?)(80|443)\b", lambda m: m[1] + str(free_port()), text)
        (tmp_path / name).write_text(text)
    for name in ("headers.conf", "fastcgi.conf", "gzip.conf"):
        (tmp_path / name).write_text((TOP / "nginx" / name).read_text())
    limits = (tmp_path / "http.conf").read_text()
    assert "zone=perch_register:10m rate=10r/m;" in limits
    assert "zone=perch_login:10m    rate=30r/m;" in limits
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=chat.example.org"]
        + ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"],
        check=True,
        capture_output=True,
    )
    (tmp_path / "nginx.conf").write_text(
        f"error_log stderr; pid {tmp_path}/pid; events {{ }}\n"
        + f"http {{ access_log off; client_body_temp_path {tmp_path}/body; fastcgi_temp_path {tmp_path}/fastcgi;\n"
        + f"proxy_temp_path {tmp_path}/proxy; scgi_temp_path {tmp_path}/scgi; uwsgi_temp_path {tmp_path}/uwsgi;\n"
        + f"include {tmp_path}/perch-site.conf; }}\n"
    )
    result = subprocess.run(
        ["/usr/sbin/nginx", "-t", "-e", "stderr", "-p", tmp_path, "-c", tmp_path / "nginx.conf"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "[warn]" not in result.stderr
