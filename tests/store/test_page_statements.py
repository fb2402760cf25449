"""What status, metrics, the queue and `explain event` read does not grow: no big table from end to end.

Each is run on an empty database, and every statement it sends is explained by the database.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import parts
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.attributes import Attribute, AttributeKind
from workers.domain.reporting import Dimension, Filters
from workers.domain.sending_state import SendingState
from workers.store.counts import running_counts
from workers.store.customer import stories
from workers.store.engine import Store
from workers.store.report import accounts, announced, cells, drivers, fates, figures, followed_cells, funnel
from workers.store.rules import past
from workers.store.survey import queue
from workers.usecases.operation import status
from workers.usecases.report.groups import groups
from workers.usecases.report.nps_by_dimension import month_starts

BIG = frozenset(
    {"action", "click", "customer", "decision", "dispatch", "history", "inbox", "journey", "response", "stop",
     "survey_request", "touchpoint"}
)  # fmt: skip
"""Tables that grow with the customers."""
NO_READING = frozenset({"Bitmap Heap Scan", "ModifyTable"})
"""Nodes that name a table and take from another node which rows: that one says how they are found."""
NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
SOME = Filters(since=NOW - timedelta(days=30), until=NOW, segment="retail")
PLAN = Dimension("plan", Attribute("plan", AttributeKind.TEXT, ("free", "pro"), personal=False))
DAYS = [NOW + timedelta(days=n) for n in range(4)]


def fold(connection: Connection) -> None:
    """Add changes up, as the sender does each minute."""
    running_counts.fold(connection)


READS: dict[str, Callable[[Connection], object]] = {
    "status": lambda connection: status.status(connection, NOW, sending=SendingState()),
    "what is due": lambda connection: status.due_work(connection, NOW),
    "the queue's days": lambda connection: list(queue.per_day(connection, DAYS)),
    "what is held": queue.held,
    "what was left out": lambda connection: queue.left_out(connection, NOW),
    "what somebody waits for": queue.steps,
    "the inbox by an event's id": lambda connection: stories.in_inbox(connection, "order-1042"),
    "the inbox by source and id": lambda connection: stories.in_inbox(connection, "shop/order-1042"),
    "a response by another tool's id": lambda connection: stories.owner_of_response(connection, "tool-7"),
    "one account": lambda connection: accounts.people(connection, "acme"),
    "a sample of answers": lambda connection: past.sampled_decisions(connection, 1_000),
    "the report's first and last month": lambda connection: month_starts(connection, Filters(), "UTC"),
    "folding of counts": fold,
}


REPORT_READS: dict[str, Callable[[Connection], object]] = {
    "the funnel": lambda connection: funnel.count_asked(connection, Filters()),
    "the funnel of some": lambda connection: funnel.count_asked(connection, SOME),
    **{
        f"questions that were {fate}": partial(funnel.list_asked, filters=SOME, fate=fate, page=funnel.Page(1, 40))
        for fate in fates.Fate
    },
    "what was not asked": lambda connection: funnel.count_not_asked(connection, SOME),
    "cells": lambda connection: cells.cube(connection, SOME, []),
    "what followed answers": lambda connection: followed_cells.read_followed(connection, replace(SOME, segment="")),
    "detractors": lambda connection: figures.cases(connection, SOME),
    "the answers of a step": lambda connection: figures.list_cases(connection, SOME),
    "those who were told": lambda connection: announced.count_told(connection, SOME),
    "drivers": lambda connection: drivers.count_drivers(connection, SOME),
    "movements": lambda connection: figures.moved(connection, SOME),
    "themes": lambda connection: figures.themes(connection, SOME),
    "groups": lambda connection: groups(connection, replace(SOME, by=(Dimension("touchpoint"), PLAN))),
    "accounts": lambda connection: accounts.coverage(connection, SOME),
    "the largest accounts": lambda connection: accounts.largest(connection, SOME, "max"),
    "silent accounts": lambda connection: accounts.silent(connection, NOW, NOW - timedelta(days=90), owner="max"),
    "voices": lambda connection: figures.testimonials(connection, SOME),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give a migrated database of each kind, with one event of one source in it."""
    with parts.migrated(request, tmp_path_factory.mktemp("pages")) as made:
        with made.engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO inbox (source, event_id, type, digest, door, occurred_at, received_at) "
                "VALUES ('shop', 'a', 't', 'd', 'http', '2026-03-03T09:00:00.000000Z', '2026-03-03T09:00:00.000000Z')"
            )
        yield made


