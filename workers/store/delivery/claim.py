"""Claims: dispatches are leased, marked as sending, and their ends recorded, each by whoever claimed it last.

Lease time is the database's own. A lease that ran out comes back by itself; what was `sending` then may leave twice,
and is counted as a copy: `may_leave_again` bounds that in every path, and past it the end is `unknown`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Dispatch
from workers.domain.types import DispatchState, MailClass, RequestState
from workers.store import read, tables
from workers.store.engine import database_now, in_array
from workers.store.round_trips import fetch

TABLE = tables.dispatch
HELD_BY_US = (DispatchState.LEASED, DispatchState.SENDING)
CAPPED = (MailClass.SURVEY, MailClass.PROMOTION)
MAIL, WEBHOOK = "mail", "webhook"
COPIES_AT_MOST = 3
"""How often a dispatch leaves once more although it may have arrived; then nobody knows, and a person may look."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What may be claimed now: mails at all, how many of the capped classes, which touchpoints are paused, and how many
    webhooks their receiver may be sent (None: any number). `probe`: one mail, that asks whether its server is back."""

    mails: bool
    capped_left: int | None
    paused: Collection[str] = ()
    webhooks: int | None = None
    probe: bool = False


CLAIMS_SO_FAR = sa.func.coalesce(TABLE.c.claims, 0)
NAMED = sa.and_(TABLE.c.id == sa.bindparam("key"), TABLE.c.customer == sa.bindparam("owner"))
"""One dispatch, and whose it is: where rows lie by customer, no other place is looked at."""
OURS = sa.and_(
    NAMED,
    TABLE.c.attempt == sa.bindparam("ours"),
    sa.bindparam("claim") == CLAIMS_SO_FAR,
)
"""A claim that nobody has taken since. Attempts alone do not say it: what is given back has its attempt again, and who
gives back a second time, not knowing that the first was heard, would take it out of the next one's hands."""


def claim_of(dispatch: Dispatch) -> dict[str, object]:
    """Return the values by which `OURS` knows a claimed dispatch."""
    return {
        "key": dispatch.id,
        "owner": dispatch.customer,
        "ours": dispatch.attempt,
        "claim": dispatch.claims or 0,
    }


def change_claimed(connection: Connection, statement: sa.Update, dispatch: Dispatch, **values: object) -> bool:
    """Run a statement about one claimed dispatch and tell whether it changed it.

    A merge may have given it to another customer since: where it is not found under its own, it is looked up by id.
    """
    named = {**claim_of(dispatch), **values}
    if connection.execute(statement, named).rowcount == 1:
        return True
    owner = read.owner_of(connection, Dispatch, dispatch.id)
    if owner is None or owner == dispatch.customer:
        return False
    return connection.execute(statement, {**named, "owner": owner}).rowcount == 1


UNTIL = sa.bindparam("until", type_=tables.Instant())
"""When a lease ends."""
EXPIRED = TABLE.c.lease_until < sa.bindparam("database_now")
OF_KIND = TABLE.c.kind == sa.bindparam("of_kind")
ANY_LEFT = sa.select(sa.literal(1)).where(tables.one_of(TABLE.c.state, HELD_BY_US), EXPIRED, OF_KIND).limit(1)
ANY_READY = (
    sa.select(sa.literal(1))
    .where(
        TABLE.c.state == DispatchState.READY,
        TABLE.c.not_before <= sa.bindparam("now", type_=tables.Instant()),
        OF_KIND,
    )
    .limit(1)
)


