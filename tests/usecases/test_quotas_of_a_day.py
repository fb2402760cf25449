"""A question that the plan asks of so many customers a day: never of more, told to everybody else, and by groups."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from embedded import START, Embedded, journey
from ownrules import plan_files, write_plan
from test_scheduler import side_by_side
from waveparts import people

from workers.domain.records import Customer, SurveyRequest, Touchpoint
from workers.domain.reporting import Filters
from workers.domain.types import Reason
from workers.store import tables as t
from workers.store.survey.queue import TOUCHPOINT, Chosen
from workers.store.survey.quotas import ASKED_TODAY
from workers.usecases.operation import inquiry, status
from workers.usecases.queue_control import QueueControl
from workers.usecases.report import funnel

STEP = "delivery-now"
FULL, ASKED, PLANNED = ("skipped", "quota_full"), ("asked", ""), ("planned", "")
Install = Callable[..., Embedded]


def a_day(folder: Path, quota: str, *rules: str) -> str:
    """Return the folder of a plan that asks so many customers a day after a delivery, or by other rows."""
    return str(write_plan(folder / "own", ["at most a day: text"], {rule: [quota] for rule in rules or ("J2",)}))


def deliver(boucle: Embedded, customers: range) -> None:
    """Take in a delivery of each customer, and let what is due be taken up."""
    boucle.take(*(journey("delivery", str(n), boucle.clock.at, reference=f"order-{n}") for n in customers))
    boucle.settle()


def states(boucle: Embedded, step: str = STEP) -> Counter[tuple[str, str]]:
    """Count the touchpoints of one name by state and reason."""
    return Counter((str(row.state), str(row.reason)) for row in boucle.rows(Touchpoint) if row.step == step)


def test_so_many_are_asked_on_a_day_and_the_others_are_told_why(
    install: Install, database: dict[str, str], tmp_path: Path
) -> None:
    """The next day has a number of its own; everything twice, and a restart, change nothing; the books add up."""
    boucle = install(overrides=a_day(tmp_path, "5"), **database)
    deliver(boucle, range(12))
    assert states(boucle) == {ASKED: 5, FULL: 7}
    deliver(boucle, range(12))
    boucle.later(hours=1)
    deliver(boucle, range(12, 14))
    assert states(boucle) == {ASKED: 5, FULL: 9}
    boucle.clock.at += timedelta(days=1)
    deliver(boucle, range(14, 17))
    assert states(boucle) == {ASKED: 8, FULL: 9}
    assert told(boucle, {FULL}) == {
        "Skipped: the plan asks so many customers a day at this moment (5), and as many had been asked that day."
    }
    with boucle.store.reading() as connection:
        assert [line for line in status.read_books(connection).sums() if not line["ok"]] == []
        left_out = funnel.not_asked(connection, Filters())
    assert {(group["code"], group["n"]) for group in left_out} >= {("quota_full", 9)}
    outlook = QueueControl(
        boucle.store, boucle.parts.policies.current, boucle.clock.now, boucle.parts.sending
    ).outlook()
    assert outlook.quotas == [(STEP, "5", 3)]
    assert (STEP, "skipped", "quota_full", 9) in outlook.left_out


def queue_of(boucle: Embedded) -> QueueControl:
    """Return what the queue page shows and steers by."""
    return QueueControl(boucle.store, boucle.parts.policies.current, boucle.clock.now, boucle.parts.sending)


def told(boucle: Embedded, wanted: set[tuple[str, str]]) -> set[str]:
    """Return what explain says of the touchpoints in some states."""
    with boucle.store.reading() as connection:
        policy, now = boucle.parts.policies.current(), boucle.clock.now()
        people = [str(row.crm_id) for row in boucle.rows(Customer)]
        stories = [inquiry.explain(connection, "customer", who, now, policy) for who in people]
    entries = [entry for story in cast("list[dict[str, Any]]", stories) for entry in story["touchpoints"]]
    return {entry["reason"] for entry in entries if (entry["state"], entry["code"]) in wanted}


def test_each_group_has_a_number_of_its_own(install: Install, database: dict[str, str], tmp_path: Path) -> None:
    """Twenty from the north do not take the place of the one from the south, nor of those nobody knows a segment of."""
    boucle = install(overrides=a_day(tmp_path, "3 by segment"), **database)
    segments = {n: "north" if n < 20 else "south" if n < 21 else "" for n in range(25)}
    for n, name in segments.items():
        delivery = journey("delivery", str(n), START, reference=f"order-{n}")
        delivery["data"]["customer"] |= {"segment": name} if name else {}
        boucle.take(delivery)
    boucle.settle()
    crm = {row.id: segments[int(row.crm_id or 0)] for row in boucle.rows(Customer)}
    asked = Counter(crm[request.customer] for request in boucle.rows(SurveyRequest))
    assert asked == {"north": 3, "south": 1, "": 3}
    with boucle.store.reading() as connection:
        kept = connection.execute(sa.select(t.control.c.name).where(t.control.c.name.startswith(ASKED_TODAY))).scalars()
        assert not any("north" in name or "south" in name for name in kept)


def test_what_a_person_sends_now_is_counted_and_not_refused(install: Install, tmp_path: Path) -> None:
    """Three are sent by hand on a day whose room for one is taken."""
    boucle = install(overrides=a_day(tmp_path, "1", "J3"))
    deliver(boucle, range(1))
    boucle.clock.at += timedelta(days=6)
    deliver(boucle, range(1, 4))
    boucle.clock.at += timedelta(days=36)
    boucle.settle()
    assert states(boucle, "delivery-6w") == {ASKED: 1, PLANNED: 3}
    waiting = {sentence for code in Reason for sentence in told(boucle, {("planned", code.value)})}
    assert waiting
    assert all("at most so many customers a day are asked this: 1" in sentence for sentence in waiting)
    queue = queue_of(boucle)
    for row in [row for row in boucle.rows(Touchpoint) if row.step == "delivery-6w" and row.due_at > boucle.clock.at]:
        assert queue.send_now(Chosen(TOUCHPOINT, row.step, key=row.journey), "Nadia") == 1
    boucle.settle()
    assert states(boucle, "delivery-6w") == {ASKED: 4}
    assert queue.outlook().quotas == [("delivery-6w", "1", 4)]


def test_a_rule_that_is_new_at_noon_counts_what_was_asked_before(install: Install, tmp_path: Path) -> None:
    """Nobody is asked beyond the day's number because the table was edited in between."""
    own = write_plan(tmp_path / "own", ["at most a day: text"], {})
    boucle = install(overrides=str(own))
    deliver(boucle, range(4))
    for name, body in plan_files(["at most a day: text"], {"J2": ["5"]}).items():
        (own / "rules" / "journey-plan" / name).write_bytes(body)
    assert boucle.parts.look_at_rules()
    deliver(boucle, range(4, 10))
    assert states(boucle) == {ASKED: 5, FULL: 5}


