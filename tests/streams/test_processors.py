"""The processors of the topics: each takes its own topic in, and none waits for another's trouble."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest
from faust.types import TP

from workers import settings as settings_module
from workers.adapters.kafka import TOPICS_IN
from workers.errors import NotNow
from workers.store.ledger import Incoming
from workers.streams import PROCESSORS, Batching, Positions, batches, make_app
from workers.usecases.intake import Intake, ReadBatch

SECONDS = 10.0
ONE_BY_ONE = Batching(size=1, seconds=SECONDS)


class Fetch:
    """What was fetched at once, as Faust hands it over, which knows whether it was acknowledged."""

    def __init__(self, topic: str, first: int, count: int = 1, partition: int = 0) -> None:
        self.message = self
        self.topic, self.void = topic, False
        self.tp = TP(topic, partition)
        self.value = [
            SimpleNamespace(topic=topic, partition=partition, offset=first + n, value=b"{}", headers=())
            for n in range(count)
        ]
        self.acknowledged = asyncio.Event()

    def ack(self) -> None:
        """Remember that it was acknowledged."""
        self.acknowledged.set()


class Stream:
    """A topic of some fetches; `hold` makes it wait for more behind the last."""

    def __init__(self, topic: str, sizes: Sequence[int], *, hold: bool = False) -> None:
        firsts = [sum(sizes[:place]) for place in range(len(sizes))]
        self.fetches = [Fetch(topic, first, size) for first, size in zip(firsts, sizes, strict=True)]
        self.hold = hold

    def noack(self) -> Self:
        """Return the stream whose events are acknowledged by hand."""
        return self

    async def events(self) -> AsyncIterator[Fetch]:
        """Give each fetch as an event."""
        for fetch in self.fetches:
            yield fetch
        if self.hold:
            await asyncio.Event().wait()


class Troubled:
    """An intake that cannot take one topic in for some tries, and says what it took."""

    def __init__(self, topic: str, error: Exception, tries: int) -> None:
        self.topic, self.error, self.tries = topic, error, tries
        self.healed = asyncio.Event()
        self.waiting: list[set[str]] = []
        self.taken: list[tuple[str, list[int]]] = []
        self.positions = Positions("cluster", {})

    def read(self, batch: Sequence[Incoming]) -> ReadBatch:
        """Say nothing of what the messages mean."""
        return ReadBatch(batch, ())

    def take_read(self, read: ReadBatch, ingress: object, consumed: object) -> None:
        """Take a batch in, or fail."""
        batch = read.messages
        if batch[0].topic == self.topic and self.tries:
            self.tries -= 1
            raise self.error
        self.waiting.append({fetch.message.topic for fetch in self.positions.waiting})
        self.taken.append((str(batch[0].topic), [record.offset or 0 for record in batch]))


async def run(intake: Troubled, *streams: Stream, until: Sequence[Fetch], batching: Batching = ONE_BY_ONE) -> None:
    """Run a processor for each stream until some fetches were acknowledged."""

    async def process(stream: Any) -> None:
        async for _ in batches.process_batches(stream, cast(Intake, intake), intake.positions, batching):
            pass

    running = [asyncio.ensure_future(process(stream)) for stream in streams]
    async with asyncio.timeout(SECONDS):
        for fetch in until:
            await fetch.acknowledged.wait()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@pytest.mark.parametrize("error", [RuntimeError("broken"), NotNow("the database is away")])
def test_a_topic_in_trouble_holds_no_other_up(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """While scores cannot be taken in, events are; the scores are not acknowledged, and nothing of them is lost."""
    monkeypatch.setattr(batches, "RETRY_SECONDS", 0.01)

    async def story() -> None:
        intake = Troubled("boucle.scores", error, tries=10**9)
        scores, events = Stream("boucle.scores", [1, 1]), Stream("boucle.events", [1, 1, 1])
        await run(intake, scores, events, until=events.fetches)
        assert [offsets for topic, offsets in intake.taken if topic == "boucle.events"] == [[0], [1], [2]]
        assert not any(fetch.acknowledged.is_set() for fetch in scores.fetches)

    asyncio.run(story())


def test_a_batch_that_failed_is_taken_in_once_its_cause_is_gone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again in its place, before the one behind it; the log names the place for `boucle stream skip`."""
    monkeypatch.setattr(batches, "RETRY_SECONDS", 0.01)

    async def story() -> None:
        intake = Troubled("boucle.scores", RuntimeError("broken"), tries=3)
        scores = Stream("boucle.scores", [1, 1])
        await run(intake, scores, until=scores.fetches)
        assert intake.taken == [("boucle.scores", [0]), ("boucle.scores", [1])]

    asyncio.run(story())
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == (
        3 * ["the batch could not be taken in: boucle.scores 0 0 to 0"]
    )


