"""One request, one wording: in mail, reminder and on its page, whatever is edited in between; and who sees it."""

import csv
import email
import email.policy
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, journey
from starlette.testclient import TestClient

from workers.domain.records import SurveyRequest
from workers.domain.reporting import Filters
from workers.domain.sending_state import SendingState
from workers.roles import web_of
from workers.store import tables
from workers.store.report.wordings import wording_changes
from workers.usecases.operation import inquiry, status
from workers.usecases.privacy.response_export import export_responses
from workers.usecases.report import nps_by_dimension, sections
from workers.web.app import create_app

BRAND = (Path(__file__).parents[2] / "templates" / "brand.yaml").read_text("utf-8")
FIRST, SECOND = "Dans quelle mesure recommanderiez-vous", "Quelle est la probabilité que vous recommandiez"


class Shop(Embedded):
    """A shop that asks in the former French wording until it chooses another."""

    def __init__(self, folder: Path) -> None:
        self.brand = folder / "own" / "templates" / "brand.yaml"
        self.brand.parent.mkdir(parents=True)
        self.choose("fr-1")
        super().__init__(folder / "home", overrides=str(folder / "own"))

    def choose(self, wording: str) -> None:
        """Write which wording is asked in."""
        self.brand.write_text(BRAND.replace('wording: ""', f"wording: '{wording}'"), "utf-8")

    def switch(self, wording: str) -> None:
        """Choose another wording, and let Boucle look, as its roles do every two seconds."""
        self.choose(wording)
        assert self.parts.look_at_rules()

    def ask(self, customer: str) -> SurveyRequest:
        """Have a customer asked, and return the question."""
        self.take(journey("delivery", customer, self.clock.at, reference=f"of {customer}"))
        self.later(days=4)
        (request,) = (row for row in self.rows(SurveyRequest) if row.reference == f"of {customer}")
        return request

    def mails(self, customer: str) -> list[str]:
        """Return the plain texts of the mails that a customer got, oldest first."""
        texts = []
        for path in sorted((self.parts.settings.home / "mailbox").glob("**/*.eml")):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if customer in str(mail["To"]):
                body = mail.get_body(("plain",))
                assert body is not None
                texts.append(" ".join(body.get_content().split()))
        return texts

    def page(self, request: SurveyRequest, query: str = "") -> str:
        """Return the answer page of a question."""
        client = TestClient(create_app(web_of(self.parts)), base_url="http://127.0.0.1:8080")
        answer = client.get(f"/a/{self.parts.links.sign('answer', request.id)}{query}")
        assert answer.status_code == 200
        return " ".join(answer.text.split())

    def changes(self) -> list[Any]:
        """Return the changes of wording in the report."""
        return cast("list[Any]", self.report()["wordings"])

    def report(self) -> dict[str, object]:
        """Return the report as a program reads it."""
        with self.store.reading() as connection:
            return nps_by_dimension.report(connection, now=self.clock.at, zone="Europe/Paris")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Give a shop of its own."""
    made = Shop(tmp_path)
    yield made
    made.close()


def test_mail_reminder_and_page_of_a_request_ask_in_its_wording(shop: Shop) -> None:
    """One that was asked before the switch is reminded and answered in the words that it was asked in."""
    before = shop.ask("early")
    assert before.wording == "fr-1"
    shop.switch("")
    shop.later(days=8)
    mails = shop.mails("early")
    assert len(mails) == 2
    assert all(FIRST in mail and SECOND not in mail for mail in mails)
    assert FIRST in shop.page(before)
    assert "sans hésiter" in shop.page(before)
    assert "How likely are you" in shop.page(before, "?lang=en")
    after = shop.ask("late")
    assert after.wording == "fr-2"
    assert SECOND in shop.mails("late")[0]
    assert SECOND in shop.page(after)
    assert "Extrêmement probable".lower() in shop.page(after)


def test_a_text_of_the_companys_own_is_asked_as_it_was_after_it_is_gone(shop: Shop) -> None:
    """It stands in no file any more; the request's page and mails have it from the store."""
    catalog = shop.brand.parent / "catalogs" / "fr.po"
    catalog.parent.mkdir()
    shipped = (Path(__file__).parents[2] / "templates" / "catalogs" / "fr.po").read_text("utf-8")
    catalog.write_text(shipped.replace(f"{SECOND} {{brand}}", "Conseilleriez-vous {brand}"), "utf-8")
    shop.switch("")
    request = shop.ask("own")
    assert request.wording not in ("fr-1", "fr-2")
    catalog.unlink()
    assert shop.parts.look_at_rules()
    shop.later(days=8)
    assert all("Conseilleriez-vous Maison Lueur" in mail for mail in shop.mails("own"))
    assert "Conseilleriez-vous Maison Lueur" in shop.page(request)


