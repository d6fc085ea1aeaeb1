"""The same torture through nginx, by people who lose their connection and repeat themselves."""

import asyncio
import random
import uuid

from order.torture import WRITERS, Ledger, dialog, faults
from perchtest.api import whole_history
from perchtest.crowd import crowd
from perchtest.wire import GONE, Wire

MESSAGES = 2_000


class Behind:
    """The instance's database, as the checker wants one."""

    def __init__(self, instance):
        self.instance = instance

    def rows(self, query, parameters):
        return self.instance.sql(query, *parameters)


class HttpReader:
    """Polls one person's log from its beginning."""

    def __init__(self, instance, member, epoch):
        self.instance, self.member, self.user = instance, member, member.id
        self.cursor = f"{epoch}-0"
        self.seen, self.faults = [], []

    async def run(self, finish):
        async with Wire(self.instance, self.member) as wire:
            while not finish.is_set():
                self.take(await wire.poll(self.cursor, wait=1))
            while self.take(await wire.poll(self.cursor, wait=0)):
                pass

    def take(self, reply):
        """Whether the reply brought anything."""
        if reply["from"] != self.cursor:
            self.faults.append(f"reader {self.user}: a reply from {reply['from']} to a poll from {self.cursor}")
        at = int(self.cursor.rpartition("-")[2])
        for event in reply["events"]:
            at += 1
            if event["seq"] != at:
                self.faults.append(f"reader {self.user}: event {event['seq']} where {at} was due")
            if event["type"] == "message.new":
                self.seen.append((event["message"]["id"], event["message"]["client_id"]))
        if int(reply["cursor"].rpartition("-")[2]) != at:
            self.faults.append(f"reader {self.user}: cursor {reply['cursor']} after event {at}")
        self.cursor = reply["cursor"]
        return bool(reply["events"]) or reply["more"]


async def write(instance, members, count, seed, ledger):
    """Sends; now and then hangs up before the answer or asks twice at once, and always ends by repeating the send."""
    source = random.Random(seed)
    async with Wire(instance) as wire, Wire(instance) as twin:
        for _ in range(count):
            sender, recipient = source.choice(members), source.choice(members)
            wire.token = twin.token = sender.token
            client_id = str(uuid.uuid4())
            request = ("POST", f"/dialogs/{recipient.id}/messages", {"client_id": client_id, "body": "tick"})
            luck = source.random()
            stored = []
            if luck < 0.1:
                await wire.send(*request)
                await asyncio.sleep(source.uniform(0, 0.005))
                wire.abort()
            elif luck < 0.2:
                stored = await asyncio.gather(wire.request(*request), twin.request(*request))
                assert sorted(reply.status for reply in stored) == [200, 201], stored
            stored = [*stored, await insist(wire, request)]
            assert len({reply.json["message"]["id"] for reply in stored}) == 1, stored
            ledger.committed[client_id] = (sender.id, recipient.id)


async def insist(wire, request):
    while True:
        try:
            reply = await wire.request(*request)
        except GONE:
            continue
        assert reply.status in (200, 201), reply
        return reply


def test_each_event_comes_exactly_once_and_in_order_through_nginx(perch):
    members = crowd(perch, 8)
    [[epoch]] = perch.sql("SELECT perch.epoch_check()")
    ledger, readers = Ledger(), [HttpReader(perch, member, epoch) for member in members]

    async def scenario():
        finish = asyncio.Event()
        reading = [asyncio.create_task(reader.run(finish)) for reader in readers]
        await asyncio.gather(*[write(perch, members, MESSAGES // WRITERS, seed, ledger) for seed in range(WRITERS)])
        finish.set()
        await asyncio.gather(*reading)

    asyncio.run(scenario())
    assert len(ledger.committed) == MESSAGES
    assert faults(Behind(perch), ledger, readers) == []

    # And the history that people read has the same order.
    for reader in readers:
        client = perch.client(token=reader.member.token)
        for peer in members:
            events = [message for message, client_id in reader.seen
                      if dialog(*ledger.committed[client_id]) == dialog(reader.user, peer.id)]
            assert [message["id"] for message in whole_history(client, peer.id, limit=100)] == events
