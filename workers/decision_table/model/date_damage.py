"""Recognise a band that a spreadsheet turned into a date: 1-6 became 06-Jan, 01-juin, 2026-01-06 or 06.01.2026.

Must not guess silently: it only says what was probably meant.
"""

import re

from workers.decision_table.model.values import Kind

_BANDS = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DURATION, Kind.MONTHS})
# The first letters of the months in English, French, German, Spanish, Italian, Portuguese and Dutch.
_MONTHS = (
    ("jan", "ene", "gen"), ("feb", "fev", "fév"), ("mar", "mär", "mrz", "maa", "mrt"), ("apr", "avr", "abr"),
    ("may", "mai", "mag", "mei"), ("jun", "juin", "giu"), ("jul", "juil", "lug"), ("aug", "aou", "aoû", "ago"),
    ("sep", "set"), ("oct", "okt", "ott", "out"), ("nov",), ("dec", "déc", "dez", "dic"),
)  # fmt: skip
_DAY_MONTH = re.compile(r"(\d{1,4})[-. /]+([^\W\d_]{3,9})\.?(?:[-. /]+(\d{2,4}))?")
_MONTH_DAY = re.compile(r"([^\W\d_]{3,9})\.?[-. /]+(\d{1,4})")
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T]\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?")
_LOCAL = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?:[ T]\d\d?:\d\d(?::\d\d)?)?")


def damaged_by_spreadsheet(item: str, kind: Kind) -> str | None:
    """Return what happened to a cell that looks like a date in a column without dates, else None."""
    pair = _day_and_month(item) if kind in _BANDS else None
    if pair is None:
        return None
    low, high = sorted(pair)
    return (
        f"{item} looks like a date: a spreadsheet turned a band into it, probably {low}-{high}. "
        f"Format the column as text and write {low}-{high} again."
    )


def _day_and_month(item: str) -> tuple[int, int] | None:
    if match := _ISO.fullmatch(item):
        return int(match[3]), int(match[2])
    if match := _LOCAL.fullmatch(item):
        return int(match[1]), int(match[2])
    if match := _DAY_MONTH.fullmatch(item):
        month = _month(match[2])
        return (int(match[1]), month) if month else None
    if match := _MONTH_DAY.fullmatch(item):
        month = _month(match[1])
        return (int(match[2]), month) if month else None
    return None


def _month(word: str) -> int | None:
    lowered = word.lower()
    # `juin` and `juil` share letters with `jun` and `jul` of other languages, so the longer beginnings go first.
    beginnings = sorted(
        ((start, n) for n, starts in enumerate(_MONTHS, 1) for start in starts), key=lambda month: -len(month[0])
    )
    return next((n for start, n in beginnings if lowered.startswith(start)), None)
