"""The report's figures, held against counting by hand and against published values, on both databases."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.customer_inputs import COMPUTED
from workers.domain.records import Customer, Response, SurveyRequest
from workers.domain.reporting import Figures, nps
from workers.domain.reporting.nps import Counts
from workers.domain.types import CustomerId, RequestState, ResponseState
from workers.errors import BadInput
from workers.store.engine import Store
from workers.store.new_rows import insert
from workers.usecases.operation.migrate import migrate
from workers.usecases.report import nps_by_dimension

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
PARIS = "Europe/Paris"
Report = dict[str, object]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty embedded database."""
    opened = Store(f"sqlite:///{tmp_path / 'boucle.db'}")
    migrate(opened)
    yield opened
    opened.close()


def ident(kind: int, n: int) -> str:
    """Return an id."""
    return f"{kind:08x}-0000-8000-8000-{n:012x}"


def customer(n: int, segment: str | None = "North", **attributes: Any) -> Customer:
    """Return a customer of a segment."""
    return Customer(CustomerId(ident(1, n)), f"crm-{n}", NOW, segment=segment, attributes=attributes or None)


def question(n: int, asked_at: datetime, *, trigger: str = "delivery", answered: bool = True) -> SurveyRequest:
    """Return a question asked of customer n."""
    return SurveyRequest(
        id=ident(2, n),
        journey=ident(3, n),
        step=f"{trigger}-now",
        customer=CustomerId(ident(1, n)),
        trigger=trigger,
        reference=str(n),
        label="lamp",
        details={},
        channel="mail",
        template="ask-delivery",
        language="en",
        anchor_at=asked_at,
        asked_at=asked_at,
        closes_at=asked_at + timedelta(days=14),
        state=RequestState.ANSWERED if answered else RequestState.OPEN,
        reason="",
        changed_at=asked_at,
    )


def answer(n: int, asked_at: datetime, score: int, *, trigger: str = "delivery", own: bool = True) -> Response:
    """Return the answer of customer n to our question, or to another tool's."""
    answered_at = asked_at + timedelta(days=3)
    return Response(
        id=ident(4, n),
        customer=CustomerId(ident(1, n)),
        request=ident(2, n) if own else None,
        source=None if own else "telephone",
        external_id=None if own else str(n),
        trigger=trigger,
        touchpoint=f"{trigger}-now" if own else "",
        reference=str(n),
        label="",
        details={},
        anchor_at=asked_at,
        asked_at=asked_at,
        after_days=0.0,
        score=score,
        band=nps.band(score).value,
        comment="",
        wants_contact=False,
        phone="",
        half_day="",
        channel="mail" if own else "event",
        agent="",
        answered_at=answered_at,
        first_answered_at=answered_at,
        settling_since=answered_at,
        settles_at=answered_at,
        n=1,
        state=ResponseState.SETTLING if n % 7 == 0 else ResponseState.DECIDED,
        previous_band="",
        late=n % 5 == 0,
    )


def fill(store: Store, customers: list[Customer], questions: list[SurveyRequest], answers: list[Response]) -> None:
    """Store rows."""
    with store.engine.begin() as connection:
        for kind, rows in ((Customer, customers), (SurveyRequest, questions), (Response, answers)):
            if rows:
                insert(connection, kind, rows)


def scored(store: Store, scores: list[int], *, silent: int = 0) -> None:
    """Store as many questions as there are scores, each answered, and some that nobody answered."""
    at = NOW - timedelta(days=20)
    numbers = range(1, len(scores) + silent + 1)
    fill(
        store,
        [customer(n) for n in numbers],
        [question(n, at, answered=n <= len(scores)) for n in numbers],
        [answer(n, at, score) for n, score in enumerate(scores, 1)],
    )


def report(store: Store, **more: object) -> Report:
    """Return a report in the brand's zone."""
    with store.reading() as connection:
        return nps_by_dimension.report(connection, now=NOW, zone=PARIS, **more)  # type: ignore[arg-type]  # keywords


def groups(figures: Report) -> dict[str, Report]:
    """Return the groups by name."""
    return {str(group["group"]): group for group in figures["groups"]}  # type: ignore[attr-defined]  # a list of groups


