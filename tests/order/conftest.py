import pytest

from perchtest.cluster import Cluster


@pytest.fixture(scope="session")
def cluster():
    with Cluster() as running:
        yield running


@pytest.fixture
def database(cluster):
    """A deployed database of the test's own: a plain reader must not see other tests' messages."""
    return cluster.database()
