"""Sentences: every state and reason has one, and each says in full why something was not done, or not yet."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import cast

import pytest

from workers.calendar import Wait, parse_wait, parse_window
from workers.decision_table.model.rest_period import Rest
from workers.domain import explain, records
from workers.domain.compiled_tables.cells import Quota
from workers.domain.explain import Story, words
from workers.domain.explain.followup import time_after
from workers.domain.policy import ContraryRule, Policy
from workers.domain.records import Customer, History, Journey, Stop, SurveyRequest, Touchpoint
from workers.domain.sending_state import ON, SendingState
from workers.domain.types import CustomerId, Effect, QuestionKind, Reason, RequestState, TouchpointState
from workers.structs import replace

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
ANNE = CustomerId("00000000-0000-8000-8000-00000000000a")
ANY_ID = "00000000-0000-8000-8000-0000000000%02x"


CONTRARY = ContraryRule(
    frozenset({"ticket_opened", "complaint_opened"}),
    "hold",
    "customer",
    frozenset({"ticket_done", "complaint_closed"}),
    Wait(days=7),
)


class NoRow:
    """A plan that has none of the rows any more; no row has a rest of its own then."""

    quotas: Mapping[str, Quota] = MappingProxyType({})

    def step(self, rule: str) -> None:
        """Return the row with this id: there is none."""

    def channel_of(self, rule: str) -> str:
        """Return the channel on which the row asks."""
        return "mail"

    def kind_of(self, rule: str) -> QuestionKind:
        """Return what the row's question measures."""
        return QuestionKind.NPS

    def at(self, version: str) -> "NoRow":
        """Return the plan as it was in a version."""
        return self

    about: tuple[str, ...] = ()

    def unmet(self, rule: str, inputs: object) -> tuple[str, ...]:
        """Return the columns that keep the row from asking: a plan without it asks about nobody."""
        return ()


def policy(window: str = "always") -> Policy:
    """Return the shipped rest periods and holds, in Paris; what explaining must not look at is not there."""
    values = {
        "plan": NoRow(),
        "contrary": (CONTRARY,),
        "rest": Rest(parse_wait("P30D"), parse_wait("P90D"), 6, parse_wait("P12M")),
        "window": parse_window(window),
        "holidays": frozenset(),
        "zone": "Europe/Paris",
        "attributes": {},
        "duties": {},
        "country": "",
    }
    return Policy(**{column.name: values.get(column.name) for column in fields(Policy)})  # type: ignore[arg-type]  # see above


def anne(**more: object) -> Customer:
    """Return a customer with an address."""
    customer = Customer(ANNE, "42", NOW - timedelta(days=20), email="anne@example.org", name="Anne Roux")
    return replace(customer, **more)  # type: ignore[arg-type]  # columns by name


def journey(**more: object) -> Journey:
    """Return a journey about an order."""
    row = Journey(ANY_ID % 1, ANNE, "delivery", "1042", "lamp", {}, NOW, "shop/e1", "open", "plan")
    return replace(row, **more)  # type: ignore[arg-type]  # columns by name


def touchpoint(**more: object) -> Touchpoint:
    """Return a touchpoint due in a week."""
    due = NOW + timedelta(days=7)
    row = Touchpoint(
        journey=ANY_ID % 1,
        step="delivery-now",
        customer=ANNE,
        trigger="delivery",
        reference="1042",
        rule="J2",
        plan_version="plan",
        template="ask-delivery",
        anchor_at=NOW,
        due_at=due,
        wake_at=due,
        give_up_at=due + timedelta(days=10),
        if_resting="defer",
        reminder="",
        state=TouchpointState.PLANNED,
        reason="",
        detail="",
        changed_at=NOW,
        planned_at=NOW,
    )
    return replace(row, **more)  # type: ignore[arg-type]  # columns by name


