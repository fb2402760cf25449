"""`python -m bench.day`: a day with a morning peak: how far each queue falls behind, and when it is caught up.

Events come by the minute along a day's curve, and the real intake, waker and sender take them on parts of one machine
(SQLite and a local mailbox; `--database` names a PostgreSQL instead). The clock is moved, and nothing waits: a sample
of the day's events is played, and each role may use as much of a processor for it as its processes would have for the
whole day, multiplied by the sample's share. What a role could not do in its time waits for the next tick, as it would.
Time that a role does not need is lost to it.

On PostgreSQL, whose work is another process's, the wall clock counts: on a busy machine the figures are too high. A
sample comes in small batches, and each event costs the more, on PostgreSQL most of all: play many events (`--sample`).
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from bench.orders import event
from workers import app as wiring
from workers import settings as settings_module
from workers.adapters.clock import FixedClock
from workers.domain.types import Ingress
from workers.store import due
from workers.store.ledger import Incoming
from workers.usecases.delivery.send_controls import Sending
from workers.usecases.operation.migrate import migrate

ZONE = "Europe/Paris"
DAY = datetime(2026, 3, 3, tzinfo=ZoneInfo(ZONE))
"""A Tuesday without a holiday, and without a change of the clock."""
SHARES = (9, 6, 4, 3, 3, 4, 8, 20, 46, 74, 82, 74, 62, 60, 62, 60, 57, 56, 58, 64, 74, 70, 46, 20)
"""Events of each hour, in parts of all: little at night, a peak before noon, and a second one in the evening.

