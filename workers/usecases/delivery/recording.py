"""Recording: how each handing over ended is kept, with what follows from it; one that breaks does not undo the others.

Idempotent: an attempt that is not the newest changes nothing, so that recording may be tried again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from workers.domain.changeset import ChangeSet
from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.policy import Policy
from workers.domain.records import SurveyRequest
from workers.domain.types import MailClass, Reason
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.delivery import claim, mail_servers
from workers.store.delivery.claim import WEBHOOK
from workers.store.delivery.sent_mails import add_sent
from workers.store.engine import Store, database_now
from workers.text.plain_text import for_store
from workers.usecases.delivery import mail_server, webhook_retries
from workers.usecases.delivery.outcomes import alarm, apply_outcome, judge_mailbox, record_end, undeliverable
from workers.usecases.delivery.outgoing import OutgoingMessage, people
from workers.usecases.delivery.send_controls import Sending

log = logging.getLogger(__name__)
End = tuple[OutgoingMessage, SendResult]
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
        self._server = server
        self._hook_target = hook_target

    def record(self, ends: Sequence[End], now: datetime) -> None:
        """Record some ends in one transaction: state, consequences, and how the other side stands."""
        policy = self._policy()
        storable = [(parcel, replace(result, text=for_store(result.text))) for parcel, result in ends]

        def work(connection: Connection) -> None:
            parcels = [parcel for parcel, _ in storable]
            owners = people(connection, {one.dispatch.customer for one in parcels if one.dispatch.customer})
            whose = {*owners, *(customer.id for customer in owners.values())}
            wanted = [parcel.dispatch.request for parcel in parcels if parcel.dispatch.request]
            requests = read.with_owners(connection, SurveyRequest, whose, wanted) if wanted else []
            known = {one.id: one for one in requests}
            changes, sent = ChangeSet(), 0
            for parcel, result in sorted(storable, key=lambda pair: pair[0].dispatch.id):
                if record_end(connection, parcel.dispatch, result, now, policy):
                    sent += is_sent(parcel, result)
                    request = known.get(parcel.dispatch.request or "")
                    apply_outcome(connection, parcel, result, request, now, changes, policy)
                    alarm(connection, parcel, result, now, policy.refusals)
                    if not self._sending.redirect:
                        for row in judge_mailbox(connection, parcel, result, policy, now):
                            changes.add(row)
            apply(connection, changes, now)
            self._judge_receivers(connection, storable, now)
            add_sent(connection, sent)

        self._store.write(work)
        for parcel, result in storable:
            log.info(
                result.kind,
                extra={"action": "dispatch", "dispatch": parcel.dispatch.id, "template": parcel.dispatch.template},
            )

    def record_plainly(self, end: End, now: datetime) -> None:
        """Record one end without its consequences, after these broke it: what left must not leave again for that."""
        parcel, result = end
        storable = replace(result, text=for_store(result.text))

        def work(connection: Connection) -> None:
            if record_end(connection, parcel.dispatch, storable, now, self._policy()):
                add_sent(connection, int(is_sent(parcel, result)))

        self._store.write(work)

    def _judge_receivers(self, connection: Connection, ends: Sequence[End], now: datetime) -> None:
        """Keep how the mail server and the receiver of webhooks stand after some answers."""
        hooks = [result for parcel, result in ends if parcel.dispatch.kind == WEBHOOK]
        mails = [result for parcel, result in ends if parcel.dispatch.kind != WEBHOOK]
        if hooks and self._hook_target:
            webhook_retries.record(connection, self._hook_target, hooks, now)
        if mails and self._server:
            self._judge_server(connection, mails, now)

    def _judge_server(self, connection: Connection, results: Sequence[SendResult], now: datetime) -> None:
        """Keep how the mail server stands: what fails together counts once; its changes are told, once each."""
        failed = [one for one in results if one.everyone]
        answered = [one for one in results if one.code and not one.everyone]
        before = mail_servers.state_of(connection, self._server, lock=bool(failed))
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
        if since is None or since > now - min(policy.keep.of(one) for one in MailClass):
            return 0
        detail = for_store(f"from {since:%Y-%m-%d %H:%M} UTC on; {state.reason}")[:500]

        def work(connection: Connection) -> int:
            ended = 0
            for mail_class in MailClass:
                latest = now - policy.keep.of(mail_class)
                if since > latest:
                    continue
                waiting = claim.waiting_since(connection, mail_class, latest, GIVEN_UP_AT_ONCE)
                read.lock_customers(connection, {one.customer for one in waiting if one.customer})
                for one in waiting:
                    if claim.give_up(connection, one, Reason.SERVER_AWAY, detail, now):
                        undeliverable(connection, one, Reason.SERVER_AWAY, now)
                        ended += 1
            return ended

        return self._store.write(work)


def is_sent(parcel: OutgoingMessage, result: SendResult) -> bool:
    """Tell whether a mail was taken by its server."""
    return parcel.dispatch.kind != WEBHOOK and result.kind == SendKind.ACCEPTED


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
