"""Two streams share the partitions; one is killed again and again: none is lost, none counts twice."""

from collections import Counter
from random import Random

import pytest
import sqlalchemy as sa
from story import START, Message
from worlds import Apart

from workers.adapters.kafka import Topic
from workers.store import tables
from workers.usecases.operation import status

ROUNDS = 3
A_ROUND = 400


def events(round_: int) -> list[Message]:
    """Return the events of one round: deliveries of many customers, all over the partitions."""
    return [
        Message(
            START,
            Topic.EVENTS,
            f"c{number % 150}",
            (
                f'{{"specversion": "1.0", "id": "{round_}-{number}", "source": "shop", "subject": "c{number % 150}", '
                f'"type": "boucle.journey.delivery.v1", "time": "{START.isoformat()}", '
                f'"data": {{"reference": "{round_}-{number}"}}}}'
            ).encode(),
        )
        for number in range(A_ROUND)
    ]


@pytest.fixture
def stream_settings() -> dict[str, str]:
    """Give streams that take few events at once."""
    return {"session_seconds": "6", "batch_size": "20"}


def test_two_streams_one_killed_none_lost_none_twice(world: Apart) -> None:
    """Every event is accepted once and planned once, whoever had its partition when the other died."""
    chance = Random(5)
    for name in ("first", "second"):
        world.start("stream", name)
    for round_ in range(ROUNDS):
        world.send(events(round_))
        some = round_ * A_ROUND + chance.randrange(20, A_ROUND // 2)
        world.wait(lambda some=some: taken(world) >= some, "some of the events")  # type: ignore[misc]  # bound at once
        victim = chance.choice(("first", "second"))
        world.kill(victim)
        world.start("stream", victim)
    world.wait(world.is_taken, "everything to be taken in")
    with world.store.reading() as connection:
        inbox = Counter(connection.execute(sa.select(tables.inbox.c.event_id)).scalars())
        planned = Counter(connection.execute(sa.select(tables.touchpoint.c.step)).scalars())
        books = status.read_books(connection)
    assert len(inbox) == ROUNDS * A_ROUND
    assert set(inbox.values()) == {1}
    assert planned == {"delivery-now": ROUNDS * A_ROUND, "delivery-6w": ROUNDS * A_ROUND}
    assert books.ok()


def taken(world: Apart) -> int:
    """Return how many events were accepted so far."""
    with world.store.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.inbox)).scalar_one())
