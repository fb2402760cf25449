"""What a cell of the two tables says, read from its value: waits, texts, channels, kinds of questions, quotas."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from workers.calendar import Wait, parse_wait
from workers.decision_table import Scalar
from workers.domain.types import MAIL, WEB, QuestionKind
from workers.errors import BadInput

NOW = Wait()
REMINDERS = ("reminder", "reminder 1", "reminder 2", "reminder 3")
"""The columns of a row's reminders; the first two are one and the same, and a plan has one of them."""
WEB_THEN_MAIL = ["web", "then", "mail", "after"]
EXAMPLE = "web then mail after 3d"
_QUOTA = re.compile(r"([1-9][0-9]{0,8})(?:\s+by\s+(\S+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quota:
    """How many customers a question is asked of on a day; `by` a column about them: so many of each of its values."""

    most: int
    by: str = ""

    def __str__(self) -> str:
        """Return it as a cell has it."""
        return f"{self.most} by {self.by}" if self.by else str(self.most)


def wait_of(value: object) -> Wait:
    """Return a wait cell's value; an empty cell is no wait."""
    return value if isinstance(value, Wait) else NOW


def own_wait(value: object) -> Wait | None:
    """Return a wait that a row may have, such as its own rest period, or None for an empty cell."""
    return value if isinstance(value, Wait) else None


def longest_of(value: object) -> timedelta | None:
    """Return how long a wait lasts at most, so that statements of the store can go by it; None for an empty cell."""
    wait = own_wait(value)
    return wait.longest if wait else None


def text_of(value: object) -> str:
    """Return a text cell's value; an empty cell is the empty text."""
    return "" if value is None else str(value)


def yes_no(value: bool) -> str:
    """Return a truth value as cells write it: yes or no."""
    return "yes" if value else "no"


def read_every(value: object) -> tuple[Wait | None, bool]:
    """Return after how long a row asks again, and whether that runs from the answer where there is one.

    `P6M` and `P6M after asked` run from when the customer was asked, `P6M after answered` from the answer; None for an
    empty cell. Raises BadInput with what to write.
    """
    if value is None or isinstance(value, Wait):
        return value, False
    words = text_of(value).split()
    if not words:
        return None, False
    since = [word.lower() for word in words[1:]]
    if since not in ([], ["after", "asked"], ["after", "answered"]):
        raise BadInput(f"{text_of(value)[:40]!r} cannot be read: write P6M, P6M after asked or P6M after answered")
    return parse_wait(words[0]), since[-1:] == ["answered"]


def share_of(value: object) -> int:
    """Return the percent of the customers whom a row asks; an empty cell, and what is no percentage, is everybody."""
    return value if isinstance(value, int) and 0 <= value <= 100 else 100


def read_quota(value: object) -> Quota | None:
    """Return a day's quota: `20`, or `20 by segment`; None for an empty cell. Raises BadInput with what to write."""
    cell = text_of(value).strip()
    if not cell:
        return None
    read = _QUOTA.fullmatch(cell)
    if read is None:
        raise BadInput(f"the number a day {cell[:40]!r} cannot be read: write 20, or 20 by segment")
    return Quota(int(read[1]), read[2] or "")


def reminders_of(row: Mapping[str, Scalar | None]) -> list[Wait]:
    """Return the waits of a row's reminders, in the order of their columns; `reminder` is `reminder 1`."""
    cells = [row.get(name) for name in REMINDERS]
    return [cell for cell in cells if isinstance(cell, Wait)]


def read_question(cell: str) -> QuestionKind:
    """Return what a row asks; an empty cell is the NPS question. Raises BadInput with what there is."""
    try:
        return QuestionKind(cell.strip().lower() or QuestionKind.NPS)
    except ValueError:
        there = ", ".join(QuestionKind)
        raise BadInput(f"the question {cell[:40]!r} is none that Boucle asks: write one of {there}") from None


def read_channel(cell: str) -> tuple[str, Wait | None]:
    """Return how a row asks, and for `web then mail after 3d` also the wait before the mail; an empty cell is mail.

    Any other name is that of a carrier. Raises BadInput for what begins like ours and is neither.
    """
    words = cell.split()
    if len(words) < 2 or words[0].lower() not in (MAIL, WEB):
        return cell.strip() or MAIL, None
    if [word.lower() for word in words[:4]] != WEB_THEN_MAIL:
        raise BadInput(f"the channel {cell!r} cannot be read: write mail, web or {EXAMPLE}")
    wait = parse_wait(" ".join(words[4:]))
    if wait == NOW:
        raise BadInput(f"the channel {cell!r} leaves no time for a visit: write mail, or {EXAMPLE}")
    return words[0].lower(), wait
