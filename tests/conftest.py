"""Fixtures of all suites. Tests run in random order; pytest prints the seed (--random-order-seed repeats one)."""

import pytest

from perchtest import Instance


@pytest.fixture(scope="session")
def perch():
    """A complete instance with development limits, shared by the tests of this pytest-xdist worker.

    Leave it as you found it: make people of your own, stop and freeze services only of a perch_factory() one.
    """
    instance = Instance().start()
    yield instance
    instance.stop()


@pytest.fixture
def perch_factory():
    """A function that starts an instance of the test's own, e.g. perch_factory(RATE_SEND=2, WORKERS=1).

    The keywords are PERCH_* settings without the prefix; `build` and `port` are the instance's own. Everything
    stops with the test.
    """
    started = []

    def factory(**settings):
        instance = Instance(**settings)
        started.append(instance)
        return instance.start()

    yield factory
    failure = None
    for instance in reversed(started):
        try:
            instance.stop()
        except Exception as error:  # stop the others first
            failure = failure or error
    if failure:
        raise failure
