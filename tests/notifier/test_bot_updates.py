"""Updates are applied once each and in their order, whatever is killed, refused or hostile meanwhile."""

import contextlib
import signal
import threading
import time

from notifier.chat import asked, bodies, tell
from notifier.rig import World, texts
from perchtest import wait_for
from perchtest.notifier import NotifierProgram


def await_poll(world, after=0):
    """Until a poll waits."""
    def waits():
        calls = world.api.calls("getUpdates", after=after)
        return calls and calls[-1]["status"] is None
    wait_for(waits, 10, "a poll that waits")


def last_call(world):
    calls = world.api.calls()
    return calls[-1]["n"] if calls else 0


DAWDLES = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'perch-notifier updates' AND wait_event = 'PgSleep'"


@contextlib.contextmanager
def answers_counted(world, phones):
    """A function that counts what the bot decided to say to each of the phones. Each eighth update dawdles between its
    effect and its end, longer than another notifier needs to begin."""
    with world.site.db() as db:
        db.execute("CREATE TABLE said (chat_id bigint)")
        db.execute("CREATE FUNCTION note_say() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
                   " $$ BEGIN INSERT INTO perch.said VALUES (NEW.chat_id); RETURN NULL; END $$")
        db.execute("CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
                   " $$ BEGIN PERFORM pg_sleep(0.7) FROM perch.telegram_bot WHERE update_offset % 8 = 0 AND"
                   " current_setting('application_name') = 'perch-notifier updates'; RETURN NULL; END $$")
        db.execute("CREATE TRIGGER note_say AFTER INSERT ON telegram_says FOR EACH ROW EXECUTE FUNCTION note_say()")
        db.execute("CREATE TRIGGER dawdle BEFORE UPDATE OF update_offset ON telegram_bot EXECUTE FUNCTION dawdle()")
        try:
            yield lambda: [db.execute("SELECT count(*) FROM said WHERE chat_id = %s", [phone.id]).fetchone()[0]
                           for phone in phones]
        finally:
            db.execute("DROP FUNCTION note_say, dawdle CASCADE")
            db.execute("DROP TABLE said")


def test_updates_survive_kills_at_any_point_and_are_applied_once_in_order(world, notifier):
    """Replies, which nobody posts twice, and commands, which would be answered twice."""
    alice, bob, phone, message = tell(world)
    wanted = [f"line {number}" for number in range(40)]
    others = [world.api.phone("Other", started=True) for _ in wanted]

    def write():
        for text, other in zip(wanted, others):
            phone.say(text, message)
            other.say("/help")

    with answers_counted(world, others) as answers:
        writer = threading.Thread(target=write)
        writer.start()
        for number in range(8):
            if number % 2:
                wait_for(lambda: sum(answers()) > 4 * number, 20, "some to be applied")
            else:
                wait_for(lambda: world.site.sql(DAWDLES), 20, "one to be applied, but not to its end")
            notifier.kill()
            notifier.start()
        writer.join()
        wait_for(lambda: len(bodies(alice, bob)) > len(wanted) and all(answers()), 30, "all to be applied")
        asked(phone, "/unmute")  # in its turn, after what might come again
        assert answers() == [1] * len(others)
    assert bodies(alice, bob) == ["hello", *wanted]


def test_nothing_is_asked_for_again_after_a_restart(world, notifier):
    phone = world.api.phone(started=True)
    asked(phone, "/help")
    after = last_call(world)
    notifier.restart()
    await_poll(world, after)
    assert [call["result"] for call in world.api.calls("getUpdates", after=after) if call["status"]] == []
    assert len(texts(phone)) == 1


def test_ids_that_begin_anew_lose_nothing(world, notifier):
    phone = world.api.phone(started=True)
    asked(phone, "/help")
    for first in (3, 900_000_000, 10):
        world.api.restart_updates(first)
        known = len(texts(phone))
        phone.say("/status")
        wait_for(lambda: len(texts(phone)) == known + 1, 10, f"an answer after {first}")


