"""How ./dev check counts: what is not a pass is a failure."""

import subprocess

from perchtest.instance import TOP

SUITE = """
import pytest

def test_passes(): pass
def test_passes_too(): pass
def test_fails(): assert False
def test_is_skipped(): pytest.skip("for no reason")

@pytest.fixture
def broken(): raise RuntimeError

def test_has_a_broken_fixture(broken): pass
"""


def counted(folder, command):
    """PASSED and FAILED after a counting function of dev.d/check.sh was called in a checkout at `folder`."""
    (folder / "check/log").mkdir(parents=True, exist_ok=True)
    script = f"""
        set -euo pipefail
        source {TOP}/dev.d/ui.sh && source {TOP}/dev.d/check.sh
        TOP={folder} CHECK={folder}/check QUICK= REST=() PASSED=0 FAILED=0
        {command}
        echo "$PASSED $FAILED"
    """
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return tuple(map(int, result.stdout.splitlines()[-1].split()))


def write_suite(folder, text):
    (folder / "tests/some").mkdir(parents=True)
    (folder / "tests/some/test_some.py").write_text(text)


def test_of_a_pytest_suite_failures_errors_and_skips_are_failures(tmp_path):
    write_suite(tmp_path, SUITE)
    assert counted(tmp_path, "count_pytest some some 1") == (2, 3)


def test_a_pytest_suite_that_cannot_be_read_is_a_failure(tmp_path):
    write_suite(tmp_path, "this is not Python")
    assert counted(tmp_path, "count_pytest some some 1") == (0, 1)


def test_a_pytest_suite_without_tests_is_a_failure(tmp_path):
    write_suite(tmp_path, "")
    assert counted(tmp_path, "count_pytest some some 1") == (0, 1)


def test_of_automake_what_did_not_pass_is_a_failure(tmp_path):
    summary = r"printf '# TOTAL: 5\n# PASS:  3\n# SKIP:  1\n# FAIL:  1\n'; exit 2"
    assert counted(tmp_path, f'count_automake unit bash -c "{summary}"') == (3, 2)


def test_make_that_fails_beside_its_tests_is_a_failure(tmp_path):
    summary = r"printf '# TOTAL: 2\n# PASS:  2\n'; exit 2"
    assert counted(tmp_path, f'count_automake unit bash -c "{summary}"') == (2, 1)
    assert counted(tmp_path, "count_automake unit false") == (0, 1)


def test_a_command_passes_or_fails_as_a_whole(tmp_path):
    assert counted(tmp_path, "count_command one true; count_command 'another one' false") == (1, 1)
