"""The verbs of a CRM engineer: what an event would plan, importing a file, what was refused and why."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from embedded import journey

if TYPE_CHECKING:
    from verbs import Boucle

NOW = datetime.now(UTC).replace(microsecond=0)
MAPPING = """\
source: shop
time_zone: Europe/Paris
customer: {id: "{customer}", email: "{customer}@example.org", language: fr}
events:
  - {type: boucle.journey.delivery.v1, id: "{order}", time: "{at}", data: {reference: "{order}"}}
"""


def body(name: str = "delivery", subject: str = "42", at: datetime = NOW, **data: object) -> bytes:
    """Return an event's bytes."""
    return json.dumps(journey(name, subject, at, **data)).encode()


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Give a file of three orders, one without a date and one delivered long ago."""
    path = tmp_path / "orders.csv"
    path.write_text(f"order,customer,at\n1,a,{NOW:%Y-%m-%dT%H:%M:%S}Z\n2,b,\n3,c,2019-01-01T00:00:00Z\n")
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return path


def import_(boucle: "Boucle", orders: Path, *more: str) -> list[str]:
    """Return the arguments of an import."""
    return ["events", "import", str(orders), "--mapping", str(orders.with_name("mapping.yaml")), *more]


def test_a_plan_is_shown_and_nothing_is_stored(boucle: "Boucle", tmp_path: Path) -> None:
    """`events plan` says which touchpoints an event plans, when, and why not; afterwards nobody is known."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join([body(reference="1"), body("refund", reference="1"), b'{"id": "x"}']))
    ended = boucle("events", "plan", str(path), "--format", "json")
    assert ended.code == 0
    first, refund, refused = ended.json()
    assert [(touchpoint["touchpoint"], touchpoint["state"]) for touchpoint in first["touchpoints"]] == [
        ("delivery-now", "planned"),
        ("delivery-6w", "planned"),
    ]
    assert {"due_at", "trigger", "reason"} <= set(first["touchpoints"][0])
    assert refund["event"]
    assert refused["errors"]
    assert boucle("explain", "customer", "42").code == 1
    assert boucle("status", "--format", "json").json()["events"]["total"] == 0


def test_a_plan_reads_json_lists_as_well(boucle: "Boucle", tmp_path: Path) -> None:
    """A JSON list is as good as JSON lines; a broken one is unreadable (exit 2) with a sentence."""
    path = tmp_path / "events.json"
    path.write_bytes(b"[" + body(reference="1") + b"]")
    assert len(boucle("events", "plan", str(path), "--format", "json").json()) == 1
    path.write_bytes(b"[" + body(reference="1"))
    ended = boucle("events", "plan", str(path))
    assert ended.code == 2
    assert "begins like a JSON list but is none" in ended.err


def test_a_dry_run_of_an_import_stores_nothing(boucle: "Boucle", orders: Path) -> None:
    """`--dry-run` says rows, mails a day and what would not be sent."""
    ended = boucle(*import_(boucle, orders, "--dry-run", "--format", "json"))
    assert ended.code == 0
    plan = ended.json()
    assert (plan["rows"], plan["rejected"]) == (3, 1)
    assert plan["planned"] == 2
    assert sum(plan["per_day"].values()) == 2
    assert plan["not_sent"] == {"skipped: too_late": 2}
    assert boucle("status", "--format", "json").json()["events"]["total"] == 0


def test_an_import_counts_what_became_of_each_row(boucle: "Boucle", orders: Path) -> None:
    """The answer has rows, events, accepted, duplicates and dead letters; again, all are duplicates."""
    ended = boucle(*import_(boucle, orders, "--yes", "--format", "json"))
    assert (ended.code, ended.json()) == (
        0,
        {"rows": 3, "events": 3, "accepted": 2, "duplicates": 0, "dead_letters": 1},
    )
    again = boucle(*import_(boucle, orders, "--format", "json"))
    assert again.json() == {"rows": 3, "events": 3, "accepted": 0, "duplicates": 2, "dead_letters": 1}
    assert len(boucle("dead-letters", "list", "--format", "json").json()) == 1


