"""Many people at once: accounts and sessions made by SQL, tokens signed with the instance's own key."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

SESSION_DAYS = 30


@dataclass
class Member:
    """Somebody who is logged in, as a program sees it."""

    id: int
    session: int
    token: str


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signing_key(instance):
    """(kid, secret): the first line of the key file signs."""
    lines = Path(instance.env["PERCH_JWT_KEYS_FILE"]).read_text().splitlines()
    kid, encoded = next(line.split() for line in lines if line.strip() and not line.startswith("#"))
    return kid, base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def tokens(instance, pairs):
    """The tokens of (user, session) pairs."""
    kid, secret = signing_key(instance)
    # To the letter as perch-fcgi writes it: it knows its own headers by sight.
    header = base64url(f'{{"alg":"HS256","kid":"{kid}","typ":"JWT"}}'.encode())
    now = int(time.time())
    found = []
    for user, session in pairs:
        claims = {"iss": "perch", "aud": "perch", "sub": str(user), "sid": session, "iat": now,
                  "exp": now + SESSION_DAYS * 86400}
        signed = header + b"." + base64url(json.dumps(claims).encode())
        found.append((signed + b"." + base64url(hmac.digest(secret, signed, hashlib.sha256))).decode())
    return found


def new_sessions(count):
    return [secrets.randbelow(2**53 - 1) + 1 for _ in range(count)]


def crowd(instance, count):
    """This many new people, each with a session. Their password is none: nobody can log in as one of them."""
    tag = f"crowd-{secrets.token_hex(6)}-"
    sessions = new_sessions(count)
    rows = instance.sql(
        "SELECT a.user_id FROM unnest(%s::bigint[]) WITH ORDINALITY AS s (id, place),"
        " perch.create_account(%s || place, %s || place, NULL, %s || place, 'none', NULL, NULL, s.id, %s, 'crowd',"
        "                      '127.0.0.1') AS a ORDER BY place",
        sessions, tag, tag, tag, SESSION_DAYS)
    users = [row[0] for row in rows]
    return [Member(user, session, token)
            for user, session, token in zip(users, sessions, tokens(instance, zip(users, sessions)))]


def more_sessions(instance, user, count):
    """This many further sessions of one person."""
    sessions = new_sessions(count)
    instance.sql("INSERT INTO perch.sessions (id, user_id, user_agent, ip, expires_at)"
                 " SELECT unnest(%s::bigint[]), %s, 'crowd', '127.0.0.1', now() + interval '30 days'", sessions, user)
    return [Member(user, session, token)
            for session, token in zip(sessions, tokens(instance, [(user, session) for session in sessions]))]
