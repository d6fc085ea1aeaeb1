"""Server-sent events as a browser reads them (HTML, section 9.2), over asyncio streams.

    async with Stream(instance, member, cursor=cursor) as stream:
        event = await stream.event()

    async with Follower(instance, member, cursor) as follower:     # comes back by itself, as EventSource does
        await follower.until(lambda: len(follower.events) == 3)
"""

import asyncio
import json

from perchtest.wire import API, GONE, Reply, Wire


class Block:
    """Up to an empty line: an event, a comment, or only fields such as the id."""

    def __init__(self, lines):
        self.comments = [line[1:].strip() for line in lines if line.startswith(":")]
        self.fields = {}
        for line in lines:
            name, _, value = line.partition(":")
            if name:
                assert name in ("id", "event", "data", "retry") and name not in self.fields, lines
                self.fields[name] = value.removeprefix(" ")

    @property
    def json(self):
        return json.loads(self.fields["data"])

    def __repr__(self):
        return f"{self.fields or self.comments}"


class Stream:
    """One connection with one stream. `reply` is what came instead of a stream."""

    def __init__(self, instance, member, cursor=None, *, last_id=None, tab=None, receive_buffer=None):
        query = "&".join(f"{name}={value}" for name, value in (("cursor", cursor), ("tab", tab)) if value is not None)
        self.wire, self.path, self.last_id, self.member = Wire(instance, member), f"/events?{query}", last_id, member
        self.receive_buffer = receive_buffer
        self.reply, self.headers, self.buffer = None, {}, b""
        self.retry_ms = None

    async def __aenter__(self):
        await self.open()
        assert self.reply is None, self.reply
        return self

    async def __aexit__(self, *_):
        self.wire.close()

    async def open(self):
        await self.wire.open(self.receive_buffer)
        lines = [f"GET {API}{self.path} HTTP/1.1", "Host: localhost", "Accept: text/event-stream",
                 f"Authorization: Bearer {self.member.token}"]
        if self.last_id is not None:
            lines.append(f"Last-Event-ID: {self.last_id}")
        self.wire.writer.write("\r\n".join([*lines, "", ""]).encode())
        status, self.headers = await self.wire.head()
        if status != 200:
            self.reply = Reply(status, self.headers, await self.wire.body(status, self.headers))
        self.left = int(self.headers["content-length"]) if "content-length" in self.headers else None

    async def more(self):
        """Some bytes of the body; none at its end."""
        reader = self.wire.reader
        if self.left is not None:
            data = await reader.read(min(self.left, 65536)) if self.left else b""
            self.left -= len(data)
            return data
        size = int(await reader.readuntil(b"\r\n"), 16)
        return (await reader.readexactly(size + 2))[:-2]

    async def block(self, timeout=20):
        """The next; None at the stream's end. Raises one of GONE where the connection breaks."""
        async with asyncio.timeout(timeout):  # not wait_for(), which may swallow a cancellation
            while b"\n\n" not in self.buffer:
                data = await self.more()
                if not data:
                    assert self.buffer == b"", "a stream that ended within a block"
                    return None
                self.buffer += data
        text, self.buffer = self.buffer.split(b"\n\n", 1)
        block = Block(text.decode().split("\n"))
        self.last_id = block.fields.get("id", self.last_id)
        self.retry_ms = int(block.fields.get("retry", self.retry_ms or 0))
        return block

    async def event(self, timeout=20):
        """The next block that is one; None at the stream's end."""
        while True:
            block = await self.block(timeout)
            if block is None or "data" in block.fields:
                return block

    async def rest(self, timeout=20):
        """The events until the stream's end."""
        events = []
        while (event := await self.event(timeout)) is not None:
            events.append(event)
        return events


class Follower:
    """Reads all there is from `cursor` on and comes back as often as its stream ends or breaks, with the last id."""

    def __init__(self, instance, member, cursor, *, pause_max=0.05, **options):
        self.instance, self.member, self.cursor, self.options = instance, member, cursor, options
        self.pause_max = pause_max  # what a server asks for in "retry", at most
        self.events, self.ids, self.streams = [], [], 0
        self.stream = self.refused = None

    async def __aenter__(self):
        self.task = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def run(self):
        last_id = None
        while self.refused is None:
            stream = Stream(self.instance, self.member, self.cursor, last_id=last_id, **self.options)
            try:
                await stream.open()
                if stream.reply is None:
                    self.stream, self.streams = stream, self.streams + 1
                    while (event := await stream.event(60)) is not None:
                        self.events.append(event.json)
                        self.ids.append(event.fields.get("id"))
                elif stream.reply.status < 500:
                    self.refused = stream.reply
            except GONE:
                pass
            finally:
                last_id, self.stream = stream.last_id or last_id, None
                stream.wire.close()
            await asyncio.sleep(min((stream.retry_ms or 50) / 1000, self.pause_max))

    def cut(self):
        """The connection breaks, if there is one."""
        if self.stream and self.stream.wire.writer:
            self.stream.wire.writer.transport.abort()

    async def until(self, condition, timeout=30):
        deadline = asyncio.get_running_loop().time() + timeout
        while not condition():
            if self.task.done():
                self.task.result()
            assert asyncio.get_running_loop().time() < deadline, f"waited {timeout} s in vain; {len(self.events)} events"
            await asyncio.sleep(0.01)
