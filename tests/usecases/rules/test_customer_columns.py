"""A table with a column about the customer: decided by it, kept with the decision, gone when the customer is erased."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from embedded import START, Embedded, about, score
from ownrules import files_with, write_rules

from workers.decision_table import compile_table, from_content
from workers.decision_table.trials.backtest import backtest
from workers.domain.records import Decision
from workers.store.rules import past
from workers.usecases.rules.history import StoredRules

DECLARED = "plan: {type: text, values: [free, pro]}\nsize: {type: integer, domain: 1.., personal: no}\n"
LINE = "plan: {type: text, values: [free, pro], may be unknown: yes}"
ALSO = "D1b;not(pro),unknown;purchase,delivery;<28d;0-6;-;-;thank_you;thanks;now;;;;;;\n"
HOUR = timedelta(hours=1)


@pytest.fixture
def boucle(install: Callable[..., Embedded], database: dict[str, str], tmp_path: Path) -> Embedded:
    """Give an installation whose follow-up table calls detractors of one plan only, on either database."""
    files = files_with("follow-up", LINE, {"D1": "pro"}, ALSO)
    write_rules(tmp_path / "own", DECLARED, follow_up=files)
    return install(overrides=str(tmp_path / "own"), settling_seconds="0", **database)


def told(subject: str, **attributes: object) -> dict[str, object]:
    """Return an event that says something of a customer."""
    who = {"id": subject, "email": f"{subject}@example.org", "attributes": attributes}
    return about("changed", subject, START - HOUR, customer=who)


def current(boucle: Embedded) -> dict[str, object]:
    """Return what the only decision was told."""
    (decision,) = [decision for decision in boucle.rows(Decision) if str(decision.state) == "current"]
    return {"rule": decision.rule, **decision.inputs}


def stored(boucle: Embedded) -> StoredRules:
    """Return what the installation remembers of its tables."""
    return StoredRules(boucle.store, lambda: None, lambda: "Europe/Paris")


@pytest.mark.parametrize(("plan", "rule"), [("pro", "D1"), ("free", "D1b"), (None, "D1b")])
def test_the_row_of_the_customers_plan_answers(boucle: Embedded, plan: str | None, rule: str) -> None:
    """Unknown is a value of its own; what is declared beside is kept with the decision too."""
    boucle.take(told("42", plan=plan, size=12), score(3, trigger="delivery"))
    assert {name: current(boucle)[name] for name in ("rule", "plan", "size")} == {
        "rule": rule,
        "plan": plan,
        "size": 12,
    }


def test_a_later_change_changes_no_decision(boucle: Embedded) -> None:
    """Everything twice, and the plan another one: the decision stays as it was told."""
    events = [told("42", plan="pro"), score(3, trigger="delivery")]
    boucle.take(*events)
    before = boucle.rows(Decision)
    boucle.take(*events)
    boucle.take(about("changed", at=START + HOUR, customer={"id": "42", "attributes": {"plan": "free"}}))
    boucle.later(hours=1)
    assert boucle.rows(Decision) == before


def test_the_trial_of_a_table_says_what_it_cannot_replay(boucle: Embedded) -> None:
    """What a decision was not told, or forgot with its customer, is not taken for unknown."""
    boucle.take(told("42", plan="pro", size=12), score(3, trigger="delivery"))
    boucle.take(told("43", plan="free"), score(3, "43", trigger="delivery"))
    (live,) = {row.version for row in boucle.rows(Decision)}
    with boucle.store.reading() as connection:
        old = compile_table(from_content(past.content_of(connection, live) or ""))
    rules = stored(boucle)
    whole = backtest(old, old, rules.responses(None))
    assert (whole.compared, whole.not_replayable) == (2, 0)
    boucle.later(minutes=1)
    boucle.take(about("erased", at=boucle.clock.at))
    after = backtest(old, old, rules.responses(None))
    assert (after.compared, after.not_replayable) == (1, 1)
    (reason,) = after.reasons
    assert reason.startswith("plan: not kept")
    (erased,) = [row for row in boucle.rows(Decision) if "size" in row.inputs and row.inputs["size"] == 12]
    assert "plan" not in erased.inputs


def test_an_attribute_that_a_table_in_use_asks_for_cannot_be_taken_away(boucle: Embedded, tmp_path: Path) -> None:
    """Nor given a value that the table does not take: the edit is refused, and says where it is asked for."""
    file = tmp_path / "own" / "rules" / "attributes.yaml"
    policies = boucle.parts.policies
    for edit in ("size: {type: integer}\n", DECLARED.replace("[free, pro]", "[free, pro, team]")):
        file.write_text(edit)
        policies.look(boucle.store, START)
        (fault,) = policies.refused()["attributes.yaml"].faults
        assert fault.startswith("rules/follow-up, in use, asks for it: table.yaml: ")
        assert sorted(policies.current().attributes) == ["plan", "size"]
    file.write_text(f"{DECLARED}sector: {{type: text, values: [retail]}}\n")
    policies.look(boucle.store, START)
    assert not policies.refused()
    assert "sector" in policies.current().attributes
