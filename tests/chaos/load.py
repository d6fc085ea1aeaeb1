"""Twenty people who talk, each on several devices, while the server is being mistreated.

    load = Load(rig, seed=1)
    await load.start()
    …trouble…
    verdict = judge(await load.finish())

Writers keep to a pace and send each message until it is acknowledged, with the same client_id; now and then one hangs up
before the answer, or asks twice at once. They do not catch up on what they could not say during an outage, so that
every fault ends with a load that the machine can carry.
"""

import asyncio
import contextlib
import random
import uuid

from chaos.device import BACK_OFF_S, PATIENCE_S, Device, Feed
from chaos.history import History
from perchtest.crowd import crowd, more_sessions
from perchtest.wire import GONE, Wire

PEOPLE = 20
RATE = 200  # messages a second of all of them
WRITERS = 3  # of one person
HANG_UP = 0.02  # of the messages: the sender does not wait for the answer, and asks again
TWICE = 0.02  # are asked for twice at once, and once more
READ = 0.05  # of the messages are followed by a read mark
TYPING = 0.05  # are announced by it
FINISH_S = 60  # for what was begun to be acknowledged, and half of it for everybody to read it


class Target:
    """Where the clients connect to: a Wire reads the port each time it opens."""

    def __init__(self, port):
        self.port = port


