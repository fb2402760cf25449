"""Several wakers and several who open tickets work at once on PostgreSQL: each gets other customers, none waits."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from embedded import START, Embedded, journey, score
from waveparts import people, wave

from workers.domain.records import Customer, SurveyRequest, Ticket, Touchpoint
from workers.store import due, read, tables
from workers.store.survey import waves
from workers.store.ticket.numbers import TICKETS, TURNS, hand_out
from workers.usecases.waves import planning

MINUTE = timedelta(minutes=1)
LATER = START + timedelta(hours=6)
"""When every delivery below may be asked about."""


@pytest.fixture
def boucle(postgres: str, install: Callable[..., Embedded]) -> Embedded:
    """Give an installation on PostgreSQL."""
    return install(database_url=postgres, mail_per_day="0")


def deliver(boucle: Embedded, count: int, first: int = 0) -> None:
    """Let an order of each of so many customers be delivered, a minute after the other."""
    numbers = range(first, first + count)
    boucle.take(*(journey("delivery", f"c{n:03}", START + n * MINUTE, reference=f"{n}") for n in numbers))


def names(customers: list[Customer]) -> list[str | None]:
    """Return the CRM's ids."""
    return [customer.crm_id for customer in customers]


def test_a_second_waker_gets_the_customers_behind_those_of_the_first(boucle: Embedded) -> None:
    """While the first holds its own: those who wait longest next, and none of them twice."""
    deliver(boucle, 6)
    wanted = due.Wanted(LATER)
    with boucle.store.engine.begin() as first, boucle.store.engine.begin() as second:
        assert names(due.DueCustomers().lock(first, wanted, 3)) == ["c000", "c001", "c002"]
        assert names(due.DueCustomers().lock(second, wanted, 2)) == ["c003", "c004"]
        with boucle.store.engine.begin() as third:
            assert names(due.DueCustomers().lock(third, wanted, 3)) == ["c005"]


def test_whom_somebody_holds_is_not_shut_out_for_good(boucle: Embedded) -> None:
    """A waker that has read past a customer in somebody else's hands comes back to them before it has nothing to do."""
    deliver(boucle, 3)
    boucle.clock.at = LATER
    (held,) = [customer.id for customer in boucle.rows(Customer) if customer.crm_id == "c000"]
    with boucle.store.engine.begin() as connection:
        read.lock_customers(connection, [held])
        assert boucle.parts.scheduler.wake_some(1) == 1
    while boucle.parts.scheduler.wake_some(1):
        pass
    assert len({request.customer for request in boucle.rows(SurveyRequest)}) == 3


def test_what_comes_due_before_where_the_waker_is_by_now_is_asked_too(boucle: Embedded) -> None:
    """An import brings older orders while a morning's questions are asked: they are found before the waker rests."""
    deliver(boucle, 3, first=5)
    boucle.clock.at = LATER
    assert boucle.parts.scheduler.wake_some(1) == 1
    deliver(boucle, 1)
    while boucle.parts.scheduler.wake_some(1):
        pass
    assert len(boucle.rows(SurveyRequest)) == 4


def put_off(connection: sa.Connection, crm_id: str, until: datetime) -> None:
    """Let a customer's first question come due at a moment."""
    p, c = tables.touchpoint.c, tables.customer.c
    whose = sa.select(c.id).where(c.crm_id == crm_id).scalar_subquery()
    first = sa.and_(p.customer == whose, p.due_at < START + timedelta(days=20))
    assert connection.execute(sa.update(tables.touchpoint).where(first).values(wake_at=until)).rowcount == 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_whatever_is_committed_behind_where_the_waker_is_gets_asked(
    request: pytest.FixtureRequest, install: Callable[..., Embedded], engine: str, seed: int
) -> None:
    """Questions come due before and behind what was read, in transactions that end when they like: none is left out.

    On SQLite, where writers take turns, each transaction ends at once.
    """
    url = {"database_url": request.getfixturevalue("postgres")} if engine == "postgresql" else {}
    boucle, chance, count = install(**url, mail_per_day="0"), random.Random(seed), 12
    deliver(boucle, count)
    boucle.clock.at = LATER
    waiting, underway = [f"c{n:03}" for n in range(count)], list[sa.Connection]()
    with boucle.store.engine.begin() as connection:
        for crm_id in waiting:
            put_off(connection, crm_id, LATER + timedelta(days=9))
    with ExitStack() as transactions:
        while waiting or underway:
            act = chance.choice(["plan", "plan", "end", "wake", "wake"])
            if act == "plan" and waiting:
                crm_id = waiting.pop(chance.randrange(len(waiting)))
                planning = transactions.enter_context(boucle.store.engine.connect())
                put_off(planning, crm_id, START + chance.randrange(300) * MINUTE)
                underway.append(planning)
            if underway and (act == "end" or boucle.store.sqlite):
                underway.pop(chance.randrange(len(underway))).commit()
            if act == "wake":
                boucle.parts.scheduler.wake_some(chance.randrange(1, 4))
    while boucle.parts.scheduler.wake_some(2):
        pass
    assert len({row.customer for row in boucle.rows(SurveyRequest)}) == count


