"""A turn: how some handings over ended is recorded, and the next few are marked as leaving, in one transaction.

So no more is ever `sending` than there are lanes, and each lane is free again with one commit. Idempotent for ends: an
attempt that is not the newest changes nothing. A turn in which nothing is out of the ordinary, as nearly all are, is
taken without waiting for each answer of the database; it is undone, and taken with care, when something is.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from workers.domain.delivery_result import SendResult
from workers.store.connection import Connection
from workers.store.delivery import claim, departures, ordinary_turns
from workers.store.delivery.claim import WEBHOOK
from workers.store.delivery.ordinary_turns import Turn
from workers.store.delivery.sent_mails import see_counters_begun
from workers.store.engine import Store
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.delivery.preparation import Preparation, marks_of
from workers.usecases.delivery.recording import End, Recording, asks, is_taken, stored_words

log = logging.getLogger(__name__)


class Turns:
    """Takes turns; raises NotNow when the database is away, and then nothing of the turn has happened."""

    def __init__(
        self, store: Store, now: Callable[[], datetime], preparation: Preparation, recording: Recording, seconds: float
    ) -> None:
        self._store = store
        self._now = now
        self._preparation = preparation
        self._recording = recording
        self._lease_seconds = seconds
        self._begun: datetime | None = None
        """The midnight of the newest day whose count of mails has begun."""

    def take(self, ends: Sequence[End], parcels: Sequence[OutgoingMessage]) -> list[OutgoingMessage]:
        """Record ends and return which parcels leave now; the other ones are ended, or given back."""
        leaving = self._take_ordinary(ends, parcels)
        if leaving is None:
            leaving = self._take_any(ends, parcels)
        for parcel, result in ends:
            facts = {"action": "dispatch", "dispatch": parcel.dispatch.id, "template": parcel.dispatch.template}
            log.info(result.kind, extra=facts)
        return leaving

    def _take_ordinary(self, ends: Sequence[End], parcels: Sequence[OutgoingMessage]) -> list[OutgoingMessage] | None:
        """Take a turn in which nothing is out of the ordinary; None, and nothing has happened, when something is."""
        now = self._now()
        turn = ordinary_turn(ends, parcels, now)
        if turn is None:
            return None
        times = self._recording.times(now, self._lease_seconds)

        def work(connection: Connection) -> list[OutgoingMessage]:
            if turn.taken and self._begun != times.midnight:
                see_counters_begun(connection, times.midnight)
            outcome = ordinary_turns.take(connection, turn, times)
            may_leave = self._preparation.may_leave(parcels, outcome.customers, outcome.around, now)
            if not outcome.is_whole or not may_leave or self._recording.server in outcome.around.failing:
                raise OutOfTheOrdinary
            return list(parcels)

        try:
            leaving = self._store.write(work)
        except OutOfTheOrdinary:
            return None
        self._begun = times.midnight if turn.taken else self._begun
        return leaving

    def _take_any(self, ends: Sequence[End], parcels: Sequence[OutgoingMessage]) -> list[OutgoingMessage]:
        now = self._now()

        def work(connection: Connection) -> list[OutgoingMessage]:
            dispatches = [parcel.dispatch for parcel in (*(parcel for parcel, _ in ends), *parcels)]
            owners = {dispatch.customer for dispatch in dispatches if dispatch.customer}
            customers = departures.customer_versions(connection, owners, locking=True)
            keys = {key for parcel in parcels for key in parcel.address_keys}
            around = departures.surroundings(connection, keys)
            sent = self._recording.record(connection, ends, around.failing, now)
            leaving: list[OutgoingMessage] = []
            if parcels:
                if not all(is_taken(result) for _, result in ends):
                    # an end may have paused all mail, or given an address up
                    around = departures.surroundings(connection, keys)
                until = claim.lease_end(around.database_now, self._lease_seconds)
                leaving = self._preparation.mark(connection, parcels, customers, around, now, until)
            self._recording.count(connection, sent, now)
            return leaving

        return self._store.write(work)


class OutOfTheOrdinary(Exception):
    """Something has changed since the mails of a turn were written, or follows from its ends: it is taken with care."""


def ordinary_turn(ends: Sequence[End], parcels: Sequence[OutgoingMessage], now: datetime) -> Turn | None:
    """Return a turn whose ends are mails that were taken in time, and from which mails leave; None for any other."""
    if not all(is_ordinary(*end, now) for end in ends):
        return None
    if not all(parcel.dispatch.customer and parcel.dispatch.kind != WEBHOOK for parcel in parcels):
        return None
    taken = [(parcel.dispatch, stored_words(result)) for parcel, result in ends]
    keys = {key for parcel in parcels for key in parcel.address_keys}
    return Turn(taken, marks_of(parcels), keys)


def is_ordinary(parcel: OutgoingMessage, result: SendResult, now: datetime) -> bool:
    """Tell whether a mail was taken, and nothing follows but that its question has left, or has been reminded of."""
    if not is_taken(result) or parcel.dispatch.kind == WEBHOOK or not parcel.dispatch.customer:
        return False
    return not (asks(parcel, result) and parcel.is_late(now))