def request(asked_at: datetime, **more: object) -> SurveyRequest:
    """Return a question that was asked."""
    row = SurveyRequest(
        id=ANY_ID % 2,
        journey=ANY_ID % 3,
        step="purchase-now",
        customer=ANNE,
        trigger="purchase",
        reference="1041",
        label="chair",
        details={},
        channel="mail",
        template="ask-purchase",
        language="en",
        anchor_at=asked_at,
        asked_at=asked_at,
        closes_at=asked_at + timedelta(days=14),
        state=RequestState.OPEN,
        reason="",
        changed_at=asked_at,
    )
    return replace(row, **more)  # type: ignore[arg-type]  # columns by name


def stop(cause: str, at: datetime, effect: Effect = Effect.HOLD, scope: str = "customer") -> Stop:
    """Return a contrary fact."""
    return Stop(ANY_ID % 9, ANNE, cause, effect, scope, "1042", at, "shop/s1")


def tell(story: Story, sending: SendingState = ON, **more: object) -> dict[str, object]:
    """Explain a customer now, with mails that leave in a `window`."""
    rules = policy(str(more.pop("window", "always")))
    outlook = explain.Outlook(sending, **more)  # type: ignore[arg-type]  # keywords
    return explain.explain_customer(explain.View(story, NOW, rules, outlook))


def reason(row: Touchpoint, sending: SendingState = ON, *others: records.Row, **more: object) -> str:
    """Return the sentence about one touchpoint."""
    story = Story(
        customer=anne(),
        journeys=(journey(),),
        touchpoints=(row,),
        requests=tuple(other for other in others if isinstance(other, SurveyRequest)),
        stops=tuple(other for other in others if isinstance(other, Stop)),
    )
    entries = tell(story, sending, **more)["touchpoints"]
    return str(entries[0]["reason"])  # type: ignore[index]  # a list of entries


def next_ask(story: Story, window: str = "always") -> dict[str, object]:
    """Return when a customer can next be asked."""
    explanation = explain.explain_customer(explain.View(story, NOW, policy(window)))
    return explanation["next_ask"]  # type: ignore[return-value]  # an entry


@pytest.mark.parametrize("code", Reason)
def test_every_reason_has_a_sentence(code: Reason) -> None:
    """No reason code reaches a reader as a code, and nothing stays unfilled."""
    text = words.sentence(words.clause(code, {}))
    assert text[0].isupper()
    assert text.endswith(".")
    assert " " in text
    assert not set("{}_") & set(text)


STATES = [state for words_of in explain.LEADS for state in words_of]


@pytest.mark.parametrize("state", STATES, ids=lambda state: f"{type(state).__name__}.{state.value}")
def test_every_state_has_a_sentence(state: StrEnum) -> None:
    """Each state of each table begins a sentence of its own."""
    assert explain.lead(state)[0].isupper()
    assert "_" not in explain.lead(state)


def test_every_enumeration_of_states_is_told() -> None:
    """A new table's states cannot be forgotten: every state column's enumeration is known."""
    from workers.store import tables

    used = {
        type_.words
        for table in tables.metadata.tables.values()
        for column in table.columns
        if isinstance(type_ := column.type, tables.State) and column.name in ("state", "outcome", "effect")
    }
    assert used <= set(explain.LEADS)


@pytest.mark.parametrize("state", list(TouchpointState))
@pytest.mark.parametrize("code", ["", *Reason])
def test_a_touchpoint_always_says_why(state: TouchpointState, code: str) -> None:
    """Whatever state and reason meet, there is one full sentence."""
    text = reason(touchpoint(state=state, reason=code, detail=""))
    assert text.startswith(explain.lead(state))
    assert text.endswith(".")
    assert not set("{}_") & set(text)


def test_a_touchpoint_lost_to_the_rest_period_names_both_dates() -> None:
    """The sentence of the house: when the customer was asked, and until when they rest."""
    until = datetime(2026, 4, 2, 9, 12, tzinfo=UTC)
    row = touchpoint(state=TouchpointState.SKIPPED, reason=Reason.RESTING, detail=until.isoformat())
    asked = request(datetime(2026, 3, 3, 9, 12, tzinfo=UTC))
    assert reason(row, ON, asked) == "Skipped: the customer was asked on 3 March and rests until 2 April."


