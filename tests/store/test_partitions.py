"""Tables in sixteen hash partitions: the same story gives the same books, and hot statements look where they must."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest
import sqlalchemy as sa
from dividing import PARTITIONS, divide
from driver import books_of, play
from embedded import STRUCTURED, journey, score
from make_dump import load_postgresql
from parts import empty_database
from story import Story
from test_hot_statements import MOMENT, STATEMENTS, values_of
from worlds import Embedded, dead_letter_reasons

from workers.domain.invariants import difference
from workers.domain.records import Dispatch, SurveyRequest, Touchpoint
from workers.domain.types import DispatchState, Ingress
from workers.store import read, tables
from workers.store.counts import report_changes, running_counts
from workers.store.engine import Store
from workers.store.ledger import Incoming, Taken
from workers.store.operation import partitioning
from workers.store.operation.keys import build_keys, keys_left
from workers.store.tables.placement import BY_CUSTOMER, BY_LOOKUP, EVERYWHERE, ONE_PLACE, PLACED
from workers.usecases.operation import status
from workers.usecases.operation.migrate import migrate

STORY = Story(seed=11, customers=9, days=110)
EVERY_PARTITION = {
    "a handing over that was cut",
    "a handing over that was cut too often",
    "a lease that ran out",
    "bodies of a release before",
    "mails leased under another customer",
    "open tickets of an account",
    "questions that do not wait for support",
    "questions without an answer",
    "tickets to call",
    "tickets past their first contact",
    "what is ready",
    "whose requests are",
    *(name for name in STATEMENTS if name.startswith("due work")),
}
"""What looks for anybody: work that is due, by the small index of what waits in each partition; and what names nobody,
as the people of one account, and the counts of what support has to call.
All other hot statements look in the partitions of those whom they name."""


@pytest.fixture(scope="module")
def divided(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Give an installation on PostgreSQL whose tables were divided, after the story was played on it."""
    with ExitStack() as stack:
        url = stack.enter_context(empty_database(postgres_server))
        divide(url)
        world = stack.enter_context(Embedded(tmp_path_factory.mktemp("divided") / "home", database_url=url))
        play(STORY, world)
        yield world


def test_a_story_on_sixteen_partitions_gives_the_books_of_one_table(divided: Embedded, tmp_path_factory: Any) -> None:
    """Row for row: planning, asking, answers, tickets, merges, erasures; and every sum holds, running counts too."""
    with Embedded(tmp_path_factory.mktemp("whole") / "home") as whole:
        play(STORY, whole)
        assert "\n".join(difference(books_of(whole.store), books_of(divided.store))) == ""
        assert dead_letter_reasons(whole) == dead_letter_reasons(divided)
    with divided.store.reading() as connection:
        assert [line for line in status.read_books(connection).sums() if not line["ok"]] == []


def test_every_placed_table_is_divided_and_nothing_else(divided: Embedded) -> None:
    """Each of them has sixteen partitions, rows in more than one, and the keys that its description says."""
    query = """SELECT parent.relname, count(*) FROM pg_inherits JOIN pg_class AS parent ON parent.oid = inhparent
               WHERE parent.relkind = 'p' GROUP BY 1"""
    with divided.store.reading() as connection:
        counted = {str(name): int(n) for name, n in connection.execute(sa.text(query))}
        assert counted == {table.name: PARTITIONS for table in PLACED}
        places = connection.execute(sa.text("SELECT count(DISTINCT tableoid) FROM touchpoint")).scalar_one()
        assert places > PARTITIONS / 4
        assert keys_left(connection) == []
    assert migrate(divided.store)


def test_a_database_is_divided_once(divided: Embedded) -> None:
    """The script ends before it changes anything where the tables are divided already."""
    with pytest.raises(psycopg.errors.RaiseException, match="divided already"):
        divide(divided.store.engine.url.render_as_string(hide_password=False))


def test_an_index_of_a_later_release_comes_to_divided_tables(divided: Embedded) -> None:
    """Where PostgreSQL builds no index beside the work, `boucle migrate` builds it at once."""
    with divided.store.engine.begin() as connection:
        connection.execute(sa.text("DROP INDEX dispatch_taken"))
    assert build_keys(divided.store, at_once=0) == ["dispatch_taken"]
    assert build_keys(divided.store) == []


def test_a_database_of_0_1_0_is_divided_with_all_its_rows(postgres: str) -> None:
    """After the migration: every row, the sums and the running counts stay, and whose a kept mail is becomes known."""
    load_postgresql(postgres)
    with closing(Store(postgres)) as store:
        migrate(store)
        before = counts(store)
        divide(postgres)
        assert counts(store) == before
        with store.reading() as connection:
            assert [line for line in status.read_books(connection).sums() if not line["ok"]] == []
            body = tables.dispatch_body.c
            assert connection.execute(sa.select(body.dispatch).where(body.customer == tables.NOBODY)).all() == []


