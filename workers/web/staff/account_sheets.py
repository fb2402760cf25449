"""The tables of the page of accounts, as its files have them: coverage, the NPS over accounts, the silent, the largest.

Pure.
"""

from collections.abc import Iterable, Sequence

from workers.domain.reporting.accounts import AccountLine, Coverage, SilentAccount
from workers.web.staff.report.cells import Cell, Sheet, flag, number, points, ratio, word
from workers.web.staff.report.wording import Words

SHARES = ("all", "asked", "answered", "share")
MEASURED = ("touchpoint", "accounts", "nps", "low", "high", "promoters", "passives", "detractors", "split", "flag")


def account_sheets(
    coverage: Coverage, silent: Iterable[SilentAccount], largest: Iterable[AccountLine], words: Words
) -> list[Sheet]:
    """Return every table in the order of the page."""
    return [
        coverage_sheet(coverage, words),
        scores_sheet(coverage, words),
        silent_sheet(silent, words),
        largest_sheet(largest, words),
    ]


def coverage_sheet(coverage: Coverage, words: Words) -> Sheet:
    """Return of accounts, people and revenue how many there are, how many were asked, and how many answered."""
    share = coverage.people_answered / coverage.people if coverage.people else None
    rows = [
        counts(
            words, "accounts", (coverage.accounts, coverage.accounts_asked, coverage.accounts_answered), coverage.share
        ),
        counts(words, "people", (coverage.people, coverage.people_asked, coverage.people_answered), share),
    ]
    if (revenue := coverage.revenue) is not None:
        sums = (revenue.total, revenue.asked, revenue.answered)
        cells = [Cell(int(value) if value.is_integer() else value, words.whole(round(value))) for value in sums]
        rows.append([word(words.dimension(revenue.attribute)), *cells, ratio(words, revenue.share)])
        rows.append([word(said(words, "unknown")), number(words, revenue.unknown), *[word("")] * 3])
    return made("coverage", words, ("accounts.what", *(f"report.column.{id}" for id in SHARES)), rows)


def counts(words: Words, what: str, numbers: Sequence[int], share: float | None) -> list[Cell]:
    """Return the line of one kind of thing that is covered."""
    return [word(said(words, f"of.{what}")), *(number(words, n) for n in numbers), ratio(words, share)]


def scores_sheet(coverage: Coverage, words: Words) -> Sheet:
    """Return the NPS over accounts, touchpoint by touchpoint."""
    rows = []
    for scores in coverage.touchpoints:
        reading, bands = scores.reading, scores.counts
        measured = (points(words, value) for value in (reading.nps, reading.low, reading.high))
        banded = (number(words, n) for n in (bands.promoters, bands.passives, bands.detractors, scores.split))
        line = [word(words.touchpoint(scores.touchpoint)), number(words, reading.n), *measured, *banded]
        rows.append([*line, flag(words, reading.flag)])
    return made("scores", words, [f"report.column.{id}" for id in MEASURED], rows)


def silent_sheet(accounts: Iterable[SilentAccount], words: Words) -> Sheet:
    """Return the silent accounts, those asked longest ago first."""
    rows = [
        [
            word(line.name),
            word(", ".join(line.owners)),
            number(words, line.people),
            Cell(line.asked_at, words.day(line.asked_at)),
            Cell(line.heard_at, words.day(line.heard_at) if line.heard_at else ""),
        ]
        for line in accounts
    ]
    return made("silent", words, [f"accounts.{id}" for id in ("account", "owner", "persons", "asked", "heard")], rows)


def largest_sheet(accounts: Iterable[AccountLine], words: Words) -> Sheet:
    """Return the largest accounts with the spread of their latest scores."""
    rows = [
        [
            word(line.name),
            word(", ".join(line.owners)),
            number(words, line.people),
            number(words, line.answered),
            Cell(line.lowest, "" if line.lowest is None else str(line.lowest)),
            Cell(line.highest, "" if line.highest is None else str(line.highest)),
            Cell(line.last_answer, words.day(line.last_answer) if line.last_answer else ""),
            word(", ".join(line.unhappy_roles)),
        ]
        for line in accounts
    ]
    columns = ("account", "owner", "persons", "answered", "lowest", "highest", "last", "unhappy")
    return made("largest", words, [f"accounts.{id}" for id in columns], rows)


def made(name: str, words: Words, columns: Iterable[str], rows: list[list[Cell]]) -> Sheet:
    """Return a sheet whose title is the page's, and whose columns are texts of the catalog."""
    titles = tuple(words.catalog.text(id, {}) for id in columns)
    return Sheet(name, said(words, name if name != "scores" else "scores.title"), titles, rows)


def said(words: Words, id: str) -> str:
    """Return a text of the page of accounts."""
    return words.catalog.text(f"accounts.{id}", {})
