"""Write the small database of 0.1.0 that later migrations are tried on: `python tests/store/make_dump.py`.

Rows of every table, from a story with a fixed clock and secret, so that it is the same on every day. Once 0.1.0 is
released the file stays as it is; a later release gets a file of its own.
"""

import sqlite3
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

DUMP = Path(__file__).with_name("boucle-0.1.0.sql")
POSTGRESQL_DUMP = Path(__file__).with_name("boucle-0.1.0-postgresql.sql")
"""The same story on PostgreSQL, played by the code of 0.1.0 and written by `pg_dump --inserts --no-owner`."""
BODY = b"Subject: A mail as it left\r\n\r\nCut short for the dump.\r\n"
CONTENT = '{"name": "cut short for the dump"}'


def load(path: Path) -> None:
    """Make a database of the dump."""
    with sqlite3.connect(path) as connection:
        connection.executescript(DUMP.read_text())
    connection.close()


def load_postgresql(url: str) -> None:
    """Fill an empty database of PostgreSQL with the dump."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        driven = connection.connection.dbapi_connection
        assert driven is not None
        driven.cursor().execute(POSTGRESQL_DUMP.read_bytes())
    engine.dispose()


def play(home: Path) -> Path:
    """Play the story and return the database's file."""
    from embedded import START, Embedded, about, journey, score

    from workers.domain.records import SurveyRequest, Testimonial
    from workers.domain.types import Ingress
    from workers.store.ledger import Incoming
    from workers.store.operation.old_rows import retire
    from workers.store.positions import Consumed
    from workers.usecases.delivery.send_controls import pause

    boucle = Embedded(home)
    boucle.take(journey("delivery", "1", reference="1001", label="lamp"))
    boucle.take(
        journey("delivery", "2", reference="1002"), journey("purchase", "3", reference="1003", delivery_expected=True)
    )
    boucle.take(
        journey("refund", "3", reference="1003"), about("opted_out", "4"), journey("delivery", "5", reference="1005")
    )
    boucle.parts.intake.take(
        [Incoming(b"no event", (), None, "boucle.events", 0, 7)], Ingress.KAFKA, [Consumed("cluster", "topic", 0, 0, 7)]
    )
    boucle.settle()
    requests = {request.reference: request.id for request in boucle.rows(SurveyRequest)}
    serving = boucle.parts.customer_actions
    serving.click(requests["1001"], 2, "GET")
    assert serving.answer(requests["1001"], 2, "It came broken", wants_contact=True, phone="+33 1 00 00 00 00")
    assert serving.answer(requests["1002"], 9, "Lovely lamp")
    boucle.later(minutes=5)
    assert serving.answer(requests["1001"], 1, "It came broken, and late")
    boucle.take(score(7, "6", boucle.clock.at, trigger="delivery"))
    boucle.later(days=11)
    (asked,) = boucle.rows(Testimonial)
    assert boucle.parts.testimonials.write(asked.response, "A lovely lamp", "C. R.", "Lyon", "name_and_text")
    boucle.take(about("erased", "5", boucle.clock.at))
    boucle.later(days=5)
    boucle.store.write(lambda connection: pause(connection, boucle.clock.at, "operator", why="for the dump"))
    boucle.store.write(lambda connection: retire(connection, 3))
    boucle.store.write(lambda connection: fill(connection, START))
    boucle.close()
    return home / "boucle.db"


def fill(connection: sa.Connection, at: object) -> None:
    """Give every table that the story does not reach a row, and cut what is long."""
    from workers.store import tables as t

    connection.execute(sa.update(t.dispatch_body).values(body=BODY))
    connection.execute(sa.update(t.rule_table).values(content=CONTENT))
    for table in t.metadata.sorted_tables:
        if connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0:
            connection.execute(sa.insert(table).values(**made_up(table, at)))


def made_up(table: sa.Table, at: object) -> dict[str, object]:
    """Return a row of a table that no story reaches, from its columns' types."""
    from workers.store.tables import Instant

    values: dict[str, object] = {}
    for column in table.columns:
        if column.autoincrement is True or column.nullable:
            continue
        kind = column.type
        if isinstance(kind, Instant):
            values[column.name] = at + timedelta(days=1)  # type: ignore[operator]  # an instant
        elif isinstance(kind, sa.Integer):
            values[column.name] = 1
        elif isinstance(kind, sa.JSON):
            values[column.name] = {}
        else:
            values[column.name] = f"a {column.name}"
    return values


def write() -> None:
    """Write the dump."""
    with tempfile.TemporaryDirectory() as folder, sqlite3.connect(play(Path(folder))) as connection:
        text = "\n".join(connection.iterdump())
    connection.close()
    DUMP.write_text(text + "\n")
    print(f"{DUMP}: {len(text):,} characters")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    write()
