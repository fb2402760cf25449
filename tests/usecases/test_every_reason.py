"""Every reason of the vocabulary comes of some story, and explain tells it there; by SMS too, and in any window."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from embedded import START, Embedded, about, cloud_event, journey, score
from houses import boucle, install
from postroom import LATER, NO_SUCH, Postman, sender_of
from returnedmails import PATH, dsn

from workers.domain.changeset import ChangeSet
from workers.domain.mailbox_keys import address_key
from workers.domain.records import Action, Dispatch, Response, Suppression, SurveyRequest, Testimonial, Touchpoint
from workers.domain.sending_state import SendingState
from workers.domain.types import Reason
from workers.store.apply import apply
from workers.usecases.operation import inquiry, status
from workers.usecases.queue_control import QueueControl

__all__ = ["boucle", "install"]
DAY = timedelta(days=1)
Tell = dict[str, Any]


def explain(boucle: Embedded, **more: Any) -> Tell:
    """Return what is explained of customer 42."""
    with boucle.store.reading() as connection:
        explanation = inquiry.explain(
            connection, "customer", "42", boucle.clock.now(), boucle.parts.policies.current(), **more
        )
    assert explanation is not None
    return explanation


def codes(explanation: Tell) -> set[str]:
    """Return every reason code that is told of a customer."""
    entries = [entry for group in explanation.values() if isinstance(group, list) for entry in group]
    return {str(entry["code"]).partition(":")[0] for entry in entries if entry.get("code")}


def take(boucle: Embedded, *events: dict[str, Any], hours: float = 0) -> None:
    """Take events in, after some time, and do what is due."""
    boucle.clock.at += timedelta(hours=hours)
    assert {str(outcome.taken) for outcome in boucle.take(*events)} <= {"accepted", "duplicate"}
    boucle.settle()


def at(boucle: Embedded, name: str, **data: Any) -> dict[str, Any]:
    """Return a journey event of this moment."""
    return journey(name, "42", boucle.clock.at, **data)


def ask(boucle: Embedded) -> SurveyRequest:
    """Let a delivery be asked about."""
    take(boucle, at(boucle, "delivery", reference="A"))
    return boucle.rows(SurveyRequest)[0]


def answered(boucle: Embedded, value: int, **more: Any) -> Response:
    """Let a delivery be asked about, and answered."""
    boucle.parts.customer_actions.answer(ask(boucle).id, value, **more)
    boucle.later(minutes=2)
    return boucle.rows(Response)[0]


def scored(boucle: Embedded, value: int, trigger: str = "onboarding_finished", **more: Any) -> None:
    """Let a score come from another tool."""
    take(boucle, {**score(value, "42", boucle.clock.at, trigger=trigger, **more), "id": f"s{boucle.clock.at}"}, hours=1)


def tell_of_customer(boucle: Embedded, **card: Any) -> None:
    """Let the CRM tell of the customer."""
    who = {"id": "42", "email": "42@example.org", **card}
    take(boucle, about("changed", "42", boucle.clock.at, customer=who), hours=1)


def no_address(boucle: Embedded) -> None:
    """A delivery of somebody without an address."""
    event = at(boucle, "delivery", reference="A")
    del event["data"]["customer"]["email"]
    take(boucle, event)


def needs_consent(boucle: Embedded) -> None:
    """Somebody in a country of which the operator wrote that a survey needs consent."""
    duties = dict(boucle.parts.policy().duties)
    duties["DE"] = replace(duties["DE"], needs={"mail": "consent"})
    vars(boucle.parts.policies)["_policy"] = replace(boucle.parts.policy(), duties=duties)
    tell_of_customer(boucle, country="DE")
    take(boucle, at(boucle, "delivery", reference="A"))


def suppressed(boucle: Embedded) -> None:
    """A mailbox that came back before."""
    changes = ChangeSet()
    changes.add(Suppression(address_key("42@example.org", boucle.parts.ids), "bounce", START, ""))
    with boucle.store.engine.begin() as connection:
        apply(connection, changes, START)
    take(boucle, at(boucle, "delivery", reference="A"))


def too_often(boucle: Embedded) -> None:
    """Something new to be asked about every month."""
    names = ("interaction_ended", "delivery", "feature_first_used")
    for n in range(12):
        boucle.later(days=31)
        take(boucle, at(boucle, names[n % 3], reference=f"r{n}"))


def same_mailbox(boucle: Embedded) -> None:
    """Another id with the same address was asked an hour ago."""
    other = journey("delivery", "43", reference="B")
    other["data"]["customer"]["email"] = "42@example.org"
    take(boucle, other)
    boucle.clock.at += timedelta(hours=1)
    ask(boucle)


def counted_once(boucle: Embedded) -> None:
    """One answer under two event ids of its source."""
    event = score(9, "42", trigger="delivery", reference="A")
    take(boucle, event, {**event, "id": "another"})


def elsewhere(boucle: Embedded) -> None:
    """A score from the till, then the delivery that it is about."""
    scored(boucle, 9, "delivery", reference="A")
    take(boucle, at(boucle, "delivery", reference="A"), hours=1)


def asked_under_both(boucle: Embedded) -> None:
    """The same delivery under two ids, asked about under the first, planned under the second when they merge."""
    take(boucle, journey("delivery", "1", boucle.clock.at, reference="A"))
    later = journey("delivery", "42", boucle.clock.at, reference="A")
    del later["data"]["customer"]["email"]
    take(boucle, later, about("merged", "1", boucle.clock.at, merged_into="42"), hours=1)


def waiting_under_both(boucle: Embedded) -> None:
    """The same delivery waits under two ids when they merge: one of both is given up."""
    for who in ("1", "42"):
        event = journey("delivery", who, boucle.clock.at, reference="A")
        del event["data"]["customer"]["email"]
        take(boucle, event)
    take(boucle, about("merged", "1", boucle.clock.at, merged_into="42"), hours=1)


def with_a_ticket(boucle: Embedded) -> None:
    """A passive whose next answer opens a ticket before the question to them is due."""
    answered(boucle, 7)
    scored(boucle, 2)
    boucle.later(days=2)


def second_thoughts(boucle: Embedded) -> None:
    """A 9, and an 8 before the testimonial is due."""
    answered(boucle, 9)
    scored(boucle, 8, comment="well")
    boucle.later(days=11)


def thanked_twice(boucle: Embedded, state: str = "") -> None:
    """A promoter twice in three months; what became of the first request may be told."""
    answered(boucle, 9)
    boucle.later(days=11)
    if state == "refused":
        boucle.parts.testimonials.refuse(boucle.rows(Testimonial)[0].response)
    scored(boucle, 10, "purchase", reference="B")
    boucle.later(days=11)


def by_hand(boucle: Embedded) -> None:
    """An operator takes a touchpoint away."""
    take(boucle, at(boucle, "delivery", reference="A"))
    queue = QueueControl(boucle.store, boucle.parts.policies.current, boucle.clock.now, boucle.parts.sending)
    queue.cancel(queue.choose("touchpoint", "delivery-6w"), "lea")


def sent_by(boucle: Embedded, *ends: Any) -> None:
    """A mail server that answers so."""
    boucle.take(at(boucle, "delivery", reference="A"))
    boucle.parts.scheduler.wake_all()
    asyncio.run(sender_of(boucle, Postman({"42@example.org": list(ends)})).send_all())


def came_back(boucle: Embedded) -> None:
    """A mailbox that is full."""
    ask(boucle)
    mail = next(dispatch for dispatch in boucle.rows(Dispatch) if dispatch.template == "ask-delivery")
    report = dsn("4.2.2").replace(PATH.encode(), boucle.parts.links.return_path(mail.id, "lamps.example").encode())
    boucle.parts.outgoing.bounce_intake().take(report)


def not_carried(boucle: Embedded) -> None:
    """Who was to send it by another channel could not."""
    request = ask(boucle)
    data = {"request": request.id, "detail": "no such number"}
    take(boucle, cloud_event("boucle.survey-request.failed.v1", "42", boucle.clock.at, **data))


def in_turn(*steps: Callable[[Embedded], object]) -> Callable[[Embedded], None]:
    """Return a story of several steps."""

    def story(boucle: Embedded) -> None:
        for step in steps:
            step(boucle)

    return story


def low(boucle: Embedded) -> None:
    """A low score from another tool."""
    scored(boucle, 2)


def call_wanted(boucle: Embedded) -> None:
    """A high score from another tool with a wish for a call: it joins the ticket, with no mail of its own."""
    scored(boucle, 9, wants_contact=True)


def forbidden(boucle: Embedded) -> None:
    """The CRM says that nobody may promote to the customer."""
    tell_of_customer(boucle, may_promote=False)


def mind_changed(boucle: Embedded) -> None:
    """The answer by the link becomes a 3."""
    boucle.parts.customer_actions.answer(boucle.rows(SurveyRequest)[0].id, 3)
    boucle.later(minutes=2)


STORIES: dict[Reason, Callable[[Embedded], object]] = {
    Reason.NO_ADDRESS: no_address,
    Reason.NEEDS_NOTICE: in_turn(
        lambda boucle: tell_of_customer(boucle, country="DE"), lambda boucle: take(boucle, at(boucle, "delivery"))
    ),
    Reason.NEEDS_CONSENT: needs_consent,
    Reason.OPTED_OUT: lambda boucle: take(
        boucle, at(boucle, "delivery", reference="A"), about("opted_out", "42", boucle.clock.at)
    ),
    Reason.SUPPRESSED: suppressed,
    Reason.ERASED: in_turn(ask, lambda boucle: take(boucle, about("erased", "42", boucle.clock.at))),
    Reason.TOO_LATE: lambda boucle: take(boucle, journey("delivery", "42", START - 30 * DAY, reference="A")),
    Reason.RESTING: in_turn(ask, lambda boucle: take(boucle, at(boucle, "delivery", reference="B"))),
    Reason.YEARLY_MAXIMUM: too_often,
    Reason.SAME_MAILBOX: same_mailbox,
    Reason.COUNTED_ONCE: counted_once,
    Reason.NOT_DUE: ask,
    Reason.STOPPED: lambda boucle: take(
        boucle, at(boucle, "delivery", reference="A"), at(boucle, "refund", reference="A")
    ),
    Reason.HOLD: lambda boucle: take(
        boucle, at(boucle, "complaint_opened", reference="c"), at(boucle, "delivery", reference="A")
    ),
    Reason.ANSWERED: elsewhere,
    Reason.REQUEST_CLOSED: in_turn(ask, lambda boucle: boucle.later(days=15)),
    Reason.SUPERSEDED: in_turn(lambda boucle: answered(boucle, 9), mind_changed),
    Reason.ALREADY_DONE: asked_under_both,
    Reason.OPEN_TICKET: with_a_ticket,
    Reason.LATER_RESPONSE: second_thoughts,
    Reason.ASKED_LAST_YEAR: thanked_twice,
    Reason.CONSENT_REFUSED: lambda boucle: thanked_twice(boucle, "refused"),
    Reason.NO_PERMISSION: in_turn(lambda boucle: answered(boucle, 9), forbidden, lambda boucle: boucle.later(days=11)),
    Reason.FELL_BACK: in_turn(forbidden, lambda boucle: scored(boucle, 9, "milestone")),
    Reason.OPERATOR: by_hand,
    Reason.REFUSED_BY_SERVER: lambda boucle: sent_by(boucle, NO_SUCH),
    Reason.SERVER_AWAY: lambda boucle: sent_by(boucle, replace(LATER, everyone=True)),
    Reason.BOUNCED: came_back,
    Reason.MERGED: waiting_under_both,
    Reason.CARRIER_FAILED: not_carried,
    Reason.JOINED_TICKET: in_turn(low, call_wanted),
    Reason.WAIT: lambda boucle: answered(boucle, 9),
}
"""What must happen to customer 42 for each reason to be told; those of sending itself, and of tables, stand below."""
ELSEWHERE = {Reason.SEND_WINDOW, Reason.SENDING_HELD, Reason.PAUSED, Reason.DAILY_MAXIMUM, Reason.NO_SUCH_RULE}
ELSEWHERE |= {Reason.NOT_SAMPLED, Reason.NOT_SELECTED}  # test_share_of_customers.py, test_selected_customers.py
ELSEWHERE |= {Reason.QUOTA_FULL}  # test_quotas_of_a_day.py
ELSEWHERE |= {Reason.NAMELESS}  # tests/web/public/test_place_page.py
ELSEWHERE |= {Reason.SUPPORT_BUSY}  # test_support_pacing.py
ELSEWHERE |= {Reason.NO_NUMBER, Reason.NUMBER_IN_USE, Reason.NUMBER_NOT_LISTED}  # tests/usecases/sms/test_texting.py
ELSEWHERE |= {  # of questions on sites: tests/web/public/test_web_question.py
    Reason.AWAITS_VISIT,
    Reason.ASKED_ON_WEB,
    Reason.OPEN_QUESTION,
    Reason.CLOSED_BY_VISITOR,
    Reason.NOT_OFFERED,
    Reason.TOKEN_REFUSED,
}


def test_every_reason_has_a_story() -> None:
    """A reason that no story brings about would be told by nobody, or by nobody's test."""
    assert {*STORIES, *ELSEWHERE} == set(Reason)


