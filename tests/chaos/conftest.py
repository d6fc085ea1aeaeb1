import pytest

from chaos.faults import database_proxy, false_clock, network_proxy
from chaos.rig import Rig
from perchtest.wire import descriptors_raise


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
