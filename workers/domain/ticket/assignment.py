"""Whose turn it is: the customer's own agent, else the agents present one after the other, else the team.

The store gives the roster and the turn; nothing here reads it, and nothing here knows a ticket.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Roster:
    """The people as they are now: agents and leads who are not away, by name in a fixed order, and who is away."""

    agents: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    away: frozenset[str] = frozenset()


NOBODY = Roster()


@dataclass(frozen=True, slots=True)
class TicketAllocator:
    """What opening a ticket asks of the store: the next ticket number, the next turn, and the roster.

    Each is asked only where it is needed, because handing out a number makes other writers wait.
    """

    number: Callable[[], int]
    turn: Callable[[], int]
    roster: Callable[[], Roster]

    def owner(self, wanted: str) -> str:
        """Return who owns a new ticket: the customer's agent unless away, else whose turn it is, else nobody ("").

        An agent whom the roster does not know may work in a helpdesk, and keeps the customers that the CRM says.
        """
        roster = self.roster()
        if wanted and wanted not in roster.away:
            return wanted
        return self.next_of(roster.agents)

    def next_agent(self, but: str) -> str:
        """Return whose turn it is among the agents present other than one, or nobody ("")."""
        return self.next_of(tuple(name for name in self.roster().agents if name != but))

    def next_of(self, names: tuple[str, ...]) -> str:
        """Return the name whose turn it is, or nobody ("")."""
        return names[self.turn() % len(names)] if names else ""

    def lead(self) -> str:
        """Return the lead who takes what is overdue, or nobody ("")."""
        leads = self.roster().leads
        return leads[0] if leads else ""
