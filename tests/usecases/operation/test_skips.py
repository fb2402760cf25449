"""An operator steps over one record: it is a dead letter, counts as consumed, and stands in the audit log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from embedded import Embedded, journey

from workers.cloudevents import Refusal, Unreadable
from workers.domain.records import DeadLetter, Inbox
from workers.errors import BadInput, BoucleError, Conflict, Never
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.dead_letters import DeadLetters
from workers.usecases.operation.consumer_audit import ConsumerAudit
from workers.usecases.operation.record_skips import Place, RecordSkips

EVENT = orjson.dumps(journey("delivery", "7", reference="7"))
PLACE = Place("boucle.events", 0, 1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in the log."""

    offset: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(slots=True)
class OneLog:
    """A log of one partition; `broken` has the offsets that cannot even be read raw."""

    messages: Sequence[bytes]
    broken: frozenset[int] = frozenset()
    running: bool = False
    moved: list[int] = field(default_factory=list)
    topic: str = "boucle.events"
    topic_id: str = "first"
    partition: int = 0
    start: int = 0
    committed: int = 0

    @property
    def end(self) -> int:
        """Return the offset that comes next."""
        return len(self.messages)

    def cluster(self) -> str:
        """Return the cluster's id."""
        return "cluster"

    def stretches(self) -> list["OneLog"]:
        """Return the one partition's bounds."""
        return [self]

    def read(self, topic: str, partition: int, first: int, last: int) -> Iterator[Kept]:
        """Give what there is."""
        for offset in range(first, last + 1):
            if offset in self.broken:
                raise ValueError("the library cannot decode it")
            yield Kept(offset, self.messages[offset])

    def move_on(self, topic: str, partition: int, offset: int) -> None:
        """Move the group, unless somebody consumes."""
        if self.running:
            raise Conflict("A stream runs.")
        self.moved.append(offset)
        self.committed = max(self.committed, offset)


@pytest.fixture
def boucle(tmp_path: Path) -> Embedded:
    """Give an installation."""
    return Embedded(tmp_path / "home")


def skipping(boucle: Embedded, log: OneLog) -> RecordSkips:
    """Return the use case over a log."""
    return RecordSkips(boucle.store, boucle.parts.intake, log, boucle.clock.now)


def test_a_skipped_record_is_a_dead_letter_that_can_be_replayed(boucle: Embedded) -> None:
    """Its bytes are kept where they can be read, so that nothing is lost."""
    log = OneLog([EVENT, EVENT, EVENT])
    skipping(boucle, log).skip(PLACE, " it stops us ", "ana")
    (letter,) = boucle.rows(DeadLetter)
    assert (letter.topic, letter.partition, letter.offset) == ("boucle.events", 0, 1)
    assert (letter.reason, letter.body) == ("skipped", EVENT)
    assert letter.fault == "Skipped by an operator: it stops us"
    assert log.moved == [2]
    with boucle.store.reading() as connection:
        (act,) = list_acts(connection)
    assert (act["by"], act["act"], act["detail"]["why"]) == ("ana", "stream.skip", "it stops us")
    assert DeadLetters(boucle.store, boucle.parts.intake, boucle.clock.now).replay([letter.id]).taken == 1


def test_what_lies_before_it_is_taken_by_the_audit_and_it_is_not(boucle: Embedded) -> None:
    """Moving the group loses nothing, and nobody reads the skipped record again."""
    first = orjson.dumps(journey("delivery", "1", reference="1"))
    log = OneLog([first, EVENT, EVENT], frozenset({1}))
    skipping(boucle, log).skip(PLACE, "it cannot be read", "ana")
    assert ConsumerAudit(boucle.store, boucle.parts.intake, log).audit().taken == 1
    assert [one.source for one in boucle.rows(Inbox)] == ["shop"]
    (letter,) = boucle.rows(DeadLetter)
    assert (letter.body, letter.size) == (b"", 0)


def test_of_a_record_that_is_known_by_its_beginning_size_and_digest_stay(boucle: Embedded) -> None:
    """The reason why it could not be read stands beside the operator's."""
    value = Unreadable.beginning(b"abc", 9_000_000, "f" * 64, Refusal.TOO_LARGE, "")
    skipping(boucle, OneLog([EVENT, value])).skip(PLACE, "large", "ana")
    (letter,) = boucle.rows(DeadLetter)
    assert (letter.size, letter.sha256, letter.truncated) == (9_000_000, "f" * 64, True)


@pytest.mark.parametrize(
    ("place", "why", "error", "words"),
    [
        (PLACE, "  ", BadInput, "--why"),
        (Place("boucle.events", 0, 3), "x", Never, "offsets 0 to 2"),
        (Place("boucle.events", 7, 0), "x", Never, "Topics: boucle.events"),
        (Place("other", 0, 0), "x", Never, "Topics: boucle.events"),
    ],
)
def test_what_cannot_be_skipped_is_said(
    boucle: Embedded, place: Place, why: str, error: type[BoucleError], words: str
) -> None:
    """A reason is needed, and a record that is there; nothing is changed otherwise."""
    log = OneLog([EVENT, EVENT, EVENT])
    with pytest.raises(error, match=words):
        skipping(boucle, log).skip(place, why, "ana")
    assert (log.moved, boucle.rows(DeadLetter)) == ([], [])


def test_a_record_is_skipped_once_and_only_while_no_stream_runs(boucle: Embedded) -> None:
    """What was taken in is left alone, and a running stream is not pulled from under."""
    log = OneLog([EVENT, EVENT, EVENT], running=True)
    with pytest.raises(Conflict):
        skipping(boucle, log).skip(PLACE, "x", "ana")
    assert boucle.rows(DeadLetter) == []
    log.running = False
    skipping(boucle, log).skip(PLACE, "x", "ana")
    with pytest.raises(Never, match="nothing to skip"):
        skipping(boucle, log).skip(PLACE, "x", "ana")
    assert len(boucle.rows(DeadLetter)) == 1
