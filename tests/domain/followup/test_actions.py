"""A due action looks again at what has happened since: who is asked, who is thanked instead, who is called."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from eventparts import DAY, NOW, Person, an_event, asked, say, score_told, settle
from ticketparts import shipped

from workers.calendar import in_zone, parse_window
from workers.decision_table import Table, parse
from workers.domain.compiled_tables.follow_up import FollowUpTable
from workers.domain.followup.table_contract import fit_follow_up
from workers.domain.policy import Policy
from workers.domain.records import Action, Dispatch, Journey, SurveyRequest, Testimonial, Ticket
from workers.domain.types import CustomerId, MailClass, TestimonialState, TicketState
from workers.errors import Misconfigured
from workers.structs import replace

SHIPPED = Path(__file__).parents[3] / "rules" / "follow-up"
HOUR = timedelta(hours=1)


def promoter() -> Person:
    """Return a promoter who was thanked, and whose testimonial request waits ten days."""
    person, request = asked()
    say(person, request, 10)
    settle(person)
    return person


def loyal() -> tuple[Person, SurveyRequest]:
    """Return a customer who was asked at a milestone, where a promoter is asked for a testimonial at once."""
    person = Person()
    person.hear(an_event("milestone", NOW, months=6, label="six months"))
    person.wake()
    (request,) = person.rows(SurveyRequest)
    sent = replace(request, sent_at=NOW)
    person.case.know(sent)
    return person, sent


def the(person: Person, name: str) -> tuple[str, str, str]:
    """Return state, reason and detail of the only action of this name."""
    (action,) = [action for action in person.rows(Action) if action.name == name]
    return str(action.state), str(action.reason), action.detail


def templates(person: Person) -> list[str]:
    """Return the mails that follow from answers."""
    return sorted(dispatch.template for dispatch in person.rows(Dispatch) if dispatch.action)


def earlier_testimonial(person: Person, state: TestimonialState, days: int) -> None:
    """Let the customer have been asked for a testimonial some days ago."""
    at = person.now - days * DAY
    person.case.know(Testimonial("t0", person.case.customer.id, "r0", state, at, at, "fr"))


def ticket_of(person: Person, opened_days_ago: int, *, done: bool) -> None:
    """Let the customer have had a ticket about something else."""
    other = Person()
    other.hear(score_told(1, NOW))
    (ticket,) = other.rows(Ticket)
    at = person.now - opened_days_ago * DAY
    state, ended = (TicketState.DONE, at + HOUR) if done else (TicketState.OPEN, None)
    person.case.know(replace(ticket, opened_at=at, state=state, done_at=ended, response="another", id="t9", number=9))


# What a mail promises


@pytest.mark.parametrize(("phone", "by"), [("", "write"), ("+33 1 23", "call")])
def test_a_mail_promises_only_what_the_facts_bear(phone: str, by: str) -> None:
    """ "8, please call me": a call to somebody whose number we have, else a letter; and either by when (C1, PT8H)."""
    person, request = asked()
    say(person, request, 8, wants_contact=True, phone=phone)
    settle(person)
    (mail,) = [dispatch for dispatch in person.rows(Dispatch) if dispatch.template == "thanks-call"]
    (ticket,) = person.rows(Ticket)
    assert mail.facts["contact_by"] == by
    assert (mail.facts["promise_date"], mail.facts["promise_half_day"]) == ("2026-03-04", "morning")
    assert in_zone(ticket.due_at, "Europe/Paris").date().isoformat() == mail.facts["promise_date"]
    assert mail.facts["caller"] == ticket.owner


# Testimonials


def test_a_promoter_is_asked_for_a_testimonial_ten_days_after_the_answer() -> None:
    """The mail, and the empty testimonial that the page fills."""
    person = promoter()
    person.wake(NOW + 10 * DAY - timedelta(seconds=1))
    assert the(person, "testimonial_request")[0] == "planned"
    person.wake(NOW + 10 * DAY)
    assert the(person, "testimonial_request")[0] == "done"
    (testimonial,) = person.rows(Testimonial)
    assert (str(testimonial.state), testimonial.asked_at) == ("asked", NOW + 10 * DAY)
    (mail,) = [dispatch for dispatch in person.rows(Dispatch) if dispatch.template == "testimonial"]
    assert mail.mail_class == MailClass.PROMOTION


Since = Callable[[Person], object]
DROPPED: dict[str, tuple[Since, str, str]] = {
    "a ticket is open": (lambda person: ticket_of(person, 100, done=False), "open_ticket", "ticket 9"),
    "a ticket was opened since": (lambda person: ticket_of(person, 2, done=True), "open_ticket", "ticket 9"),
    "a later answer is a 6": (lambda person: person.hear(score_told(6, person.now - DAY)), "open_ticket", "ticket 1"),
    "a later answer is an 8": (lambda person: person.hear(score_told(8, person.now - DAY)), "later_response", "8"),
    "asked eleven months ago": (
        lambda person: earlier_testimonial(person, TestimonialState.WRITTEN, 330),
        "asked_last_year",
        "2025-04-17",
    ),
    "refused two years ago": (
        lambda person: earlier_testimonial(person, TestimonialState.REFUSED, 730),
        *("consent_refused", ""),
    ),
    "withdrawn": (
        lambda person: earlier_testimonial(person, TestimonialState.WITHDRAWN, 400),
        *("consent_refused", ""),
    ),
    "no permission": (
        lambda person: person.hear(an_event("changed", person.now, customer={"may_promote": False})),
        *("no_permission", ""),
    ),
}


@pytest.mark.parametrize(("since", "reason", "detail"), DROPPED.values(), ids=DROPPED)
def test_a_testimonial_request_is_dropped_when_due(since: Since, reason: str, detail: str) -> None:
    """Each reason of the re-check; who was thanked already gets no second mail instead."""
    person = promoter()
    person.now = NOW + 10 * DAY - HOUR
    since(person)
    mails = templates(person)
    person.wake(NOW + 10 * DAY)
    assert the(person, "testimonial_request") == ("skipped", reason, detail)
    assert templates(person) == mails
    assert "testimonial" not in mails


@pytest.mark.parametrize(
    "before",
    [
        lambda person: ticket_of(person, 100, done=True),
        lambda person: earlier_testimonial(person, TestimonialState.CONSENTED, 370),
        lambda person: person.hear(score_told(9, NOW + DAY)),
        lambda person: person.hear(an_event("changed", NOW, customer={"may_promote": True})),
    ],
    ids=["an old ticket", "asked more than a year ago", "a later promoter", "permission given"],
)
def test_what_is_long_over_does_not_forbid_a_testimonial(before: Since) -> None:
    """Only what the table names counts."""
    person = promoter()
    person.now = NOW + 2 * DAY
    before(person)
    person.wake(NOW + 10 * DAY)
    assert "testimonial" in templates(person)


@pytest.mark.parametrize(("apart", "asked"), [("P12M", False), ("P11M", False), ("P10M", True), ("PT0S", True)])
def test_the_table_says_how_far_testimonial_requests_lie_apart(apart: str, asked: bool) -> None:
    """`apart` in table.yaml; the plain thank-you goes out instead where one mail would thank and ask."""
    policy = with_apart(f"apart:\n  testimonial_request: {apart}\n")
    person = promoter()
    person.policy, person.now = policy, NOW + 10 * DAY - HOUR
    earlier_testimonial(person, TestimonialState.WRITTEN, 320)
    person.wake(NOW + 10 * DAY)
    assert ("testimonial" in templates(person)) is asked


def test_a_table_without_apart_means_what_it_meant() -> None:
    """Twelve months, as before there was such a key; and a slip in an action's name is refused."""
    person = promoter()
    person.policy, person.now = with_apart(""), NOW + 10 * DAY - HOUR
    earlier_testimonial(person, TestimonialState.WRITTEN, 320)
    person.wake(NOW + 10 * DAY)
    assert the(person, "testimonial_request")[1] == "asked_last_year"
    with pytest.raises(Misconfigured, match="testimonial is no action"):
        fit_follow_up(follow_up_with("apart:\n  testimonial: P6M\n"))
    with pytest.raises(Misconfigured, match="nothing keeps thank_you apart"):
        fit_follow_up(follow_up_with("apart:\n  thank_you: P6M\n"))


