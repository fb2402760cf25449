"""Every reason and every state in words, and instants as a person says them, in the language of a catalog.

A reason is a clause ("the customer has opted out of these questions"), a state a lead ("Skipped"); together they are
one full sentence. Must not look at rows.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import reduce

from workers.calendar import in_zone
from workers.domain.explain.engine_words import in_words_of
from workers.domain.explain.phrases import ENGLISH, PREFIX
from workers.domain.mail.translations import Catalog
from workers.domain.types import (
    ActionState,
    DeadLetterState,
    DecisionOutcome,
    DecisionState,
    DialogueState,
    DispatchState,
    Effect,
    Reason,
    RequestState,
    ResponseState,
    TestimonialState,
    TextState,
    TicketState,
    TouchpointState,
)

WITH_DETAIL = frozenset(
    {
        Reason.SUPPRESSED,
        Reason.COUNTED_ONCE,
        Reason.SENDING_HELD,
        Reason.PAUSED,
        Reason.DAILY_MAXIMUM,
        Reason.OPEN_TICKET,
        Reason.LATER_RESPONSE,
        Reason.ASKED_LAST_YEAR,
        Reason.OPERATOR,
        Reason.REFUSED_BY_SERVER,
        Reason.SERVER_AWAY,
        Reason.BOUNCED,
        Reason.NO_SUCH_RULE,
        Reason.CARRIER_FAILED,
    }
)
"""Reasons behind which their detail is told in brackets, as it was written down."""
IN_OTHER_WORDS = frozenset(
    {Reason.REFUSED_BY_SERVER, Reason.SERVER_AWAY, Reason.BOUNCED, Reason.NO_SUCH_RULE, Reason.CARRIER_FAILED}
)
"""Those of them whose detail is a sentence of the engine or somebody else's words."""
TRANSPORT = {
    "later": "transport.later",
    "cut": "transport.cut",
    "cannot be written": "transport.not-written",
    "not in BOUCLE_MAIL_ONLY_TO": "transport.not-on-list",
}
"""Reasons that only a sender gives, and their texts; all but the last have a detail."""
LEADS: dict[type[StrEnum], str] = {
    TouchpointState: "touchpoint",
    RequestState: "request",
    ResponseState: "response",
    DecisionState: "decision",
    DecisionOutcome: "outcome",
    ActionState: "action",
    DispatchState: "dispatch",
    TicketState: "ticket",
    TestimonialState: "testimonial",
    DeadLetterState: "letter",
    Effect: "effect",
    DialogueState: "dialogue",
    TextState: "sms",
}
"""How the texts begin that tell a state: `touchpoint.planned`."""


def say(id: str, catalog: Catalog = ENGLISH, /, **values: object) -> str:
    """Return one text of explain; a stand-in where a value is unknown. Raises Never for an id that there is not."""
    return catalog.text(PREFIX + id, values)


def there_is(id: str, catalog: Catalog) -> bool:
    """Tell whether explain has a text of this id, which stands in catalogs with `explain.` before it."""
    return PREFIX + id in catalog.ids


def lead(state: StrEnum, catalog: Catalog = ENGLISH) -> str:
    """Return the first words of a sentence about a state."""
    return say(f"{LEADS[type(state)]}.{state.value}", catalog)


def clause(reason: str, places: Mapping[str, str], catalog: Catalog = ENGLISH, *, over: bool = False) -> str:
    """Return why, as a clause; a reason may carry its detail behind a colon ("stopped: refund").

    `places` has what the row adds, where it is known: `detail`, and dates and clauses by the names in the text.
    `over`: it was decided for good, so that it says what held then, and may be otherwise today.
    """
    code, _, behind = reason.partition(": ")
    detail = behind or places.get("detail", "")
    if code in TRANSPORT:
        id, has_detail = TRANSPORT[code], code != "not in BOUCLE_MAIL_ONLY_TO"
    elif code in set(Reason):
        id, has_detail = f"reason.{code}", code in WITH_DETAIL
    else:
        return reason.replace("_", " ")
    if over and there_is(f"{id}.then", catalog):
        id = f"{id}.then"
    values = {"hold": held_by(detail, catalog), **places, "cause": cause(detail, catalog)}
    said = say(id, catalog, **values)
    return (
        say("more", catalog, what=said, detail=detail_words(code, detail, catalog)) if detail and has_detail else said
    )


def detail_words(code: str, detail: str, catalog: Catalog) -> str:
    """Return what stands in brackets behind a reason: a kind in words, others' words marked, anything else as it is."""
    if code == Reason.SUPPRESSED and there_is(f"suppressed.{detail}", catalog):
        return say(f"suppressed.{detail}", catalog)
    return in_words_of(detail, catalog) if code in IN_OTHER_WORDS or code in TRANSPORT else detail


def cause(event: str, catalog: Catalog = ENGLISH) -> str:
    """Return what a contrary event means; an operator's own one is named as it is."""
    if not event:
        return say("cause.none", catalog)
    if there_is(f"cause.{event}", catalog):
        return say(f"cause.{event}", catalog)
    return say("cause.other", catalog, event=event.replace("_", " "))


def held_by(event: str, catalog: Catalog = ENGLISH, *, ended: bool | None = None) -> str:
    """Return what a hold waits for: something that lasts, or the days after its end; both where that is not known."""
    if not event:
        return say("hold.none", catalog)
    lasts = f"hold.{event}"
    if not there_is(lasts, catalog):
        return cause(event, catalog)
    if ended is None:
        return say("or", catalog, first=say(lasts, catalog), second=say(f"{lasts}.ended", catalog))
    return say(f"{lasts}.ended" if ended else lasts, catalog)


def together(clauses: Iterable[str], catalog: Catalog = ENGLISH, id: str = "and-then") -> str:
    """Return clauses as one, in their order; raises TypeError for none."""
    return reduce(lambda first, second: say(id, catalog, first=first, second=second), clauses)


def event_name(type: str, catalog: Catalog = ENGLISH) -> str:
    """Return what an event of a type is called: `boucle.journey.delivery.v1` is a delivery that arrived."""
    name = type.removeprefix("boucle.").removesuffix(".v1").removeprefix("journey.")
    if there_is(f"type.{name}", catalog):
        return say(f"type.{name}", catalog)
    return name.replace("_", " ").replace(".", " ")


def day(at: datetime, zone: str, now: datetime, catalog: Catalog = ENGLISH) -> str:
    """Return the date as a person says it, with the year only where it is not this one: 3 March, 3 March 2017."""
    local, here = in_zone(at, zone), in_zone(now, zone)
    return catalog.date(local.date(), "format.day" if local.year == here.year else "format.date")


def moment(at: datetime, zone: str, now: datetime, catalog: Catalog = ENGLISH) -> str:
    """Return date and time as a person says them: 3 March at 10:12."""
    return say("moment", catalog, day=day(at, zone, now, catalog), time=catalog.clock(in_zone(at, zone)))


def sentence(text: str) -> str:
    """Return a clause as a sentence: a capital first, a full stop last."""
    stripped = text.strip()
    return stripped if not stripped else stripped[0].upper() + stripped[1:].rstrip(".") + "."
