"""What a person does at the web edge: one act, one transaction, and the same act twice is one."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import orjson
import pytest
import sqlalchemy as sa
from embedded import START, Embedded, about, journey

from workers.domain.mailbox_keys import address_key
from workers.domain.records import (
    Click,
    Consent,
    Customer,
    Decision,
    Dispatch,
    Response,
    ResponseRevision,
    Suppression,
    SurveyRequest,
    Testimonial,
    Ticket,
)
from workers.errors import BadInput
from workers.store import tables

DAY = timedelta(days=1)
UNKNOWN = "0190a1b2-c3d4-8e5f-8a9b-0c1d2e3f4a5b"


def asked(boucle: Embedded, subject: str = "42") -> SurveyRequest:
    """Ask a customer about a delivery, and return the request."""
    boucle.take(journey("delivery", subject, boucle.clock.at, reference=f"order-{subject}", label="lamp"))
    boucle.settle()
    return max(boucle.rows(SurveyRequest), key=lambda request: request.asked_at)


def survey_mail(boucle: Embedded) -> Dispatch:
    """Return the mail that asked."""
    (mail,) = [dispatch for dispatch in boucle.rows(Dispatch) if dispatch.template == "ask-delivery"]
    return mail


def promoter(boucle: Embedded) -> Response:
    """Let a promoter be asked for a testimonial, and return the response."""
    request = asked(boucle)
    assert boucle.parts.customer_actions.answer(request.id, 10)
    boucle.later(days=10)
    (response,) = boucle.rows(Response)
    return response


def published(boucle: Embedded, topic: str) -> list[dict[str, object]]:
    """Return what waits in the outbox for a topic."""
    with boucle.store.reading() as connection:
        rows = connection.execute(sa.select(tables.outbox).order_by(tables.outbox.c.id)).all()
    return [orjson.loads(row.value) for row in rows if row.topic == topic]


# Answers


def test_opening_the_link_changes_nothing_but_a_click(boucle: Embedded) -> None:
    """Machines open every link; only a confirmed answer counts."""
    request = asked(boucle)
    actions = boucle.parts.customer_actions
    for method, score in (("HEAD", None), ("GET", 9), ("GET", 2)):
        actions.click(request.id, score, method)
        page = actions.asked(request.id)
        assert page is not None
        assert (page.response, page.open) == (None, True)
    assert boucle.rows(Response) == []
    assert {(click.method, click.score): click.signal for click in boucle.rows(Click)} == {
        ("HEAD", None): "head",
        ("GET", 9): "",
        ("GET", 2): "two scores",
    }
    boucle.later(minutes=20)
    assert boucle.rows(Response) == []


def test_two_scores_a_while_apart_are_a_person(boucle: Embedded) -> None:
    """Whoever comes back a minute later is no machine."""
    request = asked(boucle)
    boucle.parts.customer_actions.click(request.id, 9, "GET")
    boucle.clock.at += timedelta(seconds=61)
    boucle.parts.customer_actions.click(request.id, 2, "GET")
    assert {click.signal for click in boucle.rows(Click)} == {""}


def test_a_click_on_an_unknown_link_is_nothing(boucle: Embedded) -> None:
    """No row, no fault."""
    boucle.parts.customer_actions.click(UNKNOWN, 9, "GET")
    assert boucle.rows(Click) == []


def test_twenty_double_clicks_at_once_are_one_answer_and_one_ticket(
    postgres: str, install: Callable[..., Embedded]
) -> None:
    """Whichever transaction comes first."""
    boucle = install(database_url=postgres)
    request = asked(boucle)
    taken: list[bool] = []
    threads = [
        threading.Thread(target=lambda: taken.append(boucle.parts.customer_actions.answer(request.id, 2, "broken")))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    boucle.later(minutes=2)
    assert taken == [True] * 20
    counted = Counter(len(boucle.rows(kind)) for kind in (Response, ResponseRevision, Decision, Ticket))
    assert counted == {1: 4}


def test_an_answer_may_change_until_its_request_closes(boucle: Embedded) -> None:
    """One response with its history; at closing time it is over."""
    request = asked(boucle)
    actions = boucle.parts.customer_actions
    assert actions.answer(request.id, 9, " fine ")
    boucle.later(days=13)
    assert actions.answer(request.id, 3, "it broke", wants_contact=True, phone=" +33 1 ", half_day="2026-03-17 am")
    boucle.later(hours=1)
    (response,) = boucle.rows(Response)
    assert (response.score, response.comment, response.phone, response.n) == (3, "it broke", "+33 1", 2)
    assert sorted((revision.score, revision.comment) for revision in boucle.rows(ResponseRevision)) == [
        (3, "it broke"),
        (9, "fine"),
    ]
    boucle.clock.at = request.closes_at
    assert not actions.answer(request.id, 0)
    page = actions.asked(request.id)
    assert page is not None
    assert not page.open


def test_no_answer_is_taken_for_what_is_unknown_withdrawn_or_erased(boucle: Embedded) -> None:
    """They look alike, and change nothing."""
    request = asked(boucle)
    actions = boucle.parts.customer_actions
    assert not actions.answer(UNKNOWN, 9)
    assert not actions.answer("../../etc/passwd", 9)
    assert actions.asked("no id") is None
    boucle.take(about("erased", "42"))
    assert not actions.answer(request.id, 9)
    assert actions.asked(request.id) is None
    assert boucle.rows(Response) == []


def test_what_would_have_made_it_a_ten_is_kept_with_the_response(boucle: Embedded) -> None:
    """The last text counts; an empty one changes nothing."""
    request = asked(boucle)
    actions = boucle.parts.customer_actions
    actions.answer(request.id, 8)
    boucle.later(minutes=2)
    (response,) = boucle.rows(Response)
    for text in (" A longer cable ", "A longer cable", "", "A switch"):
        assert actions.improve(response.id, text)
    (response,) = boucle.rows(Response)
    assert (response.improvement, response.improvement_at, response.n) == ("A switch", boucle.clock.at, 1)
    assert not actions.improve(UNKNOWN, "x")


# Opting out


def test_an_opt_out_is_at_once_and_for_ever(boucle: Embedded) -> None:
    """The reminder is called back, the address is suppressed, nothing is asked any more; twice is once."""
    asked(boucle)
    for _ in range(2):
        assert boucle.parts.customer_actions.stop_asking(survey_mail(boucle).id)
    assert {(dispatch.template, str(dispatch.state), dispatch.reason) for dispatch in boucle.rows(Dispatch)} == {
        ("ask-delivery", "accepted", ""),
        ("reminder", "cancelled", "opted_out"),
    }
    assert [suppression.kind for suppression in boucle.rows(Suppression)] == ["opt_out"]
    boucle.clock.at += 100 * DAY
    boucle.take(journey("delivery", "42", boucle.clock.at, reference="later"))
    boucle.take(about("changed", "42", boucle.clock.at, customer={"id": "42", "email": "new@example.org"}))
    boucle.settle()
    assert len(boucle.rows(SurveyRequest)) == 1
    assert not boucle.parts.customer_actions.stop_asking(UNKNOWN)


def test_who_opts_out_in_an_old_mail_is_opted_out_under_the_new_id_too(boucle: Embedded) -> None:
    """The customers were merged since; it is the same person."""
    asked(boucle, "old")
    later = START + timedelta(minutes=5)
    boucle.take(about("changed", "new", later, customer={"id": "new", "email": "new@example.org"}))
    boucle.take(about("merged", "old", merged_into="new"))
    boucle.parts.customer_actions.stop_asking(survey_mail(boucle).id)
    assert {customer.crm_id: customer.opted_out_at for customer in boucle.rows(Customer)}["new"] == START
    ids = boucle.parts.ids
    stopped = {address_key(each, ids) for each in ("old@example.org", "new@example.org")}
    assert {suppression.address for suppression in boucle.rows(Suppression)} >= stopped
    assert len(boucle.rows(Suppression)) == 2


# Testimonials


def test_a_testimonial_is_written_consented_to_and_withdrawn(boucle: Embedded) -> None:
    """Each step is kept; web sites are told when to show it and when to take it down."""
    response = promoter(boucle)
    assert boucle.parts.testimonials.published() == []
    assert boucle.parts.testimonials.write(response.id, " Bright and quiet. ", "Camille", "Lyon", "")
    assert str(boucle.rows(Testimonial)[0].state) == "written"
    assert published(boucle, "boucle.testimonials") == []
    for _ in range(2):
        assert boucle.parts.testimonials.write(
            response.id, "Bright and quiet.", "Camille", "Lyon", "first_name_and_text"
        )
    assert [testimonial.wording for testimonial in boucle.parts.testimonials.published()] == ["Bright and quiet."]
    assert boucle.parts.testimonials.withdraw(response.id)
    assert boucle.parts.testimonials.published() == []
    assert [
        (consent.given, consent.scope)
        for consent in sorted(boucle.rows(Consent), key=lambda consent: not consent.given)
    ] == [
        (True, "first_name_and_text"),
        (False, ""),
    ]
    types = [str(message["type"]) for message in published(boucle, "boucle.testimonials")]
    assert types == ["boucle.testimonial.consented.v1", "boucle.testimonial.withdrawn.v1"]


def test_a_mind_changed_within_one_instant_keeps_each_step(boucle: Embedded) -> None:
    """Agree, withdraw, agree again at one tick of the clock: three consents, three messages of their own."""
    response = promoter(boucle)
    for _ in range(2):
        assert boucle.parts.testimonials.write(response.id, "Bright.", "Camille", "", "text_only")
        assert boucle.parts.testimonials.withdraw(response.id)
    assert boucle.parts.testimonials.write(response.id, "Bright.", "Camille", "", "text_only")
    assert sorted(consent.given for consent in boucle.rows(Consent)) == [False, False, True, True, True]
    messages = published(boucle, "boucle.testimonials")
    assert len({str(message["id"]) for message in messages}) == len(messages) == 5


def test_consent_that_is_taken_back_by_unticking_is_a_withdrawal(boucle: Embedded) -> None:
    """The words stay, unpublished, and web sites are told."""
    response = promoter(boucle)
    boucle.parts.testimonials.write(response.id, "Bright.", "Camille", "", "text_only")
    boucle.parts.testimonials.write(response.id, "Bright.", "Camille", "", "")
    assert str(boucle.rows(Testimonial)[0].state) == "written"
    assert [str(message["type"]) for message in published(boucle, "boucle.testimonials")][-1] == (
        "boucle.testimonial.withdrawn.v1"
    )
    assert sorted(consent.given for consent in boucle.rows(Consent)) == [False, True]


def test_a_refusal_is_kept_and_told_to_nobody(boucle: Embedded) -> None:
    """Nothing was published, so nothing is taken down; nobody is asked again."""
    response = promoter(boucle)
    assert boucle.parts.testimonials.refuse(response.id)
    assert str(boucle.rows(Testimonial)[0].state) == "refused"
    assert [consent.given for consent in boucle.rows(Consent)] == [False]
    assert published(boucle, "boucle.testimonials") == []


@pytest.mark.parametrize(("wording", "scope"), [("fine", "the whole world"), ("  ", "text_only")])
def test_a_testimonial_without_words_or_with_another_scope_is_refused(
    boucle: Embedded, wording: str, scope: str
) -> None:
    """Consent is for one of the scopes that were offered."""
    response = promoter(boucle)
    with pytest.raises(BadInput):
        boucle.parts.testimonials.write(response.id, wording, "C", "", scope)
    assert str(boucle.rows(Testimonial)[0].state) == "asked"


def test_nobody_writes_a_testimonial_who_was_not_asked(boucle: Embedded) -> None:
    """A link for a response without one leads nowhere."""
    request = asked(boucle)
    boucle.parts.customer_actions.answer(request.id, 10)
    boucle.later(minutes=2)
    (response,) = boucle.rows(Response)
    assert boucle.parts.testimonials.page(response.id) is None
    assert not boucle.parts.testimonials.write(response.id, "Bright.", "C", "", "text_only")
