"""What the API tests say often: problems, pages, waiting polls, exact bytes."""

import http.client
import threading
import time
import urllib.parse
from pathlib import Path

from .client import API, Client
from .contract import CONTRACT, Reply
from .instance import children
from .wait import wait_for
from .wire import waiting_polls


def problem(response, status, code, field=None):
    """The reply is this problem (and names this field, where one is given)."""
    assert response.status_code == status, f"expected {status} {code}, got {response.status_code}: {response.text}"
    document = response.json()
    assert document["code"] == code, f"expected {code}: {document}"
    if field is not None:
        assert document.get("field") == field, f"expected field {field}: {document}"
    return document


def good(response, status=200):
    """The reply's JSON (None for 204), which must have this status."""
    assert response.status_code == status, f"expected {status}, got {response.status_code}: {response.text}"
    return response.json() if response.content else None


def twin(client):
    """The same session over a connection of its own, for use in another thread."""
    other = Client(client.url, token=client.token, origin=client.origin)
    other.session.cookies.update(client.session.cookies)
    other.user, other.username, other.password = client.user, client.username, client.password
    return other


def pages(client, path, item, by="after", **params):
    """Every page of a list."""
    while True:
        reply = good(client.get(path, params=params))
        yield reply[item]
        if reply["next"] is None:
            return
        params[by] = reply["next"]


def everything(client, path, item, **params):
    return [row for page in pages(client, path, item, **params) for row in page]


def whole_history(client, peer, **params):
    """Every message of a dialog, oldest first."""
    parts = list(
        pages(client, f"/dialogs/{getattr(peer, 'id', peer)}/messages", "messages", by="before", **params)
    )
    return [message for page in reversed(parts) for message in page]


def dialog_of(client, peer):
    """The dialog's row in the list; None where there is none."""
    peer = getattr(peer, "id", peer)
    rows = [row for row in everything(client, "/dialogs", "dialogs") if row["peer"]["id"] == peer]
    assert len(rows) <= 1, rows
    return rows[0] if rows else None


def log_from(client, cursor):
    """Every durable event after `cursor` that is there now."""
    events = []
    while True:
        reply = client.poll(cursor, wait=0)
        assert reply["from"] == cursor, reply
        events += [event for event in reply["events"] if "seq" in event]
        if reply["cursor"] == cursor:
            return events
        cursor = reply["cursor"]


def events_of(client, response):
    """The events that a poll led to. A poll may say `more` without events: then the next one has them."""
    reply = good(response)
    events = list(reply["events"])
    while reply["more"]:
        reply = client.poll(reply["cursor"], wait=0)
        events += reply["events"]
    return events


class Call(threading.Thread):
    """One call in a thread and over a connection of its own; `response()` waits for it."""

    def __init__(self, client, method, path, **rest):
        super().__init__(daemon=True)
        self.client, self.arguments, self.rest = twin(client), (method, path), rest
        self.result = self.error = self.took = None
        self.start()

    def run(self):
        started_at = time.monotonic()
        try:
            self.result = self.client.request(*self.arguments, **self.rest)
        except BaseException as error:  # for whoever asks for the response
            self.error = error
        self.took = time.monotonic() - started_at
        self.client.session.close()

    def response(self, timeout=60):
        self.join(timeout)
        assert not self.is_alive(), f"{self.arguments} is still unanswered after {timeout} s"
        if self.error:
            raise self.error
        return self.result


def poll_call(client, cursor, wait=25, **params):
    """A poll that waits in a thread. It need not have reached the server when this returns."""
    return Call(client, "GET", "/events", params={"cursor": cursor, "wait": wait, **params})


def hubs(perch):
    """The process ids of the hubs, known by their titles."""
    found = []
    for pid in children(int(perch.env["PERCH_MASTER_PID"])):
        try:
            if Path(f"/proc/{pid}/cmdline").read_text().startswith("perch-fcgi: hub"):
                found.append(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def parked(perch):
    """How many polls the hubs hold."""
    return sum(waiting_polls(pid) for pid in hubs(perch))


def waiting_poll(perch, client, cursor, wait=25, **params):
    """A poll_call() that a hub holds by now. Nobody else may poll this instance at the same time."""
    before = parked(perch)
    call = poll_call(client, cursor, wait, **params)
    wait_for(lambda: parked(perch) > before or not call.is_alive(), 10, "the hub to hold the poll")
    assert call.is_alive(), f"answered at once: {call.response().text}"
    return call


def followed_poll(perch, client, cursor, **params):
    """A waiting_poll() of somebody whose wake-ups reach the hub by now: events outside the log are not repeated."""
    call = waiting_poll(perch, client, cursor, **params)
    prefix = perch.env.get("PERCH_REDIS_PREFIX", "perch:")
    channel = f"{prefix}u:{client.id}"
    wait_for(lambda: perch.redis().pubsub_numsub(channel)[0][1], 10, f"the hub to follow {channel}")
    return call


def at_once(*calls):
    """Runs the functions in threads that start together; their results, in order."""
    barrier = threading.Barrier(len(calls))
    results = [None] * len(calls)

    def run(place, function):
        barrier.wait()
        try:
            results[place] = function()
        except BaseException as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=row, daemon=True) for row in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def credentials_of(client):
    """The headers that make a request this client's."""
    if client.token:
        return {"Authorization": f"Bearer {client.token}"}
    return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.session.cookies)}


def raw(url, method, path, headers=None, body=None, *, check=True, timeout=30):
    """Exactly these bytes, over a fresh connection. check=False: nginx answers, with a status of no route's own."""
    parts = urllib.parse.urlsplit(url)
    target = path if path.startswith(("/api", "/health")) else API + path
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None and "Content-Length" not in (headers or {}):
            connection.putheader("Content-Length", str(len(body)))
        try:
            connection.endheaders(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was sent: the answer is there to be read
        response = connection.getresponse()
        reply = Reply(response.status, response.getheaders(), response.read())
    finally:
        connection.close()
    if check:
        CONTRACT.check(method, target, reply)
    return reply


def raw_json(client, method, path, body, headers=None, **rest):
    """`body` (bytes) as it is, as this client, as JSON."""
    send = {**credentials_of(client), "Origin": client.url, "Content-Type": "application/json", **(headers or {})}
    return raw(
        client.url, method, path, {name: value for name, value in send.items() if value is not None}, body, **rest
    )
