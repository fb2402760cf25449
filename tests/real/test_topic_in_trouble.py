"""One topic in trouble, on a real broker and database: the others are taken in, and its lag is seen by itself."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from story import START, Message
from worlds import Apart

from workers.adapters.kafka import Topic
from workers.roles import web_of
from workers.store import tables
from workers.web.app import create_app

SCORES, EVENTS = 3, 40
TROUBLE = """
CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$;
CREATE TRIGGER trouble BEFORE INSERT ON consumed FOR EACH ROW WHEN (NEW.topic_id = '{}') EXECUTE FUNCTION trouble();
"""
LOCK = 7_351
SLOW = f"PERFORM pg_advisory_xact_lock_shared({LOCK});"
BROKEN = f"IF pg_try_advisory_xact_lock_shared({LOCK}) THEN ELSE RAISE check_violation; END IF;"


def event(topic: Topic, number: int, kind: str, **data: object) -> Message:
    """Return an event of a customer of its own."""
    key = f"{topic}-{number}"
    body = {"specversion": "1.0", "id": key, "source": "shop", "subject": key, "type": kind}
    return Message(START, topic, key, orjson.dumps({**body, "time": START.isoformat(), "data": data}))


@contextmanager
def trouble(world: Apart, topic: Topic, body: str) -> Iterator[None]:
    """Let the database make trouble whenever something of one topic is to be committed, until the end."""
    topic_id = world.ids[world.prefix + topic]
    with world.store.engine.begin() as connection:
        connection.exec_driver_sql(TROUBLE.format(body, topic_id))
    with world.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as holding:
        holding.execute(sa.select(sa.func.pg_advisory_lock(LOCK)))
        try:
            yield
        finally:
            holding.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))


def lag_of_topics(world: Apart, site: TestClient) -> Counter[str]:
    """Return how many records of each topic wait, as /metrics says it."""
    text = site.get("/metrics").text
    lag: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name == "boucle_consumer_lag" else ():
            lag[sample.labels["topic"].removeprefix(world.prefix)] += int(sample.value)
    return lag


def accepted(world: Apart) -> Counter[str]:
    """Return how many events were accepted of each topic, by the beginning of their ids."""
    with world.store.reading() as connection:
        ids = connection.execute(sa.select(tables.inbox.c.event_id)).scalars()
        return Counter(id_.rpartition("-")[0] for id_ in ids)


@pytest.mark.parametrize("body", [SLOW, BROKEN], ids=["a statement that waits", "a use case that fails"])
def test_a_topic_in_trouble_stops_no_other(world: Apart, body: str) -> None:
    """While scores cannot be committed, events are; the lag says which topic waits; afterwards nothing is missing."""
    scores = [event(Topic.SCORES, n, "boucle.score.v1", score=9) for n in range(SCORES)]
    events = [event(Topic.EVENTS, n, "boucle.journey.delivery.v1", reference=str(n)) for n in range(EVENTS)]
    site = TestClient(create_app(web_of(world.parts)))
    world.start("stream")
    world.send(events[:10])
    world.wait(world.is_taken, "the stream to work")
    with trouble(world, Topic.SCORES, body):
        world.send(scores)
        world.wait(lambda: lag_of_topics(world, site)[Topic.SCORES] == SCORES, "the lag of the scores")
        for until in range(20, EVENTS + 1, 10):
            world.send(events[until - 10 : until])
            world.wait(lambda until=until: accepted(world)[Topic.EVENTS] == until, "the events")  # type: ignore[misc]  # bound at once
        world.wait(lambda: lag_of_topics(world, site) == Counter({Topic.SCORES: SCORES}), "the lag of the topics")
    world.wait(world.is_taken, "the scores")
    assert accepted(world) == {Topic.SCORES: SCORES, Topic.EVENTS: EVENTS}
    log = (world.home / "stream.log").read_text()
    assert ("the batch could not be taken in" in log) == (body is BROKEN)
