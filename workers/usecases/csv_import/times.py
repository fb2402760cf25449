"""Times as files have them: what can mean one instant only is read, what may mean two is told how to be made plain.

Read without being asked: ISO 8601 with or without seconds and offset, a date alone (midnight), 20.11.2026 and
20/11/2026 where the day is above 12, AM and PM, English months, seconds and milliseconds since 1970, Excel's day
numbers. A notation named in the mapping is the only one tried.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from workers.usecases.csv_import.charsets import Said

WORDS = ("epoch", "epoch_ms", "excel", "excel1904")
"""Notations that `time_format` may name beside the patterns of strptime."""
SECONDS = (631_152_000, 4_102_444_800)  # 1990 to 2100, the years that events come from
DAYS = (32_874, 73_051)  # the same years as Excel counts days
_EXCEL, _EXCEL_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001  # wall clocks of the mapping's zone
_CLOCK = (
    r"(?:[ T,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?\s*(?P<zone>Z|z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}.*|\d{8}T\d{4}.*", re.ASCII | re.DOTALL)
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + _CLOCK, re.ASCII)
_YEAR_LAST = re.compile(r"(?P<a>\d{1,2})(?P<sign>[-/.])(?P<b>\d{1,2})(?P=sign)(?P<year>\d{4})" + _CLOCK, re.ASCII)
_YEAR_SHORT = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(?!\d)", re.ASCII)
_MONTH_WORD = re.compile(
    r"(?:[A-Za-z]{3,9},? )?(?:(?P<day>\d{1,2})[ -](?P<word>[A-Za-z]{3,9})|(?P<word2>[A-Za-z]{3,9}) (?P<day2>\d{1,2}))"
    r"\.?,?[ -](?P<year>\d{4})" + _CLOCK,
    re.ASCII,
)
_NUMBER = re.compile(r"\d{1,16}(?:[.,]\d{1,12})?", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WRITE = "Write it as 2026-03-31 14:05, or name the notation in the mapping: time_format."


class Times:
    """Reads the times of one file, in its mapping's zone and notation."""

    def __init__(self, zone: tzinfo | None, formats: Sequence[str], said: Said) -> None:
        self._zone = zone
        self._formats = formats
        self._said = said

    def read(self, text: str) -> datetime | str:
        """Return the instant in UTC, or a sentence with what is wrong and what to do.

        A local time that a change of clocks skips counts from before the change, one that comes twice is the first.
        """
        try:
            at = self._named(text) if self._formats else self._told(text)
            if isinstance(at, str):
                return at
            if at.tzinfo is None:
                if self._zone is None:
                    return (
                        f'"{text[:60]}" does not say whose clock it is. Write `time_zone: Europe/Paris` (or yours) '
                        "into the mapping."
                    )
                at = at.replace(tzinfo=self._zone)
            return at.astimezone(UTC)
        except (ValueError, OverflowError):
            return f'"{text[:60]}" is no date and time that exists. {_WRITE}'

    def _named(self, text: str) -> datetime | str:
        for each in self._formats:
            try:
                return self._by_word(text, each) if each in WORDS else datetime.strptime(text, each)  # noqa: DTZ007
            except (ValueError, OverflowError):
                continue
        named = " or ".join(self._formats)
        return f'"{text[:60]}" is not written as the mapping says (time_format: {named}). Correct the one or the other.'

    def _by_word(self, text: str, word: str) -> datetime:
        number = float(text.replace(",", "."))
        if word in ("epoch", "epoch_ms"):
            return datetime.fromtimestamp(number / (1000 if word == "epoch_ms" else 1), UTC)
        return (_EXCEL if word == "excel" else _EXCEL_1904) + timedelta(seconds=round(number * 86_400))

    def _told(self, text: str) -> datetime | str:
        if _ISO.fullmatch(text):
            return self._iso(text)
        if _NUMBER.fullmatch(text):
            return self._number(text)
        if match := _YEAR_LAST.fullmatch(text):
            return self._year_last(text, match)
        if match := _YEAR_FIRST.fullmatch(text):
            return self._on(date(int(match["year"]), int(match["month"]), int(match["day"])), match)
        if match := _MONTH_WORD.fullmatch(text):
            return self._month_word(text, match)
        if _YEAR_SHORT.match(text):
            return f'"{text[:60]}" has a year of two digits, so day, month and year may be mistaken. {_WRITE}'
        return f'"{text[:60]}" is no date and time that is known here. {_WRITE}'

    def _iso(self, text: str) -> datetime:
        if len(text) == 10:
            self._said("Dates without a time are read as midnight, at the beginning of the day.")
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            match = _YEAR_FIRST.fullmatch(text)
            if match is None:
                raise
            return self._on(date(int(match["year"]), int(match["month"]), int(match["day"])), match)

    def _number(self, text: str) -> datetime | str:
        number = float(text.replace(",", "."))
        whole = text.isdigit()
        for factor, unit in ((1, "seconds"), (1_000, "milliseconds"), (1_000_000, "microseconds")):
            if SECONDS[0] * factor <= number < SECONDS[1] * factor and (whole or factor == 1):
                self._said(f"Numbers such as {text[:20]} are read as {unit} since 1970 (UTC).")
                return datetime.fromtimestamp(number / factor, UTC)
        if DAYS[0] <= number < DAYS[1]:
            self._said(f"Numbers such as {text[:20]} are read as Excel's count of days (system of 1900).")
            return _EXCEL + timedelta(seconds=round(number * 86_400))
        if whole and len(text) in (8, 14):
            return datetime.strptime(text, "%Y%m%d" if len(text) == 8 else "%Y%m%d%H%M%S")  # noqa: DTZ007
        return f'"{text[:60]}" is a number that is no time known here. {_WRITE}'

    def _year_last(self, text: str, match: re.Match[str]) -> datetime | str:
        first, second, year = int(match["a"]), int(match["b"]), int(match["year"])
        if match["sign"] == "." or first > 12 or first == second:
            return self._on(date(year, second, first), match)
        if second > 12:
            return self._on(date(year, first, second), match)
        clock = " %H:%M" if match["hour"] else ""
        return (
            f'"{text[:60]}" may be {date(year, second, first):%d %B} or {date(year, first, second):%d %B}. Say which '
            f'in the mapping: time_format: "%d/%m/%Y{clock}" (day first) or "%m/%d/%Y{clock}" (month first).'
        )

    def _month_word(self, text: str, match: re.Match[str]) -> datetime | str:
        word = (match["word"] or match["word2"])[:3].lower()
        if word not in _MONTHS:
            return f'"{text[:60]}" has a month that is not English. {_WRITE}'
        return self._on(date(int(match["year"]), _MONTHS.index(word) + 1, int(match["day"] or match["day2"])), match)

    def _on(self, day: date, match: re.Match[str]) -> datetime:
        """Return a day with the clock that was matched behind it."""
        if not match["hour"]:
            self._said("Dates without a time are read as midnight, at the beginning of the day.")
            return datetime(day.year, day.month, day.day)  # noqa: DTZ001  # the caller gives it the mapping's zone
        hour = int(match["hour"])
        if match["half"]:
            if not 1 <= hour <= 12:
                raise ValueError("no hour of a half day")
            hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
        at = datetime(day.year, day.month, day.day, hour, int(match["minute"]), int(match["second"] or 0))  # noqa: DTZ001
        return at.replace(tzinfo=_offset(match["zone"])) if match["zone"] else at


def _offset(text: str) -> timezone:
    if text[0] not in "+-":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
