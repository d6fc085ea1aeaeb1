"""One round: people begin to talk, one fault has its time, everything is healed, everybody reads to the end, and the judge
looks at what was recorded."""

import asyncio
import time

from chaos.checker import judge
from chaos.faults import begin, network_proxy
from chaos.load import Load

WARM_UP_ACKS = 20
PROGRESS_S = 5


async def talk(rig, which, *, seed, seconds, say, plant, **size):
    """(history, figures of the round)"""
    load = Load(rig, seed=f"{seed} {which.name}", **size)
    await load.start()
    while load.acks < WARM_UP_ACKS:
        load.raise_failures()
        await asyncio.sleep(0.01)
    acks, deliveries = load.acks, load.deliveries
    began, cpu = time.monotonic(), time.process_time()
    if plant:
        rig.beside[network_proxy].tell("plant", plant)
    thread, over = begin(which, rig, seed, seconds)
    told = began
    try:
        while thread.is_alive():
            load.raise_failures()
            await asyncio.sleep(0.05)
            if time.monotonic() - told >= PROGRESS_S:
                told = time.monotonic()
                say(f"    {told - began:3.0f} s: {load.acks} acknowledged, {load.deliveries} delivered, "
                    f"{load.failed} attempts failed")
    finally:
        over.early.set()
        await asyncio.to_thread(thread.join)
    if thread.error:
        raise thread.error
    took, used = time.monotonic() - began, time.process_time() - cpu
    load.history.add("fault", began, began + took)
    await asyncio.to_thread(rig.heal)
    healed = time.monotonic()
    history = await load.finish()
    return history, {
        "seconds": round(took, 1), "acks_per_second": round((load.acks - acks) / took, 1),
        "deliveries_per_second": round((load.deliveries - deliveries) / took, 1), "load_cpu": round(used / took, 2),
        "healed_after": round(healed - began - took, 2), "read_out_after": round(time.monotonic() - healed, 2),
    }


def play(rig, which, *, seed, seconds, say=lambda text: None, keep=None, plant=None, **size):
    """(verdict, figures). `keep`: a file for the history, if it is bad; `plant`: a lie that the proxy is to tell;
    `size`: people and rate of the load."""
    with which.setting(rig) as used:
        used.heal()
        history, figures = asyncio.run(talk(used, which, seed=seed, seconds=seconds, say=say, plant=plant, **size))
    verdict = judge(history)
    if keep and not verdict.good:
        history.save(keep)
        figures["history"] = str(keep)
    return verdict, figures
