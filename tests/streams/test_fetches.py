"""Whole fetches as events: what is handed on, how far ahead is read, and how far a position may move."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from faust.types import TP
from fetchlog import LogThread, Reading, offsets_of
from hypothesis import given, settings
from hypothesis import strategies as st
from mode import Service

from workers.streams import fetches
from workers.streams.fetches import FetchConsumer, Fetched, FetchThread

BATCH = 10
EVENTS, MORE_EVENTS, SCORES = TP("boucle.events", 0), TP("boucle.events", 1), TP("boucle.scores", 0)


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Reading], Awaitable[None]]], None]:
    """Give what plays a story with a consumer that fetches ten records at once."""

    def play_story(story: Callable[[Reading], Awaitable[None]]) -> None:
        async def run() -> None:
            await story(Reading(tmp_path, BATCH))

        asyncio.run(run())

    return play_story


Play = Callable[[Callable[[Reading], Awaitable[None]]], None]


def test_an_event_is_what_a_fetch_gave_of_a_partition(play: Play) -> None:
    """Two partitions are two events; both have their records in the order of the log, and the next go on behind."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(7))
        reading.thread.append(MORE_EVENTS, range(7))
        await reading.assign(EVENTS, MORE_EVENTS)
        first, second = await reading.fetch()
        assert (first.tp, offsets_of(first)) == (EVENTS, list(range(7)))
        assert (second.tp, offsets_of(second)) == (MORE_EVENTS, [0, 1, 2])
        (third,) = await reading.fetch()
        assert (third.tp, offsets_of(third)) == (MORE_EVENTS, [3, 4, 5, 6])
        assert await reading.fetch() == []

    play(story)


def test_a_position_moves_behind_what_is_done_without_a_gap(play: Play) -> None:
    """Acknowledged out of order, a fetch waits for those before it; to acknowledge again changes nothing."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(30))
        await reading.assign(EVENTS)
        first, second, third = [(await reading.fetch())[0] for _ in range(3)]
        assert await reading.acknowledge(third) == {}
        assert await reading.acknowledge(first) == {EVENTS: 10}
        assert await reading.acknowledge(first) == {EVENTS: 10}
        assert await reading.acknowledge(second) == {EVENTS: 30}

    play(story)


def test_offsets_without_records_are_passed(play: Play) -> None:
    """Compaction, transactions and retention leave gaps, within a fetch and before it; huge ones cost nothing."""

    async def story(reading: Reading) -> None:
        far = 10**15
        reading.thread.append(EVENTS, [3, 4, 9, far, far + 1, far + 9])
        reading.thread.committed[EVENTS] = 2
        await reading.assign(EVENTS)
        (fetched,) = await reading.fetch()
        assert offsets_of(fetched) == [3, 4, 9, far, far + 1, far + 9]
        assert await reading.acknowledge(fetched) == {EVENTS: far + 10}

    play(story)


def test_what_was_revoked_in_the_middle_is_read_again(play: Play) -> None:
    """Its acknowledgement comes too late and does nothing; it is read from what was committed, and counts then."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(20))
        await reading.assign(EVENTS)
        done, underway = (await reading.fetch())[0], (await reading.fetch())[0]
        assert await reading.acknowledge(done) == {EVENTS: 10}
        await reading.revoke()
        assert underway.void
        assert await reading.acknowledge(underway) == {EVENTS: 10}
        await reading.assign(EVENTS)
        (again,) = await reading.fetch()
        assert offsets_of(again) == list(range(10, 20))
        assert await reading.acknowledge(underway) == {EVENTS: 10}
        assert await reading.acknowledge(again) == {EVENTS: 20}

    play(story)


def test_what_was_acknowledged_but_not_committed_is_read_again_by_who_gets_it(play: Play) -> None:
    """A rebalance between the two costs a second reading, and passes nothing over."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(10))
        await reading.assign(EVENTS)
        (fetched,) = await reading.fetch()
        fetched.incref()
        fetched.ack(reading.consumer)
        await reading.revoke()
        await reading.assign(EVENTS)
        (again,) = await reading.fetch()
        assert offsets_of(again) == list(range(10))

    play(story)


def test_a_paused_partition_is_not_fetched(play: Play) -> None:
    """The others are; once it goes on, nothing of it is missing."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(3))
        reading.thread.append(MORE_EVENTS, range(3))
        await reading.assign(EVENTS, MORE_EVENTS)
        reading.consumer.pause_partitions({EVENTS})
        (other,) = await reading.fetch()
        assert other.tp == MORE_EVENTS
        assert await reading.fetch() == []
        reading.consumer.resume_partitions({EVENTS})
        (fetched,) = await reading.fetch()
        assert offsets_of(fetched) == [0, 1, 2]

    play(story)


