"""Read past responses and past events from CSV files, for checks and backtests without a database.

Values that cannot be typed stay as written, so that the decision refuses them and the backtest counts them.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from workers.decision_table.files.reader import decode, read_rows
from workers.decision_table.model.cells import fold, suggestion
from workers.decision_table.model.limits import PAST, total
from workers.decision_table.model.table import Column, Table, Unreadable
from workers.decision_table.model.values import Kind, Value, parse_moment, parse_scalar
from workers.decision_table.trials.backtest import PastResponse
from workers.decision_table.trials.replay import PastEvent
from workers.errors import BadInput

_UNKNOWN = frozenset({"", "unknown", "null"})
_LONGEST = 80  # characters of a number, date or duration; what is longer is none, and is refused as what is left of it
_MOST_DIGITS = 6  # of a number of months


@total
def read_responses(table: Table, data: bytes, *, file: str = "responses.csv") -> list[PastResponse]:
    """Read responses: the input columns of the table, optionally id, customer, received_at. Raises Unreadable."""
    responses = []
    for row, texts in _rows(data, file):
        if row == 1:
            _check_columns(table, texts, file)
            continue
        inputs = {column.name: typed(column, texts.get(column.name.lower(), column.missing)) for column in table.inputs}
        responses.append(
            PastResponse(
                texts.get("id") or f"row {row}", texts.get("customer", ""), _moment(texts.get("received_at")), inputs
            )
        )
    return responses


@total
def read_events(data: bytes, *, file: str = "events.csv") -> list[PastEvent]:
    """Read journey events: customer, event and at; optionally id, reference, delivery_expected, months. Unreadable."""
    events = []
    for row, texts in _rows(data, file):
        if row == 1:
            missing = [name for name in ("customer", "event", "at") if name not in texts]
            if missing:
                raise Unreadable(f"{file}: the first line lacks {', '.join(missing)}.")
            continue
        months = texts.get("months", "")
        events.append(
            PastEvent(
                id=texts.get("id") or f"row {row}",
                customer=texts["customer"],
                event=texts["event"],
                at=_moment(texts["at"]),
                reference=texts.get("reference", ""),
                delivery_expected=texts.get("delivery_expected") or None,
                months=int(months) if months.isdecimal() and len(months) <= _MOST_DIGITS else None,
            )
        )
    return events


def _rows(data: bytes, file: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the header (row 1) and each row as texts by column name."""
    rows, _ = read_rows(decode(file, data, any_size=True), PAST, file)
    if not rows:
        raise Unreadable(f"{file} is empty: its first line must name the columns.")
    names = [" ".join(fold(cell).lower().split()) for cell in rows[0]]
    yield 1, dict.fromkeys(names, "")
    for number, cells in enumerate(rows[1:], start=2):
        if any(cells):
            padded = [*cells, *[""] * (len(names) - len(cells))]
            yield number, {name: text.strip() for name, text in zip(names, padded, strict=False)}


def _check_columns(table: Table, header: Mapping[str, str], file: str) -> None:
    needed = [column.name for column in table.inputs if not column.unknown and not column.missing]
    missing = [name for name in needed if name.lower() not in header]
    if missing:
        hint = suggestion(missing[0], header)
        raise Unreadable(f"{file}: the first line lacks {', '.join(missing)}: it must name every input column.{hint}")


def typed(column: Column, text: str) -> Value:
    """Return a text as a value of a column; a bare number in a duration column counts days."""
    if text.lower() in _UNKNOWN:
        return None
    if column.kind is not Kind.TEXT:
        text = text[:_LONGEST]
    try:
        if column.kind is Kind.DURATION and re.fullmatch(r"\d+(\.\d+)?", text):
            return timedelta(days=float(text))
        return parse_scalar(column.kind, text)
    except (BadInput, OverflowError):
        return text


def _moment(text: str | None) -> datetime:
    if not text:
        return datetime(1970, 1, 1, tzinfo=UTC)
    cleaned = text.replace(" ", "T", 1)
    moment = parse_moment(cleaned if ":" in cleaned else f"{cleaned}T00:00:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