def with_apart(text: str) -> Policy:
    """Return the shipped policy, its follow-up table with another text where `apart` stands."""
    return replace(shipped(), follow_up=FollowUpTable(follow_up_with(text)))


def follow_up_with(text: str) -> Table:
    """Return the shipped follow-up table with another text where `apart` stands."""
    files = {name: (SHIPPED / name).read_text("utf-8") for name in ("table.yaml", "rules.csv")}
    before, _, behind = files["table.yaml"].partition("apart:")
    kept = behind[behind.index("latest:") :]
    return parse({"table.yaml": (before + text + kept).encode(), "rules.csv": files["rules.csv"].encode()})


def test_within_two_weeks_is_a_deadline() -> None:
    """Taken up after P14D it is too late; at P14D it is not."""
    for after, state in ((14 * DAY, "done"), (14 * DAY + HOUR, "skipped")):
        person = promoter()
        person.wake(NOW + after)
        assert the(person, "testimonial_request")[0] == state


def test_a_testimonial_that_may_not_be_asked_for_at_once_becomes_a_plain_thank_you() -> None:
    """Where one mail thanks and asks: nobody gets two mails, or none."""
    for forbid, mail in ((False, "thanks-testimonial"), (True, "thanks")):
        person, request = loyal()
        if forbid:
            person.hear(an_event("changed", NOW, customer={"may_promote": False}))
        say(person, request, 9)
        settle(person)
        assert templates(person) == [mail]
        assert the(person, "testimonial_request") == (
            ("done", "fell_back", "no_permission") if forbid else ("done", "", "")
        )
        assert len(person.rows(Testimonial)) == (0 if forbid else 1)


