"""An answer is provisional until it is still, may change until its request closes, and says the same thing once."""

from datetime import timedelta

import pytest
from eventparts import DAY, NOW, Person, an_event, asked, say, score_told, settle

from workers.domain.records import Action, Decision, Journey, Response, ResponseRevision, SurveyRequest, Ticket
from workers.errors import BadInput

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def the_response(person: Person) -> Response:
    """Return the only response."""
    (response,) = person.rows(Response)
    return response


def history(person: Person) -> list[tuple[int, int, str]]:
    """Return the revisions of the only response: n, score, comment."""
    return sorted((revision.n, revision.score, revision.comment) for revision in person.rows(ResponseRevision))


def test_an_answer_is_provisional_until_it_was_still_for_a_minute() -> None:
    """Nothing follows before; then it is routed once."""
    person, request = asked()
    say(person, request, 3, "late")
    person.wake(NOW + 59 * SECOND)
    assert (str(the_response(person).state), person.rows(Decision)) == ("settling", [])
    person.wake(NOW + 60 * SECOND)
    assert str(the_response(person).state) == "decided"
    assert [decision.rule for decision in person.rows(Decision)] == ["D1"]


def test_each_answer_starts_the_minute_again_up_to_ten() -> None:
    """However often somebody changes their mind, after ten minutes it counts."""
    person, request = asked()
    for n in range(14):
        person.now = NOW + n * 50 * SECOND
        say(person, request, n % 10)
        expected = min(person.now + MINUTE, NOW + 10 * MINUTE)
        assert the_response(person).settles_at == expected
    assert history(person)[-1][0] == 14
    person.wake(NOW + 10 * MINUTE)
    assert str(the_response(person).state) == "decided"


def test_the_same_answer_again_changes_nothing() -> None:
    """Twenty double clicks are one answer, and do not keep it from settling."""
    person, request = asked()
    say(person, request, 9, "fine")
    for n in range(1, 21):
        person.now = NOW + n * SECOND
        assert not say(person, request, 9, "fine")
    assert the_response(person).settles_at == NOW + MINUTE
    assert history(person) == [(1, 9, "fine")]


def test_the_first_answer_calls_the_reminder_back_and_marks_the_request() -> None:
    """Who has answered is not asked again."""
    person, request = asked()
    changes = say(person, request, 9)
    assert [
        (cancellation.column, cancellation.value, cancellation.mail_class) for cancellation in changes.cancelled
    ] == [("request", request.id, "survey")]
    assert [str(row.state) for row in person.rows(SurveyRequest)] == ["answered"]


def test_a_change_of_band_makes_the_next_decision() -> None:
    """One response with its history and one current decision; the ticket stays, what was not done is cancelled."""
    person, request = asked()
    say(person, request, 9)
    settle(person)
    assert {(action.name, str(action.state)) for action in person.rows(Action)} == {
        ("thank_you", "done"),
        ("testimonial_request", "planned"),
    }
    person.now += DAY
    say(person, request, 2, "it broke")
    assert str(the_response(person).state) == "settling"
    settle(person)
    assert [
        (decision.n, decision.rule, str(decision.state)) for decision in sorted(person.rows(Decision), key=Decision.key)
    ] == [
        (1, "P1", "superseded"),
        (2, "D1", "current"),
    ]
    assert {(action.name, action.decision, str(action.state), action.reason) for action in person.rows(Action)} == {
        ("thank_you", 1, "done", ""),
        ("testimonial_request", 1, "cancelled", "superseded"),
        ("urgent_contact", 2, "done", ""),
    }
    assert len(person.rows(Ticket)) == 1
    assert history(person) == [(1, 9, ""), (2, 2, "it broke")]


