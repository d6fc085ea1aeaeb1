#!/usr/bin/python3
"""Stands between two parts of Perch and mistreats what passes: proxy.py KIND LISTEN UPSTREAM SEED

Both addresses are unix sockets. KIND is what is spoken: `fastcgi` (between nginx and perch-fcgi: one connection is one
request) or `stream` (between perch-fcgi and PostgreSQL). It is told by lines on its standard input what to do from then
on, answers each with `yes`, and ends when the input does.

  fastcgi   calm                     pass everything
            trouble SHARE [KIND…]    this share of the requests gets trouble of one of these kinds, or of all there are
            plant lose|repeat|swap   once, in the next reply that has what it takes, falsify the events
  stream    silent                   connections that exist now stay open, and nothing passes any more
            deaf                     the same, but what was asked is still done: only the answers stay away
"""

import asyncio
import contextlib
import json
import os
import random
import re
import struct
import sys

HEAD = struct.Struct(">BBHHBx")
STDIN, STDOUT, END_REQUEST = 5, 6, 3
TROUBLES = ("drop", "cut", "stall", "twice", "replay")
STALL_S = (0.5, 4.0)
REPLAY_S = (0.0, 3.0)
STREAM = b"text/event-stream"
GONE = (OSError, asyncio.IncompleteReadError)


async def read_request(reader):
    """The records of one request, to the empty STDIN record that ends it."""
    found = b""
    while True:
        head = await reader.readexactly(HEAD.size)
        _, kind, _, length, padding = HEAD.unpack(head)
        found += head + await reader.readexactly(length + padding)
        if kind == STDIN and length == 0:
            return found


def reply_text(data):
    """What the STDOUT records hold."""
    text, at = b"", 0
    while at + HEAD.size <= len(data):
        _, kind, _, length, padding = HEAD.unpack_from(data, at)
        at += HEAD.size
        if kind == STDOUT:
            text += data[at : at + length]
        at += length + padding
    return text


def reply_records(text):
    found = b""
    for at in range(0, len(text), 60_000):
        part = text[at : at + 60_000]
        found += HEAD.pack(1, STDOUT, 1, len(part), 0) + part
    return found + HEAD.pack(1, STDOUT, 1, 0, 0) + HEAD.pack(1, END_REQUEST, 1, 8, 0) + bytes(8)


def falsify(how, data):
    """The reply with its events falsified; None where it does not have what it takes."""
    head, gap, body = reply_text(data).partition(b"\r\n\r\n")
    try:
        reply = json.loads(body)
        events = reply["events"]
    except (ValueError, KeyError, TypeError):
        return None
    places = [i for i, event in enumerate(events) if event["type"] == "message.new"]
    if how == "swap":
        if len(places) < 2:
            return None
        a, b = places[:2]
        events[a]["message"], events[b]["message"] = events[b]["message"], events[a]["message"]
    elif not places:
        return None
    elif how == "lose":
        del events[places[0]]
    elif how == "repeat":
        events.insert(places[0], events[places[0]])
    body = json.dumps(reply).encode()
    head = re.sub(rb"(?i)(content-length: *)\d+", lambda found: found[1] + str(len(body)).encode(), head)
    return reply_records(head + gap + body)


class Proxy:
    def __init__(self, kind, upstream, seed):
        self.kind, self.upstream, self.source = kind, upstream, random.Random(seed)
        self.share, self.kinds, self.plant = 0.0, TROUBLES, None
        self.pipes, self.tasks, self.kept = set(), set(), []

    def obey(self, words):
        if words[0] == "calm":
            self.share, self.plant = 0.0, None
        elif words[0] == "trouble":
            self.share, self.kinds = float(words[1]), words[2:] or TROUBLES
        elif words[0] == "plant":
            self.plant = words[1]
        elif words[0] in ("silent", "deaf"):
            for pipe in self.pipes:
                setattr(pipe, words[0], True)
        else:
            sys.exit(f"unknown: {words}")

    async def serve(self, reader, writer):
        try:
            if self.kind == "fastcgi":
                await self.serve_request(reader, writer)
            else:
                await self.serve_stream(reader, writer)
        except GONE:
            pass
        finally:
            writer.close()

    # FastCGI.

    async def serve_request(self, reader, writer):
        request = await read_request(reader)
        trouble = self.source.choice(self.kinds) if self.source.random() < self.share else ""
        if trouble in ("twice", "replay"):
            self.spawn(self.repeat(request, self.source.uniform(*REPLAY_S) if trouble == "replay" else 0))
        up_reader, up_writer = await asyncio.open_unix_connection(self.upstream)
        try:
            up_writer.write(request)
            # A stream has no end to wait for: any trouble breaks it off.
            answer = asyncio.create_task(self.break_off(up_reader, writer) if trouble and STREAM in request
                                         else self.answer(up_reader, writer, trouble))
            leave = asyncio.create_task(reader.read(1))  # the browser leaves: nginx closes
            await asyncio.wait((answer, leave), return_when=asyncio.FIRST_COMPLETED)
            for task in (answer, leave):
                task.cancel()
            await asyncio.gather(answer, leave, return_exceptions=True)
        finally:
            up_writer.close()

    async def answer(self, reader, writer, trouble):
        if not trouble and not self.plant:
            await pump(reader, writer, lambda: False)
            return
        whole = await reader.read(-1)
        if trouble == "drop":
            return
        if trouble == "cut":
            whole = whole[: len(whole) // 2]
        if trouble == "stall":
            await asyncio.sleep(self.source.uniform(*STALL_S))
        if self.plant and (false := falsify(self.plant, whole)):
            whole, self.plant = false, None
        writer.write(whole)
        await writer.drain()

    async def break_off(self, reader, writer):
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(pump(reader, writer, lambda: False), self.source.uniform(*STALL_S))

    async def repeat(self, request, seconds):
        """The same request once more, and nobody hears the answer."""
        await asyncio.sleep(seconds)
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_unix_connection(self.upstream)
            writer.write(request)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(-1), 2)
            writer.close()

    def spawn(self, work):
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # Streams.

    async def serve_stream(self, reader, writer):
        up_reader, up_writer = await asyncio.open_unix_connection(self.upstream)
        pipe = Pipe()
        self.pipes.add(pipe)
        there = asyncio.create_task(pump(reader, up_writer, lambda: pipe.silent))
        back = asyncio.create_task(pump(up_reader, writer, lambda: pipe.silent or pipe.deaf))
        await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        if pipe.silent or pipe.deaf:
            # The server's end of a cut connection does not hear that ours was closed.
            self.kept.append((up_reader, up_writer, back))
            return
        self.pipes.discard(pipe)
        for task in (there, back):
            task.cancel()
        up_writer.close()


class Pipe:
    silent = deaf = False


async def pump(reader, writer, mute):
    with contextlib.suppress(*GONE):
        while data := await reader.read(65536):
            if not mute():
                writer.write(data)
                await writer.drain()


async def main(kind, listen, upstream, seed):
    loop = asyncio.get_running_loop()
    proxy = Proxy(kind, upstream, int(seed))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(listen)
    await asyncio.start_unix_server(proxy.serve, listen, backlog=4096)
    os.chmod(listen, 0o777)
    print("listening", flush=True)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        proxy.obey(line.decode().split())
        print("yes", flush=True)
    os.unlink(listen)


asyncio.run(main(*sys.argv[1:]))