def test_a_topic_that_is_not_taken_in_is_fetched_no_further_and_holds_no_other_up(play: Play) -> None:
    """So many records wait in memory and no more; the others come; with room again, it goes on where it was."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(1_000))
        await reading.assign(EVENTS, SCORES)
        waiting = [(await reading.fetch())[0] for _ in range(fetches.AHEAD_FETCHES)]
        assert await reading.fetch() == []
        reading.thread.append(SCORES, range(1))
        (score,) = await reading.fetch()
        assert score.tp == SCORES
        await reading.acknowledge(waiting[0])
        (more,) = await reading.fetch()
        assert offsets_of(more) == list(range(60, 70))
        assert await reading.fetch() == []

    play(story)


def test_with_every_topic_full_an_acknowledgement_is_waited_for(play: Play) -> None:
    """Nobody asks the broker again and again; what becomes free is fetched at once."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(1_000))
        await reading.assign(EVENTS)
        waiting = [(await reading.fetch())[0] for _ in range(fetches.AHEAD_FETCHES)]
        asked = len(reading.thread.asked)
        fetching = asyncio.ensure_future(reading.consumer._getmany({EVENTS}, 60.0))
        while not reading.consumer._freed._waiters:
            await asyncio.sleep(0)
        await reading.acknowledge(waiting[0])
        assert await asyncio.wait_for(fetching, 10) == {}
        assert len(reading.thread.asked) == asked
        assert await reading.fetch()

    play(story)


def test_large_records_end_a_fetch_and_fill_a_topic(tmp_path: Path) -> None:
    """Of records as large as an event may be a handful is in memory, however many a fetch asks for."""

    async def story() -> None:
        reading = Reading(tmp_path, 5_000)
        large = b"a" * 1_000_000
        reading.thread.append(EVENTS, range(500), large)
        await reading.assign(EVENTS)
        while await reading.fetch():
            pass
        most = fetches.FETCH_BYTES + fetches.STEP * len(large)
        assert all(fetched.serialized_value_size <= most for fetched in reading.given)
        assert sum(fetched.serialized_value_size for fetched in reading.given) <= fetches.AHEAD_BYTES + most
        assert set(reading.thread.asked) == {fetches.STEP}

    asyncio.run(story())


def test_what_was_read_across_a_seek_is_read_again(play: Play) -> None:
    """Where such records stand nobody can say: behind the new position, they would pass over what is before them."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(20))
        await reading.assign(EVENTS)
        await reading.acknowledge((await reading.fetch())[0])

        def seek() -> None:
            reading.thread.before_giving = lambda: None
            reading.consumer._begin_anew([EVENTS])

        reading.thread.at[EVENTS] = 15
        reading.thread.before_giving = seek
        assert await reading.fetch() == []
        (again,) = await reading.fetch()
        assert offsets_of(again) == list(range(10, 20))

    play(story)


def test_a_seek_lets_go_of_what_is_underway(play: Play) -> None:
    """From the new position on everything is read and counts; the room of what was let go is free."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(100))
        await reading.assign(EVENTS)
        old = [(await reading.fetch())[0] for _ in range(fetches.AHEAD_FETCHES)]
        await reading.consumer.seek(EVENTS, 5)
        assert all(fetched.void for fetched in old)
        (again,) = await reading.fetch()
        assert offsets_of(again) == list(range(5, 15))
        assert await reading.acknowledge(*old) == {}
        assert await reading.acknowledge(again) == {EVENTS: 15}

    play(story)


def test_to_begin_where_was_committed_lets_go_of_what_is_underway(play: Play) -> None:
    """Faust does so after a rebalance; what is read again counts once, and its room is free."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(100))
        await reading.assign(EVENTS)
        old = [(await reading.fetch())[0] for _ in range(fetches.AHEAD_FETCHES)]
        await reading.consumer.perform_seek()
        (again,) = await reading.fetch()
        assert offsets_of(again) == list(range(10))
        assert await reading.acknowledge(*old) == {}
        assert await reading.acknowledge(again) == {EVENTS: 10}

    play(story)


def test_faust_hands_fetches_on_and_keeps_nothing_of_gaps(play: Play) -> None:
    """Its own loop gives each fetch to the processors' side, whatever offsets are missing, and remembers no gap."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(0, 10**12, 10**10))
        await reading.assign(EVENTS)
        handed_on: list[Fetched] = []
        all_there = asyncio.Event()

        async def hand_on(fetched: Fetched) -> None:
            handed_on.append(fetched)
            await reading.acknowledge(fetched)
            if len(handed_on) == 10:
                all_there.set()

        reading.consumer.callback = hand_on
        draining = asyncio.ensure_future(reading.consumer._drain_messages(Service()))
        await asyncio.wait_for(all_there.wait(), 10)
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
        assert [offset for fetched in handed_on for offset in offsets_of(fetched)] == list(range(0, 10**12, 10**10))
        assert reading.thread.committed == {EVENTS: 99 * 10**10 + 1}
        assert not any(reading.consumer._gap.values())

    play(story)