def left_as(state: DispatchState) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of what was left in one state, in the words of the index of all that is in hand."""
    return tables.one_of(TABLE.c.state, HELD_BY_US), tables.one_of(TABLE.c.state, (state,)), EXPIRED


LEASED_BACK = (
    sa.update(TABLE).where(*left_as(DispatchState.LEASED), OF_KIND).values(state=DispatchState.READY, lease_until=None)
)
MAY_LEAVE_AGAIN = TABLE.c.copies < COPIES_AT_MOST
SENDING_BACK = (
    sa.update(TABLE)
    .where(*left_as(DispatchState.SENDING), OF_KIND, MAY_LEAVE_AGAIN)
    .values(state=DispatchState.READY, lease_until=None, copies=TABLE.c.copies + 1)
)
SENDING_ENDS = (
    sa.update(TABLE)
    .where(*left_as(DispatchState.SENDING), OF_KIND, sa.not_(MAY_LEAVE_AGAIN))
    .values(
        state=DispatchState.UNKNOWN,
        lease_until=None,
        changed_at=sa.bindparam("now", type_=tables.Instant()),
        reason="cut",
        detail="its sender ended each time while it was leaving",
    )
)


def may_leave_again(dispatch: Dispatch) -> bool:
    """Tell whether a dispatch that may have arrived leaves once more; the statements say the same."""
    return dispatch.copies < COPIES_AT_MOST


def anything(connection: Connection, kind: str, now: datetime) -> bool:
    """Tell, without a lock, whether there is something of a kind to claim or to take back."""
    if fetch(connection, ANY_READY, {"now": now, "of_kind": kind}):
        return True
    left = {"database_now": database_now(connection), "of_kind": kind}
    return bool(fetch(connection, ANY_LEFT, left))


def take_back(connection: Connection, kind: str, now: datetime) -> int:
    """Give back what a killed or slow sender left, and return how many were ended instead.

    Leased becomes ready, sending becomes ready with one copy more; what has had its copies ends as unknown.
    """
    left = {"database_now": database_now(connection), "of_kind": kind}
    if not fetch(connection, ANY_LEFT, left):
        return 0
    connection.execute(LEASED_BACK, left)
    connection.execute(SENDING_BACK, left)
    return connection.execute(SENDING_ENDS, {**left, "now": now}).rowcount


LEASE = (
    sa.update(TABLE)
    .where(in_array(TABLE.c.id, "ids"), in_array(TABLE.c.customer, "owners"))
    .values(
        state=DispatchState.LEASED,
        attempt=TABLE.c.attempt + 1,
        claims=CLAIMS_SO_FAR + 1,
        lease_until=UNTIL,
    )
    .returning(*TABLE.c)
)


def lease(connection: Connection, ready: Ready, now: datetime, seconds: float, limit: int) -> list[Dispatch]:
    """Lease what is due, tickets' mails first, then the oldest; each gets its next attempt number."""
    paused, room = frozenset(ready.paused), limit if ready.capped_left is None else min(limit, ready.capped_left)
    picked = pick(connection, Which.WEBHOOKS, now, limit if ready.webhooks is None else min(limit, ready.webhooks))
    if ready.mails and ready.probe:
        picked += pick(connection, Which.ANY_MAIL if room else Which.UNCAPPED_PROBE, now, 1, paused)
    elif ready.mails:
        picked += pick(connection, Which.UNCAPPED, now, limit - len(picked))
        picked += pick(connection, Which.CAPPED, now, min(room, limit - len(picked)), paused)
    if not picked:
        return []
    until = lease_end(database_now(connection), seconds)
    owners = dict(picked)
    leased: list[Dispatch] = []
    for chunk in read.chunks(owners):
        chosen = {"ids": chunk, "owners": sorted({owners[key] for key in chunk}), "until": until}
        leased += [Dispatch(*row) for row in connection.execute(LEASE, chosen)]
    place = {key: number for number, key in enumerate(owners)}
    return sorted(leased, key=lambda dispatch: place[dispatch.id])


Order = tuple[sa.ColumnElement[Any], ...]
OLDEST: Order = (TABLE.c.not_before, TABLE.c.id)
TICKETS_FIRST: Order = (sa.case((TABLE.c.template == "ticket", 0), else_=1), *OLDEST)
"""Somebody waits for a call: the team's mail about it leaves before every other one."""
LONGEST_UNTRIED: Order = (TABLE.c.changed_at.is_not(None), TABLE.c.changed_at, *OLDEST)
"""A server that is back is asked by another mail each time: one that nobody takes must not keep all from leaving."""


class Which(Enum):
    """Which dispatches are picked, in which order: the capped classes are those of which a day has a maximum."""

    WEBHOOKS = auto()
    UNCAPPED = auto()
    CAPPED = auto()
    ANY_MAIL = auto()
    UNCAPPED_PROBE = auto()


