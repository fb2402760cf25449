"""Whatever a message holds, it becomes a dead letter with its bytes, and the ones beside it are taken."""

import hashlib
from datetime import datetime
from typing import Any

import orjson
import pytest
from embedded import START, Embedded, journey

from workers.cloudevents import KEPT_BYTES, Codec, Event, Refusal, Rejected, Unreadable, read_schemas
from workers.cloudevents.codec import Gate
from workers.cloudevents.shapes import Schema
from workers.domain.records import DeadLetter, Inbox
from workers.domain.types import Ingress
from workers.store.ledger import Incoming, Taken, as_bytes
from workers.usecases.dead_letters import DeadLetters
from workers.usecases.intake import Intake

MARK = b"\xef\xbb\xbf"
EVENT = orjson.dumps(journey("delivery", "7", reference="7"))
ATTRIBUTES: list[tuple[str, bytes]] = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"shop"),
    ("ce_type", b"boucle.journey.delivery.v1"),
    ("ce_subject", b"7"),
    ("ce_time", START.isoformat().encode()),
]
POISON: dict[str, Incoming] = {
    "1,100 byte order marks before an empty object": Incoming(MARK * 1_100 + b"{}"),
    "byte order marks alone": Incoming(MARK * 300_000),
    "nothing": Incoming(b""),
    "a value that Kafka calls null": Incoming(None),  # type: ignore[arg-type]  # a tombstone, should a door pass it on
    "text in place of bytes": Incoming("{}"),  # type: ignore[arg-type]  # as above
    "a number that is too large for a double": Incoming(b'{"a": 1e400}'),
    "a number of 100,000 digits": Incoming(EVENT.replace(b'"7"', b"9" * 100_000)),
    "100,000 opened lists": Incoming(b"[" * 100_000),
    "data 500 levels deep": Incoming(b'{"specversion":"1.0","data":' + b'{"a":' * 500 + b"1" + b"}" * 501),
    "a customer's name 256 levels deep": Incoming(EVENT.replace(b'"Camille Roux"', b"[" * 256 + b"]" * 256)),
    "half a surrogate pair": Incoming(b'{"id": "\\ud800"}'),
    "NUL in an attribute": Incoming(b"{}", [*ATTRIBUTES, ("ce_subject", b"4\x002")]),
    "NUL in the name of an attribute": Incoming(b"{}", [*ATTRIBUTES, ("ce_a\x00b", b"1")]),
    "half a surrogate pair in the name of an attribute": Incoming(b"{}", [*ATTRIBUTES, ("ce_x\udfff", b"1")]),
    "half a surrogate pair in an attribute": Incoming(b"{}", {"ce-specversion": "1.0", "ce-id": "\ud8001"}),
    "NUL percent-encoded": Incoming(b"{}", {"ce-specversion": "1.0", "ce-id": "1%00", "content-type": "text/json"}),
    "an attribute that is null": Incoming(b"{}", [*ATTRIBUTES, ("ce_id", None)]),  # type: ignore[list-item]  # Kafka allows it
    "an attribute that is a number": Incoming(b"{}", [*ATTRIBUTES, ("ce_id", 7)]),  # type: ignore[list-item]  # as above
    "attributes given a thousand times": Incoming(b"[]", ATTRIBUTES * 1_000),
    "a header of 100,000 characters": Incoming(b"{}", [*ATTRIBUTES, ("ce_type", b"x" * 100_000)]),
    "base64 of marks": Incoming(b'{"data_base64": "' + b"77u/" * 10_000 + b'"}'),
}


@pytest.fixture
def boucle(tmp_path: Any) -> Embedded:
    """Give an installation."""
    return Embedded(tmp_path / "home")


def behind() -> list[Incoming]:
    """Return five good events."""
    return [Incoming(orjson.dumps(journey("delivery", str(n), reference=str(n)))) for n in range(100, 105)]