@pytest.mark.parametrize(
    ("change", "decisions"),
    [({"comment": "more words"}, 1), ({"wants_contact": True}, 2), ({"score": 8}, 2), ({"phone": "+33 1"}, 1)],
    ids=["comment", "contact", "score", "phone"],
)
def test_only_score_and_wish_for_contact_decide_anew(change: dict[str, object], decisions: int) -> None:
    """A later comment is added to the response; it is no new decision."""
    person, request = asked()
    say(person, request, 7)
    settle(person)
    person.now += DAY
    words: dict[str, object] = {"score": 7, **change}
    say(person, request, int(str(words.pop("score"))), str(words.pop("comment", "")), **words)
    settle(person)
    assert len(person.rows(Decision)) == decisions
    assert [str(decision.state) for decision in person.rows(Decision)].count("current") == 1
    assert len(history(person)) == 2


def test_a_later_comment_goes_to_the_open_ticket() -> None:
    """The agent sees what the customer adds."""
    person, request = asked()
    say(person, request, 2)
    settle(person)
    person.now += timedelta(hours=1)
    say(person, request, 2, "the shade is cracked")
    settle(person)
    (ticket,) = person.rows(Ticket)
    assert ticket.comment == "the shade is cracked"
    assert len(person.rows(Decision)) == 1


def test_there_and_back_within_the_minute_is_nothing() -> None:
    """What counts is what it was when it was still."""
    person, request = asked()
    for score in (2, 9, 2):
        say(person, request, score)
        person.now += SECOND
    settle(person)
    assert [(decision.n, decision.rule) for decision in person.rows(Decision)] == [(1, "D1")]
    assert [score for _, score, _ in history(person)] == [2, 9, 2]


def test_a_request_closes_after_fourteen_days_with_its_response() -> None:
    """Then the answer no longer changes."""
    person, request = asked()
    say(person, request, 8, "ok")
    settle(person)
    person.wake(request.closes_at - SECOND)
    assert str(the_response(person).state) == "decided"
    person.wake(request.closes_at)
    assert [str(row.state) for row in person.rows(SurveyRequest)] == ["closed"]
    assert str(the_response(person).state) == "closed"


def test_an_answer_in_the_last_minute_is_routed_and_closed() -> None:
    """It settles after the request has closed, and does not stay open for ever."""
    person, request = asked()
    person.now = request.closes_at - SECOND
    say(person, request, 1)
    person.wake(request.closes_at)
    assert [str(row.state) for row in person.rows(SurveyRequest)] == ["closed"]
    settle(person)
    assert str(the_response(person).state) == "closed"
    assert len(person.rows(Ticket)) == 1


def test_a_request_without_an_answer_expires() -> None:
    """Its reminder is called back with it."""
    person, request = asked()
    changes = person.wake(request.closes_at)
    assert [(str(row.state), row.reason) for row in person.rows(SurveyRequest)] == [("expired", "request_closed")]
    assert [cancellation.value for cancellation in changes.cancelled] == [request.id]


def test_the_band_before_is_kept() -> None:
    """From one answer to the next one sees who fell."""
    person, request = asked()
    say(person, request, 10)
    settle(person)
    person.now = NOW + 40 * DAY
    _, later = asked("onboarding_finished", person=person)
    say(person, later, 3)
    first, then = sorted(person.rows(Response), key=lambda response: response.answered_at)
    assert (first.previous_band, then.previous_band) == ("", "promoter")


def test_after_counts_from_the_event_to_when_the_question_left() -> None:
    """An at-once survey answered on the thirteenth day is still at once."""
    person, request = asked()
    person.now = NOW + 13 * DAY
    say(person, request, 9)
    settle(person)
    assert the_response(person).after_days == 0
    assert [decision.rule for decision in person.rows(Decision)] == ["P1"]


# Scores from other tools


def test_a_score_from_elsewhere_is_settled_at_once() -> None:
    """No settling time: it is routed as it comes in."""
    person = Person()
    person.hear(an_event("delivery", NOW - 2 * DAY, reference="7"))
    person.hear(score_told(3, trigger="delivery", asked_at=NOW - DAY, comment="dented"))
    response = the_response(person)
    assert (str(response.state), response.trigger, response.after_days, response.channel) == (
        *("decided", "delivery", 1.0),
        "event",
    )
    assert [decision.rule for decision in person.rows(Decision)] == ["D1"]
    assert person.rows(Ticket)[0].comment == "dented"


