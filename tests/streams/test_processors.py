"""The processors of the topics: each takes its own topic in, and none waits for another's trouble."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest

from workers import settings as settings_module
from workers.adapters.kafka import TOPICS_IN
from workers.errors import NotNow
from workers.store.ledger import Incoming
from workers.streams import PROCESSORS, Batching, Positions, batches, make_app
from workers.usecases.intake import Intake

SECONDS = 10.0
BATCHING = Batching(size=10, seconds=0.1)


class Record:
    """A record as Faust hands it over, which knows whether it was acknowledged."""

    def __init__(self, topic: str, offset: int) -> None:
        self.message = self
        self.topic, self.partition, self.offset = topic, 0, offset
        self.value, self.headers = b"{}", list[tuple[str, bytes]]()
        self.acknowledged = asyncio.Event()

    def ack(self) -> None:
        """Remember that it was acknowledged."""
        self.acknowledged.set()


class Stream:
    """A topic of some records, one a batch."""

    def __init__(self, topic: str, count: int) -> None:
        self.records = [Record(topic, offset) for offset in range(count)]

    async def noack_take(self, size: int, within: float) -> AsyncIterator[Sequence[Record]]:
        """Give each record as a batch of its own."""
        for record in self.records:
            yield [record]


class Troubled:
    """An intake that cannot take one topic in for some tries, and says what it took."""

    def __init__(self, topic: str, error: Exception, tries: int) -> None:
        self.topic, self.error, self.tries = topic, error, tries
        self.healed = asyncio.Event()
        self.waiting: list[set[str]] = []
        self.taken: list[tuple[str, int]] = []
        self.positions = Positions("cluster", {})

    def take(self, batch: Sequence[Incoming], ingress: object, consumed: object) -> None:
        """Take a batch in, or fail."""
        (one,) = batch
        if one.topic == self.topic and self.tries:
            self.tries -= 1
            raise self.error
        self.waiting.append(set(self.positions.waiting))
        self.taken.append((str(one.topic), one.offset or 0))


async def run(intake: Troubled, *streams: Stream, until: Sequence[Record]) -> None:
    """Run a processor for each stream until some records were acknowledged."""

    async def process(stream: Any) -> None:
        async for _ in batches.process_batches(stream, cast(Intake, intake), intake.positions, BATCHING):
            pass

    running = [asyncio.ensure_future(process(stream)) for stream in streams]
    async with asyncio.timeout(SECONDS):
        for record in until:
            await record.acknowledged.wait()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@pytest.mark.parametrize("error", [RuntimeError("broken"), NotNow("the database is away")])
def test_a_topic_in_trouble_holds_no_other_up(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """While scores cannot be taken in, events are; the scores are not acknowledged, and nothing of them is lost."""
    monkeypatch.setattr(batches, "RETRY_SECONDS", 0.01)

    async def story() -> None:
        intake = Troubled("boucle.scores", error, tries=10**9)
        scores, events = Stream("boucle.scores", 2), Stream("boucle.events", 3)
        await run(intake, scores, events, until=events.records)
        assert [offset for topic, offset in intake.taken if topic == "boucle.events"] == [0, 1, 2]
        assert not any(record.acknowledged.is_set() for record in scores.records)

    asyncio.run(story())


def test_a_batch_that_failed_is_taken_in_once_its_cause_is_gone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again in its place, before the one behind it; the log names the place for `boucle stream skip`."""
    monkeypatch.setattr(batches, "RETRY_SECONDS", 0.01)

    async def story() -> None:
        intake = Troubled("boucle.scores", RuntimeError("broken"), tries=3)
        scores = Stream("boucle.scores", 2)
        await run(intake, scores, until=scores.records)
        assert intake.taken == [("boucle.scores", 0), ("boucle.scores", 1)]

    asyncio.run(story())
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == (
        3 * ["the batch could not be taken in: boucle.scores 0 0 to 0"]
    )


def test_only_the_topic_that_waits_for_the_database_counts_as_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guards are told which topics wait, and that none does once the database is back."""
    monkeypatch.setattr(batches, "RETRY_SECONDS", 0.05)

    async def story() -> None:
        intake = Troubled("boucle.scores", NotNow("away"), tries=2)
        scores, events = Stream("boucle.scores", 1), Stream("boucle.events", 1)
        await run(intake, scores, events, until=[*events.records, *scores.records])
        assert intake.waiting[-1] == {"boucle.scores"}
        await asyncio.sleep(0)
        assert intake.positions.waiting == set()

    asyncio.run(story())


def test_every_topic_that_comes_in_has_a_processor() -> None:
    """One agent for each topic, under the installation's prefix, never two batches of it at a time."""
    settings = settings_module.read({"BOUCLE_KAFKA_BOOTSTRAP": "127.0.0.1:1", "BOUCLE_TOPIC_PREFIX": "one."})

    async def story() -> None:
        app = make_app(settings)
        intake = cast(Intake, Troubled("", RuntimeError(), 0))
        for add_processor in PROCESSORS:
            add_processor(app, settings.topic_prefix, intake, Positions("cluster", {}), BATCHING)
        agents = list(app.agents.values())
        assert sorted(topic for agent in agents for topic in agent.channel.topics) == sorted(
            f"one.{topic}" for topic in TOPICS_IN
        )
        assert {agent.concurrency for agent in agents} == {1}

    asyncio.run(story())
