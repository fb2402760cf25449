"""Preparation: claimed dispatches get their bytes, a group at a time; just before they leave they are marked.

Writing holds no lock. What may have changed since (the customer, a suppression, a pause, a deadline) is looked at again
in the transaction that marks, under the locks of the customers, and what did change has the mail decided anew there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from workers.domain.policy import Policy
from workers.domain.records import Dispatch
from workers.domain.sending_state import SendingState
from workers.domain.types import DispatchState
from workers.errors import Conflict, KeyTaken
from workers.store import read
from workers.store.connection import Connection
from workers.store.delivery import claim, departures
from workers.store.delivery.claim import CAPPED, WEBHOOK
from workers.store.delivery.departures import Surroundings
from workers.store.engine import Store
from workers.usecases.delivery.outcomes import refuse
from workers.usecases.delivery.outgoing import DeliveryContext, OutgoingMessage, Refused, overtaken
from workers.usecases.delivery.send_controls import Sending, state_by
from workers.usecases.delivery.writing import CANNOT_BE_WRITTEN, Writing

PUT_OFF = timedelta(minutes=1)
"""How long a dispatch waits whose rows other writers held each time it was looked at."""


class Preparation:
    """Makes parcels of dispatches, and marks them as leaving."""

    def __init__(self, store: Store, policy: Callable[[], Policy], sending: Sending, writing: Writing) -> None:
        self._store = store
        self._policy = policy
        self._sending = sending
        self._writing = writing

    def prepare(self, group: Sequence[Dispatch], now: datetime) -> list[OutgoingMessage]:
        """Write what may leave and keep its bytes; record why the rest may not. They stay leased.

        What another sender has claimed meanwhile is that one's affair, and left out.
        """
        with self._store.reading() as connection:
            context = DeliveryContext.of(connection, group, self._policy(), locking=False)
            written = [self._writing.write(connection, dispatch, context, now) for dispatch in group]
        parcels = [parcel for parcel in written if isinstance(parcel, OutgoingMessage)]
        refused = [refusal.dispatch for refusal in written if isinstance(refusal, Refused)]

        def work(connection: Connection) -> list[OutgoingMessage]:
            anew = self._decide(connection, refused, now) if refused else []
            held = claim.still_ours(connection, [parcel.dispatch for parcel in parcels]) if parcels else []
            ours = {dispatch.id for dispatch in held}
            keep([parcel for parcel in parcels if parcel.dispatch.id in ours], connection)
            return [parcel for parcel in parcels if parcel.dispatch.id in ours] + anew

        return self._store.write(work)

    def mark(
        self,
        connection: Connection,
        parcels: Sequence[OutgoingMessage],
        customers: Mapping[str, str],
        around: Surroundings,
        now: datetime,
        until: datetime,
    ) -> list[OutgoingMessage]:
        """Mark as leaving what still may leave, and return it; the rest is decided anew, or given back while paused.

        `customers` are the versions of those of the parcels, locked by the caller.
        """
        state = state_by(around.controls, self._sending)
        going: list[OutgoingMessage] = []
        for parcel in sorted(parcels, key=lambda parcel: parcel.dispatch.id):
            if is_paused(parcel, state):
                claim.give_back(connection, parcel.dispatch)
            else:
                going.append(parcel)
        same = [parcel for parcel in going if is_as_composed(parcel, customers, around, now)]
        marked = departures.mark_leaving(connection, marks_of(same), until)
        leaving = [parcel for parcel in same if parcel.dispatch.id in marked]
        changed = [parcel.dispatch for parcel in going if parcel.dispatch.id not in marked]
        return leaving + (self._decide(connection, changed, now, until) if changed else [])

    def may_leave(
        self, parcels: Sequence[OutgoingMessage], customers: Mapping[str, str], around: Surroundings, now: datetime
    ) -> bool:
        """Tell whether every one of some mails may leave as it is."""
        state = state_by(around.controls, self._sending)
        return all(
            is_as_composed(parcel, customers, around, now) and not is_paused(parcel, state) for parcel in parcels
        )

    def set_aside(self, dispatch: Dispatch, error: Exception, now: datetime) -> None:
        """End a dispatch that breaks its own preparation; where other writers were in the way it is tried again."""

        def work(connection: Connection) -> None:
            read.lock_customers(connection, [dispatch.customer] if dispatch.customer else [])
            if isinstance(error, Conflict) and not isinstance(error, KeyTaken):
                claim.give_back(connection, dispatch, not_before=now + PUT_OFF)
            else:
                refuse(
                    connection, Refused(dispatch, DispatchState.FAILED, CANNOT_BE_WRITTEN, type(error).__name__), now
                )

        self._store.write(work)

    def _decide(
        self, connection: Connection, group: Sequence[Dispatch], now: datetime, until: datetime | None = None
    ) -> list[OutgoingMessage]:
        """Write a few dispatches anew under the locks of their customers, and mark them where `until` is given."""
        context = DeliveryContext.of(connection, group, self._policy())
        parcels: list[OutgoingMessage] = []
        for dispatch in sorted(claim.still_ours(connection, group), key=lambda row: row.id):
            written = self._writing.write(connection, dispatch, context, now)
            if isinstance(written, Refused):
                refuse(connection, written, now)
                continue
            keep([written], connection, again=True)
            if until is None or claim.mark_sending(connection, dispatch, written.recipient, written.message_id, until):
                parcels.append(replace(written, kept_under=None))
            else:
                refuse(connection, Refused(dispatch, DispatchState.CANCELLED, overtaken(dispatch, context)), now)
        return parcels


def marks_of(parcels: Sequence[OutgoingMessage]) -> list[tuple[Dispatch, Mapping[str, str]]]:
    """Return what is written of mails when they leave."""
    return [(parcel.dispatch, {"recipient": parcel.recipient, "message_id": parcel.message_id}) for parcel in parcels]


def is_paused(parcel: OutgoingMessage, state: SendingState) -> bool:
    """Tell whether a mail must wait because all mails do, or those of its touchpoint."""
    if parcel.dispatch.kind == WEBHOOK:
        return False
    return not state.on or (parcel.touchpoint in state.paused and parcel.dispatch.mail_class in CAPPED)


def is_as_composed(parcel: OutgoingMessage, customers: Mapping[str, str], around: Surroundings, now: datetime) -> bool:
    """Tell whether nothing has changed since a mail was composed that could keep it back or change its words."""
    dispatch = parcel.dispatch
    if dispatch.kind == WEBHOOK or dispatch.customer is None or parcel.customer_version is None:
        return False
    if customers.get(dispatch.customer) != parcel.customer_version:
        return False
    is_late = parcel.latest_at is not None and now > parcel.latest_at and not dispatch.copies
    return not is_late and parcel.address_keys.isdisjoint(around.suppressed)


def keep(parcels: Sequence[OutgoingMessage], connection: Connection, *, again: bool = False) -> None:
    """Fix the bytes of what was written just now; `again`: also where bytes of this claim are kept."""
    new = [(parcel.dispatch, parcel.kept_under, parcel.raw, parcel.sender) for parcel in parcels if parcel.kept_under]
    departures.keep_bodies(connection, new, again=again)
