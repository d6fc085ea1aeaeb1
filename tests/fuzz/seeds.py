#!/usr/bin/python3
"""Writes the seeds of the fuzz targets: small inputs that each open another door. Run it after a change here; what it
writes is in the repository, so that nobody needs to run it to fuzz.

Seeds that a crash was reduced to are put beside these by hand, named for what went wrong."""

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "seeds"


def record(kind, content=b"", request=1, padding=0):
    """One FastCGI record."""
    return bytes([1, kind, request >> 8, request & 255, len(content) >> 8, len(content) & 255, padding, 0]) \
        + content + bytes(padding)


BEGIN = record(1, bytes([0, 1, 0, 0, 0, 0, 0, 0]))
GET = b"\x0e\x03REQUEST_METHODGET\x0c\x0cDOCUMENT_URI/health/live"

def body(method, path, text, *params):
    """A request with a body, in lines."""
    return "\n".join([f"REQUEST_METHOD={method}", f"DOCUMENT_URI={path}", "CONTENT_TYPE=application/json",
                      f"CONTENT_LENGTH={len(text)}", *params, "", text])


PERSON = {"id": 7, "is_bot": False, "first_name": "Ann", "last_name": "Other", "username": "ann_o", "language_code": "ru"}
CHAT = {"id": 7, "type": "private"}


def message(**content):
    return {"message": {"message_id": 5, "from": PERSON, "chat": CHAT, "date": 1795249871, **content}}


def updates(*found):
    """An answer to getUpdates."""
    return json.dumps({"ok": True, "result": [{"update_id": 9 + i, **update} for i, update in enumerate(found)]})


