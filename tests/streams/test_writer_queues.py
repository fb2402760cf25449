"""Writer queues: which of a topic's fetches may be written at the same time."""

import asyncio
from types import SimpleNamespace
from typing import Any

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from workers.streams.writer_queues import WriterQueues

DEALT = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), max_size=40)
"""Partition and number of records of each fetch."""


def fetch(partition: int, records: int = 1) -> Any:
    """Return a fetch as far as the queues look at it."""
    return SimpleNamespace(message=SimpleNamespace(tp=TP("boucle.events", partition)), value=[None] * records)


async def waiting(queues: WriterQueues, writer: int) -> list[Any]:
    """Take out all that waits for a writer."""
    found: list[Any] = []
    coming = aiter(queues.of(writer))
    while True:
        one = asyncio.ensure_future(anext(coming))
        await asyncio.sleep(0)
        if not one.done():
            one.cancel()
            return found
        found.append(one.result())


@given(DEALT, st.integers(1, 4), st.data())
def test_what_is_underway_of_a_partition_is_with_one_writer_in_its_order(
    dealt: list[tuple[int, int]], count: int, data: st.DataObject
) -> None:
    """However fetches come and end; and nothing is lost or given twice."""

    async def story() -> None:
        queues = WriterQueues(count)
        underway: list[tuple[int, Any]] = []
        given_out: list[Any] = []
        for partition, records in dealt:
            one = fetch(partition, records)
            queues.put(one)
            given_out.append(one)
            for writer in range(count):
                underway += [(writer, other) for other in await waiting(queues, writer)]
            assert [other for _, other in underway if other.message.tp == one.message.tp][-1] is one
            assert len({writer for writer, other in underway if other.message.tp == one.message.tp}) == 1
            for ended in data.draw(st.sets(st.integers(0, len(underway) - 1), max_size=3)) if underway else ():
                queues.done([underway[ended][1]])
                underway[ended] = (-1, None)
            underway = [(writer, other) for writer, other in underway if other is not None]
        queues.done([other for _, other in underway])

    asyncio.run(story())


def test_a_partition_of_which_nothing_is_underway_goes_to_the_writer_with_least_to_do() -> None:
    """So a writer that is free takes what comes next, whichever partition it took before."""

    async def story() -> None:
        queues = WriterQueues(2)
        large, small, next_one = fetch(0, 9), fetch(1, 2), fetch(2)
        for one in (large, small, next_one):
            queues.put(one)
        assert await waiting(queues, 0) == [large]
        assert await waiting(queues, 1) == [small, next_one]
        queues.done([large])
        again = fetch(0)
        queues.put(again)
        assert await waiting(queues, 0) == [again]

    asyncio.run(story())
