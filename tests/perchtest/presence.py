"""Who is there: the questions that presence tests ask."""

import http.client
import json
import socket
import threading
import time
import urllib.parse

from .api import credentials_of, good
from .client import API
from .wait import wait_for


def presence_of(client, *people):
    """{id: row of GET /presence}"""
    ids = ",".join(str(getattr(person, "id", person)) for person in people)
    return {row["id"]: row for row in good(client.get("/presence", params={"ids": ids}))["presence"]}


def online(client, person):
    return presence_of(client, person)[person.id]["online"]


def leases_believe(perch):
    """Make leases count at once: they are believed when they have been kept for a minute."""
    redis = perch.redis()
    key = perch.env.get("PERCH_REDIS_PREFIX", "perch:") + "presence"
    wait_for(lambda: redis.hget(key, "since"), 10, "a hub to look after the leases")
    redis.hset(key, "since", redis.time()[0] * 1000 - 61000)


def leases_settle(perch):
    """Wait until each hub has seen that leases_believe() meddled: it takes that for a loss, and writes what it holds
    anew as if it had just come. Their turns are a second apart at most, so after three of one all have had theirs."""
    redis, key = perch.redis(), perch.env.get("PERCH_REDIS_PREFIX", "perch:") + "presence"
    begun_at = redis.time()[0]
    wait_for(lambda: int(redis.hget(key, "beat")) > (begun_at + 3) * 1000, 10, "the hubs' turns")


def followed(perch, client):
    """Wait until what partners announce reaches this person: a hub listens to their channel."""
    channel = f"{perch.env.get('PERCH_REDIS_PREFIX', 'perch:')}u:{client.id}"
    wait_for(lambda: perch.redis().pubsub_numsub(channel)[0][1], 10, f"a hub to follow {channel}")


def poll_once(client, tab, **params):
    """A poll that does not wait: the device is there for the seconds of grace."""
    return client.poll(client.cursor(), wait=0, tab=tab, **params)


class Device:
    """Somebody's tab that polls on and on, as a page does: with Device(client) as device: …

    `events` are what it heard outside the log, with the time. leave() goes in the middle of a poll, without a word.
    """

    def __init__(self, client, tab="tab", wait=20, **params):
        self.headers, self.url = credentials_of(client), urllib.parse.urlsplit(client.url)
        self.params = {"tab": tab, "wait": wait, **params}
        self.events, self.troubles, self.polls, self.connection = [], [], 0, None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        wait_for(lambda: self.polls > 1, 10, "the device to poll")
        return self

    def __exit__(self, *_):
        self.leave()

    def ask(self, params):
        self.polls += 1
        self.connection.request("GET", f"{API}/events?{urllib.parse.urlencode(params)}", headers=self.headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status == 401:
            self.ended.set()
        assert response.status == 200, f"{response.status} {body[:80]}"
        return json.loads(body)

    def run(self):
        cursor = None
        while not self.ended.is_set():
            try:
                self.connection = self.connection or http.client.HTTPConnection(self.url.netloc, timeout=70)
                reply = self.ask({**self.params, "cursor": cursor} if cursor else {})
            except Exception as error:  # whatever a test does to the server: a page asks again
                self.troubles.append(f"{type(error).__name__} {error}")
                self.connection = None
                self.ended.wait(0.2)
                continue
            self.events += [(time.monotonic(), event) for event in reply["events"] if "seq" not in event]
            cursor = reply["cursor"]
            self.ended.wait(reply["after_ms"] / 1000)

    def leave(self):
        self.ended.set()
        try:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        except (AttributeError, OSError):
            pass  # between two connections
        self.thread.join(10)

    def about(self, person):
        """What it heard about the person, as (when, event)."""
        return [(at, event) for at, event in list(self.events)
                if event["type"] == "presence" and event["id"] == person.id]

    def last(self, person):
        """The last word about the person; {} where there is none."""
        return ([{}] + [event for _, event in self.about(person)])[-1]
