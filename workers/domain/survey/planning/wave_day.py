"""A wave as planning sees it: the event that comes to each customer, and until when it may ask anybody."""

from datetime import datetime

from workers.calendar import add_wait, in_zone
from workers.domain.compiled_tables.journey_plan import JourneyPlan, PlanStep
from workers.domain.survey.planning.journey import JourneyEvent

WAVE = "wave"


def wave_event(wave: str, at: datetime, label: str) -> JourneyEvent:
    """Return what a wave is to each customer; its id is what it is about, so that each is asked once."""
    return JourneyEvent(WAVE, at, f"{WAVE}/{wave}", wave, label)


def wave_rows(at: datetime, plan: JourneyPlan, zone: str) -> tuple[PlanStep, ...]:
    """Return the rows of the plan for a wave that begins at an instant; a day may have its own."""
    return plan.steps_for(WAVE, True, None, None, in_zone(at, zone).date())


def wave_ends(at: datetime, plan: JourneyPlan, zone: str) -> datetime:
    """Return when the last touchpoint of a wave that begins at an instant is given up."""
    steps = wave_rows(at, plan, zone)
    return max((add_wait(add_wait(at, step.due, zone), step.give_up_after, zone) for step in steps), default=at)
