"""One story, played embedded and by three processes on Kafka, PostgreSQL and a mail server, gives the same books.

Embedded, each table is one; there, the large ones lie in sixteen hash partitions, by customer. The tests of this module
share one installation and run in their order: what is published again, and what is replayed, is what the first of them
published.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
import sqlalchemy as sa
from dividing import divide
from driver import books_of, play
from kafka.admin import OffsetSpec
from mailcatcher import MailCatcher, serve
from parts import empty_database, fresh_name
from prometheus_client.parser import text_string_to_metric_families
from story import Story
from worlds import Apart, Embedded, dead_letter_reasons

from workers.adapters import kafka as topics
from workers.domain.invariants import difference
from workers.store import tables
from workers.streams import group_of
from workers.usecases.operation import status


@dataclass(slots=True)
class Played:
    """The story after it was played both ways."""

    world: Apart
    catcher: MailCatcher
    story: Story
    books: list[tuple[str, str]]
    dead_letters: dict[str, int]
    mails: int = 0


@pytest.fixture(scope="module")
def played(kafka: str, postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play the story embedded, then apart."""
    story = Story(seed=4, customers=60, days=180)
    with Embedded(tmp_path_factory.mktemp("embedded") / "home") as embedded:
        play(story, embedded)
        books, letters = books_of(embedded.store), dead_letter_reasons(embedded)
    prefix = fresh_name("story") + "-"
    topics.create(kafka, prefix, replication=1)
    catcher = MailCatcher()
    controller = serve(catcher)
    home = tmp_path_factory.mktemp("apart") / "home"
    with empty_database(postgres_server) as url:
        divide(url)
        with Apart(home, kafka, url, catcher.url, prefix) as world:
            play(story, world)
            yield Played(world, catcher, story, books, letters, len(catcher.mails))
    controller.stop()
    with topics.admin(kafka) as client:
        client.delete_topics(topics.topic_names(prefix))


def same_books(played: Played) -> None:
    """Hold the installation's books and dead letters against those of the embedded run."""
    differences = list(difference(played.books, books_of(played.world.store)))
    assert not differences, "\n".join(differences[:50])
    assert dead_letter_reasons(played.world) == played.dead_letters
    with played.world.store.reading() as connection:
        books = status.read_books(connection)
    assert [line for line in books.sums() if not line["ok"]] == []


def received(played: Played) -> Counter[str]:
    """Return what came of everything that came in."""
    table = tables.received
    columns = (table.c.events, table.c.accepted, table.c.duplicates, table.c.dead_letters)
    with played.world.store.reading() as connection:
        row = connection.execute(sa.select(*(sa.func.sum(column).label(column.name) for column in columns))).one()
    return Counter({name: int(value) for name, value in row._mapping.items()})


def test_the_same_story_gives_the_same_books_on_every_transport(played: Played) -> None:
    """Embedded, and through Kafka, PostgreSQL, SMTP and the answer page: the same rows, and one mail each."""
    same_books(played)
    assert sum(played.dead_letters.values()) == played.story.bad
    ids = Counter(mail.message["Message-ID"] for mail in played.catcher.mails)
    assert played.mails > 100
    assert set(ids.values()) == {1}


def figures(world: Apart) -> dict[str, dict[tuple[str, str], float]]:
    """Return what the web role tells a monitor, by name and by (topic, partition), empty for those without."""
    text = httpx.get(f"http://{world.web}/metrics", timeout=10).raise_for_status().text
    by_metric: dict[str, dict[tuple[str, str], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            place = (sample.labels.get("topic", ""), sample.labels.get("partition", ""))
            by_metric.setdefault(sample.name, {})[place] = sample.value
    return by_metric


def test_a_monitor_sees_what_was_sent_and_that_nothing_lags(played: Played) -> None:
    """Every partition is read to its end, every mail and dead letter counted once, and the outbox is empty."""
    world = played.world
    metrics = figures(world)
    assert {topic for topic, _ in metrics["boucle_consumer_lag"]} == set(
        topics.topic_names(world.prefix, topics.TOPICS_IN)
    )
    assert set(metrics["boucle_consumer_lag"].values()) == {0.0}
    assert metrics["boucle_mails_sent_total"] == {("", ""): float(played.mails)}
    assert sum(metrics["boucle_dead_letters_total"].values()) == played.story.bad
    assert metrics["boucle_outbox_age_seconds"] == {("", ""): 0.0}


def test_publishing_everything_twice_changes_nothing(played: Played) -> None:
    """Every event, score and ticket update again: all duplicates, no book changes, nothing is sent."""
    before = received(played)
    played.world.publish(list(played.world.published))
    played.world.settle()
    came = received(played) - before
    assert came["events"] == came["duplicates"] > 200
    same_books(played)
    assert len(played.catcher.mails) == played.mails


def test_replaying_all_topics_into_an_empty_inbox_changes_nothing(played: Played) -> None:
    """With the short memory gone, natural keys alone keep every book as it is, and nothing is sent."""
    world = played.world
    before = received(played)
    world.stop("stream")
    with world.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.inbox))
        connection.execute(sa.delete(tables.consumed))
    world.wait(lambda: sum(figures(world)["boucle_consumer_lag"].values()) > 200, "a lag that a monitor sees")
    with topics.admin(world.kafka) as client:
        group = group_of(world.parts.settings)
        places = list(client.list_group_offsets(group)[group])
        client.reset_group_offsets(group, dict.fromkeys(places, OffsetSpec.EARLIEST))
    world.start("stream")
    world.settle()
    world.wait(lambda: not any(figures(world)["boucle_consumer_lag"].values()), "a lag of nothing")
    assert (received(played) - before)["accepted"] > 200
    same_books(played)
    assert len(played.catcher.mails) == played.mails
