"""Scopes: what a sender's key may send, by the kind of event.

A shop's key neither erases a customer nor closes a ticket.
A CRM's own types count as what rules/events.csv makes of them. Pure; it knows no key.
"""

from collections.abc import Callable, Collection, Iterable
from enum import StrEnum

from workers.cloudevents import Kind
from workers.errors import BadInput


class Scope(StrEnum):
    """What a key may be for."""

    JOURNEY = "journey"
    """What happens to customers, and what stops a plan: purchases, deliveries, refunds, complaints."""
    SCORES = "scores"
    """Scores of other tools, and what the carriers of other channels report."""
    CUSTOMERS = "customers"
    """Who customers are: changed, merged, opted out, erased."""
    TICKETS = "tickets"
    """What a helpdesk does to tickets."""
    ALL = "all"


SENDS = {
    Scope.JOURNEY: frozenset({Kind.JOURNEY, Kind.CONTRARY}),
    Scope.SCORES: frozenset({Kind.SCORE, Kind.CARRIER}),
    Scope.CUSTOMERS: frozenset({Kind.CUSTOMER}),
    Scope.TICKETS: frozenset({Kind.TICKET}),
    Scope.ALL: frozenset(Kind),
}
Scopes = frozenset[Scope]
EVERYTHING: Scopes = frozenset({Scope.ALL})


def kinds_of(scopes: Iterable[Scope]) -> frozenset[Kind]:
    return frozenset(kind for scope in scopes for kind in SENDS[scope])


def needed_for(kind: Kind) -> Scope:
    """Return the narrowest scope that allows a kind of event."""
    return next(scope for scope, kinds in SENDS.items() if kind in kinds)


def read_scopes(names: Iterable[str]) -> Scopes:
    """Return scopes by name; raises BadInput naming those there are. `all` with others is all."""
    scopes = set()
    for name in names:
        try:
            scopes.add(Scope(name.strip().lower()))
        except ValueError as error:
            choices = ", ".join(str(scope) for scope in Scope)
            raise BadInput(f"There is no scope {name.strip()[:40]!r}; a key may be for {choices}.") from error
    return EVERYTHING if Scope.ALL in scopes else frozenset(scopes)


def as_text(scopes: Collection[Scope]) -> str:
    """Return scopes as they are kept and shown, in one order: `read_scopes(text.split())` reads them back."""
    return " ".join(str(scope) for scope in Scope if scope in scopes)


def gate_of(scopes: Scopes | None) -> Callable[[Kind, str], str] | None:
    """Return what the codec asks about an event's kind and type; None where everything may be sent."""
    if scopes is None or Scope.ALL in scopes:
        return None
    kinds = kinds_of(scopes)
    return lambda kind, type_: "" if kind in kinds else refusal(kind, type_, scopes)


def refusal(kind: Kind, type_: str, scopes: Collection[Scope]) -> str:
    """Return the sentence for an event that a key may not send: what it may, and which scope this one needs."""
    may = as_text(scopes).replace(" ", ", ") or "nothing"
    return (
        f"This key's scope is {may}; {type_[:100]} needs the scope {needed_for(kind)}. Send it with a key that has it "
        f"(`boucle keys create NAME --scope {needed_for(kind)}`)."
    )
