"""Every key of a customer's rows names the customer, so that rows may lie by customer.

Here on SQLite, by copying each table. On PostgreSQL large tables must not stand still: `store/operation/keys.py` builds
their keys beside the work, before and after which this release and the one before run alike. Additive: the id stays the
first column of its key, and a role of the release before goes on working with it.
"""

import re

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import KEY

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NOBODY = "00000000-0000-0000-0000-000000000000"
PRIMARY = {
    "action": "id",
    "asked_mailbox": "mailbox, request",
    "click": "id",
    "consent": "id",
    "decision": "response, n",
    "dispatch": "id",
    "dispatch_body": "dispatch",
    "journey": "id",
    "response": "id",
    "response_revision": "response, n",
    "shadow": "id",
    "stop": "id",
    "survey_request": "id",
    "testimonial": "id",
    "ticket": "id",
    "ticket_entry": "id",
    "touchpoint": "journey, step",
}
"""Primary keys before; the customer is added to each."""
UNIQUE = {
    "customer": (("crm_id", "id"),),
    "survey_request": (("journey, step", "customer"),),
    "response": (("source, external_id", "customer"), ("request", "customer")),
    "decision": (("response", "customer"),),
    "ticket": (("number", "customer"),),
    "ticket_entry": (("source, event_id", "customer"),),
}
"""Other unique keys before, and what is added to each."""


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.add_column("dispatch_body", sa.Column("customer", KEY, server_default=NOBODY, nullable=False))
    if op.get_bind().dialect.name == "sqlite":
        for table in sorted({*PRIMARY, *UNIQUE}):
            copy_table(table)


def copy_table(table: str) -> None:
    """Copy a table into one with the new keys, and make its indexes and triggers anew, in the words they had."""
    connection = op.get_bind()
    found = connection.execute(
        sa.text("SELECT type, name, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL"),
        {"table": table},
    ).all()
    (made,) = (str(sql) for kind, _, sql in found if kind == "table")
    names = [str(row[1]) for row in connection.exec_driver_sql(f'PRAGMA table_info("{table}")')]
    columns = ", ".join(f'"{name}"' for name in names)
    new = re.sub(r"^CREATE TABLE \S+", f"CREATE TABLE {table}_next", with_owner(table, made))
    connection.exec_driver_sql(new)
    connection.exec_driver_sql(f"INSERT INTO {table}_next ({columns}) SELECT {columns} FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_next RENAME TO {table}")
    for kind, _, sql in found:
        if kind != "table":
            connection.exec_driver_sql(with_owner(table, str(sql)) if kind == "index" else str(sql))


def with_owner(table: str, sql: str) -> str:
    """Return the statement that makes a table or an index, with the customer in its unique keys."""
    if table in PRIMARY:
        sql = widened(sql, r"PRIMARY KEY ", PRIMARY[table], "customer")
    if table == "dispatch":
        sql = re.sub(r"\b(customer VARCHAR\(36\))(?! NOT NULL)", r"\1 NOT NULL", sql)
    for columns, owner in UNIQUE.get(table, ()):
        sql = widened(sql, r"UNIQUE (?:INDEX \S+ ON \S+ )?", columns, owner)
    return sql


def widened(sql: str, begins: str, columns: str, owner: str) -> str:
    """Return a statement with one column more in the key over these columns."""
    listed = r",\s*".join(rf'"?{name}"?' for name in columns.split(", "))
    return re.sub(rf"({begins}\({listed})\)", rf"\1, {owner})", sql)
