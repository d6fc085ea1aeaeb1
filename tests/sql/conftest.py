import pytest

from perchtest.cluster import Cluster


@pytest.fixture(scope="session")
def cluster():
    with Cluster() as running:
        yield running


@pytest.fixture(scope="session")
def database(cluster):
    """One deployed database that tests share, each with people of its own."""
    return cluster.database()
