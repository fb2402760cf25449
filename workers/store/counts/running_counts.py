"""Running counts: how many rows of each table are in each state, kept by the database in the transaction that writes.

Triggers keep them, so that every writer does, also one of a release before, a retention or a hand with psql. On
PostgreSQL a statement adds rows to `count_change` and touches none that another writer waits for; `fold` adds them up
now and then. On SQLite, where writers take turns, `running_count` is changed at once. `count_everything` is what the
books hold them against, and `rebuild` begins again from it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables as t

FOLDED_AT_ONCE = 20_000
"""Changes folded in one transaction: some tenths of a second."""
FOLDING = 0x626F7566
"""PostgreSQL's lock that whoever folds or rebuilds takes turns by ("bouf")."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A table whose rows are counted, and the columns that they are counted by; '' stands for one that it lacks."""

    group: str
    table: str
    step: str = ""
    state: str = "state"
    reason: str = ""


COUNTED: tuple[Counted, ...] = (
    Counted("events", "inbox", state=""),
    Counted("touchpoints", "touchpoint", step="step", reason="reason"),
    Counted("survey_requests", "survey_request"),
    Counted("responses", "response"),
    Counted("decisions", "decision"),
    Counted("actions", "action"),
    Counted("dispatches", "dispatch"),
    Counted("tickets", "ticket"),
    Counted("testimonials", "testimonial"),
    Counted("dead_letters", "dead_letter"),
)
"""What is counted; a change needs a revision that makes the triggers anew."""
GROUPS = tuple(counted.group for counted in COUNTED)
KEYS = "grouped, step, state, reason"
Cell = tuple[str, str, str, str]
"""Group, step, state and reason."""


def values(counted: Counted, row: str = "") -> str:
    """Return the values of the four keys, of a row where one is named."""
    dot = f"{row}." if row else ""
    names = (counted.step, counted.state, counted.reason)
    return ", ".join([f"'{counted.group}'", *(f"{dot}{name}" if name else "''" for name in names)])


def for_sqlite() -> Iterator[str]:
    """Give the statements that make SQLite's triggers: one upsert for each row that comes, goes or changes cell."""
    for counted in COUNTED:
        up = upsert(values(counted, "NEW"), 1)
        down = upsert(values(counted, "OLD"), -1)
        names = [name for name in (counted.step, counted.state, counted.reason) if name]
        yield f"CREATE TRIGGER count_{counted.table}_insert AFTER INSERT ON {counted.table} BEGIN {up}; END"
        yield f"CREATE TRIGGER count_{counted.table}_delete AFTER DELETE ON {counted.table} BEGIN {down}; END"
        if names:
            moved = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in names)
            head = f"CREATE TRIGGER count_{counted.table}_update AFTER UPDATE OF {', '.join(names)} ON {counted.table}"
            yield f"{head} WHEN {moved} BEGIN {down}; {up}; END"


def upsert(keys: str, by: int) -> str:
    """Return SQLite's statement that changes a count."""
    return (
        f"INSERT INTO running_count ({KEYS}, n) VALUES ({keys}, {by}) ON CONFLICT ({KEYS}) DO UPDATE SET n = n + ({by})"
    )


@dataclass(frozen=True, slots=True)
class Trigger:
    """One of PostgreSQL's triggers, by its name, which its function bears too, with the statement that makes it."""

    name: str
    table: str
    statement: str


ROWS_OF = {
    "insert": "NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
}
"""What a trigger's function is shown, by what happens to the table."""


def for_postgresql() -> Iterator[str]:
    """Give the statements that make PostgreSQL's triggers: for each statement one insert of what it changed."""
    for counted in COUNTED:
        keys = values(counted)
        head = f"INSERT INTO count_change ({KEYS}, n)"
        grouped = "GROUP BY 1, 2, 3, 4"
        both = f"SELECT {keys}, 1 FROM new_rows UNION ALL SELECT {keys}, -1 FROM old_rows"
        bodies = {
            "insert": f"{head} SELECT {keys}, count(*) FROM new_rows {grouped};",
            "delete": f"{head} SELECT {keys}, -count(*) FROM old_rows {grouped};",
            "update": f"{head} SELECT {KEYS}, sum(n) FROM ({both}) AS x ({KEYS}, n) {grouped} HAVING sum(n) <> 0;",
        }
        for event, trigger in triggers_of(counted):
            body = bodies[event]
            yield (
                f"CREATE FUNCTION {trigger.name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$BEGIN {body} RETURN NULL; END$$"
            )
            yield trigger.statement


