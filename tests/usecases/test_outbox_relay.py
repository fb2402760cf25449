"""The outbox leaves in order, by one relay at a time, and nothing in it is lost; every message fits its schema."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema_rs
import orjson
import pytest
import sqlalchemy as sa
from embedded import Embedded, about, journey, score

from workers.adapters.file_outbox import FileOutlet
from workers.domain.records import Response, SurveyRequest, Ticket
from workers.errors import NotNow
from workers.store import tables
from workers.usecases.outbox_relay import RELAY_AT_MOST, OutboxRelay

SCHEMAS = Path(__file__).parents[2] / "schemas" / "out"
SCHEMA_OF = {
    "boucle.survey-request.created.v1": "survey-request.json",
    "boucle.response.received.v1": "response.json",
    "boucle.testimonial.consented.v1": "testimonial-consented.json",
    "boucle.testimonial.withdrawn.v1": "testimonial-withdrawn.json",
}
Messages = list[tuple[str, str, bytes]]


@dataclass
class Broker:
    """An outlet that keeps what it takes, and may be away or die after it took something."""

    kept: Messages = field(default_factory=list)
    away: bool = False
    die_after: int = 0
    taking: Callable[[], None] | None = None

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Take messages in order."""
        if self.away:
            raise NotNow("the broker does not answer")
        if self.taking:
            self.taking()
        self.kept += messages
        if self.die_after:
            self.die_after -= 1
            raise SystemExit("killed after the broker had them")

    def close(self) -> None:
        """Do nothing: no connection is kept."""


def fill(boucle: Embedded, count: int, start: int = 0) -> None:
    """Put numbered messages into the outbox."""
    rows = [{"topic": "t", "key": "k", "value": str(n).encode()} for n in range(start, start + count)]
    boucle.store.write(lambda connection: connection.execute(sa.insert(tables.outbox), rows))


def numbers(broker: Broker) -> list[int]:
    """Return the numbers of what a broker took."""
    return [int(value) for _, _, value in broker.kept]


def left(boucle: Embedded) -> int:
    """Return how many messages wait."""
    with boucle.store.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.outbox)).scalar_one())


def test_messages_leave_in_the_order_in_which_they_were_written(boucle: Embedded) -> None:
    """Over several rounds; each is gone once the broker has it."""
    fill(boucle, RELAY_AT_MOST + 50)
    broker = Broker()
    assert OutboxRelay(boucle.store, broker, "me").relay_all() == RELAY_AT_MOST + 50
    assert numbers(broker) == list(range(RELAY_AT_MOST + 50))
    assert left(boucle) == 0
    assert OutboxRelay(boucle.store, broker, "me").relay_all() == 0


def test_a_lower_id_that_commits_later_is_not_passed_over(boucle: Embedded) -> None:
    """What is unpublished is what is there, never what has a higher id than the last."""
    fill(boucle, 3)
    broker = Broker()
    relaying = OutboxRelay(boucle.store, broker, "me")
    relaying.relay_all()
    late = sa.insert(tables.outbox).values(id=1, topic="t", key="k", value=b"99")
    boucle.store.write(lambda connection: connection.execute(late))
    relaying.relay_all()
    assert numbers(broker) == [0, 1, 2, 99]


def test_a_relay_killed_between_publishing_and_deleting_publishes_again(boucle: Embedded) -> None:
    """Twice, in order, and never lost."""
    fill(boucle, 4)
    broker = Broker(die_after=1)
    with pytest.raises(SystemExit):
        OutboxRelay(boucle.store, broker, "me").relay_all()
    assert left(boucle) == 4
    OutboxRelay(boucle.store, broker, "me").relay_all()
    assert numbers(broker) == [0, 1, 2, 3] * 2
    assert left(boucle) == 0


def test_a_broker_that_is_away_is_waited_for(boucle: Embedded) -> None:
    """Nothing is lost, and answers go on: the outbox only grows."""
    fill(boucle, 2)
    broker = Broker(away=True)
    relaying = OutboxRelay(boucle.store, broker, "me")
    with pytest.raises(NotNow):
        relaying.relay_all()
    fill(boucle, 1, start=2)
    broker.away = False
    assert relaying.relay_all() == 3
    assert numbers(broker) == [0, 1, 2]


