"""Customer inputs: what a customer is at a moment, as columns of both rule tables may ask.

The profile, what is computed of the journeys and answers, and the declared attributes. Pure: from the case alone. A
decision keeps what it was told, so that a change of it later changes no decision.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from workers.decision_table.model.journey_events import STARTS
from workers.decision_table.model.spans import span
from workers.decision_table.model.table import Column
from workers.decision_table.model.values import Kind
from workers.domain.attributes import Attributes, impersonal, values_of
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Journey, Response, Stop
from workers.domain.types import Band, Effect

ORDERS = ("purchase", "deal_won")
ONBOARDING = ("customer_started", "deal_won", "trial_started")
"""Events after which somebody is onboarded, until `onboarding_finished` or for as long as ONBOARDING_LASTS."""
ONBOARDING_LASTS = timedelta(days=90)
LATELY = timedelta(days=30)
"""How long after a feature was first used somebody counts as having used it lately."""
LOYAL_AFTER = timedelta(days=730)
NO_BAND = "none"
PHASES = ("onboarding", "new_feature", "loyal", "established")
FROM_ZERO = (span(0, None, whole=True),)

PROFILE: Mapping[str, Column] = MappingProxyType(
    {
        "segment": Column("segment", Kind.TEXT, others=True, unknown=True),
        "language": Column("language", Kind.TEXT, others=True, unknown=True),
    }
)
COMPUTED: Mapping[str, Column] = MappingProxyType(
    {
        "tenure": Column("tenure", Kind.DURATION, spans=FROM_ZERO, unknown=True),
        "orders": Column("orders", Kind.INTEGER, spans=FROM_ZERO),
        "last_band": Column("last_band", Kind.TEXT, values=(*Band, NO_BAND)),
        "since_answer": Column("since_answer", Kind.DURATION, spans=FROM_ZERO, unknown=True),
        "phase": Column("phase", Kind.TEXT, values=PHASES, unknown=True),
    }
)
Values = dict[str, object]


def customer_columns(declared: Mapping[str, Column]) -> dict[str, Column]:
    """Return every column that a table may have about the customer, by name; `declared` are the attributes'."""
    return {**PROFILE, **COMPUTED, **declared}


def customer_inputs(case: CustomerCase, at: datetime, names: Collection[str]) -> Values:
    """Return the inputs of these names as they are at a moment, None for what is unknown; other names are left out.

    Durations count days. What happened after the moment counts for nothing; profile and attributes are as last told.
    """
    if not names:
        return {}
    customer, attributes = case.customer, case.policy.attributes
    declared = values_of(customer, attributes, at)
    values: Values = {name: declared.get(name) for name in attributes if name in names}
    if "segment" in names:
        values["segment"] = customer.segment or None
    if "language" in names:
        values["language"] = base_language(customer.language or "") or None
    for name, compute in COMPUTING.items():
        if name in names:
            values[name] = compute(case, at)
    return values


def base_language(tag: str) -> str:
    """Return the language of a BCP 47 tag without what follows, such as its country: `fr` of `fr-CA`."""
    return tag.replace("_", "-").partition("-")[0].lower()


def started_at(case: CustomerCase, at: datetime, names: Collection[str] = STARTS) -> datetime | None:
    """Return when the first event of these names was, of those until a moment; None where there was none."""
    firsts = case.customer.firsts
    instants = [datetime.fromisoformat(firsts[name]) for name in names if name in firsts]
    return min((instant for instant in instants if instant <= at), default=None)


def tenure(case: CustomerCase, at: datetime) -> int | None:
    """Return for how many whole days somebody has been a customer; None where no start is known."""
    start = started_at(case, at)
    return (at - start).days if start else None


def orders(case: CustomerCase, at: datetime) -> int:
    """Count what was bought until a moment and not undone since, each reference once."""
    undone = {stop.reference for stop in case.all(Stop) if stop.effect == Effect.CANCEL and stop.scope != "customer"}
    return len(
        {
            journey.reference
            for journey in case.all(Journey)
            if journey.reference
            and (journey.began or journey.trigger) in ORDERS
            and journey.anchor_at <= at
            and journey.reference not in undone
        }
    )


def last_band(case: CustomerCase, at: datetime) -> str:
    """Return the band of the last NPS answer before a moment, whatever it was about; other scores have no band."""
    earlier = [response for response in case.all(Response) if response.answered_at < at and not response.question]
    last = max(earlier, key=lambda response: (response.answered_at, response.id), default=None)
    return str(last.band) if last else NO_BAND


def since_answer(case: CustomerCase, at: datetime) -> int | None:
    """Return how many whole days before a moment somebody answered last, whatever the question; None for never."""
    last = max((row.answered_at for row in case.all(Response) if row.answered_at < at), default=None)
    return (at - last).days if last else None


def phase(case: CustomerCase, at: datetime) -> str | None:
    """Return where in the relationship somebody is: the first of PHASES that holds; None where no start is known."""
    begun, finished = started_at(case, at, ONBOARDING), started_at(case, at, ("onboarding_finished",))
    if begun and finished is None and at - begun < ONBOARDING_LASTS:
        return "onboarding"
    used = [journey.anchor_at for journey in case.all(Journey) if journey.began == "feature_first_used"]
    if any(timedelta() <= at - instant < LATELY for instant in used):
        return "new_feature"
    start = started_at(case, at)
    if start is None:
        return None
    return "loyal" if at - start >= LOYAL_AFTER else "established"


COMPUTING = {
    "tenure": tenure,
    "orders": orders,
    "last_band": last_band,
    "since_answer": since_answer,
    "phase": phase,
}


def without_personal(inputs: Mapping[str, object], attributes: Attributes) -> dict[str, object]:
    """Return the inputs of a decision that may stay when a person is forgotten.

    A name that is neither one of the tables' own nor declared as not personal goes: nobody knows what it said.
    """
    kept = {name: value for name, value in inputs.items() if name in OWN}
    return {**kept, **impersonal(dict(inputs), attributes)}


OWN = frozenset({"trigger", "after", "question", "score", "comment", "wants_contact", "on", "segment", *COMPUTED})
"""What an answer says, the segment, and what is computed: none of it names a person."""
