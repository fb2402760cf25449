"""Texting: due messages are marked as leaving, handed to the carrier and recorded; each leaves once at most.

An SMS is paid for and rings: what may have left is never sent again, unlike a mail. Whether it may leave is seen in
the transaction that marks it, under the lock of its customer.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.domain.changeset import ChangeSet
from workers.domain.delivery_result import SendKind
from workers.domain.mail.question_wording import asking
from workers.domain.mail.survey_duties import SurveyDuty, duty_of, hours_of, unmet
from workers.domain.mail.translations import Catalogs
from workers.domain.mailbox_keys import number_key
from workers.domain.policy import Policy
from workers.domain.records import Customer, SmsDialogue, SmsMessage, SurveyRequest
from workers.domain.reporting.scales import kind_of
from workers.domain.sms.carried import TextResult
from workers.domain.sms.dialogue import OPEN_FOR, Message
from workers.domain.sms.encoding import size_of
from workers.domain.sms.messages import CATALOG, as_sms
from workers.domain.sms.phone_numbers import international
from workers.domain.survey.planning import opening_within
from workers.domain.types import SMS, Reason, RequestState, TextState
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.survey import text_messages
from workers.structs import replace
from workers.usecases.delivery.outcomes import mark_sent
from workers.usecases.delivery.send_controls import Sending, sending_now
from workers.usecases.sms.carrier import TextCarrier

log = logging.getLogger(__name__)
AT_ONCE = 4
"""Messages that leave side by side; what a kill may leave unknown."""
UNSAID_AFTER = timedelta(minutes=5)
"""How long a carrier may take; what was leaving before is unknown, and stays so."""
TRIED_FOR = timedelta(hours=12)
"""How long a message that the carrier puts off is tried again."""
PAUSE = timedelta(minutes=2)
LOOKED_AT_AGAIN = timedelta(hours=1)
"""How soon it is seen that a number is talked to no more."""
ANSWERS_WITHIN = timedelta(hours=1)
"""A message that answers a reply is worth nothing later."""
QUESTIONS = (Message.QUESTION, Message.LINK)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way, with the number that it goes to."""

    message: SmsMessage
    number: str


@dataclass(frozen=True, slots=True)
class Surrounding:
    """What decides whether a message may leave: whose it is, its question, its dialogue, and the number's others."""

    customer: Customer
    request: SurveyRequest | None
    dialogue: SmsDialogue
    others: Sequence[SmsDialogue]
    number: str
    is_suppressed: bool


