"""The one write path, as a contract that holds on both databases, and where PostgreSQL's tables are divided: what is
written, in which order, and what is not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dividing import divide
from parts import empty_database
from sqlalchemy.exc import IntegrityError
from ticketparts import shipped

from workers.domain.changeset import Cancellation, ChangeSet
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.records import Action, Customer, Dispatch, History, Journey, Row, Suppression, Touchpoint
from workers.domain.types import ActionState, CustomerId, DispatchState, Ids, MailClass, Reason, TouchpointState
from workers.store import bulk, read, tables
from workers.store.apply import apply, next_number, publish
from workers.store.engine import Store
from workers.store.round_trips import run_straight
from workers.store.tables.placement import PLACED
from workers.structs import replace
from workers.usecases.operation.migrate import migrate

NOW = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
IDS = Ids(b"test")


@pytest.fixture(scope="module")
def divided(postgres_server: str) -> Iterator[str]:
    """Give the address of a database in sixteen hash partitions."""
    with empty_database(postgres_server) as url:
        divide(url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "partitions"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Give a migrated store on each engine, and one whose tables are divided, without a row in them."""
    if request.param == "sqlite":
        made = Store(f"sqlite:///{tmp_path / 'a.db'}")
    else:
        made = Store(request.getfixturevalue({"postgresql": "postgres", "partitions": "divided"}[request.param]))
    migrate(made)
    yield made
    if request.param == "partitions":
        made.write(empty)
    made.close()


def empty(connection: sa.Connection) -> None:
    """Take the rows of a test out of the database that the next one has as well."""
    for table in (*PLACED, tables.outbox):
        connection.execute(sa.delete(table))


def key(*name: str) -> str:
    """Return an id of ours."""
    return IDS.derive(None, *name)


def customer(name: str = "42") -> Customer:
    """Return a customer."""
    return Customer(
        CustomerId(key("customer", name)), name, NOW, email=f"{name}@example.org", changed_at={"email": "x"}
    )


def dispatch(name: str, **values: Any) -> Dispatch:
    """Return a survey mail of customer 42."""
    made = Dispatch(
        id=key("dispatch", name),
        customer=customer().id,
        kind="mail",
        mail_class=MailClass.SURVEY,
        template="ask-delivery",
        language="fr",
        facts={"label": "lamp", "n": 1, "nested": {"é": [1, None]}},
        request=key("request"),
        response=None,
        action=None,
        ticket=None,
        state=DispatchState.READY,
        not_before=NOW,
        created_at=NOW,
    )
    return replace(made, **values)


def touchpoint(step: str) -> Touchpoint:
    """Return a planned touchpoint of customer 42."""
    return Touchpoint(
        journey=key("journey"),
        step=step,
        customer=customer().id,
        trigger="delivery",
        reference="1042",
        rule="R1",
        plan_version="v",
        template="ask-delivery",
        anchor_at=NOW,
        due_at=NOW,
        wake_at=NOW,
        give_up_at=NOW + timedelta(days=7),
        if_resting="drop",
        reminder="",
        state=TouchpointState.PLANNED,
        reason="",
        detail="",
        changed_at=NOW,
        planned_at=NOW,
    )


def action(name: str) -> Action:
    """Return a planned action of customer 42."""
    return Action(
        id=key("action", name),
        response=key("response"),
        decision=1,
        customer=customer().id,
        name=name,
        template="",
        wait="PT0S",
        play="",
        due_at=NOW,
        latest_at=None,
        state=ActionState.PLANNED,
        reason="",
        detail="",
        changed_at=NOW,
        version="v",
    )


def write(store: Store, *rows: Row, **more: Any) -> None:
    """Write added rows."""
    changes = ChangeSet()
    for row in rows:
        changes.add(row)
    commit(store, changes)


def commit(store: Store, changes: ChangeSet) -> None:
    """Apply changes in one transaction."""
    store.write(lambda connection: apply(connection, changes, NOW))