@pytest.mark.parametrize("poison", POISON.values(), ids=list(POISON))
@pytest.mark.parametrize("door", [Ingress.KAFKA, Ingress.HTTP])
def test_poison_is_one_dead_letter_and_the_five_behind_it_are_taken(
    boucle: Embedded, poison: Incoming, door: Ingress
) -> None:
    """No message ends a role, keeps a batch from being taken, or is lost."""
    outcomes = boucle.parts.intake.take([poison, *behind()], door)
    assert [outcome.taken for outcome in outcomes] == [Taken.REJECTED] + [Taken.ACCEPTED] * 5
    (letter,) = boucle.rows(DeadLetter)
    sent = as_bytes(poison.body)
    assert (letter.body, letter.size, letter.sha256) == (sent, len(sent), hashlib.sha256(sent).hexdigest())
    assert letter.fault
    assert "failed here" not in letter.fault
    assert len(boucle.rows(Inbox)) == 5


@pytest.mark.parametrize("place", [b'"Camille Roux"', b'"7@example.org"', b'"shop"', b'"1.0"'])
def test_what_is_nested_is_left_out_or_refused_in_words_at_any_depth(boucle: Embedded, place: bytes) -> None:
    """Parser, validator and digest have limits of their own; none of them is told as a failure of ours."""
    levels = (200, 249, 250, 252, 253, 254, 255, 256, 300, 900)
    deep = [b"[" * n + b"1" + b"]" * n for n in levels] + [b'{"a":' * n + b"1" + b"}" * n for n in levels]
    events = [EVENT.replace(b"v1/7/7", b"v1/7/%d" % n).replace(place, nested) for n, nested in enumerate(deep)]
    for outcome in boucle.parts.intake.take([Incoming(event) for event in events], Ingress.KAFKA):
        said = outcome.rejected.fault if outcome.rejected else ": Found what is left out"
        assert any(words in said for words in (": Found ", "nested too deeply", "This is not JSON")), said


@pytest.mark.parametrize("name", [name for name in POISON if "NUL" in name])
def test_dead_letters_with_nul_in_their_headers_fit_into_postgresql(postgres: str, tmp_path: Any, name: str) -> None:
    """PostgreSQL's text and JSON hold no NUL, so no header, id or fault of a letter brings one."""
    boucle = Embedded(tmp_path / "home", database_url=postgres)
    assert boucle.parts.intake.take([POISON[name], *behind()], Ingress.KAFKA)[0].taken == Taken.REJECTED
    assert len(boucle.rows(Inbox)) == 5
    boucle.store.close()


@pytest.mark.parametrize(
    "inside",
    [rb"a\u0000b", rb"\u0000", b"a" * 200_000, rb"\ud83d\ude00\u0000"],
    ids=["NUL between", "NUL", "long", "NUL behind"],
)
def test_a_field_that_is_left_out_is_named_as_postgresql_can_hold_it(
    postgres: str, tmp_path: Any, inside: bytes
) -> None:
    """The name of a field is the sender's, whatever it holds: the event counts, and so do those in its batch."""
    boucle = Embedded(tmp_path / "home", database_url=postgres)
    field = EVENT.replace(b'"reference"', b'"' + inside + rb'":"\u0000","reference"')
    outcomes = boucle.parts.intake.take([Incoming(field), *behind()], Ingress.KAFKA)
    assert [outcome.taken for outcome in outcomes] == [Taken.ACCEPTED] * 6
    assert all(len(name) < 400 for row in boucle.rows(Inbox) for name in row.left_out or {})
    boucle.store.close()


def test_byte_order_marks_before_an_event_are_harmless(boucle: Embedded) -> None:
    """One mark is common on Windows, more come of files put together; the event behind them is read."""
    outcomes = boucle.parts.intake.take([Incoming(MARK * many + EVENT) for many in (1, 2, 1_100)], Ingress.KAFKA)
    assert [outcome.taken for outcome in outcomes] == [Taken.ACCEPTED, Taken.DUPLICATE, Taken.DUPLICATE]


def schemas(boucle: Embedded) -> dict[str, Schema]:
    """Return the shipped schemas."""
    data = boucle.parts.files.data
    files = {f"in/{name}": data.read(f"schemas/in/{name}") for name in data.list("schemas/in") if ".json" in name}
    return read_schemas({**files, "parts.json": data.read("schemas/parts.json")})


