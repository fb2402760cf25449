"""What was asked on a day of the questions that the plan asks so many a day of: a control for each quota.

Whoever asks locks the controls that may count, in one order, so that two who ask at once count one after the other.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from workers.calendar import in_zone
from workers.domain.survey.day_quotas import GROUP, Key, day_of
from workers.store import tables as t
from workers.store.controls import replace_control

ASKED_TODAY = "asked today: "
"""Begins the names of the controls: a touchpoint follows, and the group of customers where the quota is of groups."""
BY = "boucle"
C = t.control.c


def lock_counted(connection: Connection, names: Collection[str], now: datetime, zone: str) -> dict[Key, int]:
    """Lock some quotas until the transaction ends, and return what was asked today; no statement without any."""
    if not names:
        return {}
    wanted = sorted(f"{ASKED_TODAY}{name}" for name in names)
    query = sa.select(C.name, C.value).where(C.name.in_(wanted)).order_by(C.name).with_for_update()
    rows = connection.execute(query).all()
    if len(rows) < len(wanted):
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        new = [{"name": name, "value": "", "at": now, "by": BY} for name in wanted]
        connection.execute(dialect.insert(t.control).on_conflict_do_nothing(index_elements=["name"]), new)
        rows = connection.execute(query).all()
    today = day_of(zone, now)
    counted = read_values({str(name): str(value) for name, value in rows})
    for name in names:
        if (today, name) not in counted:  # the first of the day, or the rule is new: what was asked before counts
            counted[today, name] = count_asked(connection, name, now, zone)
    return counted


def read_counted(connection: Connection) -> dict[Key, int]:
    """Return what was asked by day and quota, each on the last day on which something was; locks nothing."""
    query = sa.select(C.name, C.value).where(C.name.startswith(ASKED_TODAY, autoescape=True))
    return read_values({str(name): str(value) for name, value in connection.execute(query)})


def keep_counted(connection: Connection, asked: Mapping[Key, int], now: datetime) -> None:
    """Keep what was asked today, of quotas that are locked."""
    for (day, name), n in sorted(asked.items()):
        replace_control(connection, f"{ASKED_TODAY}{name}", f"{day} {n}", now, BY)


def read_values(controls: Mapping[str, str]) -> dict[Key, int]:
    """Return the counts that controls keep."""
    pairs = ((name.removeprefix(ASKED_TODAY), value.partition(" ")) for name, value in controls.items())
    return {(day, name): int(n) for name, (day, _, n) in pairs if n.isdecimal()}


def count_asked(connection: Connection, name: str, now: datetime, zone: str) -> int:
    """Return how many questions of a touchpoint were asked today; of a group of customers nobody can tell any more."""
    touchpoint, _, group = name.partition(GROUP)
    if group:
        return 0
    q = t.survey_request.c
    since = in_zone(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    query = sa.select(sa.func.count()).select_from(t.survey_request)
    return int(connection.execute(query.where(q.asked_at >= since, q.step == touchpoint)).scalar_one())
