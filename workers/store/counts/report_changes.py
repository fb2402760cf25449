"""Report changes: triggers say, in the writing transaction, which days' cells of the report are not right any more.

A day is the one (UTC) on which a question was asked. Whoever writes questions, answers, clicks or a customer's segment
adds a row and waits for nobody; a day with such a row is read from the rows of its questions until it is recounted. So
a cell that is read is right, whatever was written meanwhile.
"""

from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables as t
from workers.store.counts.running_counts import ROWS_OF, Trigger

DAY_OF = {
    "survey_request": ("asked_at", ""),
    "response": ("coalesce(q.asked_at, r.asked_at)", "LEFT JOIN survey_request q ON q.id = r.request"),
    "click": ("q.asked_at", "JOIN survey_request q ON q.id = r.request"),
}
"""The tables whose rows are counted by when their question was asked, and where that stands."""
THE_ANSWER = "SELECT r.response AS id FROM {rows} r"
OF_A_TICKET = "JOIN action a ON a.ticket = {ticket}"
OF_ITS_QUESTION = "JOIN survey_request r2 ON r2.id = r.request"
FOLLOWS = {
    "action": ("response, ticket", THE_ANSWER + " WHERE r.ticket IS NOT NULL"),
    "ticket": (
        "id, response",
        f"{THE_ANSWER} UNION SELECT a.response FROM {{rows}} r {OF_A_TICKET.format(ticket='r.id')}",
    ),
    "testimonial": ("response", THE_ANSWER),
    "response_theme": ("response", THE_ANSWER),
    "survey_request": ("trigger, reference", f"SELECT a.response AS id FROM {{rows}} r {OF_A_TICKET} WHERE {{again}}"),
    "response": (
        "trigger, request",
        f"SELECT a.response AS id FROM {{rows}} r {OF_ITS_QUESTION} {OF_A_TICKET} WHERE {{again}}",
    ),
}
"""The tables whose rows are counted with answers that came before them: which columns say so, and those answers.

Of recovery surveys (`again`) those are the answers that led to the ticket that they ask about.
"""
AGAIN = "r.trigger = 'recovery'"
RECOVERY_OF = {"survey_request": "r.reference", "response": "r2.reference"}
KEY_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
TABLES = tuple(dict.fromkeys((*DAY_OF, *FOLLOWS)))
SEGMENT_CHANGED = "(OLD.segment, OLD.language) IS DISTINCT FROM (NEW.segment, NEW.language)"

OF_CUSTOMERS = {"update": f"FOR EACH ROW WHEN ({SEGMENT_CHANGED})", "delete": "FOR EACH ROW"}
"""Which changes of customers are said."""


def for_postgresql() -> Iterator[str]:
    """Give the statements that make PostgreSQL's triggers: for each statement one insert of the days it is about."""
    for table in TABLES:
        for event in ROWS_OF:
            yield from made(event, table, " ".join(insertions(event, table)))
    for event in OF_CUSTOMERS:
        yield from made(event, "customer", "INSERT INTO report_change (segment_of) VALUES (OLD.id);")


def insertions(event: str, table: str) -> Iterator[str]:
    """Give PostgreSQL's statements that say which days some rows of a table are about."""
    rows = {
        "insert": "SELECT * FROM new_rows",
        "delete": "SELECT * FROM old_rows",
        "update": "SELECT * FROM new_rows UNION ALL SELECT * FROM old_rows",
    }[event]
    begin = "INSERT INTO report_change (day) SELECT DISTINCT date_trunc('day', {at}, 'UTC') FROM "
    if table in DAY_OF:
        at, join = DAY_OF[table]
        yield f"{begin.format(at=at)}({rows}) AS r {join};"
    if table in FOLLOWS:
        reference = RECOVERY_OF.get(table, "")
        ticket = f"CASE WHEN {AGAIN} AND {reference} ~ '{KEY_PATTERN}' THEN {reference}::uuid END"
        answers = FOLLOWS[table][1].format(rows=f"({rows})", ticket=ticket, again=AGAIN)
        yield (
            f"{begin.format(at='coalesce(q.asked_at, s.asked_at)')}({answers}) AS x "
            "JOIN response s ON s.id = x.id LEFT JOIN survey_request q ON q.id = s.request;"
        )


