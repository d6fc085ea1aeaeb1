"""The whole apparatus, load and judge, notices a single falsified reply."""

import pytest

from chaos.checker import BAD
from chaos.faults import FAULTS
from chaos.round import play

CAUGHT = {"lose": {"lost", "holes"}, "repeat": {"duplicated", "holes"}, "swap": {"order"}}


@pytest.mark.parametrize("plant", CAUGHT)
def test_one_falsified_reply_is_caught(crowded_rig, plant):
    verdict, _ = play(crowded_rig, FAULTS["none"], seed=1, seconds=1, plant=plant, people=6, rate=120, patience=1)
    assert {kind for kind in BAD if getattr(verdict, kind)} >= CAUGHT[plant], verdict
    assert verdict.acknowledged == verdict.messages > 50