SEEDS = {
    "fastcgi": {
        "live": "REQUEST_METHOD=GET\nDOCUMENT_URI=/health/live\nREQUEST_ID=00ff\n\n",
        "register": body("POST", "/api/v1/accounts", '{"username":"ann","password":"p","telegram":"@annie"}',
                         "REMOTE_ADDR=::1", "HTTP_SEC_FETCH_SITE=same-origin"),
        "send": body("POST", "/api/v1/dialogs/7/messages",
                     '{"client_id":"12345678-1234-1234-1234-1234567890ab","body":"hello there"}',
                     "HTTP_COOKIE=perch_session=a.b.c", "HTTP_ORIGIN=http://localhost", "HTTP_HOST=localhost",
                     "REQUEST_SCHEME=http"),
        "settings": body("PATCH", "/api/v1/me",
                         '{"display_name":"Ann","telegram":null,"locale":"en","time_zone":"Etc/GMT+1",'
                         '"notify":{"preview":"off","quiet_from":"22:00","quiet_to":"07:00","delay_s":60}}'),
        "mute": body("PUT", "/api/v1/dialogs/7/mute", '{"until":"2030-01-01T00:00:00Z"}'),
        "password": body("PUT", "/api/v1/me/password", '{"current":"a","new":"b"}'),
        "poll": "REQUEST_METHOD=GET\nDOCUMENT_URI=/api/v1/events\nQUERY_STRING=cursor=a1-5&wait=0&tab=x\n"
                "HTTP_AUTHORIZATION=Bearer a.b.c\n\n",
        "people": "REQUEST_METHOD=GET\nDOCUMENT_URI=/api/v1/users\nQUERY_STRING=q=%C3%A4&sort=-seen&limit=3&after=1-2\n\n",
        "records": BEGIN + record(4, GET) + record(4) + record(5),
        "records-padded": BEGIN + record(4, GET, padding=7) + record(4) + record(5, b"{}", padding=1) + record(5),
        "records-split": BEGIN + record(4, GET[:20]) + record(4, GET[20:]) + record(4) + record(5),
        "records-long-name": BEGIN + record(4, b"\x80\x00\x00\x90\x00" + b"N" * 144) + record(4) + record(5),
        "records-length-beyond": BEGIN + record(4, b"\xff\xff\xff\xff\xff\xff\xff\xffx") + record(4),
        "records-length-huge": BEGIN + record(4, b"\xcd" * 30) + record(4),
        "records-values": record(9, b"\x0e\x00FCGI_MAX_CONNS", request=0) + BEGIN + record(4, GET) + record(4),
        "records-abort": BEGIN + record(4, GET) + record(2),
    },
    "gate": {
        "cookie": "REQUEST_METHOD: GET\nHTTP_COOKIE: a=b; perch_session=$TOKEN; c=d",
        "cookie-https": "REQUEST_METHOD: POST\nREQUEST_SCHEME: https\nHTTP_COOKIE: __Host-perch_session=$TOKEN\n"
                        "HTTP_SEC_FETCH_SITE: same-origin",
        "cookie-twice": "REQUEST_METHOD: GET\nHTTP_COOKIE: perch_session=x;perch_session=$TOKEN",
        "cookie-other-site": "REQUEST_METHOD: POST\nHTTP_COOKIE: perch_session=$TOKEN\nHTTP_SEC_FETCH_SITE: cross-site",
        "origin": "REQUEST_METHOD: DELETE\nREQUEST_SCHEME: http\nHTTP_HOST: localhost:8080\n"
                  "HTTP_ORIGIN: http://localhost:8080\nHTTP_COOKIE: perch_session=$TOKEN",
        "bearer": "REQUEST_METHOD: POST\nHTTP_AUTHORIZATION: Bearer $TOKEN",
        "bearer-and-cookie": "REQUEST_METHOD: GET\nHTTP_AUTHORIZATION: Basic x\nHTTP_COOKIE: perch_session=$TOKEN",
    },
    "handoff": {
        "wake": "0w e a1 5 {}", "wake-with-descriptor": "1w e a1 5 {}", "park": "1p " + "x" * 40,
        "park-long": "1p " + "x" * 300, "park-without-descriptor": "0p ", "park-many-descriptors": "3p ",
        "other": "0\x01\x02\x03", "other-with-descriptor": "2hello",
    },
    "json": {
        "members": '{"body":"hello \\u00e9\\n","upto":12,"ok":true,"none":null}',
        "nested": '[[{"a":[1,-2.5e3,0,1E+2]}, {}], []]',
        "pair": '"\\ud83d\\ude00 \\uD83D"', "pair-that-json-c-halves": '"\\ud836\\udc00"',
        "twice": '{"a":1,"\\u0061":2}', "numbers": "[9223372036854775807,9223372036854775808,1e308,1e309,-0]",
        "words": "[true,false,null,NaN,Infinity,'x']", "deep": "[" * 16 + "]" * 16, "deeper": "[" * 17 + "]" * 17,
        "bare": " 0 ", "nul": '"\\u0000"', "control": '"\x01"', "comment": "/* */ {}", "comma": "[1,]",
        "utf8": '"ä€😀"', "utf8-bad": b'"\xc3"',
    },
    "query": {
        "poll": "cursor=a1-5&wait=25&tab=x", "escapes": "q=%C3%A4+b%2B&limit=10", "twice": "a=1&%61=2",
        "bad-escape": "q=%4", "nul": "q=%00", "empty": "&&=&a&b=", "id": "id=9007199254740991&x=007",
        "many": "&".join(f"p{i}={i}" for i in range(18)),
    },
    "router": {
        "me": "/api/v1/me", "user": "/api/v1/users/7", "messages": "/api/v1/dialogs/9007199254740991/messages",
        "beyond": "/api/v1/dialogs/9007199254740992/messages", "session": "/api/v1/sessions/current",
        "zero": "/api/v1/users/0", "slash": "/api/v1/users/7/", "health": "/health/ready", "braces": "/api/v1/users/{id}",
    },
    "text": {
        "cursor": "7f3a02c49b11-41", "cursor-zero": "a-0", "cursor-leading-zero": "a-01",
        "uuid": "12345678-1234-1234-1234-1234567890aB", "time": "2026-11-21T04:20:42.123Z",
        "time-offset": "2024-02-29t23:59:59+15:00", "time-no-day": "2023-02-29T00:00:00Z",
    },
    "token": {
        "good": '{"typ":"JWT","alg":"HS256","kid":"k1"}\n{"iss":"perch","aud":"perch","sub":"42","sid":7,'
                '"iat":1699999000,"exp":1700001000}',
        "none": '{"typ":"JWT","alg":"none","kid":"k1"}\n{"iss":"perch"}',
        "alg-case": '{"typ":"JWT","alg":"Hs256","kid":"k1"}\n{"iss":"perch","aud":"perch","sub":"42","sid":7,'
                    '"iat":1699999000,"exp":1700001000}',
        "hs512": '{"typ":"JWT","alg":"HS512","kid":"k1"}\n{"iss":"perch"}',
        "crit": '{"typ":"JWT","alg":"HS256","kid":"k1","crit":["exp"]}\n{"iss":"perch","aud":"perch","sub":"42",'
                '"sid":7,"iat":1699999000,"exp":1700001000,"nbf":1}',
        "kinds": '{"typ":"JWT","alg":"HS256","kid":"k1"}\n{"iss":"perch","aud":["perch"],"sub":42,"sid":"7",'
                 '"iat":1.5,"exp":true}',
        "stranger": "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.",
    },
    "update": {
        "refused": '{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":2282}}',
        "nothing": '{"ok":true,"result":[]}',
        "text": updates(message(text="hello 😀\u202e")),
        "reply": updates(message(text="yes", reply_to_message={"message_id": 4, "chat": CHAT})),
        "command": updates(message(text="/mute@perch_bot 2h"), message(text="/start " + "x" * 43)),
        "media": updates(message(photo=[{}])),
        "edit": updates({"edited_message": message(text="hello")["message"]}),
        "tap": updates({"callback_query": {"id": "7", "from": PERSON, "data": "m60", "message": message()["message"]}}),
        "blocked": updates({"my_chat_member": {"chat": CHAT, "from": PERSON, "new_chat_member": {"status": "kicked"}}}),
        "group": updates(message(text="hello", chat={"id": -7, "type": "group"})),
        "odd": '{"ok":true,"result":[{"update_id":"7"},null,[],{"update_id":8,"message":[]}]}',
    },
    "wake": {
        "event": 'e 7f3a02c4 41 {"seq":41}', "event-without-json": "e 7f3a02c4 41 ", "passing": 't {"type":"typing"}',
        "session": "s 9007199254740991", "presence": "p 1 42 a 1795249871000",
        "epoch-long": "e 01234567890123456 1 {}", "number-long": "s 90071992547409911",
    },
}

for target, seeds in SEEDS.items():
    (FOLDER / target).mkdir(parents=True, exist_ok=True)
    for name, seed in seeds.items():
        (FOLDER / target / name).write_bytes(seed if isinstance(seed, bytes) else seed.encode())
