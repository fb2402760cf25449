"""A day's quota of a question: what the cell may say, and that so many find room, in any order and however often."""

import pytest
from eventparts import DAY, NOW, Person, an_event
from hypothesis import given
from hypothesis import strategies as st
from ownrules import plan_with
from ticketparts import shipped

from workers.domain.compiled_tables.cells import Quota, read_quota
from workers.domain.compiled_tables.journey_plan import JourneyPlan
from workers.domain.followup.table_contract import fit_plan
from workers.domain.policy import Policy
from workers.domain.survey.day_quotas import DayQuotas, day_of, names_due
from workers.domain.types import CustomerId, Reason
from workers.errors import BadInput, Misconfigured
from workers.structs import replace

COLUMN = "at most a day: text"
STEP = "delivery-now"


def with_quota(quota: str) -> Policy:
    """Return the shipped policy that asks so many customers a day after a delivery."""
    return replace(shipped(), plan=JourneyPlan(plan_with([COLUMN], {"J2": [quota]})))


@pytest.mark.parametrize(
    ("cell", "quota"),
    [("", None), (None, None), (20, Quota(20)), (" 20 ", Quota(20)), ("5 by segment", Quota(5, "segment"))],
)
def test_a_cell_is_a_number_or_a_number_by_a_column(cell: object, quota: Quota | None) -> None:
    """An empty cell is no quota; a column of whole numbers says it as well."""
    assert read_quota(cell) == quota
    assert quota is None or read_quota(str(quota)) == quota


@pytest.mark.parametrize("cell", ["0", "-1", "1.5", "many", "5 by", "by segment", "5 segment", "5 by a b", "9" * 12])
def test_any_other_cell_is_refused_with_what_to_write(cell: str) -> None:
    """By the cell, and by the check with its row."""
    with pytest.raises(BadInput, match="write 20, or 20 by segment"):
        read_quota(cell)
    with pytest.raises(Misconfigured, match=r"row 2 \(J2\)|cannot be read"):
        fit_plan(plan_with([COLUMN], {"J2": [cell]}))


def test_groups_are_of_a_column_that_makes_some_and_one_question_has_one_quota() -> None:
    """A number of orders makes as many groups as there are numbers; two rows of one touchpoint would count apart."""
    for cell in ("5 by orders", "5 by nothing"):
        with pytest.raises(Misconfigured, match="segment, language"):
            fit_plan(plan_with([COLUMN], {"J2": [cell]}))
    with pytest.raises(Misconfigured, match="has another quota in row"):
        fit_plan(plan_with([COLUMN], {"J4": ["5"], "J8": ["6"]}))
    fit_plan(plan_with([COLUMN], {"J4": ["5"], "J8": ["5"], "J2": ["3 by phase"]}))


@given(st.integers(1, 6), st.integers(0, 8), st.lists(st.integers(0, 9), max_size=25))
def test_no_more_find_room_than_there_is_however_often_they_ask(most: int, counted: int, order: list[int]) -> None:
    """A question that found room keeps it; who is rolled back gives it back; another day begins anew."""
    policy = with_quota(str(most))
    person = Person(policy=policy)
    person.hear(an_event("delivery", reference="a"))
    touchpoint = person.touchpoint(STEP)
    today = day_of(policy.zone, NOW)
    quotas, admitted = DayQuotas({(today, STEP): counted}), set[int]()
    for number in order:
        person.case.id = CustomerId(f"c{number}")
        if quotas.admit(person.case, replace(touchpoint, customer=person.case.id)):
            admitted.add(number)
    assert len(admitted) == min(max(0, most - counted), len(set(order)))
    assert quotas.changed() == ({(today, STEP): counted + len(admitted)} if admitted else {})
    for number in admitted:
        quotas.forget(CustomerId(f"c{number}"))
    assert quotas.changed() == {}


def test_only_what_has_a_quota_is_counted_and_only_while_it_is_due() -> None:
    """Without a quota nothing is looked up; a person's wish is counted beyond the number."""
    person = Person(policy=with_quota("1"))
    person.hear(an_event("delivery", reference="a"))
    assert names_due([person.case]) == {STEP}
    touchpoint, quotas = person.touchpoint(STEP), DayQuotas({(day_of(person.case.policy.zone, NOW), STEP): 1})
    assert not quotas.admit(person.case, touchpoint)
    assert quotas.admit(person.case, person.touchpoint("delivery-6w"))
    assert quotas.changed() == {}
    assert quotas.admit(person.case, replace(touchpoint, reason=Reason.OPERATOR))
    assert list(quotas.changed().values()) == [2]
    plain = Person(policy=shipped())
    plain.hear(an_event("delivery", NOW - DAY, reference="a"))
    assert names_due([plain.case]) == set()