def test_a_deferred_touchpoint_says_that_it_comes_later() -> None:
    """Deferred is not dropped: the sentence says that it is asked then."""
    until = datetime(2026, 4, 2, 9, 12, tzinfo=UTC)
    row = touchpoint(due_at=NOW, wake_at=until, reason=Reason.RESTING, detail=until.isoformat())
    asked = request(datetime(2026, 3, 3, 9, 12, tzinfo=UTC))
    expected = "Planned: the customer was asked on 3 March and rests until 2 April, and is asked then."
    assert reason(row, ON, asked) == expected


def test_a_touchpoint_that_is_not_due_says_when_it_is() -> None:
    """In the customer's own zone."""
    assert reason(touchpoint()) == "Planned: it is not due before 17 March at 10:00."


def test_a_touchpoint_that_will_meet_the_rest_period_says_so_before() -> None:
    """One need not wait for the day to see that a survey will be dropped or will wait."""
    asked = request(NOW - timedelta(days=10))
    assert reason(touchpoint(), ON, asked).endswith("the customer rests until 30 March, so it will be dropped.")
    late = touchpoint(give_up_at=NOW + timedelta(days=60))
    assert reason(late, ON, asked).endswith("the customer rests until 30 March, so it will wait.")
    exempt = touchpoint(if_resting="exempt")
    assert reason(exempt, ON, asked) == "Planned: it is not due before 17 March at 10:00."


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"give_up_at": NOW + timedelta(days=60)}, "2026-03-30"),
        ({"if_resting": "exempt"}, "2026-03-17"),
        ({"if_resting": "drop"}, None),
        ({"state": TouchpointState.SKIPPED}, None),
    ],
)
def test_what_is_expected_has_the_rest_period_in_it(more: dict[str, object], expected: str | None) -> None:
    """A page that promises a date promises the one that the rest period leaves, and none for what it drops."""
    row, asked = touchpoint(**more), request(NOW - timedelta(days=10))
    explanation = tell(Story(customer=anne(), journeys=(journey(),), touchpoints=(row,), requests=(asked,)))
    [entry] = cast("list[dict[str, str | None]]", explanation["touchpoints"])
    expected_at = entry["expected_at"]
    assert (expected_at and expected_at[:10]) == expected


def test_a_due_touchpoint_says_what_holds_it_up() -> None:
    """Held sending, a paused touchpoint, a full day: each is named, and none when nothing is in the way."""
    due = touchpoint(due_at=NOW - timedelta(hours=1), wake_at=NOW - timedelta(hours=1))
    start = "Planned: it has been due since 10 March at 09:00; "
    assert reason(due) == start + "it goes out at the next look at what is due."
    assert reason(due, SendingState("held", "look at the preview")) == start + "sending is held (look at the preview)."
    paused = SendingState("on", "", frozenset({"delivery-now"}))
    assert reason(due, paused) == start + "this touchpoint is paused."
    assert reason(due, ON, day_is_full=True) == start + "the daily maximum of mails is reached."


def test_the_send_window_is_named_when_it_is_closed() -> None:
    """A touchpoint that was moved by the window says when it opens."""
    due = touchpoint(due_at=NOW - timedelta(hours=3), wake_at=NOW + timedelta(days=5))
    expected = "Planned: mails leave only in the send window, which opens on 15 March at 10:00."
    assert reason(due, window="mon-sun 10:00-18:00") == expected
    assert reason(due) == "Planned: it is not due before 15 March at 10:00.", "no window, no such reason"
    moved = replace(due, wake_at=due.wake_at + timedelta(hours=2))
    assert "send window" not in reason(moved, window="mon-sun 10:00-18:00"), "something else moved it"


def test_a_hold_says_what_it_waits_for() -> None:
    """An open ticket holds without an end; a closed one until seven days have passed."""
    gives_up = NOW + timedelta(days=17)
    row = touchpoint(state=TouchpointState.HELD, reason=Reason.HOLD, detail="ticket_opened", wake_at=gives_up)
    opened = stop("ticket_opened", NOW - timedelta(days=1))
    assert reason(row, ON, opened) == "Held: a ticket is open; it is given up after 27 March."
    ended = replace(stop("ticket_done", NOW, Effect.END), id=ANY_ID % 8)
    row = replace(row, wake_at=NOW + timedelta(days=7))
    expected = "Held: a ticket was closed a short time ago, so it waits until 17 March at 10:00; "
    assert reason(row, ON, opened, ended) == expected + "it is given up after 27 March."


