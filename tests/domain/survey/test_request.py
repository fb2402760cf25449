"""A due touchpoint is asked once, or waits, or is dropped: the rest period, suppression, and what a request carries."""

from datetime import datetime, timedelta

import orjson
import pytest
from eventparts import DAY, NOW, Person, an_event

from workers.calendar import add_wait
from workers.decision_table.model.rest_period import Question, Resting, RestReason
from workers.domain.records import Dispatch, SurveyRequest, Touchpoint
from workers.domain.survey.planning import JourneyEvent, plan
from workers.domain.survey.request import CLOSES_AFTER, language_of, rest_of
from workers.domain.types import RequestState, TouchpointState
from workers.structs import replace
from workers.usecases.delivery.send_controls import SendBudget


def asked_before(person: Person, *askings: tuple[datetime, str], state: RequestState = RequestState.EXPIRED) -> None:
    """Let a customer have been asked with these templates at these times."""
    person.hear(an_event("delivery", NOW, reference="x"))
    touchpoint = person.touchpoint("delivery-now")
    person.case.know(replace(touchpoint, state=TouchpointState.SKIPPED, reason="resting"))
    journey = touchpoint.journey
    for n, (at, template) in enumerate(askings):
        person.case.know(
            SurveyRequest(
                *(f"r{n}", journey, f"earlier{n}", person.case.customer.id, "delivery", "x", "", {}, "mail", template),
                *("fr", at, at, at + 14 * DAY, state, "", at),
            )
        )


def outcome(person: Person, step: str) -> tuple[str, str, str]:
    """Return state, reason and detail of a touchpoint."""
    (row,) = [
        touchpoint for touchpoint in person.rows(Touchpoint) if touchpoint.step == step and touchpoint.reference != "x"
    ]
    return str(row.state), str(row.reason), row.detail


def test_a_request_carries_what_was_promised() -> None:
    """Channel, language, subject, closing after fourteen days; mail and one reminder, each with its own key."""
    person = Person()
    person.hear(
        an_event("delivery", reference="1042", label="lamp", customer={"language": "fr-CA"}, details={"url": "u"})
    )
    changes = person.wake()
    (request,) = person.rows(SurveyRequest)
    assert (request.channel, request.language, request.label, request.details) == ("mail", "fr", "lamp", {"url": "u"})
    assert request.closes_at == add_wait(NOW, CLOSES_AFTER, "Europe/Paris")
    mail, reminder = sorted(
        (row for row in changes.rows_added() if isinstance(row, Dispatch)), key=lambda m: m.not_before
    )
    assert (mail.template, mail.not_before, mail.facts["label"]) == ("ask-delivery", NOW, "lamp")
    assert (reminder.template, reminder.not_before) == ("reminder", NOW + 4 * DAY)
    (message,) = changes.published
    assert (message.topic, message.key) == ("boucle.survey-requests", "42")
    assert orjson.loads(message.value)["data"]["request"] == request.id
    assert person.case.customer.rest_until == add_wait(NOW, person.policy.rest.overall, "Europe/Paris")


def test_a_second_wake_asks_nobody_again() -> None:
    """Asked once is asked."""
    person = Person()
    person.hear(an_event("delivery", reference="1042"))
    person.wake()
    assert not person.wake(NOW + DAY)


@pytest.mark.parametrize(("days", "state"), [(29, "skipped"), (30, "asked"), (31, "asked")])
def test_nobody_is_asked_again_within_thirty_days(days: int, state: str) -> None:
    """P30D over all surveys: a touchpoint with `drop` is skipped inside it."""
    person = Person()
    asked_before(person, (NOW - days * DAY, "ask-delivery"))
    person.hear(an_event("interaction_ended", reference="c1"))
    person.wake()
    assert outcome(person, "interaction")[0] == state


@pytest.mark.parametrize(("days", "state"), [(89, "skipped"), (90, "asked")])
def test_the_same_question_rests_for_ninety_days(days: int, state: str) -> None:
    """P90D for the same template; another template may be asked."""
    for template, expected in (("ask-interaction", state), ("ask-delivery", "asked")):
        person = Person()
        asked_before(person, (NOW - days * DAY, template))
        person.hear(an_event("interaction_ended", reference="c1"))
        person.wake()
        assert outcome(person, "interaction")[0] == expected


def test_nobody_is_asked_more_than_six_times_in_a_year() -> None:
    """The seventh waits until the first of the six is a year old."""
    person = Person()
    asked_before(person, *((NOW - days * DAY, "ask-delivery") for days in (360, 300, 240, 180, 120, 60)))
    person.hear(an_event("interaction_ended", reference="c1"), an_event("onboarding_finished"))
    person.wake()
    assert outcome(person, "interaction")[:2] == ("skipped", "yearly_maximum")
    assert outcome(person, "onboarding")[:2] == ("planned", "yearly_maximum")
    person.wake(NOW + 5 * DAY)
    assert outcome(person, "onboarding")[0] == "asked"


def test_a_seventh_is_asked_when_the_first_is_older_than_a_year() -> None:
    """Only the last twelve months count."""
    person = Person()
    asked_before(person, *((NOW - days * DAY, "ask-delivery") for days in (367, 300, 240, 180, 120, 60)))
    person.hear(an_event("interaction_ended", reference="c1"))
    person.wake()
    assert outcome(person, "interaction")[0] == "asked"


@pytest.mark.parametrize("state", [RequestState.WITHDRAWN, RequestState.UNDELIVERABLE])
def test_a_question_that_reached_nobody_does_not_count(state: RequestState) -> None:
    """The person was not asked, so the person does not rest."""
    person = Person()
    asked_before(person, (NOW - DAY, "ask-interaction"), state=state)
    person.hear(an_event("interaction_ended", reference="c1"))
    person.wake()
    assert outcome(person, "interaction")[0] == "asked"


