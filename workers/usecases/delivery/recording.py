"""Recording: how each handing over ended is kept, with what follows from it; one that breaks does not undo the others.

Idempotent: an attempt that is not the newest changes nothing, so that recording may be tried again.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from workers.domain.changeset import ChangeSet
from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.policy import Policy
from workers.domain.records import Dispatch, SurveyRequest
from workers.domain.survey.reminders import REMINDER
from workers.domain.types import MailClass, Reason
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.delivery import claim, departures, mail_servers
from workers.store.delivery.claim import WEBHOOK
from workers.store.delivery.ordinary_turns import Times
from workers.store.delivery.sent_mails import add_sent, capped_of
from workers.store.engine import Store, database_now
from workers.text.plain_text import for_store
from workers.usecases.delivery import mail_server, webhook_retries
from workers.usecases.delivery.outcomes import alarm, apply_outcome, judge_mailbox, record_end, undeliverable
from workers.usecases.delivery.outgoing import LEFT_LATE, OutgoingMessage, people
from workers.usecases.delivery.send_controls import Sending, midnight_of

log = logging.getLogger(__name__)
End = tuple[OutgoingMessage, SendResult]


@dataclass(frozen=True, slots=True)
class Sent:
    """How many mails a server took, and how many of them count for the day's maximum."""

    mails: int = 0
    capped: int = 0

    @classmethod
    def of(cls, recorded: Sequence[End]) -> "Sent":
        """Count ends that were recorded."""
        mails = [parcel.dispatch for parcel, result in recorded if is_taken(result) and parcel.dispatch.kind != WEBHOOK]
        return cls(len(mails), capped_of(mails))


GIVEN_UP_AT_ONCE = 200
"""Mails that one transaction gives up when their server has been away for longer than they are kept."""


class Recording:
    """Keeps how things ended; `server` and `hook_target` name where mails and webhooks go, empty without one."""

    def __init__(
        self, store: Store, policy: Callable[[], Policy], sending: Sending, *, server: str = "", hook_target: str = ""
    ) -> None:
        self._store = store
        self._policy = policy
        self._sending = sending
        self.server = server
        self.hook_target = hook_target

    def record(self, connection: Connection, ends: Sequence[End], failing: Collection[str], now: datetime) -> Sent:
        """Record some ends: state, consequences, and how the other side stands; return what was sent, to be counted.

        Their customers are locked by the caller. `failing`: the mail servers that take no mails by now.
        """
        storable = [storable_end(end) for end in ends]
        taken = [(parcel.dispatch, stored_words(result)) for parcel, result in ends if is_taken(result)]
        accepted = departures.accept_many(connection, taken, now)
        policy, recorded = self._policy(), []
        for parcel, result in sorted(storable, key=lambda end: end[0].dispatch.id):
            if is_taken(result):
                if parcel.dispatch.id in accepted:
                    recorded.append((parcel, result))
            elif record_end(connection, parcel.dispatch, result, now, policy):
                recorded.append((parcel, result))
        asked = {parcel.dispatch.request: parcel.dispatch.customer for parcel, end in recorded if asks(parcel, end)}
        owners = {request: customer for request, customer in asked.items() if request and customer}
        plain = departures.mark_requests_sent(connection, owners, now, LEFT_LATE)
        self._follow(connection, recorded, plain, now)
        self._judge_receivers(connection, storable, failing, now)
        return Sent.of(recorded)

    def _follow(self, connection: Connection, recorded: Sequence[End], plain: Collection[str], now: datetime) -> None:
        """Take the consequences of ends that are recorded; `plain` are the requests from which no more follows."""
        policy, changes = self._policy(), ChangeSet()
        others = [end for end in recorded if end[0].dispatch.request not in plain or not asks(*end)]
        requests = requests_of(connection, [parcel.dispatch for parcel, _ in others])
        for parcel, result in others:
            request = requests.get(parcel.dispatch.request or "")
            apply_outcome(connection, parcel, result, request, now, changes, policy)
            alarm(connection, parcel, result, now, policy.refusals)
            if not self._sending.redirect:
                for row in judge_mailbox(connection, parcel, result, policy, now):
                    changes.add(row)
        apply(connection, changes, now)

    def times(self, now: datetime, lease_seconds: float) -> Times:
        """Return the instants by which an ordinary turn is taken."""
        return Times(now, now - LEFT_LATE, midnight_of(now, self._policy().zone), lease_seconds)

    def count(self, connection: Connection, sent: Sent, now: datetime) -> None:
        """Count what was sent, as the last thing of a transaction: others wait for these rows."""
        add_sent(connection, sent.mails, sent.capped, midnight_of(now, self._policy().zone))

    def record_plainly(self, end: End, now: datetime) -> None:
        """Record one end without its consequences, after these broke it: what left must not leave again for that."""
        parcel, result = storable_end(end)

        def work(connection: Connection) -> None:
            if record_end(connection, parcel.dispatch, result, now, self._policy()):
                self.count(connection, Sent.of([(parcel, result)]), now)

        self._store.write(work)

    def _judge_receivers(
        self, connection: Connection, ends: Sequence[End], failing: Collection[str], now: datetime
    ) -> None:
        """Keep how the mail server and the receiver of webhooks stand after some answers."""
        hooks = [result for parcel, result in ends if parcel.dispatch.kind == WEBHOOK]
        mails = [result for parcel, result in ends if parcel.dispatch.kind != WEBHOOK]
        if hooks and self.hook_target:
            webhook_retries.record(connection, self.hook_target, hooks, now)
        if mails and self.server and (self.server in failing or any(result.everyone for result in mails)):
            self._judge_server(connection, mails, now)

    def _judge_server(self, connection: Connection, results: Sequence[SendResult], now: datetime) -> None:
        """Keep how the mail server stands: what fails together counts once; its changes are told, once each."""
        failed = [result for result in results if result.everyone]
        answered = [result for result in results if result.code and not result.everyone]
        before = mail_servers.state_of(connection, self.server, lock=bool(failed))
        if not failed and not (answered and before.failures):
            return
        state = before
        for result in (*answered[-1:], *failed[-1:]):
            state = mail_server.after(state, result, now, database_now(connection))
        mail_servers.keep_state(connection, state)
        if mail_server.word_of(state) != mail_server.word_of(before):
            tell_of(state, before)

    def give_up_on_server(self, state: mail_servers.ServerState, now: datetime) -> int:
        """End mails that were due, and their server away, for longer than their class is kept; return how many."""
        since, policy = state.failing_since, self._policy()
        if since is None or since > now - min(policy.keep.of(mail_class) for mail_class in MailClass):
            return 0
        detail = for_store(f"from {since:%Y-%m-%d %H:%M} UTC on; {state.reason}")[:500]

        def work(connection: Connection) -> int:
            ended = 0
            for mail_class in MailClass:
                latest = now - policy.keep.of(mail_class)
                if since > latest:
                    continue
                waiting = claim.waiting_since(connection, mail_class, latest, GIVEN_UP_AT_ONCE)
                read.lock_customers(connection, {mail.customer for mail in waiting if mail.customer})
                for mail in waiting:
                    if claim.give_up(connection, mail, Reason.SERVER_AWAY, detail, now):
                        undeliverable(connection, mail, Reason.SERVER_AWAY, now)
                        ended += 1
            return ended

        return self._store.write(work)


