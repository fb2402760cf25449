"""Tickets: a contact owed to a customer is opened, joined, claimed, tried, noted, handed over, done, reopened.

Two clocks in working hours of the team: first contact, which nothing moves back, and done, which stands still while the
ticket waits. Every act checks the version that the agent saw, so that two agents never overwrite each other.
"""

from typing import TYPE_CHECKING

from workers import on_demand

if TYPE_CHECKING:
    from workers.domain.ticket.close import done, promise_kept, reopen
    from workers.domain.ticket.history import (
        FIRST_CONTACT,
        RESOLVE_WITHIN_DAYS,
        Turn,
        clock_due,
        contact_over,
        ended_at_once,
        entry,
        facts_of_ticket,
        history_order,
        next_version,
        promise_due,
        second_clock,
        seen,
        ticket_event,
        turn,
    )
    from workers.domain.ticket.open import AT_ONCE, join_host, open_or_join, remark
    from workers.domain.ticket.outcomes import (
        CONTACTED,
        OF_ACCOUNT,
        OUTCOMES,
        RECOVERING,
        TOLD,
        Ending,
        Fault,
        Tried,
        Unfinished,
        check_done,
        tried,
    )
    from workers.domain.ticket.work import Call, attempt, claim, hand_over, resume, take_note, wait

__all__ = [
    "AT_ONCE",
    "CONTACTED",
    "FIRST_CONTACT",
    "OF_ACCOUNT",
    "OUTCOMES",
    "RECOVERING",
    "RESOLVE_WITHIN_DAYS",
    "TOLD",
    "Call",
    "Ending",
    "Fault",
    "Tried",
    "Turn",
    "Unfinished",
    "attempt",
    "check_done",
    "claim",
    "clock_due",
    "contact_over",
    "done",
    "ended_at_once",
    "entry",
    "facts_of_ticket",
    "hand_over",
    "history_order",
    "join_host",
    "next_version",
    "open_or_join",
    "promise_due",
    "promise_kept",
    "remark",
    "reopen",
    "resume",
    "second_clock",
    "seen",
    "take_note",
    "ticket_event",
    "tried",
    "turn",
    "wait",
]

PLACES = {
    **dict.fromkeys(("done", "promise_kept", "reopen"), "workers.domain.ticket.close"),
    **dict.fromkeys(
        (
            "FIRST_CONTACT",
            "RESOLVE_WITHIN_DAYS",
            "Turn",
            "clock_due",
            "contact_over",
            "ended_at_once",
            "entry",
            "facts_of_ticket",
            "history_order",
            "next_version",
            "promise_due",
            "second_clock",
            "seen",
            "ticket_event",
            "turn",
        ),
        "workers.domain.ticket.history",
    ),
    **dict.fromkeys(("AT_ONCE", "join_host", "open_or_join", "remark"), "workers.domain.ticket.open"),
    **dict.fromkeys(
        (
            "CONTACTED",
            "OF_ACCOUNT",
            "OUTCOMES",
            "RECOVERING",
            "TOLD",
            "Ending",
            "Fault",
            "Tried",
            "Unfinished",
            "check_done",
            "tried",
        ),
        "workers.domain.ticket.outcomes",
    ),
    **dict.fromkeys(
        ("Call", "attempt", "claim", "hand_over", "resume", "take_note", "wait"), "workers.domain.ticket.work"
    ),
}
__getattr__ = on_demand(__name__, PLACES)
