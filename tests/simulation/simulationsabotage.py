"""Faults planted into the product, one at a time, each of which a simulation must find. Holds no test."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import explain as explaining
from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import Dispatch, Row, Touchpoint
from workers.domain.survey import request
from workers.errors import NotNow
from workers.store import apply, new_rows, tables
from workers.store.delivery import claim
from workers.store.ledger import Outcome, Taken
from workers.usecases.customer_actions import CustomerActions
from workers.usecases.delivery import outcomes, recording
from workers.usecases.delivery.handing_over import Carriers
from workers.usecases.delivery.lanes import Lanes
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.intake import Intake
from workers.usecases.outbox_relay import OutboxRelay

Planted = AbstractContextManager[Any]


def acknowledge_what_was_not_taken() -> Planted:
    """A door says that events were taken when the database was away."""
    take = Intake.take

    def careless(self: Intake, batch: Sequence[Any], *args: Any, **more: Any) -> list[Outcome]:
        try:
            return take(self, batch, *args, **more)
        except NotNow:
            return [Outcome(Taken.ACCEPTED) for _ in batch]

    return patch.object(Intake, "take", careless)


def forget_an_answer() -> Planted:
    """The answer page thanks although nothing was stored."""
    answer = CustomerActions.answer

    def careless(self: CustomerActions, *args: Any, **more: Any) -> bool:
        try:
            return answer(self, *args, **more)
        except NotNow:
            return True

    return patch.object(CustomerActions, "answer", careless)


def commit_early() -> Planted:
    """Rows are committed before the rest of their transaction."""
    publish = apply.publish

    def early(connection: Connection, publications: Any) -> None:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        publish(connection, publications)

    return patch.object(apply, "publish", early)


def skip_a_row() -> Planted:
    """The last of several new dispatches is not written."""
    insert = new_rows.insert

    def short(connection: Connection, kind: type[Row], rows: Sequence[Row]) -> None:
        insert(connection, kind, rows[:-1] if kind is Dispatch and len(rows) > 1 else rows)

    return patch.object(apply, "insert", short)


def send_twice() -> Planted:
    """Each mail is handed over two times."""
    hand_over = Carriers.hand_over

    async def twice(self: Carriers, parcel: OutgoingMessage) -> SendResult:
        await hand_over(self, parcel)
        return await hand_over(self, parcel)

    return patch.object(Carriers, "hand_over", twice)


def ignore_leases() -> Planted:
    """What a sender has claimed may be claimed by another at once."""
    lease, lease_end = claim.lease, claim.lease_end

    def short(connection: Connection, ready: claim.Ready, now: Any, seconds: float, limit: int) -> list[Dispatch]:
        return lease(connection, ready, now, -1.0, limit)

    def over(at: datetime, seconds: float) -> datetime:
        return lease_end(at, -1.0)

    return patch.multiple(claim, lease=short, lease_end=over)


def hand_over_after_the_lease() -> Planted:
    """A sender that stood still for longer than its lease hands over what it had prepared."""

    async def late(self: Lanes, parcel: OutgoingMessage, began: float) -> SendResult:
        return await self._steps.carriers.hand_over(parcel)

    return patch.object(Lanes, "_leave", late)


def swallow_a_refusal() -> Planted:
    """A mail that the server put off counts as sent."""
    record_end = outcomes.record_end

    def careless(connection: Connection, dispatch: Dispatch, result: SendResult, *more: Any) -> bool:
        later = result.kind == SendKind.LATER and not result.everyone
        return record_end(connection, dispatch, replace(result, kind=SendKind.ACCEPTED) if later else result, *more)

    return patch.object(recording, "record_end", careless)


def delete_messages_unpublished() -> Planted:
    """A message leaves the outbox before the broker has it."""

    def hasty(self: OutboxRelay) -> int:
        table = tables.outbox
        if not self._store.write(self._take_lease):
            return 0

        def work(connection: Connection) -> list[tuple[str, str, bytes]]:
            rows = connection.execute(sa.select(table).order_by(table.c.id)).all()
            connection.execute(sa.delete(table))
            return [(str(row.topic), str(row.key), bytes(row.value)) for row in rows]

        if messages := self._store.write(work):
            self._outlet.publish(messages)
        return len(messages)

    return patch.object(OutboxRelay, "relay_some", hasty)


def ask_in_the_rest_period() -> Planted:
    """Nobody rests."""

    def restless(_case: Any, touchpoint: Touchpoint) -> Touchpoint:
        return touchpoint

    return patch.object(request, "rested", restless)


def explain_what_is_not_so() -> Planted:
    """Every mail is told as sent."""
    explain = explaining.explain_customer

    def untrue(*args: Any, **more: Any) -> dict[str, Any]:
        story: dict[str, Any] = explain(*args, **more)
        for mail in story["mails"]:
            mail["state"] = "accepted"
        return story

    return patch.object(explaining, "explain_customer", untrue)


SABOTAGES: dict[str, Callable[[], Planted]] = {
    planted.__name__.replace("_", "-"): planted
    for planted in (
        acknowledge_what_was_not_taken,
        forget_an_answer,
        commit_early,
        skip_a_row,
        send_twice,
        ignore_leases,
        hand_over_after_the_lease,
        swallow_a_refusal,
        delete_messages_unpublished,
        ask_in_the_rest_period,
        explain_what_is_not_so,
    )
}
