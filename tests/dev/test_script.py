"""The script itself."""

import subprocess

import pytest

from perchtest.instance import DEV, TOP


def run(*arguments):
    return subprocess.run([DEV, *arguments], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("arguments", [["--help"], ["help"], [], ["up", "--help"]])
def test_help_names_every_command_and_option(arguments):
    result = run(*arguments)
    assert result.returncode == 0
    for word in ("up ", "down ", "env ", "check ", "fuzz ", "bench ", "--port", "--dir", "--detach", "--hours"):
        assert word in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["up", "--fast"], ["up", "--port"], ["up", "--port", "70000"], ["down", "now"], ["check", "nothing"],
     ["fuzz", "--hours"], ["fuzz", "--hours", "long"], ["up", "--hours", "1"], ["fuzz", "nothing"]],
)
def test_a_mistake_is_said_and_nothing_is_done(arguments):
    result = run(*arguments)
    assert result.returncode != 0
    assert result.stdout == ""
    assert "dev: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command, words", [
    ("bench", ("--quick", "--only", "--docs")), ("chaos", ("--seconds", "--seed", "hub-kill")),
    ("fuzz", ("--hours", "json", "handoff", "crashes"))])
def test_help_of_a_command_with_options_of_its_own_is_its_own_and_builds_nothing(tmp_path, command, words):
    result = run(command, "--dir", str(tmp_path / "dir"), "--help")
    assert result.returncode == 0
    for word in (f"./dev {command}", *words):
        assert word in result.stdout
    assert not (tmp_path / "dir").exists()


def test_shellcheck_has_no_complaint():
    scripts = [DEV, *sorted((TOP / "dev.d").iterdir()), TOP / ".ci/run"]
    result = subprocess.run(["shellcheck", "-x", *scripts], capture_output=True, text=True)
    assert result.stdout == ""


def test_colours_are_for_terminals():
    assert "\x1b" not in run("fly").stderr
