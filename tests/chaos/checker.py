"""The judge: from a recorded history alone, what became of every message and what every reader saw.

Every message that was asked for is exactly one of
  acknowledged   a 2xx came back, at whichever attempt;
  recovered      the same, but the answer to an attempt that had stored it was lost, and a repeat found the message;
                 or no answer ever came and it is stored all the same;
  absent         no answer ever came and it is not stored: nobody was promised anything, but its writer gave up.
What must not be:
  lost           acknowledged or stored, and not stored in the end or not shown on a device of the sender or the recipient;
  duplicated     stored twice under one client_id, acknowledged with two ids, or shown twice on one device;
  unexpected     shown or stored, but never sent; or with another sender, recipient or text;
  holes          a log position that a device was never given, was given twice, or a reply that does not follow the last;
  order          a dialog in another order on some device than in the history, or a log that two devices of one person
                 read differently.
A round in which somebody gave up, or nothing was acknowledged while the fault had its time, proves little: it is not good
either. `stale` is no fault: messages a device showed later than STALE_S after their acknowledgement, and the worst age; not
of devices that pause between polls, whose ages tell of their pauses.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass, field

from chaos.history import dialog_of

STALE_S = 2.0
BAD = ("lost", "duplicated", "unexpected", "holes", "order")
TOLD = 40  # complaints that are kept in words


@dataclass
class Verdict:
    messages: int = 0
    acknowledged: int = 0
    recovered: int = 0
    absent: int = 0
    during: int | None = None  # acknowledged while the fault had its time; None where the record has no fault
    lost: int = 0
    duplicated: int = 0
    unexpected: int = 0
    holes: int = 0
    order: int = 0
    deliveries: int = 0
    resets: int = 0
    stale: int = 0
    age_p50: float = 0.0
    age_p99: float = 0.0
    age_worst: float = 0.0
    silence: float = 0.0  # the longest time without any acknowledgement
    trouble: dict = field(default_factory=dict)  # failed attempts by kind
    complaints: list = field(default_factory=list)

    @property
    def good(self):
        return not any(getattr(self, name) for name in BAD) and self.absent == 0 and self.during != 0

    def bad(self, kind, text):
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.complaints) < TOLD:
            self.complaints.append(f"{kind}: {text}")

    def as_dict(self):
        return {**asdict(self), "good": self.good}


class Device:
    """What one device showed, and where it stands in its person's log."""

    def __init__(self, name, user, pauses=False):
        self.name, self.user, self.pauses = name, user, pauses
        self.position = None
        self.shown = {}  # message id: when it was shown first
        self.by_event = set()
        self.dialogs = defaultdict(list)  # (person, person): message ids in the order in which they stand there
        self.log = {}  # cursor of an event: (type, message id)

    def show(self, message, pair, at):
        self.shown[message] = at
        self.dialogs[pair].append(message)


