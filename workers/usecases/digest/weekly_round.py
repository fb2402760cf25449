"""The weekly round: whoever wants a digest gets one mail on Monday at 8:00 of their zone, once however many look.

The mail holds no word of any customer until it is written: what was forgotten meanwhile is not in it. While sending is
held nobody is written to, and what is two days late is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from workers.domain.changeset import ChangeSet
from workers.domain.policy import Policy
from workers.domain.records import Dispatch
from workers.domain.reporting.digest import STILL_SENT_FOR, TEMPLATE, Digest, due_at
from workers.domain.types import NOBODY, DispatchState, MailClass
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.sign_in import accounts
from workers.store.sign_in.accounts import Reader
from workers.usecases.digest.contents import digest_of

OWNER, UNTIL = "reader", "until"
"""What the stored mail says: for whom it is, and up to when. The rest is read when it is written."""


@dataclass(frozen=True, slots=True)
class DigestPreview:
    """What somebody would read now, and where it would go."""

    reader: Reader
    digest: Digest


class DigestRound:
    """Sends the digests that are due; any number of senders may look at the same time."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        may_send: Callable[[Connection], bool],
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._may_send = may_send

    def send_due(self) -> int:
        """Write the mails that are due and return how many; nothing while sending is held. Idempotent."""
        policy, now = self._policy(), self._now()
        with self._store.reading() as connection:
            due = due_readers(accounts.readers(connection), now, policy)
            if not due or not self._may_send(connection):
                return 0
        return sum(
            self._store.write(partial(send_one, reader=reader, at=at, policy=policy, now=now)) for reader, at in due
        )

    def preview(self, name: str = "") -> list[DigestPreview]:
        """Return what agents and leads, or the one of a name, would read now, whether or not they get it."""
        policy, now = self._policy(), self._now()
        with self._store.reading(patient=True) as connection:
            readers = [reader for reader in accounts.everybody_who_reads(connection) if name in ("", reader.name)]
            return [DigestPreview(reader, digest_of(connection, reader, now, policy)) for reader in readers]


def due_readers(readers: list[Reader], now: datetime, policy: Policy) -> list[tuple[Reader, datetime]]:
    """Return whose digest is due and was not looked at, each with when it was due."""
    due = [(reader, due_at(now, reader.zone or policy.calendar.zone)) for reader in readers]
    return [
        (reader, at)
        for reader, at in due
        if now < at + STILL_SENT_FOR and (reader.digest_at is None or reader.digest_at < at)
    ]


def send_one(connection: Connection, reader: Reader, at: datetime, policy: Policy, now: datetime) -> bool:
    """Take one person's digest of a week, and write their mail if anything happened; False if not, or taken before."""
    if not accounts.take_digest(connection, reader.name, at):
        return False
    if not digest_of(connection, reader, at, policy).happened:
        return False
    changes = ChangeSet()
    changes.add(digest_mail(reader, at, policy, now))
    apply(connection, changes, now)
    return True


def digest_mail(reader: Reader, at: datetime, policy: Policy, now: datetime) -> Dispatch:
    """Return the mail to somebody of the team; no customer's, and keyed by person and week."""
    return Dispatch(
        id=policy.ids.derive(at, "mail", TEMPLATE, reader.name),
        customer=NOBODY,
        kind="mail",
        mail_class=MailClass.SERVICE,
        template=TEMPLATE,
        language=policy.language,
        facts={OWNER: reader.name, UNTIL: at.isoformat()},
        request=None,
        response=None,
        action=None,
        ticket=None,
        state=DispatchState.READY,
        not_before=now,
        created_at=now,
        recipient=reader.email,
    )


def facts_when_written(
    connection: Connection, dispatch: Dispatch, policy: Policy, now: datetime
) -> dict[str, object] | None:
    """Return what a digest says, read as it is written; None where it is too late, or its reader wants it no more."""
    until = datetime.fromisoformat(str(dispatch.facts[UNTIL]))
    wanting = {reader.name: reader for reader in accounts.readers(connection)}
    reader = wanting.get(str(dispatch.facts[OWNER]))
    if reader is None or reader.email != dispatch.recipient or now >= until + STILL_SENT_FOR:
        return None
    zone = reader.zone or policy.calendar.zone
    return digest_of(connection, reader, until, policy).facts(zone)
