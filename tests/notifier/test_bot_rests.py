"""A rest that Telegram asks for holds for what the bot says as for what it tells; taps are answered all the same."""

import pytest

from notifier.chat import tell
from perchtest import wait_for


@pytest.mark.parametrize("linked", [True, False])
def test_an_answer_waits_for_the_end_of_a_rest_whoever_is_killed(world, notifier_of, linked):
    notifier = notifier_of(clock=True)
    phone = world.linked()[1] if linked else world.api.phone(started=True)
    other = world.api.phone(started=True)
    world.api.fault("error", chat=phone, code=429, retry_after=2000)
    phone.say("/help")
    world.api.await_calls(1, chat=phone)
    wait_for(lambda: world.site.sql("SELECT 1 FROM telegram_says WHERE chat_id = %s AND unanswered = 0 AND retry_at > now()",
                                    phone.id), 10, "the rest to be noted")
    notifier.kill()
    notifier.start()
    phone.say("/mute 1h")
    other.say("/help")
    other.await_message("/unmute")
    assert len(world.api.calls("sendMessage", phone)) == 1
    notifier.clock(seconds=2008)
    phone.await_message("/status")
    phone.await_message("No notifications" if linked else "linked to no account")


def test_taps_are_answered_while_everybody_rests(world, notifier):
    """Though more wait to be said than are under way at a time."""
    alice, bob, phone, message = tell(world)
    readers, crowd = [world.linked(f"Reader{i}") for i in range(2)], [world.api.phone(started=True) for _ in range(60)]
    for _, reader in readers:
        world.api.fault("error", chat=reader, code=429, retry_after=600)
    for person, _ in readers:
        alice.send(person, "hello")
    world.site.sql("INSERT INTO telegram_says (chat_id, kind, arguments, created_at, due_at)"
                   " SELECT chat, 'help', '{}', now(), '-infinity' FROM unnest(%s::bigint[]) AS chat,"
                   " generate_series(1, 10) AS number ORDER BY number", [one.id for one in crowd])
    wait_for(lambda: world.site.sql("SELECT 1 FROM telegram_bot WHERE retry_at IS NOT NULL"), 20, "a rest for all")
    phone.press(message, "Mute 1 h")
    wait_for(phone.answers, 10, "an answer to the tap")
    [[waiting]] = world.site.sql("SELECT count(*) FROM telegram_says")
    assert waiting > 60, "all was said before the rest"
