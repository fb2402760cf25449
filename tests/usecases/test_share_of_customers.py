"""A plan that asks a share, from the operator's own files to what is told of a customer."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import cast

from embedded import Embedded, journey
from houses import install
from ownrules import write_plan

from workers.domain.records import Touchpoint
from workers.usecases.operation import inquiry, status

__all__ = ["install"]


def test_who_was_not_drawn_is_told_so_and_the_books_add_up(install: Callable[..., Embedded], tmp_path: Path) -> None:
    """Of forty customers some are asked and some are not; each of those has its sentence."""
    boucle = install(overrides=str(write_plan(tmp_path / "own", ["share: integer 0..100"], {"J2": ["40"]})))
    people = [str(n) for n in range(40)]
    boucle.take(*(journey("delivery", who, reference=f"order-{who}") for who in people))
    boucle.settle()
    boucle.later(days=1)
    states = {row.customer: (str(row.state), str(row.reason)) for row in boucle.rows(Touchpoint) if row.rule == "J2"}
    assert set(states.values()) == {("asked", ""), ("skipped", "not_sampled")}
    with boucle.store.reading() as connection:
        policy, now = boucle.parts.policies.current(), boucle.clock.now() + timedelta(seconds=1)
        told = [inquiry.explain(connection, "customer", who, now, policy) for who in people]
        assert [line for line in status.read_books(connection).sums() if not line["ok"]] == []
    entries = [entry for each in cast(list[dict[str, list[dict[str, str]]]], told) for entry in each["touchpoints"]]
    sentences = {entry["reason"] for entry in entries if entry["code"] == "not_sampled"}
    assert sentences == {"Skipped: the plan asks 40 % of the customers at this moment, and this one was not drawn."}
