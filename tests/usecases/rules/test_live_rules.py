"""Rules edited while Boucle runs: good edits decide from then on, bad ones are told of, and nothing planned changes."""

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from embedded import START, Embedded, about, journey, score, shipped_templates

from workers import app, roles
from workers.adapters.clock import FixedClock
from workers.decision_table import PastEvent
from workers.domain.mail.compose import Templates
from workers.domain.records import Action, Decision, Shadow, Ticket, Touchpoint
from workers.errors import Misconfigured
from workers.store.rules import live
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation import status as counting

RULES = Path(__file__).parents[3] / "rules"


class Edited(Embedded):
    """An installation whose rules the test edits as marketing would: in the operator's own folder."""

    def __init__(self, home: Path, own: Path, **more: str) -> None:
        if not own.exists():
            shutil.copytree(RULES, own / "rules")
        self.own = own
        super().__init__(home, START, overrides=str(own), settling_seconds="0", **more)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file of the rules, and let Boucle look."""
        path = self.own / "rules" / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        self.parts.look_at_rules()

    def answer(self, value: int, who: str, trigger: str = "delivery") -> Decision:
        """Let a customer who got a delivery answer, and return the decision."""
        self.take(journey(trigger, who, self.clock.at, reference=f"o-{who}", label=who))
        self.clock.at += timedelta(minutes=1)
        self.take(score(value, who, self.clock.at, trigger=trigger))
        self.settle()
        return max(self.rows(Decision), key=lambda decision: decision.at)

    def past(self) -> list[PastEvent]:
        """Return the events that a journey plan can be tried on."""
        return list(self.parts.rules.events(None))

    def version(self) -> str:
        """Return the version of the follow-up table in use."""
        return self.parts.policies.current().follow_up.version

    def status(self) -> dict[str, object]:
        """Return what `boucle status` says of the rules."""
        with self.store.reading() as connection:
            groups = counting.status(connection, self.clock.at, sending=sending_now(connection, self.parts.sending))
        rules = groups["rules"]
        assert isinstance(rules, dict)
        return rules


@pytest.fixture(autouse=True)
def templates_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the shipped templates as they were read: none of these tests edits one."""
    shipped = shipped_templates()
    monkeypatch.setattr(Templates, "load", lambda data, brand: shipped)


@pytest.fixture
def boucle(tmp_path: Path) -> Iterator[Edited]:
    """Give an installation with rules of its own."""
    made = Edited(tmp_path / "home", tmp_path / "own")
    yield made
    made.close()


FOLLOW_UP, PLAN = "follow-up/rules.csv", "journey-plan/rules.csv"
GAP = (";<28d;0-6", ";<28d;1-6")
FASTER = (";PT4H;solve;", ";PT2H;solve;")


def test_a_good_edit_decides_from_then_on(boucle: Edited) -> None:
    """The next decision bears the new version, both versions are stored, and old decisions keep theirs."""
    old = boucle.answer(3, "ann")
    boucle.edit(FOLLOW_UP, *FASTER)
    new = boucle.answer(3, "bob")
    assert old.version != new.version == boucle.version()
    assert [decision.version for decision in boucle.rows(Decision) if decision.key() == old.key()] == [old.version]
    history = [table.version for _, table in boucle.parts.rules.versions("follow-up")]
    assert history == [new.version, old.version]


def test_a_bad_edit_is_refused_and_the_old_table_goes_on(boucle: Edited, caplog: pytest.LogCaptureFixture) -> None:
    """Decisions go on with the old version; the log says it once, with every fault; status and readers know."""
    old = boucle.answer(0, "ann")
    with caplog.at_level(logging.ERROR):
        boucle.edit(FOLLOW_UP, *GAP)
        boucle.parts.look_at_rules()
    refused = [record for record in caplog.records if getattr(record, "action", "") == "rules.refused"]
    assert len(refused) == 1
    assert "E101" in refused[0].getMessage()
    assert boucle.answer(0, "bob").version == old.version
    assert any("E101" in fault for fault in boucle.parts.policies.refused()["follow-up"].faults)
    assert "E101" in json.dumps(boucle.status()["refused"])


