"""Attributes: what a CRM may say of a customer beyond the profile is declared, typed, and the latest word counts."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from eventparts import DAY, NOW, Person, an_event
from hypothesis import given, settings
from hypothesis import strategies as st
from mergedparts import OTHER, Pair
from ticketparts import shipped

from workers.domain.attributes import RESERVED, Attributes, account_of, take_declared, values_of
from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.customer.erasure import erase
from workers.domain.followup.table_contract import ANSWERS, EVENTS
from workers.errors import Misconfigured
from workers.structs import replace

DECLARED = """
plan: {type: text, values: [free, pro, enterprise], personal: no}
seats: {type: integer}
rate: {type: number}
contract_ends: {type: date}
term: {type: months, domain: ..P10Y}
partner: {type: boolean, may be unknown: no, if missing: no}
"""
ATTRIBUTES = read_attributes(DECLARED.encode())


def taken(given: dict[str, Any], attributes: Attributes = ATTRIBUTES) -> tuple[object, list[str]]:
    """Return what is kept of the attributes of an event, and what was left out."""
    event = take_declared(an_event("changed", customer={"attributes": given}), attributes)
    return event.customer["attributes"], [each.pointer for each in event.left_out]


def test_the_shipped_file_declares_nothing_and_its_examples_are_good() -> None:
    """Who takes the # away has declarations that are taken."""
    lines = (Path(__file__).parents[2] / "rules" / "attributes.yaml").read_text("utf-8").splitlines()
    assert read_attributes("\n".join(lines).encode()) == {}
    examples = [line[2:] for line in lines[lines.index("#") + 1 :]]
    assert list(read_attributes("\n".join(examples).encode())) == [
        *("plan", "seats", "contract_ends", "partner", "account", "role")
    ]


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("plan: [", "cannot be read"),
        ("- plan", "write lines such as"),
        ("plan: text", "say its type"),
        ("Plan: {type: boolean}", "use lower case"),
        ("score: {type: integer}", "call it otherwise, such as crm_score"),
        ("plan: {type: string}", "write one of text, integer, number, date, boolean, months"),
        ("plan: {values: [a]}", "write one of text"),
        ("plan: {type: text}", "a text needs its values"),
        ("plan: {type: text, values: [Pro, pro]}", "keep one"),
        ("plan: {type: text, values: [unknown]}", "not `unknown`"),
        ("account: {type: integer}", "its type is text"),
        ("account: {type: text, silent after: 3 months}", "write days, such as P90D"),
        ("account: {type: text, values: []}", "a text needs its values"),
        ("plan: {type: text, values: [a], silent after: P90D}", "silent after"),
        ("plan: {type: boolean, keep: 1 year}", "keep: write days, such as P365D"),
        ("account: {type: text, keep: P90D}", "kept as long as its customer: leave `keep` out"),
        ("account: {type: text, value: revenue}", "'revenue' is no number that is declared: add a line such as"),
        ("account: {type: text, value: plan}\nplan: {type: text, values: [a]}", "'plan' is no number"),
        ("seats: {type: integer, values: [1]}", "leave them out"),
        ("seats: {type: integer, personnal: no}", "Did you mean personal?"),
        ("seats: {type: integer, personal: maybe}", "write yes or no"),
        ("seats: {type: integer, may be unknown: no}", "needs `if missing:`"),
        ("seats: {type: integer, may be unknown: no, if missing: few}", "Expected a whole number"),
        ("seats: {type: integer, if missing: 1}", "needs `may be unknown: no`"),
        ("\n".join(f"a{n}: {{type: boolean}}" for n in range(51)), "at most 50"),
    ],
)
def test_a_faulty_declaration_is_told_with_what_to_write(body: str, advice: str) -> None:
    """Each fault is a sentence about the file, with what to do."""
    with pytest.raises(Misconfigured) as refused:
        read_attributes(body.encode())
    assert all(fault.startswith("rules/attributes.yaml") for fault in refused.value.faults)
    assert any(advice in fault for fault in refused.value.faults), refused.value.faults


def test_an_account_is_any_name_in_any_capitals() -> None:
    """The one text without a list: spaces fold, capitals tell none apart, and what is no name costs itself."""
    declared = read_attributes(b"account: {type: text, personal: no, silent after: P30D}")
    assert declared["account"].silent_after == 30
    assert declared["account"].column.others
    for name, kept in (
        ("  ACME  GmbH ", "ACME GmbH"),
        (4711, "4711"),
        ("x" * 121, None),
        ("a\nb", "a b"),
        (True, None),
    ):
        assert taken({"account": name}, declared)[0] == ({"account": kept} if kept else {})
    assert account_of({"account": "\u00c9tude SA"}) == account_of({"account": "\u00c9TUDE  sa"}) == "\u00e9tude sa"
    assert account_of({"plan": "pro"}) is account_of(None) is None


def test_no_attribute_may_be_called_like_an_input_of_a_table() -> None:
    """Else a column would mean two things."""
    assert {*ANSWERS, *EVENTS} <= RESERVED