def test_a_log_that_began_anew_is_read_from_its_beginning(play: Play) -> None:
    """A topic that was deleted and made again under a running stream has small offsets; its positions are kept too."""

    async def story(reading: Reading) -> None:
        reading.thread.append(EVENTS, range(90, 100))
        await reading.assign(EVENTS)
        assert await reading.acknowledge((await reading.fetch())[0]) == {EVENTS: 100}
        reading.thread.log[EVENTS] = []
        reading.thread.append(EVENTS, range(3))
        reading.thread.at[EVENTS] = 0
        (fetched,) = await reading.fetch()
        assert offsets_of(fetched) == [0, 1, 2]
        assert await reading.acknowledge(fetched) == {EVENTS: 3}

    play(story)


@given(seed=st.integers(0, 2**32), partitions=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_no_position_passes_what_was_not_taken_in(
    tmp_path_factory: pytest.TempPathFactory, seed: int, partitions: int
) -> None:
    """Whatever comes between fetching and acknowledging, a committed position has everything before it taken in, what
    is in memory is bounded, and in the end everything was taken."""
    chance = Random(seed)
    places = [TP(("boucle.events", "boucle.scores")[number % 2], number) for number in range(partitions)]

    async def story() -> None:
        reading = Reading(tmp_path_factory.mktemp("home"), BATCH)
        fill(reading.thread, places, chance)
        taken: dict[TP, set[int]] = {place: set() for place in places}
        await reading.assign(*places)

        async def acknowledge() -> None:
            waiting = [fetched for fetched in reading.given if not fetched.acked]
            for fetched in chance.sample(waiting, min(len(waiting), chance.randrange(4))):
                taken[fetched.tp].update(offsets_of(fetched))
                await reading.acknowledge(fetched)

        async def rebalance() -> None:
            await reading.revoke()
            await reading.assign(*chance.sample(places, chance.randrange(1, partitions + 1)))

        async def seek() -> None:
            if place := chance.choice([None, *sorted(reading.thread.assigned)]):
                await reading.consumer.seek(place, reading.thread.committed.get(place, 0))

        deeds = [reading.fetch, reading.fetch, reading.fetch, acknowledge, acknowledge, rebalance, seek]
        for _ in range(40):
            await chance.choice(deeds)()
            check(reading, taken)
        await reading.revoke()
        await reading.assign(*places)
        while batch := await reading.fetch():
            for fetched in batch:
                taken[fetched.tp].update(offsets_of(fetched))
                await reading.acknowledge(fetched)
        for place in places:
            log = [record.offset for record in reading.thread.log[place]]
            assert taken[place] == set(log)
            assert not log or reading.thread.committed[place] == log[-1] + 1

    asyncio.run(story())


def fill(thread: LogThread, places: Sequence[TP], chance: Random) -> None:
    """Publish records to each partition, at offsets with gaps."""
    for place in places:
        at = chance.randrange(50)
        thread.append(place, [])
        for _ in range(chance.randrange(150)):
            at += chance.choice((1, 1, 1, 1, 2, 40))
            thread.append(place, [at])


def check(reading: Reading, taken: dict[TP, set[int]]) -> None:
    """Fail where a committed position has something before it that nobody took in, or too much is in memory."""
    for place, position in reading.thread.committed.items():
        passed = {record.offset for record in reading.thread.log[place] if record.offset < position}
        assert passed <= taken[place], f"{place} is at {position}"
    underway = Counter[str]()
    for fetched in reading.given:
        underway[fetched.topic] += 0 if fetched.acked or fetched.void else len(fetched.value)
    assert all(records <= (fetches.AHEAD_FETCHES + 1) * BATCH for records in underway.values())


def test_faust_has_what_is_replaced_in_it() -> None:
    """An upgrade of Faust that names one of these otherwise would be noticed by nobody else than the audit."""
    for ours, theirs in ((FetchConsumer, Consumer), (FetchThread, AIOKafkaConsumerThread)):
        replaced = {name for name, value in vars(ours).items() if callable(value)} - {
            "_has_room",
            "_ended",
            "_wait_for_room",
            "_read_again",
            "_begin_anew",
        }
        assert replaced
        assert {name for name in replaced if not hasattr(theirs, name)} == set()
