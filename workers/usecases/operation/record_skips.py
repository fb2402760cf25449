"""Skips: an operator's last resort steps the stream over one record that stops it.

The record becomes a dead letter with whatever of it can be read, its offset counts as consumed, and the group goes on
behind it. What lies between the group's position and the record is taken from the log by the next audit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from workers.adapters.kafka.partition_log import Stretch
from workers.cloudevents import Refusal, Unreadable
from workers.domain.types import Ingress
from workers.errors import BadInput, Never
from workers.store import positions
from workers.store.engine import Store
from workers.store.ledger import Incoming
from workers.store.positions import Consumed
from workers.store.sign_in.audit_log import record_act
from workers.usecases.intake import Intake
from workers.usecases.operation.consumer_log import ConsumerLog


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


class RecordSkips:
    """Steps over records of one installation's topics."""

    def __init__(self, store: Store, intake: Intake, log_of_topics: ConsumerLog, now: Callable[[], datetime]) -> None:
        self._store = store
        self._intake = intake
        self._log = log_of_topics
        self._now = now

    def skip(self, place: Place, why: str, by: str) -> None:
        """Step over one record, for a reason and by a person, both of which the audit log keeps.

        Raises BadInput without a reason, Never where there is no such record or it was taken in, Conflict while the
        stream runs, NotNow.
        """
        if not why.strip():
            raise BadInput("Say why it is skipped: --why TEXT.")
        stretch = self._stretch_of(place)
        cluster = self._log.cluster()
        with self._store.reading() as connection:
            ranges = positions.ranges_of(connection, cluster).get((stretch.topic_id, stretch.partition), [])
        if any(first <= place.offset <= last for first, last in ranges):
            raise Never(f"{place} was taken in already, or is a dead letter: there is nothing to skip.")
        self._log.move_on(place.topic, place.partition, place.offset + 1)
        now = self._now()
        detail = {"topic": place.topic, "partition": place.partition, "offset": place.offset, "why": why.strip()}
        self._store.write(lambda connection: record_act(connection, now, by, "stream.skip", str(place), detail))
        covered = Consumed(cluster, stretch.topic_id, place.partition, place.offset, place.offset)
        self._intake.take([self._remains(place, why.strip())], Ingress.KAFKA, [covered])

    def _stretch_of(self, place: Place) -> Stretch:
        """Return the partition's log; raises Never naming what there is."""
        stretches = self._log.stretches()
        for stretch in stretches:
            if (stretch.topic, stretch.partition) == (place.topic, place.partition):
                if stretch.start <= place.offset < stretch.end:
                    return stretch
                kept = f"{stretch.start} to {stretch.end - 1}" if stretch.end > stretch.start else "none"
                raise Never(f"There is no record at {place}: the log has the offsets {kept}.")
        names = ", ".join(sorted({stretch.topic for stretch in stretches}))
        raise Never(f"{place.topic}/{place.partition} is none of the partitions that are read. Topics: {names}.")

    def _remains(self, place: Place, why: str) -> Incoming:
        """Return what can be read of the record; nothing where even that fails."""
        body, headers = b"", []
        try:
            for record in self._log.read(place.topic, place.partition, place.offset, place.offset):
                body, headers = record.value, list(record.headers)
        except Exception:  # what makes it unreadable is why it is skipped
            body = b""
        detail = f"Skipped by an operator: {why}"
        if isinstance(body, Unreadable):
            detail = f"{detail} ({body.detail or 'too large'})"
            value = Unreadable.beginning(bytes(body), body.size, body.sha256, Refusal.SKIPPED, detail)
        else:
            value = Unreadable.whole(body, Refusal.SKIPPED, detail)
        return Incoming(value, headers, None, place.topic, place.partition, place.offset)
