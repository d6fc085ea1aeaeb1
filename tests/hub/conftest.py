import pytest

from hub.tree import Tree
from perchtest import Instance, wait_for
from perchtest.wire import descriptors_raise


@pytest.fixture(scope="session", autouse=True)
def descriptors():
    descriptors_raise()


@pytest.fixture(scope="session")
def pool():
    """An instance with a pool of four workers, shared by tests that leave its processes alone."""
    instance = Instance(WORKERS=4, AUTH_WORKERS=1).start()
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def tough_instance():
    instance = Instance(WORKERS=4, AUTH_WORKERS=1).start()
    yield instance
    instance.stop()


@pytest.fixture
def tough(tough_instance):
    """An instance whose children the tests may kill; each finds it whole."""
    tree = Tree(tough_instance)
    wait_for(lambda: len(tree.pids("worker")) == 4 and len(tree.pids("hub")) == 1 and tough_instance.ready(), 20,
             "the pool to be whole")
    return tough_instance
