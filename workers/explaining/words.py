"""Every reason and every state as English, and instants as a person says them.

A reason is a clause ("the customer has opted out of these questions"), a state a lead ("Skipped"); together they are
one full sentence. Must not look at rows.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from workers.duetime import in_zone
from workers.words import (
    ActionState,
    DeadLetterState,
    DecisionOutcome,
    DecisionState,
    DispatchState,
    Effect,
    Reason,
    RequestState,
    ResponseState,
    TestimonialState,
    TicketState,
    TouchpointState,
)

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

CLAUSES: dict[Reason, str] = {
    Reason.NO_ADDRESS: "no mail address of the customer is known",
    Reason.OPTED_OUT: "the customer has opted out of these questions",
    Reason.SUPPRESSED: "mail to the customer's address is suppressed{more}",
    Reason.ERASED: "the customer's data was erased",
    Reason.TOO_LATE: "it would have come too late{give_up}{before}",
    Reason.RESTING: "the customer was asked{asked} and rests{until}",
    Reason.YEARLY_MAXIMUM: "the customer was asked as often as is allowed in a year and rests{until}",
    Reason.COUNTED_ONCE: "the same answer came again under another event id and counts once{more}",
    Reason.SAME_MAILBOX: "somebody with the same mail address was asked before and the mailbox rests{until}",
    Reason.SEND_WINDOW: "mails leave only in the send window{wake}",
    Reason.NOT_DUE: "it is not due yet{due}",
    Reason.STOPPED: "{cause}",
    Reason.HOLD: "{hold}{wake}",
    Reason.SENDING_HELD: "sending is held{more}",
    Reason.PAUSED: "this touchpoint is paused{more}",
    Reason.DAILY_MAXIMUM: "the daily maximum of mails was reached{more}",
    Reason.MOVED_EARLIER: "an earlier event moved it",
    Reason.ANSWERED: "the customer had answered already{elsewhere}",
    Reason.REQUEST_CLOSED: "the survey request had closed",
    Reason.SUPERSEDED: "a changed answer led to a newer decision",
    Reason.ALREADY_DONE: "the decision before had done the same already",
    Reason.OPEN_TICKET: "the customer has, or has had since, an open ticket{more}",
    Reason.LATER_RESPONSE: "a later answer of the customer is not 9 or 10{more}",
    Reason.ASKED_LAST_YEAR: "the customer was asked for a testimonial before, and is not asked again so soon{more}",
    Reason.CONSENT_REFUSED: "the customer refused or withdrew consent before",
    Reason.NO_PERMISSION: "the customer has not permitted marketing mail",
    Reason.FELL_BACK: "a plain thank-you went out instead{before}",
    Reason.OPERATOR: "an operator decided so{more}",
    Reason.CHANGED: "the answer was changed",
    Reason.REFUSED_BY_SERVER: "the mail server refused it{more}",
    Reason.SERVER_AWAY: "the mail server took no mails{more}",
    Reason.BOUNCED: "the mail came back{more}",
    Reason.NO_SUCH_RULE: "no rule of the follow-up table covers the answer{more}",
    Reason.MERGED: "the customer was merged into another one",
    Reason.CARRIER_FAILED: "the carrier of its channel could not deliver it{more}",
    Reason.HANDED_OVER: "it was handed over{more}",
    Reason.JOINED_TICKET: "the customer had an open ticket already, which it joined",
    Reason.WAIT: "its wait is not over{due}",
}
"""Each reason; in braces what the row may add: why, until when, since when."""

CLAUSES_THEN: dict[Reason, str] = {
    Reason.NO_ADDRESS: "no mail address of the customer was known",
    Reason.SUPPRESSED: "mail to the customer's address was suppressed{more}",
    Reason.NO_PERMISSION: "the customer had not permitted marketing mail",
}
"""What held when something was decided for good, and may be otherwise today: an address came since."""

CAUSES = {
    "refund": "the purchase was refunded",
    "order_cancelled": "the order was cancelled",
    "churned": "the customer has left",
    "deceased": "the customer has died",
    "opted_out": "the customer has opted out",
    "erased": "the customer's data was erased",
    "complaint_opened": "a complaint was opened",
    "complaint_closed": "a complaint was closed",
    "ticket_opened": "a ticket was opened",
    "ticket_done": "a ticket was closed",
}
"""What a contrary event means; an operator's own one is named as it is."""

HOLDS = {
    "complaint_opened": ("a complaint is open", "a complaint was closed a short time ago"),
    "ticket_opened": ("a ticket is open", "a ticket was closed a short time ago"),
}
"""What a contrary event holds for: while it lasts, and once its end is known."""

