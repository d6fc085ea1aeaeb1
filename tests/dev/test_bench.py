"""./dev bench: every measure works, and what it fills a database with is what the SQL functions would have written."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from bench import machine, report
from bench.growth import Town, requests_of
from bench.plot import plot
from perchtest.instance import TOP

MEASURES = {"wait", "sends", "cache", "polls", "restart", "flood", "telegram", "growth"}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_measure_gives_figures_and_no_failure(tmp_path):
    result = subprocess.run([sys.executable, TOP / "tests/bench/run", "--quick", "--json", tmp_path / "figures.json"],
                            capture_output=True, text=True, timeout=380)
    assert result.returncode == 0, result.stdout + result.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert set(figures) == MEASURES
    assert [row[0] for row in report.table(figures)] == [row[0] for row in report.ROWS]
    for what, *_ in report.ROWS:
        assert what in result.stdout


def test_a_filled_database_is_one_that_the_functions_could_have_written(perch):
    town = Town(perch)
    town.grow(10, 1_000)
    town.rebuild_from = 1
    town.grow(40, 4_000)
    wrong = perch.sql(
        "SELECT b.user_id FROM perch.mailboxes b LEFT JOIN perch.events e USING (user_id)"
        " WHERE b.user_id = ANY (%s) GROUP BY b.user_id"
        " HAVING max(b.seq) <> count(*) OR max(b.seq) <> max(e.seq) OR min(e.seq) <> 1", town.people)
    assert wrong == []
    wrong = perch.sql(
        "SELECT e.* FROM (SELECT *, lag(message_id) OVER (PARTITION BY user_id ORDER BY seq) AS before"
        " FROM perch.events) AS e JOIN perch.messages m ON m.id = e.message_id"
        " WHERE e.user_id = ANY (%s) AND (e.before >= e.message_id OR e.user_id NOT IN (m.sender_id, m.recipient_id))",
        town.people)
    assert wrong == []
    [[missing]] = perch.sql(
        "SELECT count(*) FROM (SELECT sender_id AS user_id, recipient_id AS peer_id, max(id) AS last FROM ("
        "   SELECT sender_id, recipient_id, id FROM perch.messages UNION ALL"
        "   SELECT recipient_id, sender_id, id FROM perch.messages) AS both_sides GROUP BY 1, 2) AS t"
        " LEFT JOIN perch.dialogs d USING (user_id, peer_id)"
        " WHERE user_id = ANY (%s) AND d.last_message_id IS DISTINCT FROM last", town.people)
    assert missing == 0
    # The indexes that were away are back, and people can go on.
    assert {row[0] for row in perch.sql("SELECT indexname FROM pg_indexes WHERE tablename = 'messages'")} >= {
        "messages_pkey", "messages_dialog", "messages_words"}
    [[epoch]] = perch.sql("SELECT epoch FROM perch.epoch")
    some = town.some()
    paths = {kind: rows[0][1] for kind, rows in requests_of(some, epoch).items()}
    someone = perch.client(token=some[0][0].token)
    assert someone.post(paths["send"], {"body": "hello"}).status_code == 201
    assert len(someone.get(paths["poll"]).json()["events"]) == 2
    assert len(someone.get(paths["page"]).json()["messages"]) > 20
    assert someone.get(paths["dialogs"]).json()["dialogs"][0]["peer"]["id"] == some[0][1]


def test_a_missed_aim_is_said_and_a_measure_left_out_is_not_shown():
    figures = {"polls": {"perch": 9_000.0, "pgbench": 18_000.0, "ratio": 0.5, "nothing": 15_000.0}}
    [row] = report.table(figures)
    assert row[0].startswith("polls/s") and row[1] == "9000" and row[3] == "MISSED"
    assert row[4].startswith("pgbench, same statement: 18000, ratio 0.50; ") and row[4].endswith(": 15000")
    figures["polls"]["perch"] = 11_000.0
    assert report.table(figures)[0][2:4] == ("≥ 10000", "reached")


def test_an_aim_that_was_not_measured_is_said():
    figures = {"wait": {"perch_bytes": 3_000.0, "nchan_bytes": 4_000.0}}
    assert report.table(figures)[0][2:4] == ("≤ 4000", "reached")
    del figures["wait"]["nchan_bytes"]
    assert report.table(figures)[0][2:4] == ("", "not measured")


@pytest.mark.parametrize("partial", [["--quick"], ["--only", "wait"], ["--rounds", "1"], ["--messages", "1000"]])
def test_a_partial_run_never_becomes_the_document(partial):
    result = subprocess.run([sys.executable, TOP / "tests/bench/run", "--docs", *partial],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode == 2 and "--docs wants a whole run" in result.stderr


def test_the_plot_is_a_picture_with_a_line_for_each_kind():
    root = ElementTree.fromstring(plot("Times", "x", "y", {"one": [(1, 2), (1000, 3)], "two & more": [(1, 5), (1000, 4)]}))
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "one" in words and "two & more" in words and "Times" in words


def test_the_machine_is_described():
    lines = list(machine.describe(machine.state()))
    assert lines[0].startswith("date") and "cores" not in lines[2]