def triggers_of(counted: Counted) -> Iterator[tuple[str, Trigger]]:
    """Give PostgreSQL's triggers of a table, each with what it waits for; without a state, no update counts."""
    for event, rows in ROWS_OF.items():
        if event == "update" and not counted.state:
            continue
        name = f"count_{counted.table}_{event}"
        statement = (
            f"CREATE TRIGGER {name} AFTER {event.upper()} ON {counted.table} REFERENCING {rows} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
        yield event, Trigger(name, counted.table, statement)


def make_triggers(_target: object, connection: Connection, *, tables: Collection[sa.Table], **_: object) -> None:
    """Make the triggers of a database whose tables have just been made."""
    if t.running_count not in tables:
        return
    for statement in for_sqlite() if connection.dialect.name == "sqlite" else for_postgresql():
        connection.exec_driver_sql(statement)


sa.event.listen(t.metadata, "after_create", make_triggers)


def cells(connection: Connection, groups: Sequence[str]) -> dict[Cell, int]:
    """Return the kept counts of some groups by cell, without empty ones."""
    kept, change = t.running_count.c, t.count_change.c
    keys = ("grouped", "step", "state", "reason")
    both = sa.union_all(
        *(sa.select(*(c[name] for name in keys), c.n).where(c.grouped.in_(groups)) for c in (kept, change))
    ).subquery()
    query = sa.select(*(both.c[name] for name in keys), sa.func.sum(both.c.n)).group_by(
        *(both.c[name] for name in keys)
    )
    rows: Iterable[Any] = connection.execute(query)
    return {(str(row[0]), str(row[1]), str(row[2]), str(row[3])): int(row[4]) for row in rows if row[4]}


def by_state(connection: Connection, groups: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the kept counts of some groups by state; a group without rows is empty, not missing."""
    return {**{group: {} for group in groups}, **summed(cells(connection, groups))}


def summed(counted: Mapping[Cell, int]) -> dict[str, dict[str, int]]:
    """Return counts by group and state; of a group without rows there is nothing."""
    by_group: dict[str, dict[str, int]] = {}
    for (group, _, state, _), n in counted.items():
        states = by_group.setdefault(group, {})
        states[state] = states.get(state, 0) + n
    return by_group


def count_everything(connection: Connection) -> dict[Cell, int]:
    """Count every row of every counted table by cell; reads the tables from end to end."""
    counts: dict[Cell, int] = {}
    for counted in COUNTED:
        query = f"SELECT {values(counted)}, count(*) FROM {counted.table} GROUP BY 1, 2, 3, 4"
        for row in connection.exec_driver_sql(query):
            counts[(row[0], row[1], row[2], row[3])] = int(row[4])
    return counts


def agreement(kept: Mapping[Cell, int], counted: Mapping[Cell, int]) -> tuple[int, int]:
    """Return how many rows stand in cells whose kept count is right, and how many there are by either count."""
    right = sum(n for cell, n in counted.items() if kept.get(cell, 0) == n)
    surplus = sum(abs(n) for cell, n in kept.items() if cell not in counted)
    return right, sum(counted.values()) + surplus


def fold(connection: Connection) -> int:
    """Add some changes up into the counts, unless somebody else is at it, and return how many."""
    if connection.dialect.name == "sqlite":
        return 0
    free = connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(FOLDING))).scalar_one()
    if not free:
        return 0
    gone = f"""
        WITH gone AS (
            DELETE FROM count_change WHERE id IN (SELECT id FROM count_change ORDER BY id LIMIT {FOLDED_AT_ONCE})
            RETURNING {KEYS}, n
        ), added AS (
            INSERT INTO running_count ({KEYS}, n) SELECT {KEYS}, sum(n) FROM gone GROUP BY {KEYS}
            ON CONFLICT ({KEYS}) DO UPDATE SET n = running_count.n + excluded.n
        )
        SELECT count(*) FROM gone"""
    return int(connection.exec_driver_sql(gone).scalar_one())


def rebuild(connection: Connection) -> dict[Cell, int]:
    """Count everything anew in the caller's transaction, which sees one moment only, and return what was wrong.

    On PostgreSQL the transaction must be REPEATABLE READ: what others write meanwhile is no part of the count, and its
    changes stay to be folded.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(FOLDING)))
    kept = cells(connection, GROUPS)
    counted = count_everything(connection)
    for table in (t.running_count, t.count_change):
        connection.execute(sa.delete(table))
    rows = [
        {"grouped": group, "step": step, "state": state, "reason": reason, "n": n}
        for (group, step, state, reason), n in sorted(counted.items())
    ]
    if rows:
        connection.execute(sa.insert(t.running_count), rows)
    return {
        cell: kept.get(cell, 0) - counted.get(cell, 0)
        for cell in sorted({*kept, *counted})
        if kept.get(cell, 0) != counted.get(cell, 0)
    }
