"""CSAT and CES: asked by the plan, answered on their own scale, followed up by the table, and never part of an NPS."""

import re
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from embedded import START, Embedded, journey, score
from ownrules import write_plan

from workers.domain import explain as explaining
from workers.domain.records import Decision, Dispatch, Response, SurveyRequest, Ticket
from workers.domain.survey.support_room import Past
from workers.errors import BadInput
from workers.store.delivery.sent_mails import body_of
from workers.store.ledger import Taken
from workers.store.survey import support_figures
from workers.text.spreadsheets import BOM
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation import inquiry, status
from workers.usecases.privacy.response_export import export_responses
from workers.usecases.report import nps_by_dimension

ASKED = {"J11": ["csat"], "J16": ["ces"]}
"""Rows of the shipped plan and what they ask here: after a contact, after a solved case."""
Install = Callable[..., Embedded]


def asking(install: Install, folder: Path, **settings: str) -> Embedded:
    """Return an installation whose plan asks CSAT and CES."""
    return install(overrides=str(write_plan(folder / "own", ["question: text"], ASKED)), **settings)


@pytest.fixture
def boucle(install: Install, tmp_path: Path) -> Embedded:
    """Give an installation whose plan asks CSAT and CES."""
    return asking(install, tmp_path)


def ask(boucle: Embedded, event: str, who: str = "42") -> SurveyRequest:
    """Return the question that an event about a customer leads to, after its mail has left."""
    boucle.take(journey(event, who, boucle.clock.at, reference=f"{event}-{who}", agent="Claire"))
    boucle.later(minutes=5)
    return next(row for row in boucle.rows(SurveyRequest) if row.reference == f"{event}-{who}")


def mail_of(boucle: Embedded, request: SurveyRequest) -> tuple[str, str]:
    """Return the plain text and the HTML of a question as it left."""
    (dispatch,) = (mail for mail in boucle.rows(Dispatch) if mail.request == request.id and mail.template != "reminder")
    with boucle.store.reading() as connection:
        body = body_of(connection, dispatch.id)
    mail = message_from_bytes(bytes(body or b""), policy=policy.default)
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def outgoing(boucle: Embedded) -> list[tuple[str, dict[str, object]]]:
    """Return the type and data of every message that was published."""
    with boucle.store.reading() as connection:
        bodies = connection.exec_driver_sql("SELECT value FROM outbox").scalars().all()
    events = [orjson.loads(bytes(body)) for body in bodies]
    return [(event["type"], event["data"]) for event in events]


def test_an_answer_is_followed_up_by_the_table_and_is_in_no_nps(
    install: Install, database: dict[str, str], tmp_path: Path
) -> None:
    """Each answer has its row; a low one opens a ticket; report, books and topic keep both kinds apart from the NPS."""
    boucle = asking(install, tmp_path, **database)
    for who in ("1", "2", "3", "4", "5"):
        assert boucle.parts.customer_actions.answer(ask(boucle, "interaction_ended", who).id, int(who))
    assert boucle.parts.customer_actions.answer(ask(boucle, "support_solved", "6").id, 7)
    boucle.take(score(9, "7", boucle.clock.at))
    boucle.later(hours=1)
    rules = {row.inputs["score"]: row.rule for row in boucle.rows(Decision) if "question" in row.inputs}
    assert rules == {1: "S1", 2: "S1", 3: "S2", 4: "S3", 5: "S3", 7: "S7"}
    assert sorted((row.score, row.question) for row in boucle.rows(Ticket)) == [(1, "csat"), (2, "csat")]
    assert [response.band for response in boucle.rows(Response) if response.question] == [""] * 6
    with boucle.store.reading() as connection:
        report = nps_by_dimension.report(connection, now=boucle.clock.at)
        by_month = nps_by_dimension.report(connection, by="month", now=boucle.clock.at)
        books = status.read_books(connection)
        past = support_figures.count_past(connection, START, boucle.clock.at)
    assert past == Past(asked=6, answered=6, unhappy=2)
    assert (report["n"], report["promoters"], report["asked"]) == (1, 1, 0)
    csat, ces = cast("list[dict[str, Any]]", report["ratings"])
    assert (csat["question"], csat["n"], csat["good"], csat["share"], csat["mean"]) == ("csat", 5, 2, 0.4, 3.0)
    assert (csat["low"], csat["high"], csat["asked"], csat["response_rate"]) == (0.1176, 0.7693, 5, 1.0)
    assert (ces["question"], ces["n"], ces["good"], ces["share"], ces["mean"]) == ("ces", 1, 1, None, None)
    assert "CSAT" in nps_by_dimension.as_text(report)
    assert cast("list[dict[str, Any]]", by_month["ratings"])[0]["months"] == [
        {
            "month": "2026-03",
            "n": 5,
            "good": 2,
            "share": 0.4,
            "low": 0.1176,
            "high": 0.7693,
            "mean": 3.0,
            "flag": "small",
        }
    ]
    assert re.search(r"\n    2026-03 +5  40 %", nps_by_dimension.as_text(by_month))
    assert [line for line in books.sums() if not line["ok"]] == []
    published = outgoing(boucle)
    assert [kind for kind, _ in published].count("boucle.rating.received.v1") == 6
    assert [data["score"] for kind, data in published if kind == "boucle.response.received.v1"] == [9]
    asked = [data.get("question") for kind, data in published if kind == "boucle.survey-request.created.v1"]
    assert sorted(map(str, asked)) == ["ces", *["csat"] * 5]
    off_scale = "UPDATE response SET score = 6 WHERE question = 'csat' AND score = 5"
    assert failing_after(boucle, off_scale) == ["answers to CSAT and CES = those on their scale and without a band"]


