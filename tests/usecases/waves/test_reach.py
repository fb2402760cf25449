"""A wave says before it is announced whom it will reach and why not the others; what it says is what then happens."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from embedded import START, Embedded, about, journey
from waveparts import people, wave, with_dates

from workers.domain.records import Touchpoint
from workers.usecases.waves.reach import WaveReach

IN_A_WEEK = (START + timedelta(days=7)).date().isoformat()


def only(boucle: Embedded, sample: int | None = None) -> WaveReach:
    """Return the one wave that there is."""
    (reach,) = boucle.parts.reach.waves(sample)
    return reach


def test_a_listed_wave_says_whom_it_will_reach_and_why_not_the_others(
    install: Callable[..., Embedded], tmp_path: Path
) -> None:
    """Opted out, left, without an address, asked a moment ago, erased: each is counted under its reason, or not."""
    boucle = install(overrides=with_dates(tmp_path, f"{IN_A_WEEK};Spring"))
    people(boucle, 8)
    boucle.take(about("erased", "c0"), about("opted_out", "c1"), journey("churned", "c2"))
    boucle.take(journey("delivery", "c3", reference="order"), about("changed", "nobody", customer={"id": "nobody"}))
    boucle.settle()
    reach = only(boucle)
    assert (reach.id, reach.name, reach.state) == (IN_A_WEEK, "Spring", "listed")
    assert (reach.customers, reach.looked_at, reach.reached, reach.later) == (8, 8, 4, 0)
    assert reach.not_reached == {"opted_out": 1, "stopped: churned": 1, "no_address": 1, "resting": 1}
    assert reach.as_dict()["not_reached"] == 4
    assert not [touchpoint for touchpoint in boucle.rows(Touchpoint) if touchpoint.step == "wave"], (
        "nothing was written"
    )
    few = only(boucle, 3)
    assert few.looked_at <= 3 < few.customers


@pytest.mark.parametrize("seed", range(4))
def test_what_is_told_of_a_wave_is_what_happens(install: Callable[..., Embedded], tmp_path: Path, seed: int) -> None:
    """Whatever customers bought and got before: told a week ahead, then played, reason by reason."""
    chance = random.Random(seed)
    boucle = install(overrides=with_dates(tmp_path, f"{IN_A_WEEK};Spring"))
    people(boucle, 12)
    for day in sorted(chance.sample(range(1, 120), 10), reverse=True):
        boucle.clock.at = START - timedelta(days=day)
        who, reference = f"c{chance.randrange(12)}", f"order-{day}"
        name = chance.choice(("purchase", "delivery", "interaction_ended", "complaint_opened", "complaint_closed"))
        more = {"delivery_expected": chance.random() < 0.5} if name == "purchase" else {}
        boucle.take(journey(name, who, boucle.clock.at, reference=reference, **more))
        boucle.settle()
    boucle.clock.at = START
    boucle.settle()
    reach = only(boucle)
    for _ in range(30):
        boucle.later(days=1)
    became = only(boucle)
    assert became.state == "done"
    assert (became.reached, dict(became.not_reached)) == (reach.reached, dict(reach.not_reached))
    assert reach.reached + sum(reach.not_reached.values()) == reach.looked_at == 12


def test_two_customers_of_one_mailbox_count_once(boucle: Embedded) -> None:
    """As it will be: the second rests with the first."""
    for who in ("a", "b"):
        boucle.take(about("changed", who, customer={"id": who, "email": "both@example.org"}))
    boucle.take(wave("spring"))
    reach = only(boucle)
    assert (reach.reached, reach.not_reached) == (1, {"same_mailbox": 1})
    boucle.settle()
    assert (only(boucle).reached, only(boucle).not_reached) == (1, {"same_mailbox": 1})


def test_a_wave_that_was_announced_by_an_event_is_told_too(boucle: Embedded) -> None:
    """Before it comes to anybody it is played, afterwards counted."""
    people(boucle, 3)
    boucle.take(wave("spring"))
    assert (only(boucle).state, only(boucle).reached) == ("announced", 3)
    boucle.settle()
    assert (only(boucle).state, only(boucle).reached) == ("done", 3)
    states = Counter(str(touchpoint.state) for touchpoint in boucle.rows(Touchpoint) if touchpoint.step == "wave")
    assert states == {"asked": 3}
