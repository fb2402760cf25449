"""A turn: how some handings over ended is recorded, and the next few are marked as leaving, in one transaction.

So no more is ever `sending` than there are lanes, and each lane is free again with one commit. Idempotent for ends: an
attempt that is not the newest changes nothing.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from workers.store.connection import Connection
from workers.store.delivery import claim, departures
from workers.store.engine import Store
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.delivery.preparation import Preparation
from workers.usecases.delivery.recording import End, Recording, asks, is_taken

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

    def take(self, ends: Sequence[End], parcels: Sequence[OutgoingMessage]) -> list[OutgoingMessage]:
        """Record ends and return which parcels leave now; the other ones are ended, or given back."""
        now = self._now()

        def work(connection: Connection) -> list[OutgoingMessage]:
            dispatches = [parcel.dispatch for parcel in (*(parcel for parcel, _ in ends), *parcels)]
            owners = {dispatch.customer for dispatch in dispatches if dispatch.customer}
            customers = departures.customer_versions(connection, owners, locking=True)
            keys = {key for parcel in parcels for key in parcel.address_keys}
            around = departures.surroundings(connection, keys)
            are_questions = all(asks(*end) for end in ends)
            sent = None if are_questions else self._recording.record(connection, ends, around.failing, now)
            leaving: list[OutgoingMessage] = []
            if parcels:
                if not all(is_taken(result) for _, result in ends):
                    # an end may have paused all mail, or given an address up
                    around = departures.surroundings(connection, keys)
                until = claim.lease_end(around.database_now, self._lease_seconds)
                leaving = self._preparation.mark(connection, parcels, customers, around, now, until)
            if sent is not None:
                self._recording.count(connection, sent, now)
            elif ends:  # nothing follows from them for what leaves: counted last, as others wait for that
                self._recording.record_questions(connection, ends, around.failing, now)
            return leaving

        leaving = self._store.write(work)
        for parcel, result in ends:
            facts = {"action": "dispatch", "dispatch": parcel.dispatch.id, "template": parcel.dispatch.template}
            log.info(result.kind, extra=facts)
        return leaving
