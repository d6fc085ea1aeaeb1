"""Who is there, as the API tells: GET /presence, POST /presence/bye, and `online` wherever a user is shown.

What becomes of leases when connections, hubs and Redis go away is in tests/hub/test_presence.py."""

import datetime
import json

import pytest

from perchtest import Instance, wait_for
from perchtest.api import credentials_of, dialog_of, everything, good, problem, raw
from perchtest.presence import leases_believe, online, poll_once, presence_of


@pytest.fixture(scope="module")
def site():
    """An instance of its own, whose leases count from the start."""
    instance = Instance(WORKERS=2, AUTH_WORKERS=1).start()
    leases_believe(instance)
    yield instance
    instance.stop()


@pytest.fixture
def ann(site):
    return site.person("ann")


@pytest.fixture
def ben(site):
    return site.person("ben")


def bye(client, tab, **rest):
    return client.request("POST", "/presence/bye", json={"tab": tab}, **rest)


def test_a_route_of_its_own_tells_who_is_there(ann, ben):
    response = ann.request("GET", "/presence", params={"ids": f"{ben.id},{ann.id}"})
    rows = good(response)["presence"]
    assert [row["id"] for row in rows] == [ben.id, ann.id]
    assert not any(row["online"] or row["active"] for row in rows)


@pytest.mark.parametrize("ids", [None, "", ",", "0", "-1", "x", "1,", ",1", "1,,2", "1 2", "7,8,7", "1.5", "01",
                                 "9007199254740992", "9" * 40, ",".join(map(str, range(1, 202)))])
def test_a_list_of_ids_that_is_none_is_refused(alice, ids):
    problem(alice.get("/presence", params={"ids": ids}), 400, "bad_parameter")


def test_as_many_as_200_are_told_and_nobody_is_left_out(alice, bob):
    ids = [str(number) for number in range(9007199254740900, 9007199254740991)] + [str(alice.id), str(bob.id)]
    assert list(presence_of(alice, *map(int, ids))) == [alice.id, bob.id]
    assert good(alice.get("/presence", params={"ids": ",".join(map(str, range(1, 201)))}))["presence"]


def test_a_poll_makes_its_person_online_everywhere_and_active_if_it_says_so(ann, ben):
    ann.send(ben, "hello")
    poll_once(ben, "t")
    wait_for(lambda: online(ann, ben), 5, "ben to be online")
    assert not presence_of(ann, ben)[ben.id]["active"]
    poll_once(ben, "t", state="active")
    wait_for(lambda: presence_of(ann, ben)[ben.id]["active"], 5, "ben to be active")
    assert good(ann.get(f"/users/{ben.id}"))["user"]["online"]
    assert dialog_of(ann, ben)["peer"]["online"]
    [row] = everything(ann, "/users", "users", q=ben.username)
    assert row["online"]
    assert good(ben.get("/me"))["user"]["online"]
    assert not good(ann.get("/me"))["user"]["online"]
    poll_once(ben, "t", state="idle")
    wait_for(lambda: not presence_of(ann, ben)[ben.id]["active"], 5, "ben to be idle")
    assert online(ann, ben)


def test_a_program_is_somebodys_presence_only_if_it_says_so(site, ann, ben):
    program = ben.another_device(bearer=True)
    poll_once(program, "p")
    poll_once(ann, "t")
    wait_for(lambda: online(ann, ann), 5, "ann to be online")
    assert not online(ann, ben)
    poll_once(program, "p", state="idle")
    wait_for(lambda: online(ann, ben), 5, "the program to be a presence")


def test_bye_ends_the_presence_of_its_tab_and_no_other(ann, ben):
    poll_once(ben, "one")
    poll_once(ben, "two")
    wait_for(lambda: online(ann, ben), 5, "ben to be online")
    good(bye(ben, "one"), 204)
    good(bye(ann, "two"), 204)  # not hers
    poll_once(ann, "mark")
    wait_for(lambda: online(ben, ann), 5, "what came before to be done")
    assert online(ann, ben)
    good(bye(ben, "two"), 204)
    wait_for(lambda: not online(ann, ben), 1, "ben to be offline")


def test_bye_is_taken_as_a_beacon_from_our_own_page_only(ben):
    headers = {**credentials_of(ben), "Content-Type": "text/plain;charset=UTF-8"}
    body = json.dumps({"tab": "t"}).encode()
    path = "/presence/bye"
    assert raw(ben.url, "POST", path, {**headers, "Sec-Fetch-Site": "same-origin"}, body).status == 204
    assert raw(ben.url, "POST", path, {**headers, "Origin": ben.url}, body).status == 204
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert raw(ben.url, "POST", path, {**headers, **foreign}, body).code == "csrf"
    own = {**headers, "Origin": ben.url}
    assert raw(ben.url, "POST", path, own, b"tab=t").code == "bad_json"
    assert raw(ben.url, "POST", path, {**own, "Content-Type": "text/html"}, body).code == "media_type"
    assert raw(ben.url, "POST", path, own, b'{"tab":"' + b"t" * 65536 + b'"}').code == "too_large"
    assert raw(ben.url, "POST", "/sessions", own, body).code in ("media_type", "misdirected")


