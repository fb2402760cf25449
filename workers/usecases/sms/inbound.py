"""What a carrier tells: reports of delivery, and customers' replies; each taken once, in any order."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from time import sleep
from typing import Protocol

import orjson

from workers.cloudevents import Fault, Refusal, Rejected
from workers.domain.changeset import ChangeSet
from workers.domain.customer.sms_replies import take_reply
from workers.domain.customer_case import UnitOfWork
from workers.domain.mailbox_keys import number_key
from workers.domain.policy import Policy
from workers.domain.records import Customer, SmsMessage, SmsReply, Suppression, SurveyRequest
from workers.domain.sms.carried import InboundText, TextReport
from workers.domain.sms.reply import ReplyKind, read_reply
from workers.domain.types import Ingress, ReplyUse, TextState
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.ledger import Incoming
from workers.store.sign_in.audit_log import record_act
from workers.store.survey import text_messages
from workers.store.ticket.roster import decide
from workers.structs import replace
from workers.text.plain_text import for_store
from workers.usecases.sms.texting import failed

log = logging.getLogger(__name__)
LISTED = 200
LOOKED_UP, BETWEEN_SECONDS = 8, 0.25
"""How often, and how far apart, the message of a report is looked for: a carrier waits for five seconds at least."""
LATER_STATES = {TextState.SENT: 1, TextState.UNKNOWN: 1, TextState.DELIVERED: 2, TextState.FAILED: 2}
"""How far a message is; a report moves it forward only, because reports overtake each other."""


class Refuse(Protocol):
    """Keeps messages that the door itself could not take as dead letters, as `Intake.take` does."""

    def __call__(self, batch: Sequence[Incoming], door: Ingress, *, refused: Sequence[Rejected | None]) -> object:
        """Keep them; the same message twice is one letter. Raises NotNow."""


class Taken(StrEnum):
    """What became of something that a carrier told."""

    TAKEN = "taken"
    SAME = "same again"
    STOPPED = "a number that nobody was asked on is never asked"
    NOBODY = "no message and no dialogue of ours"


class TextInbox:
    """Takes what carriers tell; every act is idempotent."""

    def __init__(
        self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime], refuse: Refuse | None = None
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._refuse = refuse

    def take(self, told: Sequence[TextReport | InboundText], carrier: str) -> list[Taken]:
        """Take what one request of a carrier says; what belongs to nobody is kept as a dead letter. Raises NotNow."""
        taken = []
        for part in told:
            end = self.take_reply(part) if isinstance(part, InboundText) else self._take_report_soon(part, carrier)
            if end == Taken.NOBODY and self._refuse is not None:
                self._refuse([as_message(part, carrier)], Ingress.HTTP, refused=[unknown(part, carrier)])
            taken.append(end)
        return taken

    def _take_report_soon(self, report: TextReport, carrier: str) -> Taken:
        """Take a report; one of an unknown message is looked up again while a sender has yet to record what it sent.

        A carrier may report before its answer to the sending is written down.
        """
        for _ in range(LOOKED_UP):
            taken = self.take_report(report, carrier)
            if taken != Taken.NOBODY or not self._is_sending(carrier):
                return taken
            sleep(BETWEEN_SECONDS)
        return Taken.NOBODY

    def _is_sending(self, carrier: str) -> bool:
        with self._store.reading() as connection:
            return text_messages.is_sending(connection, carrier)

    def take_report(self, report: TextReport, carrier: str) -> Taken:
        """Move a message on as its carrier reports it; one that is further already stays."""
        now = self._now()

        def work(connection: Connection) -> Taken:
            message = text_messages.message_of_report(connection, carrier, report.id)
            if message is None:
                return Taken.NOBODY
            read.lock_customers(connection, [message.customer])
            message = read.by_owner(connection, SmsMessage, message.customer, message.id) or message
            if LATER_STATES.get(report.state, 0) <= LATER_STATES.get(message.state, 0):
                return Taken.SAME
            changes, detail = ChangeSet(), for_store(report.detail)[:500]
            request = read.by_owner(connection, SurveyRequest, message.customer, message.dialogue)
            if report.state == TextState.FAILED:
                changes.change(failed(message, detail, request, now, changes))
            else:
                changes.change(replace(message, state=report.state, detail=detail, reason="", changed_at=now))
            apply(connection, changes, now)
            return Taken.TAKEN

        return self._store.write(work)

    def take_reply(self, inbound: InboundText) -> Taken:
        """Take a customer's reply into the dialogue that was begun last with its number.

        Where there is none, a wish to stop is kept all the same, and anything else is told to the operator.
        """
        policy, now = self._policy(), self._now()
        inbound = replace(inbound, text=for_store(inbound.text))
        number = number_key(inbound.number, policy.ids)

        def work(connection: Connection) -> Taken:
            dialogue = text_messages.newest_of_number(connection, number)
            locked = read.lock_customers(connection, [dialogue.customer]) if dialogue else []
            dialogue = text_messages.newest_of_number(connection, number)  # as it is under the lock
            if dialogue is None or not locked or locked[0].id != dialogue.customer:
                if read_reply(inbound.text).kind != ReplyKind.STOP:
                    return Taken.NOBODY
                changes = ChangeSet()
                changes.add(Suppression(number, "opt_out", now, "customer"))
                apply(connection, changes, now)
                return Taken.STOPPED
            work = UnitOfWork(policy, now)
            (case,) = read.cases_of(connection, work, locked).values()
            key = policy.ids.derive(dialogue.asked_at, "sms_reply", inbound.id)
            if read.by_owner(connection, SmsReply, dialogue.customer, key) is not None:
                return Taken.SAME
            is_by_link = text_messages.brought_a_link(connection, dialogue)
            decide(connection, work, lambda: take_reply(case, dialogue, inbound, is_by_link=is_by_link))
            apply(connection, work.hand_over(), now)
            return Taken.TAKEN

        taken = self._store.write(work)
        if taken == Taken.NOBODY:
            log.warning("an SMS from a number that nobody was asked on", extra={"action": "sms.from_nobody"})
        return taken

    def to_read(self) -> list[tuple[SmsReply, Customer]]:
        """Return the replies that a person is to read, the oldest first, each with its customer."""
        with self._store.reading() as connection:
            replies = text_messages.replies_to_read(connection, LISTED)
            people = {row.id: row for row in read.with_ids(connection, Customer, {row.customer for row in replies})}
        return [(reply, people[reply.customer]) for reply in replies if reply.customer in people]

    def mark_read(self, reply: str, by: str) -> bool:
        """Keep that somebody has read a reply; False for one that is unknown or was read before."""
        now = self._now()

        def work(connection: Connection) -> bool:
            stored = read.by_key(connection, SmsReply, reply) if read.is_id(reply) else None
            if stored is None or stored.use != ReplyUse.HANDED_OVER:
                return False
            changes = ChangeSet()
            changes.change(replace(stored, use=ReplyUse.READ, by=by))
            apply(connection, changes, now)
            record_act(connection, now, by, "sms.read", stored.dialogue, {})
            return True

        return self._store.write(work)


def as_message(told: TextReport | InboundText, carrier: str) -> Incoming:
    """Return what a carrier told as a dead letter keeps it: the same for the same thing told twice."""
    fields = {"carrier": carrier, "id": told.id}
    if isinstance(told, InboundText):
        fields |= {"number": told.number, "text": for_store(told.text)}
    else:
        fields |= {"state": told.state.value, "detail": told.detail}
    return Incoming(orjson.dumps(fields), {}, "application/json")


def unknown(told: TextReport | InboundText, carrier: str) -> Rejected:
    """Return why what a carrier told belongs to nothing here, and what to do."""
    if isinstance(told, InboundText):
        sentence = "Nobody was asked on the number that this SMS came from. Read it, answer who wrote, then discard it."
    else:
        sentence = (
            f"No SMS of ours has this id. Where another program sends by the same account of {carrier}, let its "
            "reports go to it; then discard this letter."
        )
    return Rejected(Refusal.UNKNOWN_MESSAGE, (Fault("", sentence),), f"sms/{carrier}", told.id[:200] or None)
