"""Real servers, the real notifier, and the stand-in for Telegram: who writes to whom, and what comes to the phones."""

import pytest

from botapi.standin import BotApi
from notifier.rig import World
from perchtest import Instance
from perchtest.notifier import NotifierProgram
from perchtest.presence import leases_believe, leases_settle


@pytest.fixture(scope="session")
def site():
    """An instance whose presence is believed from the beginning."""
    instance = Instance(RATE_SEND=100000, WORKERS=4).start()
    leases_believe(instance)
    leases_settle(instance)
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def botapi():
    with BotApi() as running:
        yield running


@pytest.fixture
def api(botapi):
    """The stand-in, where nothing is wrong any more. Chats of earlier tests are still there."""
    botapi.heal()
    botapi.limits()
    return botapi


@pytest.fixture
def notifier_of(site, api):
    """A function that starts a notifier with settings of the test's own; it ends with the test."""
    started = []

    def start(wait=True, **settings):
        started.append(NotifierProgram(site, api, **settings))
        return started[-1].start(wait)

    yield start
    for program in reversed(started):
        program.close()


@pytest.fixture
def notifier(notifier_of):
    return notifier_of()


@pytest.fixture
def world(site, api):
    """Where nothing waits any more: what an earlier test left would come when this one sets the clock ahead, and rests that
    Telegram asked for by such a clock would last for hours."""
    site.sql("DELETE FROM perch.outbox")
    site.sql("DELETE FROM perch.telegram_says")
    site.sql("UPDATE perch.telegram_links SET retry_at = NULL WHERE retry_at IS NOT NULL")
    site.sql("UPDATE perch.telegram_bot SET retry_at = NULL WHERE retry_at IS NOT NULL")
    return World(site, api)