@pytest.mark.parametrize("score", range(9, 11))
def test_every_promoter_gets_exactly_one_mail_at_once(score: int) -> None:
    """Whatever was asked about."""
    for name in ("delivery", "interaction_ended", "onboarding_finished"):
        person, request = asked(name)
        say(person, request, score)
        settle(person)
        assert len(templates(person)) == 1


# Improvement questions


def test_a_passive_is_asked_what_is_missing_a_day_later() -> None:
    """P1D after the answer, with the score it was."""
    person, request = asked()
    say(person, request, 8)
    settle(person)
    person.wake(NOW + DAY)
    (mail,) = [dispatch for dispatch in person.rows(Dispatch) if dispatch.action]
    assert (mail.template, mail.facts["score"], mail.facts["label"]) == ("improve-now", 8, "lamp")


def test_who_says_meanwhile_what_is_missing_is_not_asked() -> None:
    """A comment that came after the answer settled."""
    person, request = asked()
    say(person, request, 8)
    settle(person)
    person.now = NOW + HOUR
    say(person, request, 8, "a longer cable")
    person.wake(NOW + DAY)
    assert the(person, "improvement_question")[:2] == ("skipped", "answered")
    assert templates(person) == []


def test_whoever_is_being_called_is_not_asked_what_is_missing() -> None:
    """A person asks it on the phone."""
    person, request = asked()
    say(person, request, 8)
    settle(person)
    ticket_of(person, 0, done=False)
    person.wake(NOW + DAY)
    assert the(person, "improvement_question") == ("skipped", "open_ticket", "ticket 9")


# Contacts


def test_without_an_address_nobody_is_mailed_and_somebody_calls() -> None:
    """A score by phone of a customer whose address nobody knows."""
    person = Person(email=None)
    person.hear(score_told(2, channel="phone"), score_told(9, id="second"))
    assert len(person.rows(Ticket)) == 1
    assert the(person, "urgent_contact")[:2] == ("held", "no_address"), "its ticket is open, its mail waits"
    assert the(person, "thank_you")[:2] == ("held", "no_address")
    assert templates(person) == []


