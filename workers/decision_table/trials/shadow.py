"""Hold a candidate table beside the live one: it decides too, changes nothing, and disagreements are kept."""

from dataclasses import dataclass

from workers.decision_table.decisions.compiled import Compiled
from workers.decision_table.model.table import Inputs
from workers.decision_table.trials.backtest import effect_of
from workers.errors import BadInput


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where a candidate would do something else: rules and effects of both, with the candidate's version."""

    candidate_version: str
    live_rules: tuple[str, ...]
    candidate_rules: tuple[str, ...]
    live: str
    candidate: str


def compare(live: Compiled, candidate: Compiled, inputs: Inputs) -> Disagreement | None:
    """Return how a candidate disagrees on inputs that the live table takes, or None. Raises BadInput as it does.

    A candidate that refuses the inputs disagrees: that is worth knowing before it is live, and stops nothing.
    """
    outcome = live.decide(inputs)
    mine = effect_of(live.table, outcome)
    version = candidate.table.version
    rules = tuple(rule.id for rule in outcome.rules)
    try:
        other = candidate.decide(inputs)
    except BadInput as fault:
        return Disagreement(version, rules, (), mine.text, f"refused: {fault}")
    theirs = effect_of(candidate.table, other)
    if (mine.text, mine.ticket) == (theirs.text, theirs.ticket):
        return None
    return Disagreement(version, rules, tuple(rule.id for rule in other.rules), mine.text, theirs.text)
