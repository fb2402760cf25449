"""A journey plan that asks some customers only, by columns about them: who is asked is looked at when it comes due."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, cast

import pytest
from embedded import START, Embedded, about, journey
from eventparts import DAY, NOW, Person, an_event
from houses import install
from ownrules import RULES, files_with, table_with, write_rules
from ticketparts import shipped

from workers.decision_table import parse
from workers.domain.compiled_tables.journey_plan import JourneyPlan
from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.explain.story import Story
from workers.domain.explain.survey import touchpoint_entry
from workers.domain.explain.view import View
from workers.domain.mail.survey_duties import read_duties
from workers.domain.records import Journey, Stop, SurveyRequest, Touchpoint
from workers.usecases.operation import inquiry, status

__all__ = ["install"]
DECLARED = "plan: {type: text, values: [free, pro]}\n"
LINE = "plan: {type: text, values: [free, pro], may be unknown: yes}"
HOUR = timedelta(hours=1)


@pytest.fixture
def boucle(install: Callable[..., Embedded], tmp_path: Path) -> Embedded:
    """Give an installation that asks after a delivery on one plan only."""
    write_rules(tmp_path / "own", DECLARED, journey_plan=files_with("journey-plan", LINE, {"J2": "pro"}))
    return install(overrides=str(tmp_path / "own"))


def told(subject: str, plan: str | None, minutes: int = 0) -> dict[str, Any]:
    """Return that a customer is on a plan."""
    return about(
        "changed", subject, START + timedelta(minutes=minutes), customer={"id": subject, "attributes": {"plan": plan}}
    )


def of_row(boucle: Embedded) -> list[Touchpoint]:
    """Return what the row planned, by customer in the order of their events."""
    return sorted((row for row in boucle.rows(Touchpoint) if row.rule == "J2"), key=lambda row: row.planned_at)


def explained(boucle: Embedded, who: str) -> dict[str, Any]:
    """Return what is told of the row's touchpoint."""
    with boucle.store.reading() as connection:
        policy, now = boucle.parts.policies.current(), boucle.clock.now() + timedelta(seconds=1)
        story = cast("dict[str, Any]", inquiry.explain(connection, "customer", who, now, policy))
    (entry,) = [entry for entry in story["touchpoints"] if entry["rule"] == "J2"]
    return cast("dict[str, Any]", entry)


@pytest.mark.parametrize(("plan", "state"), [("pro", "asked"), ("free", "skipped"), (None, "skipped")])
def test_who_is_asked_is_looked_at_when_the_question_comes_due(boucle: Embedded, plan: str | None, state: str) -> None:
    """Planned for everybody; what the row asked stands with it, explain tells it, and the books add up."""
    boucle.take(journey("delivery", reference="o-1"), told("42", plan))
    (planned,) = of_row(boucle)
    assert (str(planned.state), planned.inputs) == ("planned", None)
    assert ("as things stand it is not asked" in explained(boucle, "42")["reason"]) is (state == "skipped")
    boucle.settle()
    boucle.later(days=1)
    (touchpoint,) = of_row(boucle)
    assert (str(touchpoint.state), touchpoint.inputs) == (state, {"plan": plan})
    assert len(boucle.rows(SurveyRequest)) == (state == "asked")
    entry = explained(boucle, "42")
    assert entry["inputs"] == {"plan": plan}
    if state == "skipped":
        said = f"the plan asks other customers at this moment: of this one it knows plan {plan or 'unknown'}"
        assert (entry["code"], entry["reason"]) == ("not_selected", f"Skipped: {said}.")
    with boucle.store.reading() as connection:
        assert [line for line in status.read_books(connection).sums() if not line["ok"]] == []


def test_a_later_change_asks_nobody_again_and_erasing_takes_what_was_looked_at(boucle: Embedded) -> None:
    """Everything twice, and the plan another one: what was decided stays; of who was erased it is not kept."""
    events = [journey("delivery", reference="o-1"), told("42", "free")]
    boucle.take(*events)
    boucle.settle()
    boucle.later(days=1)
    before = of_row(boucle)
    boucle.take(*events, told("42", "pro", 5))
    boucle.later(days=1)
    assert of_row(boucle) == before
    boucle.take(about("erased", at=boucle.clock.at))
    assert [row.inputs for row in of_row(boucle)] == [None]