@pytest.mark.parametrize(
    ("name", "told", "kept"),
    [
        ("plan", "Pro ", "pro"),
        ("seats", 12, 12),
        ("seats", "12", 12),
        ("seats", 12.0, 12),
        ("rate", "12.5", 12.5),
        ("rate", 3, 3),
        ("contract_ends", "2026-12-31", "2026-12-31"),
        ("term", "P18M", "P1Y6M"),
        ("term", "p2y", "P2Y"),
        ("term", 12, "P1Y"),
        ("term", "0", "P0M"),
        ("partner", True, True),
        ("partner", "no", False),
        ("plan", None, None),
        ("plan", "", None),
    ],
)
def test_a_value_of_the_right_type_is_kept(name: str, told: object, kept: object) -> None:
    """A text that can mean one value alone is that value; null and the empty text clear."""
    assert taken({name: told}) == ({name: kept}, [])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("plan", "gold"),
        ("plan", True),
        ("seats", 12.5),
        ("seats", True),
        ("seats", "twelve"),
        ("seats", 10**16),
        ("rate", "12,5"),
        ("contract_ends", "31/12/2026"),
        ("contract_ends", "2026-02-30"),
        ("contract_ends", 20261231),
        ("term", "P30D"),
        ("term", "P121M"),
        ("term", -1),
        ("term", 1.5),
        ("term", "18 months"),
        ("partner", 1),
        ("partner", "maybe"),
        ("sector", "retail"),
    ],
)
def test_a_wrong_value_costs_itself_alone(name: str, told: object) -> None:
    """Also one that nobody declared; the others of the event are kept, and it says which was left out."""
    kept, left_out = taken({name: told, "plan" if name != "plan" else "seats": None})
    assert isinstance(kept, dict)
    assert name not in kept
    assert len(kept) == 1
    assert left_out == [f"/data/customer/attributes/{name}"]


@given(
    st.dictionaries(st.text(max_size=80), st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text()))
)
@settings(max_examples=150)
def test_whatever_comes_is_kept_right_or_left_out(given_values: dict[str, Any]) -> None:
    """No value breaks anything; nothing is kept that is not declared."""
    kept, left_out = taken({**given_values, "plan": "pro", "rate": given_values.get("", 1)})
    assert isinstance(kept, dict)
    assert set(kept) <= set(ATTRIBUTES)
    assert len(kept) + len(left_out) == len({*given_values, "plan", "rate"})


WORDS: list[tuple[int, dict[str, Any]]] = [
    (1, {"plan": "free", "seats": 1}),
    (2, {"plan": "pro"}),
    (2, {"plan": "enterprise", "seats": None}),
    (3, {"seats": 5, "partner": True}),
    (3, {"partner": False}),
]
SAID = [
    an_event("changed", NOW - (9 - days) * DAY, customer={"attributes": values}, id=str(at))
    for at, (days, values) in enumerate(WORDS)
]
TRUTH = {"partner": False, "plan": "pro", "seats": 5}


def test_the_latest_word_counts_in_any_order() -> None:
    """An older event never overwrites a newer one, and of two of one instant any order agrees on one."""
    for order in permutations(SAID):
        person = Person(email=None)
        person.hear(*order)
        assert person.case.customer.attributes == TRUTH


def test_the_same_again_changes_nothing() -> None:
    """No write for nothing new, also after null cleared it."""
    person = Person(email=None)
    person.hear(*SAID)
    for event in SAID:
        assert not person.hear(event)


@given(st.permutations(SAID), st.lists(st.booleans(), min_size=5, max_size=5), st.integers(0, 5))
@settings(max_examples=80)
def test_merged_customers_have_what_was_last_told_of_either(order: list[Any], second: list[bool], at: int) -> None:
    """Whichever of the two it was told of, before the merge or after it."""
    pair = Pair()
    for number, (event, of_second) in enumerate(zip(order, second, strict=True)):
        if number == at:
            pair.merge()
        pair.hear(replace(event, crm_id=OTHER) if of_second else event, second=of_second)
    if not pair.merged:
        pair.merge()
    assert pair.second.case.customer.attributes == TRUTH


def test_erasing_leaves_what_is_not_personal() -> None:
    """As the segment, linked to nobody; what is declared no longer goes as well."""
    person = Person(policy=replace(shipped(), attributes=ATTRIBUTES))
    person.hear(an_event("changed", customer={"attributes": {"plan": "pro", "seats": 5, "former": "x"}}))
    person.do(lambda: erase(person.case))
    assert person.case.customer.attributes == {"plan": "pro"}


def test_what_is_declared_otherwise_now_counts_as_unknown() -> None:
    """A value kept under an earlier declaration steers nothing that it no longer fits; a default takes its place."""
    person = Person()
    person.hear(an_event("changed", customer={"attributes": {"plan": "gold", "seats": "many", "rate": 2}}))
    assert values_of(person.case.customer, ATTRIBUTES, NOW) == {"rate": 2, "partner": False}


def test_what_was_told_too_long_ago_counts_as_unknown() -> None:
    """Once it is not kept any longer; told again, it counts again, and a default takes its place meanwhile."""
    kept = read_attributes(
        b"plan: {type: text, values: [free, pro], keep: P30D}\n"
        b"partner: {type: boolean, keep: P30D, may be unknown: no, if missing: no}\nseats: {type: integer}\n"
    )
    person = Person(policy=replace(shipped(), attributes=kept))
    said = {"plan": "pro", "partner": True, "seats": 5}
    person.hear(an_event("changed", NOW - 30 * DAY, customer={"attributes": said}))

    def at(day: int) -> dict[str, object]:
        return dict(values_of(person.case.customer, kept, NOW + day * DAY))

    assert at(-1) == said
    assert at(0) == {"partner": False, "seats": 5}
    person.hear(an_event("changed", NOW - DAY, customer={"attributes": {"plan": "pro"}}, id="again"))
    assert at(28) == {"plan": "pro", "partner": False, "seats": 5}
