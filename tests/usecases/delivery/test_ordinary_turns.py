"""A turn taken in one go ends as one taken with care, whatever happened since its mails were written; and it is one go.

Everything is done to two customers, of whom one's turns are taken with care from the beginning.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from embedded import Embedded, about, journey
from postroom import OPEN, TAKEN, Postman, mails, sender_of

from workers.domain.records import Customer, Dispatch, SurveyRequest
from workers.store import tables
from workers.store.delivery import sent_mails
from workers.store.delivery.sent_mails import count_sent
from workers.usecases.delivery import send_controls, turns
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.delivery.sender import Delivery

Change = Callable[[Embedded, Dispatch, str], None]


def set_of_request(**values: object) -> Change:
    """Return what changes the question that a mail asks."""

    def change(boucle: Embedded, mail: Dispatch, _crm_id: str) -> None:
        asked = sa.update(tables.survey_request).where(tables.survey_request.c.id == mail.request)
        boucle.store.write(lambda connection: connection.execute(asked.values(**values)))

    return change


def set_of_mail(**values: object) -> Change:
    """Return what changes a mail."""

    def change(boucle: Embedded, mail: Dispatch, _crm_id: str) -> None:
        row = sa.update(tables.dispatch).where(tables.dispatch.c.id == mail.id)
        boucle.store.write(lambda connection: connection.execute(row.values(**values)))

    return change


def told(name: str, **data: object) -> Change:
    """Return what an event about the customer changes."""

    def change(boucle: Embedded, _mail: Dispatch, crm_id: str) -> None:
        boucle.take(about(name, crm_id, boucle.clock.at, **data))

    return change


def answered(boucle: Embedded, mail: Dispatch, _crm_id: str) -> None:
    """Let the customer answer, as by a link that came another way."""
    assert boucle.parts.customer_actions.answer(mail.request or "", 9, "", wants_contact=False)


def renamed(boucle: Embedded, _mail: Dispatch, crm_id: str) -> None:
    """Let the customer have another name, so that the mail is not the one that was written."""
    boucle.take(about("changed", crm_id, boucle.clock.at, customer={"id": crm_id, "name": "Zoé Martin"}))


def nothing(_boucle: Embedded, _mail: Dispatch, _crm_id: str) -> None:
    """Change nothing."""


BEFORE_IT_LEAVES: dict[str, Change] = {
    "nothing": nothing,
    "opted out": told("opted_out"),
    "erased": told("erased"),
    "another name": renamed,
    "answered": answered,
    "called back": set_of_request(state="withdrawn"),
    "taken over": set_of_mail(attempt=7),
    "claimed again": set_of_mail(claims=7),
    "given back": set_of_mail(state="ready"),
}
BEFORE_ITS_END: dict[str, Change] = {
    "called back while it left": set_of_request(state="withdrawn"),
    "answered while it left": answered,
    "taken over while it left": set_of_mail(attempt=7),
    "accepted already": set_of_mail(state="accepted"),
    "erased while it left": told("erased"),
}


def test_whatever_happened_a_turn_in_one_go_ends_as_one_taken_with_care(
    database: dict[str, str], install: Callable[..., Embedded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a mail leaves, and before its end is recorded: the same states, reasons, dates and counts."""
    boucle = install(**database)
    changes = {"the first of the day": nothing, **BEFORE_IT_LEAVES, **BEFORE_ITS_END}
    names = {f"{way}-{name}".replace(" ", "-"): (name, way) for name in changes for way in ("plain", "careful")}
    dispatching = sender_of(boucle, Postman())
    parcels = written(boucle, dispatching, list(names))
    with_care: set[str] = set()
    take_any = turns.Turns._take_any
    being_taken = ""

    def take_with_care(*given: Any) -> list[OutgoingMessage]:
        with_care.add(being_taken)
        return take_any(*given)

    monkeypatch.setattr(turns.Turns, "_take_any", take_with_care)
    left: dict[str, int] = {}
    for being_taken, (name, way) in names.items():
        monkeypatch.setattr(turns, "ordinary_turn", ORDINARY if way == "plain" else lambda *_: None)
        left[being_taken] = live_through(boucle, dispatching, parcels[being_taken], being_taken, name)
    rows = {row.id: row for row in boucle.rows(Dispatch)}
    requests = {row.id: row for row in boucle.rows(SurveyRequest)}
    ends: dict[str, dict[str, object]] = {"plain": {}, "careful": {}}
    for crm_id, (name, way) in names.items():
        mail = rows[parcels[crm_id].dispatch.id]
        asked = requests[mail.request or ""]
        ends[way][name] = (mail.state, mail.reason, left[crm_id], asked.state, asked.sent_at is not None)
    assert ends["plain"] == ends["careful"]
    assert ends["plain"]["nothing"] == ("accepted", "", 1, "open", True)
    assert len({*ends["plain"].values()}) >= 6, "something happened indeed"
    usual = {"plain-nothing", "plain-the-first-of-the-day"}
    assert {crm_id for crm_id in names if crm_id.startswith("plain")} - with_care == usual
    with boucle.store.reading() as connection:
        accepted = sum(row.state == "accepted" for row in rows.values() if row.template == "ask-delivery")
        assert count_sent(connection) == accepted - 2, "what was accepted already is counted by who accepted it"


