"""The judge finds what is planted in a recorded history, and nothing where nothing is wrong."""

import random

import pytest

from chaos.checker import BAD, judge
from chaos.history import History

PEOPLE = (1, 2, 3)
DEVICES = [(f"{user}/{kind}", user) for user in PEOPLE for kind in ("desk", "phone")]
MESSAGES = 60


def recorded(seed=1):
    """A history as a good server would leave it: everybody writes to everybody, one message after the other."""
    source, history = random.Random(seed), History()
    for name, user in DEVICES:
        history.add("device", name, user, name.endswith("phone"))
    position = dict.fromkeys(PEOPLE, 0)
    for message in range(1, MESSAGES + 1):
        sender, peer = source.choice(PEOPLE), source.choice(PEOPLE)
        client_id, at = f"client-{message}", float(message)
        history.add("send", client_id, sender, peer, "hello", at)
        if message % 10 == 0:  # the first answer was lost
            history.add("trouble", client_id, 502, at)
        history.add("ack", client_id, message, 200 if message % 10 == 0 else 201, at + 0.1)
        history.add("stored", message, client_id, sender, peer, "hello")
        for user in {sender, peer}:
            before = position[user]
            position[user] += 1
            for name in (name for name, owner in DEVICES if owner == user):
                event = [before + 1, "message.new", message, client_id, sender, peer, "hello"]
                history.add("batch", name, at + 0.2, f"e-{before}", f"e-{before}", f"e-{before + 1}", [event])
    return history


def batches(history, device):
    return [row for row in history.of("batch") if row[1] == device]


def only(verdict, *kinds):
    assert {kind for kind in BAD if getattr(verdict, kind)} == set(kinds), verdict


def test_nothing_is_found_where_nothing_is_wrong():
    verdict = judge(recorded())
    only(verdict)
    assert (verdict.good, verdict.messages, verdict.acknowledged, verdict.recovered) == (True, MESSAGES, MESSAGES, 6)
    assert verdict.trouble == {"502": 6} and verdict.stale == 0 and verdict.age_worst == pytest.approx(0.1)


def test_a_message_that_was_acknowledged_and_is_not_stored_is_lost():
    history = recorded()
    history.rows.remove(history.of("stored")[20])
    only(judge(history), "lost")


def test_a_message_that_one_device_never_showed_is_lost():
    """Its position was given out, the event was not in it."""
    history = recorded()
    row = batches(history, "2/phone")[5]
    row[6] = [[row[6][0][0], "message.read"]]
    verdict = judge(history)
    assert verdict.lost == 1 and "2/phone" in verdict.complaints[0]


def test_an_event_dropped_from_a_reply_is_a_hole_and_a_loss():
    history = recorded()
    batches(history, "2/phone")[5][6] = []
    only(judge(history), "lost", "holes")


def test_a_reply_that_never_came_is_a_hole():
    history = recorded()
    history.rows.remove(batches(history, "3/desk")[4])
    only(judge(history), "lost", "holes")


def test_a_reply_shown_twice_is_found():
    history = recorded()
    row = batches(history, "1/desk")[3]
    history.rows.insert(history.rows.index(row), list(row))
    verdict = judge(history)
    assert verdict.holes >= 1 and not verdict.good


def test_an_event_repeated_under_a_new_number_is_shown_twice():
    history = recorded()
    rows = batches(history, "1/desk")
    last = rows[-1]
    number = int(last[5].rpartition("-")[2])
    again = [number + 1, *rows[0][6][0][1:]]
    history.add("batch", "1/desk", 99.0, last[5], last[5], f"e-{number + 1}", [again])
    only(judge(history), "duplicated")


@pytest.mark.parametrize("row", [("stored", 1000, "client-7"), ("ack", "client-7", 1000)])
def test_a_message_stored_twice_is_found(row):
    history = recorded()
    send = next(row for row in history.of("send") if row[1] == "client-7")
    history.add(*row, *(send[2:5] if row[0] == "stored" else (201, 99.0)))
    assert judge(history).duplicated == 1


