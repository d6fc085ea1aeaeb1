"""./dev up, down and env: what a newcomer is promised."""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from perchtest import Instance, free_port, wait_for
from perchtest.client import Client
from perchtest.instance import DEV, alive

PIDS = ["PERCH_MASTER_PID", "PERCH_POSTGRES_PID", "PERCH_REDIS_PID", "PERCH_NGINX_PID"]


@pytest.fixture
def folder():
    """An instance that is not started, for tests that start it in a way of their own."""
    instance = Instance()
    yield instance
    instance.stop()


class Foreground:
    """./dev up as at a terminal: in the foreground, in a process group of its own, its output in a file."""

    def __init__(self, instance):
        self.instance = instance
        self.output = instance.dir / "output"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [str(DEV), "up", "--dir", str(instance.dir), "--port", str(instance.port)],
                env=instance.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                # A terminal's programs ignore neither; a test run in the background, or below nohup, would.
                preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)],
            )
        self.await_text("Ctrl-C stops it")
        instance.env = instance.read_env()

    def await_text(self, text):
        wait_for(lambda: text in self.output.read_text() or self.process.poll() is not None, 120, text)
        assert text in self.output.read_text()

    def end(self, number):
        os.killpg(self.process.pid, number)
        return self.process.wait(60)


def running(env):
    return [key for key in PIDS if alive(int(env[key]))]


