"""People who talk while the server is being mistreated, and do what a good client does: repeat a send with the same
client_id, poll again from the same cursor. In the end each must have received everything once, in order."""

import asyncio
import random
import uuid

from perchtest.crowd import crowd
from perchtest.wire import GONE, Wire

RETRY_S = 0.02  # a client would wait longer; the sooner it asks again the more it sees of the trouble
GIVE_UP_S = 60


class Talk:
    """async with Talk(instance, pairs=8) as talk: …trouble…; await talk.finish()"""

    def __init__(self, instance, pairs=8, pause=0.01, patience=None):
        self.instance, self.pairs, self.pause = instance, pairs, pause
        self.patience = patience  # seconds that a client waits for a reply
        self.sent = [[] for _ in range(pairs)]
        self.received = [[] for _ in range(pairs)]
        self.troubles = []  # what went wrong and was tried again: a status, or the name of an exception
        self.stop = asyncio.Event()  # no more sends
        self.complete = asyncio.Event()  # what was sent is what there is
        self.senders = self.listeners = ()

    async def __aenter__(self):
        members = crowd(self.instance, self.pairs * 2)
        self.senders = [asyncio.create_task(self.send(i, members[i], members[self.pairs + i]))
                        for i in range(self.pairs)]
        self.listeners = [asyncio.create_task(self.listen(i, members[self.pairs + i])) for i in range(self.pairs)]
        await self.progress()
        return self

    async def __aexit__(self, *_):
        for task in (*self.senders, *self.listeners):
            task.cancel()
        await asyncio.gather(*self.senders, *self.listeners, return_exceptions=True)

    async def insist(self, wire, method, path, body=None):
        """Ask until there is an answer that is not trouble."""
        deadline = asyncio.get_running_loop().time() + GIVE_UP_S
        while True:
            try:
                reply = await asyncio.wait_for(wire.request(method, path, body), self.patience)
                if reply.status < 500:
                    return reply
                self.troubles.append(reply.status)
            except GONE as error:
                self.troubles.append(type(error).__name__)
            except asyncio.TimeoutError:
                self.troubles.append("timeout")
                wire.close()
            assert asyncio.get_running_loop().time() < deadline, f"{method} {path}: no answer for {GIVE_UP_S} s"
            await asyncio.sleep(RETRY_S)

    async def send(self, i, member, peer):
        pauses = random.Random(i)
        async with Wire(self.instance, member) as wire:
            while not self.stop.is_set():
                body = {"client_id": str(uuid.uuid4()), "body": str(len(self.sent[i]))}
                reply = await self.insist(wire, "POST", f"/dialogs/{peer.id}/messages", body)
                assert reply.status in (200, 201), reply
                self.sent[i].append(reply.json["message"]["id"])
                await asyncio.sleep(pauses.uniform(0, 2 * self.pause))

    async def listen(self, i, member):
        async with Wire(self.instance, member) as wire:
            cursor = (await self.insist(wire, "GET", "/events")).json["cursor"]
            # Some messages may have been sent before that.
            start = int(cursor.rpartition("-")[2])
            while not self.complete.is_set() or len(self.received[i]) + start < len(self.sent[i]):
                reply = await self.insist(wire, "GET", f"/events?cursor={cursor}&wait=2")
                assert reply.status == 200, reply
                batch = reply.json
                assert batch["from"] == cursor
                self.received[i] += [event["message"]["id"] for event in batch["events"]]
                cursor = batch["cursor"]
                if batch["after_ms"]:
                    await asyncio.sleep(min(batch["after_ms"] / 1000, 0.2))
            self.received[i][:0] = self.sent[i][:start]

    async def progress(self, count=3, timeout=30):
        """Until every pair has got this many more messages through."""
        goals = [len(row) + count for row in self.received]
        deadline = asyncio.get_running_loop().time() + timeout
        while any(len(row) < goal for row, goal in zip(self.received, goals)):
            for task in (*self.senders, *self.listeners):
                if task.done():
                    task.result()
            assert asyncio.get_running_loop().time() < deadline, f"no progress in {timeout} s: {self.troubles[-5:]}"
            await asyncio.sleep(0.01)

    async def finish(self):
        """Ends the talk; everything arrived exactly once and in order."""
        self.stop.set()
        await asyncio.wait_for(asyncio.gather(*self.senders), GIVE_UP_S)
        self.complete.set()
        await asyncio.wait_for(asyncio.gather(*self.listeners), GIVE_UP_S)
        for i in range(self.pairs):
            assert self.received[i] == self.sent[i], f"pair {i}"
            assert len(set(self.sent[i])) == len(self.sent[i])
