"""./dev up with Telegram: a stand-in with its phone where no token is given, else whoever has that token."""

import os
import shutil
import signal
import socket

import pytest
import requests

from botapi.standin import BotApi
from perchtest import Instance, wait_for
from perchtest.api import good
from perchtest.instance import alive
from perchtest.presence import leases_believe
from perchtest.telegram import confirm
from test_up import PIDS, Foreground, commands_below

TELEGRAM_PIDS = ["PERCH_NOTIFIER_PID", "PERCH_BOTAPI_PID"]
BOT = "perch_standin_bot"


@pytest.fixture
def folder():
    """An instance that is not started."""
    instance = Instance(DEV_TELEGRAM="stand-in")
    yield instance
    instance.stop()


@pytest.fixture(scope="module")
def site():
    """One whose presence is believed from the beginning; else nobody is told of anything in the first minute."""
    instance = Instance(DEV_TELEGRAM="stand-in").start()
    leases_believe(instance)
    yield instance
    instance.stop()


def stand_in(instance):
    """The one that runs already, steered as the phone's page does it."""
    api = BotApi()
    api.address = instance.env["PERCH_TELEGRAM_API"]
    return api


def test_the_phone_is_where_up_says(site):
    printed = site.dev("up", "--detach").stdout
    [line] = [line for line in printed.splitlines() if "phone" in line]
    address = line.split()[-1]
    assert address.rpartition(":")[2] == site.env["PERCH_TELEGRAM_API"].rpartition(":")[2]
    page = requests.get(address.replace("localhost", "127.0.0.1"), timeout=20)
    assert page.status_code == 200 and "<title>Phone</title>" in page.text


def test_the_bot_is_there_when_up_returns_and_nobody_is_linked(folder):
    folder.start()
    assert good(folder.person().post("/me/telegram/link"))["bot"] == BOT
    assert stand_in(folder).control("chats") == []
    assert folder.sql("SELECT count(*) FROM telegram_links") == [(0,)]


def test_somebody_links_leaves_is_told_and_answers(site):
    """The story that the README tells."""
    alice, bob = site.person("alice"), site.person("bob")
    phone = stand_in(site).phone("Alice")
    phone.open(good(alice.post("/me/telegram/link"))["url"])
    wait_for(lambda: good(alice.get("/me/telegram"))["pending"], 10, "the page to be asked")
    good(confirm(alice), 204)
    good(alice.delete("/sessions/current"), 204)
    bob.send(alice, "are you there?")
    told = phone.await_message("are you there?")
    phone.say("on the train", reply_to=told)
    wait_for(lambda: "on the train" in [m["body"] for m in bob.history(alice)["messages"]], 10, "the answer")


def test_it_works_below_a_folder_that_only_its_owner_enters(folder):
    folder.dir.chmod(0o700)
    folder.start()
    assert good(folder.person().post("/me/telegram/link"))["bot"] == BOT


def test_env_names_both_and_down_ends_them(folder):
    env = folder.start().env
    names = [open(f"/proc/{env[key]}/comm").read().strip() for key in TELEGRAM_PIDS]
    assert names == ["perch-notifier", "run"]
    assert env["PERCH_NOTIFIER_DATABASE_URL"].startswith("postgresql://perch_notifier@/perch?")
    for key in TELEGRAM_PIDS:
        assert os.stat(f"/proc/{env[key]}").st_uid != 0
    folder.dev("down")
    assert not any(alive(int(env[key])) for key in TELEGRAM_PIDS)
    assert commands_below(folder.dir) == []


@pytest.mark.parametrize("name", ["perch-notifier", "botapi"])
def test_one_that_is_killed_is_named_and_comes_back_where_it_was(folder, name):
    foreground = Foreground(folder)
    before = folder.env
    os.kill(int(before[f"PERCH_{name.removeprefix('perch-').upper()}_PID"]), signal.SIGKILL)
    foreground.await_text(f"{name} has ended")
    folder.dev("up", "--detach")
    foreground.await_text(f"{name} runs again")
    after = folder.read_env()
    assert after["PERCH_TELEGRAM_API"] == before["PERCH_TELEGRAM_API"]
    assert all(alive(int(after[key])) for key in TELEGRAM_PIDS)
    foreground.end(signal.SIGINT)
    assert commands_below(folder.dir) == []


def test_the_phone_takes_another_port_where_its_own_is_in_use(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        folder.dir.joinpath("state").mkdir(mode=0o700)
        folder.dir.joinpath("state/botapi-port").write_text(str(other.getsockname()[1]))
        folder.start()
        assert folder.env["PERCH_TELEGRAM_API"] != f"http://127.0.0.1:{other.getsockname()[1]}"
        assert requests.get(folder.env["PERCH_TELEGRAM_API"], timeout=20).status_code == 200


def test_the_metrics_are_at_the_socket_that_env_names(site):
    import subprocess

    command = ["curl", "-fsS", "--unix-socket", site.env["PERCH_NOTIFIER_METRICS"], "http://localhost/metrics"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    for name in ("leader", "ready", "database_up"):
        assert lines[f"perch_notifier_{name}"] == "1"
    assert lines["perch_notifier_dead_letters"] == "0"


def readable_for_services(path):
    """As root, they run as somebody else."""
    if os.geteuid() == 0:
        path.chmod(0o711)
        for entry in path.iterdir():
            shutil.chown(entry, "postgres")


def test_with_a_token_its_bot_is_asked_and_no_stand_in_starts():
    with BotApi(name="a_real_bot") as telegram:
        readable_for_services(telegram.token_file.parent)
        given = {"TELEGRAM_TOKEN_FILE": telegram.token_file, "TELEGRAM_API": telegram.address}
        instance = Instance(DEV_TELEGRAM="", **given).start()
        try:
            assert "PERCH_BOTAPI_PID" not in instance.env and "PERCH_NOTIFIER_PID" in instance.env
            assert "phone" not in instance.dev("up", "--detach").stdout
            telegram.await_calls(1, "getMe")
            alice = instance.person()
            wait_for(lambda: alice.post("/me/telegram/link").status_code == 200, 10, "the bot to be known")
            assert good(alice.post("/me/telegram/link"))["bot"] == "a_real_bot"
            result = instance.dev("up", "--detach", check=False, env={"PERCH_DEV_TELEGRAM": "stand-in"})
            assert result.returncode != 0 and "./dev down first" in result.stderr
        finally:
            instance.stop()


def test_a_token_that_cannot_be_read_is_said_clearly_and_nothing_stays_behind(folder):
    folder.settings |= {"PERCH_DEV_TELEGRAM": "", "PERCH_TELEGRAM_TOKEN_FILE": str(folder.dir / "no-such-token")}
    result = folder.dev("up", "--detach", "--port", str(folder.port), check=False)
    assert result.returncode != 0
    assert "PERCH_TELEGRAM_TOKEN_FILE" in result.stderr and "no-such-token" in result.stderr
    assert commands_below(folder.dir) == []


def test_it_can_be_left_out(perch):
    assert not [key for key in TELEGRAM_PIDS if key in perch.env]
    assert all(key in perch.env for key in PIDS)
    assert "phone" not in perch.dev("up", "--detach").stdout
    assert good(perch.person().get("/me/telegram"))["linked"] is False
    assert perch.person().post("/me/telegram/link").status_code == 503