def test_the_published_example_is_55(store: Store) -> None:
    """70 % promoters and 15 % detractors give 55: passives count in the denominator only."""
    scored(store, [9] * 70 + [8] * 15 + [3] * 15, silent=100)
    figures = report(store)
    assert (figures["n"], figures["promoters"], figures["passives"], figures["detractors"]) == (100, 70, 15, 15)
    assert figures["nps"] == 55.0
    assert (figures["asked"], figures["answered"], figures["response_rate"]) == (200, 100, 0.5)
    interval = nps.adjusted_wald(Counts(70, 15, 15))
    assert (figures["low"], figures["high"]) == (round(interval.low, 2), round(interval.high, 2))
    assert figures["flag"] == ""


def test_the_names_are_the_ones_that_scripts_rely_on(store: Store) -> None:
    """Each group has the same keys as the whole."""
    scored(store, [9, 3])
    figures = report(store, by="trigger")
    names = {"n", "promoters", "passives", "detractors", "nps", "low", "high", "asked", "response_rate"}
    assert names | {"groups"} <= set(figures)
    assert names | {"group", "flag"} <= set(groups(figures)["delivery"])


@pytest.mark.parametrize(("n", "flag"), [(1, "counts only"), (4, "counts only"), (5, "small"), (29, "small"), (30, "")])
def test_few_answers_are_counts_or_flagged(store: Store, n: int, flag: str) -> None:
    """Below 5 there is no score and no interval, below 30 a flag."""
    scored(store, [9] * n)
    figures = report(store)
    assert figures["flag"] == flag
    assert (figures["nps"] is None) == (figures["low"] is None) == (figures["high"] is None) == (flag == "counts only")


def test_nothing_asked_is_no_rate(store: Store) -> None:
    """An empty report has no score and no rate, and no group."""
    figures = report(store, by="month")
    assert (figures["n"], figures["asked"], figures["response_rate"], figures["nps"], figures["groups"]) == (
        0,
        0,
        None,
        None,
        [],
    )
    assert nps_by_dimension.as_text(figures)


def test_answers_are_counted_with_their_question(store: Store) -> None:
    """An answer that came after the period belongs to the question asked in it, so no rate exceeds 1."""
    june = datetime(2026, 6, 1, tzinfo=UTC)
    fill(store, [customer(1), customer(2)], [question(1, june - timedelta(days=1)), question(2, june)], [])
    fill(store, [], [], [answer(1, june - timedelta(days=1), 9), answer(2, june, 3)])
    before, after = report(store, until=june), report(store, since=june)
    assert (before["n"], before["promoters"], before["response_rate"]) == (1, 1, 1.0)
    assert (after["n"], after["detractors"], after["response_rate"]) == (1, 1, 1.0)


def test_scores_of_other_tools_count_but_were_not_asked_here(store: Store) -> None:
    """They are in n, not in `asked`, and change no response rate."""
    at = NOW - timedelta(days=20)
    numbers = range(1, 7)
    fill(
        store,
        [customer(n) for n in numbers],
        [question(1, at), question(2, at, answered=False)],
        [answer(1, at, 9), *(answer(n, at, 3, own=False) for n in range(3, 7))],
    )
    figures = report(store, by="touchpoint")
    assert (figures["n"], figures["asked"], figures["answered"], figures["response_rate"]) == (5, 2, 1, 0.5)
    assert {name: group["n"] for name, group in groups(figures).items()} == {"delivery-now": 1, "none": 4}
    assert groups(figures)["none"]["response_rate"] is None


def test_recovery_scores_stand_apart(store: Store) -> None:
    """Scores given after a ticket drift up by themselves: they are no part of the NPS or its groups."""
    at = NOW - timedelta(days=20)
    fill(
        store,
        [customer(n) for n in range(1, 12)],
        [question(n, at) for n in range(1, 6)] + [question(n, at, trigger="recovery") for n in range(6, 12)],
        [answer(n, at, 3) for n in range(1, 6)] + [answer(n, at, 10, trigger="recovery") for n in range(6, 12)],
    )
    figures = report(store, by="trigger")
    assert (figures["n"], figures["nps"], figures["asked"]) == (5, -100.0, 5)
    assert set(groups(figures)) == {"delivery"}
    assert figures["recovery"]["n"] == 6  # type: ignore[index]  # figures
    assert "recovery" in nps_by_dimension.as_text(figures)


