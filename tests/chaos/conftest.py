import pytest

from chaos.faults import database_proxy, false_clock, network_proxy
from chaos.rig import Rig
from perchtest.wire import descriptors_raise


SECONDS = pytest.StashKey()


def pytest_configure(config):
    config.stash[SECONDS] = []


@pytest.fixture
def seconds_of_faults(request):
    """How long each fault had; the sum is printed at the end."""
    return request.config.stash[SECONDS]


def pytest_terminal_summary(terminalreporter, config):
    seconds = config.stash[SECONDS]
    if seconds:
        terminalreporter.write_line(f"{len(seconds)} faults, {sum(seconds):.0f} s of them in all")


@pytest.fixture(scope="session")
def rig():
    descriptors_raise()
    with Rig() as running:
        yield running


@pytest.fixture(scope="session")
def crowded_rig():
    """One with everything beside perch-fcgi that any fault wants there: starting it again for each takes its time."""
    descriptors_raise()
    with Rig() as running, running.perch_with(database_proxy, false_clock, network_proxy):
        yield running
        running.close()  # nothing is put back
