"""Fixtures of the API tests. Every reply that a Client gets is held against openapi.yaml."""

import re
from pathlib import Path

import pytest

from perchtest import response_hooks
from perchtest.contract import CONTRACT
from perchtest.instance import children


@pytest.fixture(autouse=True)
def contract():
    """An undocumented status, code, header or field fails the test that got it."""
    response_hooks.append(CONTRACT.check_response)
    yield CONTRACT
    response_hooks.remove(CONTRACT.check_response)
    CONTRACT.outside = set()


HERE = Path(__file__).resolve().parent
ERROR_LINE = re.compile(r"^\S+Z error .*$", re.M)


@pytest.fixture(autouse=True)
def steady(request):
    """After every test on the shared instance: no child was restarted and nothing was logged as an error."""
    if "perch" not in request.fixturenames:
        yield
        return
    perch = request.getfixturevalue("perch")
    master = int(perch.env["PERCH_MASTER_PID"])
    path = perch.dir / "log" / "perch-fcgi.log"
    before, start = sorted(children(master)), path.stat().st_size
    yield
    with open(path, "rb") as log:
        log.seek(start)
        lines = ERROR_LINE.findall(log.read().decode(errors="replace"))
    assert sorted(children(master)) == before, f"children of the master were {before}"
    assert not lines, lines


@pytest.fixture
def alice(perch):
    return perch.person("alice")


@pytest.fixture
def bob(perch):
    return perch.person("bob")


@pytest.fixture
def carol(perch):
    return perch.person("carol")


def is_whole(config):
    """Is this a run of the whole suite?"""
    chosen = config.option.keyword or config.option.markexpr or config.option.deselect
    return not chosen and any(Path(argument).resolve() in (HERE, HERE.parent) for argument in config.args)


def unseen():
    return sorted(set(CONTRACT.documented()) - CONTRACT.seen, key=str)


def pytest_sessionfinish(session):
    """Every documented reply of every route was got by some test; pytest-xdist's workers hand theirs in."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["perch_seen"] = [list(row) for row in CONTRACT.seen]
    elif session.exitstatus == 0 and is_whole(session.config) and unseen():
        session.exitstatus = 1


def pytest_testnodedown(node):
    CONTRACT.seen |= {tuple(row) for row in getattr(node, "workeroutput", {}).get("perch_seen", [])}


def pytest_terminal_summary(terminalreporter):
    if is_whole(terminalreporter.config) and unseen():
        terminalreporter.section("documented replies that no test got", red=True)
        for method, template, status, code in unseen():
            terminalreporter.line(f"{method} {template} {status} {code or ''}")