@pytest.mark.parametrize("reason", STORIES)
def test_a_story_of_each_reason_tells_it(boucle: Embedded, reason: Reason) -> None:
    """By its code, in full sentences, and with books that add up."""
    STORIES[reason](boucle)
    explanation = explain(boucle)
    assert reason in codes(explanation)
    entries = [entry for group in explanation.values() if isinstance(group, list) for entry in group]
    assert all(str(entry["reason"]).endswith(".") for entry in entries if entry.get("reason"))
    with boucle.store.reading() as connection:
        assert [line for line in status.read_books(connection).sums() if not line["ok"]] == []


@pytest.mark.parametrize(
    ("more", "reason", "said"),
    [
        ({"sending": SendingState("held", "until an operator lets go")}, Reason.SENDING_HELD, "sending is held"),
        ({"sending": SendingState("paused", "refused")}, Reason.PAUSED, "sending is paused"),
        ({"sending": SendingState(paused=frozenset({"delivery-now"}))}, Reason.PAUSED, "this touchpoint is paused"),
        ({"day_is_full": True}, Reason.DAILY_MAXIMUM, "the daily maximum of mails is reached"),
    ],
)
def test_what_keeps_all_mails_back_is_told_of_what_is_due(
    boucle: Embedded, more: dict[str, Any], reason: Reason, said: str
) -> None:
    """And not of what is due later, which waits for its time first."""
    boucle.take(at(boucle, "delivery", reference="A"))
    entry_of = {entry["touchpoint"]: entry for entry in explain(boucle, **more)["touchpoints"]}
    assert entry_of["delivery-now"]["code"] == reason
    assert said in entry_of["delivery-now"]["reason"]
    assert entry_of["delivery-6w"]["code"] == Reason.NOT_DUE


