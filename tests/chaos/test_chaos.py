"""A short chaos run as part of the suite: sixty rounds on one process; `make chaos` plays the long ones."""

from pathlib import Path
from types import MappingProxyType

import pytest
from ground import LINES, EmbeddedGround
from run_chaos import Options, play

SEED = 11
ROUNDS = 60


class ShortGround(EmbeddedGround):
    """With few restarts, which cost the most."""

    WEIGHTS = MappingProxyType({**LINES, "kill": 2, "stop": 1, "freeze": 1, "locked": 2, "full": 2})
    LONG = ("mail_killed",)


@pytest.mark.timeout(900)  # some two minutes, most of it waiting; the runs' own limits are shorter
def test_sixty_rounds_lose_nothing_and_invent_nothing(tmp_path: Path) -> None:
    """Nothing is lost, invented, or there twice; second copies have their excuse; a long fault is told."""
    differences = play(ShortGround, tmp_path / "home", Options(ROUNDS, SEED, long_every=ROUNDS, a_wave=30, people=2))
    assert differences.is_good(), f"seed {SEED}\n{differences.text()}"
    assert differences.figures.rounds == ROUNDS
