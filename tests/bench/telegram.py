"""What the notifier takes: its time for many chats, its memory, and what it costs those who send messages."""

from types import SimpleNamespace

from bench.load import Load
from botapi.standin import BotApi
from notifier.crowd import Readers
from perchtest import wait_for
from perchtest.crowd import crowd
from perchtest.notifier import NotifierProgram
from perchtest.presence import leases_believe, leases_settle


def leave(readers, sender):
    """Seconds between the first message to one of them and the last."""
    readers.send(sender, ["news"] * len(readers.ids))
    wait_for(lambda: readers.queued() == 0, 600, "all to be told")
    times = [call["at"] for call in readers.calls() if call["executed"]]
    assert len(times) == len(readers.ids), f"{len(times)} messages to {len(readers.ids)} chats"
    return times[-1] - times[0]


class Sending:
    """Messages between people who are there and linked, so that each has its row in the outbox."""

    def __init__(self, instance, api, readers, sender, scale):
        self.instance, self.api, self.readers, self.sender, self.scale = instance, api, readers, sender, scale
        world = SimpleNamespace(site=instance, api=api)
        self.load = Load(instance, Readers(world, scale.flood_waiting + scale.people).people, path="/api/v1/events")

    def run(self):
        self.instance.sql("VACUUM ANALYZE perch.outbox")
        return self.load.wake(waiting=self.scale.flood_waiting, rate=self.scale.flood_rate, seconds=self.scale.seconds,
                              clients=8, told=False)  # the notifier asks all the time

    def run_without_telegram(self):
        self.readers.pile(self.sender, self.scale.telegram_rows // len(self.readers.ids))
        self.api.stop()
        try:
            return self.run()
        finally:
            self.readers.drop()  # it comes back knowing nobody
            self.api.start()


def measure_telegram(instance, scale, say, alternate):
    leases_believe(instance)
    leases_settle(instance)
    with BotApi() as api, NotifierProgram(instance, api, LOG_LEVEL="info") as notifier:
        [sender] = crowd(instance, 1)
        readers = Readers(SimpleNamespace(site=instance, api=api), scale.telegram_chats)
        say(f"notifications to {scale.telegram_chats} chats …")
        found = {"chats": scale.telegram_chats, "rows": scale.telegram_rows, "seconds": leave(readers, sender)}
        say(f"{scale.telegram_rows} notifications that wait …")
        for method in ("sendMessage", "editMessageText"):
            api.fault("error", method, code=500, times=None)
        readers.pile(sender, scale.telegram_rows // len(readers.ids))
        readers.await_tries(scale.telegram_rows // 5)
        found["memory_mib"] = notifier.memory_peak() / 2**20
        readers.drop()
        api.heal()
        say(f"messages while Telegram is away, and while it is not: {scale.flood_rounds} rounds of 2 × {scale.seconds} s …")
        sending = Sending(instance, api, readers, sender, scale)
        well, dead = alternate(scale.flood_rounds, sending.run, sending.run_without_telegram)
    return {**found, "failures": sum(row[name] for row in well + dead for name in ("failures", "lost")),
            "rounds": {"well": well, "dead": dead}}
