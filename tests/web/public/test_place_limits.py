"""Limits of places hold to the last answer, also where many come at the same moment."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from placeparts import Wall

from workers.domain.records import Dispatch, PlaceAnswer, Response
from workers.usecases.places.place_answers import Said, Taken, Visit

T = TypeVar("T")
AT_ONCE = 12
BOTH = pytest.mark.parametrize("wall", ["sqlite", "postgres"], indirect=True)


def at_once(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Do all at the same moment, and return what came of each."""
    barrier = threading.Barrier(len(acts))

    def act_with_all(act: Callable[[], T]) -> T:
        barrier.wait(30)
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return [done.result(60) for done in [threads.submit(act_with_all, act) for act in acts]]


def visitor(wall: Wall, place: str, n: int, **more: str) -> Callable[[], Taken]:
    """Return what one of many does who answers a page of their own."""
    answers = wall.site.parts.place_answers
    listed = answers.open_place(place)
    assert listed
    said = Said(9, "", bool(more), **more)
    return lambda: answers.answer(listed, Visit(f"{place} {n}", "203.0.113.0/24", "en"), said).taken


@BOTH
def test_no_more_than_the_limit_are_counted_of_many_at_once(wall: Wall) -> None:
    """The place takes three in a minute: of twelve at one moment three count, and nine are kept apart."""
    taken = at_once([visitor(wall, "entrance", n) for n in range(AT_ONCE)])
    assert (taken.count(Taken.KEPT), taken.count(Taken.APART)) == (3, AT_ONCE - 3)
    held = [row.held for row in wall.site.rows(PlaceAnswer)]
    assert (held.count(""), held.count("minute"), len(wall.site.rows(Response))) == (3, AT_ONCE - 3, 3)
    assert wall.sums() == []


@BOTH
def test_an_address_is_asked_once_however_many_type_it_at_once(wall: Wall) -> None:
    """At two places in one moment: its owner gets one mail."""
    places = ["entrance", "till"]
    at_once([visitor(wall, places[n % 2], n, address="camille@example.org") for n in range(6)])
    assert sorted(row.claim or "" for row in wall.site.rows(PlaceAnswer)) == ["asked", *["unsent"] * 5]
    assert len([mail for mail in wall.site.rows(Dispatch) if mail.template == "claim"]) == 1
    assert wall.sums() == []