def test_a_touchpoint_too_late_says_what_kept_it() -> None:
    """The reason it was held for is not lost when its time runs out."""
    row = touchpoint(state=TouchpointState.SKIPPED, reason=Reason.TOO_LATE, detail=Reason.NO_ADDRESS)
    assert reason(row) == (
        "Skipped: it would have come too late: it was due on 17 March and given up after 27 March; "
        "it was held because no mail address of the customer was known."
    )


def test_a_cancelled_touchpoint_names_the_contrary_event() -> None:
    """Known events in words, an operator's own one by its name."""
    row = touchpoint(state=TouchpointState.CANCELLED, reason=Reason.STOPPED, detail="refund")
    assert reason(row) == "Cancelled: the purchase was refunded."
    assert reason(replace(row, detail="moved_abroad")) == "Cancelled: the event moved abroad arrived."


def test_the_year_is_named_only_where_it_is_another() -> None:
    """A person says the year when it is not this one."""
    assert explain.day(NOW, "Europe/Paris", NOW) == "10 March"
    assert explain.day(NOW - timedelta(days=365), "Europe/Paris", NOW) == "10 March 2025"
    assert explain.moment(NOW, "America/Sao_Paulo", NOW) == "10 March at 06:00"


def test_a_person_asked_lately_can_be_asked_after_the_rest_period() -> None:
    """next_ask is the end of the rest period, to the second."""
    asked = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
    answer = next_ask(Story(customer=anne(), requests=(request(asked),)))
    assert answer["at"] == "2026-04-02T08:12:00Z"  # 10:12 in Paris, where the clocks go forward on 29 March
    assert answer["reason"] == "The customer was asked on 3 March and rests until 2 April; nothing is planned."


def test_a_person_never_asked_can_be_asked_now() -> None:
    """Nothing in the way: now, or when the send window opens, with what is planned next."""
    story = Story(customer=anne(), journeys=(journey(),), touchpoints=(touchpoint(),))
    assert next_ask(story)["at"] == "2026-03-10T09:00:00Z"
    assert next_ask(story)["reason"] == (
        "The customer may be asked at any time; planned next is right after delivery on 17 March."
    )
    assert next_ask(story, "mon-fri 14:00-18:00")["at"] == "2026-03-10T13:00:00Z"


@pytest.mark.parametrize(
    ("customer", "says"),
    [
        (anne(opted_out_at=NOW), "opted out"),
        (anne(email=None), "no mail address"),
        (anne(merged_into=ANNE), "merged"),
        (anne(crm_id=None, email=None, erased_at=NOW), "erased"),
    ],
)
def test_a_person_who_is_not_asked_has_no_next_date(customer: Customer, says: str) -> None:
    """None as the date, and the reason in words."""
    answer = next_ask(Story(customer=customer))
    assert answer["at"] is None
    assert says in str(answer["reason"])


def test_holds_and_stops_of_the_customer_count_for_the_next_date() -> None:
    """A customer who left is never asked; an open ticket holds for now; a closed one until its end."""
    left = stop("churned", NOW, Effect.CANCEL)
    assert next_ask(Story(customer=anne(), stops=(left,)))["reason"] == "Not to be asked: the customer has left."
    opened = stop("ticket_opened", NOW - timedelta(days=2))
    held = next_ask(Story(customer=anne(), stops=(opened,)))
    assert held == {"at": None, "reason": "Not to be asked for now: a ticket is open."}
    done = replace(stop("ticket_done", NOW - timedelta(days=1), Effect.END), id=ANY_ID % 8)
    later = next_ask(Story(customer=anne(), stops=(opened, done)))
    assert later["at"] == "2026-03-16T09:00:00Z"
    refund = stop("refund", NOW, Effect.CANCEL, "reference")
    assert next_ask(Story(customer=anne(), stops=(refund,)))["at"] is not None