def sent_by(store: Store, read: Callable[[Connection], object]) -> list[tuple[str, Any]]:
    """Return the statements that a read sends, with their parameters."""
    sent: list[tuple[str, Any]] = []

    def keep(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        sent.append((statement, parameters))

    with store.engine.connect() as connection, connection.begin() as transaction:
        sa.event.listen(connection, "before_cursor_execute", keep)
        read(connection)
        sa.event.remove(connection, "before_cursor_execute", keep)
        transaction.rollback()
    return [query for query in sent if query[0].lstrip().upper().startswith(("SELECT", "WITH", "UPDATE", "DELETE"))]


def scans_on_sqlite(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    """Give the lines of a plan that read a big table, or a whole index of it, from end to end."""
    partial = {
        str(name)
        for (name,) in connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'"
        )
    }
    for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters):
        words = str(row[-1]).split()
        if words[0] == "SCAN" and words[1] in BIG and words[-1] not in partial:
            yield str(row[-1])


def scans_on_postgresql(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    """Give the nodes of a plan that read a big table, or a whole index of it, from end to end."""
    partial = {
        str(name)
        for (name,) in connection.exec_driver_sql("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%% WHERE %%'")
    }
    connection.exec_driver_sql("SET enable_seqscan = off")  # the tables are empty: is there an index at all?
    plan = connection.exec_driver_sql("EXPLAIN (FORMAT JSON) " + statement, parameters).scalar_one()
    waiting = [(plan[0]["Plan"], False)]
    while waiting:
        node, limited = waiting.pop()
        limited = limited or node["Node Type"] == "Limit"
        waiting += [(child, limited) for child in node.get("Plans", ())]
        ends = "Index Cond" in node or node.get("Index Name") in partial or (limited and "Index Name" in node)
        if node.get("Relation Name") in BIG and node["Node Type"] not in NO_READING and not ends:
            yield f"{node['Node Type']} of {node['Relation Name']} by {node.get('Index Name')}"


@pytest.mark.parametrize("name", sorted(READS))
def test_a_read_of_the_pages_goes_by_an_index(store: Store, name: str) -> None:
    """No big table is read from its beginning to its end when somebody looks."""
    sent = sent_by(store, READS[name])
    assert sent or (store.sqlite and name == "folding of counts")  # which there has nothing to fold
    scans = scans_on_sqlite if store.sqlite else scans_on_postgresql
    with store.engine.connect() as connection:
        scans_of = {statement: list(scans(connection, statement, parameters)) for statement, parameters in sent}
    assert {statement: lines for statement, lines in scans_of.items() if lines} == {}


def asked_row_by_row(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Return the parts of PostgreSQL's plan that are asked again for every row, or answered from one large hash."""
    plan = connection.exec_driver_sql("EXPLAIN (FORMAT JSON) " + statement, parameters).scalar_one()
    waiting, subplans = [plan[0]["Plan"]], []
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", ())
        if node.get("Parent Relationship") == "SubPlan":
            subplans.append(f"{node['Node Type']} of {node.get('Relation Name')}")
    return subplans


@pytest.mark.parametrize("name", sorted(REPORT_READS))
def test_a_read_of_the_report_joins_what_it_needs(store: Store, name: str) -> None:
    """The report asks nothing of each row apart: beyond `work_mem` such a part reads its table once for every row."""
    sent = sent_by(store, REPORT_READS[name])
    assert sent
    if store.sqlite:
        return
    with store.engine.connect() as connection:
        assert {statement: asked_row_by_row(connection, statement, parameters) for statement, parameters in sent} == {
            statement: [] for statement, _ in sent
        }


def test_the_net_catches_what_is_asked_of_each_row(store: Store) -> None:
    """A condition that counts by a list of another table's rows is found, so that the test above can fail."""
    if store.sqlite:
        return
    statement = "SELECT sum(CASE WHEN id IN (SELECT request FROM click) THEN 1 ELSE 0 END) FROM survey_request"
    with store.engine.connect() as connection:
        assert asked_row_by_row(connection, statement, ()) != []


def test_the_net_catches_a_full_count(store: Store) -> None:
    """A count over a whole table is found, so that the test above can fail."""
    statement = "SELECT state, count(*) FROM touchpoint GROUP BY state"
    scans = scans_on_sqlite if store.sqlite else scans_on_postgresql
    with store.engine.connect() as connection:
        assert list(scans(connection, statement, ()))
