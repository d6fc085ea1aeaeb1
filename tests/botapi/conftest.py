import pytest

from botapi.standin import BotApi


@pytest.fixture(scope="session")
def process():
    with BotApi() as running:
        yield running


@pytest.fixture
def api(process):
    """The stand-in, as after its start. Do not end it."""
    process.reset()
    return process


@pytest.fixture
def alice(api):
    """Somebody who pressed Start; the bot was told."""
    phone = api.phone("Alice", last_name="Ames", username="alice_a")
    phone.start()
    [update] = api.bot("getUpdates")["result"]
    api.bot("getUpdates", offset=update["update_id"] + 1)
    return phone