def blocks_read(connection: sa.Connection, since: datetime) -> int:
    """Return how many blocks the database looks at to find whom to ask next."""
    compiled = due.askable(frozenset(), ()).compile(connection.engine)
    values = {"now": LATER, "since": since, "limit": 1, due.LEFT_ALONE: "{}"}
    written = compiled.construct_expanded_state(values)
    plan = connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {written.statement}", written.parameters
    )
    top: Any = plan.scalar_one()
    (told,) = orjson.loads(top) if isinstance(top, str) else top
    return int(told["Plan"]["Shared Hit Blocks"] + told["Plan"]["Shared Read Blocks"])


@contextmanager
def searches(boucle: Embedded) -> Iterator[list[datetime]]:
    """Give from which instant on each search for whom to ask begins, while it lasts."""
    begins: list[datetime] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM touchpoint JOIN customer" in statement and "SKIP LOCKED" in statement:
            begins.append(parameters["since"])

    sa.event.listen(boucle.store.engine, "before_cursor_execute", note)
    try:
        yield begins
    finally:
        sa.event.remove(boucle.store.engine, "before_cursor_execute", note)


def test_a_search_does_not_walk_over_what_was_woken_while_an_old_snapshot_is_held(boucle: Embedded) -> None:
    """A long export keeps the dead entries of a morning; the next search begins where the last one ended."""
    deliver(boucle, 350)
    boucle.clock.at = LATER
    with boucle.store.engine.connect() as export:
        export.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        export.execute(sa.select(sa.func.count()).select_from(sa.table("touchpoint")))
        with searches(boucle) as begins:
            for _ in range(34):
                assert boucle.parts.scheduler.wake_some(10) == 10
        with boucle.store.engine.connect() as connection:
            connection.exec_driver_sql("SET enable_seqscan = off")
            connection.exec_driver_sql("SET enable_bitmapscan = off")
            from_the_beginning = blocks_read(connection, due.BEGINNING)
            from_there = blocks_read(connection, begins[-1])
    assert from_there * 3 < from_the_beginning, "the export keeps them, and only the first search walks over them"


def test_a_ticket_is_opened_while_another_is_being_opened(boucle: Embedded) -> None:
    """The second one is there before the first one's transaction has ended."""
    with boucle.store.engine.begin() as first:
        number = hand_out(first, TICKETS)
        hand_out(first, TURNS)
        boucle.take(score(2, "b", START, trigger="delivery"))
        (ticket,) = boucle.rows(Ticket)
    assert ticket.number == number + 1


def shares_done(boucle: Embedded) -> list[int]:
    """Return the shares of a wave that are done."""
    share = tables.wave_share.c
    with boucle.store.reading() as connection:
        return sorted(connection.execute(sa.select(share.share).where(share.done_at.is_not(None))).scalars())


def test_two_wakers_come_to_other_customers_of_one_wave(boucle: Embedded) -> None:
    """While the first plans for its share, the second has the next ones; nobody is left, and nobody comes twice."""
    people(boucle, 40)
    boucle.take(wave())
    now, policy = boucle.parts.now(), boucle.parts.policies.current()
    boucle.store.write(lambda connection: waves.divide(connection, now))
    with boucle.store.engine.begin() as first, boucle.store.engine.begin() as second:
        assert planning.spread(first, policy, now, 1) == 1
        reached = planning.spread(second, policy, now, 100)
        assert reached is not None
        assert 0 < reached < 40
        with boucle.store.engine.begin() as third:
            assert planning.spread(third, policy, now, 100) is None
    while boucle.parts.scheduler.spread_wave() is not None:
        pass
    asked = [touchpoint.customer for touchpoint in boucle.rows(Touchpoint) if touchpoint.step == "wave"]
    assert len(asked) == len(set(asked)) == 40
    assert shares_done(boucle) == list(range(waves.SHARES))


def test_a_wave_whose_last_shares_end_at_once_ends_too(boucle: Embedded) -> None:
    """Neither of the two sees that the other is done; who looks next ends the wave."""
    people(boucle, 2)
    boucle.take(wave())
    now = boucle.parts.now()
    boucle.store.write(lambda connection: waves.divide(connection, now))
    with boucle.store.engine.begin() as first, boucle.store.engine.begin() as second:
        one = waves.take(first, now)
        assert one is not None
        waves.advance(first, one, one.cursor, now)
        behind: waves.Share | None = one
        while behind := waves.take(second, now, behind):
            waves.advance(second, behind, behind.cursor, now)
        waves.end(second, now)
        waves.end(first, now)
    assert shares_done(boucle) == list(range(waves.SHARES))
    assert done_at(boucle) is None
    assert boucle.parts.scheduler.spread_wave() is None
    assert done_at(boucle) == now


def done_at(boucle: Embedded) -> datetime | None:
    """Return when the only wave had come to everybody."""
    with boucle.store.reading() as connection:
        done: datetime | None = connection.execute(sa.select(tables.wave.c.done_at)).scalar_one()
    return done
