"""What the chaos found about the way between nginx and perch-fcgi."""

import asyncio
import time

import pytest

from chaos.faults import network_proxy
from perchtest.crowd import crowd
from perchtest.wire import GONE, Wire


def test_a_reply_that_was_cut_off_is_known_at_once(crowded_rig):
    """As when a worker is killed while it writes: a browser must not wait for the rest until it loses patience."""
    async def scenario():
        [alice] = crowd(crowded_rig.instance, 1)
        async with Wire(crowded_rig, alice) as wire:
            assert (await wire.request("GET", "/users?limit=100")).status == 200
            crowded_rig.beside[network_proxy].tell("trouble", 1, "cut")
            began = time.monotonic()
            try:
                with pytest.raises(GONE):
                    await asyncio.wait_for(wire.request("GET", "/users?limit=100"), 10)
            finally:
                crowded_rig.beside[network_proxy].tell("calm")
            assert time.monotonic() - began < 2

    crowd(crowded_rig.instance, 50)
    asyncio.run(scenario())
