"""Groups on the report's pages: by what answers can be chosen and set side by side, and their table."""

from collections.abc import Mapping

from starlette.requests import Request

from workers.domain.reporting import Reading
from workers.usecases.report.groups import dimensions_offered
from workers.usecases.report.sections import Review
from workers.web.http.requests.context import web_of
from workers.web.staff.report.cells import Cell, Sheet, number, ratio, sheet, word
from workers.web.staff.report.sheets import MEASURED, readings, sheets
from workers.web.staff.report.wording import Words

MOST_GROUPS = 60
"""Rows of the table of groups on the page, by name; the file has all."""


def filter_values(request: Request, words: Words, used: Mapping[str, list[str]]) -> dict[str, object]:
    """Return what the form of a report's filters shows: what is chosen, and what there is to choose from.

    `used` is every trigger, touchpoint, segment and language there is.
    """
    offered = dimensions_offered(web_of(request).policy().attributes)
    return {
        "chosen": words.addresses.chosen(),
        "query": words.addresses.query(),
        "choices": {name: [(value, words.part(name, value)) for value in values] for name, values in used.items()},
        "dimensions": [(name, words.dimension(name)) for name in offered],
        "groups_title": words.grouping(),
    }


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
    return [number(words, reading.figures.asked), ratio(words, reading.rate)]
