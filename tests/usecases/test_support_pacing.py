"""Questions that wait while support could not call who will be unhappy, in an installation: asked, told and counted."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, journey, score
from ownrules import RULES, write_plan
from waveparts import people, wave

from workers.domain.records import Touchpoint
from workers.domain.types import Reason
from workers.store.sign_in.accounts import Role, User, add_user
from workers.usecases.delivery import support_pacing
from workers.usecases.operation import inquiry, status
from workers.usecases.queue_control import QueueControl

SUM = "questions that wait for support = those that were due and not to be given up yet"
STEP = "delivery-now"


@pytest.fixture
def own_rules(tmp_path: Path) -> str:
    """Give rules in which the question about a delivery may wait three days, and an agent makes one call a day."""
    own = write_plan(tmp_path / "own", ["may wait: wait"], {"J2": ["P3D"]})
    calendar = RULES.joinpath("calendar.yaml").read_text("utf-8")
    (own / "rules" / "calendar.yaml").write_text(f"{calendar}\ncalls_a_day: 1\n", "utf-8")
    return str(own)


@pytest.fixture
def boucle(install: Callable[..., Embedded], own_rules: str) -> Embedded:
    """Give an installation with these rules and one agent, on a Tuesday that is too late for a call."""
    return staffed(install(overrides=own_rules))


def staffed(boucle: Embedded) -> Embedded:
    """Let an agent sign in."""
    with boucle.store.engine.begin() as connection:
        add_user(connection, User("Léa", Role.AGENT, None, has_password=False), "", START)
    return boucle


def deliver(boucle: Embedded, customers: int) -> None:
    """Take in a delivery of each customer, and let what is due be taken up."""
    boucle.take(*(journey("delivery", str(n), reference=f"order-{n}") for n in range(customers)))
    boucle.settle()


def states(boucle: Embedded) -> Counter[tuple[str, str]]:
    """Count the questions about a delivery by state and reason."""
    return Counter((str(row.state), str(row.reason)) for row in boucle.rows(Touchpoint) if row.step == STEP)


def described(boucle: Embedded) -> dict[str, object]:
    """Return what status says of support."""
    with boucle.store.reading() as connection:
        return support_pacing.describe(connection, boucle.parts.policies.current(), boucle.clock.now())


def told(boucle: Embedded, customer: str) -> tuple[dict[str, Any], str]:
    """Return what is told of a customer's question about a delivery, and of when they are asked next."""
    with boucle.store.reading() as connection:
        story = inquiry.explain(connection, "customer", customer, boucle.clock.now(), boucle.parts.policies.current())
    known = cast("dict[str, Any]", story)
    entry = next(entry for entry in known["touchpoints"] if entry["touchpoint"] == STEP)
    return entry, known["next_ask"]["reason"]


def failing(boucle: Embedded) -> list[str]:
    """Return the sums that do not hold."""
    with boucle.store.reading() as connection:
        return [line["name"] for line in status.read_books(connection).sums() if not line["ok"]]


WAITS, ASKED = ("planned", "support_busy"), ("asked", "")


def test_questions_leave_as_many_a_day_as_support_can_call_and_the_rest_after_three_days(
    install: Callable[..., Embedded], database: dict[str, str], own_rules: str
) -> None:
    """On either database: one call a day is enough for eleven questions; the bound ends all waiting."""
    boucle = staffed(install(overrides=own_rules, **database))
    deliver(boucle, 30)
    assert states(boucle) == {WAITS: 30}
    assert failing(boucle) == []
    assert described(boucle) | {"until": ""} == {
        "state": "on", "waiting": 30, "questions": 0, "free_calls": 0, "calls": 0, "to_call": 0, "expected_calls": 0,
        "unanswered": 0, "until": "",
    }  # fmt: skip
    boucle.later(hours=8)  # the day is over, and the next one has a call
    assert states(boucle) == {ASKED: 11, WAITS: 19}
    boucle.later(hours=1)
    assert states(boucle) == {ASKED: 11, WAITS: 19}
    boucle.later(days=1)
    assert states(boucle) == {ASKED: 22, WAITS: 8}
    boucle.clock.at = START + timedelta(days=3)
    boucle.settle()
    assert states(boucle) == {ASKED: 30}
    assert failing(boucle) == []


