"""Dimensions: what answers and questions can be counted by, as columns; the database groups.

A declared attribute counts as it is known now, as the segment does; what is computed, as of the question. What is not
of its declared type counts as unknown.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.attributes import Attribute, AttributeKind
from workers.domain.reporting import NONE, Dimension
from workers.store import tables as t
from workers.store.report.computed_columns import COMPUTED_COLUMNS, computed_column
from workers.store.report.figures import ASKED_AT, LANGUAGE, SEGMENT, TOUCHPOINT, TRIGGER, Column

BETWEEN = " / "
"""Stands between the names of two groups at once."""
MAGNITUDES = tuple(10**exponent for exponent in range(16))
MONTH_DIGITS = 7  # of a day such as 2026-03-31


def group_of(connection: Connection, by: Sequence[Dimension]) -> Column:
    """Return the group of an answer over `figures.ANSWERS`; months are no dimension here."""
    columns = {"trigger": TRIGGER, "touchpoint": TOUCHPOINT, "segment": SEGMENT, "language": LANGUAGE}
    for dimension in by:
        if dimension.attribute is not None:
            columns[dimension.name] = attribute_column(connection, dimension.attribute)
        elif dimension.name in COMPUTED_COLUMNS:
            columns[dimension.name] = computed_column(connection, dimension.name, ASKED_AT)
    return together([dimension.name for dimension in by], columns)


def together(names: Sequence[str], columns: Mapping[str, Column]) -> Column:
    """Return the columns of these names as one text, each with a word for what has none."""
    if not names:
        return sa.literal("")
    first, *others = (named(columns[name]) for name in names)
    for other in others:
        first = first.concat(sa.literal(BETWEEN)).concat(other)
    return first


def named(group: Column) -> Column:
    """Return a group's name, with a word for what has none."""
    return sa.func.coalesce(sa.func.nullif(group, ""), NONE)


def attribute_column(connection: Connection, attribute: Attribute) -> Column:
    """Return an attribute of the customer as text: a word, yes or no, a month, or a band of numbers."""
    value = t.customer.c.attributes[attribute.name]
    text = sa.cast(value.as_string(), sa.Text())
    if attribute.kind in (AttributeKind.INTEGER, AttributeKind.NUMBER):
        return band_of(number_of(connection, attribute), whole=attribute.kind is AttributeKind.INTEGER)
    missing = attribute.if_missing
    shown: Column = text
    if attribute.kind is AttributeKind.BOOLEAN:
        shown = sa.case((text.in_(["true", "1"]), "yes"), (text.in_(["false", "0"]), "no"))
        missing = None if missing is None else "yes" if missing else "no"
    elif attribute.kind is AttributeKind.DATE:
        shown = sa.case((text.like("____-__-__"), sa.func.substr(text, 1, MONTH_DIGITS)))
        missing = None if missing is None else str(missing)[:MONTH_DIGITS]
    elif attribute.kind is AttributeKind.MONTHS:
        shown = sa.case((text.like("P%"), text))
    elif not attribute.is_name:
        shown = sa.case((text.in_(attribute.values), text))
    return shown if missing is None else sa.func.coalesce(shown, sa.literal(str(missing)))


def number_of(connection: Connection, attribute: Attribute) -> Column:
    """Return an attribute as a number; what another declaration left there as something else is none."""
    attributes = t.customer.c.attributes
    value = attributes[attribute.name]
    if connection.dialect.name == "postgresql":
        is_number = sa.func.jsonb_typeof(value) == "number"
    else:
        is_number = sa.func.json_type(attributes, f'$."{attribute.name}"').in_(["integer", "real"])
    number: Column = sa.case((is_number, value.as_float()))
    return number if attribute.if_missing is None else sa.func.coalesce(number, sa.literal(float(attribute.if_missing)))


def band_of(number: Column, *, whole: bool) -> Column:
    """Return the band of a number by its digits, so that groups stay few: 0, 1 to 9, 10 to 99, and so on."""
    bands = [(number < 0, "below 0"), (number == 0, "0")]
    bands += [] if whole else [(number < 1, "below 1")]
    for low in MAGNITUDES:
        high = f"{10 * low - 1}" if whole else f"below {10 * low}"
        bands.append((number < 10 * low, f"{low} to {high}"))
    return sa.case(*bands)