The form of the curves that shops publish of their orders; put your own here, or `--peak` to make the first peak higher.
"""
TICK = timedelta(minutes=5)
AT_MOST = timedelta(hours=36)
BATCH = 500
WARM_UP_BEFORE, WARM_UP_EVENTS = timedelta(hours=13), 20
"""The day before at eleven, when mails leave."""
IN_SHOP, DELIVERED = 0.3, 0.4
"""Shares of the events: a purchase that is asked about now, and a delivery; the others will be delivered."""
EVERYTHING = Sending(blocked="", held="", per_day=0, per_second=0, only_to=frozenset(), redirect="")
ROLES = ("intake", "waking", "sending")
WAITS = {"intake": "events", "waking": "touchpoints", "sending": "mails"}
"""What waits for each role."""


@dataclass(slots=True)
class Hour:
    """One hour of the day: what came, the most that waited for each role at the end of a tick, and for how long."""

    hour: int
    arrived: int = 0
    waiting: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 0))
    behind_minutes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 0))
    busy: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ROLES, 0.0))
    """The share of its time that each role was at work."""


@dataclass(slots=True)
class Role:
    """One kind of process: the time it still has, and what it did with it."""

    work: Callable[[], int]
    """Does some of what waits and returns how much; 0 when there is nothing."""
    seconds_left: float = 0.0
    seconds_used: float = 0.0
    done: int = 0

    def go_on(self, seconds: float, clock: Callable[[], float]) -> float:
        """Work for so long at most, less what an earlier tick used too much; return how much of the time it was busy.

        A look that finds nothing costs nothing here: a process looks when it has nothing else to do.
        """
        self.seconds_left += seconds
        while self.seconds_left > 0:
            began = clock()
            done = self.work()
            if not done:
                idle, self.seconds_left = self.seconds_left, 0.0
                return seconds - idle
            took = clock() - began
            self.seconds_left -= took
            self.seconds_used += took
            self.done += done
        return seconds


def arrivals(count: int, peak: float, seed: int) -> list[tuple[datetime, bytes]]:
    """Return the sampled events of the day in the order of their instants."""
    draw = Random(seed)
    weights = [share * (peak if 8 <= hour <= 11 else 1.0) for hour, share in enumerate(SHARES)]
    hours = draw.choices(range(24), cum_weights=list(accumulate(weights)), k=count)
    instants = sorted(DAY + timedelta(seconds=hour * 3600 + draw.randrange(3600)) for hour in hours)
    return [(at.astimezone(UTC), event_at(number, at.astimezone(UTC), draw)) for number, at in enumerate(instants)]


def event_at(number: int, at: datetime, draw: Random) -> bytes:
    """Return one event of a customer; some customers come more than once."""
    crm_id = f"C-{draw.randrange(number * 3 // 4 + 1):07}"
    kind = draw.random()
    reference = f"{crm_id}/{number}"
    if kind < DELIVERED:
        return event("delivery", crm_id, ZONE, at, reference)
    return event("purchase", crm_id, ZONE, at, reference, delivery_expected=kind > DELIVERED + IN_SHOP)


class SimulatedDay:
    """The parts of an installation under a clock that is moved, and the roles that work on them."""

    def __init__(self, parts: wiring.Boucle, clock: FixedClock, runner: asyncio.Runner) -> None:
        self._parts = parts
        self._clock = clock
        self._inbox: deque[tuple[datetime, bytes]] = deque()
        delivery = parts.outgoing.delivery()
        self.roles = {
            "intake": Role(self._take_in),
            "waking": Role(parts.scheduler.wake_some),
            "sending": Role(lambda: runner.run(delivery.send_some())),
        }

    def _take_in(self) -> int:
        batch = [self._inbox.popleft() for _ in range(min(BATCH, len(self._inbox)))]
        if batch:
            self._parts.intake.take([Incoming(body) for _, body in batch], Ingress.KAFKA)
        return len(batch)

    def warm_up(self) -> None:
        """Let every role work once on the day before: what its first work takes is no part of the day."""
        self._clock.at = (DAY - WARM_UP_BEFORE).astimezone(UTC)
        for number in range(WARM_UP_EVENTS):
            crm_id = f"W-{number}"
            body = event("purchase", crm_id, ZONE, self._clock.at, crm_id, delivery_expected=False)
            self._inbox.append((self._clock.at, body))
        for role in self.roles.values():
            while role.work():
                pass

    def run(
        self, events: Sequence[tuple[datetime, bytes]], seconds: dict[str, float], clock: Callable[[], float]
    ) -> Iterator[Hour]:
        """Play the day, and give each hour when it is over, until nothing waits; `seconds` are a role's for a tick."""
        coming = deque(events)
        now, hour = DAY, Hour(0)
        while now < DAY + AT_MOST:
            now += TICK
            self._clock.at = now.astimezone(UTC)
            while coming and coming[0][0] <= self._clock.at:
                self._inbox.append(coming.popleft())
                hour.arrived += 1
            for name, role in self.roles.items():
                busy = role.go_on(seconds[name], clock)
                hour.busy[name] += busy / (seconds[name] * (timedelta(hours=1) / TICK))
            waiting = self._waiting()
            for name, (count, since) in waiting.items():
                hour.waiting[name] = max(hour.waiting[name], count)
                behind = int((self._clock.at - since) / timedelta(minutes=1)) if since else 0
                hour.behind_minutes[name] = max(hour.behind_minutes[name], behind)
            if now.minute == 0:
                yield hour
                if not coming and not any(count for count, _ in waiting.values()):
                    return
                hour = Hour(hour.hour + 1)

    def _waiting(self) -> dict[str, tuple[int, datetime | None]]:
        """Return how much waits for each role, and since when."""
        counts: dict[str, tuple[int, datetime | None]] = dict.fromkeys(ROLES, (0, None))
        if self._inbox:
            counts["intake"] = (len(self._inbox), self._inbox[0][0])
        with self._parts.store.reading() as connection:
            for kind, count, first in due.count_due(connection, self._clock.at):
                name = "sending" if kind == "dispatches" else "waking"
                before, since = counts[name]
                counts[name] = (before + count, min(filter(None, (since, first)), default=None))
        return counts


