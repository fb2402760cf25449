"""The carrier that docs/carriers.md gives: what Boucle publishes it can carry, and what it reports is taken."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from embedded import START, Embedded, journey
from houses import install
from ownrules import write_plan

from workers.domain.records import Response, SurveyRequest
from workers.domain.types import RequestState
from workers.store.ledger import Taken

__all__ = ["install"]
PAGE = (Path(__file__).parents[2] / "docs" / "carriers.md").read_text("utf-8")


@pytest.fixture
def example() -> dict[str, Any]:
    """Give the functions of the page's program."""
    program: dict[str, Any] = {}
    exec(PAGE.partition("```python\n")[2].partition("```")[0], program)
    return program


@pytest.fixture
def asked(install: Callable[..., Embedded], tmp_path: Path) -> tuple[Embedded, dict[str, Any]]:
    """Give an installation that asks by WhatsApp after a delivery, and the message of its first question."""
    own = write_plan(tmp_path / "own", ["channel: text"], {"J2": ["whatsapp"]})
    boucle = install(overrides=str(own))
    boucle.take(journey("delivery", "42", START, reference="order-42", label="lamp"))
    boucle.settle()
    boucle.parts.outgoing.outbox_relay().relay_all()
    lines = (boucle.parts.settings.home / "outbox.jsonl").read_bytes().splitlines()
    (message,) = (line["value"] for line in map(orjson.loads, lines) if line["topic"] == "boucle.survey-requests")
    return boucle, {**message, "data": {**message["data"], "closes_at": "9999-01-01T00:00:00Z"}}


def at_start(report: dict[str, Any], minutes: int = 0) -> dict[str, Any]:
    """Return a report as of the installation's time: the program's own is the machine's."""
    return {**report, "time": (START + timedelta(minutes=minutes)).isoformat()}


def test_a_question_is_carried_once_and_reported(
    example: dict[str, Any], asked: tuple[Embedded, dict[str, Any]]
) -> None:
    """The template holds the end of the link; the same message again sends nothing, and what was sent stays."""
    boucle, message = asked
    posted: list[dict[str, Any]] = []

    def post(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        posted.append(body)
        return 200, {"messages": [{"id": "wamid.1", "message_status": "accepted"}]}

    carried: set[str] = set()
    told = [example["carry"](message, {"42": "+33612345678"}.get, post, carried) for _ in range(2)]
    assert len(posted) == 1
    body, button = posted[0]["template"]["components"]
    assert posted[0]["to"] == "33612345678"
    assert "/a/" + button["parameters"][0]["text"] in message["data"]["link"]
    assert body["parameters"][0]["text"] == message["data"]["label"]
    assert [outcome.taken for outcome in boucle.take(at_start(told[0]), at_start(told[1], minutes=-1))] == [
        Taken.ACCEPTED,
        Taken.ACCEPTED,
    ]
    (request,) = boucle.rows(SurveyRequest)
    assert request.sent_at == START


@pytest.mark.parametrize(
    ("number", "answer", "said"),
    [
        (None, (200, {}), "no number, or no consent to WhatsApp"),
        ("+33612345678", (400, {"error": {"message": "Receiver is incapable"}}), "Receiver is incapable"),
    ],
)
def test_what_cannot_be_carried_is_told(
    example: dict[str, Any], asked: tuple[Embedded, dict[str, Any]], number: str | None, answer: Any, said: str
) -> None:
    """Without a number, or refused: the question is undeliverable, for the reason told."""
    boucle, message = asked
    boucle.take(at_start(example["carry"](message, lambda customer: number, lambda body: answer, set())))
    (request,) = boucle.rows(SurveyRequest)
    assert request.state == RequestState.UNDELIVERABLE
    assert said in request.reason


def test_a_carrier_that_is_busy_is_tried_again(example: dict[str, Any], asked: tuple[Embedded, dict[str, Any]]) -> None:
    """The program ends before it commits, so that the question is not lost; what is another channel's it leaves."""
    _, message = asked
    with pytest.raises(ConnectionError):
        example["carry"](message, lambda customer: "+33612345678", lambda body: (503, {}), set())
    other = {**message, "data": {**message["data"], "channel": "push"}}
    assert example["carry"](other, lambda customer: "+33612345678", lambda body: (200, {}), set()) is None


def test_an_answer_in_the_app_is_the_answer(asked: tuple[Embedded, dict[str, Any]]) -> None:
    """The page's event with the request's own id."""
    boucle, message = asked
    event = json.loads(PAGE.rpartition("```json\n")[2].partition("```")[0])
    event |= {"subject": "42", "time": START.isoformat()}
    event["data"]["request"] = message["data"]["request"]
    boucle.take(event)
    (response,) = boucle.rows(Response)
    assert response.score == 9