class Texting:
    """Hands over what is due; any number may run side by side."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        words: Callable[[], Catalogs],
        *,
        brand: Callable[[], str],
        sending: Sending,
        carrier: TextCarrier,
        only_to: Collection[str] = (),
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._words = words
        self._brand = brand
        self._sending = sending
        self._carrier = carrier
        self._only_to = frozenset(only_to)

    async def send_all(self, stop: asyncio.Event | None = None) -> int:
        """Hand over what is due, until a stop is asked for; return how many left. Raises NotNow."""
        total = 0
        while not (stop and stop.is_set()):
            parcels = await asyncio.to_thread(self.mark)
            if not parcels:
                return total
            await asyncio.gather(*map(self._hand_over, parcels))
            total += len(parcels)
        return total

    async def close(self) -> None:
        """Close what the carrier keeps open; nothing is handed over afterwards."""
        await self._carrier.close()

    async def _hand_over(self, parcel: Parcel) -> None:
        """Hand one over and record how it ended at once: reports of it may come, and one beside it may take long."""
        result = await self._carrier.send(parcel.number, parcel.message.text, parcel.message.id)
        await asyncio.to_thread(self.record, [(parcel, result)])

    def mark(self) -> list[Parcel]:
        """Mark the next messages as leaving and return them; what must not leave is ended, or put off."""
        now = self._now()
        with self._store.reading() as connection:  # a role that has nothing to do writes nothing
            if not text_messages.anything(connection, now, now - UNSAID_AFTER):
                return []

        def work(connection: Connection) -> tuple[list[Parcel], bool]:
            changes = ChangeSet()
            for message in text_messages.left_behind(connection, now - UNSAID_AFTER):
                detail = "its sender ended while it was leaving"
                changes.change(replace(message, state=TextState.UNKNOWN, reason="cut", detail=detail, changed_at=now))
            parcels: list[Parcel] = []
            state = sending_now(connection, self._sending)
            due = text_messages.customers_due(connection, now, AT_ONCE) if state.on else []
            customers = {row.id: row for row in read.lock_customers(connection, due, skip_locked=True)}
            for message in text_messages.messages_due(connection, customers, now)[:AT_ONCE]:
                around = self._around(connection, customers[message.customer], message)
                after = self._judged(message, around, state.paused, now, changes)
                changes.change(after)
                if after.state == TextState.SENDING:
                    parcels.append(Parcel(after, around.number))
            apply(connection, changes, now)
            return parcels, bool(due)

        for _ in range(AT_ONCE):  # where none of the first may leave, others behind them may
            parcels, is_more = self._store.write(work)
            if parcels or not is_more:
                return parcels
        return []

    def _around(self, connection: Connection, customer: Customer, message: SmsMessage) -> Surrounding:
        policy = self._policy()
        dialogue = read.by_owner(connection, SmsDialogue, customer.id, message.dialogue)
        assert dialogue is not None  # a message is written with it, and goes with it
        number = international(customer.phone or "", policy.numbers_country) or ""
        key = number_key(number, policy.ids)
        return Surrounding(
            customer,
            read.by_owner(connection, SurveyRequest, customer.id, message.dialogue),
            dialogue,
            text_messages.others_of_number(connection, dialogue),
            number,
            bool(read.suppressed(connection, {key})),
        )

    def _judged(
        self, message: SmsMessage, around: Surrounding, paused: frozenset[str], now: datetime, changes: ChangeSet
    ) -> SmsMessage:
        """Return a message as leaving with its words, or why it does not leave, or not yet."""
        if message.message in QUESTIONS:
            why = unless_asked(around, now) or unmet(around.customer, self._duty(around.customer), SMS) or ""
            if why:
                return ended(message, around.request, why, now, changes)
            until = self._waits_until(around, paused, now)
            if until is not None:
                return replace(message, not_before=until[0], reason=until[1], changed_at=now)
        elif not around.number or around.customer.erased_at or now - message.created_at > ANSWERS_WITHIN:
            return cancelled(message, Reason.TOO_LATE if around.number else Reason.NO_NUMBER, now)
        if not self._may_reach(around.number):
            return ended(message, around.request, Reason.NUMBER_NOT_LISTED, now, changes)
        key = number_key(around.number, self._policy().ids)
        if around.dialogue.number != key:
            changes.change(replace(around.dialogue, number=key, changed_at=now))
        which = Message.LINK if message.message == Message.QUESTION and around.others else Message(message.message)
        text = self._text(which, message, around)
        return replace(
            message,
            message=which,
            text=text,
            parts=size_of(text).parts,
            provider=self._carrier.name,
            state=TextState.SENDING,
            reason="",
            changed_at=now,
        )

    def _waits_until(self, around: Surrounding, paused: frozenset[str], now: datetime) -> tuple[datetime, str] | None:
        """Return until when a question waits, and why: its touchpoint is paused, it is night, the number is in use."""
        if around.request is not None and around.request.step in paused:
            return now + PAUSE, Reason.PAUSED
        policy = self._policy()
        hours, zone = hours_of(self._duty(around.customer), SMS), around.customer.time_zone or policy.zone
        opens = opening_within(policy, zone, hours, now)
        if opens > now:
            return opens, Reason.SEND_WINDOW
        talking = [other for other in around.others if other.state in text_messages.TALKING]
        latest = max((other.said_at + OPEN_FOR for other in talking), default=now)
        return (min(latest, now + LOOKED_AT_AGAIN), Reason.NUMBER_IN_USE) if latest > now else None

    def _duty(self, customer: Customer) -> SurveyDuty | None:
        policy = self._policy()
        return duty_of(customer, policy.duties, policy.country)

    def _may_reach(self, number: str) -> bool:
        """Tell whether an SMS may leave: in a trial, also one of mails, to listed numbers alone."""
        is_trial = bool(self._sending.redirect or self._sending.only_to or self._only_to)
        return not is_trial or number in self._only_to

    def _text(self, which: Message, message: SmsMessage, around: Surrounding) -> str:
        link = self._policy().links.answer_url(message.dialogue) if which == Message.LINK else ""
        kind = kind_of(around.request.question if around.request else None)
        catalog = asking(self._words().catalog(message.language), kind)
        return as_sms(catalog.text(f"{CATALOG}{which}", {"brand": self._brand(), "link": link}))

    def record(self, ends: Sequence[tuple[Parcel, TextResult]]) -> None:
        """Record how some handings over ended; one that is not leaving any more changes nothing."""
        now = self._now()

        def work(connection: Connection) -> None:
            changes = ChangeSet()
            read.lock_customers(connection, {parcel.message.customer for parcel, _ in ends})
            for parcel, result in ends:
                stored = read.by_owner(connection, SmsMessage, parcel.message.customer, parcel.message.id)
                if stored is None or stored.state != TextState.SENDING:
                    continue
                request = read.by_owner(connection, SurveyRequest, stored.customer, stored.dialogue)
                changes.change(recorded(stored, result, request, now, changes))
            apply(connection, changes, now)

        self._store.write(work)
        for parcel, result in ends:
            log.info(result.kind, extra={"action": "sms.sent", "sms": parcel.message.id})


def unless_asked(around: Surrounding, now: datetime) -> str:
    """Return why a question must not be asked any more; empty where it may."""
    customer, request = around.customer, around.request
    if customer.erased_at or request is None:
        return Reason.ERASED
    if customer.opted_out_at:
        return Reason.OPTED_OUT
    if around.is_suppressed:
        return Reason.SUPPRESSED
    if request.state != RequestState.OPEN:
        return Reason.ANSWERED if request.state == RequestState.ANSWERED else Reason.REQUEST_CLOSED
    if request.closes_at <= now:
        return Reason.TOO_LATE
    return "" if around.number else Reason.NO_NUMBER


def ended(
    message: SmsMessage, request: SurveyRequest | None, reason: str, now: datetime, changes: ChangeSet
) -> SmsMessage:
    """Return a message that does not leave; its question, where it is still open, could not be delivered."""
    give_up_question(message, request, reason, now, changes)
    return cancelled(message, reason, now)


def cancelled(message: SmsMessage, reason: str, now: datetime) -> SmsMessage:
    """Return a message that does not leave."""
    return replace(message, state=TextState.CANCELLED, text="", parts=0, reason=reason, changed_at=now)


def give_up_question(
    message: SmsMessage, request: SurveyRequest | None, reason: str, now: datetime, changes: ChangeSet
) -> None:
    """Change the question of a message that nobody gets to one that could not be delivered, where it is still open."""
    if message.message in QUESTIONS and request is not None and request.state == RequestState.OPEN:
        changes.change(replace(request, state=RequestState.UNDELIVERABLE, reason=reason, changed_at=now))


def recorded(
    message: SmsMessage, result: TextResult, request: SurveyRequest | None, now: datetime, changes: ChangeSet
) -> SmsMessage:
    """Return a message as its handing over left it, and change its question with it."""
    detail = result.text[:500]
    if result.kind in (SendKind.ACCEPTED, SendKind.UNKNOWN) and message.message in QUESTIONS and request is not None:
        changes.change(mark_sent(request, now))  # also unknown: the customer may have it, and may answer
    if result.kind == SendKind.ACCEPTED:
        return replace(message, state=TextState.SENT, provider_id=result.id, detail=detail, changed_at=now)
    if result.kind == SendKind.LATER and now - message.created_at < TRIED_FOR:
        again = now + PAUSE
        return replace(message, state=TextState.READY, not_before=again, reason="later", detail=detail, changed_at=now)
    if result.kind == SendKind.UNKNOWN:
        return replace(message, state=TextState.UNKNOWN, reason="cut", detail=detail, changed_at=now)
    return failed(message, detail, request, now, changes)


def failed(
    message: SmsMessage, detail: str, request: SurveyRequest | None, now: datetime, changes: ChangeSet
) -> SmsMessage:
    """Return a message that its carrier could not deliver; an unanswered question is then undeliverable."""
    give_up_question(message, request, f"{Reason.CARRIER_FAILED}: {detail}", now, changes)
    return replace(message, state=TextState.FAILED, reason=Reason.CARRIER_FAILED, detail=detail, changed_at=now)
