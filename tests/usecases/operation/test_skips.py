"""An operator steps over one record: it is a dead letter, counts as consumed, and stands in the audit log."""

from pathlib import Path

import orjson
import pytest
from embedded import Embedded, journey
from fakelog import FakeLog

from workers.cloudevents import Refusal, Unreadable
from workers.domain.records import DeadLetter, Inbox
from workers.errors import BadInput, BoucleError, Conflict, Never
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.dead_letters import DeadLetters
from workers.usecases.operation.consumer_audit import ConsumerAudit
from workers.usecases.operation.record_skips import Place, RecordSkips

EVENT = orjson.dumps(journey("delivery", "7", reference="7"))
PLACE = Place("boucle.events", 0, 1)


@pytest.fixture
def boucle(tmp_path: Path) -> Embedded:
    """Give an installation."""
    return Embedded(tmp_path / "home")


def skips(boucle: Embedded, log: FakeLog) -> RecordSkips:
    """Return the use case over a log."""
    return RecordSkips(boucle.store, boucle.parts.intake, log, boucle.clock.now)


def test_a_skipped_record_is_a_dead_letter_that_can_be_replayed(boucle: Embedded) -> None:
    """Its bytes are kept where they can be read, so that nothing is lost."""
    log = FakeLog.of(EVENT, EVENT, EVENT)
    skips(boucle, log).skip(PLACE, " it stops us ", "ana")
    (letter,) = boucle.rows(DeadLetter)
    assert (letter.topic, letter.partition, letter.offset) == ("boucle.events", 0, 1)
    assert (letter.reason, letter.body) == ("skipped", EVENT)
    assert letter.fault == "Skipped by an operator: it stops us"
    assert log.moved == [2]
    with boucle.store.reading() as connection:
        (act,) = list_acts(connection)
    assert (act["by"], act["act"], act["detail"]["why"]) == ("ana", "stream.skip", "it stops us")
    assert DeadLetters(boucle.store, boucle.parts.intake.take, boucle.clock.now).replay([letter.id]).taken == 1


def test_what_lies_before_it_is_taken_by_the_audit_and_it_is_not(boucle: Embedded) -> None:
    """Moving the group loses nothing, and nobody reads the skipped record again."""
    first = orjson.dumps(journey("delivery", "1", reference="1"))
    log = FakeLog.of(first, EVENT, EVENT, broken=frozenset({1}))
    skips(boucle, log).skip(PLACE, "it cannot be read", "ana")
    assert ConsumerAudit(boucle.store, boucle.parts.intake, log).audit().taken == 1
    assert [row.source for row in boucle.rows(Inbox)] == ["shop"]
    (letter,) = boucle.rows(DeadLetter)
    assert (letter.body, letter.size) == (b"", 0)


def test_of_a_record_that_is_known_by_its_beginning_size_and_digest_stay(boucle: Embedded) -> None:
    """The reason why it could not be read stands beside the operator's."""
    value = Unreadable.beginning(b"abc", 9_000_000, "f" * 64, Refusal.TOO_LARGE, "")
    skips(boucle, FakeLog.of(EVENT, value)).skip(PLACE, "large", "ana")
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
    log = FakeLog.of(EVENT, EVENT, EVENT)
    with pytest.raises(error, match=words):
        skips(boucle, log).skip(place, why, "ana")
    assert (log.moved, boucle.rows(DeadLetter)) == ([], [])


def test_a_record_is_skipped_once_and_only_while_no_stream_runs(boucle: Embedded) -> None:
    """What was taken in is left alone, and a running stream is not pulled from under."""
    log = FakeLog.of(EVENT, EVENT, EVENT, running=True)
    with pytest.raises(Conflict):
        skips(boucle, log).skip(PLACE, "x", "ana")
    assert boucle.rows(DeadLetter) == []
    log.running = False
    skips(boucle, log).skip(PLACE, "x", "ana")
    with pytest.raises(Never, match="nothing to skip"):
        skips(boucle, log).skip(PLACE, "x", "ana")
    assert len(boucle.rows(DeadLetter)) == 1
