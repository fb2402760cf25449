"""A country's law through the intake: waiting for notice or consent, going on, stopping when it is withdrawn."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, about, journey

from workers.domain.explain import text
from workers.domain.records import Customer, Dispatch, SurveyRequest, Touchpoint
from workers.domain.sending_state import ON
from workers.store import tables
from workers.store.ledger import Taken
from workers.usecases.operation import inquiry
from workers.usecases.operation.status import read_books
from workers.usecases.privacy.person import Privacy

HELD_BY_LAW = "touchpoints held for consent or notice = those whose customer gave or got none"


@pytest.fixture
def boucle(install: Callable[..., Embedded], database: dict[str, str]) -> Embedded:
    """Give an installation with the shipped rules, on either database."""
    return install(**database)


def in_germany(customer: str = "42", **told: object) -> dict[str, Any]:
    """Return a delivery to somebody in Germany."""
    event = journey("delivery", customer, reference=f"o-{customer}")
    event["data"]["customer"] |= {"country": "Germany", **told}
    return event


def told_later(boucle: Embedded, customer: str = "42", **facts: object) -> dict[str, Any]:
    """Return a customer event of this moment."""
    return about("changed", customer, boucle.clock.at, customer={"id": customer, **facts})


def explained(boucle: Embedded, customer: str = "42") -> Any:
    """Return what explain says of a customer."""
    with boucle.store.reading() as connection:
        told = inquiry.explain(connection, "customer", customer, boucle.clock.at, boucle.parts.policy(), ON)
    assert told is not None
    assert text.as_text(told)
    return json.loads(json.dumps(told))


def entry_of(boucle: Embedded, step: str = "delivery-now") -> Any:
    """Return what explain says of one touchpoint."""
    return next(entry for entry in explained(boucle)["touchpoints"] if entry["touchpoint"] == step)


def wrong_sums(boucle: Embedded) -> list[str]:
    """Return the sums that do not hold."""
    with boucle.store.reading() as connection:
        return [line["name"] for line in read_books(connection).sums() if not line["ok"]]


def test_who_was_not_told_waits_and_is_asked_when_the_crm_says_so(boucle: Embedded) -> None:
    """Held with what is missing, until it is given up; the same twice changes nothing."""
    boucle.take(in_germany())
    boucle.settle()
    assert boucle.rows(SurveyRequest) == []
    entry = entry_of(boucle)
    assert (entry["state"], entry["code"]) == ("held", "needs_notice")
    assert "in DE a survey on this channel needs that the customer was told" in entry["reason"]
    assert explained(boucle)["next_ask"]["at"] is None
    boucle.later(days=3)
    event = told_later(boucle, survey_notice_given=True)
    assert [outcome.taken for outcome in boucle.take(event, event)] == [Taken.ACCEPTED, Taken.DUPLICATE]
    boucle.settle()
    (request,) = boucle.rows(SurveyRequest)
    assert request.sent_at is not None
    profile = explained(boucle)["customer"]
    assert profile["country"] == "DE"
    assert profile["survey_notice_given"] == {"value": True, "at": boucle.clock.at.isoformat(), "from": "shop"}
    assert wrong_sums(boucle) == []


def test_consent_that_is_withdrawn_stops_what_has_not_left(boucle: Embedded) -> None:
    """The question that waits for its sender is taken back, the next one is held, and nothing leaves any more."""
    boucle.take(in_germany(survey_consent=True))
    while boucle.parts.scheduler.wake_all():
        pass
    assert [request.state for request in boucle.rows(SurveyRequest)] == ["open"]
    boucle.clock.at += timedelta(hours=1)
    boucle.take(told_later(boucle, survey_consent=False))
    boucle.settle()
    assert [(request.state, request.reason) for request in boucle.rows(SurveyRequest)] == [
        ("withdrawn", "needs_notice")
    ]
    assert {str(dispatch.state) for dispatch in boucle.rows(Dispatch)} == {"cancelled"}
    assert entry_of(boucle, "delivery-6w")["code"] == "needs_notice"
    (request,) = explained(boucle)["survey_requests"]
    assert "told of the right to object" in request["reason"]
    boucle.later(days=80)
    assert {str(dispatch.state) for dispatch in boucle.rows(Dispatch)} == {"cancelled"}
    assert entry_of(boucle, "delivery-6w")["state"] == "skipped"
    assert wrong_sums(boucle) == []


def test_a_reminder_does_not_leave_after_consent_is_withdrawn(boucle: Embedded) -> None:
    """What has left stands and takes an answer; the reminder is called back."""
    boucle.take(in_germany(survey_consent=True))
    boucle.settle()
    boucle.later(days=1)
    boucle.take(told_later(boucle, survey_consent=False))
    boucle.later(days=6)
    assert {dispatch.template: str(dispatch.state) for dispatch in boucle.rows(Dispatch)} == {
        "ask-delivery": "accepted",
        "reminder": "cancelled",
    }
    assert [str(request.state) for request in boucle.rows(SurveyRequest)] == ["open"]
    assert wrong_sums(boucle) == []


def test_where_nothing_is_asked_for_nothing_changes(boucle: Embedded) -> None:
    """France, Great Britain and nobody knows where: asked as before."""
    for customer, country in (("1", "FR"), ("2", "GB"), ("3", None)):
        event = in_germany(customer)
        event["data"]["customer"]["country"] = country
        boucle.take(event)
    boucle.settle()
    assert len(boucle.rows(SurveyRequest)) == 3


def test_a_country_that_is_none_and_a_guessed_consent_cost_themselves(boucle: Embedded) -> None:
    """Nobody's consent is guessed from a text; a refusal that is plain is taken."""
    event = in_germany(country="Gaul", survey_consent="yes", survey_notice_given="no")
    (outcome,) = boucle.take(event)
    assert outcome.taken is Taken.ACCEPTED
    (customer,) = boucle.rows(Customer)
    assert (customer.country, customer.survey_consent, customer.survey_notice_given) == (None, None, False)


def test_the_sum_finds_a_question_that_is_held_for_nothing(boucle: Embedded) -> None:
    """A row changed by hand so that its customer had agreed all along."""
    boucle.take(in_germany())
    boucle.settle()
    assert wrong_sums(boucle) == []
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.update(tables.customer).values(survey_consent=True))
    assert wrong_sums(boucle) == [HELD_BY_LAW]


def test_merged_people_are_one_person_for_the_law_too(boucle: Embedded) -> None:
    """What either of them agreed to last counts, with who said so; erasing takes it all."""
    boucle.take(in_germany("7"), about("changed", "8", START, customer={"id": "8", "survey_consent": True}))
    boucle.settle()
    boucle.take(about("merged", "8", boucle.clock.at, merged_into="7"))
    boucle.settle()
    assert [str(request.state) for request in boucle.rows(SurveyRequest)] == ["open"]
    assert explained(boucle, "7")["customer"]["survey_consent"]["from"] == "shop"
    privacy = Privacy(boucle.store, boucle.parts.policy, boucle.clock.now)
    exported = privacy.export("7", "test")
    assert exported is not None
    assert "survey_consent" in json.dumps(exported, default=str)
    boucle.take(about("erased", "7", boucle.clock.at))
    boucle.settle()
    rows = [row for row in boucle.rows(Customer) if row.crm_id is None]
    assert rows
    assert {(row.country, row.survey_consent, row.survey_notice_given) for row in rows} == {(None, None, None)}
    assert wrong_sums(boucle) == []
    assert all(row.state != "held" for row in boucle.rows(Touchpoint))
