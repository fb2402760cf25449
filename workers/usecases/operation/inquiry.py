"""Explanation: the story of one customer, response or event by its id, as command line and pages show it.

The read side for whoever asks where customer 42's survey is. Changes nothing.
"""

from datetime import datetime

from workers.domain import explain as explaining
from workers.domain.mail.translations import Catalog
from workers.domain.policy import Policy
from workers.domain.sending_state import ON, SendingState
from workers.errors import BadInput
from workers.store.connection import Connection
from workers.store.customer import stories
from workers.usecases.delivery.support_pacing import read_room


def explain(
    connection: Connection,
    what: str,
    ident: str,
    now: datetime,
    policy: Policy,
    sending: SendingState = ON,
    *,
    day_is_full: bool = False,
    catalog: Catalog = explaining.ENGLISH,
) -> dict[str, object] | None:
    """Return what is known of a `customer`, `response` or `event` by its id, or None; the command and the page agree.

    Customers and responses are told in the language of a catalog, events in English.

    Raises BadInput for anything else to explain.
    """
    support = read_room(connection, policy, now)
    outlook = explaining.Outlook(sending, day_is_full, support, catalog)
    if what == "customer":
        story = stories.by_crm_id(connection, ident, policy)
        return explaining.explain_customer(explaining.View(story, now, policy, outlook)) if story else None
    if what == "response":
        owner = stories.owner_of_response(connection, ident)
        story = stories.by_key(connection, owner[0], policy) if owner else None
        if owner is None or story is None:
            return None
        return explaining.explain_response(explaining.View(story, now, policy, outlook), owner[1])
    if what == "event":
        return explain_event(connection, ident, now, policy, explaining.Outlook(sending, day_is_full, support))
    raise BadInput(f"Only a customer, a response or an event can be explained, not {what!r}.")


def explain_event(
    connection: Connection, ident: str, now: datetime, policy: Policy, outlook: explaining.Outlook
) -> dict[str, object] | None:
    """Return what is known of an event, accepted or a dead letter; `also` names others with the same id."""
    letters = stories.letters_of_event(connection, ident)
    named = stories.owners_of_event(connection, ident)
    for source, event, customer in named:
        story = stories.by_key(connection, customer, policy) if customer else None
        if story is None:
            continue
        explanation = explaining.explain_event(explaining.View(story, now, policy, outlook), source, event, letters)
        if explanation is not None:
            others = [f"{name[0]}/{name[1]}" for name in named if name[:2] != (source, event)]
            return {**explanation, "also": others}
    return explaining.explain_unowned([name[:2] for name in named], letters, now, policy)