def stored(store: Store, kind: type[Any]) -> list[Any]:
    """Return every row of a table by key."""
    with store.reading() as connection:
        return sorted(read.rows(connection, kind), key=lambda row: str(row.key()))


def statements(store: Store, changes: ChangeSet) -> list[tuple[str, str, list[Any]]]:
    """Apply changes and return (verb, table, parameters) of each statement that wrote, in order."""
    seen: list[tuple[str, str, list[Any]]] = []

    def watch(_connection: Any, clause: Any, multiparams: Any, _params: Any, _options: Any) -> None:
        if isinstance(clause, sa.Insert | sa.Update | sa.Delete):
            kind = type(clause).__name__.lower()
            table = clause.table
            assert isinstance(table, sa.Table)
            seen.append((kind, table.name, list(multiparams)))

    def watched(verb: str, write: Any) -> Any:
        def many(connection: Any, kind: type[Row], rows: list[Row], *columns: Any) -> None:
            names = tables.of(kind).primary_key.columns.keys()
            seen.append((verb, kind.TABLE, [{name: getattr(row, name) for name in names} for row in rows]))
            write(connection, kind, rows, *columns)

        return many

    def published(connection: Any, publications: Any) -> None:
        if publications:
            seen.append(("insert", "outbox", list(publications)))
        publish(connection, publications)

    def straight(connection: Any, statement: sa.Update, values: Any) -> None:
        if store.sqlite:  # straight by the driver, where nobody listens
            watch(connection, statement, [values], None, None)
        run_straight(connection, statement, values)

    sa.event.listen(store.engine, "before_execute", watch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "insert_many", watched("insert", bulk.insert_many))
        patch.setattr(bulk, "update_many", watched("update", bulk.update_many))
        patch.setattr(bulk, "keep_many", watched("insert", bulk.keep_many))
        patch.setattr("workers.store.apply.publish", published)
        patch.setattr("workers.store.apply.run_straight", straight)
        commit(store, changes)
    sa.event.remove(store.engine, "before_execute", watch)
    return seen


def test_rows_come_back_as_they_were(store: Store) -> None:
    """Every kind of value survives: instants, documents, words of enumerations, nothing, signs of any script."""
    rows = [customer("été 42 漢"), dispatch("a"), touchpoint("delivery-now"), action("thank_you")]
    write(store, *rows)
    for row in rows:
        assert stored(store, type(row)) == [row]


def test_tables_are_written_in_one_order_and_rows_sorted_by_key(store: Store) -> None:
    """However the core adds rows, every writer takes tables and keys in the same order: so they cannot deadlock."""
    changes = ChangeSet()
    for row in (dispatch("b"), action("thank_you"), dispatch("a"), touchpoint("z"), touchpoint("a"), customer()):
        changes.add(row)
    changes.publish("boucle.responses", "42", b"{}")
    changes.cancel(Cancellation(customer().id, "customer", customer().id, Reason.OPTED_OUT))
    seen = statements(store, changes)
    assert [(verb, table) for verb, table, _ in seen] == [
        ("insert", "customer"),
        ("insert", "touchpoint"),
        ("insert", "action"),
        ("insert", "dispatch"),
        ("update", "dispatch"),
        ("insert", "outbox"),
    ]
    order = [kind.TABLE for kind in tables.WRITE_ORDER]
    assert set(order) <= set(tables.metadata.tables)
    assert len(order) == len(set(order))
    for _, table, rows in seen[:4]:
        names = tables.metadata.tables[table].primary_key.columns.keys()
        keys = [str(tuple(row[name] for name in names)) for row in rows]
        assert keys == sorted(keys), table


def test_a_whole_batch_is_one_statement_for_each_table(store: Store) -> None:
    """A thousand rows of a table are one statement with a thousand parameters, not a thousand statements."""
    changes = ChangeSet()
    for n in range(1000):
        changes.add(dispatch(f"{n:04}"))
    seen = statements(store, changes)
    assert [(verb, table, len(rows)) for verb, table, rows in seen] == [("insert", "dispatch", 1000)]
    assert len(stored(store, Dispatch)) == 1000