@pytest.mark.parametrize("tab", [None, "", "x" * 37, "\u044f" * 19, 7, ["t"]])
def test_bye_names_a_tab_as_polls_do(ben, tab):
    problem(ben.post("/presence/bye", {"tab": tab}), 422, "invalid", "tab")


def test_whoever_left_was_last_seen_then(site, ann, ben):
    with site.db() as db:
        db.execute("UPDATE users SET last_seen_at = '2020-01-01' WHERE id = ANY(%s)", [[ann.id, ben.id]])
    poll_once(ben, "t")
    wait_for(lambda: online(ann, ben), 5, "ben to be online")
    good(bye(ben, "t"), 204)
    year = str(datetime.datetime.now(datetime.timezone.utc).year)
    wait_for(lambda: presence_of(ann, ben)[ben.id]["last_seen_at"].startswith(year), 10, "the end to be noted")
    rows = good(ann.get("/users", params={"sort": "-seen", "limit": 1}))["users"]
    assert [row["id"] for row in rows] == [ben.id]


def test_a_deleted_account_is_offline_for_good(ann, ben):
    ann.send(ben, "hello")
    poll_once(ben, "t")
    wait_for(lambda: online(ann, ben), 5, "ben to be online")
    good(ben.delete("/me", {"password": ben.password}), 204)
    assert presence_of(ann, ben)[ben.id] == {"id": ben.id, "online": False, "active": False, "last_seen_at": None}


def test_one_user_keeps_some_leases_not_any_number(site, ann, ben):
    for number in range(50):
        poll_once(ben, f"tab {number}")
    key = f"perch:l:{ben.id}"
    wait_for(lambda: any(b"tab 49" in field for field in site.redis().hkeys(key)), 5, "the last poll to be known")
    assert len([field for field in site.redis().hkeys(key) if b":" in field]) == 32
    assert online(ann, ben)


def test_any_tab_a_poll_may_name_can_be_ended(site, ann, ben):
    for tab in ("a b", "0 1 2", "new\nline", "\\ \"", ":::", "%d %s", "\u0437\u043e\u044f \U0001f98a", "t" * 36):
        poll_once(ben, tab)
        wait_for(lambda: online(ann, ben), 5, f"{tab!r} to be there")
        good(bye(ben, tab), 204)
        wait_for(lambda: not online(ann, ben), 5, f"{tab!r} to be gone")


# While Redis does not know, PostgreSQL is asked.


@pytest.fixture(scope="module")
def young():
    """Redis has kept leases for less than a minute, whatever the time: it lost them just now."""
    instance = Instance(WORKERS=2, AUTH_WORKERS=1).start()
    yield instance
    instance.stop()


def present(site, person, ago):
    site.sql("UPDATE sessions SET present_at = clock_timestamp() - %s::interval WHERE user_id = %s", ago, person.id)


def test_while_leases_are_young_whoever_used_a_session_lately_is_online(young):
    ann, ben = young.person("ann"), young.person("ben")
    young.redis().delete("perch:presence")
    present(young, ben, "170 seconds")
    assert online(ann, ben) and good(ann.get(f"/users/{ben.id}"))["user"]["online"]
    present(young, ben, "190 seconds")
    assert not online(ann, ben)
    poll_once(ben, "t", state="active")
    wait_for(lambda: presence_of(ann, ben)[ben.id]["active"], 5, "a lease to count all the same")


def test_a_programs_session_says_nothing_about_its_person_unless_it_says_so(young):
    ann, ben = young.person("ann"), young.person("ben")
    program = ben.another_device(bearer=True)
    young.redis().delete("perch:presence")
    good(ben.delete("/sessions/current"), 204)
    good(program.get("/me"))
    assert not online(ann, ben)
    young.sql("UPDATE users SET last_seen_at = '2020-01-01' WHERE id = %s", ben.id)
    successor = ben.another_device(bearer=True)
    good(program.delete("/sessions/current"), 204)
    program = successor
    assert young.sql("SELECT last_seen_at < '2020-01-03' FROM users WHERE id = %s", ben.id) == [(True,)]
    cursor = program.cursor()
    young.redis().flushall()  # and with it the belief that the session lives
    program.poll(cursor, wait=0, state="idle")
    assert young.sql("SELECT present_at IS NOT NULL FROM sessions WHERE user_id = %s", ben.id) == [(True,)]
    assert online(ann, ben)
