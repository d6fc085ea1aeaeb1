"""What an operator sees and does: metrics, and dead letters that are listed, explained and sent again."""

import re
import socket
import subprocess
from pathlib import Path

import pytest

from notifier.rig import texts
from perchtest import wait_for
from perchtest.instance import find_build
from perchtest.notifier import NotifierProgram

METRICS = re.compile(r'perch_notifier_(\w+(?:\{\w+="\w+"\})?) ([0-9.]+)')


def metrics(path):
    """What is counted at a unix socket: {name with label: number}."""
    command = ["curl", "-sS", "--fail", "--unix-socket", str(path), "http://localhost/metrics"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    return {name: float(number) for name, number in METRICS.findall(text)}


@pytest.fixture
def place(tmp_path_factory):
    """A path for the metrics' socket."""
    return tmp_path_factory.mktemp("m") / "s"


def dead_letters(site, *words, check=True):
    """`perch-notifier dead-letters …` as an operator types it."""
    url = site.env["PERCH_DATABASE_URL"].replace("perch_app@", "perch_notifier@")
    result = subprocess.run([(site.build or find_build()) / "perch-notifier", "dead-letters", *map(str, words)],
                            env={"PERCH_NOTIFIER_DATABASE_URL": url}, capture_output=True, text=True, timeout=20)
    if check:
        assert result.returncode == 0, result.stderr
    return result


@pytest.fixture
def dead(world, api, notifier):
    """A dead letter: Telegram will not have what Alice wrote to Bob."""
    world.site.sql("DELETE FROM telegram_dead")
    alice, (bob, phone) = world.person("Alice"), world.linked()
    api.fault("error", method="sendMessage", chat=phone, times=1, code=400, description="Bad Request: no \x1b[31mway\n")
    alice.send(bob, "lost?")
    [[number]] = wait_for(lambda: world.site.sql("SELECT id FROM telegram_dead WHERE recipient_id = %s", bob.id), 10,
                          "the dead letter")
    return number, alice, bob, phone


def test_what_was_sent_and_refused_is_counted(world, api, notifier_of, place):
    notifier_of(NOTIFIER_METRICS=place)
    alice, (bob, phone), (eve, gone) = world.person("Alice"), world.linked("Bob"), world.linked("Eve")
    before = metrics(place)
    assert (before["leader"], before["ready"], before["token_bad"], before["database_up"]) == (1, 1, 0, 1)
    api.fault("error", method="sendMessage", chat=gone, code=403)
    alice.send(bob, "hello")
    alice.send(eve, "hello")
    # What other tests left in the queue may be counted, too.
    for name in ('failed_total{class="link_dead"}', 'sent_total{kind="message"}'):
        wait_for(lambda name=name: metrics(place)[name] > before[name], 10, f"{name} to grow")
    phone.await_message("Alice: hello")


def test_what_waits_is_shown_with_its_age_also_by_who_stands_by(world, api, notifier, notifier_of, place):
    notifier_of(wait=False, NOTIFIER_METRICS=place)
    wait_for(place.is_socket, 10, "the metrics")
    alice, (bob, phone) = world.person("Alice"), world.linked()
    api.fault("error", method="sendMessage", chat=phone, times=None, code=429, retry_after=3000)
    found = metrics(place)
    assert (found["leader"], found["ready"]) == (0, 0)
    alice.send(bob, "hello")
    world.await_queued(bob, 1)
    wait_for(lambda: [(metrics(place)["queue_length"],)] == world.site.sql("SELECT count(*) FROM outbox"), 10,
             "the length of the queue")
    wait_for(lambda: metrics(place)["queue_oldest_seconds"] > 0.1, 10, "it to age")


def test_a_bad_token_is_shown(api, notifier_of, place):
    api.fault("error", times=None, code=401)
    notifier_of(wait=False, NOTIFIER_METRICS=place)
    wait_for(lambda: place.is_socket() and metrics(place)["token_bad"] == 1, 10, "the bad token to be shown")
    assert metrics(place)["ready"] == 0


def test_the_metrics_name_nobody(world, api, notifier_of, place):
    notifier_of(NOTIFIER_METRICS=place)
    alice, (bob, phone) = world.person("Marked-Name"), world.linked()
    alice.send(bob, "marked text")
    phone.await_message("marked text")
    command = ["curl", "-sS", "-i", "--unix-socket", str(place), "http://localhost/metrics"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    for secret in ("arked", str(phone.id), str(bob.id) + '"', api.token, api.token.partition(":")[2], api.name):
        assert secret not in text


def test_a_place_for_the_metrics_that_is_taken_ends_it_at_once_and_says_so(site, api):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        place = f"127.0.0.1:{other.getsockname()[1]}"
        program = NotifierProgram(site, api, NOTIFIER_METRICS=place).start(wait=False)
        assert program.process.wait(10) == 1
        assert place in program.log() and "cannot listen" in program.log()
        program.process = None
        program.close()


def test_there_is_nothing_to_list_at_first(site):
    site.sql("DELETE FROM telegram_dead")
    assert dead_letters(site).stdout == dead_letters(site, "list").stdout == "There are no dead letters.\n"


def test_a_dead_letter_is_listed_and_explained_and_steers_no_terminal(site, dead):
    number, alice, bob, _ = dead
    lines = dead_letters(site).stdout.splitlines()
    [at] = [place for place, line in enumerate(lines) if line.startswith(f"{number}  ")]
    assert re.fullmatch(rf"{number}  Bad Request: no .*\[31mway ?", lines[at])
    assert f"from Alice (user {alice.id}) to Reader (user {bob.id})" in lines[at + 1]
    assert any(line.startswith("others: ") and "redrive" in line for line in lines)
    assert "\x1b" not in "\n".join(lines)


def test_a_dead_letter_is_sent_again_when_it_is_redriven(site, dead):
    number, _, _, phone = dead
    assert dead_letters(site, "redrive", number).stdout == f"{number}: in the queue again\n"
    phone.await_message("Alice: lost?")
    assert texts(phone) == ["Alice: lost?"]
    result = dead_letters(site, "redrive", number, check=False)
    assert (result.returncode, result.stdout) == (1, f"{number}: there is no such dead letter\n")


def test_what_was_read_meanwhile_is_removed_instead(world, site, dead):
    number, alice, bob, phone = dead
    [message] = bob.history(alice)["messages"]
    assert bob.put(f"/dialogs/{alice.id}/read", {"upto": message["id"]}).status_code == 204
    assert dead_letters(site, "redrive", "all").stdout.startswith("0 in the queue again; 1 removed")
    assert texts(phone) == []


def test_without_the_database_it_says_where_to_look():
    result = subprocess.run([Path(find_build()) / "perch-notifier", "dead-letters"], capture_output=True, text=True,
                            env={"PERCH_NOTIFIER_DATABASE_URL": "postgresql:///perch?host=/nowhere"}, timeout=20)
    assert result.returncode == 1 and "PERCH_NOTIFIER_DATABASE_URL" in result.stderr
