"""What a run tells is what happened, and only of what somebody else can run again."""

import asyncio
import types

import pytest

from bench import machine
from chaos import report
from chaos.checker import Verdict
from chaos.load import Load

STATE = {"date": "2026-11-21T12:00:00+00:00", "commit": "0123456789", "changed": False, "cores": 2, "processor": "Processor " * 5,
         "kernel": "6.1", "versions": {name: f"{name} 1.0 (as some distribution packs it)" for name in ("a", "b", "c", "d")}}
FOUND = {"none": {"title": "nothing at all", "figures": {"acks_per_second": 200.0},
                  "verdict": {**Verdict(messages=10, acknowledged=10, during=9).as_dict()}}}


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "RELIABILITY.md"
    begin, end = report.MARKS
    path.write_text(f"before\n{begin}\nof old\n{end}\nafter\n")
    return path


def test_the_section_takes_the_place_of_the_old_one_and_its_text_is_no_wider_than_the_page(document):
    report.document_write(document, FOUND, STATE, 7, 30)
    lines = document.read_text().splitlines()
    assert (lines[0], lines[-1], "of old" in lines) == ("before", "after", False)
    assert "commit `0123456789`, seed 7, 30 s of each fault" in document.read_text()
    assert [line for line in lines if len(line) > report.WIDTH + 1 and not line.startswith("|")] == []


@pytest.mark.parametrize("changes", [{"changed": True}, {"commit": "", "changed": None}])
def test_nothing_is_written_of_a_tree_that_nobody_can_get_again(document, changes):
    before = document.read_text()
    with pytest.raises(AssertionError, match="commit"):
        report.document_write(document, FOUND, {**STATE, **changes}, 7, 30)
    assert document.read_text() == before
    assert set(machine.state()) >= set(changes)


def test_a_message_that_was_asked_for_twice_counts_once():
    async def twice():
        load = Load(types.SimpleNamespace(port=1), seed=1)
        for status in (201, 200):
            load.acknowledge("one", types.SimpleNamespace(status=status, json={"message": {"id": 1}}))
        load.acknowledge("two", types.SimpleNamespace(status=503, json={}))
        load.acknowledge("three", None)
        return load

    load = asyncio.run(twice())
    assert load.acks == 1 and len(load.history.of("ack")) == 2