def test_a_changed_row_replaces_every_column_but_its_key(store: Store) -> None:
    """The new state of a row is stored whole; its neighbours stay as they are."""
    first, other = touchpoint("delivery-now"), touchpoint("delivery-6w")
    write(store, first, other)
    later = replace(first, state=TouchpointState.SKIPPED, reason=Reason.TOO_LATE, wake_at=NOW + timedelta(days=9))
    changes = ChangeSet()
    changes.change(later)
    commit(store, changes)
    assert {touchpoint.step: touchpoint for touchpoint in stored(store, Touchpoint)} == {
        "delivery-now": later,
        "delivery-6w": other,
    }


@pytest.mark.parametrize("text", ["", "NULL", 'a "b"', "a\\b", "{a,b}", "line\nline\t", "'", "漢 é", "\\x41", "\\N"])
def test_any_value_survives_a_change(store: Store, text: str) -> None:
    """What a changed row holds is stored as it is: texts of any signs, documents, instants, truth, nothing."""
    first = customer()
    write(store, first)
    later = replace(
        first,
        name=text,
        email=None,
        opted_out_at=NOW + timedelta(microseconds=1),
        may_promote=True,
        attributes={"a": text, "n": 1.5, "b": False},
    )
    changes = ChangeSet()
    changes.change(later)
    commit(store, changes)
    assert stored(store, Customer) == [later]


def test_only_what_differs_from_the_stored_row_is_written(store: Store) -> None:
    """Of a row whose stored state is known, the columns that stay the same are left as they are."""
    first, other = touchpoint("delivery-now"), touchpoint("delivery-6w")
    write(store, first, other)
    work = UnitOfWork(shipped(), NOW)
    case = CustomerCase(customer(), work, [first, other])
    case.change(replace(first, state=TouchpointState.SKIPPED, reason=Reason.TOO_LATE))
    case.change(replace(other, state=TouchpointState.ASKED))
    with store.engine.begin() as connection:
        connection.execute(sa.update(tables.touchpoint).values(detail="written meanwhile"))
    commit(store, work.hand_over())
    assert {(row.step, row.state, row.reason, row.detail) for row in stored(store, Touchpoint)} == {
        ("delivery-now", TouchpointState.SKIPPED, Reason.TOO_LATE, "written meanwhile"),
        ("delivery-6w", TouchpointState.ASKED, "", "written meanwhile"),
    }


def test_a_row_added_and_changed_in_one_piece_of_work_is_written_once(store: Store) -> None:
    """Changes keep the newest state of a row, and add it once."""
    changes = ChangeSet()
    changes.add(touchpoint("delivery-now"))
    changes.change(replace(touchpoint("delivery-now"), state=TouchpointState.ASKED))
    assert [verb for verb, _, _ in statements(store, changes)] == ["insert"]
    assert stored(store, Touchpoint)[0].state == TouchpointState.ASKED


def test_the_same_work_twice_fails_instead_of_doubling(store: Store) -> None:
    """A key that is there is a collision; nothing of the second piece of work is stored."""
    write(store, action("thank_you"))
    changes = ChangeSet()
    changes.add(action("thank_you"))
    changes.publish("boucle.tickets", "42", b"{}")
    with pytest.raises(IntegrityError), store.engine.begin() as connection:
        apply(connection, changes, NOW)
    with store.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.outbox)).scalar() == 0


def test_one_address_of_two_customers_is_suppressed_once(store: Store) -> None:
    """A second suppression of the same address is no collision; the first one's instant and detail stay."""
    first = Suppression("hash", "opt_out", NOW, "customer")
    write(store, first)
    write(store, Suppression("hash", "opt_out", NOW + timedelta(days=1), "crm"))
    assert stored(store, Suppression) == [first]


def test_the_same_line_of_history_is_kept_once(store: Store) -> None:
    """A line of history that is told again changes nothing."""
    line = History(customer().id, key("line"), NOW, "action", "a", "cancelled", Reason.SUPERSEDED, "")
    write(store, line)
    write(store, line)
    assert stored(store, History) == [line]