def test_only_the_topic_that_waits_for_the_database_counts_as_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guards are told which topics wait, and that none does once the database is back."""
    monkeypatch.setattr(batches, "RETRY_SECONDS", 0.05)

    async def story() -> None:
        intake = Troubled("boucle.scores", NotNow("away"), tries=2)
        scores, events = Stream("boucle.scores", [1]), Stream("boucle.events", [1])
        await run(intake, scores, events, until=[*events.fetches, *scores.fetches])
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
            add_processor(app, settings.topic_prefix, intake, Positions("cluster", {}), ONE_BY_ONE)
        agents = list(app.agents.values())
        assert sorted(topic for agent in agents for topic in agent.channel.topics) == sorted(
            f"one.{topic}" for topic in TOPICS_IN
        )
        assert {agent.concurrency for agent in agents} == {1}

    asyncio.run(story())


def test_fetches_that_come_together_are_one_batch_and_none_is_divided() -> None:
    """Fetches are put together up to the size of a batch, in their order; each is acknowledged as a whole."""

    async def story() -> None:
        intake = Troubled("", RuntimeError(), 0)
        events = Stream("boucle.events", [4, 5, 2, 30, 1])
        await run(intake, events, until=events.fetches, batching=Batching(size=10, seconds=SECONDS))
        batches_taken = [offsets for _, offsets in intake.taken]
        assert batches_taken == [list(range(9)), [9, 10], list(range(11, 41)), [41]]

    asyncio.run(story())


def test_a_batch_that_does_not_fill_is_taken_in_after_the_wait() -> None:
    """A single event waits no longer for others than the setting says."""

    async def story() -> None:
        intake = Troubled("", RuntimeError(), 0)
        events = Stream("boucle.events", [3], hold=True)
        await run(intake, events, until=events.fetches, batching=Batching(size=10, seconds=0.01))
        assert intake.taken == [("boucle.events", [0, 1, 2])]

    asyncio.run(story())


@pytest.mark.parametrize("error", [RuntimeError("broken"), NotNow("the database is away")])
def test_a_batch_that_was_revoked_while_it_failed_is_let_go(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another stream has it now: what is not revoked goes on, and nothing that was revoked is acknowledged here."""
    monkeypatch.setattr(batches, "RETRY_SECONDS", 0.01)

    async def story() -> None:
        intake = Troubled("boucle.scores", error, tries=10**9)
        scores = Stream("boucle.scores", [2, 1])
        revoked, kept = scores.fetches

        def take(read: ReadBatch, ingress: object, consumed: object) -> None:
            batch = read.messages
            if batch[0].offset == 0:
                revoked.void = True
                raise error
            intake.taken.append(("boucle.scores", [record.offset or 0 for record in batch]))

        intake.take_read = take  # type: ignore[method-assign]  # this intake revokes in the middle of a batch
        await run(intake, scores, until=[kept])
        assert intake.taken == [("boucle.scores", [2])]
        assert not revoked.acknowledged.is_set()
        assert intake.positions.waiting == set()

    asyncio.run(story())


def test_a_batch_is_read_while_the_one_before_it_is_written() -> None:
    """Reading needs no database, so it does not wait for it; writing keeps the order all the same."""

    async def story() -> None:
        intake = Troubled("", RuntimeError(), 0)
        second_was_read = threading.Event()
        read_before, take_read = intake.read, intake.take_read

        def read_and_tell(batch: Sequence[Incoming]) -> ReadBatch:
            if batch[0].offset == 1:
                second_was_read.set()
            return read_before(batch)

        def take_once_the_second_is_read(read: ReadBatch, ingress: object, consumed: object) -> None:
            assert second_was_read.wait(SECONDS)
            take_read(read, ingress, consumed)

        intake.read, intake.take_read = read_and_tell, take_once_the_second_is_read  # type: ignore[method-assign]
        events = Stream("boucle.events", [1, 1])
        await run(intake, events, until=events.fetches)
        assert intake.taken == [("boucle.events", [0]), ("boucle.events", [1])]

    asyncio.run(story())


