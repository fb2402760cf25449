"""Least privilege: of the two roles of docs/operating.md one migrates, the other runs and cannot change a table."""

import re
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from workers.adapters.kafka import TOPICS_IN, TOPICS_OUT
from workers.store.engine import Store
from workers.store.operation.schema import VERSION_TABLE
from workers.usecases.operation import migrate as migrating

OPERATING = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()


def marked(name: str) -> str:
    """Return the part of the page between two marks."""
    return OPERATING.partition(f"<!-- {name} -->")[2].partition(f"<!-- end {name} -->")[0]


def as_role(url: str, role: str) -> str:
    """Return a database's address for one of the two roles."""
    return make_url(url).set(username=role, password="change-me").render_as_string(hide_password=False)


def plain(url: str) -> str:
    """Return a database's address as psycopg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def test_the_running_role_writes_rows_and_changes_no_table(postgres: str) -> None:
    """As documented: `boucle_migrate` makes the schema; `boucle_run` reads and writes all tables, and drops none."""
    statements = re.search(r"```sql\n(.*?)```", marked("roles"), re.DOTALL)
    assert statements is not None
    with psycopg.connect(plain(postgres), autocommit=True) as admin:
        for role in ("boucle_run", "boucle_migrate"):  # of a run before; roles belong to the server
            if admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                pytest.skip(f"the server has a role {role}")
        admin.execute(statements[1].encode())
        try:
            migrate = Store(as_role(postgres, "boucle_migrate"))
            assert migrating.migrate(migrate) == migrating.SCHEMA
            migrate.close()
            run = Store(as_role(postgres, "boucle_run"))
            may_do_its_work(run)
            run.close()
        finally:
            admin.execute("DROP OWNED BY boucle_run, boucle_migrate CASCADE")
            admin.execute("DROP ROLE boucle_run")
            admin.execute("DROP ROLE boucle_migrate")


def may_do_its_work(store: Store) -> None:
    """See what the running role may do in every table, and what it may not."""
    with store.reading() as connection:
        names = sa.inspect(connection).get_table_names(schema="boucle")
    assert "customer" in names
    assert migrating.schema_of(store) == migrating.SCHEMA
    for name in sorted(set(names) - {VERSION_TABLE}):
        with store.engine.begin() as connection:
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                asked = sa.text("SELECT has_table_privilege(:name, :privilege)")
                given = connection.execute(asked, {"name": f"boucle.{name}", "privilege": privilege}).scalar()
                assert given, (name, privilege)
    for statement in (
        "DROP TABLE boucle.customer",
        "ALTER TABLE boucle.customer ADD COLUMN x int",
        "CREATE TABLE boucle.x ()",
    ):
        with (
            pytest.raises(ProgrammingError, match=r"must be owner|permission denied"),
            store.engine.begin() as connection,
        ):
            connection.execute(sa.text(statement))


def test_the_acls_name_every_topic() -> None:
    """Boucle's Kafka user reads the topics in and writes the topics out, by the table of docs/operating.md."""
    rows = [line for line in marked("acls").splitlines() if line.startswith("| `boucle` | ") and "topics" in line]
    reads, writes = (set(re.findall(r"`PREFIX(boucle\.[a-z-]+)`", row)) for row in rows)
    assert reads == {str(topic) for topic in TOPICS_IN}
    assert writes == {str(topic) for topic in TOPICS_OUT}
