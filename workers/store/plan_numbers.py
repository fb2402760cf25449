"""Numbers of the journey plan's versions: what journeys and touchpoints bear instead of 64 digits each.

A number is given before the first row bears it, and never changes. Rows of a release before bear the version itself,
and are right as they are; `shorten` gives them its number, some at a time and beside the work of roles.
"""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables as t

NUMBERS = sa.select(t.plan_versions.c.number, t.plan_versions.c.digest)


def by_digits(connection: Connection) -> Mapping[str, str]:
    """Return every numbered version by its number's digits, as rows have them."""
    return {str(number): str(digest) for number, digest in connection.execute(NUMBERS)}


def give(connection: Connection, version: str) -> None:
    """Give a version the next number, unless it has one. Of two who do so at once the second looks again."""
    c = t.plan_versions.c
    if connection.execute(sa.select(c.number).where(c.digest == version)).first() is None:
        following = sa.select(sa.func.coalesce(sa.func.max(c.number), 0) + 1).scalar_subquery()
        connection.execute(sa.insert(t.plan_versions).values(number=following, digest=version))


def in_full(column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return the version that a row names, whether by its number or in full."""
    c = t.plan_versions.c
    named = sa.select(c.digest).where(sa.cast(c.number, sa.Text()) == column).scalar_subquery()
    return sa.func.coalesce(named, column)