def test_one_relay_works_at_a_time(boucle: Embedded) -> None:
    """The lease decides, by the database's clock; the other one gets its turn when it runs out."""
    fill(boucle, 2)
    first, second = Broker(), Broker()
    assert OutboxRelay(boucle.store, first, "one", lease_seconds=60).relay_some() == 2
    fill(boucle, 2, start=2)
    assert OutboxRelay(boucle.store, second, "two", lease_seconds=60).relay_some() == 0
    boucle.store.write(
        lambda connection: connection.execute(sa.update(tables.role_lease).values(until=boucle.clock.at))
    )
    assert OutboxRelay(boucle.store, second, "two", lease_seconds=60).relay_some() == 2
    assert (numbers(first), numbers(second)) == ([0, 1], [2, 3])


def test_relays_at_once_keep_the_order(postgres: str, install: Callable[..., Embedded]) -> None:
    """Several at once on a server: each message once, in order."""
    boucle = install(database_url=postgres)
    fill(boucle, 40)
    broker, barrier = Broker(), threading.Barrier(4)

    def work(name: str) -> None:
        barrier.wait(10)
        OutboxRelay(boucle.store, broker, name).relay_all()

    threads = [threading.Thread(target=work, args=(f"relay-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert numbers(broker) == list(range(40))


def fill_for(boucle: Embedded, keys: int, each: int) -> None:
    """Put numbered messages of so many customers into the outbox, in turns."""
    rows = [{"topic": "t", "key": f"c{n % keys}", "value": str(n).encode()} for n in range(keys * each)]
    boucle.store.write(lambda connection: connection.execute(sa.insert(tables.outbox), rows))


def by_key(kept: Messages) -> dict[str, list[int]]:
    """Return the numbers of each customer's messages, in the order in which they left."""
    numbers_of: dict[str, list[int]] = {}
    for _, key, value in kept:
        numbers_of.setdefault(key, []).append(int(value))
    return numbers_of


def test_relays_divide_the_customers_between_them(postgres: str, install: Callable[..., Embedded]) -> None:
    """The first one has all until a second comes; then each has its own customers, and the order of each is kept."""
    boucle = install(database_url=postgres)
    first, second = Broker(), Broker()
    relays = [OutboxRelay(boucle.store, broker, name, shares=8) for broker, name in ((first, "a"), (second, "b"))]
    fill_for(boucle, 1, 1)
    assert relays[0].relay_some() == 1
    fill_for(boucle, 40, 5)
    assert relays[1].relay_some() == 0, "what the first one holds it does not take away"
    sent = relays[0].relay_some()
    assert 0 < sent < 200, "the first one gives back a part when it comes again"
    assert relays[1].relay_some() == 200 - sent
    first.kept = first.kept[1:]
    assert not set(by_key(first.kept)) & set(by_key(second.kept))
    for numbers_of in (by_key(first.kept), by_key(second.kept)):
        assert all(found == sorted(found) and len(found) == 5 for found in numbers_of.values())


def test_a_share_of_a_relay_that_died_goes_to_the_others(postgres: str, install: Callable[..., Embedded]) -> None:
    """Once its time is over, by the database's clock; one that has nothing left to do leaves at once."""
    boucle = install(database_url=postgres)
    broker = Broker()
    died, other = (OutboxRelay(boucle.store, broker, name, shares=8, lease_seconds=60) for name in ("a", "b"))
    fill_for(boucle, 40, 1)
    assert died.relay_some() == 40
    fill_for(boucle, 40, 1)
    assert other.relay_all() == 0
    everybody = sa.update(tables.role_lease).where(tables.role_lease.c.holder == "a").values(until=boucle.clock.at)
    boucle.store.write(lambda connection: connection.execute(everybody))
    assert other.relay_all() == 40
    fill_for(boucle, 40, 1)
    assert OutboxRelay(boucle.store, broker, "c", shares=8).relay_all() == 40


def test_a_relay_of_a_release_before_works_alone(postgres: str, install: Callable[..., Embedded]) -> None:
    """It has the whole outbox by one lease, and none that divides comes between; nor it between them."""
    boucle = install(database_url=postgres)
    broker = Broker()
    before, now = OutboxRelay(boucle.store, broker, "before"), OutboxRelay(boucle.store, broker, "now", shares=8)
    fill_for(boucle, 4, 1)
    assert before.relay_some() == 4
    fill_for(boucle, 4, 1)
    assert now.relay_some() == 0
    boucle.store.write(
        lambda connection: connection.execute(sa.update(tables.role_lease).values(until=boucle.clock.at))
    )
    assert now.relay_some() == 4
    fill_for(boucle, 4, 1)
    assert before.relay_some() == 0


def test_relays_that_divide_at_once_keep_each_customers_order(postgres: str, install: Callable[..., Embedded]) -> None:
    """They come and go while they work: each message once, those of a customer in order."""
    boucle = install(database_url=postgres)
    fill_for(boucle, 30, 20)
    broker, barrier = Broker(), threading.Barrier(4)

    def work(name: str) -> None:
        barrier.wait(10)
        relaying = OutboxRelay(boucle.store, broker, name, shares=8)
        while left(boucle):
            relaying.relay_some()

    threads = [threading.Thread(target=work, args=(f"relay-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    numbers_of = by_key(broker.kept)
    assert len(numbers_of) == 30
    assert all(found == sorted(found) and len(found) == 20 for found in numbers_of.values())


def test_without_a_broker_messages_go_to_a_file(boucle: Embedded, tmp_path: Path) -> None:
    """One line each, as JSON."""
    boucle.take(journey("delivery", "42", reference="1042"))
    boucle.settle()
    path = tmp_path / "deep" / "outbox.jsonl"
    assert OutboxRelay(boucle.store, FileOutlet(path), "me").relay_all() == 1
    (line,) = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert (line["topic"], line["key"]) == ("boucle.survey-requests", "42")


def schema_of(kind: str) -> jsonschema_rs.Draft202012Validator:
    """Return what a type of message must look like, formats included."""
    name = SCHEMA_OF.get(kind, "ticket.json" if kind.startswith("boucle.ticket.") else "")
    parts = orjson.loads((SCHEMAS.parent / "parts.json").read_bytes())
    registry = jsonschema_rs.Registry([(parts["$id"], parts)])
    schema = jsonschema_rs.dereference(orjson.loads((SCHEMAS / name).read_bytes()), registry=registry, offline=True)
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def test_everything_that_leaves_fits_its_schema_and_has_its_customers_key(boucle: Embedded) -> None:
    """Every outgoing type, from one life: asked, answered, called, done, written, withdrawn, reopened."""
    boucle.take(*(journey("delivery", who, reference=f"order-{who}", label="lamp") for who in ("a", "b", "c")))
    boucle.settle()
    requests = {request.reference: request.id for request in boucle.rows(SurveyRequest)}
    actions = boucle.parts.customer_actions
    actions.answer(requests["order-a"], 10, "bright")
    actions.answer(requests["order-b"], 2, "broken", wants_contact=True, phone="+33 1")
    boucle.take(score(7, "c", trigger="delivery"))
    boucle.later(minutes=2)
    actions.answer(requests["order-b"], 9)
    boucle.later(minutes=2)
    (ticket,) = boucle.rows(Ticket)
    update: dict[str, object] = {
        "specversion": "1.0",
        "source": "desk",
        "subject": "b",
        "time": boucle.clock.at.isoformat(),
    }
    for n, (turn, data) in enumerate(
        (
            ("claimed", {"by": "Léa"}),
            ("done", {"by": "Léa", "outcome": "solved", "root_cause": "product/defect", "sentence": "New one sent."}),
            ("reopened", {"by": "Léa", "text": "Not yet."}),
        )
    ):
        told: dict[str, object] = {
            **update,
            "id": f"desk-{n}",
            "type": f"boucle.ticket.{turn}.v1",
            "data": {"ticket": ticket.id, **data},
        }
        assert [str(outcome.taken) for outcome in boucle.take(told)] == ["accepted"]
    boucle.later(days=10)
    (response,) = [response for response in boucle.rows(Response) if response.reference == "order-a"]
    boucle.parts.testimonials.write(response.id, "Bright.", "A", "Lyon", "text_only")
    boucle.parts.testimonials.withdraw(response.id)
    boucle.take(about("erased", "c", boucle.clock.at))
    boucle.settle()
    broker = Broker()
    OutboxRelay(boucle.store, broker, "me").relay_all()
    found: dict[str, set[str]] = {}
    for topic, key, value in broker.kept:
        event = orjson.loads(value)
        schema_of(event["type"]).validate(event)
        assert event["subject"] == key
        assert "example.org" not in value.decode(), "ids, not personal data"
        found.setdefault(topic, set()).add(event["type"].removeprefix("boucle.").removesuffix(".v1"))
    assert found == {
        "boucle.survey-requests": {"survey-request.created"},
        "boucle.responses": {"response.received"},
        "boucle.tickets": {"ticket.opened", "ticket.claimed", "ticket.done", "ticket.reopened"},
        "boucle.testimonials": {"testimonial.consented", "testimonial.withdrawn"},
    }
    ids = [orjson.loads(value)["id"] for _, _, value in broker.kept]
    assert len(ids) == len(set(ids))
