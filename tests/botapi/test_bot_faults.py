"""Faults by script, the log, and the process itself."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from botapi.standin import RUN, TOKEN, BotApi
from perchtest import wait_for


def send(api, phone, text="hello", **options):
    return requests.post(f"{api.address}/bot{TOKEN}/sendMessage", data={"chat_id": phone.id, "text": text},
                         **{"timeout": 30, **options})


@pytest.mark.parametrize("fault, code, body", [
    ({"code": 429, "retry_after": 3000}, 429, {"description": "Too Many Requests: retry after 3000",
                                               "parameters": {"retry_after": 3000}}),
    ({"code": 403}, 403, {"description": "Forbidden: bot was blocked by the user"}),
    ({"code": 403, "description": "Forbidden: user is deactivated"}, 403, {"description": "Forbidden: user is deactivated"}),
    ({"code": 500}, 500, {"description": "Internal Server Error"}),
])
def test_an_error_is_answered_and_nothing_done(api, alice, fault, code, body):
    api.fault("error", "sendMessage", alice, **fault)
    reply = send(api, alice)
    assert (reply.status_code, reply.json()) == (code, {"ok": False, "error_code": code, **body})
    assert alice.received() == [] and api.calls("sendMessage")[0]["executed"] is False


def test_a_fault_hits_its_method_and_chat_as_often_as_was_said(api, alice):
    api.limits(per_chat_s=0)
    bob = api.phone("Bob")
    bob.start()
    api.fault("error", "sendMessage", alice, times=2)
    assert api.bot("getMe")["ok"] and send(api, bob).ok
    assert [send(api, alice).status_code for _ in range(3)] == [500, 500, 200]
    api.fault("error", times=None)
    assert {send(api, bob).status_code for _ in range(4)} == {500} and not api.bot("getMe")["ok"]
    api.heal()
    assert api.bot("getMe")["ok"]


def test_garbage_is_not_json(api, alice):
    api.fault("garbage")
    with pytest.raises(requests.JSONDecodeError):
        send(api, alice).json()


def test_a_body_may_have_four_mebibytes(api, alice):
    api.fault("big")
    assert len(send(api, alice).content) == 4 << 20 and send(api, alice).ok
    assert len(alice.received()) == 1


def test_a_redirect_leads_elsewhere(api, alice):
    api.fault("redirect", location="http://127.0.0.1:9/")
    reply = send(api, alice, allow_redirects=False)
    assert (reply.status_code, reply.headers["Location"]) == (302, "http://127.0.0.1:9/")


@pytest.mark.parametrize("kind, done", [("close_before", 0), ("close_after", 1), ("hang", 0)])
def test_a_connection_ends_before_or_after_the_message_was_sent(api, alice, kind, done):
    api.fault(kind, seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        send(api, alice)
    assert len(alice.received()) == done
    [call] = api.calls("sendMessage")
    assert (call["status"], call["executed"], call["fault"]) == (0, bool(done), kind)


def test_a_delayed_message_is_sent_although_nobody_waits_any_more(api, alice):
    api.fault("delay", seconds=0.5)
    with pytest.raises(requests.ReadTimeout):
        send(api, alice, timeout=0.1)
    wait_for(lambda: len(alice.received()) == 1, what="the message")
    wait_for(lambda: api.calls("sendMessage")[0]["status"] == 0, what="the end of the call")


def test_the_log_has_every_call_and_never_the_token(api, alice):
    send(api, alice, "hello")
    requests.get(f"{api.address}/bot{TOKEN[:-1]}/getMe", timeout=10)
    call, refused = api.calls()[-2:]
    assert (call["method"], call["chat"], call["text"], call["status"]) == ("sendMessage", alice.id, "hello", 200)
    assert call["result"]["message_id"] == alice.received()[0]["message_id"]
    assert (refused["method"], refused["status"], refused["description"]) == ("getMe", 401, "Unauthorized")
    assert call["at"] <= refused["at"] and api.calls(after=refused["n"]) == []
    assert TOKEN[:-1] not in str(api.calls())


def test_the_log_shows_a_poll_while_it_waits(api, alice):
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(requests.post, f"{api.address}/bot{TOKEN}/getUpdates", data={"timeout": "50"}, timeout=60)
        [call] = wait_for(lambda: [call for call in api.calls("getUpdates") if call["status"] is None], what="the poll")
        assert call["seconds"] is None
        alice.say("hello")
        assert poll.result(5).json()["result"]


@pytest.mark.parametrize("call, body", [("say", {"chat": 1, "text": "x"}), ("fault", {"kind": "boredom"}), ("nothing", {}),
                                        ("make_chat", {"id": 2**52}), ("say", {"txt": "x"})])
def test_a_control_call_that_cannot_be_done_says_why(api, call, body):
    reply = requests.post(f"{api.address}/_control/{call}", json=body, timeout=10)
    assert reply.status_code == 400 and reply.json()["error"]


def test_somebody_who_did_not_press_start_or_blocked_the_bot_cannot_write(api, alice):
    shy = api.phone("Shy")
    alice.block()
    for phone in (shy, alice):
        with pytest.raises(AssertionError):
            phone.say("hello")


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"},
                                     {"Content-Type": "application/json", "Host": "elsewhere.example.org"}])
def test_pages_from_elsewhere_cannot_steer_it(api, headers):
    assert requests.post(f"{api.address}/_control/chats", data="{}", headers=headers, timeout=10).status_code == 403


def test_only_this_machine_can_reach_it(api):
    sockets = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    rows = [line.split() for line in sockets]
    addresses = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{api.port:04X}")]
    assert addresses == [f"0100007F:{api.port:04X}"]


def test_it_speaks_https(tmp_path):
    files = [str(tmp_path / name) for name in ("cert", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=stand-in", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    with BotApi(tls=files) as api:
        assert api.address.startswith("https://") and api.bot("getMe")["ok"]


def test_a_reset_leaves_nothing(api, alice):
    api.fault("error", times=None)
    api.limits(per_chat_s=100)
    alice.say("hello")
    api.reset()
    assert api.calls() == [] and api.control("chats") == []
    assert api.bot("getUpdates") == {"ok": True, "result": []}


def test_it_comes_back_at_the_same_address():
    with BotApi() as api:
        address = api.address
        api.stop()
        with pytest.raises(requests.ConnectionError):
            requests.get(address, timeout=5)
        assert api.start().address == address and api.bot("getMe")["ok"]


def test_it_ends_on_term_although_a_poll_waits():
    with BotApi() as api, ThreadPoolExecutor() as pool:
        poll = pool.submit(requests.post, f"{api.address}/bot{TOKEN}/getUpdates", data={"timeout": "50"}, timeout=60)
        api.await_calls(1, "getUpdates")
        api.process.terminate()
        assert api.process.wait(5) == 0
        with pytest.raises(requests.ConnectionError):
            poll.result(5)


@pytest.mark.parametrize("stay", [False, True])
def test_it_ends_with_its_parent_unless_told_to_stay(tmp_path, stay):
    (tmp_path / "token").write_text(TOKEN)
    script = ("import subprocess, sys; child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True);"
              " print(child.pid, child.stdout.readline(), flush=True); sys.stdin.read()")
    command = [RUN, "--port", "0", "--token-file", tmp_path / "token", *["--stay"] * stay]
    parent = subprocess.Popen([sys.executable, "-c", script, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    pid, address = parent.stdout.readline().split()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    parent.stdin.close()

    def answers():
        try:
            return requests.post(f"{address}/_control/chats", json={}, timeout=5).ok
        except requests.ConnectionError:
            return False

    if stay:
        assert answers()
        os.kill(int(pid), signal.SIGTERM)
    wait_for(lambda: not answers(), what="the end")


@pytest.mark.parametrize("token, words", [(None, "No such file"), ("nonsense", "not a token")])
def test_it_says_what_is_wrong_with_the_token_file_and_not_what_is_in_it(tmp_path, token, words):
    if token:
        (tmp_path / "token").write_text(token)
    result = subprocess.run([RUN, "--port", "0", "--token-file", tmp_path / "token"], capture_output=True, text=True,
                            timeout=30)
    assert result.returncode == 2 and words in result.stderr and "nonsense" not in result.stderr


def test_a_port_that_is_taken_is_named(api):
    result = subprocess.run([RUN, "--port", str(api.port), "--token-file", api.token_file], capture_output=True, text=True,
                            timeout=30)
    assert result.returncode == 1 and result.stderr.startswith(f"port {api.port}: ")