def made(event: str, table: str, body: str) -> Iterator[str]:
    """Give the statements that make a trigger and its function."""
    trigger = trigger_of(event, table)
    yield f"CREATE FUNCTION {trigger.name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body} RETURN NULL; END$$"
    yield trigger.statement


def trigger_of(event: str, table: str) -> Trigger:
    """Return PostgreSQL's trigger for what happens to a table.

    Most changes of a customer change neither: they are looked at one by one, which costs less than keeping the rows.
    """
    name = f"report_{table}_{event}"
    when = f"REFERENCING {ROWS_OF[event]} FOR EACH STATEMENT" if table in TABLES else OF_CUSTOMERS[event]
    statement = f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table} {when} EXECUTE FUNCTION {name}()"
    return Trigger(name, table, statement)


def triggers() -> Iterator[Trigger]:
    """Give PostgreSQL's triggers."""
    for table in TABLES:
        yield from (trigger_of(event, table) for event in ROWS_OF)
    yield from (trigger_of(event, "customer") for event in OF_CUSTOMERS)


def are_said(connection: Connection) -> bool:
    """Tell whether every trigger is there and switched on; shards of Citus have none."""
    if connection.dialect.name == "sqlite":
        return True
    names = sorted(trigger.name for trigger in triggers())
    query = sa.text(
        "SELECT count(DISTINCT tgname) FROM pg_trigger "
        "WHERE tgname = ANY(:names) AND tgenabled <> 'D' AND pg_table_is_visible(tgrelid)"
    )
    return bool(connection.execute(query, {"names": names}).scalar_one() == len(names))


def for_sqlite() -> Iterator[str]:
    """Give the statements that make SQLite's triggers: writers take turns, so a day that is there stays one row."""
    sides = {"insert": ("NEW",), "delete": ("OLD",), "update": ("NEW", "OLD")}
    for table in TABLES:
        for event, rows in sides.items():
            body = " ".join(f"{statement};" for row in rows for statement in marked(table, row))
            yield f"CREATE TRIGGER report_{table}_{event} AFTER {event.upper()} ON {table} BEGIN {body} END"
    changed = "OLD.segment IS NOT NEW.segment OR OLD.language IS NOT NEW.language"
    whose = "INSERT INTO report_change (segment_of) VALUES (OLD.id)"
    yield (
        "CREATE TRIGGER report_customer_update AFTER UPDATE OF segment, language ON customer "
        f"WHEN {changed} BEGIN {whose}; END"
    )
    yield f"CREATE TRIGGER report_customer_delete AFTER DELETE ON customer BEGIN {whose}; END"


def marked(table: str, row: str) -> Iterator[str]:
    """Give SQLite's statements that say of the days a row is about that they changed, unless that is said already."""
    if table in DAY_OF:
        asked_at = f"{row}.asked_at" if table != "click" else "NULL"
        if table != "survey_request":
            asked_at = f"coalesce((SELECT asked_at FROM survey_request WHERE id = {row}.request), {asked_at})"
        yield marking(f"SELECT {asked_at} AS at")
    if table in FOLLOWS:
        columns, answers = FOLLOWS[table]
        shown = ", ".join(f"{row}.{name} AS {name}" for name in columns.split(", "))
        followed = answers.format(rows=f"(SELECT {shown})", ticket=RECOVERY_OF.get(table, ""), again=AGAIN)
        yield marking(
            f"SELECT coalesce(q.asked_at, s.asked_at) AS at FROM response s LEFT JOIN survey_request q "
            f"ON q.id = s.request WHERE s.id IN ({followed})"
        )


def marking(instants: str) -> str:
    """Return SQLite's statement that says of the days of some instants that they changed."""
    day = "substr(y.at, 1, 10) || 'T00:00:00.000000Z'"
    return (
        f"INSERT INTO report_change (day) SELECT DISTINCT x.day FROM (SELECT {day} AS day FROM ({instants}) y) x "
        "WHERE x.day IS NOT NULL AND NOT EXISTS (SELECT 1 FROM report_change WHERE report_change.day = x.day)"
    )


def make_triggers(_target: object, connection: Connection, *, tables: Collection[sa.Table], **_: object) -> None:
    """Make the triggers of a database whose tables have just been made."""
    if t.report_change not in tables:
        return
    for statement in for_sqlite() if connection.dialect.name == "sqlite" else for_postgresql():
        connection.exec_driver_sql(statement)


sa.event.listen(t.metadata, "after_create", make_triggers)