class Load:
    def __init__(self, rig, *, seed, people=PEOPLE, rate=RATE, patience=FINISH_S / 2):
        self.rig, self.source, self.rate = rig, random.Random(seed), rate
        self.people, self.patience = people, patience
        self.target = Target(rig.port)
        self.history = History()
        self.hushed = asyncio.Event()  # no new messages
        self.read_out = asyncio.Event()  # every device has seen what there is, or will not
        self.acknowledged = set()  # client_ids
        self.deliveries = self.failed = 0
        self.devices, self.tasks, self.writing, self.members = [], [], [], []

    @property
    def acks(self):
        """Messages, not answers: some are asked for twice."""
        return len(self.acknowledged)

    def now(self):
        return round(asyncio.get_running_loop().time(), 6)

    async def pause(self, seconds):
        await asyncio.sleep(seconds)

    def trouble(self, who, what):
        self.failed += 1
        self.history.add("trouble", who, what, self.now())

    async def start(self):
        self.members = await asyncio.to_thread(crowd, self.rig.instance, self.people)
        sessions = await asyncio.to_thread(self.further_sessions)
        for place, (member, (phone, feed)) in enumerate(zip(self.members, sessions)):
            self.add(Device(self, f"{place}/desk", member, self.fork()))
            self.add(Device(self, f"{place}/phone", phone, self.fork(), mobile=True))
            self.add(Feed(self, f"{place}/feed", feed, self.fork()))
        # Nobody speaks before everybody listens from the beginning.
        while any(device.cursor is None for device in self.devices):
            await asyncio.sleep(0.01)
            self.raise_failures()
        self.writing = [asyncio.create_task(self.write(member, self.fork()))
                        for member in self.members for _ in range(WRITERS)]

    def further_sessions(self):
        """For the other devices of each."""
        return [more_sessions(self.rig.instance, member.id, 2) for member in self.members]

    def add(self, device):
        self.devices.append(device)
        self.tasks.append(asyncio.create_task(device.run()))

    def fork(self):
        return random.Random(self.source.getrandbits(64))

    def raise_failures(self):
        """A task that ended by an exception is a mistake of the harness."""
        for task in (*self.tasks, *self.writing):
            if task.done() and not task.cancelled():
                task.result()

    # Writing.

    async def write(self, member, source):
        every = self.people * WRITERS / self.rate
        loop = asyncio.get_running_loop()
        due = loop.time() + source.uniform(0, every)
        # Opened when they are needed: nginx closes a connection that says nothing for 15 s.
        wire, twin = Wire(self.target, member), Wire(self.target, member)
        with contextlib.closing(wire), contextlib.closing(twin):
            while True:
                await asyncio.sleep(max(0, due - loop.time()))
                if self.hushed.is_set():
                    return
                due = max(due + every, loop.time())
                peer = source.choice(self.members)
                if source.random() < TYPING:
                    await self.try_once(wire, ("POST", f"/dialogs/{peer.id}/typing"), member.id)
                message = await self.say(wire, twin, member, peer, source)
                if source.random() < READ:
                    await self.try_once(wire, ("PUT", f"/dialogs/{peer.id}/read", {"upto": message}), member.id)

    async def say(self, wire, twin, member, peer, source):
        """One message until it is acknowledged; its id."""
        client_id = str(uuid.UUID(int=source.getrandbits(128), version=4))
        body = f"{client_id[:8]} says {'so ' * source.randrange(20)}"
        body = body.strip()
        request = ("POST", f"/dialogs/{peer.id}/messages", {"client_id": client_id, "body": body})
        self.history.add("send", client_id, member.id, peer.id, body, self.now())
        luck = source.random()
        if luck < HANG_UP:
            await self.hang_up(wire, request, source)
        elif luck < HANG_UP + TWICE:
            answers = await asyncio.gather(*[self.try_once(one, request, client_id) for one in (wire, twin)])
            # The one that stored it first: the other is no sign of a lost answer.
            for reply in sorted(filter(None, answers), key=lambda reply: -reply.status):
                self.acknowledge(client_id, reply)
        while True:
            reply = await self.try_once(wire, request, client_id)
            if self.acknowledge(client_id, reply):
                return reply.json["message"]["id"]
            await asyncio.sleep(source.uniform(*BACK_OFF_S))

    async def hang_up(self, wire, request, source):
        try:
            await wire.send(*request)
            await asyncio.sleep(source.uniform(0, 0.005))
            wire.abort()
        except GONE:
            wire.close()

    def acknowledge(self, client_id, reply):
        if reply is None or reply.status not in (200, 201):
            return False
        self.acknowledged.add(client_id)
        self.history.add("ack", client_id, reply.json["message"]["id"], reply.status, self.now())
        return True

    async def try_once(self, wire, request, who):
        """The reply; None where there was none."""
        try:
            reply = await asyncio.wait_for(wire.request(*request), PATIENCE_S)
            if reply.status >= 300:
                self.trouble(who, reply.status)
            elif reply.status != 204:
                assert reply.json is not None
            return reply
        except GONE as error:
            self.trouble(who, type(error).__name__)
        except asyncio.TimeoutError:
            self.trouble(who, "TimeoutError")
            wire.abort()
        except ValueError:  # half a reply
            self.trouble(who, "BrokenReply")
            wire.abort()
        return None

    # The end.

    async def finish(self):
        """Everybody says what they had begun to say, everybody reads to the end; the history."""
        self.hushed.set()
        _, mute = await asyncio.wait(self.writing, timeout=FINISH_S)
        for task in mute:
            task.cancel()
        stored = await asyncio.to_thread(self.stored)
        for row in stored:
            self.history.add("stored", *row)
        await self.everybody_has_read(stored)
        self.read_out.set()
        _, stuck = await asyncio.wait(self.tasks, timeout=FINISH_S)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*mute, *stuck, return_exceptions=True)
        self.raise_failures()
        await self.read_histories()
        return self.history

    def stored(self):
        return self.rig.instance.sql(
            "SELECT id, client_id::text, sender_id, recipient_id, body FROM perch.messages"
            " WHERE sender_id = ANY(%s) ORDER BY id", [member.id for member in self.members])

    async def everybody_has_read(self, stored):
        due = {member.id: set() for member in self.members}
        for message, _, sender, peer, _ in stored:
            due[sender].add(message)
            due[peer].add(message)
        deadline = asyncio.get_running_loop().time() + self.patience
        while any(due[device.member.id] - device.shown for device in self.devices):
            if asyncio.get_running_loop().time() > deadline:
                return
            self.raise_failures()
            await asyncio.sleep(0.05)

    async def read_histories(self):
        """What the API shows as the history of each dialog is one more reader that must agree."""
        readers = [Device(self, f"{place}/history", member, self.fork()) for place, member in enumerate(self.members)]
        await asyncio.gather(*[reader.read_back() for reader in readers])
        for reader in readers:
            reader.wire.close()