def test_a_suppressed_address_is_a_reason() -> None:
    """A bounced address is named, because the CRM can correct it."""
    assert next_ask(Story(customer=anne(), suppressed="bounce"))["reason"] == (
        "Not to be asked: mail to the customer's address is suppressed (bounce)."
    )


def test_the_shape_is_the_one_that_scripts_rely_on() -> None:
    """Every list is there, empty or not."""
    explanation = tell(Story(customer=anne()))
    wanted = {
        *("customer", "events", "touchpoints", "survey_requests", "responses", "decisions", "actions", "tickets"),
        *("next_ask", "mails", "history"),
    }
    assert wanted <= set(explanation)
    assert explanation["customer"]["id"] == "42"  # type: ignore[index]  # an entry


def test_what_is_about_the_customer_names_no_purchase() -> None:
    """A milestone is not about the order that happened to start the relationship."""
    about_all = replace(journey(), reference="", label="lamp")
    story = Story(customer=anne(), journeys=(about_all,), touchpoints=(touchpoint(step="milestone-3m"),))
    assert tell(story)["touchpoints"][0]["reference"] == ""  # type: ignore[index]  # a list of entries


def test_text_is_safe_for_a_terminal() -> None:
    """A comment from outside cannot move the cursor, ring the bell or fake a line."""
    hostile = "fine\x1b[2J\x07\nNext question: never\u202e"
    labelled = replace(journey(), label=hostile)
    text = explain.as_text(tell(Story(customer=anne(), journeys=(labelled,), touchpoints=(touchpoint(),))))
    assert not set("\x1b\x07\u202e") & set(text)
    assert sum(line.startswith("Next question:") for line in text.splitlines()) == 1


def test_text_is_one_line_through_time() -> None:
    """What was stands above the mark, what is to come below, each at its instant."""
    asked = request(NOW - timedelta(days=2), state=RequestState.OPEN)
    story = Story(customer=anne(), journeys=(journey(),), touchpoints=(touchpoint(),), requests=(asked,))
    lines = explain.as_text(tell(story)).splitlines()
    mark = next(n for n, line in enumerate(lines) if line.startswith("----"))
    assert "question" in lines[mark - 1]
    assert lines[mark + 1].startswith("2026-03-17 10:00 touchpoint")
    assert lines[-1].startswith("Next question:")


def test_notes_that_say_the_same_are_one_line() -> None:
    """Five touchpoints held by one ticket are one note."""
    notes = tuple(
        History(ANNE, ANY_ID % n, NOW, "touchpoint", f"{ANY_ID % 1}/step-{n}", "held", Reason.HOLD, "ticket_opened")
        for n in range(5)
    )
    text = explain.as_text(tell(Story(customer=anne(), history=notes)))
    assert text.count("a ticket is open") == 1
    assert "step-0, step-1, step-2, step-3, step-4" in text


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        ("stopped: refund", "the purchase was refunded"),
        ("carrier_failed: no such number", "the carrier of its channel could not deliver it (no such number)"),
        ("hold", "a ticket, a complaint or the like held it"),
        ("later", "the mail server did not take it for now"),
        ("not in BOUCLE_MAIL_ONLY_TO", "its address was not on the list in BOUCLE_MAIL_ONLY_TO"),
        ("something_new", "something new"),
    ],
)
def test_a_reason_may_carry_its_detail(stored: str, says: str) -> None:
    """Reasons with a detail behind a colon, a sender's own reasons, and unknown ones are all readable."""
    assert words.clause(stored, {}) == says


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, "1 min after"),
        (0.0086, "12 min after"),
        (0.5, "12 h after"),
        (10.1, "10 days after"),
        (116.0, "116 days after"),
    ],
)
def test_how_long_after_is_said_in_the_unit_that_one_would_say_it_in(days: float, said: str) -> None:
    """Neither a millionth of a day nor a hundred days in scientific notation."""
    assert time_after(days) == said
