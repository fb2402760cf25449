"""What is computed of customers, as dimensions of the report: the same as the tables' inputs, on both databases."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from embedded import START, Embedded, journey

from workers.domain.customer_case import UnitOfWork
from workers.domain.customer_inputs import COMPUTED, customer_inputs
from workers.domain.records import Customer, SurveyRequest
from workers.domain.reporting import NONE
from workers.store import read
from workers.usecases.report import nps_by_dimension
from workers.usecases.report.groups import dimensions_offered

PASTS: dict[str, tuple[tuple[str, int, str], ...]] = {
    "1": (),
    "2": (("customer_started", 10, ""),),
    "3": (("customer_started", 89, ""), ("onboarding_finished", 5, "")),
    "4": (("customer_started", 90, ""),),
    "5": (("purchase", 729, "a"), ("purchase", 30, "b"), ("purchase", 20, "b2")),
    "6": (("purchase", 730, "a"), ("feature_first_used", 29, "x")),
    "7": (("purchase", 800, "a"), ("feature_first_used", 30, "x"), ("deal_won", 3, "d")),
    "8": (("trial_started", 20, "t"),),
    "9": (("purchase", 100, "a"), ("refund", 99, "a"), ("purchase", 50, "b")),
    "10": tuple(("purchase", 400 + n, f"r{n}") for n in range(6)),
}
"""What happened to each customer how many days before they are asked, and about what."""
BANDS: dict[str, Callable[[object], str]] = {
    "tenure": lambda days: banded(days, ((90, "under-90d"), (365, "90d-to-1y"), (730, "1y-to-2y")), "from-2y"),
    "orders": lambda n: banded(n, ((1, "0"), (2, "1"), (5, "2-4"), (10, "5-9")), "10+"),
    "since_answer": lambda days: banded(days, ((30, "under-30d"), (90, "30d-to-90d"), (365, "90d-to-1y")), "from-1y"),
}


def banded(number: object, bands: tuple[tuple[int, str], ...], above: str) -> str:
    """Return the band of a number, and what the report says where there is none."""
    assert number is None or isinstance(number, int)
    return NONE if number is None else next((name for bound, name in bands if number < bound), above)


def happened(name: str, subject: str, at: datetime, reference: str) -> dict[str, object]:
    """Return the event of a past."""
    more = {"delivery_expected": True} if name == "purchase" else {}
    event = journey(name, subject, at, **({"reference": reference} if reference else {}), **more)
    return {**event, "id": f"{name}/{subject}/{at.isoformat()}"}


def expected(boucle: Embedded) -> dict[str, Counter[str]]:
    """Return how many questions each group has by what the tables would be told of each customer."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in COMPUTED}
    with boucle.store.reading() as connection:
        work = UnitOfWork(boucle.parts.policy(), boucle.clock.at)
        cases = read.cases_of(connection, work, read.rows(connection, Customer))
        for request in read.rows(connection, SurveyRequest):
            for name, value in customer_inputs(cases[request.customer], request.asked_at, COMPUTED).items():
                counts[name][BANDS[name](value) if name in BANDS else str(value or NONE)] += 1
    return counts


def test_groups_are_what_the_tables_are_told(install: Callable[..., Embedded], database: dict[str, str]) -> None:
    """As of the question, for answered and unanswered ones; two at once hide small groups, and pages offer them."""
    boucle = install(**database)
    for subject, past in PASTS.items():
        for name, days, reference in past:
            boucle.take(happened(name, subject, START - timedelta(days=days), reference))
    for turn, days in enumerate((0, 130)):
        boucle.clock.at = START + timedelta(days=days)
        for subject in PASTS:
            boucle.take(happened("delivery", subject, boucle.clock.at, f"d{turn}"))
        boucle.later(hours=8)
        for n, request in enumerate(row for row in boucle.rows(SurveyRequest) if row.sent_at):
            if n % 3:
                boucle.parts.customer_actions.answer(request.id, (2, 8, 10)[n % 3])
        boucle.later(hours=1)
    wanted = expected(boucle)
    assert {len(counts) > 1 for counts in wanted.values()} == {True}
    with boucle.store.reading() as connection:
        for name in COMPUTED:
            figures = nps_by_dimension.report(connection, by=name, now=boucle.clock.at)
            groups = {group["group"]: group["asked"] for group in figures["groups"]}  # type: ignore[attr-defined]  # groups
            assert groups == wanted[name], name
            assert sum(group["n"] for group in figures["groups"]) > 0  # type: ignore[attr-defined]  # groups
        both = nps_by_dimension.report(connection, by="phase,last_band", now=boucle.clock.at)
    assert both["hidden"]["groups"] > 0  # type: ignore[index]  # as JSON
    assert set(COMPUTED) < set(dimensions_offered({}))
