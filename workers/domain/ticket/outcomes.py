"""How a ticket may end: the outcomes, what each needs before it may be chosen, and what it means for the customer."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from workers.calendar import in_zone
from workers.domain.records import Ticket, TicketEntry
from workers.errors import BadInput

if TYPE_CHECKING:  # the command's list of outcomes is read without a case
    from workers.domain.customer_case import CustomerCase

OUTCOMES = (
    "solved",
    "explained",
    "compensated",
    "passed_on",
    "cannot_solve",
    "not_reached",
    "wants_no_contact",
    "score_mistake",
    "duplicate",
)
DUPLICATE = "duplicate"
"""How the second of a person's two tickets ends."""
RECOVERING = frozenset({"solved", "explained", "compensated"})
"""Outcomes after which the customer is asked again; `passed_on` joins them once the promise is kept."""
TOLD = RECOVERING | {"passed_on", "cannot_solve"}
"""Outcomes that the customer reads of, in the agent's sentence, and whose cause is worth removing."""
MAILED = TOLD | {"not_reached"}
"""Outcomes whose sentence is mailed: who wants no contact gets none, and a duplicate is told elsewhere."""
CONTACTED = TOLD | {"wants_no_contact"}
"""Outcomes that only somebody who spoke with the customer can choose."""
PASSED_ON = "passed_on"
SCORE_MISTAKE = "score_mistake"
OTHER = "other"
"""The root cause that needs a text instead of a second level."""
NOT_REACHED_ATTEMPTS, NOT_REACHED_DAYS = 3, 2
LONGEST_PROMISE = timedelta(days=366)
"""A promise for later than that is a slip of the keyboard."""
OF_ACCOUNT = "account"
"""The line of a ticket's history that names an answer of somebody else of the account, and its source."""
TOLD_OTHER, UNTOLD_OTHER = "account_told", "account_untold"
"""The lines that name who else was told what was done, or could not be."""
NAMES_SOMEBODY = frozenset({OF_ACCOUNT, TOLD_OTHER, UNTOLD_OTHER})
"""The kinds of lines that name an answer of somebody else."""
NEWS = "done-account"
"""The mail that tells others of an account what was done."""
CALLS = frozenset({"no_answer", "reached"})


class Fault(StrEnum):
    """What is missing before a ticket can be done like this."""

    OUTCOME = "outcome"
    ROOT_CAUSE = "root_cause"
    ROOT_CAUSE_UNKNOWN = "root_cause_unknown"
    ROOT_CAUSE_TEXT = "root_cause_text"
    SENTENCE = "sentence"
    PROMISED_AT = "promised_at"
    ATTEMPTS = "attempts"
    MAIL = "mail"


SENTENCES: Mapping[Fault, str] = {
    Fault.OUTCOME: f"the outcome must be one of {', '.join(OUTCOMES)}",
    Fault.ROOT_CAUSE: "a root cause is needed, so that the cause can be removed",
    Fault.ROOT_CAUSE_UNKNOWN: "the root cause must be one of those in rules/root-causes.yaml, such as delivery/late",
    Fault.ROOT_CAUSE_TEXT: "the root cause `other` needs a few words",
    Fault.SENTENCE: "one sentence is needed that the customer will read",
    Fault.PROMISED_AT: "the date is needed that was promised, still to come and within a year",
    Fault.ATTEMPTS: f"not_reached needs at least {NOT_REACHED_ATTEMPTS} attempts on {NOT_REACHED_DAYS} days",
    Fault.MAIL: "not_reached needs a mail to the customer, sent with one of the attempts",
}


class Unfinished(BadInput):
    """A ticket cannot be done like this yet; `missing` has every fault."""

    def __init__(self, number: int, missing: Collection[Fault]) -> None:
        self.missing = tuple(missing)
        super().__init__(f"Ticket {number} is not done yet: " + "; ".join(SENTENCES[fault] for fault in missing) + ".")


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried to reach the customer since the ticket was opened or last reopened."""

    attempts: int = 0
    days: int = 0
    mailed: bool = False


def tried(entries: Iterable[TicketEntry], zone: str) -> Tried:
    """Return what was tried, from the ticket's history; days are dates in the team's zone."""
    since: list[TicketEntry] = []
    for entry in sorted(entries, key=lambda entry: (entry.at, entry.version, entry.id)):
        since = [] if entry.kind == "reopened" else [*since, entry]
    calls = [entry for entry in since if entry.kind in CALLS]
    days = {in_zone(entry.at, zone).date() for entry in calls}
    return Tried(len(calls), len(days), any(entry.kind == "mail" for entry in since))


@dataclass(frozen=True, slots=True)
class Ending:
    """How an agent wants to end a ticket."""

    outcome: str
    root_cause: str = ""
    root_cause_text: str = ""
    sentence: str = ""
    promised_at: datetime | None = None

    def trimmed(self) -> "Ending":
        """Return it without blanks around what was written."""
        return replace(self, root_cause_text=self.root_cause_text.strip(), sentence=self.sentence.strip())


def check_done(case: "CustomerCase", ticket: Ticket, ending: Ending, so_far: Tried) -> None:
    """Raise Unfinished, with all that is missing, when a ticket cannot be done like this."""
    mailable, now = case.mailable, case.now
    missing = [*cause_faults(ending, case.policy.root_causes)]
    if ending.outcome not in OUTCOMES:
        missing.insert(0, Fault.OUTCOME)
    if ending.outcome in TOLD and mailable and not ending.sentence.strip():
        missing.append(Fault.SENTENCE)
    if ending.outcome == PASSED_ON and not (ending.promised_at and now < ending.promised_at <= now + LONGEST_PROMISE):
        missing.append(Fault.PROMISED_AT)
    if ending.outcome == "not_reached":
        if so_far.attempts < NOT_REACHED_ATTEMPTS or so_far.days < NOT_REACHED_DAYS:
            missing.append(Fault.ATTEMPTS)
        if mailable and not so_far.mailed:
            missing.append(Fault.MAIL)
    if missing:
        raise Unfinished(ticket.number, missing)


def cause_faults(ending: Ending, causes: Mapping[str, Collection[str]]) -> Iterable[Fault]:
    """Give what is wrong with the root cause: two levels of those that there are, or `other` with a text."""
    area, _, cause = ending.root_cause.partition("/")
    if not ending.root_cause:
        if ending.outcome in TOLD:
            yield Fault.ROOT_CAUSE
    elif area == OTHER:
        if not ending.root_cause_text.strip():
            yield Fault.ROOT_CAUSE_TEXT
    elif cause not in causes.get(area, ()):
        yield Fault.ROOT_CAUSE_UNKNOWN