TRANSPORT = {
    "later": "the mail server asked to try again later{more}",
    "cut": "the connection broke when the mail had perhaps left already{more}",
    "cannot be written": "the mail could not be written{more}",
    "not in BOUCLE_MAIL_ONLY_TO": "its address was not on the list in BOUCLE_MAIL_ONLY_TO",
}
"""Reasons that only a sender gives."""

LEADS: dict[type[StrEnum], dict[str, str]] = {
    TouchpointState: {
        "planned": "Planned",
        "held": "Held",
        "asked": "Asked",
        "skipped": "Skipped",
        "cancelled": "Cancelled",
    },
    RequestState: {
        "open": "Waiting for an answer",
        "answered": "Answered",
        "closed": "Closed",
        "expired": "Not answered in time",
        "withdrawn": "Withdrawn",
        "undeliverable": "Could not be delivered",
    },
    ResponseState: {"settling": "Settling", "decided": "Decided", "closed": "Closed"},
    DecisionState: {"current": "Counts", "superseded": "Superseded"},
    DecisionOutcome: {
        "matched": "A rule matched",
        "otherwise": "No rule matched, the otherwise rule applied",
        "parked": "Parked for a person to look at",
    },
    ActionState: {
        "planned": "Planned",
        "held": "Held",
        "done": "Done",
        "skipped": "Skipped",
        "cancelled": "Cancelled",
        "failed": "Failed",
    },
    DispatchState: {
        "ready": "Not sent yet",
        "leased": "About to be sent",
        "sending": "Being sent",
        "accepted": "Sent",
        "failed": "Failed",
        "unknown": "Perhaps sent: the connection broke at the last moment",
        "bounced": "Came back",
        "cancelled": "Cancelled before it was sent",
        "suppressed": "Not sent",
    },
    TicketState: {"open": "Open", "claimed": "Claimed", "waiting": "Waiting", "done": "Done"},
    TestimonialState: {
        "asked": "Asked for, not written yet",
        "written": "Written, without consent yet",
        "consented": "May be published",
        "refused": "Must not be published: consent was refused",
        "withdrawn": "Must not be published any more: consent was withdrawn",
    },
    DeadLetterState: {
        "open": "Not accepted",
        "replayed": "Not accepted at first, taken in on a second try",
        "discarded": "Not accepted, and discarded by an operator",
    },
    Effect: {"cancel": "Cancels what is planned", "hold": "Holds what is planned", "end": "Ends a hold"},
}
"""How a sentence about each state begins."""


PLACES = ("more", "until", "asked", "due", "wake", "give_up", "before", "elsewhere")
"""What a row may add to a reason."""


def lead(state: StrEnum) -> str:
    """Return the first words of a sentence about a state."""
    return LEADS[type(state)][state.value]


def clause(reason: str, places: Mapping[str, str], *, over: bool = False) -> str:
    """Return why, as a clause; a reason may carry its detail behind a colon ("stopped: refund").

    `over`: it was decided for good, so that it says what held then.
    """
    code, _, behind = reason.partition(": ")
    filled = {**dict.fromkeys(PLACES, ""), **places}
    detail = behind or filled.get("detail", "")
    filled["more"] = f" ({detail})" if detail else filled["more"]
    filled["cause"] = cause(detail)
    filled.setdefault("hold", held_by(detail))
    if code in TRANSPORT:
        return TRANSPORT[code].format_map(filled)
    if code not in set(Reason):
        return reason.replace("_", " ")
    said = CLAUSES_THEN.get(Reason(code)) if over else None
    return (said or CLAUSES[Reason(code)]).format_map(filled)


def cause(event: str) -> str:
    """Return what a contrary event means."""
    if not event:
        return "an event against the plan arrived"
    return CAUSES.get(event, f"the event {event.replace('_', ' ')} arrived")


def held_by(event: str, *, ended: bool | None = None) -> str:
    """Return what a hold waits for: something that lasts, or the days after its end; both where that is not known."""
    if event not in HOLDS:
        return cause(event)
    return " or ".join(HOLDS[event]) if ended is None else HOLDS[event][ended]


def day(at: datetime, zone: str, now: datetime) -> str:
    """Return the date as a person says it, with the year only where it is not this one: 3 March, 3 March 2017."""
    local, here = in_zone(at, zone), in_zone(now, zone)
    year = "" if local.year == here.year else f" {local.year}"
    return f"{local.day} {MONTHS[local.month - 1]}{year}"


def moment(at: datetime, zone: str, now: datetime) -> str:
    """Return date and time as a person says them: 3 March at 10:12."""
    return f"{day(at, zone, now)} at {in_zone(at, zone):%H:%M}"


def sentence(text: str) -> str:
    """Return a clause as a sentence: a capital first, a full stop last."""
    stripped = text.strip()
    return stripped if not stripped else stripped[0].upper() + stripped[1:].rstrip(".") + "."
