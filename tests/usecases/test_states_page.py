"""docs/states.md against what really happens: every transition and reason of a lively month stands on the page."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from counted import START, House, event, live_through
from returnedmails import PATH, dsn

from workers.domain.records import Dispatch, Ticket
from workers.domain.ticket import Ending, claim, done, reopen, resume, wait
from workers.domain.types import DispatchState, TicketState
from workers.store import read, tables
from workers.usecases.bounces.intake import BounceIntake
from workers.usecases.dead_letters import DeadLetters
from workers.usecases.privacy.person import Privacy
from workers.usecases.ticket_actions import TicketAct

PAGE = Path(__file__).parents[2] / "docs" / "states.md"
WITH_STATES = {table for table in tables.metadata.sorted_tables if "state" in table.c} - {
    tables.journey,
    tables.history,
    tables.running_count,
    tables.count_change,
}
"""A journey waits for nothing; history and the running counts repeat the states of other rows."""
Seen = tuple[str, str, str, str]


def watch(house: House) -> None:
    """Let the database write down every new state and reason."""
    with house.parts.store.engine.begin() as connection:
        connection.execute(sa.text('CREATE TABLE seen ("table" TEXT, before TEXT, after TEXT, reason TEXT)'))
        for table in WITH_STATES:
            reason = "NEW.reason" if "reason" in table.c and table is not tables.dead_letter else "''"
            changed = "OLD.state <> NEW.state" + (" OR OLD.reason <> NEW.reason" if reason != "''" else "")
            for name, when, old in (("insert", "", "'(new)'"), ("update", f"WHEN {changed}", "OLD.state")):
                connection.execute(
                    sa.text(
                        f"CREATE TRIGGER seen_{table.name}_{name} AFTER {name.upper()} ON {table.name} {when} "
                        f"BEGIN INSERT INTO seen VALUES ('{table.name}', {old}, NEW.state, {reason}); END"
                    )
                )


def go_on(house: House) -> None:
    """Let what the month leaves out happen: bounces, agents' acts, replays, discards, erasure, closing."""
    parts = house.parts
    with parts.store.reading() as connection:
        mail = next(
            dispatch
            for dispatch in read.rows(connection, Dispatch)
            if dispatch.state == DispatchState.ACCEPTED and dispatch.request
        )
        tickets = [ticket.number for ticket in read.rows(connection, Ticket) if ticket.state != TicketState.DONE]
    report = dsn("4.4.7").replace(PATH.encode(), parts.links.return_path(mail.id, "lamps.example").encode())
    BounceIntake(parts.store, parts.policies.current, house.clock.now, parts.links.read_return_path).take(report)
    until = house.clock.at + timedelta(days=1)
    steps: list[TicketAct] = [
        lambda case, ticket: claim(case, ticket, "ana"),
        lambda case, ticket: wait(case, ticket, "ana", until, ""),
        lambda case, ticket: resume(case, ticket),
        lambda case, ticket: done(case, ticket, "ana", Ending("duplicate")),
        lambda case, ticket: reopen(case, ticket, "ana", ""),
    ]
    for step in steps:
        assert parts.ticket_actions.act(tickets[0], step)
    letters = DeadLetters(parts.store, parts.intake.take, house.clock.now)
    letters.discard(letters.list()[0], "a test of theirs")
    parts.testimonials.withdraw(house.response_of("glad"))
    house.take(event("complaint_opened", "silent", house.clock.at))
    house.take(event("delivery", "fresh", house.clock.at, reference="fresh"))
    Privacy(parts.store, parts.policies.current, house.clock.now).erase("caller", "ana")
    house.pass_time(days=20)
    house.take(event("complaint_closed", "silent", START + timedelta(days=20)))
    house.pass_time(days=400)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[Seen]]:
    """Give every (table, from, to, reason) of the month and what follows."""
    with House(tmp_path_factory.mktemp("house")) as house:
        watch(house)
        live_through(house)
        go_on(house)
        with house.parts.store.reading() as connection:
            yield {tuple(row) for row in connection.execute(sa.text("SELECT DISTINCT * FROM seen"))}


def on_page() -> dict[tuple[str, str, str], set[str]]:
    """Return the reasons of each (table, from, to) of the page."""
    transitions: dict[tuple[str, str, str], set[str]] = {}
    table = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            table = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] not in ("from", "---"):
            transitions.setdefault((table, cells[0], cells[1]), set()).update(re.findall(r"`([^`]+)`", cells[3]))
    return transitions


def test_every_transition_that_happens_is_on_the_page(seen: set[Seen]) -> None:
    """No row moves from one state to another in a way that the page does not tell."""
    page = on_page()
    moved = {(table, before, after) for table, before, after, _ in seen if before != after}
    assert moved - set(page) == set()
    assert len(moved) > 40


def test_every_reason_that_is_stored_is_on_the_page(seen: set[Seen]) -> None:
    """The reason that a row keeps with its state stands at that transition."""
    page = on_page()
    untold = {
        (table, before, after, reason.split(":")[0])
        for table, before, after, reason in seen
        if reason and reason.split(":")[0] not in page.get((table, before, after), ())
    }
    assert untold == set()
