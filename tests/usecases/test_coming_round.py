"""A question that comes round, in an installation: asked again, explained, in the queue, and in the books."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, about, journey
from ownrules import plan_files, write_rules

from workers.domain.records import Journey, SurveyRequest, Touchpoint
from workers.domain.survey.planning import number_of_occurrence
from workers.store.rules import past
from workers.usecases.operation import inquiry, status
from workers.usecases.queue_control import QueueControl

SUM = "questions that come round and wait = one a customer and question"
STEP = "relationship"


@pytest.fixture
def own_rules(tmp_path: Path) -> str:
    """Give rules of an installation that asks each customer every six months, and nothing else by time."""
    own = f"J90;customer_started;-;-;-;{STEP};milestone;start;now;P30D;defer;customer;P5D;ask-relationship;P60D;P6M"
    files = plan_files(["every: wait"], {}, own, without=("J4", "J5", "J6", "J7"))
    write_rules(tmp_path / "own", "", journey_plan=files)
    return str(tmp_path / "own")


@pytest.fixture
def boucle(install: Callable[..., Embedded], own_rules: str) -> Embedded:
    """Give an installation with these rules."""
    return install(overrides=own_rules)


def turns(boucle: Embedded) -> list[Touchpoint]:
    """Return every occurrence, the first time first."""
    number = {row.id: number_of_occurrence(row) for row in boucle.rows(Journey)}
    return sorted((row for row in boucle.rows(Touchpoint) if row.step == STEP), key=lambda row: number[row.journey])


def told(boucle: Embedded) -> dict[str, Any]:
    """Return what is told of the customer."""
    with boucle.store.reading() as connection:
        policy, now = boucle.parts.policies.current(), boucle.clock.now()
        return cast("dict[str, Any]", inquiry.explain(connection, "customer", "42", now, policy))


def sums(boucle: Embedded) -> dict[str, dict[str, Any]]:
    """Return the books' sums by name."""
    with boucle.store.reading() as connection:
        return {str(line["name"]): cast("dict[str, Any]", line) for line in status.read_books(connection).sums()}


def begun(boucle: Embedded, months: int) -> None:
    """Take in that the customer began, and let months go by."""
    boucle.take(journey("customer_started", "42", START))
    for _ in range(months):
        boucle.later(days=30)


def test_a_customer_is_asked_every_half_year_and_told_so(
    install: Callable[..., Embedded], database: dict[str, str], own_rules: str
) -> None:
    """After a year and a half, on either database: three questions without a reference, one that waits, and the books
    add up."""
    boucle = install(overrides=own_rules, **database)
    begun(boucle, 19)
    *asked, last = turns(boucle)
    assert [str(row.state) for row in asked] == ["asked"] * len(asked)
    assert len(asked) == 3
    assert {row.reference for row in boucle.rows(SurveyRequest)} == {""}
    story = told(boucle)
    (entry,) = [row for row in story["touchpoints"] if row["state"] == "planned"]
    assert (entry["occurrence"], entry["reference"], entry["touchpoint"]) == (4, "", STEP)
    assert "it comes round, and this is time number 4" in entry["reason"]
    assert last.due_at.date().isoformat() in entry["due_at"]
    assert "planned" in story["next_ask"]["reason"]
    books = sums(boucle)
    assert [line for line in books.values() if not line["ok"]] == []
    with boucle.store.reading() as connection:
        assert {event.began for event in past.journeys(connection, None)} == {"customer_started"}
    assert (books[SUM]["left"], books[SUM]["right"]) == (1, 1)


def test_what_is_told_again_or_in_a_batch_with_itself_plans_no_other_turn(boucle: Embedded) -> None:
    """The same start, another start, and one that is earlier: one turn waits, moved to the earliest start."""
    begun(boucle, 8)
    before = turns(boucle)
    boucle.take(journey("customer_started", "42", START), journey("customer_started", "42", START + timedelta(days=9)))
    assert turns(boucle) == before
    boucle.take(journey("customer_started", "42", START - timedelta(days=400), reference="old"))
    assert len(turns(boucle)) == len(before)
    boucle.take(journey("delivery", "42", boucle.clock.at, reference="o-1"))  # which is read in part
    assert len(turns(boucle)) == len(before)
    assert [line for line in sums(boucle).values() if not line["ok"]] == []


def test_a_turn_that_a_person_cancels_is_left_out_and_the_next_one_comes(boucle: Embedded) -> None:
    """The queue cancels one question, not the customer's later ones."""
    begun(boucle, 8)
    waits = turns(boucle)[-1]
    queue = QueueControl(boucle.store, boucle.parts.policies.current, boucle.clock.now, boucle.parts.sending)
    assert queue.cancel(queue.choose("touchpoint", STEP), "lead") == 1
    *_, cancelled, following = turns(boucle)
    assert (cancelled.journey, str(cancelled.state), cancelled.reason) == (waits.journey, "cancelled", "operator")
    assert str(following.state) == "planned"
    assert following.due_at > waits.due_at + timedelta(days=180)


@pytest.mark.parametrize("ends", ["churned", "opted_out", "erased"])
def test_who_leaves_has_no_turn_any_more(boucle: Embedded, ends: str) -> None:
    """Nothing waits, and nothing is asked in the years after."""
    begun(boucle, 8)
    ended = journey(ends, "42", boucle.clock.at) if ends == "churned" else about(ends, at=boucle.clock.at)
    boucle.take(ended)
    asked = len(boucle.rows(SurveyRequest))
    for _ in range(10):
        boucle.later(days=60)
    assert len(boucle.rows(SurveyRequest)) == asked
    assert not [row for row in turns(boucle) if row.state in ("planned", "held")]
    assert [line for line in sums(boucle).values() if not line["ok"]] == []


def test_two_turns_that_wait_are_found_by_the_books(boucle: Embedded) -> None:
    """A doubled turn would ask the customer twice: exactly one sum says so."""
    begun(boucle, 8)
    before = turns(boucle)
    key = {"like": before[-1].journey, "key": "00000000-0000-8000-8000-000000000001"}
    with boucle.store.engine.begin() as connection:
        for table, name in (("journey", "id"), ("touchpoint", "journey")):
            columns = [row["name"] for row in sa.inspect(connection).get_columns(table) if row["name"] != name]
            values = ", ".join("'every/other/9'" if column == "reference" else column for column in columns)
            copy = f"INSERT INTO {table} ({name}, {', '.join(columns)}) SELECT :key, {values} FROM {table}"
            connection.execute(sa.text(f"{copy} WHERE {name} = :like"), key)
    assert not sums(boucle)[SUM]["ok"]