def test_the_day_of_a_change_is_marked_and_explained(shop: Shop, tmp_path: Path) -> None:
    """In the report for programs, people and files; explain says what each question asked. Twice: no change."""
    first = shop.ask("early")
    assert shop.parts.customer_actions.answer(first.id, 9, "")
    assert shop.changes() == []
    assert not shop.parts.look_at_rules()
    shop.clock.at = START + timedelta(days=20, hours=14)
    shop.switch("")
    shop.parts.policies.remember(shop.store, shop.clock.at)
    second = shop.ask("late")
    (change,) = shop.changes()
    assert {name: change[name] for name in ("day", "language")} == {"day": "2026-03-24", "language": "fr"}
    assert (change["before"]["wording"], change["after"]["wording"]) == ("fr-1", "fr-2")
    assert "2026-03-24" in nps_by_dimension.as_text(shop.report())
    shop.parts.policies.remember(shop.store, shop.clock.at)
    with shop.store.reading() as connection:
        review = sections.review(connection, Filters(), shop.parts.policy(), shop.clock.at)
        assert [marked.after.id for marked in review.wordings] == ["fr-2"]
        assert wording_changes(connection, Filters(since=shop.clock.at)) == []
        assert wording_changes(connection, Filters(language="en")) == []
        state = SendingState("on", "")
        explained = json.loads(
            json.dumps(inquiry.explain(connection, "customer", "early", shop.clock.at, shop.parts.policy(), state))
        )
        assert status.read_books(connection).ok()
    (entry,) = explained["survey_requests"]
    assert entry["wording"] == "fr-1"
    assert entry["question"].startswith(FIRST)
    assert shop.parts.customer_actions.answer(second.id, 3, "")
    export_responses(shop.store, tmp_path / "answers.csv", shop.clock.at, "test")
    body = (tmp_path / "answers.csv").read_text("utf-8-sig").splitlines()
    assert [row["wording"] for row in csv.DictReader(body)] == ["fr-1", "fr-2"]


def test_a_wording_that_is_put_back_is_a_change_as_well(shop: Shop) -> None:
    """Two days are marked, and the second goes back to the words of the first."""
    shop.ask("early")
    shop.switch("")
    shop.later(days=1)
    shop.switch("fr-1")
    assert shop.ask("late").wording == "fr-1"
    changes = [(change["before"]["wording"], change["after"]["wording"]) for change in shop.changes()]
    assert changes == [("fr-1", "fr-2"), ("fr-2", "fr-1")]


def test_what_a_release_before_asked_counts_as_the_first_wording(tmp_path: Path) -> None:
    """Its requests say nothing; an upgrade that brings another wording is marked as the change that it is."""
    shop = Shop(tmp_path)
    request = shop.ask("early")
    with shop.store.engine.begin() as connection:
        connection.execute(sa.update(tables.survey_request).values(wording=None))
        connection.execute(sa.delete(tables.wording))
        connection.execute(sa.delete(tables.control).where(tables.control.c.name.startswith("wording in use")))
    shop.switch("")
    assert FIRST in shop.page(request)
    (change,) = shop.changes()
    assert (change["before"]["wording"], change["after"]["wording"]) == ("fr-1", "fr-2")
    with shop.store.reading() as connection:
        assert status.read_books(connection).ok()
    shop.close()