def test_a_question_that_waits_is_told_with_its_figures(boucle: Embedded) -> None:
    """In explain with what support can call and until when it waits, in the queue's outlook and in status."""
    deliver(boucle, 2)
    entry, following = told(boucle, "1")
    assert "it waits because support has no room for more answers" in following
    assert entry["code"] == Reason.SUPPORT_BUSY
    assert "calls that it can still take until 3 March at 18:00: 0" in entry["reason"]
    assert "the question waits until 6 March at 10:12 at most" in entry["reason"]
    queue = QueueControl(boucle.store, boucle.parts.policies.current, boucle.clock.now, boucle.parts.sending)
    assert queue.outlook().support == described(boucle)
    with boucle.store.reading() as connection:
        state = status.status(
            connection, boucle.clock.now(), sending=queue.outlook().sending, support=described(boucle)
        )
    assert "support     room for 0 more questions, 2 wait for it (0 calls until " in status.as_text(state)
    assert (state["due_now"], state["oldest_due"]) == (0, None)


def test_a_wave_says_before_it_comes_for_how_many_days_its_answers_keep_support_busy(
    install: Callable[..., Embedded], own_rules: str
) -> None:
    """Thirty customers, three calls, one call a day; of a sample as of all. Then it asks eleven a day at most."""
    paced = staffed(install(overrides=with_wave(own_rules)))
    people(paced, 30)
    paced.take(wave())
    assert [reach.support_days for reach in paced.parts.reach.waves()] == [3]
    assert [reach.support_days for reach in paced.parts.reach.waves(10)] == [3]
    paced.later(hours=8)
    asked = Counter(str(row.state) for row in paced.rows(Touchpoint) if row.step == "wave")
    assert asked == {"asked": 11, "planned": 19}


def with_wave(own_rules: str) -> str:
    """Let the wave wait in rules of one's own, and return them."""
    rows = Path(own_rules) / "rules" / "journey-plan" / "rules.csv"
    lines = rows.read_text("utf-8").splitlines()
    rows.write_text("\n".join(f"{line}P5D" if line.startswith("J14;") else line for line in lines) + "\n", "utf-8")
    return own_rules


def test_what_is_urgent_is_asked_whatever_the_room(boucle: Embedded) -> None:
    """A row without `may wait` does not wait for support."""
    boucle.take(journey("purchase", reference="o", delivery_expected=False), journey("delivery", "7", reference="p"))
    boucle.settle()
    assert {row.step: str(row.state) for row in boucle.rows(Touchpoint) if row.due_at <= START} == {
        "purchase-now": "asked",
        STEP: "planned",
    }


def test_a_call_that_is_owed_takes_the_room_and_an_agent_who_is_away_has_none(boucle: Embedded) -> None:
    """The room is read anew at each round."""
    boucle.clock.at += timedelta(hours=8)
    assert described(boucle)["questions"] == 11
    with boucle.store.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE boucle_user SET away_until = :until"), {"until": "2026-03-09 00:00:00.000000"}
        )
    assert described(boucle)["calls"] == 0
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE boucle_user SET away_until = NULL"))
    boucle.take(journey("purchase", "9", reference="o", delivery_expected=False))
    boucle.settle()
    boucle.take(score(1, "9", boucle.clock.at, trigger="delivery", comment="broken"))
    boucle.later(minutes=10)
    assert (described(boucle)["to_call"], described(boucle)["questions"]) == (1, 0)


def test_what_a_person_sends_now_waits_no_more(boucle: Embedded) -> None:
    """Support's room is no rule that protects the customer."""
    deliver(boucle, 2)
    queue = QueueControl(boucle.store, boucle.parts.policies.current, boucle.clock.now, boucle.parts.sending)
    assert queue.send_now(queue.choose("touchpoint", STEP), "lead") == 2
    boucle.settle()
    assert states(boucle) == {ASKED: 2}


def test_events_told_again_while_they_wait_change_nothing(boucle: Embedded) -> None:
    """A replay, another round and another event of the customer leave the row as it was."""
    deliver(boucle, 3)
    before = boucle.rows(Touchpoint)
    deliver(boucle, 3)
    boucle.later(minutes=5)
    assert boucle.rows(Touchpoint) == before


@pytest.mark.parametrize("lacks", ["agents", "calls"])
def test_what_cannot_be_counted_lets_nothing_wait(install: Callable[..., Embedded], own_rules: str, lacks: str) -> None:
    """Without an agent who signs in, or calls a day: questions leave, and status says that the room is not counted."""
    if lacks == "calls":
        (Path(own_rules) / "rules" / "calendar.yaml").unlink()
    boucle = install(overrides=own_rules)
    if lacks == "calls":
        staffed(boucle)
    deliver(boucle, 2)
    assert states(boucle) == {ASKED: 2}
    assert described(boucle) == {"state": "not counted", "waiting": 0}


def test_a_question_that_waits_though_it_was_not_due_is_found_by_the_books(boucle: Embedded) -> None:
    """A question held back for support past its time, by a hand or a fault, makes exactly one sum fail."""
    deliver(boucle, 2)
    assert failing(boucle) == []
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE touchpoint SET give_up_at = due_at WHERE reason = 'support_busy'"))
    assert failing(boucle) == [SUM]