def failing_after(boucle: Embedded, statement: str) -> list[str]:
    """Return the sums of the books that fail after a statement, which is undone."""
    with boucle.store.engine.connect() as connection, connection.begin() as transaction:
        assert connection.exec_driver_sql(statement).rowcount == 1
        sums = status.read_books(connection).sums()
        transaction.rollback()
    return [line["name"] for line in sums if not line["ok"]]


def test_the_mail_has_a_button_for_each_number_and_a_wrong_score_is_refused(boucle: Embedded) -> None:
    """The words are the question's own; a 9 to a CSAT is a fault by every door, says what to send, and is not lost."""
    for event, highest, word in (("support_solved", 7, "facilité"), ("interaction_ended", 5, "satisfaction")):
        request = ask(boucle, event, f"of-{event}")
        text, html = mail_of(boucle, request)
        assert [int(n) for n in re.findall(r"\?score=(\d+)", html)] == list(range(1, highest + 1))
        assert word in text
        assert f", à {highest}," in text
        assert "recommand" not in text + html
        assert request.wording == f"fr-{request.question}-1"
    with pytest.raises(BadInput, match="from 1 to 5"):
        boucle.parts.customer_actions.answer(request.id, 9)
    who, now = "of-interaction_ended", boucle.clock.at
    wanted = {
        "from 1 to 5, and": score(9, who, now, request=request.id, channel="phone"),
        "asks csat": score(4, who, now, request=request.id, question="ces", reference="a"),
        "csat from 1 to 5": score(9, who, now, question="csat", reference="b"),
        "ces from 1 to 7": score(0, who, now, question="ces", reference="c"),
        "csat or ces": score(4, who, now, question="csta", reference="d"),
    }
    outcomes = boucle.take(*wanted.values())
    assert [outcome.taken for outcome in outcomes] == [Taken.REJECTED] * 5
    for outcome, said in zip(outcomes, wanted, strict=True):
        assert outcome.rejected is not None
        assert said.removesuffix(", and") in outcome.rejected.fault
    assert boucle.rows(Response) == []
    good = score(4, who, now, request=request.id, channel="phone", reference="e")
    assert [boucle.take(good)[0].taken for _ in range(2)] == [Taken.ACCEPTED, Taken.DUPLICATE]
    (response,) = boucle.rows(Response)
    assert (response.score, response.question) == (4, "csat")