def test_a_score_belongs_to_the_last_event_of_its_trigger_before_it_was_asked() -> None:
    """And to the reference, where it names one; later events do not count."""
    person = Person()
    for days, reference in ((60, "old"), (10, "new"), (1, "later")):
        person.hear(an_event("delivery", NOW - days * DAY, reference=reference))
    asked_at = NOW - 5 * DAY
    person.hear(score_told(9, trigger="delivery", asked_at=asked_at, id="a"))
    person.hear(score_told(9, trigger="delivery", asked_at=asked_at, reference="old", id="b"))
    anchors = {
        response.external_id: (response.reference, round(response.after_days)) for response in person.rows(Response)
    }
    assert sorted(anchors.values()) == [("new", 5), ("old", 55)]
    rules = sorted(decision.rule for decision in person.rows(Decision))
    assert rules == ["P1", "P2"]


@pytest.mark.parametrize(
    "words",
    [{"trigger": "delivery"}, {"trigger": "delivery", "reference": "unknown"}, {"trigger": "purchase"}, {}],
    ids=["before the event", "another reference", "another trigger", "none"],
)
def test_a_score_about_nothing_known_keeps_what_it_says(words: dict[str, object]) -> None:
    """With no event to belong to, it is zero days after its trigger; without a trigger it is about something else."""
    person = Person()
    person.hear(an_event("delivery", NOW - DAY, reference="7"))
    person.hear(score_told(9, NOW, asked_at=NOW - 2 * DAY if len(words) == 1 else NOW, **words))
    trigger = words.get("trigger", "other")
    assert (the_response(person).trigger, the_response(person).after_days) == (trigger, 0.0)
    assert [decision.rule for decision in person.rows(Decision)] == ["P4" if trigger == "other" else "P1"]


@pytest.mark.parametrize(("score", "before", "then"), [(9, "P1", "P2"), (2, "D1", "D2")])
def test_a_journey_that_comes_after_its_score_decides_again(score: int, before: str, then: str) -> None:
    """Where another row answers: the ticket gets the other play, and nobody is written to twice."""
    person = Person()
    person.hear(score_told(score, trigger="delivery", reference="7"))
    assert [decision.rule for decision in person.rows(Decision)] == [before]
    person.hear(an_event("delivery", NOW - 40 * DAY, reference="7", label="lamp"))
    assert (the_response(person).after_days, the_response(person).label) == (40.0, "lamp")
    current = [decision.rule for decision in person.rows(Decision) if decision.state == "current"]
    assert current == [then]
    assert [ticket.play for ticket in person.rows(Ticket)] == (["clear-up-and-help"] if score == 2 else [])
    assert not person.hear(an_event("delivery", NOW - 40 * DAY, reference="7", label="lamp"))


def test_a_journey_that_changes_no_row_decides_nothing_again() -> None:
    """The same row answers: there is one decision, and what is known of the answer is better."""
    person = Person()
    person.hear(score_told(2, trigger="delivery", reference="7"), an_event("delivery", NOW - 3 * DAY, reference="7"))
    assert [decision.rule for decision in person.rows(Decision)] == ["D1"]
    assert the_response(person).after_days == 3.0


def test_a_score_without_the_time_of_asking_was_asked_when_it_was_answered() -> None:
    """`asked_at`, else `answered_at`."""
    person = Person()
    person.hear(an_event("delivery", NOW - 30 * DAY, reference="7"), score_told(8, NOW, trigger="delivery"))
    assert the_response(person).asked_at == NOW
    assert [decision.rule for decision in person.rows(Decision)] == ["N2"]


def test_a_score_about_a_purchase_that_is_delivered_finds_it() -> None:
    """A purchase that plans no question is an anchor all the same."""
    person = Person()
    person.hear(an_event("purchase", NOW - 3 * DAY, reference="1042", delivery_expected=True))
    person.hear(score_told(9, trigger="purchase", reference="1042"))
    assert the_response(person).trigger == "purchase"


def test_a_score_told_twice_is_one() -> None:
    """Its source and id are its key for ever."""
    person = Person()
    event = score_told(9)
    person.hear(event)
    assert not person.hear(event)