@pytest.mark.parametrize("window", ["always", "mon-fri 09:00-18:00"])
def test_the_send_window_is_told_only_where_there_is_one(install: Callable[..., Embedded], window: str) -> None:
    """At night with a window it waits for nine o'clock; with `always` nothing waits for a window, due or put off."""
    night = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    boucle = install(night, send_window=window)
    boucle.take(journey("delivery", "42", night, reference="A"), journey("feature_first_used", "42", night))
    first = explain(boucle)
    boucle.settle()
    for explanation in (first, explain(boucle)):
        said = " ".join(entry["reason"] for entry in explanation["touchpoints"])
        assert (Reason.SEND_WINDOW in codes(explanation)) == (window != "always")
        assert ("send window" in said) == (window != "always")
    waiting = {entry["touchpoint"]: entry["reason"] for entry in explain(boucle)["touchpoints"]}
    opens = "mails leave only in the send window, which opens on 5 March at 09:00"
    assert (opens in waiting["delivery-now"]) == (window != "always")
    if window == "always":
        assert waiting["delivery-now"].startswith("Asked on 5 March at 00:30")


def test_who_is_asked_by_sms_lacks_no_address(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither before nor after: a number is for the carrier to know, and a mailbox that bounces stops mail alone."""
    plan = type(boucle.parts.policies.current().plan)
    monkeypatch.setattr(plan, "channel_of", lambda self, rule: "sms")
    event = at(boucle, "delivery", reference="A")
    del event["data"]["customer"]["email"]
    event["data"]["customer"]["survey_consent"] = True
    boucle.take(event)
    before = explain(boucle)
    assert "no mail address" not in str(before)
    boucle.settle()
    after = explain(boucle)
    (request,) = boucle.rows(SurveyRequest)
    assert (request.channel, str(request.state)) == ("sms", "open")
    assert "no mail address" not in str(after)
    assert {entry["touchpoint"]: entry["state"] for entry in after["touchpoints"]} == {
        "delivery-now": "asked",
        "delivery-6w": "planned",
    }
    assert [touchpoint for touchpoint in boucle.rows(Touchpoint) if touchpoint.reason == Reason.NO_ADDRESS] == []
    assert [action for action in boucle.rows(Action) if action.reason] == []


def test_a_parked_answer_says_that_no_rule_covers_it(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that lost its rows after it was taken over."""
    table = type(boucle.parts.policies.current().follow_up)
    decide = table.decide
    monkeypatch.setattr(
        table, "decide", lambda self, inputs: replace(decide(self, inputs), outcome="parked", rule="", steps=())
    )
    tell_of_customer(boucle)
    scored(boucle, 9)
    explanation = explain(boucle)
    assert Reason.NO_SUCH_RULE in codes(explanation)
    assert "no rule of the follow-up table covers the answer" in explanation["decisions"][0]["reason"]


def test_the_days_of_earlier_scores_are_those_of_the_brand(install: Callable[..., Embedded]) -> None:
    """Half past eleven in the evening UTC is the next day in Paris: the agent reads the day that the customer had."""
    boucle = install(datetime(2026, 3, 20, 9, 0, tzinfo=UTC), agents_address="support@lamps.example")
    late = datetime(2026, 3, 17, 23, 30, tzinfo=UTC)
    tell_of_customer(boucle)
    boucle.take({**score(9, "42", late, trigger="delivery", reference="A"), "id": "first"})
    boucle.take({**score(2, "42", boucle.clock.at, trigger="delivery", reference="A"), "id": "second"})
    boucle.parts.scheduler.wake_all()
    postman = Postman()
    asyncio.run(sender_of(boucle, postman).send_all())
    (mail,) = [mail for mail in postman.posted if "support@lamps.example" in mail.recipient]
    text = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert re.search(r"18 (March|mars)", text), text
    assert not re.search(r"17 (March|mars)", text)