def test_a_mended_file_ends_the_refusal(boucle: Edited) -> None:
    """Nothing is left to say once the file is good again; a version that is back is history twice."""
    before = boucle.version()
    boucle.edit(FOLLOW_UP, *GAP)
    boucle.edit(FOLLOW_UP, *reversed(GAP))
    assert boucle.parts.policies.refused() == {}
    assert boucle.status()["refused"] == {}
    boucle.clock.at += timedelta(hours=1)
    boucle.edit(FOLLOW_UP, *FASTER)
    boucle.clock.at += timedelta(hours=1)
    boucle.edit(FOLLOW_UP, *reversed(FASTER))
    faster = [table.version for _, table in boucle.parts.rules.versions("follow-up")]
    assert len(faster) == 3
    assert faster[0] == faster[2] == before != faster[1]


def test_the_small_files_are_taken_over_too(boucle: Edited) -> None:
    """Contrary events, waves, calendar and root causes: good edits are used, each bad one is refused by itself."""
    boucle.edit("journey-plan/contrary.csv", "refund,order_cancelled", "refund,order_cancelled,returned")
    boucle.edit("journey-plan/waves.csv", "date;name", "date;name\n2026-05-04;Spring")
    boucle.edit("root-causes.yaml", "late", "far_too_late")
    policy = boucle.parts.policies.current()
    assert policy.contrary_rule("returned") is not None
    assert [wave.label for wave in policy.waves] == ["Spring"]
    assert "far_too_late" in str(policy.root_causes)
    boucle.edit("journey-plan/contrary.csv", ";cancel;", ";cancle;")
    boucle.edit("calendar.yaml", "working_days", "wroking_days")
    refused = boucle.parts.policies.refused()
    assert set(refused) == {"journey-plan", "calendar.yaml"}
    assert "cancle" in refused["journey-plan"].faults[0]
    assert boucle.parts.policies.current().contrary_rule("returned") is not None
    boucle.edit("journey-plan/contrary.csv", ";cancle;", ";cancel;")
    assert set(boucle.parts.policies.refused()) == {"calendar.yaml"}


def test_planned_touchpoints_stay_with_their_plan(boucle: Edited) -> None:
    """A question planned before an edit keeps row, due time and template, even when the zone moves its due time."""
    boucle.take(journey("delivery", "ann", reference="o-1"))
    before = {touchpoint.step: touchpoint for touchpoint in boucle.rows(Touchpoint)}
    boucle.edit(
        PLAN, "J3;delivery;-;-;-;delivery-6w;delivery;event;P42D", "J3;delivery;-;-;-;delivery-6w;delivery;event;P56D"
    )
    moved = journey("delivery", "ann", START + timedelta(hours=1), reference="o-1")
    moved["data"]["customer"]["time_zone"] = "America/Sao_Paulo"
    boucle.take(moved)
    after = {touchpoint.step: touchpoint for touchpoint in boucle.rows(Touchpoint)}
    assert after["delivery-6w"].plan_version == before["delivery-6w"].plan_version
    assert (after["delivery-6w"].due_at - before["delivery-6w"].due_at) < timedelta(days=1)
    boucle.take(journey("delivery", "bob", START + timedelta(hours=2), reference="o-2"))
    (new,) = [
        touchpoint
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.step == "delivery-6w" and touchpoint.reference == "o-2"
    ]
    assert new.plan_version != before["delivery-6w"].plan_version
    assert new.due_at - START > timedelta(days=55)


def test_planned_actions_stay_with_their_table(boucle: Edited) -> None:
    """An action that waits is carried out as its own version decided it, though its rule now says something else."""
    boucle.edit(FOLLOW_UP, "urgent_contact;ack;now;;;;PT4H;solve;", "urgent_contact;ack;P2D;;;;PT4H;solve;")
    decision = boucle.answer(2, "ann")
    (planned,) = boucle.rows(Action)
    boucle.edit(FOLLOW_UP, "urgent_contact;ack;P2D;;;;PT4H;solve;", "urgent_contact;ack;P2D;;;;PT40H;solve;")
    assert decision.version != boucle.version()
    boucle.later(days=3)
    (ticket,) = boucle.rows(Ticket)
    (done,) = boucle.rows(Action)
    assert (done.version, done.due_at, str(done.state)) == (planned.version, planned.due_at, "done")
    assert ticket.due_at - ticket.opened_at < timedelta(days=2)