def test_what_may_still_change_is_said(store: Store) -> None:
    """Open questions, answers that still settle and late ones are counted beside the score."""
    scored(store, [9] * 35, silent=4)
    figures = report(store)
    assert (figures["settling"], figures["late"], figures["open"]) == (5, 7, 4)
    text = nps_by_dimension.as_text(figures)
    assert "4 questions may still be answered" in text
    assert "5 answers may still change; 7 arrived" in text


def test_months_are_those_of_the_brand(store: Store) -> None:
    """A question asked at 23:30 UTC on 31 March was asked in April in Paris."""
    moments = [datetime(2026, 3, 31, 21, 59, tzinfo=UTC), datetime(2026, 3, 31, 22, 0, tzinfo=UTC)]
    fill(store, [customer(1), customer(2)], [question(n, at) for n, at in enumerate(moments, 1)], [])
    assert {name: group["asked"] for name, group in groups(report(store, by="month")).items()} == {
        "2026-03": 1,
        "2026-04": 1,
    }


def test_a_month_is_called_a_change_only_by_the_test(store: Store) -> None:
    """From 60 promoters to 60 detractors is a change; from 5 to 5 much less so; the first month has none."""
    at = [datetime(2026, month, 10, tzinfo=UTC) for month in (3, 4, 5)]
    scores = [(at[0], 9)] * 60 + [(at[1], 3)] * 60 + [(at[2], 3)] * 57 + [(at[2], 9)] * 3
    numbered = list(enumerate(scores, 1))
    fill(
        store,
        [customer(n) for n, _ in numbered],
        [question(n, when) for n, (when, _) in numbered],
        [answer(n, when, score) for n, (when, score) in numbered],
    )
    figures = report(store, by="month")
    march, april, may = (group["change"] for group in groups(figures).values())
    assert march is None
    assert (april["delta"], april["significant"]) == (-200.0, True)  # type: ignore[index]  # a change
    assert (may["delta"], may["significant"]) == (10.0, False)  # type: ignore[index]  # a change
    assert nps_by_dimension.as_text(figures).count("changed by") == 1


def test_an_unknown_grouping_is_refused(store: Store) -> None:
    """The message names the groupings there are."""
    with pytest.raises(BadInput, match="trigger, touchpoint, segment, month"):
        report(store, by="agent")


def invent(seed: int) -> tuple[list[Customer], list[SurveyRequest], list[Response]]:
    """Return a year of questions and answers, some of other tools, some after a ticket, some without a segment."""
    chance = random.Random(seed)
    customers, questions, answers = [], [], []
    for n in range(1, 400):
        at = datetime(2025, 12, 20, tzinfo=UTC) + timedelta(minutes=chance.randrange(60 * 24 * 200))
        trigger = chance.choice(["delivery", "purchase", "wave", "recovery"])
        customers.append(customer(n, chance.choice(["North", "South", "", None])))
        own, answered = chance.random() < 0.8, chance.random() < 0.5
        if own:
            questions.append(question(n, at, trigger=trigger, answered=answered))
        if answered or not own:
            answers.append(answer(n, at, chance.randrange(11), trigger=trigger, own=own))
    return customers, questions, answers


NAMES: dict[str, Callable[[SurveyRequest | Response, Customer], str]] = {
    "trigger": lambda row, _: row.trigger,
    "touchpoint": lambda row, _: (row.step if isinstance(row, SurveyRequest) else row.touchpoint) or "none",
    "segment": lambda _, who: who.segment or "none",
    "language": lambda row, who: row.language if isinstance(row, SurveyRequest) else "en" if row.request else "none",
    "month": lambda row, _: f"{row.asked_at.astimezone(ZoneInfo(PARIS)):%Y-%m}",
}


