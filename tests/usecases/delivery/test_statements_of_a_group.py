"""What sending asks of the database: so many statements and transactions for a group of mails, and no more."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from embedded import Embedded, journey
from postroom import Postman, mails, sender_of

from workers.store import tables
from workers.store.delivery import departures, send_counts, sent_mails
from workers.usecases.delivery import send_controls
from workers.usecases.delivery.sender import GROUP

LANES = 4
STATEMENTS_A_TURN = {"sqlite": 6, "postgresql": 4}
"""Customers, surroundings, marked, recorded: there accepted, the questions and the counters are one statement."""
STATEMENTS_AROUND_A_GROUP = 40
"""Claiming, reading, keeping bytes, and the looks that find nothing more."""


def ask(boucle: Embedded, count: int) -> None:
    """Ask so many customers by mail."""
    boucle.take(*(journey("delivery", f"c{n}", boucle.clock.at, reference=f"order-{n}") for n in range(count)))
    boucle.parts.scheduler.wake_all()


def test_a_group_of_mails_costs_few_statements(database: dict[str, str], install: Callable[..., Embedded]) -> None:
    """Turn by turn a transaction with as many statements however many lanes it serves, and a few around the group."""
    boucle = install(**database)
    ask(boucle, GROUP)
    counted: Counter[str] = Counter()

    def count(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        counted["statements"] += not statement.startswith(("BEGIN", "SET TRANSACTION"))

    def commit(_connection: Any) -> None:
        counted["transactions"] += 1

    sa.event.listen(boucle.store.engine, "before_cursor_execute", count)
    sa.event.listen(boucle.store.engine, "commit", commit)
    postman = Postman()
    asyncio.run(sender_of(boucle, postman, connections=LANES).send_mails())
    turns = -(-GROUP // LANES) + 1
    assert len(postman.posted) == GROUP
    assert counted["transactions"] <= turns + 8
    assert counted["statements"] <= turns * STATEMENTS_A_TURN[boucle.store.dialect] + STATEMENTS_AROUND_A_GROUP


def test_the_days_count_is_kept_and_is_what_counting_gives(boucle: Embedded) -> None:
    """Rounds of a day with a maximum read one row; a database that has no such row yet is counted."""
    ask(boucle, 9)
    asyncio.run(sender_of(boucle, Postman(), per_day=5).send_mails())
    policy = boucle.parts.policies.current()
    midnight = send_controls.midnight_of(boucle.clock.at, policy.zone)
    with boucle.store.reading() as connection:
        assert send_counts.count_accepted_since(connection, midnight) == 5
        assert connection.execute(send_counts.KEPT, {"day": send_counts.day_of(midnight)}).scalar_one() == 5
    boucle.store.write(lambda connection: connection.execute(sa.delete(tables.counter)))
    asyncio.run(sender_of(boucle, Postman(), per_day=7).send_mails())
    assert sorted(str(mail.state) for mail in mails(boucle, "ask-delivery")) == ["accepted"] * 7 + ["ready"] * 2
    with boucle.store.reading() as connection:
        assert send_counts.count_sent_since(connection, midnight) == 7


def test_a_mail_recorded_while_the_day_is_counted_is_counted(postgres: str, install: Callable[..., Embedded]) -> None:
    """What another sender records meanwhile counts as leaving or as left, and never as neither."""
    boucle = install(database_url=postgres)
    ask(boucle, 2)
    asyncio.run(sender_of(boucle, Postman(), per_day=1).send_mails())
    dispatch = tables.dispatch.c
    waiting = sa.update(tables.dispatch).where(dispatch.state == "ready", dispatch.template == "ask-delivery")
    boucle.store.write(lambda connection: connection.execute(waiting.values(state="leased")))
    midnight = send_controls.midnight_of(boucle.clock.at, boucle.parts.policies.current().zone)
    recorded: list[int] = []

    def work(connection: sa.Connection) -> None:
        left = sa.update(tables.dispatch).where(dispatch.state == "leased")
        connection.execute(left.values(state="accepted", accepted_at=boucle.clock.at))
        sent_mails.add_sent(connection, 1, 1, midnight)

    def record(*_given: Any) -> None:
        if not recorded:
            recorded.append(1)
            boucle.store.write(work)

    with boucle.store.engine.begin() as connection:
        sa.event.listen(connection, "after_cursor_execute", record)
        counted = send_counts.count_sent_since(connection, midnight)
    assert (recorded, counted) == ([1], 2)


def test_what_was_taken_is_recorded_and_counted_once(
    database: dict[str, str], install: Callable[..., Embedded]
) -> None:
    """Told a second time nothing changes; a question that is not open any more, or left late, is the caller's."""
    boucle = install(**database)
    ask(boucle, 4)
    asyncio.run(sender_of(boucle, Postman(), per_day=1).send_mails())
    taken = [mail for mail in mails(boucle, "ask-delivery") if mail.state == "ready"]
    late, closed, plain = (mail.request or "" for mail in taken)
    asked, now = tables.survey_request, boucle.clock.at
    midnight = send_controls.midnight_of(now, boucle.parts.policies.current().zone)

    def change(connection: sa.Connection) -> None:
        early = sa.update(asked).where(asked.c.id == late)
        connection.execute(early.values(asked_at=now - timedelta(hours=13)))
        connection.execute(sa.update(asked).where(asked.c.id == closed).values(state="closed"))

    def record(connection: sa.Connection) -> tuple[set[str], set[str]]:
        accepted = departures.accept_many(connection, [(mail, "250 taken") for mail in taken], now)
        owners = {mail.request or "": mail.customer or "" for mail in taken if mail.id in accepted}
        left = departures.mark_requests_sent(connection, owners, now, timedelta(hours=12))
        sent_mails.add_sent(connection, len(accepted), len(accepted), midnight)
        return accepted, left

    boucle.store.write(change)
    assert boucle.store.write(record) == ({mail.id for mail in taken}, {plain})
    assert boucle.store.write(record) == (set(), set())
    with boucle.store.reading() as connection:
        assert (sent_mails.count_sent(connection), send_counts.count_sent_since(connection, midnight)) == (4, 4)
        assert connection.execute(sa.select(asked.c.sent_at).where(asked.c.id == plain)).scalar_one() == now
    assert [str(mail.state) for mail in mails(boucle, "ask-delivery")] == ["accepted"] * 4


def test_a_sender_counts_while_another_one_has_not_committed(
    postgres: str, install: Callable[..., Embedded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process raises rows of its own, from the second turn of a day on, and their sum is what is read."""
    boucle = install(database_url=postgres)
    midnight = send_controls.midnight_of(boucle.clock.at, boucle.parts.policies.current().zone)

    def count(connection: sa.Connection, share: str, number: int) -> None:
        monkeypatch.setattr(sent_mails, "SHARE", share)
        sent_mails.add_sent(connection, number, number, midnight)

    for share in ("/01", "/02", "/01", "/02"):
        boucle.store.write(partial(count, share=share, number=1))
    with boucle.store.engine.begin() as slow:
        count(slow, "/01", 10)
        boucle.store.write(partial(count, share="/02", number=100))
    with boucle.store.reading() as connection:
        assert sent_mails.count_sent(connection) == 114
        assert send_counts.count_sent_since(connection, midnight) >= 110
    following = midnight + timedelta(days=1)
    boucle.store.write(lambda connection: sent_mails.begin_day(connection, following, 0))
    with boucle.store.reading() as connection:
        days = connection.execute(sa.select(tables.counter.c.name).where(tables.counter.c.name.startswith("capped")))
        assert days.scalars().all() == [send_counts.day_of(following)], "a day that is over goes, with its shares"