def test_a_version_is_stored_before_it_decides(boucle: Edited, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store cannot take a new version, the old one goes on; the edit is taken over later."""
    before = boucle.version()

    def away(*_: object) -> None:
        raise ConnectionError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(live, "remember", away)
        with pytest.raises(ConnectionError):
            boucle.edit(FOLLOW_UP, *FASTER)
        assert boucle.version() == before
    assert boucle.parts.look_at_rules()
    assert boucle.version() != before


def test_a_role_knows_versions_that_another_took_over(tmp_path: Path) -> None:
    """Two processes on one database: what one planned with a new version, the other looks up."""
    first = Edited(tmp_path / "home", tmp_path / "own")
    second = app.start(first.parts.settings, clock=FixedClock(START))
    first.edit(FOLLOW_UP, *FASTER)
    newer = first.version()
    assert second.policies.current().follow_up.at(newer) is None
    shutil.copy(RULES / "follow-up" / "rules.csv", first.own / "rules" / FOLLOW_UP)
    second.look_at_rules()
    assert second.policies.current().follow_up.at(newer) is not None
    second.store.close()
    first.close()


def test_a_faulty_table_stops_the_start_of_a_role_only(boucle: Edited) -> None:
    """A role refuses to start, naming the codes; a verb goes on with what was in use and knows what is refused."""
    before = boucle.version()
    boucle.edit(FOLLOW_UP, *GAP)
    with pytest.raises(Misconfigured, match="E101"):
        app.start(boucle.parts.settings)
    verb = app.start_for_verb(boucle.parts.settings, clock=FixedClock(START))
    assert verb.policies.current().follow_up.version == before
    assert "follow-up" in verb.policies.refused()
    verb.store.close()


def test_the_running_role_looks_by_itself(boucle: Edited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the other roles, edits are taken over within seconds; a failing look stops nothing."""
    monkeypatch.setattr(roles, "LOOK_AT_RULES_SECONDS", 0.01)
    before = boucle.version()

    async def run() -> None:
        stop = asyncio.Event()
        role = asyncio.ensure_future(roles.rules(boucle.parts)(stop))
        path = boucle.own / "rules" / FOLLOW_UP
        good = path.read_text("utf-8")
        path.write_text(good.replace(*GAP), "utf-8")
        await until(lambda: "follow-up" in boucle.parts.policies.refused())
        assert boucle.version() == before
        path.write_text(good.replace(*FASTER), "utf-8")
        await until(lambda: boucle.version() != before)
        stop.set()
        await role

    asyncio.run(run())
    assert boucle.parts.policies.refused() == {}


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, ten seconds at most."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


def test_an_edit_of_the_same_size_and_a_folder_that_appears_are_seen(boucle: Edited) -> None:
    """The time of a file is enough to look; a table's folder may move, or go, while Boucle runs."""
    before = boucle.version()
    path = boucle.own / "rules" / FOLLOW_UP
    stamp = path.stat().st_mtime_ns
    path.write_text(path.read_text("utf-8").replace(*FASTER), "utf-8")
    os.utime(path, ns=(stamp + 1, stamp + 1))
    boucle.parts.look_at_rules()
    assert boucle.version() != before
    shutil.rmtree(boucle.own / "rules" / "follow-up")  # the shipped one is in use again
    boucle.parts.look_at_rules()
    assert boucle.version() == before


@pytest.fixture
def on_postgresql(postgres: str, tmp_path: Path) -> Iterator[Edited]:
    """Give an installation with rules of its own on PostgreSQL."""
    made = Edited(tmp_path / "home", tmp_path / "own", database_url=postgres)
    yield made
    made.close()


def test_on_postgresql_the_same_holds(on_postgresql: Edited) -> None:
    """Good, bad and mended edits, history and the past that a backtest reads."""
    boucle = on_postgresql
    old = boucle.answer(3, "ann")
    boucle.clock.at += timedelta(hours=1)
    boucle.edit(FOLLOW_UP, *FASTER)
    new = boucle.answer(3, "bob")
    boucle.edit(FOLLOW_UP, ";<28d;0-6", ";<28d;1-6")
    assert "E101" in json.dumps(boucle.status()["refused"])
    assert boucle.answer(3, "cyd").version == new.version != old.version
    rules = boucle.parts.rules
    assert [table.version for _, table in rules.versions("follow-up")] == [new.version, old.version]
    assert [response.customer for response in rules.responses(None)] == ["ann", "bob", "cyd"]
    assert [response.customer for response in rules.responses(START + timedelta(minutes=30))] == ["bob", "cyd"]
    inputs = rules.decision_inputs(old.response)
    assert inputs is not None
    assert inputs[0]["score"] == 3
    assert [event.event for event in rules.events(None)].count("delivery") == 3
    own = boucle.own / "rules"
    shutil.copytree(RULES / "follow-up", own / "follow-up-candidate")
    boucle.parts.look_at_rules()
    boucle.answer(3, "dan")
    (kind,) = rules.disagreements(None)
    assert (kind.count, kind.candidate) == (1, old.version)
    assert boucle.status()["candidates"] == {"follow-up-candidate": {"version": old.version, "disagreed": 1}}
    boucle.take(about("erased", "dan", boucle.clock.at))
    assert [disagreement.subject for disagreement in boucle.rows(Shadow)] == [""]


def test_a_candidate_decides_too_and_changes_nothing(boucle: Edited) -> None:
    """Its disagreements are stored, counted in the status and listed by kind; decisions and actions are as without."""
    candidate = boucle.own / "rules" / "follow-up-candidate"
    shutil.copytree(boucle.own / "rules" / "follow-up", candidate)
    rows = (candidate / "rules.csv").read_text("utf-8")
    (candidate / "rules.csv").write_text(
        rows.replace("urgent_contact;ack;now;;;;PT4H;solve;", "thank_you;ack;now;;;;;;")
    )
    boucle.parts.look_at_rules()
    version = boucle.version()
    boucle.answer(10, "ann")
    assert boucle.rows(Shadow) == []
    decision = boucle.answer(3, "bob")
    assert (decision.rule, decision.version) == ("D1", version)
    assert len(boucle.rows(Ticket)) == 1
    (disagreement,) = boucle.rows(Shadow)
    assert (disagreement.name, disagreement.rules, disagreement.version, disagreement.subject) == (
        "follow-up",
        "D1",
        version,
        f"{decision.response}/1",
    )
    (kind,) = boucle.parts.rules.disagreements(None)
    assert (kind.count, kind.candidate) == (1, disagreement.candidate)
    assert "thank_you" in kind.candidate_outcome
    assert boucle.status()["candidates"] == {"follow-up-candidate": {"version": disagreement.candidate, "disagreed": 1}}
    assert boucle.parts.rules.disagreements(boucle.clock.at + timedelta(days=1)) == []
    shutil.rmtree(boucle.own / "rules" / "follow-up")  # the candidate is made the table in use
    candidate.rename(boucle.own / "rules" / "follow-up")
    boucle.parts.look_at_rules()
    assert boucle.version() == disagreement.candidate
    assert boucle.status()["candidates"] == {}
    assert [table.version for _, table in boucle.parts.rules.versions("follow-up")] == [disagreement.candidate, version]


def test_a_candidate_of_the_journey_plan(boucle: Edited) -> None:
    """It tells of the questions that it would plan otherwise; a faulty candidate is told of and stops nothing."""
    candidate = boucle.own / "rules" / "journey-plan-candidate"
    shutil.copytree(boucle.own / "rules" / "journey-plan", candidate)
    rows = (candidate / "rules.csv").read_text("utf-8")
    (candidate / "rules.csv").write_text(rows.replace("delivery;event;P42D", "delivery;event;P56D"))
    boucle.parts.look_at_rules()
    boucle.take(journey("delivery", "ann", reference="o-1"), journey("onboarding_finished", "ann", reference="o-2"))
    (disagreement,) = boucle.rows(Shadow)
    assert (disagreement.name, disagreement.rules) == ("journey-plan", "J2, J3")
    plan = boucle.parts.policy().plan
    assert (plan.version, {row.plan_version for row in boucle.rows(Touchpoint)}) == (
        disagreement.version,
        {plan.written_as},
    )
    (candidate / "rules.csv").write_text("id;event\n")
    boucle.parts.look_at_rules()
    assert "journey-plan-candidate" in boucle.parts.policies.refused()
    assert boucle.status()["candidates"] == {}
    boucle.take(journey("delivery", "bob", reference="o-3"))
    assert len(boucle.rows(Shadow)) == 1


def test_rows_that_hold_on_some_days_only(boucle: Edited) -> None:
    """The day of the answer, or of the event, decides; it stands among the inputs of the decision."""
    path = boucle.own / "rules" / FOLLOW_UP
    head, *rows = path.read_text("utf-8").splitlines()
    dated = [f"{row};;" for row in rows if not row.startswith("D1;")]
    first = next(row for row in rows if row.startswith("D1;"))
    dated += [f"{first};;2026-03-31", f"{first.replace('D1;', 'D9;').replace('PT4H', 'PT2H')};2026-04-01;"]
    path.write_text("\n".join([f"{head};valid from;valid until", *dated]) + "\n")
    cases = boucle.own / "rules" / "follow-up" / "cases.csv"
    cases.unlink()
    boucle.parts.look_at_rules()
    assert boucle.parts.policies.refused() == {}
    march = boucle.answer(3, "ann")
    assert (march.rule, march.inputs["on"]) == ("D1", "2026-03-03")
    boucle.clock.at += timedelta(days=30)
    april = boucle.answer(3, "bob")
    assert (april.rule, april.inputs["on"]) == ("D9", "2026-04-02")
    inputs = boucle.parts.rules.decision_inputs(march.response)
    assert inputs is not None
    assert str(inputs[0]["on"]) == "2026-03-03"


def test_the_past_of_a_plan_is_what_happened(boucle: Edited) -> None:
    """Each event comes back once, with what the plan looked at: orders, milestones that a CRM sends, contrary ones."""
    day = timedelta(days=1)
    boucle.take(journey("deal_won", "ann", reference="o-1", delivery_expected=True))
    boucle.take(journey("milestone", "bob", START, months=3))
    boucle.clock.at += 100 * day
    boucle.take(journey("milestone", "bob", START + 100 * day, months=6))
    boucle.take(journey("refund", "ann", START + 101 * day, reference="o-1"))
    happened = [
        (event.customer, event.event, event.reference, event.delivery_expected, event.months) for event in boucle.past()
    ]
    assert happened == [
        ("ann", "deal_won", "o-1", "yes", None),
        ("bob", "milestone", "", None, 3),
        ("bob", "milestone", "", None, 6),
        ("ann", "refund", "o-1", None, None),
    ]


def test_files_that_go_or_cannot_be_read_are_refused(boucle: Edited) -> None:
    """A file that is gone, or a folder in its place, is told of as any other edit, and nothing else waits for it."""
    contrary, own = boucle.own / "rules" / "journey-plan" / "contrary.csv", boucle.own / "rules"
    good = contrary.read_bytes()
    contrary.unlink()
    boucle.parts.look_at_rules()
    assert "contrary.csv cannot be read" in boucle.parts.policies.refused()["journey-plan"].faults[0]
    before = boucle.version()
    boucle.edit(FOLLOW_UP, *FASTER)
    assert boucle.version() != before
    (own / "follow-up" / "cases.csv").unlink()
    (own / "follow-up" / "rules.csv").unlink()
    (own / "follow-up" / "rules.csv").mkdir()
    boucle.parts.look_at_rules()
    assert set(boucle.parts.policies.refused()) == {"journey-plan", "follow-up"}
    contrary.write_bytes(good)
    boucle.parts.look_at_rules()
    assert set(boucle.parts.policies.refused()) == {"follow-up"}