def selecting() -> Person:
    """Return a customer whose plan asks after a delivery on one plan only."""
    plan = JourneyPlan(table_with("journey-plan", LINE, {"J2": "pro"}))
    return Person(policy=replace(shipped(), plan=plan, attributes=read_attributes(DECLARED.encode())))


@pytest.mark.parametrize("last", ["free", "pro"])
def test_any_order_of_events_gives_the_same_customer(last: str) -> None:
    """The attribute that was told last counts, whichever came first."""
    other = "pro" if last == "free" else "free"
    events = [
        an_event("delivery", NOW - HOUR, reference="o-1"),
        an_event("changed", NOW - 3 * HOUR, customer={"attributes": {"plan": other}}),
        an_event("changed", NOW - 2 * HOUR, customer={"attributes": {"plan": last}}),
    ]
    portraits = []
    for ordered in permutations(events):
        person = selecting()
        person.hear(*ordered)
        person.wake(NOW + DAY)
        portraits.append(person.portrait())
    assert all(portrait == portraits[0] for portrait in portraits)
    state = "asked" if last == "pro" else "skipped"
    assert [row[0] for row in portraits[0]["touchpoints"].values() if row[3] == "J2"] == [state]  # type: ignore[attr-defined]  # a dict


def asking_by(channel: str) -> Person:
    """Return a customer whose plan asks after a delivery on one plan only, on a channel, with the law as shipped."""
    files = files_with("journey-plan", LINE, {"J2": "pro", "J3": "pro"})
    definition = files["table.yaml"].replace(b"  reminder: wait\n", b"  reminder: wait\n  channel: text\n")
    head, *rows = files["rules.csv"].decode().splitlines()
    cells = [f"{row};{channel if row.partition(';')[0] in ('J2', 'J3') else ''}" for row in rows]
    plan = JourneyPlan(parse({"table.yaml": definition, "rules.csv": "\n".join([f"{head};channel", *cells]).encode()}))
    duties = read_duties((RULES / "countries.csv").read_bytes())
    policy = replace(shipped(), plan=plan, attributes=read_attributes(DECLARED.encode()), duties=duties, texts=True)
    return Person(email=None, policy=policy)


LACKING: list[tuple[str, str, dict[str, Any]]] = [
    ("mail", "no_address", {}),
    ("mail", "needs_notice", {"email": "42@example.org", "country": "DE"}),
    ("mail", "hold", {"email": "42@example.org"}),
    ("sms", "no_number", {}),
    ("sms", "needs_consent", {"phone": "+491701234567", "country": "DE"}),
    ("sms", "needs_notice", {"phone": "+33612345678", "country": "FR"}),
    ("sms", "hold", {"phone": "+33612345678", "survey_consent": True}),
]


@pytest.mark.parametrize("plan", ["free", "pro"])
@pytest.mark.parametrize(("channel", "reason", "told"), LACKING)
def test_whom_the_plan_means_comes_before_what_they_lack(
    plan: str, channel: str, reason: str, told: dict[str, Any]
) -> None:
    """A question for others waits for no address, number, consent, notice or end of a complaint: it is skipped at its
    time, and explain says so before; one for this customer is held by what is missing."""
    person = asking_by(channel)
    person.hear(an_event("changed", NOW - DAY, customer={**told, "attributes": {"plan": plan}}))
    if reason == "hold":
        person.hear(an_event("complaint_opened", NOW - DAY, reference="c-1"))
    person.hear(an_event("delivery", NOW - HOUR, reference="o-1"))
    person.wake(NOW)
    later = person.touchpoint("delivery-6w")
    assert person.states()["delivery-now"] == (("skipped", "not_selected") if plan == "free" else ("held", reason))
    assert (str(later.state), str(later.reason)) == ("held", reason)
    kept = {"journeys": tuple(person.rows(Journey)), "stops": tuple(person.rows(Stop))}
    entry = touchpoint_entry(later, View(Story(customer=person.case.customer, **kept), NOW, person.policy))  # type: ignore[arg-type]  # rows of each kind
    assert entry["code"] == ("not_selected" if plan == "free" else reason)
    assert ("as things stand it is not asked, because the plan asks other" in str(entry["reason"])) is (plan == "free")
    assert entry["expected_at"] is None
    person.wake(NOW + 42 * DAY)
    assert person.states()["delivery-6w"] == (("skipped", "not_selected") if plan == "free" else ("held", reason))
