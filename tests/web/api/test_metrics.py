"""What /metrics says after a story, on both databases: figures that alerts rest on, and what scraping costs."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from fakelog import FakeLog
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from webparts import Site

from workers.adapters.kafka.partition_log import Extent
from workers.errors import NotNow
from workers.store.positions import Consumed, record_consumed
from workers.usecases.operation.backlog import Place, count_waiting
from workers.web.api.scraping import Kept, Lag
from workers.web.app import create_app

Labels = tuple[tuple[str, str], ...]
NEW = (
    "boucle_dead_letters_total",
    "boucle_mails_sent_total",
    "boucle_outbox_age_seconds",
    "boucle_tickets_overdue",
)
BOUNDED = frozenset(["door", "kind", "outcome", "part", "partition", "state", "topic"])
"""The labels there may be: words of the code, and the partitions of our own topics; never what a stranger sends."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, open_site: Callable[..., Site]) -> Site:
    """Give an installation on each kind of database."""
    if request.param == "postgresql":
        return open_site(database_url=request.getfixturevalue("postgres"))
    return open_site()


def scraped(client: TestClient) -> dict[str, dict[Labels, float]]:
    """Return every sample of a scrape, by name and labels, as a monitor reads it."""
    samples: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            assert set(sample.labels) <= BOUNDED
            samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return samples


def sums(client: TestClient) -> dict[str, float]:
    """Return the figures that are new, each summed over its labels."""
    samples = scraped(client)
    return {name: sum(samples.get(name, {}).values()) for name in NEW}


def test_a_story_moves_each_figure(place: Site) -> None:
    """Mails count when they leave, tickets once their time is over, refused messages by door, the outbox by age."""
    assert sums(place.client) == dict.fromkeys(NEW, 0.0)
    place.answered(2)
    asked_and_acknowledged = sums(place.client)
    assert asked_and_acknowledged["boucle_mails_sent_total"] == 3.0  # the question, the agents' mail, the customer's
    assert asked_and_acknowledged["boucle_tickets_overdue"] == 0.0
    assert asked_and_acknowledged["boucle_outbox_age_seconds"] > 0.0
    for body in (b"[", b"{", b"{"):  # the same bytes twice are one letter
        place.client.post("/v1/events", content=body, headers={"content-type": "application/cloudevents+json"})
    assert scraped(place.client)["boucle_dead_letters_total"] == {(("door", "file"),): 0.0, (("door", "http"),): 2.0}
    place.pass_time(days=4)
    late = sums(place.client)
    assert late["boucle_tickets_overdue"] == 1.0
    place.parts.outgoing.outbox_relay().relay_all()
    assert sums(place.client)["boucle_outbox_age_seconds"] == 0.0


def test_a_mail_that_comes_back_was_sent_all_the_same(place: Site) -> None:
    """The counter never falls, also when a dispatch's state changes afterwards; a rate over it would be wrong."""
    place.ask()
    before = sums(place.client)["boucle_mails_sent_total"]
    with place.parts.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE dispatch SET state = 'bounced'")
    assert sums(place.client)["boucle_mails_sent_total"] == before == 1.0


class Partitions(FakeLog):
    """A broker with two partitions of a topic."""

    def extents(self) -> tuple[str, list[Extent]]:
        """Return what they have: the first begins late, as its oldest records are gone."""
        return "c1", [Extent("boucle.events", "id-1", 0, 40, 100), Extent("boucle.events", "id-1", 1, 0, 7)]


def test_what_waits_in_the_broker_is_counted_from_what_was_taken_in(place: Site) -> None:
    """Behind the last record taken in; of a partition that nobody read, all that is kept; a cluster made again anew."""
    assert count_waiting(place.parts.store, Partitions()) == {("boucle.events", 0): 60, ("boucle.events", 1): 7}
    with place.parts.store.engine.begin() as connection:
        record_consumed(connection, [Consumed("c1", "id-1", 0, 40, 89), Consumed("c0", "id-1", 1, 0, 6)])
    assert count_waiting(place.parts.store, Partitions()) == {("boucle.events", 0): 10, ("boucle.events", 1): 7}


def client_with(site: Site, look: Callable[[], Mapping[Place, int]]) -> TestClient:
    """Return a client of the same installation with a broker."""
    return TestClient(create_app(replace(site.web, backlog=look)))


def test_the_lag_is_there_with_a_broker_that_answers_and_only_then(site: Site) -> None:
    """By topic and partition; without a broker, or one that is away or breaks, no figure is better than a wrong one."""

    def away() -> Mapping[Place, int]:
        raise NotNow("Kafka does not answer.")

    def broken() -> Mapping[Place, int]:
        raise KeyError("boucle.events")

    assert "boucle_consumer_lag" not in scraped(site.client)
    for look in (away, broken):
        samples = scraped(client_with(site, look))
        assert "boucle_consumer_lag" not in samples
        assert "boucle_outbox" in samples
    lag = scraped(client_with(site, lambda: {("boucle.scores", 3): 12}))["boucle_consumer_lag"]
    assert lag == {(("partition", "3"), ("topic", "boucle.scores")): 12.0}


def test_a_broker_that_hangs_is_asked_once_and_keeps_nobody_waiting() -> None:
    """Scrapes do not pile up behind it, and once it answers the figure is there."""
    asked, cancel_pending = [], threading.Event()

    def hang() -> Mapping[Place, int]:
        asked.append(1)
        cancel_pending.wait(20)
        return {("t", 0): len(asked)}

    async def scrapes() -> list[Mapping[Place, int]]:
        lag = Lag(hang, wait=0.02, fresh=60.0)
        hung = [await lag.current(), await lag.current()]
        cancel_pending.set()
        while not (answered := await lag.current()):
            pass
        return [*hung, answered, await lag.current()]

    assert asyncio.run(scrapes()) == [{}, {}, {("t", 0): 1}, {("t", 0): 1}]


def test_counting_through_tables_costs_a_twentieth_at_most() -> None:
    """What took a second to count is kept for twenty; what took no time is counted anew; a failure is not kept."""
    seconds = [0.0]
    counted: list[int] = []

    def count() -> int:
        counted.append(1)
        seconds[0] += 1.0
        return len(counted)

    kept: Kept[int] = Kept(20, lambda: seconds[0])
    assert [kept.get(count), kept.get(count)] == [1, 1]
    seconds[0] += 20.0
    assert kept.get(count) == 2
    at_once: Kept[int] = Kept(20, lambda: 0.0)
    with pytest.raises(ZeroDivisionError):
        at_once.get(lambda: 1 // 0)
    assert [at_once.get(lambda: 1), at_once.get(lambda: 2)] == [1, 2]