def play(arguments: argparse.Namespace) -> dict[str, object]:
    """Play the day and return its hours, with what each role did and used."""
    share = arguments.sample / arguments.a_day
    processes = {name: getattr(arguments, name) for name in ROLES}
    seconds = {name: TICK.total_seconds() * processes[name] * share for name in ROLES}
    with tempfile.TemporaryDirectory(prefix="boucle-day-") as home, ExitStack() as stack:
        environment = {"BOUCLE_HOME": str(Path(home) / "home"), "BOUCLE_SECRET": "bench"}
        if arguments.database:
            environment["BOUCLE_DATABASE_URL"] = arguments.database
        settings = settings_module.read(environment)
        store = wiring.Boucle(settings).store
        migrate(store)
        store.close()
        clock = FixedClock(DAY.astimezone(UTC))
        parts = wiring.start(settings, clock=clock, sending=EVERYTHING)
        stack.callback(parts.store.close)
        runner = stack.enter_context(asyncio.Runner())
        day = SimulatedDay(parts, clock, runner)
        day.warm_up()
        # A server's work is no processor time of ours: on PostgreSQL the wall clock counts.
        meter = time.process_time if parts.store.sqlite else time.perf_counter
        events = arrivals(arguments.sample, arguments.peak, arguments.seed)
        hours = list(day.run(events, seconds, meter))
        roles = {
            name: {
                "done": role.done,
                "seconds": role.seconds_used,
                "per_second": role.done / max(role.seconds_used, 1e-9),
            }
            for name, role in day.roles.items()
        }
    return {
        "a_day": arguments.a_day,
        "sample": arguments.sample,
        "processes": processes,
        "busiest_hour_per_second": max(hour.arrived for hour in hours) / share / 3600,
        "hours": [asdict(hour) for hour in hours],
        "roles": roles,
        "caught_up": {name: caught_up(hours, name) for name in ROLES},
    }


def caught_up(hours: Sequence[Hour], role: str) -> int | None:
    """Return the hour of the day after which a role was never more than half an hour behind; None if it always was."""
    late = [hour.hour for hour in hours if hour.behind_minutes[role] > 30]
    if late and late[-1] == hours[-1].hour:
        return None
    return late[-1] + 1 if late else 0


def clock_of(hour: int) -> str:
    """Return an hour counted from the day's beginning as a clock shows it."""
    return f"{hour:02}:00" if hour < 24 else f"{hour - 24:02}:00 of the next day"


def as_text(day: dict[str, object]) -> str:
    """Return the day for a terminal."""
    share = day["sample"] / day["a_day"]  # type: ignore[operator]
    processes = ", ".join(f"{name} {count}" for name, count in day["processes"].items())  # type: ignore[attr-defined]
    busiest = f"{day['busiest_hour_per_second']:.0f}/s in the busiest hour"
    lines = [
        f"{day['a_day']:,} events a day, {busiest}; played {day['sample']:,}; processes: {processes}",
        "",
        f"{'hour':>5}{'events/s':>10}"
        + "".join(f"{WAITS[name] + ' waiting':>22}{'min':>6}{'busy':>6}" for name in ROLES),
    ]
    for hour in day["hours"]:  # type: ignore[attr-defined]
        cells = "".join(
            f"{hour['waiting'][name] / share:>22,.0f}{hour['behind_minutes'][name]:>6}{hour['busy'][name]:>6.0%}"
            for name in ROLES
        )
        lines.append(f"{hour['hour']:>5}{hour['arrived'] / share / 3600:>10.1f}{cells}")
    lines.append("")
    for name in ROLES:
        role, end = day["roles"][name], day["caught_up"][name]  # type: ignore[index]
        when = (
            "never more than 30 minutes behind"
            if end == 0
            else f"caught up by {clock_of(end)}"
            if end
            else "not caught up"
        )
        lines.append(f"{name:8} {role['done']:>8} done, {role['per_second']:>8,.0f}/s while at work; {when}")
    return "\n".join(lines)


def options() -> argparse.ArgumentParser:
    """Return what may be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.day", description=__doc__)
    parser.add_argument("--a-day", type=int, default=5_000_000, help="events of the whole day")
    parser.add_argument("--sample", type=int, default=8_000, help="how many of them are played")
    parser.add_argument("--peak", type=float, default=1.0, help="how much higher the peak of the morning is")
    parser.add_argument("--seed", type=int, default=1)
    for name in ROLES:
        parser.add_argument(f"--{name}", type=int, default=1, help=f"processes for {name}")
    parser.add_argument("--database", default="", help="an empty PostgreSQL; unset: SQLite in a folder")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Play, print, and fail where a role does not catch up."""
    parser = options()
    arguments = parser.parse_args(words)
    if not 0 < arguments.sample <= arguments.a_day:
        parser.error("--sample is a part of --a-day")
    day = play(arguments)
    print(json.dumps(day) if arguments.format == "json" else as_text(day))
    ends = day["caught_up"]
    assert isinstance(ends, dict)
    return 0 if all(end is not None for end in ends.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
