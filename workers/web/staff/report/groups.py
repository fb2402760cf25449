"""Groups on the report's pages: by what answers can be set side by side, and their table for page and files."""

from starlette.requests import Request

from workers.domain.reporting import Reading
from workers.usecases.report.groups import dimensions_offered
from workers.usecases.report.sections import Review
from workers.web.http.requests.context import web_of
from workers.web.staff.report.cells import Cell, Sheet, sheet, word
from workers.web.staff.report.sheets import MEASURED, readings, sheets
from workers.web.staff.report.wording import Words

MOST_GROUPS = 60
"""Rows of the table of groups on the page, by name; the file has all."""


def dimension_choices(request: Request, words: Words) -> list[tuple[str, str]]:
    """Return by what the answers can be set side by side, and what that is called."""
    return [(name, words.dimension(name)) for name in dimensions_offered(web_of(request).policy().attributes)]


def all_sheets(review: Review, words: Words) -> list[Sheet]:
    """Return every table of the report; the one of the groups comes first, where the address names a dimension."""
    return [*([groups_sheet(review, words)] if review.filters.by else []), *sheets(review, words)]


def groups_sheet(review: Review, words: Words) -> Sheet:
    """Return the groups set side by side, a mixture of touchpoints without a score, each of them beside it."""
    rows = []
    for group in review.groups.shown:
        name = words.group(group.name)
        rows.append(
            [word(name), word(""), *readings(words, group.reading, group=group.name), *rate(words, group.reading)]
        )
        for touchpoint, reading in group.touchpoints:
            rows.append(
                [
                    word(name),
                    word(words.touchpoint(touchpoint)),
                    *readings(words, reading, touchpoint=touchpoint, group=group.name),
                    *rate(words, reading),
                ]
            )
    made = sheet("groups", words, ("group", "touchpoint", *MEASURED, "asked", "rate"), rows)
    return Sheet(made.name, made.title, (words.grouping(), *made.columns[1:]), rows)


def rate(words: Words, reading: Reading) -> list[Cell]:
    """Return how many were asked and the share that answered, for groups: their questions are no list."""
    asked = reading.figures.asked
    value = None if reading.rate is None else round(reading.rate, 4)
    return [Cell(asked, words.whole(asked)), Cell(value, words.share(reading.rate))]
