"""The counts behind what drivers contribute: answers by what they are about, the drivers they name, and band.

A choice of drivers is one text, so the database groups by it: at most some hundred groups a touchpoint. Reads only.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.drivers import CODE, NONE
from workers.domain.reporting import Filters
from workers.domain.reporting.drivers import DriverCell
from workers.store import tables as t
from workers.store.report.dimensions import group_of
from workers.store.report.figures import SEGMENT, TOUCHPOINT, TRIGGER, answers_of, of_answers

R = t.response.c
BY = sa.text("1, 2, 3, 4, 5, 6")
"""PostgreSQL does not see that two expressions with parameters are the same one."""


def count_drivers(connection: Connection, filters: Filters) -> list[DriverCell]:
    """Count the answers that a report is about; recovery answers are none."""
    chosen = sa.func.coalesce(R.drivers, "")
    group = group_of(connection, filters.by)
    query = sa.select(TRIGGER, TOUCHPOINT, SEGMENT, chosen, R.band, group, sa.func.count())
    query = query.select_from(answers_of(filters)).where(*of_answers(filters)).group_by(BY).order_by(BY)
    return [
        DriverCell(str(trigger), str(touchpoint), str(segment), str(drivers), str(band), int(n), str(group))
        for trigger, touchpoint, segment, drivers, band, group, n in connection.execute(query)
    ]


def names_driver(code: str) -> sa.ColumnElement[bool]:
    """Return the condition that an answer names a driver, or none. Raises ValueError for what is no code."""
    if not CODE.fullmatch(code):
        raise ValueError(f"{code[:40]!r} is no driver")
    if code == NONE:
        return sa.func.coalesce(R.drivers, "") == ""
    return (" " + R.drivers + " ").contains(f" {code} ", autoescape=True)
