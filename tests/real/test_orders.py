"""Real orders through real parts: Kafka, PostgreSQL, postfix, and for some answers a real browser.

ORDERS=all plays all 5,000 (`make orders`) and prints the figures; otherwise a slice of two weeks is played.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from driver import Words, play
from ordersyear import FILE, story_of_orders
from parts import RealMail
from worlds import Apart, dead_letter_reasons

from workers.store import tables
from workers.usecases.operation import status

if TYPE_CHECKING:
    from playwright.sync_api import Page

ALL = os.environ.get("ORDERS") == "all"
SLICE_FROM, SLICE = "2017-11-20", 120
BROWSED = 40 if ALL else 4


class WithBrowser(Apart):
    """Roles apart, where the first answers are given in a browser, by the link in the mail that arrived."""

    page: "Page"
    mail: RealMail
    browsed = 0

    def answer(self, request: str, words: Words) -> None:
        """Open the mail's button for the score, write the comment and send; later answers are posted without."""
        if self.browsed >= BROWSED or words.wants_contact or self.is_answered(request):
            super().answer(request, words)
            return
        self.page.set_content(self.question(request))
        self.page.locator(f'a[href$="score={words.score}"]').first.click()
        assert self.page.locator("input[name=score]:checked").input_value() == str(words.score)
        if words.comment:
            self.page.locator("textarea[name=comment]").fill(words.comment)
        self.page.locator("button[type=submit]").first.click()
        self.page.wait_for_url("**/a/**")
        self.browsed += 1

    def question(self, request: str) -> str:
        """Return the HTML of the mail that asked, once it has arrived."""
        address, token = self.address_of(request), self.parts.links.sign("answer", request)
        contents: list[str] = []

        def arrived() -> bool:
            bodies = [mail.get_body(("html",)) for mail in self.mail.mails(address)]
            contents.extend(body.get_content() for body in bodies if body is not None and token in body.get_content())
            return bool(contents)

        self.wait(arrived, f"the mail to {address}")
        return contents[0]

    def is_answered(self, request: str) -> bool:
        """Tell whether this is a change of mind."""
        return bool(self.scalar(sa.select(sa.func.count()).where(tables.response.c.request == request)))

    def address_of(self, request: str) -> str:
        """Return where the question went."""
        query = sa.select(tables.customer.c.email).join(
            tables.survey_request, tables.survey_request.c.customer == tables.customer.c.id
        )
        return str(self.scalar(query.where(tables.survey_request.c.id == request)))

    def scalar(self, query: sa.Select[Any]) -> Any:
        """Return the one value that a query asks for."""
        with self.store.reading() as connection:
            return connection.execute(query).scalar_one()


@pytest.mark.timeout(0 if ALL else 300)
@pytest.mark.skipif(not FILE.is_file(), reason="the shared orders are not on this machine")
def test_real_orders_close_the_loop(
    kafka: str, postgres: str, topic_prefix: str, real_smtp: RealMail, page: "Page", tmp_path: Path
) -> None:
    """Every order is planned, asked about, answered, routed and acted on; every mail arrives once; the books add up."""
    began = time.monotonic()
    with WithBrowser(tmp_path / "home", kafka, postgres, real_smtp.url, topic_prefix) as world:
        world.page, world.mail = page, real_smtp
        codec = world.parts.files.codec
        story = story_of_orders(codec) if ALL else story_of_orders(codec, after=SLICE_FROM, count=SLICE)
        play(story, world)
        with world.store.reading() as connection:
            books = status.read_books(connection)
        print(figures(world, len(story.messages), time.monotonic() - began))
        assert [line for line in books.sums() if not line["ok"]] == []
        assert dead_letter_reasons(world) == {}
        assert counted(world, tables.inbox) == len(story.messages) + outside(world)
        assert world.browsed == BROWSED
        assert counted(world, tables.response) > len(story.messages) / 20
        assert counted(world, tables.decision, tables.decision.c.outcome == "parked") == 0
        assert states(world, tables.ticket)["done"] > 0
        arrived_once(world, real_smtp)


def arrived_once(world: Apart, mail: RealMail) -> None:
    """Hold the mail server's box against the books: each mail that was accepted is there, and none twice."""
    table = tables.dispatch
    query = sa.select(table.c.message_id).where(table.c.kind == "mail", table.c.state == "accepted")
    with world.store.reading() as connection:
        sent = Counter(connection.execute(query).scalars())
    world.wait(lambda: not set(sent) - set(mail.message_ids()), "the mails to arrive")
    arrivals = mail.message_ids()
    assert {message_id: arrivals[message_id] for message_id in sent} == dict.fromkeys(sent, 1)


def counted(world: Apart, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    """Return how many rows meet the conditions."""
    with world.store.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one())


def outside(world: Apart) -> int:
    """Return how many accepted events did not come from the shop: calls and helpdesk updates."""
    return counted(world, tables.inbox, tables.inbox.c.source != "shop")


def states(world: Apart, table: sa.Table) -> dict[str, int]:
    """Return how many rows are in each state."""
    query = sa.select(table.c.state, sa.func.count()).group_by(table.c.state).order_by(table.c.state)
    with world.store.reading() as connection:
        return {str(state): int(count) for state, count in connection.execute(query)}


def figures(world: WithBrowser, events: int, seconds: float) -> str:
    """Return what came of the orders, one line a table."""
    named: list[tuple[str, Callable[[], object]]] = [
        ("events from the shop", lambda: events),
        ("events from elsewhere", lambda: outside(world)),
        ("touchpoints", lambda: states(world, tables.touchpoint)),
        ("survey requests", lambda: states(world, tables.survey_request)),
        ("responses", lambda: counted(world, tables.response)),
        ("of them in a browser", lambda: world.browsed),
        ("actions", lambda: states(world, tables.action)),
        ("tickets", lambda: states(world, tables.ticket)),
        ("dispatches", lambda: states(world, tables.dispatch)),
        ("seconds", lambda: round(seconds)),
    ]
    return "\n".join(f"{name:24}{tell()}" for name, tell in named)
