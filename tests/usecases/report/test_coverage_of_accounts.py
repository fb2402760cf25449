"""Accounts: coverage, the mean of each account first, silence, and the story of one, on both databases."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import parts
import pytest
from test_nps_by_dimension import NOW, answer, customer, fill, question

from workers.domain.attributes import account_of
from workers.domain.customer.declared_attributes import read_attributes
from workers.domain.records import Customer, Response, SurveyRequest
from workers.domain.reporting import Filters
from workers.domain.types import CustomerId, RequestState
from workers.errors import BadInput
from workers.store.engine import Store
from workers.structs import replace
from workers.usecases.report import accounts

DECLARED = read_attributes(
    b"account: {type: text, personal: no, silent after: P60D, value: revenue}\n"
    b"revenue: {type: number, personal: no}\n"
    b"role: {type: text, values: [decides, uses, pays], personal: no}\n"
)
LONG_AGO, LATELY = NOW - timedelta(days=100), NOW - timedelta(days=10)
SCORES = {"Acme": (10, 10, 0), "Bolt": (9,), "Cire": (7, 8), "Dune": (10, 10), "Echo": (3, 9)}
"""The latest scores of the people of each account; of the three of Acme the mean is a detractor's."""


WORTH: dict[tuple[str, int], str | int | float] = {
    ("Acme", 0): 500,
    ("Acme", 1): "1000.5",
    ("Bolt", 3): 2000,
    ("Cire", 4): -5,
    ("Silent", 50): 999.5,
    ("Once", 52): "much",
}
"""What people say of what their account is worth: the highest counts, and what is no amount is unknown."""


def of(n: int, name: str, role: str = "uses", owner: str = "max") -> Customer:
    """Return a person of an account."""
    said = {"account": name, "role": role}
    amount = WORTH.get((name.capitalize(), n))
    person = customer(n, **said)
    attributes = {**(person.attributes or {}), **({} if amount is None else {"revenue": amount})}
    return replace(person, account=account_of(said), owner=owner, attributes=attributes)


def unanswered(n: int, at: datetime, key: int) -> SurveyRequest:
    """Return a question that customer n left without an answer."""
    ids = {name: f"{key + place:08x}-0000-8000-8000-{n:012x}" for place, name in enumerate(("id", "journey"))}
    return replace(question(n, at, answered=False), state=RequestState.EXPIRED, **ids)  # type: ignore[arg-type]  # ids


def world() -> tuple[list[Customer], list[SurveyRequest], list[Response]]:
    """Return five accounts that answered, one silent, one asked once, one heard of lately, and people of nobody's."""
    people: list[Customer] = []
    asked: list[SurveyRequest] = []
    said: list[Response] = []
    for name, scores in SCORES.items():
        for score in scores:
            n = len(people)
            people.append(of(n, name.upper() if n % 2 else name, "decides" if score < 7 else "uses"))
            asked.append(question(n, LATELY))
            said.append(answer(n, LATELY, score))
    earlier = answer(1, LATELY, 0)  # what somebody answered before counts no more
    before = replace(earlier, id=earlier.id.replace("4", "5", 1), request=None, source="old", external_id="1")
    said.append(replace(before, touchpoint="delivery-now", answered_at=LONG_AGO))
    for n, name in ((50, "Silent"), (51, "Silent"), (52, "Once"), (53, "Heard")):
        people.append(of(n, name, owner="eva"))
        asked.append(unanswered(n, LONG_AGO, 16))
    asked.append(unanswered(53, LONG_AGO + timedelta(days=1), 18))
    people.append(of(54, "Heard", owner="eva"))
    said.append(answer(54, LATELY, 9, own=False))
    gone = of(60, "Acme")
    people += [replace(gone, erased_at=NOW), replace(of(61, "Ghost"), merged_into=CustomerId(gone.id)), customer(62)]
    return people, asked, said


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give a database of each kind with the accounts."""
    with parts.migrated(request, tmp_path_factory.mktemp("accounts")) as made:
        fill(made, *world())
        yield made


def test_coverage_and_the_mean_of_each_account_first(store: Store) -> None:
    """Thirty people of one company do not rule: each has one band, by the mean of its people's latest scores."""
    with store.reading() as connection:
        figures = accounts.report(connection, Filters(since=NOW - timedelta(days=30)), NOW, DECLARED)
    assert {name: figures[name] for name in ("accounts", "people", "accounts_answered", "people_answered")} == {
        "accounts": 8,
        "people": 15,
        "accounts_answered": 6,
        "people_answered": 11,
    }
    assert figures["coverage"] == 0.75
    ours = {line["touchpoint"]: line for line in figures["touchpoints"]}  # type: ignore[attr-defined]  # lines
    line = ours["delivery-now"]
    bands = [line[name] for name in ("n", "promoters", "passives", "detractors", "split", "respondents")]
    assert bands == [5, 2, 1, 2, 2, 10]
    assert line["nps"] == 0.0
    text = accounts.as_text(figures)
    assert "6 of 8 answered, 75 %" in text
    assert figures["revenue"] == {
        "attribute": "revenue",
        "total": 4000.0,
        "asked": 3000.5,
        "answered": 3000.5,
        "coverage": 0.7501,
        "accounts_unknown": 5,
    }
    assert "revenue   3\u202f000 of 4\u202f000 answered, 75 %; 3\u202f000 was asked" in text
    with store.reading() as connection, pytest.raises(BadInput, match="declare `account"):
        accounts.report(connection, Filters(), NOW, {})


def test_who_went_silent(store: Store) -> None:
    """Two questions in vain and nothing since make an account silent; once asked, or heard of since, does not."""
    with store.reading() as connection:
        silent = accounts.silent(connection, NOW, DECLARED)
        assert [(line.name, line.people, line.owners) for line in silent] == [("Silent", 2, ("eva",))]
        assert silent[0].asked_at == LONG_AGO
        assert accounts.silent(connection, NOW, DECLARED, "max") == []
        assert [line.name for line in accounts.silent(connection, NOW, DECLARED, "eva")] == ["Silent"]
        assert "asked 2026-03-23" in accounts.silent_as_text(silent, "UTC")
    assert accounts.silent_as_text([], "UTC") == "No account is silent."


def test_the_story_of_one_account(store: Store) -> None:
    """By its name in any capitals: who is there in which role, the spread inside, and a detractor who decides."""
    with store.reading() as connection:
        story = accounts.account(connection, "aCMe", NOW, DECLARED, "UTC")
        silent = accounts.account(connection, "Silent", NOW, DECLARED, "UTC")
        assert accounts.account(connection, "Ghost", NOW, DECLARED, "UTC") is None
        largest = {line.key: line for line in accounts.largest(connection, Filters())}
    assert story is not None
    assert silent is not None
    assert (story["lowest"], story["highest"], story["mean"], story["silent"]) == (0, 10, 6.67, False)
    assert silent["silent"] is True
    assert "for 60 days" in str(silent["reason"])
    assert "decides    asked 2026-06-21  0/10 on 2026-06-24" in accounts.account_as_text(story)
    assert (largest["acme"].lowest, largest["acme"].highest, largest["acme"].unhappy_roles) == (0, 10, ("decides",))
    assert largest["silent"].answered == 0