def pick(
    connection: Connection, which: Which, now: datetime, limit: int, paused: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """Lock ready dispatches that nobody else is claiming, and return each one's id and customer."""
    if limit <= 0:
        return []
    statement = picking(which, paused, connection.dialect.name == "postgresql")
    return [(str(key), str(owner)) for key, owner in connection.execute(statement, {"now": now, "most": limit})]


@lru_cache(16)
def picking(which: Which, paused: frozenset[str], locks: bool) -> sa.Select[Any]:
    """Return what finds some ready dispatches; built once: building a statement costs more than running it."""
    webhook, capped = TABLE.c.kind == WEBHOOK, TABLE.c.mail_class.in_(CAPPED)
    unpaused = sa.and_(sa.true(), *not_paused(paused))
    conditions, order = {
        Which.WEBHOOKS: ((webhook,), OLDEST),
        Which.UNCAPPED: ((sa.not_(webhook), sa.not_(capped)), TICKETS_FIRST),
        Which.CAPPED: ((sa.not_(webhook), capped, unpaused), OLDEST),
        Which.ANY_MAIL: ((sa.not_(webhook), sa.or_(sa.not_(capped), unpaused)), LONGEST_UNTRIED),
        Which.UNCAPPED_PROBE: ((sa.not_(webhook), sa.not_(capped)), LONGEST_UNTRIED),
    }[which]
    due = (TABLE.c.state == DispatchState.READY, TABLE.c.not_before <= sa.bindparam("now", type_=tables.Instant()))
    query = sa.select(TABLE.c.id, TABLE.c.customer).where(*due, *conditions).order_by(*order)
    query = query.limit(sa.bindparam("most", type_=sa.Integer()))
    return query.with_for_update(skip_locked=True) if locks else query


def not_paused(paused: Collection[str]) -> list[sa.ColumnElement[bool]]:
    """Return the condition that leaves mails of paused touchpoints alone."""
    if not paused:
        return []
    request = tables.survey_request
    theirs = (request.c.id == TABLE.c.request, request.c.customer == TABLE.c.customer)
    return [sa.not_(sa.exists().where(*theirs, request.c.step.in_(list(paused))))]


RENEW = sa.update(TABLE).where(OURS, tables.one_of(TABLE.c.state, HELD_BY_US)).values(lease_until=UNTIL)


OTHER = tables.customer.alias("merged_into_whom")
OPTED_OUT = sa.or_(
    tables.customer.c.opted_out_at.is_not(None),
    sa.select(OTHER.c.opted_out_at).where(OTHER.c.id == tables.customer.c.merged_into).scalar_subquery().is_not(None),
)
"""The customer, or the one into whom they were merged since the mail was made, has opted out."""
STOPPED = sa.exists().where(
    tables.customer.c.id == TABLE.c.customer,
    sa.or_(tables.customer.c.erased_at.is_not(None), sa.and_(OPTED_OUT, TABLE.c.mail_class != MailClass.SERVICE)),
)
ANSWERED = sa.exists().where(
    tables.survey_request.c.id == TABLE.c.request,
    tables.survey_request.c.customer == TABLE.c.customer,
    TABLE.c.mail_class == MailClass.SURVEY,
    TABLE.c.action.is_(None),
    tables.survey_request.c.state != RequestState.OPEN,
)
MARK_SENDING = (
    sa.update(TABLE)
    .where(OURS, TABLE.c.state == DispatchState.LEASED, sa.not_(STOPPED), sa.not_(ANSWERED))
    .values(
        state=DispatchState.SENDING,
        recipient=sa.bindparam("to"),
        message_id=sa.bindparam("said"),
        lease_until=UNTIL,
    )
)
"""Marks one dispatch as leaving, if it is still ours and nothing that forbids it has happened since."""


STILL_LEASED = (
    sa.select(TABLE.c.id, TABLE.c.attempt, CLAIMS_SO_FAR)
    .where(in_array(TABLE.c.id, "keys"), TABLE.c.state == DispatchState.LEASED)
    .order_by(TABLE.c.id)
    .with_for_update()
)
STILL_LEASED_BY_OWNERS = STILL_LEASED.where(in_array(TABLE.c.customer, "owners"))


def still_ours(connection: Connection, group: Sequence[Dispatch]) -> list[Dispatch]:
    """Lock and return those of some leased dispatches that nobody has taken over since they were claimed."""
    keys = [dispatch.id for dispatch in group]
    owners = sorted({dispatch.customer for dispatch in group if dispatch.customer})
    leased = fetch(connection, STILL_LEASED_BY_OWNERS, {"keys": keys, "owners": owners})
    if len(leased) < len(group):  # some were taken over, or are another customer's since a merge
        leased = fetch(connection, STILL_LEASED, {"keys": keys})
    held = {(str(key), attempt, claims) for key, attempt, claims in leased}
    return [dispatch for dispatch in group if (dispatch.id, dispatch.attempt, dispatch.claims or 0) in held]


def mark_sending(connection: Connection, dispatch: Dispatch, recipient: str, message_id: str, until: datetime) -> bool:
    """Mark one leased dispatch as leaving until the lease ends at `until`; False when it must not leave any more."""
    return change_claimed(connection, MARK_SENDING, dispatch, to=recipient, said=message_id, until=until)


def lease_end(at: datetime, seconds: float) -> datetime:
    """Return when a lease that starts at a time of the database ends."""
    return at + timedelta(seconds=seconds)


UNBEGUN = (DispatchState.READY, DispatchState.LEASED)
"""Nobody is handing it over right now."""


def accepted_values(detail: sa.ColumnElement[str]) -> dict[str, object]:
    """Return the values of a dispatch that the other side has, at the parameter `at`; `detail` is what it said."""
    at = sa.bindparam("at", type_=tables.Instant())
    state = DispatchState.ACCEPTED
    return {"state": state, "changed_at": at, "accepted_at": at, "lease_until": None, "reason": "", "detail": detail}


ENDING = sa.and_(OURS, tables.one_of(TABLE.c.state, HELD_BY_US))
ACCEPT = (
    sa.update(TABLE)
    .where(
        sa.or_(
            sa.and_(OURS, tables.one_of(TABLE.c.state, HELD_BY_US)),
            sa.and_(NAMED, tables.one_of(TABLE.c.state, UNBEGUN)),
        )
    )
    .values(accepted_values(sa.bindparam("text")))
)


def accept(connection: Connection, dispatch: Dispatch, now: datetime, text: str) -> bool:
    """Record that the other side has it; known late, it also counts where another has claimed it and not begun."""
    return change_claimed(connection, ACCEPT, dispatch, at=now, text=text)


def end(connection: Connection, dispatch: Dispatch, state: DispatchState, now: datetime, **values: object) -> bool:
    """Record how one attempt ended otherwise; an attempt that is not the newest changes nothing."""
    statement = sa.update(TABLE).where(ENDING).values(state=state, changed_at=now, lease_until=None, **values)
    return change_claimed(connection, statement, dispatch)


def give_back(connection: Connection, dispatch: Dispatch, **values: object) -> bool:
    """Give back what nothing of has left, also after it was marked, as if it had not been claimed."""
    ready = {"state": DispatchState.READY, "attempt": dispatch.attempt - 1, "lease_until": None, **values}
    statement = sa.update(TABLE).where(ENDING).values(**ready)
    return change_claimed(connection, statement, dispatch)


def waiting_since(connection: Connection, mail_class: MailClass, latest: datetime, limit: int) -> list[Dispatch]:
    """Return mails of a class that have been due since `latest` or longer, the oldest first; locks nothing."""
    due = (TABLE.c.state == DispatchState.READY, TABLE.c.not_before <= latest)
    theirs = sa.select(TABLE).where(*due, TABLE.c.kind == MAIL, TABLE.c.mail_class == mail_class)
    return [Dispatch(*row) for row in connection.execute(theirs.order_by(*OLDEST).limit(limit))]


def give_up(connection: Connection, dispatch: Dispatch, reason: str, detail: str, now: datetime) -> bool:
    """End a ready mail as failed without another attempt; False when it is ready no more."""
    still = sa.and_(OURS, TABLE.c.state == DispatchState.READY)
    values = {"state": DispatchState.FAILED, "reason": reason, "detail": detail, "changed_at": now}
    statement = sa.update(TABLE).where(still).values(**values)
    return change_claimed(connection, statement, dispatch)


BODIES = tables.dispatch_body.c
KEPT_BODIES = sa.select(BODIES.dispatch, BODIES.body, BODIES.return_path).where(in_array(BODIES.dispatch, "keys"))
KEPT_BODIES_OF_CUSTOMERS = KEPT_BODIES.where(in_array(BODIES.customer, "owners"))


def bodies_of(
    connection: Connection, dispatches: Sequence[Dispatch], owners: Collection[str]
) -> dict[str, tuple[bytes, str]]:
    """Return bytes and return paths of those dispatches that were marked as leaving before: they stay the same.

    What is not there is looked up by its dispatch alone: a release before did not keep whose a body is.
    """
    left = [dispatch.id for dispatch in dispatches if dispatch.message_id]
    bodies: dict[str, tuple[bytes, str]] = {}
    for chunk in read.chunks(left):
        kept = connection.execute(KEPT_BODIES_OF_CUSTOMERS, {"keys": chunk, "owners": sorted(owners)})
        bodies |= {str(key): (bytes(body), str(return_path)) for key, body, return_path in kept}
    for chunk in read.chunks(set(left) - set(bodies)):
        kept = connection.execute(KEPT_BODIES, {"keys": chunk})
        bodies |= {str(key): (bytes(body), str(return_path)) for key, body, return_path in kept}
    return bodies


def next_slot(connection: Connection, name: str, count: int, per_second: float) -> float:
    """Reserve `count` places in a rate shared by all roles and return the seconds to wait for the first."""
    table = tables.counter
    now = int(database_now(connection).timestamp() * 1_000_000)
    taken = connection.execute(sa.select(table.c.value).where(table.c.name == name).with_for_update()).scalar()
    start = max(now, int(taken or 0))
    following = start + int(count * 1_000_000 / per_second)
    if taken is None:
        connection.execute(sa.insert(table).values(name=name, value=following))
    else:
        connection.execute(sa.update(table).where(table.c.name == name).values(value=following))
    return (start - now) / 1_000_000


def put_off_capped(connection: Connection, customer: str, until: datetime) -> None:
    """Let the surveys and promotions that are ready for a customer wait until an instant at least."""
    d = TABLE.c
    waiting = (d.customer == customer, d.state == DispatchState.READY, d.mail_class.in_(CAPPED), d.not_before < until)
    connection.execute(sa.update(TABLE).where(*waiting).values(not_before=until))