ORDINARY = turns.ordinary_turn


def written(boucle: Embedded, dispatching: Delivery, crm_ids: list[str]) -> dict[str, OutgoingMessage]:
    """Ask customers and write their mails; return these by customer."""
    boucle.take(*(journey("delivery", crm_id, boucle.clock.at, reference=crm_id) for crm_id in crm_ids))
    boucle.parts.scheduler.wake_all()
    claimed = dispatching.steps.claiming.lease("mail", len(crm_ids))
    parcels = dispatching.steps.preparation.prepare(claimed, dispatching.steps.now())
    owners: dict[str, str] = {customer.id: customer.crm_id or "" for customer in boucle.rows(Customer)}
    return {owners[parcel.dispatch.customer or ""]: parcel for parcel in parcels}


def live_through(boucle: Embedded, dispatching: Delivery, parcel: OutgoingMessage, crm_id: str, name: str) -> int:
    """Let a mail leave and be taken, with what happens before or meanwhile; return how many left."""
    BEFORE_IT_LEAVES.get(name, nothing)(boucle, parcel.dispatch, crm_id)
    leaving = dispatching.steps.turns.take([], [parcel])
    BEFORE_ITS_END.get(name, nothing)(boucle, parcel.dispatch, crm_id)
    dispatching.steps.turns.take([(gone, TAKEN) for gone in leaving], [])
    return len(leaving)


def test_what_keeps_all_mails_or_moves_dates_is_seen_in_one_go(boucle: Embedded) -> None:
    """A pause, a suppressed address, and a question that leaves late."""
    dispatching = sender_of(boucle, Postman())
    parcels = written(boucle, dispatching, ["late", "soon", "paused", "silenced"])
    take, now = dispatching.steps.turns.take, boucle.clock.at

    (address, *_) = parcels["silenced"].address_keys
    touchpoint = parcels["paused"].touchpoint

    def hold(connection: sa.Connection) -> None:
        send_controls.pause(connection, now, "lead", touchpoint=touchpoint)
        connection.execute(sa.insert(tables.suppression).values(address=address, kind="bounce", at=now, detail=""))

    boucle.store.write(hold)
    assert take([], [parcels["silenced"], parcels["paused"]]) == []
    boucle.store.write(lambda connection: send_controls.resume(connection, OPEN, now, "lead", touchpoint=touchpoint))
    assert len(take([], [parcels["late"], parcels["soon"]])) == 2
    boucle.clock.at += timedelta(hours=13)
    soon = replace(parcels["soon"], asked_at=boucle.clock.at)
    closes = {asked.id: asked.closes_at for asked in boucle.rows(SurveyRequest)}
    take([(parcels["late"], TAKEN), (soon, TAKEN)], [])
    moved = {asked.id: asked.closes_at - closes[asked.id] for asked in boucle.rows(SurveyRequest)}
    assert moved[parcels["late"].dispatch.request or ""] == timedelta(hours=13)


def begin_the_day(boucle: Embedded) -> None:
    """Begin the day's count, which the first mails of a process and day do with care."""
    midnight = send_controls.midnight_of(boucle.clock.at, boucle.parts.policies.current().zone)
    for _ in range(2):
        boucle.store.write(lambda connection: sent_mails.begin_day(connection, midnight, 0))


def test_reminders_and_thanks_are_ordinary_too(
    database: dict[str, str], install: Callable[..., Embedded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a reminder its question keeps when it was; of a thank-you no question is asked once more."""
    boucle = install(**database)
    deliveries = (journey("delivery", name, boucle.clock.at, reference=name) for name in ("promoter", "b", "c"))
    boucle.take(*deliveries)
    boucle.settle()
    asked = {mail.customer: mail.request or "" for mail in mails(boucle, "ask-delivery")}
    names = {customer.crm_id: customer.id for customer in boucle.rows(Customer)}
    assert boucle.parts.customer_actions.answer(asked[names["promoter"]], 9, "", wants_contact=False)
    boucle.clock.at += timedelta(days=5)
    boucle.parts.scheduler.wake_all()
    begin_the_day(boucle)
    monkeypatch.setattr(turns.Turns, "_take_any", None)
    asyncio.run(sender_of(boucle, Postman()).send_mails())
    reminded = {row.id: row.reminded_at for row in boucle.rows(SurveyRequest)}
    assert reminded == {asked[id]: None if crm_id == "promoter" else boucle.clock.at for crm_id, id in names.items()}
    assert {str(mail.state) for template in ("reminder", "thanks") for mail in mails(boucle, template)} >= {"accepted"}
    assert len(list(mails(boucle, "thanks"))) == 1
    with boucle.store.reading() as connection:
        assert count_sent(connection) == sum(mail.state == "accepted" for mail in boucle.rows(Dispatch))
