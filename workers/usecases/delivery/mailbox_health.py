"""Mailboxes: what the mails to one address came to lately, and giving an address up that takes none.

A mail that the other side has, and that did not come back in the time that servers try, has arrived: it ends the count
of failures before it. What was refused because of us says nothing about the mailbox.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from workers.domain.history import Subject, Why, history
from workers.domain.mail.bounce_parser import BounceKind, meaning_of
from workers.domain.mail.deliverability import ARRIVES_WITHIN, is_dead
from workers.domain.mailbox_keys import address_key
from workers.domain.policy import Policy
from workers.domain.records import Dispatch, Row, Suppression
from workers.domain.types import DispatchState, Reason
from workers.store.connection import Connection
from workers.store.delivery.mailbox_record import latest_ends
from workers.store.sign_in.audit_log import last_act_at

log = logging.getLogger(__name__)
HARD_BOUNCE, DEAD = "bounce", "dead"
"""Kinds of suppression that speak of the mailbox and not of the person."""
LIFT = "suppression.lift"
"""The act by which an operator gives a mailbox back; the audit log keeps it under the mailbox's hash."""
LOOKED_AT = 100
"""Mails to one address that are looked at, the newest first."""


def failures_of(connection: Connection, mail: Dispatch, policy: Policy, now: datetime) -> list[datetime]:
    """Return when mails to a mail's address failed softly, the newest first.

    What counts is since the last that arrived there, and since an operator gave the mailbox back.
    """
    failed: list[datetime] = []
    for end in latest_ends(connection, mail.customer, mail.recipient, LOOKED_AT):
        accepted_at = end.accepted_at or end.ended_at
        if end.state == DispatchState.ACCEPTED and accepted_at <= now - ARRIVES_WITHIN:
            break
        if end.state != DispatchState.ACCEPTED and is_theirs(end.reason, end.detail):
            failed.append(end.ended_at)
    if len(failed) + 1 < policy.dead.failures:
        return failed  # too few to give it up: what was lifted makes no difference
    given_back_at = lifted_at(connection, mail.recipient, policy)
    return [at for at in failed if given_back_at is None or at > given_back_at]


def lifted_at(connection: Connection, address: str, policy: Policy) -> datetime | None:
    """Return when an operator last lifted the suppression of an address, whichever way it is spelt; None: never."""
    return last_act_at(connection, address_key(address, policy.ids), LIFT)


def is_theirs(reason: str, detail: str) -> bool:
    """Tell whether a failed mail says something about its mailbox, and not about us or our server."""
    return reason in (Reason.BOUNCED, Reason.REFUSED_BY_SERVER) and meaning_of(detail)[0] != BounceKind.OURS


def suppress(mail: Dispatch, kind: str, said: str, policy: Policy, now: datetime) -> Suppression:
    """Return the row that keeps a mail's address from getting any more."""
    return Suppression(address_key(mail.recipient, policy.ids), kind, now, said[:200])


def given_up(mail: Dispatch, failures: Sequence[datetime], policy: Policy, now: datetime) -> Iterator[Row]:
    """Give the rows that give up an address that failed again and again, and tell it in its customer's history."""
    if mail.customer is None or not is_dead(failures, policy.dead):
        return
    said = f"failed {len(failures)} times since {min(failures):%Y-%m-%d}, with no success between"
    yield suppress(mail, DEAD, said, policy, now)
    why = Why(Reason.SUPPRESSED, f"{DEAD}: the mailbox {said}")
    yield history(Subject(mail.customer, "dispatch", mail.id), DispatchState.SUPPRESSED, why, now, policy.ids)
    log.warning("a mailbox is given up: it %s", said, extra={"action": "mailbox.dead", "dispatch": mail.id})