def test_a_deferred_touchpoint_is_asked_when_the_rest_is_over() -> None:
    """`defer` waits to the end of the rest period, with the reason and until when, and no longer."""
    person = Person()
    asked_before(person, (NOW - 25 * DAY, "ask-purchase"))
    person.hear(an_event("delivery", reference="1"))
    person.wake()
    until = NOW + 5 * DAY
    assert outcome(person, "delivery-now") == (
        *("planned", "resting"),
        f"{until.isoformat()} {(NOW - 25 * DAY).isoformat()}",
    )
    person.wake(until - timedelta(seconds=1))
    assert outcome(person, "delivery-now")[0] == "planned"
    person.wake(until)
    assert outcome(person, "delivery-now") == ("asked", "", "")


def test_what_would_be_deferred_beyond_give_up_is_skipped_at_once() -> None:
    """Nobody waits for what cannot happen."""
    person = Person()
    asked_before(person, (NOW - 15 * DAY, "ask-purchase"))
    person.hear(an_event("delivery", reference="1"))
    person.wake()
    assert outcome(person, "delivery-now")[:2] == ("skipped", "resting")


def test_a_rest_that_ends_exactly_at_give_up_is_waited_for() -> None:
    """The last moment still counts."""
    person = Person()
    asked_before(person, (NOW - 20 * DAY, "ask-purchase"))
    person.hear(an_event("delivery", reference="1"))
    person.wake()
    assert outcome(person, "delivery-now")[:2] == ("planned", "resting")
    person.wake(NOW + 10 * DAY)
    assert outcome(person, "delivery-now")[0] == "asked"


def test_a_recovery_survey_is_exempt_from_the_rest_period_and_counts_for_others() -> None:
    """Who was called is asked again, however short ago the first question is; the next survey rests from then."""
    person = Person()
    asked_before(person, (NOW - 9 * DAY, "ask-recovery"))
    person.do(lambda: plan(person.case, JourneyEvent("ticket_done", NOW - 10 * DAY, "b/1", "t1")))
    person.hear(an_event("interaction_ended", NOW - DAY, reference="c1"))
    person.wake()
    assert outcome(person, "recovery")[0] == "asked"
    assert outcome(person, "interaction")[:2] == ("skipped", "resting")


def test_of_two_that_are_due_at_once_one_is_asked() -> None:
    """The first that was due; the second sees that the person was just asked."""
    person = Person()
    person.hear(an_event("delivery", NOW - DAY, reference="1"), an_event("delivery", NOW, reference="2"))
    person.wake()
    outcomes = {
        touchpoint.reference: (str(touchpoint.state), touchpoint.reason)
        for touchpoint in person.rows(Touchpoint)
        if touchpoint.step == "delivery-now"
    }
    assert outcomes == {"1": ("asked", ""), "2": ("skipped", "resting")}


def test_a_reminder_is_no_survey_of_its_own() -> None:
    """It neither rests nor counts: it belongs to its request."""
    person = Person()
    person.hear(an_event("delivery", reference="1"))
    person.wake()
    person.now = NOW + 5 * DAY
    rests = rest_of(person.case, Question("other", "ask-in-use"))
    assert rests == Resting(RestReason.RESTING, add_wait(NOW, person.policy.rest.overall, "Europe/Paris"), NOW)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("opt_out", "cancelled"),
        ("complaint", "cancelled"),
        ("erased", "cancelled"),
        ("bounce", "held"),
        ("dead", "held"),
    ],
)
def test_a_suppressed_address_is_not_asked(kind: str, state: str) -> None:
    """What a person said is for good, whoever has the address; a mailbox may be another tomorrow."""
    person = Person()
    person.hear(an_event("delivery", reference="1"))
    person.case.suppressed = kind
    person.wake()
    assert outcome(person, "delivery-now") == (state, "suppressed", kind)


def test_a_channel_other_than_mail_gets_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its request goes to the topic, needs no address, and a bouncing address does not stop it."""
    person = Person(email=None)
    monkeypatch.setattr(type(person.policy.plan), "channel_of", lambda self, rule: "sms")
    person.hear(an_event("delivery", reference="1", customer={"survey_consent": True}))
    person.case.suppressed = "bounce"
    changes = person.wake()
    (request,) = person.rows(SurveyRequest)
    assert request.channel == "sms"
    assert not [row for row in changes.rows_added() if isinstance(row, Dispatch)]
    assert len(changes.published) == 1


def test_nothing_is_asked_while_there_is_no_room() -> None:
    """Held, paused, or the day full: what is due stays as it is, and what is too late is given up all the same."""
    person = Person()
    person.hear(an_event("interaction_ended", reference="c1"))
    for room in (SendBudget(0), SendBudget(None, may_ask=False), SendBudget(None, frozenset({"interaction"}))):
        assert not person.wake(NOW + DAY, room)
    person.wake(NOW + 4 * DAY, SendBudget(0))
    assert outcome(person, "interaction")[:2] == ("skipped", "too_late")


@pytest.mark.parametrize(
    ("tag", "expected"),
    [("fr", "fr"), ("fr-CA", "fr"), ("en_GB", "en"), ("EN", "en"), ("de-AT", "fr"), ("", "fr"), (None, "fr")],
)
def test_the_language_is_the_best_there_is(tag: str | None, expected: str) -> None:
    """Itself, its parent, else the brand's."""
    policy = replace(Person().policy, language="fr")
    assert language_of(tag, policy) == expected