@pytest.mark.parametrize("error", [ZeroDivisionError, RecursionError, MemoryError, UnicodeError, KeyError])
def test_what_escapes_while_reading_is_a_dead_letter(boucle: Embedded, error: type[Exception]) -> None:
    """An error of whatever kind inside the reader keeps back that one event alone."""

    class Breaking(Codec):
        def _accept(self, envelope: dict[str, object], now: datetime, gate: Gate | None = None) -> Event | Rejected:
            if envelope.get("subject") == "7":
                raise error("broken")
            return super()._accept(envelope, now, gate)

    intake = Intake(boucle.store, Breaking(schemas(boucle)), boucle.parts.policies.current, boucle.clock.now)
    outcomes = intake.take([Incoming(EVENT), *behind()], Ingress.KAFKA)
    assert [outcome.taken for outcome in outcomes] == [Taken.REJECTED] + [Taken.ACCEPTED] * 5
    (letter,) = boucle.rows(DeadLetter)
    assert (letter.body, letter.source, letter.event_id) == (EVENT, "shop", orjson.loads(EVENT)["id"])


def too_large(boucle: Embedded) -> DeadLetter:
    """Let a message of 3 MB come from Kafka, and return its letter."""
    message = Incoming(EVENT + b" " * 3_000_000, topic="boucle.events", partition=2, offset=5)
    assert boucle.parts.intake.take([message], Ingress.KAFKA)[0].taken == Taken.REJECTED
    (letter,) = boucle.rows(DeadLetter)
    return letter


def test_of_a_message_over_the_limit_the_beginning_is_kept(boucle: Embedded) -> None:
    """Prefix, size and SHA-256 are enough to find the sender, and a flood of large messages does not fill the disk."""
    letter = too_large(boucle)
    whole = EVENT + b" " * 3_000_000
    assert letter.body == whole[:KEPT_BYTES]
    assert (letter.size, letter.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert (letter.truncated, letter.reason) == (True, "too_large")
    (listed,) = DeadLetters(boucle.store, boucle.parts.intake.take, boucle.clock.now).list()
    assert (listed.size, listed.truncated) == (len(whole), True)


def test_a_truncated_letter_is_not_taken_in_for_the_whole(boucle: Embedded) -> None:
    """Replaying it is refused with what to do, leaves it open, and makes no second letter."""
    letter = too_large(boucle)
    letters = DeadLetters(boucle.store, boucle.parts.intake.take, boucle.clock.now)
    done = letters.replay([letter.id])
    assert done.taken == 0
    assert "publish it again" in done.refusals[0]
    assert [(letter.id, letter.state) for letter in boucle.rows(DeadLetter)] == [(letter.id, "open")]


def test_a_truncated_letter_is_read_again_where_it_came_from(boucle: Embedded) -> None:
    """Where the log still has the message and the limit was raised since, a replay takes the whole."""
    letter = too_large(boucle)
    whole = EVENT + b" " * 3_000_000
    codec = Codec(schemas(boucle), max_bytes=4_000_000)
    intake = Intake(boucle.store, codec, boucle.parts.policies.current, boucle.clock.now)
    letters = DeadLetters(boucle.store, intake.take, boucle.clock.now, lambda _: Incoming(whole))
    assert letters.replay([letter.id]).taken == 1
    assert len(boucle.rows(Inbox)) == 1


def test_a_letter_of_the_release_before_is_listed_by_its_body(boucle: Embedded) -> None:
    """Letters without a size, as 0.1.0 wrote them, were kept whole and can be replayed."""
    boucle.parts.intake.take([Incoming(b"{}")], Ingress.KAFKA)
    with boucle.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE dead_letter SET size = NULL, sha256 = NULL")
    letters = DeadLetters(boucle.store, boucle.parts.intake.take, boucle.clock.now)
    (listed,) = letters.list()
    assert (listed.size, listed.truncated, listed.sha256) == (2, False, None)
    assert "is missing" in letters.replay([listed.id]).refusals[0]


def test_what_a_door_could_not_read_is_refused_with_the_doors_reason(boucle: Embedded) -> None:
    """A record that the client library cannot decode keeps its place, its bytes and the reason."""
    body = Unreadable.whole(EVENT, Refusal.UNREADABLE, "The checksum is wrong.")
    boucle.parts.intake.take([Incoming(body, topic="boucle.events", partition=1, offset=3), *behind()], Ingress.KAFKA)
    (letter,) = boucle.rows(DeadLetter)
    assert (letter.topic, letter.partition, letter.offset) == ("boucle.events", 1, 3)
    assert (letter.reason, letter.fault, letter.body) == ("unreadable", "The checksum is wrong.", EVENT)
