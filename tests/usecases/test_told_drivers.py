"""Drivers that another tool tells with its score: kept with the response, told when left out, in every file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from embedded import Embedded, about, journey, score

from workers.domain.records import Inbox, Response, SurveyRequest
from workers.store.ledger import Taken
from workers.text.spreadsheets import BOM
from workers.usecases.privacy.person import Privacy
from workers.usecases.privacy.response_export import export_responses


@pytest.fixture
def boucle(install: Callable[..., Embedded], database: dict[str, str]) -> Embedded:
    """Give an installation with the shipped drivers, on either database."""
    return install(**database)


def test_an_unknown_driver_costs_itself_and_is_told(boucle: Embedded) -> None:
    """The score counts with what is declared; the inbox says which place was left out; twice changes nothing."""
    event = score(3, trigger="delivery", drivers=["price", "prices", "delivery", 7], competitor="Lumo\0")
    (outcome,) = boucle.take(event)
    assert outcome.taken is Taken.ACCEPTED
    (response,) = boucle.rows(Response)
    assert response.drivers == "delivery price"
    (row,) = boucle.rows(Inbox)
    assert set(row.left_out or {}) == {"/data/drivers/1", "/data/drivers/3", "/data/competitor"}
    (again,) = boucle.take(event)
    assert again.taken is Taken.DUPLICATE
    assert boucle.rows(Response) == [response]


@pytest.mark.parametrize("odd", [{"price": True}, 7, ["price"] * 21, "x" * 501])
def test_a_list_that_is_none_costs_the_list_alone(boucle: Embedded, odd: object) -> None:
    """Whatever stands in its place, the score counts without it."""
    (outcome,) = boucle.take(score(3, drivers=odd))
    assert outcome.taken is Taken.ACCEPTED
    assert boucle.rows(Response)[0].drivers == ""


def test_a_column_of_a_file_has_commas_between(boucle: Embedded) -> None:
    """What cannot hold a list tells its codes as one text, in any order."""
    boucle.take(score(9, drivers="price, delivery;other"))
    assert boucle.rows(Response)[0].drivers == "delivery other price"


def test_an_answer_to_our_question_keeps_what_it_does_not_mention(boucle: Embedded) -> None:
    """A later answer without drivers says nothing of them; an empty list takes them back."""
    boucle.take(journey("delivery", reference="o-1"))
    boucle.later(hours=30)
    request = boucle.rows(SurveyRequest)[0].id
    said: list[dict[str, Any]] = [{"drivers": ["price"]}, {}, {"drivers": []}]
    for number, more in enumerate(said):
        boucle.clock.at = boucle.clock.at.replace(microsecond=number)
        boucle.take(score(7 + number % 2, at=boucle.clock.at, request=request, channel="app", **more))
        kept = boucle.rows(Response)[0]
        assert (kept.score, kept.drivers) == (7 + number % 2, ["price", "price", ""][number])


def test_what_was_said_is_exported_and_goes_with_the_person(boucle: Embedded, tmp_path: Path) -> None:
    """Response file, privacy export and topic have it; erasing takes the words of competitors, codes stay counted."""
    boucle.take(score(8, trigger="delivery", drivers=["service"], competitor="Lumo"))
    file = tmp_path / "responses.csv"
    assert export_responses(boucle.store, file, boucle.clock.at, "test") == 1
    header, row = file.read_text("utf-8").removeprefix(BOM).splitlines()
    values = dict(zip(header.split(","), row.split(","), strict=True))
    assert (values["drivers"], values["competitor"]) == ("service", "Lumo")
    privacy = Privacy(boucle.store, boucle.parts.policies.current, boucle.parts.now)
    exported = privacy.export("42", "test")
    assert exported is not None
    assert (exported["response"][0]["drivers"], exported["response"][0]["competitor"]) == ("service", "Lumo")
    (published,) = [orjson.loads(message["value"]) for message in exported["outbox"] if "response" in message["topic"]]
    assert published["data"]["drivers"] == ["service"]
    assert "Lumo" not in str(published)
    boucle.take(about("erased"))
    (response,) = boucle.rows(Response)
    assert (response.drivers, response.competitor) == ("service", None)
