"""Drivers as a file declares them: what is read, what is refused and why, what is offered, and in which order."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.cloudevents.events import Event, Kind, ScoreData
from workers.domain.drivers import (
    MOST_CHOSEN,
    MOST_OFFERED,
    OTHER,
    Drivers,
    names_in,
    offered,
    read_drivers,
    shuffled,
    take_drivers,
)
from workers.domain.records.choices import codes_in, joined
from workers.errors import Misconfigured
from workers.structs import replace

SHIPPED = Path(__file__).parents[2] / "rules" / "drivers.yaml"
SHOP = read_drivers(SHIPPED.read_bytes())


def lines(**drivers: str) -> bytes:
    """Return a file that declares drivers, each by its line."""
    return "\n".join(f"{code}: {line}" for code, line in drivers.items()).encode()


def test_the_shipped_file_is_what_a_shop_may_ask() -> None:
    """Five to eight reasons, each in English and French, offered after every score."""
    assert 5 <= len(SHOP) <= MOST_OFFERED
    assert all({"en", "fr"} <= driver.names.keys() for driver in SHOP.values())
    assert offered(SHOP, "delivery") == list(SHOP.values())


def test_an_empty_file_asks_for_no_reasons() -> None:
    """Comments alone declare nothing, and then nothing is offered, not even something else."""
    nothing = read_drivers(b"# nothing yet\n")
    assert nothing == {}
    assert shuffled(offered(nothing, "delivery"), "request") == []


FAULTS = {
    b"- a\n- b\n": "must name drivers",
    b"price: [": "cannot be read",
    b"Price!: {name: {en: Price}}": "this is no code",
    b"other: {name: {en: Other}}": "means something already",
    b"price: Price": "say what it is called",
    b"price: {names: {en: Price}}": "Did you mean name?",
    b"price: {promoter: {en: Good}}": "name is missing",
    b"price: {name: {}}": "write a name for each language",
    b"price: {name: {english: Price}}": "is no language",
    b"price: {name: {en: ''}}": "must be a line of up to",
    b"price: {name: {en: '" + b"x" * 81 + b"'}}": "must be a line of up to",
    b"price: {name: {en: Price}, triggers: delivery}": "write a list of triggers",
    b"price: {name: {en: Price, fr: Prix}}\nstaff: {name: {en: Staff}}": "the name in fr is missing",
    b"price: {name: {en: Price}, passive: {fr: Moins cher}}": "passive: the name in en is missing",
    b"price: {name: {en: Price}}\ncost: {name: {en: price}}": "two drivers are called price",
    lines(**{f"d{n}": f"{{name: {{en: D{n}}}}}" for n in range(9)}): "9 drivers are offered after every score",
    lines(**{f"d{n}": f"{{name: {{en: D{n}}}, triggers: [visit]}}" for n in range(9)}): "9 drivers are offered after",
    lines(**{f"d{n}": f"{{name: {{en: D{n}}}, triggers: [t{n}]}}" for n in range(41)}): "declares 41 drivers",
}


@pytest.mark.parametrize(("body", "said"), FAULTS.items(), ids=list(FAULTS.values()))
def test_a_faulty_file_is_refused_with_what_to_write(body: bytes, said: str) -> None:
    """Every fault names the file, and says what to do."""
    with pytest.raises(Misconfigured) as refused:
        read_drivers(body)
    assert all(fault.startswith("rules/drivers.yaml") for fault in refused.value.faults)
    assert any(said in fault for fault in refused.value.faults)


def test_a_driver_is_called_by_language_and_band() -> None:
    """A band's own words come first; a regional language falls to its base, an unknown one to the first."""
    price = read_drivers(
        b"price: {name: {en: Price, fr: Le prix}, promoter: {en: Good value, fr: Bon rapport}, triggers: [purchase]}"
    )["price"]
    assert price.name("fr-CA") == "Le prix"
    assert price.name("de") == "Price"
    assert price.name("fr", "promoter") == "Bon rapport"
    assert price.name("fr", "detractor") == "Le prix"
    assert offered({"price": price}, "delivery") == []
    assert names_in("gone_now other price", {"price": price}, "en", "Something else") == [
        "gone now",
        "Something else",
        "Price",
    ]


@given(st.text(max_size=40), st.lists(st.sampled_from([*SHOP, OTHER]), max_size=8))
def test_the_order_is_stable_and_the_choice_has_none(request_id: str, chosen: list[str]) -> None:
    """One question shows one order with "other" last; a choice is kept the same in whatever order it is told."""
    order = shuffled(list(SHOP.values()), request_id)
    assert order == shuffled(list(SHOP.values())[::-1], request_id)
    assert order[-1] == OTHER
    assert sorted(order[:-1]) == sorted(SHOP)
    assert joined(chosen) == joined([*chosen[::-1], *chosen])
    assert set(codes_in(joined(chosen))) == set(chosen)


def test_every_reason_stands_first_about_as_often() -> None:
    """The order differs from question to question, and no reason is favoured."""
    firsts = Counter(shuffled(list(SHOP.values()), f"request {n}")[0] for n in range(1_400))
    assert set(firsts) == set(SHOP)
    assert max(firsts.values()) < 2 * min(firsts.values())


def scored(drivers: tuple[object, ...] | None, an_event: Event) -> Event:
    """Return a score event that names drivers."""
    return replace(an_event, kind=Kind.SCORE, score=ScoreData(3, an_event.time, drivers=drivers))


@pytest.mark.parametrize(
    ("given_codes", "kept", "left_out"),
    [
        (("delivery", "price"), ("delivery", "price"), ()),
        (("Price ", "price", "other"), ("other", "price"), ()),
        (("prise", 7, None, {}, "price"), ("price",), ("0", "1", "2", "3")),
        (("price", "delivery", "other", "service", "price"), ("delivery", "other", "price"), ("3",)),
        ((), (), ()),
    ],
)
def test_an_unknown_driver_costs_itself(
    given_codes: tuple[object, ...], kept: tuple[str, ...], left_out: tuple[str, ...], an_event: Event
) -> None:
    """What is declared is kept, at most three; each other one is told with its place and what was likely meant."""
    event = take_drivers(scored(given_codes, an_event), SHOP)
    assert event.score is not None
    assert event.score.drivers == kept
    assert len(kept) <= MOST_CHOSEN
    assert tuple(each.pointer.rpartition("/")[2] for each in event.left_out) == left_out
    if "prise" in given_codes:
        assert "Did you mean price?" in event.left_out[0].detail


def test_a_score_that_says_nothing_of_drivers_stays_so(an_event: Event) -> None:
    """None is not an empty list: what was said before is kept."""
    assert take_drivers(scored(None, an_event), SHOP) == scored(None, an_event)


@pytest.fixture
def an_event() -> Event:
    """Give an event to fill."""
    at = datetime(2026, 3, 31, tzinfo=UTC)
    return Event("crm", "1", "boucle.score.v1", Kind.SCORE, "", "42", at, at, "d")


def test_no_driver_is_declared_means_none_is_kept(an_event: Event) -> None:
    """Without declared drivers "other" says nothing either, and that is told."""
    nothing: Drivers = {}
    event = take_drivers(scored(("other",), an_event), nothing)
    assert event.score is not None
    assert (event.score.drivers, len(event.left_out)) == ((), 1)