def test_a_large_import_needs_a_second_word(boucle: "Boucle", orders: Path) -> None:
    """Above 1,000 mails nothing is imported without --yes, and the reason is said."""
    rows = [f"{n},c{n},{NOW:%Y-%m-%dT%H:%M:%S}Z" for n in range(600)]
    orders.write_text("\n".join(["order,customer,at", *rows]))
    ended = boucle(*import_(boucle, orders))
    assert ended.code == 1
    assert "600 mails would leave at once, 600 later" in ended.err
    assert "--yes" in ended.err
    assert boucle("status", "--format", "json").json()["events"]["total"] == 0
    assert boucle(*import_(boucle, orders, "--yes", "--format", "json")).json()["accepted"] == 600


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("source: [", "mapping"),
        ("source: shop\nevents: []\n", "events"),
        (MAPPING.replace("boucle.journey.delivery.v1", "boucle.journey.devilery.v1"), "devilery"),
    ],
)
def test_a_wrong_mapping_is_said_to_be_one(boucle: "Boucle", orders: Path, mapping: str, says: str) -> None:
    """A faulty mapping stops the import before anything is read, and every fault is named."""
    orders.with_name("mapping.yaml").write_text(mapping)
    ended = boucle(*import_(boucle, orders))
    assert (ended.code, ended.out) == (1, "")
    assert says in ended.err
    assert "Traceback" not in ended.err


def test_files_that_are_not_there_are_wrong_use(boucle: "Boucle", orders: Path, tmp_path: Path) -> None:
    """A path that names nothing is wrong use (exit 2), before anything is opened."""
    for arguments in (
        ["events", "plan", str(tmp_path / "no.jsonl")],
        ["events", "import", str(tmp_path / "no.csv"), "--mapping", str(orders)],
        ["events", "import", str(orders), "--mapping", str(tmp_path / "no.yaml")],
        ["bounces", "read", str(tmp_path / "no")],
    ):
        ended = boucle(*arguments)
        assert ended.code == 2
        assert re.search("does not exist|no such file", ended.err)