class Judge:
    def __init__(self, history):
        self.history, self.verdict = history, Verdict()
        self.devices = {row[1]: Device(*row[1:]) for row in history.of("device")}
        self.sends = {row[1]: row for row in history.of("send")}
        self.acked = {}  # client_id: (message id, at) of the first acknowledgement
        self.stored = {row[1]: row[2:] for row in history.of("stored")}

    def judge(self):
        self.read_acks()
        self.read_stored()
        for row in self.history.rows:
            if row[0] == "batch":
                self.read_batch(self.devices[row[1]], *row[2:])
            elif row[0] == "reset":
                device, cursor = self.devices[row[1]], row[3]
                device.position = cursor
                self.verdict.resets += 1
            elif row[0] == "history":
                self.read_history(self.devices[row[1]], *row[2:])
        self.check_everybody_saw_everything()
        self.check_order()
        self.weigh_ages()
        self.count_trouble()
        return self.verdict

    def read_acks(self):
        repeated = set()
        for _, client_id, message, status, at in self.history.of("ack"):
            first = self.acked.setdefault(client_id, (message, at))
            if first[0] != message:
                self.verdict.bad("duplicated", f"{client_id} was acknowledged as {first[0]} and as {message}")
            elif first[1] == at and status == 200:
                repeated.add(client_id)
        for _, began, ended in self.history.of("fault"):
            self.verdict.during = sum(began <= at <= ended for _, at in self.acked.values())
            if not self.verdict.during:
                self.verdict.complaints.append("nothing was acknowledged during the fault")
        self.verdict.messages = len(self.sends)
        self.verdict.acknowledged = len(self.acked)
        self.verdict.recovered = len(repeated)

    def read_stored(self):
        by_client = defaultdict(list)
        for message, (client_id, sender, peer, body) in self.stored.items():
            by_client[client_id].append(message)
            send = self.sends.get(client_id)
            if send is None or send[2:5] != [sender, peer, body]:
                self.verdict.bad("unexpected", f"message {message} ({client_id}) is stored, but not what was sent")
        for client_id, messages in by_client.items():
            if len(messages) > 1:
                self.verdict.bad("duplicated", f"{client_id} is stored as {messages}")
        for client_id, (message, _) in self.acked.items():
            if message not in self.stored:
                self.verdict.bad("lost", f"{client_id} was acknowledged as {message} and is not stored")
        for client_id in self.sends.keys() - self.acked.keys():
            if client_id in by_client:
                self.verdict.recovered += 1
            else:
                self.verdict.bad("absent", f"{client_id} was never acknowledged")

    def read_batch(self, device, at, asked, came_from, cursor, events):
        where = f"{device.name} at {asked}"
        if device.position is None:
            device.position = asked
        if came_from != asked or asked != device.position:
            self.verdict.bad("holes", f"{where}: stood at {device.position}, got a reply from {came_from}")
            return
        epoch, _, number = asked.rpartition("-")
        number = int(number)
        for event in events:
            if event[0] is None:
                continue  # one that passes, outside the log
            if event[0] != number + 1:
                self.verdict.bad("holes", f"{where}: position {event[0]} where {number + 1} was due")
            number = event[0]
            device.log[f"{epoch}-{number}"] = (event[1], *event[2:3])
            if len(event) > 2:
                self.show_event(device, at, *event[2:])
        if cursor != f"{epoch}-{number}":
            self.verdict.bad("holes", f"{where}: cursor {cursor} after position {number}")
        device.position = cursor

    def show_event(self, device, at, message, client_id, sender, peer, body):
        self.check_expected(device, message, client_id, sender, peer, body)
        self.verdict.deliveries += 1
        if message in device.by_event:
            self.verdict.bad("duplicated", f"{device.name}: {message} was shown twice")
        device.by_event.add(message)
        # A message in the history that was read after a reset may be announced once more by the log, which goes on from
        # before that: every client has to know it again by its id.
        if message not in device.shown:
            device.show(message, dialog_of(sender, peer), at)

    def read_history(self, device, at, rows):
        for message, client_id, sender, peer, body in rows:
            self.check_expected(device, message, client_id, sender, peer, body)
            if message in device.shown:
                self.verdict.bad("duplicated", f"{device.name}: {message} was shown twice, the second time by the history")
            else:
                device.show(message, dialog_of(sender, peer), at)

    def check_expected(self, device, message, client_id, sender, peer, body):
        send = self.sends.get(client_id)
        if send is None or send[2:5] != [sender, peer, body] or device.user not in (sender, peer):
            self.verdict.bad("unexpected", f"{device.name}: {message} ({client_id}) is not what anybody sent here")

    def check_everybody_saw_everything(self):
        of_user = defaultdict(list)
        for device in self.devices.values():
            of_user[device.user].append(device)
        for message, (client_id, sender, peer, _) in self.stored.items():
            for user in {sender, peer}:
                for device in of_user[user]:
                    if message not in device.shown:
                        self.verdict.bad("lost", f"{device.name} was never shown {message} ({client_id})")

    def check_order(self):
        for device in self.devices.values():
            for pair, messages in device.dialogs.items():
                if messages != sorted(messages):
                    [before, after] = next(two for two in zip(messages, messages[1:]) if two[0] > two[1])
                    self.verdict.bad("order", f"{device.name}: dialog {pair} shows {before} before {after}")
        logs = defaultdict(dict)
        for device in self.devices.values():
            for cursor, event in device.log.items():
                if logs[device.user].setdefault(cursor, event) != event:
                    self.verdict.bad("order", f"{device.name}: {cursor} is {event}, on another device "
                                              f"{logs[device.user][cursor]}")

    def weigh_ages(self):
        """How long after its acknowledgement a message stood on each device; what came before it counts as 0."""
        ages = []
        for client_id, (message, acked_at) in self.acked.items():
            _, _, sender, peer, _, _ = self.sends[client_id]
            for device in self.devices.values():
                if device.user in (sender, peer) and message in device.by_event and not device.pauses:
                    ages.append(max(0.0, device.shown[message] - acked_at))
        if ages:
            ages.sort()
            self.verdict.stale = sum(age > STALE_S for age in ages)
            self.verdict.age_p50 = round(ages[len(ages) // 2], 4)
            self.verdict.age_p99 = round(ages[len(ages) * 99 // 100], 4)
            self.verdict.age_worst = round(ages[-1], 4)
        times = sorted(at for _, at in self.acked.values())
        self.verdict.silence = round(max((b - a for a, b in zip(times, times[1:])), default=0.0), 3)

    def count_trouble(self):
        kinds = defaultdict(int)
        for _, _, what, _ in self.history.of("trouble"):
            kinds[str(what)] += 1
        self.verdict.trouble = dict(sorted(kinds.items()))


def judge(history):
    return Judge(history).judge()