def is_taken(result: SendResult) -> bool:
    """Tell whether the other side took it."""
    return result.kind == SendKind.ACCEPTED


def asks(parcel: OutgoingMessage, result: SendResult) -> bool:
    """Tell whether a mail is a question that was taken."""
    dispatch = parcel.dispatch
    return is_taken(result) and dispatch.kind != WEBHOOK and dispatch.action is None and dispatch.template != REMINDER


def requests_of(connection: Connection, dispatches: Sequence[Dispatch]) -> dict[str, SurveyRequest]:
    """Return the requests of some dispatches by their ids; whoever is their customer by now is locked."""
    about = [dispatch.request for dispatch in dispatches if dispatch.request]
    if not about:
        return {}
    owners = people(connection, {mail.customer for mail in dispatches if mail.customer}, locking=True)
    whose = {*owners, *(customer.id for customer in owners.values())}
    return {request.id: request for request in read.with_owners(connection, SurveyRequest, whose, about)}


def stored_words(result: SendResult) -> str:
    """Return what is kept of the words of a server that took a mail."""
    return for_store(result.text)[:500]


def storable_end(end: End) -> End:
    """Return an end whose words the database can hold."""
    parcel, result = end
    return parcel, replace(result, text=for_store(result.text))


def tell_of(state: mail_servers.ServerState, before: mail_servers.ServerState) -> None:
    """Log that a mail server went away, or is back: one line for each change."""
    if state.failures:
        log.warning("%s; all mail waits", state.sentence, extra={"action": "mailserver.away"})
    else:
        since = f"{before.failing_since:%Y-%m-%d %H:%M} UTC" if before.failing_since else "a while"
        log.warning(
            "the mail server %s takes mails again; it had not since %s",
            state.server,
            since,
            extra={"action": "mailserver.back"},
        )
