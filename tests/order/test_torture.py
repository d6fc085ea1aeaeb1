"""Every event exactly once, in order, without holes, whatever commits when; and proof that this test can fail."""

import pytest

from order.torture import NaiveWriter, PlainReader, faults, torture


@pytest.mark.slow
def test_each_event_comes_exactly_once_and_in_order(database):
    people = database.people(8)
    ledger, readers = torture(database, people=people, messages=10_000, seed=7)
    assert len(ledger.committed) == 10_000
    assert len(ledger.rolled_back) > 1_000
    assert faults(database, ledger, readers) == []
    # The readers saw the whole log as it stands, every type of event.
    for reader in readers:
        log = database.rows("SELECT seq, type::text FROM perch.events WHERE user_id = %s ORDER BY seq", [reader.user])
        assert reader.events == log
        assert {kind for _, kind in log} >= {"message.new", "message.edited", "dialog.read", "peer.read"}
    # And they did read while the others wrote.
    assert min(reader.polls for reader in readers) > 100


def test_a_plain_reader_of_naive_writers_loses_messages(database):
    """The negative control: numbers from a sequence, `id > last` for each person."""
    people = database.people(8)
    ledger, readers = torture(database, people=people, messages=1_600, seed=8, writer=NaiveWriter, reader=PlainReader,
                              role="postgres")
    assert len(ledger.committed) == 1_600
    wrong = faults(database, ledger, readers)
    assert len([fault for fault in wrong if fault.endswith("lost")]) >= 10, wrong


def test_a_plain_reader_of_everybodys_messages_loses_some_even_so(database):
    """A negative control with perch's own writers: only a person's log is in commit order, message ids are not."""
    people = database.people(8)
    ledger, readers = torture(database, people=people, messages=1_600, seed=9, reader=PlainReader, readers=[None])
    wrong = faults(database, ledger, readers)
    assert len([fault for fault in wrong if fault.endswith("lost")]) >= 5, wrong


def test_the_checker_is_silent_about_the_same_small_run(database):
    """What the negative controls differ from in nothing but the reader."""
    people = database.people(8)
    ledger, readers = torture(database, people=people, messages=1_600, seed=9)
    assert faults(database, ledger, readers) == []
