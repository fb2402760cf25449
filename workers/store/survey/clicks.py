"""Clicks on the links of a question: kept as evidence, never taken for an answer. Reads only."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Click
from workers.store import tables


def latest_clicks(connection: Connection, request: str, customer: str, most: int) -> list[Click]:
    """Return the last clicks on the links of a question, the newest first."""
    table = tables.click
    theirs = (table.c.request == request, table.c.customer == customer)
    query = sa.select(table).where(*theirs).order_by(table.c.at.desc(), table.c.id).limit(most)
    return [Click(*row) for row in connection.execute(query)]


def opened_by_a_person(connection: Connection, request: str, customer: str | None) -> bool:
    """Tell whether the link of a customer's question was opened by what does not look like a machine."""
    c = tables.click.c
    query = sa.select(c.id).where(c.request == request, c.customer == customer, c.signal == "").limit(1)
    return connection.execute(query).first() is not None