def test_publishing_without_a_broker_says_what_to_set(boucle: "Boucle", tmp_path: Path) -> None:
    """Without Kafka, `events publish` names the variable and the other door."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(body())
    ended = boucle("events", "publish", str(path))
    assert ended.code == 1
    assert "BOUCLE_KAFKA_BOOTSTRAP" in ended.err
    assert "/v1/events" in ended.err


@pytest.fixture
def refused(boucle: "Boucle") -> "Boucle":
    """Give an installation that refused three messages, two for the same reason."""
    boucle.take(b"no json \xff", b"nor this", body().replace(b"delivery", b"devilery"))
    return boucle


def test_dead_letters_are_listed_by_reason(refused: "Boucle") -> None:
    """The list has id, reason, fault, size, door and place, and one reason can be picked."""
    ended = refused("dead-letters", "list", "--format", "json")
    assert ended.code == 0
    letters = ended.json()
    assert {"id", "reason", "fault", "size", "door", "topic", "partition", "offset"} <= set(letters[0])
    assert sorted(letter["reason"] for letter in letters) == ["not_json", "unknown_type", "wrong_encoding"]
    of_one_reason = refused("dead-letters", "list", "--reason", "unknown_type", "--format", "json").json()
    assert [letter["reason"] for letter in of_one_reason] == ["unknown_type"]
    assert "devilery" in of_one_reason[0]["fault"]
    assert "unknown_type: 1" in refused("dead-letters", "list").out


def test_a_letter_is_shown_with_the_bytes_that_came(refused: "Boucle") -> None:
    """`show` has the fault and the body; an unknown id is not found (exit 1) with a sentence."""
    (letter,) = refused("dead-letters", "list", "--reason", "unknown_type", "--format", "json").json()
    ended = refused("dead-letters", "show", letter["id"], "--format", "json")
    assert ended.json()["body"].startswith('{"specversion"')
    raw = refused("dead-letters", "show", letter["id"], "--raw")
    assert (raw.code, raw.out) == (0, body().replace(b"delivery", b"devilery").decode())
    for ident in ("nothing", "00000000-0000-8000-8000-000000000000"):
        missing = refused("dead-letters", "show", ident)
        assert (missing.code, missing.out) == (1, "")
        assert f"No dead letter {ident}." in missing.err


def test_a_truncated_letter_says_so(boucle: "Boucle") -> None:
    """`show --raw` gives the bytes there are and says that there were more; the list has size and digest."""
    whole = body() + b" " * 2_000_000
    boucle.take(whole)
    (letter,) = boucle("dead-letters", "list", "--format", "json").json()
    assert (letter["size"], letter["truncated"]) == (len(whole), True)
    assert letter["sha256"] == hashlib.sha256(whole).hexdigest()
    raw = boucle("dead-letters", "show", letter["id"], "--raw")
    assert (raw.code, raw.out) == (0, whole[:65_536].decode())
    assert f"Truncated: these are the first 65,536 of {len(whole):,} bytes" in raw.err
    again = boucle("dead-letters", "replay", letter["id"], "--format", "json")
    assert (again.code, again.json()) == (1, {"replayed": 0, "refused": 1})
    assert "publish it again" in again.err


def test_letters_are_replayed_once_their_cause_is_gone(refused: "Boucle", tmp_path: Path) -> None:
    """A refused type that is mapped since is taken in; what is still refused stays, and the exit code says so."""
    (letter,) = refused("dead-letters", "list", "--reason", "unknown_type", "--format", "json").json()
    again = refused("dead-letters", "replay", letter["id"], "--format", "json")
    assert (again.code, again.json()) == (1, {"replayed": 0, "refused": 1})
    own = tmp_path / "own" / "rules"
    own.mkdir(parents=True)
    shipped = Path(__file__).parents[2] / "rules" / "events.csv"
    row = "boucle.journey.devilery.v1;journey;delivery;customer.id;reference;;;;;customer.email\n"
    (own / "events.csv").write_text(shipped.read_text().rstrip() + "\n" + row)
    refused.set(overrides=str(tmp_path / "own"))
    taken = refused("dead-letters", "replay", "--reason", "unknown_type", "--format", "json")
    assert (taken.code, taken.json()) == (0, {"replayed": 1, "refused": 0})
    left = refused("dead-letters", "list", "--format", "json").json()
    assert sorted(letter["reason"] for letter in left) == ["not_json", "wrong_encoding"]


def test_a_letter_is_discarded_with_a_reason(refused: "Boucle") -> None:
    """Discarding needs a reason, and the letter is listed with --all until retention ends."""
    ident = refused("dead-letters", "list", "--format", "json").json()[0]["id"]
    assert refused("dead-letters", "discard", ident).code == 2
    assert refused("dead-letters", "discard", ident, "--reason", " ").code == 2
    assert refused("dead-letters", "discard", ident, "--reason", "a test of theirs").code == 0
    assert ident not in refused("dead-letters", "list").out
    states = {
        listed_letter["id"]: listed_letter["state"]
        for listed_letter in refused("dead-letters", "list", "--all", "--format", "json").json()
    }
    assert states[ident] == "discarded"
    assert refused("dead-letters", "discard", "nothing", "--reason", "x").code == 1


def test_what_happened_to_an_event_is_explained(boucle: "Boucle") -> None:
    """By its id an event is found, accepted or refused; an unknown one is not found."""
    boucle.take(body(reference="1"))
    ident = json.loads(body(reference="1"))["id"]
    ended = boucle("explain", "event", ident, "--format", "json")
    assert ended.code == 0
    assert ended.json()
    missing = boucle("explain", "event", "never-sent")
    assert (missing.code, missing.out) == (1, "")
    assert "No event never-sent is known here." in missing.err


def test_events_of_the_future_are_refused_with_a_reason(boucle: "Boucle") -> None:
    """More than 24 hours ahead is a dead letter that says so."""
    boucle.take(body(at=NOW + timedelta(days=3)))
    (letter,) = boucle("dead-letters", "list", "--format", "json").json()
    assert letter["reason"] == "future"
