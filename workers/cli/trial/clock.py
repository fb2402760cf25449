"""The verbs `clock show | set | advance | confirm`: business time of a trial, and a clock that leapt."""

from datetime import UTC, datetime

import click

from workers.adapters.clock import StoredClock
from workers.app import Boucle
from workers.calendar import add_wait, parse_wait
from workers.cli.shared import as_json, open_boucle, say_fault, show, user_name
from workers.errors import BadInput, Misconfigured
from workers.store.connection import Connection
from workers.store.controls import confirm_clock
from workers.store.sign_in.audit_log import record_act

UTC_ZONE = "UTC"
"""Days of a trial have 24 hours: who moves a clock counts on the sum, whatever clocks on walls do meanwhile."""
RUNS_ON_SYSTEM_TIME = (
    "This installation runs on the machine's time, which no verb moves. For a trial, begin in a HOME of its own with "
    "BOUCLE_CLOCK=stored; a demo has a stored clock already."
)


@click.group(name="clock")
def clock_group() -> None:
    """Business time of a trial; a real installation runs on the machine's time."""


@clock_group.command(name="show")
@as_json
def show_(form: str) -> None:
    """Show business time, and whether it stands still, goes on, or is the machine's."""
    tell(open_boucle(), form)


@clock_group.command(name="set")
@click.argument("instant")
@click.option("--ticking/--standing", default=None, help="Whether it goes on from there; else as before, at first not.")
@as_json
def set_(instant: str, ticking: bool | None, form: str) -> None:
    """Set business time to INSTANT, such as 2026-03-03T09:00:00+01:00."""
    boucle = open_boucle()
    move(boucle, instant_in(instant), ticking)
    tell(boucle, form)


@clock_group.command(name="advance")
@click.argument("duration")
@as_json
def advance(duration: str, form: str) -> None:
    """Move business time on by DURATION, such as P1D (24 hours), PT4H or "2 weeks"; roles do what comes due."""
    boucle = open_boucle()
    stored = stored_clock(boucle)
    move(boucle, add_wait(stored.now(), parse_wait(duration), UTC_ZONE), None)
    tell(boucle, form)


@clock_group.command(name="confirm")
@as_json
def confirm_(form: str) -> None:
    """Confirm a clock that leapt (by more than a day, or backwards): roles ask and give up by it again."""
    boucle = open_boucle()
    now, by = boucle.now(), user_name()

    def work(connection: Connection) -> None:
        confirm_clock(connection, now, by)
        record_act(connection, now, by, "clock.confirm", now.isoformat())

    boucle.store.write(work)
    tell(boucle, form)


def instant_in(text: str) -> datetime:
    """Return the instant of an ISO 8601 text with its offset; raises BadInput."""
    example = "write it with its offset, such as 2026-03-03T09:00:00Z or 2026-03-03T09:00:00+01:00."
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInput(f"{text!r} is not an instant: {example}") from error
    if at.tzinfo is None:
        raise BadInput(f"{text!r} does not say in which zone: {example}")
    return at.astimezone(UTC)


def stored_clock(boucle: Boucle) -> StoredClock:
    """Return the stored clock; raises Misconfigured where business time is the machine's."""
    if not isinstance(boucle.clock, StoredClock):
        raise Misconfigured([RUNS_ON_SYSTEM_TIME])
    return boucle.clock


def move(boucle: Boucle, at: datetime, ticking: bool | None) -> None:
    """Move business time and record who did; going back is allowed in a trial, and told."""
    stored = stored_clock(boucle)
    before = stored.now()
    goes_on = stored.is_ticking() if ticking is None else ticking
    if stored.is_set() and at < before:
        say_fault(f"note: time goes back from {before.isoformat()}; what has happened since stays as it is.")
    stored.set(at, ticking=goes_on)
    by = user_name()

    def work(connection: Connection) -> None:
        record_act(connection, at, by, "clock.set", at.isoformat())

    boucle.store.write(work)


def tell(boucle: Boucle, form: str) -> None:
    """Print business time."""
    stored = isinstance(boucle.clock, StoredClock)
    is_set = isinstance(boucle.clock, StoredClock) and boucle.clock.is_set()
    ticking = not is_set or (isinstance(boucle.clock, StoredClock) and boucle.clock.is_ticking())
    at = boucle.now()
    how = "goes on from there" if ticking else "stands still"
    if not is_set:
        how = "the machine's time until it is set" if stored else "the machine's time"
    show({"at": at.isoformat(), "stored": stored, "ticking": ticking}, f"{at.isoformat()}  ({how})", form)


COMMANDS = (clock_group,)