def two_partitions() -> Stream:
    """Return a topic with two fetches of each of two partitions, one partition after the other."""
    events = Stream("boucle.events", [], hold=True)
    events.fetches = [Fetch("boucle.events", 10 * n, partition=partition) for partition in (0, 1) for n in (0, 1)]
    return events


def test_batches_of_two_partitions_are_written_at_the_same_time() -> None:
    """While the first batch of one waits for the database, those of the other are taken in, each in its order."""

    async def story() -> None:
        intake = Troubled("", RuntimeError(), 0)
        others_done = threading.Event()
        take_read, order = intake.take_read, list[tuple[int | None, int | None]]()

        def take(read: ReadBatch, ingress: object, consumed: object) -> None:
            (record,) = read.messages
            if record.partition == 0:
                assert others_done.wait(SECONDS)
            take_read(read, ingress, consumed)
            order.append((record.partition, record.offset))
            if len(order) == 2:
                others_done.set()

        intake.take_read = take  # type: ignore[method-assign]  # this intake waits with one partition
        events = two_partitions()
        await run(intake, events, until=events.fetches, batching=Batching(size=1, seconds=SECONDS, writers=2))
        assert order == [(1, 0), (1, 10), (0, 0), (0, 10)]

    asyncio.run(story())


def test_two_batches_of_one_partition_are_never_written_at_the_same_time() -> None:
    """However many writers there are: a customer's events are in one partition and keep their order."""

    async def story() -> None:
        intake = Troubled("", RuntimeError(), 0)
        take_read, underway, met = intake.take_read, set[int | None](), list[int | None]()

        def take(read: ReadBatch, ingress: object, consumed: object) -> None:
            partition = read.messages[0].partition
            met.extend(underway & {partition})
            underway.add(partition)
            time.sleep(0)  # lets another writer's thread in
            take_read(read, ingress, consumed)
            underway.discard(partition)

        intake.take_read = take  # type: ignore[method-assign]  # this intake looks who else is at work
        events = Stream("boucle.events", [])
        events.fetches = [Fetch("boucle.events", n // 3, partition=n % 3) for n in range(60)]
        await run(intake, events, until=events.fetches, batching=Batching(size=2, seconds=0.01, writers=4))
        assert not met
        for place in range(3):
            taken = [fetch.value[0].offset for fetch in events.fetches if fetch.tp.partition == place]
            assert taken == sorted(taken)

    asyncio.run(story())


def test_a_batch_that_fails_holds_up_its_own_partitions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other writer's partitions are taken in; that one works does not hide that the other waits."""
    monkeypatch.setattr(batches, "RETRY_SECONDS", 0.01)

    async def story() -> None:
        intake = Troubled("", RuntimeError(), 0)
        take_read = intake.take_read

        def take(read: ReadBatch, ingress: object, consumed: object) -> None:
            if read.messages[0].partition == 0:
                raise NotNow("the database is away")
            take_read(read, ingress, consumed)

        intake.take_read = take  # type: ignore[method-assign]  # this intake has trouble with one partition
        events = two_partitions()
        batching = Batching(size=1, seconds=SECONDS, writers=2)
        await run(intake, events, until=events.fetches[2:], batching=batching)
        assert not any(fetch.acknowledged.is_set() for fetch in events.fetches[:2])
        assert intake.waiting[-1] == {"boucle.events"}

    asyncio.run(story())


def test_a_stop_waits_for_the_batch_that_is_being_written() -> None:
    """What is committed is acknowledged too, or it would come again after the start."""

    async def story() -> None:
        intake = Troubled("", RuntimeError(), 0)
        begun, go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def take(read: ReadBatch, ingress: object, consumed: object) -> None:
            loop.call_soon_threadsafe(begun.set)
            assert go_on.wait(SECONDS)

        intake.take_read = take  # type: ignore[method-assign]  # this intake takes its time
        events = Stream("boucle.events", [1], hold=True)

        async def process() -> None:
            async for _ in batches.process_batches(events, cast(Intake, intake), intake.positions, ONE_BY_ONE):
                pass

        running = asyncio.ensure_future(process())
        async with asyncio.timeout(SECONDS):
            await begun.wait()
            running.cancel()
            await asyncio.sleep(0)
            assert not running.done()
            go_on.set()
            await asyncio.gather(running, return_exceptions=True)
        assert events.fetches[0].acknowledged.is_set()

    asyncio.run(story())
