"""Messages to people who are away come to their phones: when, once, and in which words."""

import time

import pytest

from notifier.rig import texts, told
from perchtest import wait_for
from perchtest.presence import Device


GAP_S = 1.05


def test_a_message_comes_within_3_s_and_the_row_is_gone(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    # The pause after the notifier's own beginning is over when it has told the first.
    alice.send(bob, "first")
    phone.await_message("Alice: first")
    carol = world.person("Carol")
    sent_at = time.time()
    carol.send(bob, "hello")
    phone.await_message("Carol: hello")
    [_, call] = told(world, phone)
    assert call["at"] - sent_at < 3
    world.await_queued(bob, 0)


@pytest.mark.parametrize("settings, text", [
    ({"preview": "full"}, "Alice: secret"),
    ({"preview": "sender"}, "Alice: 1 new message"),
    ({"preview": "off"}, "You have 1 new message"),
    ({"preview": "full", "locale": "ru"}, "Alice: secret"),
])
def test_the_preview_is_what_the_reader_wants(world, notifier, settings, text):
    alice, (bob, phone) = world.person("Alice"), world.linked(**settings)
    alice.send(bob, "secret")
    phone.await_message(text)
    [call] = told(world, phone)
    if settings["preview"] != "full":
        assert "secret" not in str(call["parameters"])
    if settings["preview"] == "off":
        assert "Alice" not in str(call["parameters"])


def test_the_operator_limits_the_preview(world, notifier_of):
    notifier_of(TELEGRAM_PREVIEW_MAX="sender")
    alice, (bob, phone) = world.person("Alice"), world.linked(preview="full")
    alice.send(bob, "secret")
    phone.await_message("Alice: 1 new message")


def test_what_is_read_before_it_is_due_is_not_told(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    for i in range(20):
        message = alice.send(bob, f"read {i}")
    assert bob.put(f"/dialogs/{alice.id}/read", {"upto": message["id"]}).status_code == 204
    world.await_queued(bob, 0)
    assert world.api.calls(chat=phone) == world.api.calls("sendMessage", phone) == []


def test_a_hundred_messages_in_ten_seconds_are_one_on_the_phone(world, notifier):
    """Without a second sound in the first minute, and each is counted."""
    alice, (bob, phone) = world.person("Alice"), world.linked()
    begun_at = time.monotonic()
    for i in range(100):
        alice.send(bob, f"line {i}")
        time.sleep(max(0, begun_at + (i + 1) / 10 - time.monotonic()))  # what is given: ten a second
    phone.await_message("100 new messages", 20)
    world.await_queued(bob, 0)
    assert len(world.api.calls("sendMessage", phone)) == 1


def test_the_words_are_those_at_the_time_of_sending(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    first, second = alice.send(bob, "erased"), alice.send(bob, "with a tpyo")
    assert alice.patch(f"/messages/{second['id']}", {"body": "without a typo"}).status_code == 200
    assert alice.delete(f"/messages/{first['id']}").status_code == 204
    phone.await_message("Alice: without a typo")
    world.await_queued(bob, 0)
    assert texts(phone) == ["Alice: without a typo"]


def test_a_deleted_message_is_not_told(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    message = alice.send(bob, "erased")
    assert alice.delete(f"/messages/{message['id']}").status_code == 204
    world.await_queued(bob, 0)
    assert texts(phone) == []


def test_a_burst_is_one_message_and_its_edits_and_counts_all(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    for i in range(100):
        alice.send(bob, f"line {i}")
    phone.await_message("100 new messages", 20)
    calls = told(world, phone)
    assert [call["method"].lower() for call in calls].count("sendmessage") == 1
    assert len(texts(phone)) == 1 and texts(phone)[0].endswith("line 99")
    for one, next_one in zip(calls, calls[1:]):
        assert next_one["at"] - one["at"] >= GAP_S
    world.await_queued(bob, 0)


def test_several_senders_come_one_after_the_other(world, notifier):
    people, (bob, phone) = [world.person(f"Person{i}") for i in range(4)], world.linked()
    for person in people:
        person.send(bob, "hello")
    calls = world.api.await_calls(4, "sendMessage", phone, timeout=15)
    assert sorted(texts(phone)) == [f"Person{i}: hello" for i in range(4)]
    for one, next_one in zip(calls, calls[1:]):
        assert next_one["at"] - one["at"] >= GAP_S


def test_a_muted_dialog_is_silent_and_others_are_not(world, notifier):
    alice, carol, (bob, phone) = world.person("Alice"), world.person("Carol"), world.linked()
    assert bob.put(f"/dialogs/{alice.id}/mute", {"until": "forever"}).status_code == 204
    alice.send(bob, "muted")
    carol.send(bob, "not muted")
    phone.await_message("Carol: not muted")
    world.await_queued(bob, 0)
    assert texts(phone) == ["Carol: not muted"]


def test_nothing_is_told_while_an_active_device_has_it(world, notifier):
    alice, (bob, phone) = world.person("Alice"), world.linked(delay_s=0)
    with Device(bob, state="active"):
        alice.send(bob, "on the screen")
        # A second person's message to somebody else shows that the notifier had time to do it wrong.
        carol, other_phone = world.linked("Carol")
        alice.send(carol, "away")
        other_phone.await_message("Alice: away")
        assert texts(phone) == [] and world.queued(bob) == 1
    phone.await_message("Alice: on the screen", 30)


def test_unlinking_leaves_nothing_to_be_told(world, notifier_of):
    alice, (bob, phone) = world.person("Alice"), world.linked()
    for i in range(50):
        alice.send(bob, f"line {i}")
    assert world.queued(bob) == 50
    assert bob.delete("/me/telegram").status_code == 204
    notifier_of()
    carol, other_phone = world.linked("Carol")
    alice.send(carol, "hello")
    other_phone.await_message("Alice: hello")
    assert not [text for text in texts(phone) if "Alice" in text]
    wait_for(lambda: world.queued(bob) == 0, 10, "no row")


@pytest.mark.parametrize("unanswered, fault", [
    (1, {"kind": "hang", "seconds": 30}), (0, {"kind": "error", "code": 429, "retry_after": 60})])
def test_what_was_claimed_before_an_unlink_is_not_tried_again(world, notifier_of, unanswered, fault):
    """Neither what nobody answered, nor what Telegram wants later."""
    notifier = notifier_of(clock=True)
    alice, (bob, phone) = world.person("Alice"), world.linked()
    world.api.fault(method="sendMessage", chat=phone, **fault)
    alice.send(bob, "hello")
    world.api.await_calls(1, "sendMessage", phone)
    wait_for(lambda: world.site.sql("SELECT 1 FROM outbox WHERE recipient_id = %s AND unanswered = %s"
                                    " AND due_at > clock_timestamp() + '50 s'", bob.id, unanswered), 10, "what came of it")
    notifier.kill()
    assert bob.delete("/me/telegram").status_code == 204
    notifier.clock(seconds=70)
    notifier.start()
    carol, other_phone = world.linked("Carol")
    alice.send(carol, "away")
    other_phone.await_message("Alice: away")
    assert len([call for call in world.api.calls("sendMessage", phone) if "Alice" in call["text"]]) == 1
    assert [text for text in texts(phone) if "Alice" in text] == []
    world.await_queued(bob, 0)


def test_a_claim_that_meets_an_unlink_sends_nothing(world, notifier_of):
    """All was read and decided; the claim waits for the unlink, which is not committed yet."""
    alice, (bob, phone) = world.person("Alice"), world.linked()
    alice.send(bob, "hello")
    with world.site.db() as unlinking, unlinking.transaction():
        unlinking.execute("SELECT FROM telegram_unlink(%s)", [bob.id])
        notifier_of()
        wait_for(lambda: world.site.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                        " AND query LIKE '%%notify_claim%%' AND usename = 'perch_notifier'"), 10, "the claim")
    carol, other_phone = world.linked("Carol")
    alice.send(carol, "away")
    other_phone.await_message("Alice: away")
    assert [text for text in texts(phone) if "Alice" in text] == []
    world.await_queued(bob, 0)