def test_an_answer_elsewhere_satisfies_the_question_of_its_own_kind_alone(boucle: Embedded) -> None:
    """A CSAT told by a call centre leaves the NPS question after the same delivery, and ends the one it answers."""
    boucle.take(
        score(5, at=START, trigger="delivery", reference="o-1", question="csat"),
        score(9, at=START, trigger="interaction_ended", reference="c-1"),
        journey("delivery", reference="o-1"),
        journey("interaction_ended", "43", reference="c-2"),
        score(2, "43", START, trigger="interaction_ended", reference="c-2", question="csat"),
    )
    boucle.later(minutes=5)
    assert [(row.reference, row.question) for row in boucle.rows(SurveyRequest)] == [("o-1", None)]


def test_an_answer_is_corrected_on_its_scale_and_explain_and_files_say_what_was_asked(
    boucle: Embedded, tmp_path: Path
) -> None:
    """The last word counts, and moves no band; touchpoint, question, answer and ticket carry the kind."""
    boucle.take(score(9, at=START))
    request = ask(boucle, "interaction_ended")
    for given in (2, 5):
        assert boucle.parts.customer_actions.answer(request.id, given)
        boucle.later(minutes=30)
    boucle.take(score(7, at=boucle.clock.at, reference="later"))
    first, rated, last = sorted(boucle.rows(Response), key=lambda response: response.answered_at)
    assert (rated.score, rated.n, rated.previous_band) == (5, 2, "")
    assert (first.band, last.previous_band) == ("promoter", "promoter")
    assert sorted(row.rule for row in boucle.rows(Decision) if row.response == rated.id) == ["S1", "S3"]
    with boucle.store.reading() as connection:
        state = sending_now(connection, boucle.parts.sending)
        story = inquiry.explain(connection, "customer", "42", boucle.clock.at, boucle.parts.policies.current(), state)
    assert story is not None
    for part in ("touchpoints", "survey_requests", "responses", "tickets"):
        entries = cast("list[dict[str, object]]", story[part])
        assert "csat" in [entry["asks"] for entry in entries], part
    told = explaining.as_text(story)
    assert "CSAT 5/5" in told
    assert "2/5" in told
    assert "question CSAT" in told
    file = tmp_path / "responses.csv"
    export_responses(boucle.store, file, boucle.clock.at, "test")
    header, *rows = file.read_text("utf-8").removeprefix(BOM).splitlines()
    values = [dict(zip(header.split(","), row.split(","), strict=True)) for row in rows]
    assert [(row["question"], row["score"], row["band"]) for row in values if row["id"] == rated.id] == [
        ("csat", "5", "")
    ]


def test_the_day_of_another_wording_is_marked_of_its_kind(install: Install, tmp_path: Path) -> None:
    """A CSAT question keeps its wording with a number; an edit makes another, and a report says of which question."""
    boucle = asking(install, tmp_path)
    early = ask(boucle, "interaction_ended", "early")
    assert early.wording == "fr-csat-1"
    catalog = tmp_path / "own" / "templates" / "catalogs" / "fr.po"
    catalog.parent.mkdir(parents=True)
    shipped = (Path(__file__).parents[2] / "templates" / "catalogs" / "fr.po").read_text("utf-8")
    catalog.write_text(shipped.replace("Cette fois-ci, quelle est votre", "Quelle est votre"), "utf-8")
    boucle.later(days=20)
    assert boucle.parts.look_at_rules()
    late = ask(boucle, "interaction_ended", "late")
    assert late.wording not in (None, "fr-csat-1")
    assert all("Cette fois-ci" in part for part in mail_of(boucle, early))
    assert not any("Cette fois-ci" in part for part in mail_of(boucle, late))
    with boucle.store.reading() as connection:
        report = nps_by_dimension.report(connection, now=boucle.clock.at, zone="Europe/Paris")
        assert status.read_books(connection).ok()
    (change,) = cast("list[dict[str, Any]]", report["wordings"])
    assert (change["asks"], change["language"], change["day"]) == ("csat", "fr", "2026-03-23")
    assert (change["before"]["wording"], change["after"]["wording"]) == ("fr-csat-1", late.wording)
    assert "From 2026-03-23 the CSAT question is another one in fr" in nps_by_dimension.as_text(report)
