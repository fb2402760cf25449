"""The verb `waves show`: whom the waves to come will reach, before they are announced, and what became of the last."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from workers.cli.shared import as_json, open_boucle, show

if TYPE_CHECKING:
    from workers.usecases.waves.reach import WaveReach

STATES = {
    "listed": "stands in waves.csv, and can be taken back",
    "announced": "is announced, and begins when its time has come",
    "spreading": "has begun, and has not come to everybody yet",
    "done": "has come to everybody",
}


@click.group(name="waves")
def waves_group() -> None:
    """Waves: the days on which all customers are asked."""


@waves_group.command(name="show")
@click.option("--sample", type=click.IntRange(min=1), help="Play so many customers only, and say how many of them.")
@as_json
def show_(sample: int | None, form: str) -> None:
    """Say of each wave how many people it will reach, and why not the others, before it is announced."""
    boucle = open_boucle()
    zone = boucle.policies.current().zone
    waves = boucle.reach.waves(sample)
    text = "\n".join(line for wave in waves for line in lines(wave, zone))
    show([wave.as_dict() for wave in waves], text or NONE, form)


NONE = "No wave is listed: write a date and a name into rules/journey-plan/waves.csv, or publish a wave event."


def lines(wave: "WaveReach", zone: str) -> Iterator[str]:
    """Give the lines about one wave: when it comes, whom it reaches, why not the others."""
    from workers.calendar import in_zone
    from workers.domain.explain import clause

    name = f" ({wave.name})" if wave.name and wave.name != wave.id else ""
    yield f"{in_zone(wave.at, zone):%Y-%m-%d %H:%M}  wave {wave.id}{name} {STATES[wave.state]}"
    verb = "reached" if wave.state in ("spreading", "done") else "will reach"
    of = (
        f"{wave.looked_at}" if wave.looked_at == wave.customers else f"{wave.looked_at} looked at, of {wave.customers},"
    )
    later = f", {wave.later} of them later because they rest first" if wave.later else ""
    yield f"    {verb} {wave.reached} of {of} customers{later}"
    if wave.support_days is not None:
        yield f"    its answers keep support busy for {wave.support_days} working days: it may wait for room"
    for reason, count in sorted(wave.not_reached.items(), key=lambda item: (-item[1], item[0])):
        yield f"    not {count}: {clause(reason, {})}"


COMMANDS = (waves_group,)