def test_who_opted_out_gets_service_mails_only() -> None:
    """The acknowledgement and the call, no question and no promotion."""
    person = Person()
    person.hear(an_event("opted_out"))
    for score, channel in ((2, "a"), (8, "b"), (10, "c")):
        person.hear(score_told(score, id=channel))
    person.wake(NOW + 11 * DAY)
    assert len(person.rows(Ticket)) == 1
    classes = {dispatch.mail_class for dispatch in person.rows(Dispatch) if dispatch.action}
    assert classes == {MailClass.SERVICE}
    undone = {
        (action.name, str(action.state), action.reason) for action in person.rows(Action) if str(action.state) != "done"
    }
    assert undone == {("improvement_question", "skipped", "opted_out")}


def test_an_opt_out_cancels_what_waits_and_keeps_the_ticket() -> None:
    """Planned questions and promotions go; a call that was promised is made."""
    person = promoter()
    person.hear(score_told(1, NOW, id="x"))
    person.hear(an_event("opted_out", NOW))
    assert the(person, "testimonial_request")[:2] == ("cancelled", "opted_out")
    assert [str(ticket.state) for ticket in person.rows(Ticket)] == ["open"]


@pytest.mark.parametrize(("kind", "mails"), [("opt_out", ["ack"]), ("bounce", []), ("complaint", []), ("erased", [])])
def test_a_suppressed_address_gets_service_only_after_an_opt_out(kind: str, mails: list[str]) -> None:
    """An address that bounces or complained gets nothing at all; the ticket is opened all the same."""
    person, request = asked()
    say(person, request, 2)
    person.case.suppressed = kind
    settle(person)
    assert templates(person) == mails
    assert len(person.rows(Ticket)) == 1


def test_a_second_unhappy_answer_joins_the_open_ticket() -> None:
    """One ticket for one customer; each answer is acknowledged once."""
    person = Person()
    person.hear(score_told(2, NOW, id="a", comment="broken"), score_told(4, NOW, id="b", comment="and late"))
    assert len(person.rows(Ticket)) == 1
    details = sorted(action.detail for action in person.rows(Action) if action.name == "urgent_contact")
    assert details == ["", "joined ticket 1"]


def test_an_acknowledgement_leaves_at_once_and_a_thank_you_in_the_send_window() -> None:
    """Who is unhappy at night is told at night that somebody calls."""
    person = Person()
    person.policy = replace(person.policy, window=parse_window("mon-fri 09:00-18:00"))
    night = NOW.replace(hour=22)
    person.now = night
    person.hear(score_told(2, night, id="a"), score_told(10, night, id="b"))
    leaving = {dispatch.template: dispatch.not_before for dispatch in person.rows(Dispatch) if dispatch.action}
    assert leaving["ack"] == night
    assert leaving["thanks"] == NOW.replace(hour=8, minute=0) + DAY


def test_erasing_ends_what_waits() -> None:
    """Nothing is carried out for who was erased."""
    person = promoter()
    person.hear(an_event("erased"))
    person.wake(NOW + 10 * DAY)
    assert the(person, "testimonial_request")[:2] == ("cancelled", "erased")
    assert templates(person) == ["thanks"]


def test_a_mail_names_what_it_is_about_in_the_customers_zone() -> None:
    """The date of the event, of the answer, the label and the words."""
    person = Person(now=NOW.replace(hour=23, minute=30))
    person.hear(an_event("changed", NOW, customer={"time_zone": "Pacific/Auckland"}))
    someone, request = asked(person=person)
    say(someone, request, 10, "so bright")
    settle(someone)
    (mail,) = [dispatch for dispatch in someone.rows(Dispatch) if dispatch.template == "thanks"]
    assert {key: mail.facts[key] for key in ("label", "comment", "date", "quote_date", "score")} == {
        "label": "lamp",
        "comment": "so bright",
        "score": 10,
        "date": "2026-03-04",
        "quote_date": "2026-03-04",
    }
    assert someone.rows(Journey)[0].customer == CustomerId(str(mail.customer))
