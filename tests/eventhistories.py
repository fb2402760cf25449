"""Generated lives of a customer: journey events, scores, cards and contrary events, for properties of the core."""

from datetime import datetime, timedelta

from eventparts import DAY, NOW, an_event, score_told
from hypothesis import strategies as st

from workers.cloudevents import Event

ZONES = ("Europe/Paris", "Pacific/Kiritimati", "America/Sao_Paulo", "Pacific/Pago_Pago")
REFERENCES = ("A", "B")

moments = st.builds(
    lambda days, hours: NOW - days * DAY - timedelta(hours=hours),
    st.sampled_from((0, 1, 2, 6, 7, 9, 10, 20, 43, 59, 60, 61, 85, 91, 100, 111, 115, 170, 182, 200, 213, 390, 750)),
    st.sampled_from((0, 0, 1, 8, 20)),
)
profiles = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from((None, "a@example.org", "b@example.org")),
        "name": st.sampled_from(("Camille", "Claude")),
        "language": st.sampled_from(("fr", "en")),
        "time_zone": st.sampled_from(ZONES),
        "may_promote": st.booleans(),
    },
)


def about_an_order(name: str, at: datetime, reference: str, expected: bool, card: dict[str, object]) -> Event:
    """Return an event that has a reference."""
    more = {"delivery_expected": expected} if name in ("purchase", "deal_won") else {}
    return an_event(name, at, reference=reference, label=f"{name} {reference}", customer=card, **more)


orders = st.builds(
    about_an_order,
    st.sampled_from(
        ("purchase", "purchase", "deal_won", "delivery", "interaction_ended", "feature_first_used", "wave")
    ),
    moments,
    st.sampled_from(REFERENCES),
    st.booleans(),
    profiles,
)
relations = st.builds(
    lambda name, at, months, card: an_event(name, at, customer=card, months=months if name == "milestone" else None),
    st.sampled_from(("customer_started", "onboarding_finished", "milestone", "milestone")),
    moments,
    st.sampled_from((3, 6, 12)),
    profiles,
)
against = st.builds(
    lambda name, at, reference: an_event(name, at, reference=reference),
    st.sampled_from(("refund", "order_cancelled", "churned", "complaint_opened", "complaint_closed", "opted_out")),
    moments,
    st.sampled_from(REFERENCES),
)
cards = st.builds(lambda at, card: an_event("changed", at, customer=card), moments, profiles)
histories = st.lists(
    st.one_of(orders, orders, relations, against, cards), min_size=2, max_size=9, unique_by=lambda event: event.id
)
scores = st.builds(
    lambda score, at, trigger, reference: score_told(
        score, at, asked_at=at, trigger=trigger, reference=reference, id=f"{score}{trigger}"
    ),
    st.sampled_from((0, 6, 8, 9)),
    moments,
    st.sampled_from(("purchase", "delivery", "interaction_ended", "milestone", "")),
    st.sampled_from((*REFERENCES, "")),
)
lives = st.lists(st.one_of(orders, relations, scores, scores), min_size=2, max_size=7, unique_by=lambda event: event.id)