@pytest.mark.parametrize(("days", "mailed"), [(7, True), (8, False)])
def test_a_score_that_arrives_late_opens_a_ticket_and_writes_no_mail(days: int, mailed: bool) -> None:
    """An import of old answers mails nobody; a person calls all the same."""
    person = Person()
    person.hear(score_told(2, NOW - days * DAY, id="a"), score_told(9, NOW - days * DAY, id="b"))
    assert len(person.rows(Ticket)) == 1
    actions = {(action.name, str(action.state), action.reason) for action in person.rows(Action)}
    late = ("skipped", "too_late")
    assert actions == {
        ("urgent_contact", "done", ""),
        ("thank_you", *(("done", "") if mailed else late)),
    }


def test_a_fresh_change_of_a_late_answer_is_answered_by_mail() -> None:
    """What was said a week ago is too late to thank for; what was said today is not."""
    person, request = asked()
    person.now = NOW + 10 * DAY
    person.hear(score_told(8, NOW + DAY, request=request.id, comment="fine", id="late"))
    assert [(str(action.state), action.reason) for action in person.rows(Action)] == [("skipped", "too_late")]
    person.hear(score_told(7, person.now, request=request.id, comment="not so fine", id="fresh"))
    assert [
        (action.decision, str(action.state))
        for action in sorted(person.rows(Action), key=lambda action: action.decision)
    ] == [
        *((1, "skipped"), (2, "done")),
    ]


def test_a_score_that_answers_our_request_is_its_answer() -> None:
    """By its id: whatever channel carried the question."""
    person, request = asked()
    person.hear(score_told(9, request=request.id, channel="sms"))
    response = the_response(person)
    assert (response.request, response.channel, str(response.state)) == (request.id, "sms", "decided")
    assert [str(row.state) for row in person.rows(SurveyRequest)] == ["answered"]
    assert not person.hear(score_told(9, request=request.id, channel="sms", id="again"))


def test_a_changed_score_for_our_request_changes_its_answer() -> None:
    """The later one counts; one that comes late but was said earlier does not."""
    person, request = asked()
    person.now = NOW + DAY
    person.hear(score_told(2, NOW + timedelta(hours=2), request=request.id))
    person.hear(score_told(9, NOW + timedelta(hours=1), request=request.id))
    assert the_response(person).score == 2
    person.hear(score_told(10, NOW + timedelta(hours=3), request=request.id))
    assert (the_response(person).score, the_response(person).n) == (10, 2)


def test_two_scores_of_one_instant_give_the_same_answer_in_any_order() -> None:
    """So that a replay changes nothing."""
    answers = set()
    for order in ((3, 8), (8, 3)):
        person, request = asked()
        for _ in range(2):
            for score in order:
                person.hear(score_told(score, NOW, request=request.id, id=str(score)))
        answers.add(the_response(person).score)
    assert answers == {8}


def test_after_closing_an_answer_no_longer_changes() -> None:
    """What says something new is refused, with words; what was told before is known."""
    person, request = asked()
    first = score_told(9, NOW, request=request.id)
    person.hear(first)
    person.wake(request.closes_at)
    assert not person.hear(first)
    with pytest.raises(BadInput, match="no longer changes"):
        person.hear(score_told(2, person.now, request=request.id))
    assert the_response(person).score == 9


def test_a_first_answer_after_closing_still_counts() -> None:
    """A letter that came late is an answer; nothing was lost by waiting."""
    person, request = asked()
    person.wake(request.closes_at)
    person.hear(score_told(9, request.closes_at - DAY, request=request.id))
    assert the_response(person).score == 9
    person.wake()
    assert [str(row.state) for row in person.rows(SurveyRequest)] == ["closed"]


def test_a_request_that_nobody_knows_is_refused() -> None:
    """The sender is told what to send."""
    with pytest.raises(BadInput, match=r"boucle\.survey-requests"):
        Person().hear(score_told(9, request="0190a1b2-c3d4-8e5f-8a9b-0c1d2e3f4a5b"))


def test_an_event_of_its_own_keeps_no_journey() -> None:
    """A score plans nothing."""
    person = Person()
    person.hear(score_told(9))
    assert person.rows(Journey) == []
