"""One's own account: display name and settings."""

import uuid

import pytest

from perchtest.api import dialog_of, followed_poll, good, log_from, problem

FRESH = {
    "locale": "en",
    "time_zone": "UTC",
    "telegram": None,
    "notify": {"preview": "full", "quiet_from": None, "quiet_to": None, "delay_s": 60},
}


def change(client, **settings):
    return client.patch("/me", settings)


def settings_of(client):
    return good(client.get("/me"))["settings"]


def test_a_new_account_has_default_settings(alice):
    assert settings_of(alice) == FRESH


def test_only_what_is_given_changes(alice):
    reply = good(change(alice, locale="ru", notify={"preview": "sender"}))
    assert reply["settings"] == {**FRESH, "locale": "ru", "notify": {**FRESH["notify"], "preview": "sender"}}
    reply = good(alice.patch("/me", {"display_name": "Зоя 🦊", "time_zone": "Europe/Moscow"}))
    assert reply["user"]["display_name"] == "Зоя 🦊" and reply["user"]["username"] == alice.username
    assert reply["settings"]["locale"] == "ru" and reply["settings"]["time_zone"] == "Europe/Moscow"
    assert good(alice.get("/me")) == {**reply, "user": good(alice.get("/me"))["user"]}


def test_without_a_display_name_the_user_name_stands_in(alice):
    good(alice.patch("/me", {"display_name": "  Alice  "}))
    assert good(alice.get("/me"))["user"]["display_name"] == "Alice"
    assert good(alice.patch("/me", {"display_name": None}))["user"]["display_name"] == alice.username


def test_quiet_hours_are_set_and_taken_back(alice):
    quiet = {"quiet_from": "23:00", "quiet_to": "07:30"}
    assert good(change(alice, notify=quiet))["settings"]["notify"] == {**FRESH["notify"], **quiet}
    none = {"quiet_from": None, "quiet_to": None}
    assert good(change(alice, notify=none))["settings"]["notify"] == FRESH["notify"]


def test_a_change_is_an_event_on_my_devices_and_the_same_again_is_none(alice, bob):
    alice.send(bob, "hello")
    cursor, theirs = alice.cursor(), bob.cursor()
    good(change(alice, locale="ru"))
    [event] = log_from(alice, cursor)
    assert event["type"] == "me.changed"
    cursor = alice.cursor()
    good(change(alice, locale="ru"))
    good(alice.patch("/me", {}))
    good(change(alice))
    assert alice.cursor() == cursor
    assert bob.cursor() == theirs


def test_partners_hear_of_a_new_display_name_by_an_event_outside_the_log(perch, alice, bob):
    alice.send(bob, "hello")
    cursor = bob.cursor()
    poll = followed_poll(perch, bob, cursor)
    good(alice.patch("/me", {"display_name": "Alice the second"}))
    reply = good(poll.response())
    [event] = reply["events"]
    assert event["type"] == "user" and event["user"]["display_name"] == "Alice the second"
    assert reply["cursor"] == cursor and log_from(bob, cursor) == []
    assert dialog_of(bob, alice)["peer"]["display_name"] == "Alice the second"


def test_telegram_is_set_changed_taken_and_removed(alice, bob):
    name = f"@Name_{uuid.uuid4().hex[:10]}"
    assert good(change(alice, telegram=name))["settings"]["telegram"] == name
    problem(change(bob, telegram=name.swapcase()), 409, "telegram_taken")
    assert settings_of(bob) == FRESH
    assert good(change(alice, telegram=None))["settings"]["telegram"] is None
    assert good(change(bob, telegram=name))["settings"]["telegram"] == name


@pytest.mark.parametrize(
    "body, field",
    [
        ({"display_name": "x" * 65}, "display_name"),
        ({"display_name": 7}, "display_name"),
        ({"display_name": "a\nb"}, "display_name"),
        ({"display_name": ""}, "display_name"),
        ({"display_name": " \u3000"}, "display_name"),
        ({"locale": "de"}, "locale"),
        ({"locale": None}, "locale"),
        ({"locale": "EN"}, "locale"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"time_zone": 3}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "Mars/Base+3"}, "time_zone"),
        ({"time_zone": "Europe/Moscow-3"}, "time_zone"),
        ({"time_zone": "europe"}, "time_zone"),
        ({"time_zone": "UTC+3"}, "time_zone"),
        ({"time_zone": "<X>3"}, "time_zone"),
        ({"time_zone": "x" * 65}, "time_zone"),
        ({"time_zone": "'; SELECT 1; --"}, "time_zone"),
        ({"notify": True}, "notify"),
        ({"notify": {"preview": "none"}}, "preview"),
        ({"notify": {"delay_s": -1}}, "delay_s"),
        ({"notify": {"delay_s": 901}}, "delay_s"),
        ({"notify": {"delay_s": 1.5}}, "delay_s"),
        ({"notify": {"delay_s": "60"}}, "delay_s"),
        ({"notify": {"delay_s": 2**53}}, "delay_s"),
        ({"notify": {"delay_s": None}}, "delay_s"),
        ({"notify": {"quiet_from": "24:00", "quiet_to": "07:00"}}, "quiet_from"),
        ({"notify": {"quiet_from": "23:00", "quiet_to": "7"}}, "quiet_to"),
        ({"notify": {"quiet_from": "23:00", "quiet_to": "07:60"}}, "quiet_to"),
        ({"notify": {"quiet_from": 23, "quiet_to": "07:00"}}, "quiet_from"),
        ({"notify": {"quiet_from": "23:00:00", "quiet_to": "07:00"}}, "quiet_from"),
        ({"telegram": "no at sign"}, "telegram"),
        ({"telegram": 7.5}, "telegram"),
    ],
    ids=str,
)
def test_wrong_values_are_invalid_name_their_field_and_change_nothing(alice, body, field):
    before = good(alice.get("/me"))
    problem(alice.patch("/me", {"locale": "ru", "display_name": "New", **body}), 422, "invalid", field)
    after = good(alice.get("/me"))
    assert after["settings"] == before["settings"]
    assert after["user"]["display_name"] == before["user"]["display_name"]


@pytest.mark.parametrize(
    "notify", [{"quiet_from": "23:00"}, {"quiet_to": "07:00"}, {"quiet_from": "23:00", "quiet_to": None}]
)
def test_quiet_hours_need_both_ends(alice, notify):
    problem(change(alice, notify=notify), 422, "invalid")


@pytest.mark.parametrize("zone", ["Europe/Moscow", "America/Argentina/Buenos_Aires", "Asia/Kathmandu", "UTC"])
def test_time_zones_are_iana_names(alice, zone):
    assert good(change(alice, time_zone=zone))["settings"]["time_zone"] == zone