def test_two_messages_swapped_on_one_device_are_out_of_order():
    history = recorded()
    rows = batches(history, "1/desk")
    pair = next((a, b) for a in rows for b in rows if a[6][0][2] < b[6][0][2]
                and sorted(a[6][0][4:6]) == sorted(b[6][0][4:6]))
    first, second = (row[6][0] for row in pair)
    first[2:], second[2:] = second[2:], first[2:]
    only(judge(history), "order")


def test_two_messages_swapped_on_all_devices_of_one_side_are_out_of_order():
    """Its devices agree with each other; the history and the other side know better."""
    history = recorded()
    of_two = [batches(history, name) for name in ("1/desk", "1/phone")]
    rows = of_two[0]
    [a, b] = next([i, j] for i in range(len(rows)) for j in range(i + 1, len(rows))
                  if sorted(rows[i][6][0][4:6]) == sorted(rows[j][6][0][4:6]) == [1, 2])
    for rows in of_two:
        first, second = rows[a][6][0], rows[b][6][0]
        first[2:], second[2:] = second[2:], first[2:]
    only(judge(history), "order")


def test_two_devices_of_a_person_that_read_different_logs_are_found():
    """Messages of different dialogs change places: no dialog is out of order."""
    history = recorded()
    rows = batches(history, "1/desk")
    [a, b] = next([a, b] for a, b in zip(rows, rows[1:]) if sorted(a[6][0][4:6]) != sorted(b[6][0][4:6]))
    first, second = a[6][0], b[6][0]
    first[2:], second[2:] = second[2:], first[2:]
    only(judge(history), "order")


@pytest.mark.parametrize("column, value", [(3, "nobody's"), (4, 99), (6, "not what was said")])
def test_what_nobody_sent_is_unexpected(column, value):
    history = recorded()
    batches(history, "1/desk")[0][6][0][column] = value
    assert judge(history).unexpected == 1


def test_a_reply_to_another_question_is_a_hole():
    history = recorded()
    batches(history, "1/desk")[2][4] = "e-1000"
    assert judge(history).holes >= 1


def test_what_was_never_acknowledged_may_be_stored_or_not_but_must_be_whole():
    history = recorded()
    history.rows = [row for row in history.rows if not (row[0] == "ack" and row[1] == "client-8")]
    history.add("send", "client-999", 1, 2, "into the dark", 99.0)
    verdict = judge(history)
    only(verdict)
    assert (verdict.absent, verdict.recovered, verdict.acknowledged) == (1, 7, MESSAGES - 1)
    assert not verdict.good and "client-999" in verdict.complaints[0]


@pytest.mark.parametrize("began, ended, during", [(10.0, 20.0, 10), (MESSAGES + 1.0, MESSAGES + 9.0, 0)])
def test_a_fault_during_which_nothing_was_acknowledged_proves_nothing(began, ended, during):
    history = recorded()
    history.add("fault", began, ended)
    verdict = judge(history)
    only(verdict)
    assert (verdict.during, verdict.good) == (during, during > 0)


def test_late_messages_are_counted_and_the_worst_age_is_told():
    history = recorded()
    batches(history, "1/desk")[-1][2] += 7
    batches(history, "1/phone")[-1][2] += 8  # it pauses, so nobody can tell whose fault that is
    verdict = judge(history)
    assert verdict.good and verdict.stale == 1 and verdict.age_worst == pytest.approx(7.1)


def test_after_a_reset_the_history_fills_the_gap_and_the_log_may_repeat_what_it_showed():
    history = recorded()
    rows = batches(history, "1/desk")
    missed, seen_again = rows[5:-1], rows[-1]
    for row in missed:
        history.rows.remove(row)
    at = history.rows.index(seen_again)
    seen_again[3:6] = ["f-0", "f-0", "f-1"]
    seen_again[6][0][0] = 1
    known = [row[6][0][2:] for row in (*missed, seen_again)]
    history.rows[at:at] = [["reset", "1/desk", 90.0, "f-0"], ["history", "1/desk", 90.1, known]]
    verdict = judge(history)
    only(verdict)
    assert verdict.resets == 1
    history.rows[at + 1][3] = known[1:]
    only(judge(history), "lost")


def test_a_history_survives_the_file(tmp_path):
    history = recorded()
    history.save(tmp_path / "history.gz")
    assert History.load(tmp_path / "history.gz").rows == history.rows