def test_wakers_at_once_ask_no_more_than_the_day_has(install: Install, postgres: str, tmp_path: Path) -> None:
    """Four wakers on PostgreSQL, forty customers, room for seven."""
    boucle = install(overrides=a_day(tmp_path, "7"), database_url=postgres)
    boucle.take(*(journey("delivery", str(n), START, reference=f"order-{n}") for n in range(40)))
    side_by_side(boucle)
    assert states(boucle) == {ASKED: 7, FULL: 33}


def test_the_reach_of_a_wave_says_how_many_its_days_have_room_for(install: Install, tmp_path: Path) -> None:
    """As many as are asked when it comes, told before; of a sample, its part of the day."""
    own = Path(a_day(tmp_path, "4", "J14"))
    (own / "rules" / "journey-plan" / "waves.csv").write_text("date;name\n2026-03-09;spring\n", encoding="utf-8")
    boucle = install(overrides=str(own))
    people(boucle, 12)
    (whole,) = boucle.parts.reach.waves()
    assert (whole.reached, dict(whole.not_reached)) == (4, {"quota_full": 8})
    (sample,) = boucle.parts.reach.waves(6)
    assert (sample.looked_at, sample.reached) == (6, 2)
    boucle.clock.at += timedelta(days=4)
    for _ in range(10):
        boucle.later(days=1)
    assert states(boucle, "wave") == {ASKED: 4, FULL: 8}
    (counted,) = boucle.parts.reach.waves()
    assert (counted.reached, dict(counted.not_reached)) == (4, {"quota_full": 8})


def test_a_plan_without_the_column_makes_no_statement_more(install: Install, tmp_path: Path) -> None:
    """Nothing is locked, counted or kept."""
    boucle = install()
    deliver(boucle, range(3))
    with boucle.store.reading() as connection:
        names = connection.execute(sa.select(t.control.c.name)).scalars().all()
    assert not any(name.startswith(ASKED_TODAY) for name in names)
