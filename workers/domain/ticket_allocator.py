"""What opening a ticket needs of the store, as values: numbers, turns of the agents, and who is there.

Each is fetched only where it is needed, because a number that nobody uses is a gap. What is needed and was not fetched
is Missing: the unit of work is rolled back, the caller fetches it and decides again. Reads nothing itself.
"""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Roster:
    """The people as they are now: agents and leads who are not away, by name in a fixed order, and who is away."""

    agents: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    away: frozenset[str] = frozenset()


NOBODY = Roster()


class Need(StrEnum):
    """What a decision may need of the store beyond the rows of its customer."""

    NUMBER = "number"
    TURN = "turn"
    ROSTER = "roster"
    ACCOUNT = "account"
    OTHERS = "others"


class Missing(Exception):  # no fault: the caller fetches `need` and decides again
    """A decision needs something that was not fetched yet; nothing of it may stay."""

    def __init__(self, need: Need, key: str = "") -> None:
        self.need = need
        self.key = key
        """The account that is needed, by its key, or the ticket whose others are."""
        super().__init__(need)


@dataclass(slots=True)
class TicketAllocator:
    """Numbers and turns in the order in which they were handed out, how many are used by now, and whose accounts are
    ours until the transaction ends."""

    numbers: list[int] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    staff: Roster | None = None
    used: tuple[int, int] = (0, 0)
    accounts: set[str] = field(default_factory=set)
    """Accounts in which nobody else opens a ticket meanwhile, and whose open tickets are known."""

    def number(self) -> int:
        """Use up the next ticket number. Raises Missing."""
        numbers, turns = self.used
        if numbers == len(self.numbers):
            raise Missing(Need.NUMBER)
        self.used = (numbers + 1, turns)
        return self.numbers[numbers]

    def turn(self) -> int:
        """Use up the next turn. Raises Missing."""
        numbers, turns = self.used
        if turns == len(self.turns):
            raise Missing(Need.TURN)
        self.used = (numbers, turns + 1)
        return self.turns[turns]

    def roster(self) -> Roster:
        """Return who is there. Raises Missing."""
        if self.staff is None:
            raise Missing(Need.ROSTER)
        return self.staff

    def owner(self, wanted: str) -> str:
        """Return who owns a new ticket: the customer's agent unless away, else whose turn it is, else nobody ("").

        An agent whom the roster does not know may work in a helpdesk, and keeps the customers that the CRM says.
        Raises Missing.
        """
        roster = self.roster()
        if wanted and wanted not in roster.away:
            return wanted
        return self.next_of(roster.agents)

    def next_agent(self, but: str) -> str:
        """Return whose turn it is among the agents present other than one, or nobody (""). Raises Missing."""
        return self.next_of(tuple(name for name in self.roster().agents if name != but))

    def next_of(self, names: tuple[str, ...]) -> str:
        """Return the name whose turn it is, or nobody (""). Raises Missing."""
        return names[self.turn() % len(names)] if names else ""

    def lead(self) -> str:
        """Return the lead who takes what is overdue, or nobody (""). Raises Missing."""
        leads = self.roster().leads
        return leads[0] if leads else ""
