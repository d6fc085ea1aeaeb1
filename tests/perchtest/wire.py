"""HTTP/1.1 over asyncio streams, for tests with thousands of connections: cheap, and nothing is repeated behind the
test's back.

    async with Wire(instance, member) as wire:
        reply = await wire.poll(await wire.cursor())
"""

import asyncio
import functools
import json
import os
import resource
import socket
import uuid
from pathlib import Path

from .wait import patient

API = "/api/v1"
GONE = (ConnectionError, asyncio.IncompleteReadError)


def descriptors_raise():
    """As many sockets as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @functools.cached_property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Wire:
    """One keep-alive connection of one person, with one request under way at most."""

    def __init__(self, instance, member=None):
        self.port = instance.port
        self.token = member.token if member else None
        self.member = member
        self.reader = self.writer = None

    async def __aenter__(self):
        await self.open()
        return self

    async def __aexit__(self, *_):
        self.close()

    async def open(self, receive_buffer=None):
        """With a receive buffer of so many bytes: somebody who reads slowly."""
        if receive_buffer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            return self
        line = socket.socket()
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", self.port))
        self.reader, self.writer = await asyncio.open_connection(sock=line, limit=receive_buffer)
        return self

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None

    def abort(self):
        """Gone without a word (a reset), as when a laptop's lid falls."""
        if self.writer:
            self.writer.transport.abort()
        self.reader = self.writer = None

    async def request(self, method, path, body=None):
        """Sends and waits for the whole reply. Opens the connection when it is not; raises one of GONE."""
        await self.send(method, path, body)
        return await self.receive()

    async def send(self, method, path, body=None):
        if self.writer is None:
            await self.open()
        path = path if path.startswith(("/api", "/health")) else API + path
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        data = b""
        if body is not None:
            data = json.dumps(body).encode()
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + data)

    async def receive(self):
        try:
            status, headers = await self.head()
            body = await self.body(status, headers)
        except GONE:
            self.close()
            raise
        if headers.get("connection") == "close":
            self.close()
        return Reply(status, headers, body)

    async def head(self):
        """(status, headers by lower-case name)"""
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest if line)}
        return int(status.split()[1]), headers

    async def body(self, status, headers):
        if status in (204, 304):
            return b""
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        parts = []
        while True:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            parts.append(await self.reader.readexactly(size + 2))
            if size == 0:
                return b"".join(part[:-2] for part in parts)

    # Calls that must succeed.

    async def cursor(self):
        reply = await self.request("GET", "/events")
        assert reply.status == 200, reply
        return reply.json["cursor"]

    async def poll(self, cursor, wait=50):
        reply = await self.request("GET", f"/events?cursor={cursor}&wait={wait}")
        assert reply.status == 200, reply
        return reply.json

    async def news(self, cursor, wait=50):
        """The first reply that brings something. The hub may know that there is more without having it at hand: then
        it answers at once, and PostgreSQL has it."""
        reply = await self.poll(cursor, wait)
        assert reply["events"] or reply["from"] == reply["cursor"] == cursor
        return reply if reply["events"] or not reply["more"] else await self.poll(cursor, wait)

    async def message(self, peer, body="hello", client_id=None):
        """Sends; the stored message."""
        reply = await self.request("POST", f"/dialogs/{peer}/messages",
                                   {"client_id": client_id or str(uuid.uuid4()), "body": body})
        assert reply.status in (200, 201), reply
        return reply.json["message"]


def waiting_polls(pid):
    """How many polls a hub holds: the connections from nginx among its descriptors, and none of its own."""
    # Accepted are those with the path, or the port, that somebody listens at. Its own have no path and a port of their
    # own.
    rows = [row.split() for row in Path(f"/proc/{pid}/net/unix").read_text().splitlines()]
    theirs = {row[6] for row in rows if len(row) > 7 and row[5] == "03"}
    for family in ("tcp", "tcp6"):
        rows = [row.split() for row in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]]
        ports = {row[1].rpartition(":")[2] for row in rows if row[3] == "0A"}
        theirs |= {row[9] for row in rows if row[3] != "0A" and row[1].rpartition(":")[2] in ports}
    count = 0
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{number}").removeprefix("socket:[").removesuffix("]") in theirs
        except FileNotFoundError:
            continue  # it was just answered
    return count


async def eventually(condition, timeout=10, what="the condition"):
    """wait_for() for a test in an event loop."""
    timeout = patient(timeout)
    deadline = asyncio.get_running_loop().time() + timeout
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"waited {timeout} s in vain for {what}"
        await asyncio.sleep(0.01)
