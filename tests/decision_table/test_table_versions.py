"""Tables that were in use before: looked up by version, compiled when asked for, and never in the way."""

from pathlib import Path

from workers.decision_table import load
from workers.domain.compiled_tables.follow_up import FollowUpTable
from workers.domain.compiled_tables.in_use import Versions
from workers.domain.compiled_tables.journey_plan import JourneyPlan

RULES = Path(__file__).parents[2] / "rules"


def test_a_table_finds_itself_and_those_before_it() -> None:
    """The version in use is itself, a stored one is rebuilt from its content, another is not known."""
    table = load(RULES / "follow-up")
    stored = Versions({"old": table.content}, FollowUpTable)
    live = FollowUpTable(table, stored)
    assert live.at(live.version) is live
    old = live.at("old")
    assert old is not None
    assert old.version == live.version
    assert live.at("old") is old
    assert live.at("never") is None
    assert FollowUpTable(table).at("old") is None


def test_content_that_can_no_longer_be_read_is_not_known() -> None:
    """What a release before wrote in another way stops nothing: who asks goes on with the table in use."""
    plan = load(RULES / "journey-plan")
    live = JourneyPlan(plan, Versions({"broken": "not a table", "cut": '{"name": "cut"}'}, JourneyPlan))
    assert live.at("broken") is None
    assert live.at("cut") is None
