"""Fixtures of the API tests. Every reply that a Client gets is held against openapi.yaml."""

import os
import re

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


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["perch_seen"] = [list(row) for row in CONTRACT.seen]


def pytest_testnodedown(node):
    CONTRACT.seen |= {tuple(row) for row in getattr(node, "workeroutput", {}).get("perch_seen", [])}


def pytest_terminal_summary(terminalreporter):
    """PERCH_TEST_COVERAGE=1 lists the documented replies that no test got."""
    if os.environ.get("PERCH_TEST_COVERAGE"):
        documented = set(CONTRACT.documented())
        missing = sorted(documented - CONTRACT.seen, key=str)
        terminalreporter.section("contract")
        terminalreporter.line(
            f"{len(documented) - len(missing)} of {len(documented)} documented replies were seen"
        )
        for method, template, status, code in missing:
            terminalreporter.line(f"never: {method} {template} {status} {code or ''}")
