"""Retention: old rows go in small transactions, and nothing that is counted changes."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, journey

from workers.domain.records import SurveyRequest
from workers.domain.types import Ingress
from workers.store import tables
from workers.store.ledger import Incoming
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.delivery.send_controls import Sending, sending_now
from workers.usecases.operation import status
from workers.usecases.privacy.retention import KEEPS, Retention

UNLIMITED = Sending(blocked="", held="", per_day=0, per_second=0, only_to=frozenset(), redirect="")


@pytest.fixture
def boucle(tmp_path: Path) -> Embedded:
    """Give an installation with 40 customers asked, a click and a dead letter, then a quiet time."""
    made = Embedded(tmp_path, mail_per_day="0")
    for n in range(40):
        made.take(journey("delivery", str(n), reference=f"{n}"))
    made.parts.intake.take([Incoming(b"no event", {})], Ingress.HTTP)
    made.settle()
    made.parts.customer_actions.click(made.rows(SurveyRequest)[0].id, 3, "GET")
    return made


def sizes(boucle: Embedded) -> dict[str, int]:
    """Return how many rows each table with a retention has."""
    with boucle.store.reading() as connection:
        return {
            keep.name: int(
                connection.execute(
                    sa.select(sa.func.count()).select_from(tables.metadata.tables[keep.name])
                ).scalar_one()
            )
            for keep in KEEPS
        }


def counted(boucle: Embedded) -> dict[str, object]:
    """Return what `boucle status` and `boucle books` say of events, and every sum."""
    with boucle.store.reading() as connection:
        state = status.status(connection, boucle.clock.at, sending=sending_now(connection, UNLIMITED))
        books = status.read_books(connection)
    assert [check for check in books.sums() if not check["ok"]] == []
    events = state["events"]
    assert isinstance(events, dict)
    return {"accepted": events["accepted"], "digest": books.digest(), "received": books.tallies["received.events"]}


def test_nothing_young_goes(boucle: Embedded) -> None:
    """Within its time no row goes, and a second run finds nothing more."""
    before = sizes(boucle)
    boucle.clock.at += timedelta(days=29)
    assert {removal.rows for removal in Retention(boucle.store, boucle.clock.now).run("ana")} == {0}
    assert sizes(boucle) == before


def test_each_table_loses_what_is_older_than_it_keeps(boucle: Embedded) -> None:
    """After 31 days inbox, dead letters and mail bodies are gone; clicks after 91, history after two years."""
    boucle.clock.at += timedelta(days=31)
    Retention(boucle.store, boucle.clock.now).run("ana")
    after = sizes(boucle)
    assert (after["inbox"], after["dead_letter"], after["dispatch_body"], after["click"]) == (0, 0, 0, 1)
    boucle.clock.at += timedelta(days=60)
    Retention(boucle.store, boucle.clock.now).run("ana")
    assert sizes(boucle)["click"] == 0
    boucle.clock.at += timedelta(days=730)
    Retention(boucle.store, boucle.clock.now).run("ana")
    assert set(sizes(boucle).values()) == {0}


def test_no_count_changes(boucle: Embedded) -> None:
    """Events stay accepted after the inbox forgot them, the books hold, and their digest is the same."""
    boucle.clock.at += timedelta(days=20)
    boucle.take(journey("delivery", "young", boucle.clock.at, reference="young"))
    boucle.clock.at += timedelta(days=20)
    before = counted(boucle)
    removed = Retention(boucle.store, boucle.clock.now, chunk=7).run("ana")
    assert {removal.keep.name: removal.rows for removal in removed}["inbox"] == 40
    assert counted(boucle) == before
    assert before["accepted"] == 41


def test_a_replay_after_the_inbox_forgot_changes_nothing(boucle: Embedded) -> None:
    """Natural keys are the long memory: the same event once more plans and asks nothing."""
    boucle.later(days=31)
    before = counted(boucle)
    Retention(boucle.store, boucle.clock.now).run("ana")
    boucle.take(journey("delivery", "7", reference="7"))
    boucle.settle()
    assert counted(boucle)["digest"] == before["digest"]


def test_a_dry_run_says_what_would_go_and_deletes_nothing(boucle: Embedded) -> None:
    """The plan has the numbers of the run that follows it."""
    boucle.clock.at += timedelta(days=31)
    before = sizes(boucle)
    planned = Retention(boucle.store, boucle.clock.now).plan()
    assert sizes(boucle) == before
    assert Retention(boucle.store, boucle.clock.now).run("ana") == planned
    assert sum(removal.rows for removal in planned) > 80


def test_rows_go_in_small_transactions(boucle: Embedded) -> None:
    """No transaction deletes more than a chunk, so that nobody waits for long."""
    boucle.clock.at += timedelta(days=31)
    deleted: list[int] = []

    def after(_connection: object, cursor: sqlite3.Cursor, statement: str, *_more: object) -> None:
        if statement.startswith("DELETE FROM inbox"):
            deleted.append(cursor.rowcount)

    sa.event.listen(boucle.store.engine, "after_cursor_execute", after)
    Retention(boucle.store, boucle.clock.now, chunk=15).run("ana")
    sa.event.remove(boucle.store.engine, "after_cursor_execute", after)
    assert deleted == [15, 15, 10, 0]


def test_counts_of_old_batches_are_folded(boucle: Embedded) -> None:
    """The ledger of batches does not grow for ever: old ones become one row for each door."""
    boucle.clock.at += timedelta(days=31)
    Retention(boucle.store, boucle.clock.now).run("ana")
    with boucle.store.reading() as connection:
        r = tables.received.c
        counts = connection.execute(sa.select(r.door, r.at, r.events, r.accepted, r.dead_letters)).all()
    assert [tuple(row) for row in counts] == [("http", START, 41, 40, 1)]


def test_a_run_leaves_one_audit_row(boucle: Embedded) -> None:
    """The audit log says who let how many rows of which table go."""
    boucle.clock.at += timedelta(days=31)
    Retention(boucle.store, boucle.clock.now).plan()
    Retention(boucle.store, boucle.clock.now).run("ana")
    with boucle.store.reading() as connection:
        (act,) = list_acts(connection)
    assert (act["by"], act["act"], act["detail"]["inbox"]) == ("ana", "retention", 40)


def test_what_is_still_to_be_sent_keeps_its_body(tmp_path: Path) -> None:
    """A mail that has not reached its end keeps its bytes, however old it is."""
    boucle = Embedded(tmp_path)
    boucle.take(journey("delivery", reference="1"))
    boucle.settle()
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.update(tables.dispatch).values(state="ready"))
    boucle.clock.at += timedelta(days=99)
    Retention(boucle.store, boucle.clock.now).run("ana")
    assert sizes(boucle)["dispatch_body"] == 1


def test_retention_works_on_postgresql(tmp_path: Path, postgres: str) -> None:
    """The same deletes run on PostgreSQL, tables with two-column keys included."""
    boucle = Embedded(tmp_path, database_url=postgres)
    boucle.take(journey("delivery", reference="1"))
    boucle.settle()
    boucle.clock.at += timedelta(days=1000)
    removed = Retention(boucle.store, boucle.clock.now, chunk=1).run("ana")
    assert {removal.keep.name: removal.rows for removal in removed}["inbox"] == 1
    assert sizes(boucle)["dispatch_body"] == 0
    boucle.close()
