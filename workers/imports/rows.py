"""Rows of a CSV file to events, as bytes like from any door; a bad row comes out refused, with its line and bytes.

It streams and never stops at a row. What an event must hold is decided by the codec that reads the bytes.
"""

import csv
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

import orjson

from workers.envelope import Fault, Refusal, Rejected
from workers.envelope.shapes import as_typed
from workers.imports.lines import Lines
from workers.imports.mapping import COLUMN, Cell, EventRule, Mapping, Path
from workers.words import Misconfigured


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row of the file: its first line, its bytes, and the events it stands for, or why it is refused."""

    line: int
    raw: bytes
    events: tuple[bytes, ...]
    rejected: Rejected | None = None


def events(stream: BinaryIO, mapping: Mapping) -> Iterator[tuple[int, bytes | Rejected]]:
    """Yield line and event (structured CloudEvents JSON) for all that the rows stand for; see `rows`."""
    for row in rows(stream, mapping):
        if row.rejected is not None:
            yield row.line, row.rejected
        for event in row.events:
            yield row.line, event


def rows(stream: BinaryIO, mapping: Mapping) -> Iterator[ImportRow]:
    """Read the header at once, then yield row by row. Raises Misconfigured when the header does not fit the mapping.

    Delimiter , or ; or tab; UTF-8 with or without byte order mark. A bad row is refused and the next one is read.
    """
    lines = Lines(stream)
    first = lines.header()
    delimiter = max(",;\t", key=first.count)
    try:
        header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
    except (csv.Error, StopIteration) as error:
        raise Misconfigured([f"the first line is no list of columns ({error}). Give the file a header."]) from error
    _check_header(header, mapping)
    return _rows(lines, header, delimiter, mapping)


def _check_header(header: list[str], mapping: Mapping) -> None:
    faults = []
    for column in sorted(mapping.columns - set(header)):
        near = difflib.get_close_matches(column, header, n=1)
        guess = f" Did you mean {near[0]}?" if near else f" It has {', '.join(header)[:300]}."
        faults.append(f"the file has no column {column}.{guess}")
    faults += [
        f"the file has the column {column} {header.count(column)} times. Name each column once."
        for column in sorted(mapping.columns)
        if header.count(column) > 1
    ]
    if faults:
        raise Misconfigured(faults)


def _rows(lines: Lines, header: list[str], delimiter: str, mapping: Mapping) -> Iterator[ImportRow]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raw, _ = lines.take()
            detail = f"The row cannot be read ({error}). Close every quote, or double it inside a text."
            yield _refused(line, raw, detail)
            continue
        raw, readable = lines.take()
        if not any(cell.strip() for cell in cells):
            continue
        if not readable:
            yield _refused(line, raw, "The row is not UTF-8. Save the file as UTF-8.", Refusal.WRONG_ENCODING)
        elif len(cells) != len(header):
            detail = f"The row has {len(cells)} cells, the header {len(header)}. Quote cells that hold a {delimiter!r}."
            yield _refused(line, raw, detail)
        else:
            yield _row(line, raw, dict(zip(header, map(str.strip, cells), strict=True)), mapping)


def _refused(line: int, raw: bytes, detail: str, reason: Refusal = Refusal.BAD_ROW) -> ImportRow:
    return ImportRow(line, raw, (), Rejected(reason, (Fault("", f"Line {line}: {detail}", reason),)))


def _row(line: int, raw: bytes, cells: dict[str, str], mapping: Mapping) -> ImportRow:
    """Make the events of one row; a row whose ids cannot be made is refused whole."""
    made = []
    for rule in mapping.rules:
        if rule.when and not cells[rule.when]:
            continue
        empty = [column for column in rule.id.columns if not cells[column]]
        if empty:
            detail = f"The column {empty[0]} is empty, so {rule.type} would have no id of its own. Fill it in."
            return _refused(line, raw, detail)
        made.append(orjson.dumps(_event(rule, cells, mapping)))
    return ImportRow(line, raw, tuple(made))


def _event(rule: EventRule, cells: dict[str, str], mapping: Mapping) -> dict[str, object]:
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": _fill(rule.id, cells, mapping),
        "source": mapping.source,
        "type": rule.type,
    }
    for name, cell in (("subject", rule.subject), ("time", rule.time)):
        value = _fill(cell, cells, mapping) if cell is not None else None
        if value is not None:
            event[name] = value
    data: dict[str, object] = {}
    for path, cell in rule.data:
        value = _fill(cell, cells, mapping)
        if value is not None:
            _put(data, path, value)
    event["data"] = data
    return event


def _put(data: dict[str, object], path: Path, value: object) -> None:
    for step in path[:-1]:
        inner = data.setdefault(step, {})
        data = inner if isinstance(inner, dict) else {}
    data[path[-1]] = value


def _fill(cell: Cell, cells: dict[str, str], mapping: Mapping) -> object:
    """Return the value of a cell in a row, or None where its only column is empty."""
    if not cell.columns:
        return cell.constant if cell.constant is not None else cell.text or None
    if cell.is_one_column:
        text = cells[cell.columns[0]]
        if not text:
            return None
        return _instant(text, mapping) if cell.instant else as_typed(text, cell.types)
    text = COLUMN.sub(lambda found: cells[found[1]], cell.text)
    return _instant(text, mapping) if cell.instant else text


def _instant(text: str, mapping: Mapping) -> str:
    """Return a time in UTC, RFC 3339; what cannot be read stays as it is, and the codec says what is wrong.

    A local time that a change of clocks skips counts from before the change, one that comes twice is the first.
    """
    try:
        at = _read_time(text, mapping.time_format)
        if at.tzinfo is None:
            if mapping.zone is None:
                return text
            at = at.replace(tzinfo=mapping.zone)
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return text


def _read_time(text: str, time_format: str) -> datetime:
    if not time_format:
        return datetime.fromisoformat(text)
    return datetime.strptime(text, time_format)  # noqa: DTZ007  # the caller gives it the zone of the mapping