def commands_below(path):
    """The command lines of processes that have the path in them, ours aside."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            cwd = os.readlink(process / "cwd")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(path) in line or cwd.startswith(str(path)):
            found.append(line)
    return found


def test_it_answers_on_localhost_and_127_0_0_1_alike(perch):
    pages = {requests_get(f"http://{host}:{perch.port}/") for host in ("localhost", "127.0.0.1")}
    assert len(pages) == 1
    for host in ("localhost", "127.0.0.1"):
        client = Client(f"http://{host}:{perch.port}")
        client.register()
        assert client.get("/me").status_code == 200


def test_it_answers_on_the_loopback_address_of_ipv6_too(perch):
    if " lo\n" in Path("/proc/net/if_inet6").read_text():
        assert requests_get(f"http://[::1]:{perch.port}/health/ready")


def requests_get(url):
    import requests

    response = requests.get(url, timeout=20)
    assert response.status_code == 200
    return response.text


def test_detach_leaves_nothing_of_the_caller_open(folder):
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [str(DEV), "up", "--detach", "--dir", str(folder.dir), "--port", str(folder.port)],
        env=folder.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[write_end],
    )
    os.close(write_end)
    assert process.wait(120) == 0
    # The end of file comes only when no process holds the other end any more.
    with process.stdout, process.stderr:
        process.stdout.read(), process.stderr.read()
    assert select.select([read_end], [], [], 10)[0] and os.read(read_end, 1) == b""
    with pytest.raises(BrokenPipeError):
        process.stdin.write(b"x")
        process.stdin.flush()
    with suppress(BrokenPipeError):
        process.stdin.close()
    os.close(read_end)


def test_detach_returns_when_the_instance_is_ready(folder):
    folder.start()
    assert folder.ready()


def test_env_prints_what_runs_as_lines_of_key_and_value(perch):
    lines = perch.dev("env").stdout.splitlines()
    assert all(re.fullmatch(r"PERCH_[A-Z0-9_]+=.+", line) for line in lines)
    env = dict(line.split("=", 1) for line in lines)
    assert env["PERCH_URL"] == f"http://localhost:{perch.port}"
    assert env["PERCH_DIR"] == str(perch.dir)
    assert env["PERCH_REDIS_URL"] == f"unix://{perch.dir}/run/redis.sock"
    assert env["PERCH_DATABASE_URL"].startswith("postgresql://perch_app@/perch?")
    assert running(env) == PIDS
    names = [Path(f"/proc/{env[key]}/comm").read_text().strip() for key in PIDS]
    assert names == ["perch-fcgi", "postgres", "redis-server", "nginx"]


def test_the_database_and_redis_that_env_names_are_the_ones_in_use(perch):
    import psycopg

    perch.person()
    with psycopg.connect(perch.env["PERCH_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("perch_app",)
    assert perch.redis().ping()
    assert perch.sql("SELECT count(*) > 0 FROM users") == [(True,)]


def test_env_of_a_folder_where_nothing_runs_fails_and_prints_nothing(folder):
    result = folder.dev("env", check=False)
    assert result.returncode != 0
    assert result.stdout == ""
    assert "./dev up" in result.stderr


def test_two_instances_with_different_ports_and_folders_run_side_by_side(perch, folder):
    folder.start()
    name = perch.person("only-here").username
    there = folder.client().post("/sessions", {"username": name, "password": "correct horse"})
    assert there.status_code == 401
    folder.dev("down")
    assert perch.ready()
    assert running(perch.read_env()) == PIDS


def test_a_perch_variable_of_the_caller_wins(perch_factory):
    instance = perch_factory(RATE_SEND=3, WORKERS=2)
    assert instance.env["PERCH_RATE_SEND"] == "3"
    assert "with 2 workers" in instance.log()
    sender, peer = instance.person(), instance.person()
    statuses = [sender.post(f"/dialogs/{peer.id}/messages", {"body": "x"}).status_code for _ in range(20)]
    assert 429 in statuses


def test_its_own_limits_are_far_above_the_strict_ones(perch):
    assert int(perch.env["PERCH_RATE_REGISTER"]) >= 5000
    assert int(perch.env["PERCH_RATE_LOGIN"]) >= 5000
    assert int(perch.env["PERCH_RATE_SEND"]) >= 1000
    site = (perch.dir / "conf/http.conf").read_text() + (perch.dir / "conf/site.conf").read_text()
    assert len(re.findall(r"rate=5000r/m", site)) == 2
    assert "limit_conn            perch_connections 20000;" in site


def test_the_demo_accounts_leave_the_registrations_of_a_minute_to_the_people(perch_factory):
    instance = perch_factory(RATE_REGISTER=3)
    answers = []
    for number in range(4):
        body = {"username": f"visitor {number}", "password": "x"}
        answers.append(instance.client().post("/accounts", body).status_code)
    assert answers == [201, 201, 201, 429]


def test_down_stops_everything(folder):
    env = folder.start().env
    folder.dev("down")
    assert running(env) == []
    assert commands_below(folder.dir) == []
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", folder.port), 5)


def test_down_twice_is_no_error(folder):
    folder.start()
    folder.dev("down")
    assert "Nothing runs" in folder.dev("down").stderr


def test_the_data_and_the_sessions_stay_for_the_next_time(folder):
    folder.start()
    person, peer = folder.person(), folder.person()
    sent = person.send(peer, "still here tomorrow")
    demo = (folder.dir / "demo-accounts").read_text()
    folder.dev("down")
    folder.start()
    assert person.history(peer)["messages"] == [sent]
    assert (folder.dir / "demo-accounts").read_text() == demo


def test_the_demo_accounts_log_in_with_the_printed_passwords(perch):
    printed = dict(re.findall(r"log in as (\w+) +password (\S+)", perch.dev("up", "--detach").stdout))
    assert sorted(printed) == ["alice", "bob"]
    for name, password in printed.items():
        perch.client().login(name, password)
    assert (perch.dir / "demo-accounts").stat().st_mode & 0o777 == 0o600


def test_up_of_what_is_up_says_so_and_changes_nothing(perch):
    before = perch.read_env()
    result = perch.dev("up", "--detach")
    assert "up already" in result.stderr
    assert f"http://localhost:{perch.port}" in result.stdout
    assert perch.read_env() == before


def test_up_on_another_port_says_how(perch):
    result = perch.dev("up", "--detach", "--port", "1", check=False)
    assert result.returncode != 0
    assert f"is up on port {perch.port}" in result.stderr


def test_the_port_may_change_from_one_time_to_the_next(folder):
    folder.start().dev("down")
    folder.port = free_port()
    folder.start()
    assert folder.url == f"http://localhost:{folder.port}"
    assert folder.ready()
    folder.dev("down")
    folder.dev("up", "--detach", timeout=120)  # without --port: the last one
    assert folder.ready()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_a_signal_to_the_foreground_stops_everything_cleanly(folder, number):
    foreground = Foreground(folder)
    assert running(folder.env) == PIDS
    assert foreground.end(number) == 130
    assert commands_below(folder.dir) == []
    assert "database system is shut down" in folder.log("postgresql")


def test_down_stops_a_foreground_instance_too(folder):
    foreground = Foreground(folder)
    folder.dev("down")
    assert foreground.process.wait(10) == 130
    assert running(folder.env) == []


def test_a_killed_script_leaves_nothing_that_cannot_be_stopped(folder):
    foreground = Foreground(folder)
    foreground.end(signal.SIGKILL)
    assert running(folder.env) == PIDS
    assert "up already" in folder.dev("up", "--detach").stderr
    folder.dev("down")
    assert commands_below(folder.dir) == []


def test_a_service_that_dies_is_named_with_its_log_and_comes_back_with_up(folder):
    foreground = Foreground(folder)
    os.kill(int(folder.env["PERCH_REDIS_PID"]), signal.SIGKILL)
    foreground.await_text("redis has ended")
    assert str(folder.dir / "log/redis.log") in foreground.output.read_text()
    folder.dev("up", "--detach")
    foreground.await_text("redis runs again")
    assert folder.read_env()["PERCH_NGINX_PID"] == folder.env["PERCH_NGINX_PID"]
    foreground.end(signal.SIGINT)
    assert commands_below(folder.dir) == []


def test_after_a_crash_of_everything_it_starts_again(folder):
    env = folder.start().env
    for key in PIDS:
        os.kill(int(env[key]), signal.SIGKILL)
    wait_for(lambda: running(env) == [])
    folder.start()
    assert folder.ready()
    folder.dev("down")
    assert commands_below(folder.dir) == []


def test_a_half_made_cluster_is_made_anew(folder):
    (folder.dir / "postgresql/new/base").mkdir(parents=True)
    folder.start()
    assert folder.ready()


def test_the_number_of_somebody_else_in_a_pid_file_is_never_signalled(folder):
    folder.start().dev("down")
    bystander = subprocess.Popen(["sleep", "1000"])
    for name in ("dev", "nginx", "perch-fcgi", "redis", "postgresql"):
        (folder.dir / f"state/{name}.pid").write_text(f"{bystander.pid} 1 other-boot\n")
    folder.dev("down")
    assert bystander.poll() is None
    folder.start()
    folder.dev("down")
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_port_in_use_is_said_clearly_and_nothing_stays_behind(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", folder.port))
        other.listen()
        result = folder.dev("up", "--detach", "--port", str(folder.port), check=False)
    assert result.returncode != 0
    assert f"port {folder.port} is in use" in result.stderr
    assert commands_below(folder.dir) == []


def test_a_program_that_does_not_start_is_shown_with_its_log(folder):
    folder.settings["PERCH_WORKERS"] = "none"
    result = folder.dev("up", "--detach", "--port", str(folder.port), check=False)
    assert result.returncode != 0
    assert "PERCH_WORKERS" in result.stderr
    assert str(folder.dir / "log/perch-fcgi.log") in result.stderr
    assert commands_below(folder.dir) == []


def test_a_path_too_long_for_unix_sockets_is_said_clearly(folder):
    result = subprocess.run(
        [DEV, "up", "--detach", "--dir", folder.dir / ("long" * 25)],
        capture_output=True,
        text=True,
        env=folder.environment(),
    )
    assert result.returncode != 0
    assert "too long for unix sockets" in result.stderr


def test_nothing_runs_as_root(perch):
    for key in PIDS:
        assert os.stat(f"/proc/{perch.env[key]}").st_uid != 0


def test_it_works_below_a_folder_that_only_its_owner_enters(folder):
    folder.dir.chmod(0o700)
    folder.start()
    assert folder.ready()


def test_everything_lies_below_its_folder(perch):
    for key in PIDS:
        for link in Path(f"/proc/{perch.env[key]}/fd").iterdir():
            try:
                target = os.readlink(link)
            except FileNotFoundError:
                continue
            if target.startswith("/") and not target.startswith("/dev/"):
                assert target.startswith(f"{perch.dir}/"), f"{key} has {target} open"


def test_a_second_up_takes_less_than_ten_seconds(folder):
    """With everything installed and built, and with all the looks whether it is."""
    import time

    shutil.copytree(folder.environment()["PERCH_DEV_BUILD"], folder.dir / "build", copy_function=shutil.copy2)
    environment = folder.environment()
    del environment["PERCH_DEV_BUILD"]
    command = [DEV, "up", "--detach", "--dir", folder.dir, "--port", str(folder.port)]
    for _ in range(2):
        started = time.monotonic()
        subprocess.run(command, env=environment, check=True, timeout=170)
        seconds = time.monotonic() - started
        folder.dev("down")
    assert seconds < 10