def test_another_poller_is_answered_with_patience(world, notifier):
    phone = world.api.phone(started=True)
    await_poll(world)
    known = len(notifier.log())
    for _ in range(3):
        world.api.bot("getUpdates", timeout=1)  # takes the place of ours
    wait_for(lambda: "terminated by other getUpdates" in notifier.log()[known:], 10, "a word in the log")
    assert notifier.log()[known:].count("terminated by other getUpdates") == 1
    phone.say("/help")
    phone.await_message("/status", 45)


def test_a_poll_that_goes_wrong_is_only_a_while_lost(world, notifier):
    phone = world.api.phone(started=True)
    for fault in ({"kind": "error", "code": 502}, {"kind": "garbage"}, {"kind": "big"}, {"kind": "close_before"},
                  {"kind": "error", "code": 429, "retry_after": 1}, {"kind": "close_after"},
                  {"kind": "error", "code": 400, "description": "Bad Request: a new rule"}):
        await_poll(world)
        known, after = len(texts(phone)), last_call(world)
        world.api.fault(method="getUpdates", **fault)
        phone.say("/help")  # ends the poll that waits; the next one hits the fault
        wait_for(lambda: len(texts(phone)) == known + 1, 20, f"an answer in spite of {fault}")
        wait_for(lambda: any(call["fault"] for call in world.api.calls("getUpdates", after=after)), 20, "the fault")


def test_polls_that_are_cut_one_after_the_other_are_no_reason_to_wait_longer(world, notifier):
    """As by a router that forgets idle connections."""
    phone = world.api.phone(started=True)
    await_poll(world)
    after = last_call(world)
    world.api.fault("hang", method="getUpdates", times=3, seconds=3.2)
    phone.say("/help")  # ends the poll that waits; three are cut now

    def cut():
        calls = world.api.calls("getUpdates", after=after)
        while calls and not calls[0]["fault"]:
            calls.pop(0)
        return len(calls) >= 4 and calls[:4]  # the fourth may be answered at once, and a fifth be there
    calls = wait_for(cut, 30, "the poll after these three")
    assert [call["status"] for call in calls[:3]] == [0, 0, 0]
    for one, next_one in zip(calls, calls[1:]):
        assert next_one["at"] - one["at"] - one["seconds"] < 3


def test_hostile_updates_are_passed_over(world, notifier):
    phone, known = world.api.phone(started=True), len(notifier.log())
    chat = {"id": phone.id, "type": "private", "first_name": "Eve"}
    someone = {"id": phone.id, "is_bot": False, "first_name": "Eve\0\x01" + "\U0001F600" * 300, "username": "e" * 500,
               "language_code": "ru-" + "x" * 5000}
    message = {"message_id": 1, "date": 1, "chat": chat, "from": someone}
    for value in ({}, {"message_id": "x"}, {**message, "chat": {}}, {**message, "chat": {**chat, "type": "group"}},
                  {**message, "from": None}, {**message, "text": 7}, {**message, "text": ""}, {**message, "text": "\0"},
                  {**message, "text": "x" * 100_000}, {**message, "text": "/start " + "\0" * 64},
                  {**message, "text": "/mute " + "9" * 5000}, {**message, "text": "/link \udb40\udc67'); --"},
                  {**message, "text": "hi", "reply_to_message": {"message_id": 2**53 + 1}},
                  {**message, "text": "hi", "reply_to_message": {"message_id": -1, "chat": None}},
                  {**message, "message_id": 2**52, "text": "hi"}, {**message, "date": "x", "sticker": []}):
        world.api.push_update("message", value)
    for kind in ("edited_message", "callback_query", "my_chat_member"):
        for value in ({}, {"id": 7, "data": []}, {"id": "7", "from": someone}, {"chat": chat, "from": someone},
                      {"chat": chat, "from": someone, "new_chat_member": {"status": "restricted"}}):
            world.api.push_update(kind, value)
    friend = world.api.phone("Friend", started=True)
    friend.say("/help")
    friend.await_message("/status")
    assert notifier.process.poll() is None
    assert "skipped" not in notifier.log()[known:]