def test_what_cannot_be_two_is_not(store: Store) -> None:
    """A second journey of one customer, trigger and reference is refused by the database itself."""
    journey = Journey(key("j1"), customer().id, "delivery", "1042", "", {}, NOW, "e", "open", "v")
    write(store, journey)
    changes = ChangeSet()
    changes.add(replace(journey, id=key("j2")))
    with pytest.raises(IntegrityError), store.engine.begin() as connection:
        apply(connection, changes, NOW)


@pytest.mark.parametrize(
    ("state", "goes"),
    [
        (DispatchState.READY, True),
        (DispatchState.LEASED, True),
        (DispatchState.SENDING, False),
        (DispatchState.ACCEPTED, False),
        (DispatchState.FAILED, False),
        (DispatchState.BOUNCED, False),
    ],
)
def test_only_what_has_not_left_is_cancelled(store: Store, state: DispatchState, goes: bool) -> None:
    """A cancellation takes ready and leased mails, with reason and moment, and frees the lease; no other."""
    before = dispatch("a", state=state, lease_until=NOW if state == DispatchState.LEASED else None)
    write(store, before)
    changes = ChangeSet()
    changes.cancel(Cancellation(customer().id, "customer", customer().id, Reason.OPTED_OUT))
    commit(store, changes)
    (after,) = stored(store, Dispatch)
    gone = replace(before, state=DispatchState.CANCELLED, reason="opted_out", changed_at=NOW, lease_until=None)
    assert after == (gone if goes else before)


def test_a_cancellation_takes_what_it_names(store: Store) -> None:
    """By request and class it takes the question and its reminder, not the thanks that followed from the answer."""
    rows = {
        "question": dispatch("question"),
        "thanks": dispatch("thanks", action=key("action"), response=key("response")),
        "service": dispatch("service", mail_class=MailClass.SERVICE),
        "other": dispatch("other", request=key("another")),
    }
    write(store, *rows.values())
    changes = ChangeSet()
    changes.cancel(Cancellation(customer().id, "request", key("request"), Reason.ANSWERED, MailClass.SURVEY))
    commit(store, changes)
    names = {row.id: name for name, row in rows.items()}
    states = {names[dispatch.id]: str(dispatch.state) for dispatch in stored(store, Dispatch)}
    assert states == {"question": "cancelled", "thanks": "ready", "service": "ready", "other": "ready"}


def test_rows_written_with_a_cancellation_are_cancelled_too(store: Store) -> None:
    """Cancellations come after rows: a mail added by the same piece of work does not slip through."""
    changes = ChangeSet()
    changes.cancel(Cancellation(customer().id, "customer", customer().id, Reason.ERASED))
    changes.add(dispatch("a"))
    commit(store, changes)
    assert stored(store, Dispatch)[0].state == DispatchState.CANCELLED


def test_messages_leave_in_the_order_in_which_they_were_published(store: Store) -> None:
    """The outbox keeps the order of calls, within one piece of work and from one to the next."""
    for part in ("first", "second"):
        changes = ChangeSet()
        for n in range(25):
            changes.publish("boucle.tickets", "42", f"{part} {n:02}".encode())
        commit(store, changes)
    with store.reading() as connection:
        values = connection.execute(sa.select(tables.outbox.c.value).order_by(tables.outbox.c.id)).scalars()
        texts = [bytes(value).decode() for value in values]
    assert texts == sorted(texts)
    assert len(texts) == 50


def test_no_number_is_handed_out_twice(store: Store) -> None:
    """What failed work had taken is given out again on SQLite and left out on PostgreSQL, where nobody waits."""
    assert store.write(lambda connection: next_number(connection, "ticket")) == 1

    class Broken(Exception):
        """What goes wrong after the number was taken."""

    def fails(connection: sa.Connection) -> None:
        assert next_number(connection, "ticket") == 2
        raise Broken

    with pytest.raises(Broken):
        store.write(fails)
    assert store.write(lambda connection: next_number(connection, "ticket")) == (2 if store.sqlite else 3)
