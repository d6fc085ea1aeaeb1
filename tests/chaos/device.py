"""One device of one person: it reads the log as a good client does, and writes down what it was given.

A `desk` asks again at once; a `phone` takes its time between two polls and now and then loses its connection in the
middle of one; a `feed` reads the stream. After 410 a device reads every dialog's history back to what it knows.
"""

import asyncio
import contextlib

from chaos.history import event_row, message_row
from perchtest.stream import Stream
from perchtest.wire import GONE, Wire

WAIT_S = 20
PING_S = 15  # between two comments of a stream that has no events
PATIENCE_S = 8  # beyond what the server was asked to wait
BACK_OFF_S = (0.05, 0.4)
HANG_UP = 0.04  # of a phone's polls


class Device:
    def __init__(self, load, name, member, source, *, mobile=False):
        self.load, self.name, self.member, self.source, self.mobile = load, name, member, source, mobile
        self.wire = Wire(load.target, member)
        # So presence is kept and told meanwhile: events that pass, outside the log.
        self.state = f"&state={'idle' if mobile else 'active'}"
        self.cursor = None
        self.newest = {}  # peer: the newest message id of that dialog
        self.shown = set()
        load.history.add("device", name, member.id, mobile)

    async def run(self):
        await self.start()
        reading = asyncio.create_task(self.read())
        end = asyncio.create_task(self.load.read_out.wait())
        try:
            await asyncio.wait((reading, end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            end.cancel()
            reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        # Whatever would still come, a repeat for instance.
        self.wire.abort()
        for _ in range(2):
            await self.once(0)
        self.wire.close()

    async def read(self):
        while True:
            await self.once(WAIT_S)
            if self.mobile:
                await self.load.pause(self.source.uniform(0, 0.5))

    async def start(self):
        """From an empty log: the people of a load are new."""
        reply = await self.insist("/events", 0)
        self.cursor = reply.json["cursor"]

    async def once(self, wait):
        """One poll that was answered with 200 or 410."""
        reply = await self.insist(f"/events?cursor={self.cursor}&wait={wait}{self.state}", wait)
        if reply.status == 410:
            await self.reset(reply.json["cursor"])
            return
        batch = reply.json
        self.take(batch)
        if batch["after_ms"]:
            await self.load.pause(batch["after_ms"] / 1000)

    def take(self, batch):
        self.load.history.add("batch", self.name, self.load.now(), self.cursor, batch["from"], batch["cursor"],
                              [event_row(event) for event in batch["events"]])
        if batch["from"] != self.cursor:
            return
        for event in batch["events"]:
            if event["type"] == "message.new":
                self.note(event["message"])
        self.cursor = batch["cursor"]

    def note(self, message):
        peer = message["recipient_id"] if message["sender_id"] == self.member.id else message["sender_id"]
        self.newest[peer] = max(self.newest.get(peer, 0), message["id"])
        self.shown.add(message["id"])
        self.load.deliveries += 1

    async def insist(self, path, wait):
        """Ask until there is an answer that a client can use."""
        while True:
            try:
                hang_up = self.mobile and wait and self.source.random() < HANG_UP
                reply = await self.ask(path, self.source.uniform(0, 0.3) if hang_up else wait + PATIENCE_S)
                if reply.status in (200, 410):
                    return reply
                self.load.trouble(self.name, reply.status)
            except GONE as error:
                self.load.trouble(self.name, type(error).__name__)
            except asyncio.TimeoutError:
                if not hang_up:
                    self.load.trouble(self.name, "TimeoutError")
            except ValueError:
                self.load.trouble(self.name, "BrokenReply")
            await self.load.pause(self.source.uniform(*BACK_OFF_S))

    async def ask(self, path, seconds):
        try:
            reply = await asyncio.wait_for(self.wire.request("GET", path), seconds)
            assert reply.json is not None
            return reply
        except (asyncio.TimeoutError, ValueError):
            self.wire.abort()
            raise

    async def reset(self, cursor):
        self.load.history.add("reset", self.name, self.load.now(), cursor)
        self.cursor = cursor
        await self.read_back()

    async def read_back(self):
        """Every dialog's messages that are not known yet."""
        after = ""
        while after is not None:
            page = (await self.insist(f"/dialogs?limit=100{after}", 0)).json
            for dialog in page["dialogs"]:
                peer, last = dialog["peer"]["id"], dialog["last_message"]
                if last and last["id"] > self.newest.get(peer, 0):
                    await self.read_dialog(peer)
            after = page["next"] and f"&after={page['next']}"

    async def read_dialog(self, peer):
        known, before, found = self.newest.get(peer, 0), "", []
        while before is not None:
            page = (await self.insist(f"/dialogs/{peer}/messages?limit=100{before}", 0)).json
            found[:0] = [message for message in page["messages"] if message["id"] > known]
            enough = page["next"] is None or len(page["messages"]) == 0 or page["messages"][0]["id"] <= known
            before = None if enough else f"&before={page['next']}"
        self.load.history.add("history", self.name, self.load.now(), [message_row(message) for message in found])
        for message in found:
            self.note(message)


class Feed(Device):
    """Reads the stream, and comes back with the id of the last event when it ends or breaks."""

    async def read(self):
        while True:
            # As a browser: the first time by the cursor in the address, then by the header.
            stream = Stream(self.load.target, self.member, self.cursor, last_id=self.cursor)
            try:
                await asyncio.wait_for(stream.open(), PATIENCE_S)
                if stream.reply is None:
                    await self.follow(stream)
                elif stream.reply.status == 410:
                    await self.reset(stream.reply.json["cursor"])
                else:
                    self.load.trouble(self.name, stream.reply.status)
            except (*GONE, asyncio.TimeoutError) as error:
                self.load.trouble(self.name, type(error).__name__)
            finally:
                stream.wire.abort()
            await self.load.pause(stream.retry_ms / 1000 if stream.retry_ms else self.source.uniform(*BACK_OFF_S))

    async def follow(self, stream):
        """Until the stream's end. Silence beyond the comments that come every 15 s is a connection that died."""
        while (block := await stream.event(PING_S + PATIENCE_S)) is not None:
            event, cursor = block.json, block.fields.get("id", self.cursor)
            self.take({"from": self.cursor, "cursor": cursor, "events": [event]})