def counts(store: Store) -> dict[str, int]:
    """Return how many rows each table has."""
    with store.reading() as connection:
        return {
            name: int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
            for name, table in tables.metadata.tables.items()
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Which partitions of which tables a statement really looked into."""

    table: str
    partition: str


def looked_into(connection: sa.Connection, text: str, values: Any) -> set[Place]:
    """Run a statement and return the partitions that were scanned."""
    for way in ("seqscan", "hashjoin", "mergejoin"):  # there are few rows here: of many, each is looked up by its key
        connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", values).scalar_one()
    return set(scans(plan[0]["Plan"] if isinstance(plan, list) else json.loads(plan)[0]["Plan"]))


def scans(node: Mapping[str, Any]) -> Iterator[Place]:
    """Give the partitions that the scans of a plan looked into."""
    name = re.fullmatch(r"(.+)_\d+", str(node.get("Relation Name", "")))
    if name and "Scan" in node["Node Type"] and node["Actual Loops"]:
        yield Place(name[1], name[0])
    for child in node.get("Plans", ()):
        yield from scans(child)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the story of whom much is known, and what names their rows."""

    dispatch: Dispatch
    touchpoint: Touchpoint
    mailbox: str
    request: str

    def given(self, name: str) -> dict[str, object]:
        """Return the values of a hot statement about this person."""
        keys = {
            "bodies composed before": self.dispatch.id,
            "touchpoints of journeys": self.touchpoint.journey,
            "mails that are still leased": self.dispatch.id,
            "what a mailbox was asked": self.mailbox,
            "whose requests are, of those named": self.request,
        }
        return {
            "keys": [keys.get(name, self.dispatch.customer)],
            "ids": [self.request if name == "requests of some customers" else self.dispatch.id],
            "owners": [self.dispatch.customer],
            "key": self.dispatch.id,
            "owner": self.dispatch.customer,
            "ours": self.dispatch.attempt,
            "claim": self.dispatch.claims or 0,
            "until": MOMENT,
        }


@pytest.fixture
def person(divided: Embedded) -> Person:
    """Give somebody who was asked."""
    with divided.store.reading() as connection:
        asked = connection.execute(sa.select(tables.asked_mailbox).order_by(tables.asked_mailbox.c.request)).first()
        assert asked is not None
        (dispatch, *_) = read.rows_with(connection, Dispatch, customer=asked.customer, request=asked.request)
        (touchpoint, *_) = read.rows_with(connection, Touchpoint, customer=asked.customer)
    return Person(dispatch, touchpoint, asked.mailbox, asked.request)


@pytest.mark.parametrize("name", sorted(set(STATEMENTS) - EVERY_PARTITION))
def test_a_hot_statement_looks_into_the_partitions_of_those_it_names(
    divided: Embedded, person: Person, name: str
) -> None:
    """One customer is in one partition of each table: no other one is opened."""
    assert {table: parts for table, parts in partitions_of(divided.store, person, name).items() if len(parts) > 1} == {}


def test_what_names_nobody_looks_into_every_partition(divided: Embedded, person: Person) -> None:
    """So that the promise above can fail: what is due may be anybody's."""
    looked = {
        name: partitions_of(divided.store, person, name) for name in ("a lease that ran out", "whose requests are")
    }
    assert {table: len(parts) for each in looked.values() for table, parts in each.items()} == {
        "dispatch": PARTITIONS,
        "survey_request": PARTITIONS,
    }


def partitions_of(store: Store, person: Person, name: str) -> dict[str, set[str]]:
    """Run a hot statement about a person, and return by table the partitions it looked into."""
    compiled: Any = STATEMENTS[name].compile(store.engine)
    given = person.given(name)
    values = {
        key: given.get(key, value) for key, value in compiled.construct_params(values_of(STATEMENTS[name])).items()
    }
    bound = compiled._bind_processors
    processed = {key: bound[key](value) if key in bound else value for key, value in values.items()}
    with store.engine.connect() as connection, connection.begin() as transaction:
        leased = sa.update(tables.dispatch).where(tables.dispatch.c.id == person.dispatch.id)
        connection.execute(leased.values(state=DispatchState.LEASED))
        places = looked_into(connection, str(compiled), processed)
        transaction.rollback()
    by_table: dict[str, set[str]] = {}
    for place in places:
        by_table.setdefault(place.table, set()).add(place.partition)
    return by_table


NAMES_NOBODY = (
    "FOR UPDATE OF customer SKIP LOCKED",  # who has something due
    "left_alone",
    "dispatch.not_before <=",  # what is ready
    "dispatch.lease_until <",
    "dispatch.accepted_at >=",  # how many left by the day's first mail, counted once a day
    "WHERE survey_request.id = %(id)s::UUID",  # a link names a question, and not whose it is
    "WHERE response.source = ",  # another tool's score may be anybody's already
)
"""Parts of the statements of a loop that look for anybody, by an index in each partition."""


def test_a_whole_loop_looks_only_where_its_people_are(divided: Embedded) -> None:
    """From the event to the mail about a ticket: what reads or changes rows opens the partitions of those it names."""
    world = divided
    world.set_clock(world.parts.now() + timedelta(days=800))
    world.settle()
    statements: dict[str, Any] = {}

    def keep(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, many: bool) -> None:
        if text.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            statements.setdefault(text, values[0] if many else values)

    sa.event.listen(world.store.engine, "before_cursor_execute", keep)
    live_through(world)
    sa.event.remove(world.store.engine, "before_cursor_execute", keep)
    wide: dict[str, list[str]] = {}
    for text, values in statements.items():
        with world.store.engine.connect() as connection, connection.begin() as transaction:
            places = looked_into(connection, text, values)
            transaction.rollback()
        tables_looked = [place.table for place in places]
        if wide_ones := sorted({table for table in tables_looked if tables_looked.count(table) > PEOPLE_AT_MOST}):
            wide[text] = wide_ones
    assert len(statements) > 60
    assert [text for text in wide if not any(part in text for part in NAMES_NOBODY)] == []
    assert {table for found in wide.values() for table in found} >= {"dispatch", "survey_request", "touchpoint"}


PEOPLE_AT_MOST = 3
"""Of whom something comes due while the one person of the loop is asked, answers and gets a ticket."""


def live_through(world: Embedded) -> None:
    """Let one customer buy twice, be asked, click, say 2, be called, and score 9 elsewhere."""
    dispatching = world.parts.outgoing.delivery()

    def go_on(days: float) -> None:
        world.set_clock(world.parts.now() + timedelta(days=days))
        world.parts.scheduler.wake_all()
        asyncio.run(dispatching.send_all())

    take(world, journey("delivery", "loop", world.parts.now(), reference="loop-1"))
    take(world, journey("purchase", "loop", world.parts.now(), reference="loop-2", delivery_expected=True))
    go_on(45)
    asked = question_about("loop-1", world.store.url)
    assert world.parts.customer_actions.asked(asked.id)
    world.parts.customer_actions.click(asked.id, 2, "GET")
    assert world.parts.customer_actions.answer(asked.id, 2, "It came broken", wants_contact=True)
    go_on(1)
    take(world, score(9, "loop", world.parts.now(), trigger="purchase"))
    take(world, score(3, "loop", world.parts.now() - timedelta(minutes=1), request=asked.id))
    go_on(1)


def question_about(reference: str, url: str) -> SurveyRequest:
    """Return a question by what it is about, as no statement of the product looks it up."""
    with closing(Store(url)) as other, other.reading() as connection:
        (asked,) = read.rows_with(connection, SurveyRequest, reference=reference)
    return asked


def take(world: Embedded, event: dict[str, object]) -> None:
    """Take one event in."""
    (outcome,) = world.parts.intake.take([Incoming(orjson.dumps(event), {}, STRUCTURED)], Ingress.HTTP)
    assert outcome.taken == Taken.ACCEPTED


def test_every_table_has_its_place() -> None:
    """A new table cannot be overlooked: the scripts divide it, copy it everywhere, or leave it in one place."""
    listed = [table.name for group in (PLACED, EVERYWHERE, ONE_PLACE) for table in group]
    assert sorted(listed) == sorted(tables.metadata.tables)


def test_every_key_of_a_placed_table_holds_what_it_is_placed_by() -> None:
    """Partitions and shards do not look into each other: a key without that column could not be kept."""
    for table, column in PLACED.items():
        uniques = [constraint for constraint in table.constraints if isinstance(constraint, sa.UniqueConstraint)]
        keys: list[Any] = [table.primary_key, *uniques, *(index for index in table.indexes if index.unique)]
        assert [key for key in keys if column not in key.columns] == []
        owner = "id" if table is tables.customer else "customer"
        if table not in BY_LOOKUP:
            assert [key for key in keys if owner not in key.columns] == []


def test_the_script_for_citus_names_every_placed_table() -> None:
    """Divided by what its key holds, the core together; small tables everywhere; the rest stays where it is."""
    script = partitioning.as_script(partitioning.citus())
    placed = dict(re.findall(r"create_distributed_table\('(\w+)', '(\w+)'", script))
    assert placed == {table.name: column for table, column in PLACED.items()}
    assert set(re.findall(r"create_reference_table\('(\w+)'", script)) == {table.name for table in EVERYWHERE}
    assert re.findall(r"colocate_with => '(\w+)'", script).count("none") == len(BY_LOOKUP)


def test_the_script_for_citus_keeps_the_rules_of_its_documentation() -> None:
    """No foreign key, no trigger stays on a table that is divided or everywhere, and what lies together is placed by
    values of one type."""
    spread = [*PLACED, *EVERYWHERE]
    assert [key for table in spread for key in table.foreign_keys] == []
    made = [trigger for counted in running_counts.COUNTED for _, trigger in running_counts.triggers_of(counted)]
    names = {table.name for table in spread}
    triggers = {(trigger.name, trigger.table) for trigger in (*made, *report_changes.triggers())}
    dropped = set(re.findall(r'DROP TRIGGER (\w+) ON "(\w+)"', partitioning.as_script(partitioning.citus())))
    assert dropped == {(name, table) for name, table in triggers if table in names}
    assert {type(table.c[column].type) for table, column in BY_CUSTOMER.items()} == {sa.Uuid}