def by_hand(
    rows: tuple[list[Customer], list[SurveyRequest], list[Response]], by: str, since: datetime, until: datetime
) -> dict[str, tuple[int, int, int]]:
    """Count (answers, promoters, questions) of each group the slow way."""
    customers, questions, answers = rows
    who = {customer.id: customer for customer in customers}
    scores: dict[str, list[int]] = {}
    both: list[SurveyRequest | Response] = [*questions, *answers]
    for row in both:
        if row.trigger == "recovery" or not since <= row.asked_at < until:
            continue
        counted = scores.setdefault(NAMES[by](row, who[row.customer]), [0, 0, 0])
        if isinstance(row, SurveyRequest):
            counted[2] += 1
        else:
            counted[0] += 1
            counted[1] += row.score >= 9
    return {name: (n, promoters, asked) for name, (n, promoters, asked) in scores.items()}


def agrees(store: Store, seed: int) -> None:
    """Check every grouping of an invented year against counting by hand."""
    rows = invent(seed)
    fill(store, *rows)
    since, until = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 6, 3, 7, 0, tzinfo=UTC)
    # an answer names several drivers: test_report_by_driver.py; what is computed: test_computed_dimensions.py
    for by in sorted({*nps_by_dimension.BY} - {"driver"} - {*COMPUTED}):
        figures = report(store, by=by, since=since, until=until)
        shown = {name: (group["n"], group["promoters"], group["asked"]) for name, group in groups(figures).items()}
        assert shown == by_hand(rows, by, since, until)
        for key in ("n", "promoters", "passives", "detractors", "asked", "answered", "open", "settling", "late"):
            assert figures[key] == sum(int(group[key]) for group in groups(figures).values())  # type: ignore[call-overload]  # counts
        assert list(groups(figures)) == sorted(groups(figures))


@pytest.mark.parametrize("seed", range(5))
def test_the_database_counts_as_one_would_by_hand(store: Store, seed: int) -> None:
    """Every grouping of an invented year, within a period that cuts months."""
    agrees(store, seed)


def test_postgres_counts_the_same(postgres: str) -> None:
    """Groups, months and bands on PostgreSQL."""
    opened = Store(postgres)
    try:
        migrate(opened)
        agrees(opened, 1)
        figures = report(opened, by="month")
        assert nps_by_dimension.as_text(figures).splitlines()[1].startswith("2025-12")
    finally:
        opened.close()


def test_text_names_the_score_with_its_interval(store: Store) -> None:
    """One line for each group and one for all, with n, interval and rate, and how to read them."""
    scored(store, [9] * 30 + [3] * 10, silent=40)
    lines = nps_by_dimension.as_text(report(store, by="trigger")).splitlines()
    assert lines[1].split() == ["delivery", "40", "+50", "+21", "+72", "30", "0", "10", "80", "50", "%"]
    assert lines[2].startswith("all ")
    assert any("95 % adjusted Wald interval" in line for line in lines)


@pytest.mark.parametrize("by", [None, "segment", "month"])
def test_touchpoints_are_never_blended_into_one_score(store: Store, by: str | None) -> None:
    """A group of two touchpoints says so, shows each by itself, and the terminal gives the mixture no score."""
    at = NOW - timedelta(days=20)
    fill(
        store,
        [customer(n) for n in range(1, 21)],
        [question(n, at, trigger="delivery" if n <= 10 else "purchase") for n in range(1, 21)],
        [answer(n, at, 10 if n <= 10 else 0, trigger="delivery" if n <= 10 else "purchase") for n in range(1, 21)],
    )
    figures = report(store, by=by)
    for group in [figures, *groups(figures).values()]:
        beside = {step["touchpoint"]: step["nps"] for step in group["touchpoints"]}  # type: ignore[attr-defined]  # figures
        assert (group["mixed"], group["n"], beside) == (True, 20, {"delivery-now": 100.0, "purchase-now": -100.0})
        assert group.get("change") is None
    lines = [line.split() for line in nps_by_dimension.as_text(figures).splitlines()]
    [whole] = [line for line in lines if line[:1] == ["all"]]
    assert whole[:3] == ["all", "20", "10"]
    assert [line[2] for line in lines if line[:1] == ["delivery-now"]] == ["+100"]
    assert any("has no score" in " ".join(line) for line in lines)


