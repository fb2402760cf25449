"""Planning: a journey event gives its customer's case a journey, touchpoints with due times, and stops.

What is pending is a function of the set of events, not of their order: an earlier start moves what hangs on it, a stop
that came first still stops. Nothing here asks anybody.
"""

from workers.domain.survey.planning.eligibility import (
    SITE_RULE,
    assess,
    channel_of,
    duty_towards,
    follows_from_facts,
    hold_ended,
    hold_ends,
    holding,
    in_scope,
    kind_asked,
    lawful_opening,
    note,
    number_of,
    opening_within,
    put,
    reassess,
    too_late_from,
    zone_of,
)
from workers.domain.survey.planning.journey import JourneyEvent, plan, references_of, replaces, rows_for
from workers.domain.survey.planning.occurrences import is_occurrence, number_of_occurrence, occurrence_of
from workers.domain.survey.planning.other_answers import follow_answers, unless_answered
from workers.domain.survey.planning.recurrence import follow_recurrence
from workers.domain.survey.planning.relationship import follow_start, has_undone
from workers.domain.survey.planning.sampling import is_in_share
from workers.domain.survey.planning.selection import not_selected, unless_not_selected, with_inputs
from workers.domain.survey.planning.stop import call_back_unlawful, stop, withdraw
from workers.domain.survey.planning.wave_day import wave_ends, wave_event, wave_rows

__all__ = [
    "SITE_RULE",
    "JourneyEvent",
    "assess",
    "call_back_unlawful",
    "channel_of",
    "duty_towards",
    "follow_answers",
    "follow_recurrence",
    "follow_start",
    "follows_from_facts",
    "has_undone",
    "hold_ended",
    "hold_ends",
    "holding",
    "in_scope",
    "is_in_share",
    "is_occurrence",
    "kind_asked",
    "lawful_opening",
    "not_selected",
    "note",
    "number_of",
    "number_of_occurrence",
    "occurrence_of",
    "opening_within",
    "plan",
    "put",
    "reassess",
    "references_of",
    "replaces",
    "rows_for",
    "stop",
    "too_late_from",
    "unless_answered",
    "unless_not_selected",
    "wave_ends",
    "wave_event",
    "wave_rows",
    "with_inputs",
    "withdraw",
    "zone_of",
]
