"""The short form of ./dev chaos: every fault for a moment, with the whole load and the whole judgement."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from chaos.faults import FAULTS
from chaos.round import play

SECONDS = 1.5  # of each fault
RUN = Path(__file__).with_name("run")


# The disk has a test of its own below.
@pytest.mark.parametrize("name", [name for name in FAULTS if name != "disk-full"])
def test_nothing_is_lost_repeated_or_reordered(request, name, seconds_of_faults):
    rig = request.getfixturevalue("crowded_rig" if name in ("postgresql-half-open", "clock", "network") else "rig")
    keep = os.environ.get("PERCH_TEST_ARTEFACTS")
    verdict, figures = play(rig, FAULTS[name], seed=1, seconds=SECONDS, keep=keep and Path(keep) / f"{name}.history.gz")
    seconds_of_faults.append(figures["seconds"])
    assert verdict.good, "\n".join([*verdict.complaints, str(figures)])
    assert verdict.acknowledged == verdict.messages > verdict.during


def test_a_run_of_one_fault_ends_with_its_figures(tmp_path, seconds_of_faults):
    """And fills a file system of its own to the last byte, where one may be mounted."""
    result = subprocess.run([RUN, "--only", "disk-full", "--seconds", str(SECONDS), "--json", tmp_path / "figures.json"],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    [row] = figures["faults"].values()
    assert row["verdict"]["good"] and figures["totals"]["acknowledged"] > 20
    assert row["title"] in result.stdout
    seconds_of_faults.append(row["figures"]["seconds"])
