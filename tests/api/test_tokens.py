"""Forged, expired, foreign and malformed tokens: 401, whatever is in them."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from perchtest.api import good, problem, raw

NEVER = object()


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(header, claims, key, digest=hashlib.sha256):
    text = ".".join(
        encode(part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode())
        for part in (header, claims)
    )
    return f"{text}.{encode(hmac.new(key, text.encode(), digest).digest())}"


def without(fields, name):
    return {key: value for key, value in fields.items() if key != name}


@pytest.fixture(scope="module")
def keys(perch):
    """[(kid, key)] of the instance."""
    with open(perch.env["PERCH_JWT_KEYS_FILE"]) as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return [(kid, decode(text)) for kid, text in rows]


@pytest.fixture(scope="module")
def person(perch):
    return perch.person("token")


@pytest.fixture(scope="module")
def real(person):
    """A real token, taken apart."""
    token = person.another_device(bearer=True).token
    header, claims, _ = token.split(".")
    return token, json.loads(decode(header)), json.loads(decode(claims))


def test_a_token_says_what_it_should(real, keys, person):
    token, header, claims = real
    assert header == {"alg": "HS256", "typ": "JWT", "kid": keys[0][0]}
    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "exp"}
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("perch", "perch", str(person.id))
    assert abs(claims["iat"] - time.time()) < 120 and claims["exp"] > claims["iat"]
    assert len(token) < 1024


def test_a_token_signed_here_from_the_key_file_is_taken(perch, real, keys, person):
    _, header, claims = real
    assert good(perch.client(token=sign(header, claims, keys[0][1])).get("/me"))["user"]["id"] == person.id


HEADERS = {
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg missing": {"alg": NEVER},
    "alg HS384": {"alg": "HS384"},
    "alg HS512": {"alg": "HS512"},
    "alg RS256": {"alg": "RS256"},
    "alg number": {"alg": 256},
    "alg null": {"alg": None},
    "typ missing": {"typ": NEVER},
    "typ other": {"typ": "JOSE"},
    "typ number": {"typ": 1},
    "kid missing": {"kid": NEVER},
    "kid unknown": {"kid": "unknown"},
    "kid path": {"kid": "../../../../dev/null"},
    "kid sql": {"kid": "' UNION SELECT 'x' --"},
    "kid number": {"kid": 0},
    "kid empty": {"kid": ""},
    "kid null": {"kid": None},
    "kid long": {"kid": "k" * 2000},
    "kid NUL": {"kid": "k\u0000"},
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_a_wrong_header_under_the_right_key_is_refused(perch, real, keys, change):
    _, header, claims = real
    [(name, value)] = change.items()
    header = without(header, name) if value is NEVER else {**header, name: value}
    digest = {"HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(header.get("alg"), hashlib.sha256)
    token = sign(header, claims, keys[0][1], digest)
    problem(perch.client(token=token).get("/me"), 401, "unauthorized")
    if change.get("alg") in ("none", "None"):
        problem(perch.client(token=token.rpartition(".")[0] + ".").get("/me"), 401, "unauthorized")


NOW = time.time()
CLAIMS = {
    "expired": {"exp": int(NOW) - 61},
    "expired long ago": {"exp": 1},
    "exp missing": {"exp": NEVER},
    "exp text": {"exp": "9999999999"},
    "exp null": {"exp": None},
    "exp zero": {"exp": 0},
    "exp negative": {"exp": -1},
    "exp fraction": {"exp": 9999999999.5},
    "iat future": {"iat": int(NOW) + 86400},
    "iat missing": {"iat": NEVER},
    "iat text": {"iat": "now"},
    "iss other": {"iss": "other"},
    "iss missing": {"iss": NEVER},
    "iss list": {"iss": ["perch"]},
    "iss longer": {"iss": "perch\u0000"},
    "aud other": {"aud": "other"},
    "aud missing": {"aud": NEVER},
    "aud list": {"aud": ["perch"]},
    "sub missing": {"sub": NEVER},
    "sub zero": {"sub": "0"},
    "sub leading zero": {"sub": "01"},
    "sub negative": {"sub": "-1"},
    "sub number": {"sub": 1},
    "sub other": {"sub": "9007199254740991"},
    "sub text": {"sub": "x"},
    "sub huge": {"sub": str(2**63)},
    "sub 54 bits": {"sub": str(2**53)},
    "sub sql": {"sub": "1; DROP TABLE x"},
    "sid missing": {"sid": NEVER},
    "sid zero": {"sid": 0},
    "sid negative": {"sid": -1},
    "sid unknown": {"sid": 4503599627370497},
    "sid text": {"sid": "x"},
    "sid huge": {"sid": 10**40},
    "sid null": {"sid": None},
    "sid true": {"sid": True},
}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
def test_wrong_claims_under_the_right_key_are_refused(perch, real, keys, change):
    _, header, claims = real
    [(name, value)] = change.items()
    claims = without(claims, name) if value is NEVER else {**claims, name: value}
    problem(perch.client(token=sign(header, claims, keys[0][1])).get("/me"), 401, "unauthorized")


def test_a_token_for_somebody_elses_session_is_refused(perch, real, keys, alice):
    """sub and sid must belong together, even under the right key."""
    _, header, claims = real
    problem(
        perch.client(token=sign(header, {**claims, "sub": str(alice.id)}, keys[0][1])).get("/me"),
        401,
        "unauthorized",
    )


@pytest.mark.parametrize("key", [b"", b"\0" * 32, b"x" * 32, b"perch", b"secret"], ids=repr)
def test_a_foreign_key_is_refused(perch, real, key):
    _, header, claims = real
    problem(perch.client(token=sign(header, claims, key)).get("/me"), 401, "unauthorized")


@pytest.mark.parametrize("place", range(3))
def test_a_flipped_bit_is_refused(perch, real, place):
    parts = real[0].split(".")
    data = bytearray(decode(parts[place]))
    for position in (0, len(data) // 2, len(data) - 1):
        for bit in (1, 32, 128):
            flipped = bytearray(data)
            flipped[position] ^= bit
            text = ".".join(parts[:place] + [encode(bytes(flipped))] + parts[place + 1 :])
            problem(perch.client(token=text).get("/me"), 401, "unauthorized")


@pytest.mark.parametrize(
    "make",
    [
        lambda t: "",
        lambda t: ".",
        lambda t: "..",
        lambda t: "...",
        lambda t: t + ".",
        lambda t: "." + t,
        lambda t: t + "=",
        lambda t: t + "A",
        lambda t: t[:-1],
        lambda t: t.replace(".", ""),
        lambda t: t.rpartition(".")[0],
        lambda t: t.split(".")[2],
        lambda t: t + "." + t,
        lambda t: t.replace(".", "..", 1),
        lambda t: t[::-1],
        lambda t: "x" * 4097,
        lambda t: "x" * 6000,
        lambda t: t + "\t",
        lambda t: t.replace(".", ". ", 1),
        lambda t: f'"{t}"',
        lambda t: t + ", " + t,
        lambda t: t + "%00",
        lambda t: "eyJhbGciOiJIUzI1NiJ9.e30." + t.split(".")[2],
        lambda t: t + "+/",
    ],
)
def test_malformed_tokens_are_refused(perch, real, make):
    text = make(real[0])
    for headers in ({"Authorization": f"Bearer {text}"}, {"Cookie": f"perch_session={text}"}):
        reply = raw(perch.url, "GET", "/me", headers)
        assert (reply.status, reply.code) == (401, "unauthorized"), reply


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_is_read_without_case(perch, real, scheme):
    reply = raw(perch.url, "GET", "/me", {"Authorization": f"{scheme} {real[0]}"})
    assert reply.status == 200, reply


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Token x", "Basic eDp5", "Bearerx", "Bearer\u00a0x"])
def test_other_schemes_are_refused(perch, real, header):
    reply = raw(perch.url, "GET", "/me", {"Authorization": header})
    assert (reply.status, reply.code) == (401, "unauthorized"), reply


def test_of_several_cookies_ours_is_found(perch, real):
    reply = raw(perch.url, "GET", "/me", {"Cookie": f'a=1; xperch_session=no; perch_session={real[0]}; b="2;3"'})
    assert reply.status == 200, reply


@pytest.mark.parametrize(
    "cookie",
    ["perch_session", "perch_session=", "perch_session=x; perch_session=y", "=", ";;;", "PERCH_SESSION=x"],
)
def test_malformed_cookies_are_nobody(perch, cookie):
    reply = raw(perch.url, "GET", "/me", {"Cookie": cookie})
    assert (reply.status, reply.code) == (401, "unauthorized"), reply


def test_a_megabyte_of_token_is_refused_by_the_web_server(perch):
    reply = raw(perch.url, "GET", "/me", {"Authorization": "Bearer " + "x" * 1_000_000}, check=False)
    assert (reply.status, reply.code) == (400, "bad_request"), reply


def test_a_claim_twice_or_broken_json_is_refused(perch, real, keys):
    _, header, claims = real
    right = json.dumps(claims).encode()
    for text in (
        right[:-1],
        right + b"x",
        b"[]",
        b"null",
        b"1",
        b"",
        b"{" * 5000,
        right[:-1] + b',"exp":NaN}',
        right[:-1] + b',"sid":1,"sid":2}',
        b"\xff\xfe",
        right.replace(b'"perch"', b"'perch'"),
    ):
        problem(perch.client(token=sign(header, text, keys[0][1])).get("/me"), 401, "unauthorized")
