"""What the digest of one person says: read for a week and worked out, and nothing written."""

from datetime import datetime, timedelta

from workers.calendar import in_zone
from workers.domain.policy import Policy
from workers.domain.reporting import Filters
from workers.domain.reporting.digest import (
    ACCOUNTS_SHOWN,
    COMMENTS_SHOWN,
    OF_DAYS,
    SCORES_OF,
    TOUCHPOINTS_SHOWN,
    Comment,
    Digest,
    Done,
    Silence,
)
from workers.domain.reporting.model import Reading
from workers.domain.reporting.scales import scale_of
from workers.domain.ticket import clock_due
from workers.domain.types import ACCOUNT
from workers.store.connection import Connection
from workers.store.report import accounts, digests, themes
from workers.store.sign_in.accounts import Reader, Role


def digest_of(connection: Connection, reader: Reader, until: datetime, policy: Policy) -> Digest:
    """Return what somebody reads of the week before an instant: a lead of everybody, an agent of their own.

    Who owns no customers by the CRM's word reads what all customers answered, and of their own tickets.
    """
    since, zone = until - OF_DAYS, reader.zone or policy.calendar.zone
    holder = "" if reader.role == Role.LEAD else reader.name
    owner = holder if holder and digests.owns_customers(connection, holder) else ""
    lately = Filters(since=until - SCORES_OF, until=until)
    return Digest(
        since=since,
        until=until,
        opened=digests.opened(connection, holder, since, until),
        overdue=sum(
            clock_due(ticket, until, policy) <= until
            for ticket in digests.past_first_contact(connection, holder, until)
        ),
        won_back=digests.won_back(connection, holder, since, until),
        answers=digests.answers(connection, owner, since, until),
        scores={
            touchpoint: Reading.of(figures)
            for touchpoint, figures in digests.scores(connection, owner, lately, TOUCHPOINTS_SHOWN)
        },
        comments=tuple(
            Comment(in_zone(at, zone).date(), score, scale_of(question).highest, text)
            for at, score, question, text in digests.comments(connection, owner, since, until, COMMENTS_SHOWN)
        ),
        silence=silence_of(connection, owner, until, policy),
        done=done_in(connection, holder, since, until),
    )


def silence_of(connection: Connection, owner: str, until: datetime, policy: Policy) -> Silence:
    """Return which accounts are silent, the newest first; nothing where no account is declared."""
    declared = policy.attributes.get(ACCOUNT)
    if declared is None:
        return Silence()
    quiet_for = timedelta(days=declared.silent_after)
    silent = accounts.silent(connection, until, until - quiet_for, owner=owner)
    by_age = sorted(silent, key=lambda account: account.silent_since(quiet_for), reverse=True)
    new = sum(account.silent_since(quiet_for) > until - OF_DAYS for account in silent)
    return Silence(len(silent), new, tuple(account.name for account in by_age[:ACCOUNTS_SHOWN]))


def done_in(connection: Connection, holder: str, since: datetime, until: datetime) -> Done | None:
    """Return one thing that was done in a time: what customers had wished for, else how a ticket ended."""
    finished = [
        initiative
        for initiative in themes.initiatives(connection)
        if initiative.done_at is not None and since <= initiative.done_at < until
    ]
    if finished:
        latest = max(finished, key=lambda initiative: (initiative.done_at or since, initiative.id))
        return Done(latest.name)
    solved = digests.last_solved(connection, holder, since, until)
    return Done(solved[1], solved[0]) if solved else None