def test_what_postgresql_refuses_is_skipped_and_holds_up_nobody(world, notifier):
    poison, friend = world.api.phone("Poison", started=True), world.api.phone("Friend", started=True)
    with world.site.db() as db:
        db.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                   " $$ BEGIN RAISE EXCEPTION 'no such thing'; END $$")
        db.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON telegram_says FOR EACH ROW WHEN (NEW.chat_id = {poison.id})"
                   " EXECUTE FUNCTION refuse()")
    try:
        poison.say("/help")
        friend.say("/help")
        friend.await_message("/status")
        assert "cannot be applied: skipped" in notifier.log() and texts(poison) == []
    finally:
        with world.site.db() as db:
            db.execute("DROP FUNCTION refuse CASCADE")
    asked(poison, "/help")


class Lock:
    """Something in PostgreSQL that an update waits for; and what waits is cancelled, as its time would cancel it."""

    def __init__(self, world, query, *parameters):
        self.world, self.query, self.parameters = world, query, parameters

    def __enter__(self):
        self.db = self.world.site.db()
        self.db.execute("BEGIN")
        self.db.execute(self.query, self.parameters)
        return self

    def __exit__(self, *_):
        self.db.close()

    def cancel(self):
        [[count]] = self.world.site.sql(
            "SELECT count(*) FILTER (WHERE pg_cancel_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'perch-notifier updates' AND wait_event_type = 'Lock'")
        return count

    def cancel_until(self, condition, what):
        wait_for(lambda: self.cancel() < 0 or condition(), 30, what)


def test_what_takes_postgresql_too_long_is_skipped_and_holds_up_nobody(world, notifier):
    (_, poison), friend = world.linked("Poison"), world.api.phone("Friend", started=True)
    with Lock(world, "SELECT FROM telegram_links WHERE chat_id = %s FOR UPDATE", poison.id) as lock:
        poison.say("/mute")
        friend.say("/help")
        lock.cancel_until(lambda: texts(friend), "an answer to the friend")
    assert notifier.log().count("cannot be applied: skipped") == 1
    assert notifier.log().count("took too long") == 5
    assert "Muted" not in asked(poison, "/status")


def test_what_all_updates_wait_for_is_no_reason_to_skip_one(world, notifier):
    phone = world.api.phone(started=True)
    asked(phone, "/help")  # it polls by now
    with Lock(world, "SELECT pg_advisory_xact_lock(29800, 1)") as lock:
        phone.say("/help")
        lock.cancel_until(lambda: notifier.log().count("took too long") >= 7, "tries")
    wait_for(lambda: len(texts(phone)) == 2, 10, "an answer")


def test_term_ends_it_within_2_s_although_a_poll_is_open(world, notifier):
    await_poll(world)
    begun_at = time.monotonic()
    assert notifier.stop(signal.SIGTERM) == 0
    assert time.monotonic() - begun_at < 2


def test_the_next_notifier_goes_on_where_the_first_was(world, notifier_of):
    first = notifier_of()
    alice, bob, phone, message = tell(world)
    other = notifier_of(wait=False)
    phone.say("one", message)
    wait_for(lambda: "one" in bodies(alice, bob), 10, "the first to be posted")
    first.kill()
    phone.say("two", message)
    other.await_work()
    wait_for(lambda: len(bodies(alice, bob)) == 3, 20, "the second to be posted")
    assert bodies(alice, bob) == ["hello", "one", "two"]


def test_postgresql_away_delays_updates_and_loses_none(world, perch_factory):
    site = perch_factory()
    there = World(site, world.api)
    with NotifierProgram(site, world.api) as notifier:
        phone = world.api.phone(started=True)
        await_poll(there)
        site.service("postgresql").stop()
        phone.say("/help")
        site.service("postgresql").start()
        wait_for(lambda: texts(phone), 30, "an answer")
        assert len(texts(phone)) == 1 and notifier.process.poll() is None