def test_one_touchpoint_is_no_mixture(store: Store) -> None:
    """Where everybody was asked the same, the group has its score and nothing stands beside it."""
    scored(store, [9] * 10)
    figures = report(store, by="segment")
    assert [(group["mixed"], group["touchpoints"], group["nps"]) for group in groups(figures).values()] == [
        (False, [], 100.0)
    ]


DECLARED = read_attributes(
    b"plan: {type: text, values: [free, pro]}\nseats: {type: integer}\nrate: {type: number}\nends: {type: date}\n"
    b"partner: {type: boolean, may be unknown: no, if missing: no}\n"
)
KNOWN: tuple[dict[str, Any], ...] = (
    {"plan": "pro", "seats": 12, "rate": 0.5, "ends": "2026-03-31", "partner": True},
    {"plan": "free", "seats": 0, "rate": 12.5, "ends": "2026-03-01", "partner": False},
    {"plan": "gold", "seats": "many", "rate": -1, "ends": "soon"},
    {},
)
"""What is known of every fourth customer: of the last ones nothing that is of its declared type."""
BY_ATTRIBUTE = {
    "plan": {"free": 10, "none": 20, "pro": 10},
    "seats": {"0": 10, "10 to 99": 10, "none": 20},
    "rate": {"10 to below 100": 10, "below 0": 10, "below 1": 10, "none": 10},
    "ends": {"2026-03": 20, "none": 20},
    "partner": {"no": 30, "yes": 10},
}


def answered_by_attribute(store: Store) -> None:
    """Store forty customers who answered, and one who did not."""
    at = NOW - timedelta(days=20)
    fill(
        store,
        [customer(n, "North" if n % 8 else "South", **KNOWN[n % 4]) for n in range(41)],
        [question(n, at, answered=n < 40) for n in range(41)],
        [answer(n, at, 9) for n in range(40)],
    )


def grouped_by_attribute(store: Store) -> None:
    """Check each attribute, and a pair of which the small groups are hidden, never one alone."""
    answered_by_attribute(store)
    for name, sizes in BY_ATTRIBUTE.items():
        figures = report(store, by=name, attributes=DECLARED)
        assert {group: line["n"] for group, line in groups(figures).items()} == sizes
        assert sum(int(line["asked"]) for line in groups(figures).values()) == 41  # type: ignore[call-overload]  # counts
    figures = report(store, by="plan, segment", attributes=DECLARED)
    assert {group: line["n"] for group, line in groups(figures).items()} == {"free / North": 10, "none / North": 20}
    assert figures["n"] == 40
    assert figures["hidden"] == {"groups": 2, "n": 10, "asked": 11, "fewer_than": 10}
    assert "2 groups with 10 answers together are hidden" in nps_by_dimension.as_text(figures)


def test_a_report_by_a_declared_attribute(store: Store) -> None:
    """Words, yes and no, months and bands of numbers; what is not of its declared type is none."""
    grouped_by_attribute(store)


def test_postgres_groups_attributes_the_same(postgres: str) -> None:
    """What another declaration left as a text is no number, and no error."""
    opened = Store(postgres)
    try:
        migrate(opened)
        grouped_by_attribute(opened)
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("plam", r"made by trigger, .*, plan, .*, not by 'plam'\. Did you mean plan\?"),
        ("plan,plan", "two|2 different ones"),
        ("plan,segment,month", "2 different ones"),
        ("plan,", "not by ''"),
    ],
)
def test_what_no_report_is_made_by(store: Store, by: str, message: str) -> None:
    """The refusal says what there is."""
    with pytest.raises(BadInput, match=message):
        report(store, by=by, attributes=DECLARED)


def test_no_small_group_is_given_away_by_the_sum() -> None:
    """Where one group is too small, the next one is hidden with it."""
    every = {(name, "step"): Figures(promoters=n) for name, n in (("a", 3), ("b", 12), ("c", 20))}
    assert nps_by_dimension.small_groups(every, ["a", "b", "c"]) == {"a", "b"}
    assert nps_by_dimension.small_groups(every, ["b", "c"]) == set()
