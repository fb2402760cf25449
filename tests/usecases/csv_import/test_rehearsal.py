"""A rehearsal of a file tells what the real run does with it, whatever damage the file has: a property."""

import io
import random
from pathlib import Path

import orjson
import pytest
from embedded import STRUCTURED, Embedded, journey

from workers.domain.records import Inbox
from workers.store.ledger import Incoming, Taken
from workers.usecases.csv_import import Mapping, rows
from workers.usecases.csv_import.run import preview, take_in
from workers.usecases.dead_letters import DeadLetters
from workers.usecases.intake import DRY_RUN_CHUNK

MAPPING = """
source: shop
time_zone: Europe/Paris
customer: {id: "{customer}", email: "{email}"}
events:
  - type: boucle.journey.purchase.v1
    id: "{order}"
    time: "{at}"
    data: {reference: "{order}", label: "{label}", delivery_expected: "{delivery}"}
  - {type: boucle.journey.delivery.v1, id: "{order}-d", time: "{arrived}", when: arrived, data: {reference: "{order}"}}
  - {type: boucle.customer.opted_out.v1, id: "{customer}-out", time: "{at}", when: {label: out}}
  - {type: boucle.score.v1, id: "{order}-s", time: "{at}", when: score, data: {score: "{score}", reference: "{order}"}}
"""
HEAD = "customer,email,order,at,label,delivery,arrived,score"
DAMAGE = ('"', "\n", ",", "\r", "\0", "\ufffd", "E+12", "0", "é", " ", ";b@example.org", "2026", "11", "=")


def damaged_file(chance: random.Random, length: int) -> bytes:
    """Return a file of which a fifth of the rows is damaged somewhere, and a tenth comes again."""
    lines = [HEAD]
    for number in range(length):
        if lines[1:] and chance.random() < 0.1:
            lines.append(chance.choice(lines[1:]))
            continue
        who = chance.randrange(length)
        cells = [f"c{who}", f"a{who}@example.org", str(chance.randrange(2 * length)), "2026-03-01 10:00"]
        cells += [chance.choice(("lamp", "out", "")), chance.choice(("yes", "no"))]
        cells += [chance.choice(("", "2026-03-02 10:00")), chance.choice(("", "", "9", str(number % 15)))]
        line = ",".join(cells)
        if chance.random() < 0.2:
            at = chance.randrange(len(line))
            line = line[:at] + chance.choice(DAMAGE) + line[at + chance.randrange(3) :]
        lines.append(line)
    return "\n".join(lines).encode(chance.choice(("utf-8", "utf-8", "utf-16", "latin-1")), "replace")


@pytest.mark.parametrize("seed", range(4))
def test_a_rehearsal_tells_what_the_real_run_does(tmp_path: Path, seed: int) -> None:
    """Rows, accepted, duplicates and refusals are the same, and so is each refusal's line, column and reason."""
    chance = random.Random(seed)
    boucle = Embedded(tmp_path)
    parts = boucle.parts
    content = damaged_file(chance, DRY_RUN_CHUNK + 100)
    mapping = Mapping.load(MAPPING, parts.files.codec)
    plan = preview(rows(io.BytesIO(content), mapping), "f.csv", parts.rehearsal, "Europe/Paris")
    done = take_in(rows(io.BytesIO(content), mapping), "f.csv", parts.intake, lambda _: None)
    assert (plan.rows, plan.events, plan.accepted, plan.duplicates, plan.refused) == (
        done.rows,
        done.events,
        done.accepted,
        done.duplicates,
        done.dead_letters,
    )
    assert plan.refused > 20
    assert plan.accepted > 300
    letters = DeadLetters(boucle.store, parts.intake.take, boucle.clock.now).list()
    foretold = {(refusal.line, refusal.column, refusal.reason) for refusal in plan.refusals}
    assert {(letter.line, letter.column, letter.reason) for letter in letters} <= foretold
    assert {letter.fault for letter in letters} <= {refusal.sentence for refusal in plan.refusals}
    assert all(refusal.column for refusal in plan.refusals)


def test_a_rehearsal_knows_what_is_stored_and_stores_nothing(tmp_path: Path) -> None:
    """An event that is known is a duplicate, one with other content a conflict; afterwards nobody more is known."""
    boucle = Embedded(tmp_path)
    stored = journey("delivery", "42", boucle.clock.now(), reference="1")
    boucle.take(stored)
    other = {**stored, "data": {**stored["data"], "label": "chair"}}
    new = journey("delivery", "43", boucle.clock.now(), reference="2")
    messages = [(Incoming(orjson.dumps(event), {}, STRUCTURED), None) for event in (stored, other, new, new)]
    outcomes = [outcome.taken for _, outcome, _ in boucle.parts.rehearsal.outcomes(messages)]
    assert outcomes == [Taken.DUPLICATE, Taken.REJECTED, Taken.ACCEPTED, Taken.DUPLICATE]
    assert boucle.take(new)[0].taken == Taken.ACCEPTED


REASONS = """
source: survey
customer: {id: "{customer}", attributes: {plan: "{plan}"}}
events:
  - type: boucle.score.v1
    id: "{order}"
    time: "2026-03-01T10:00:00Z"
    data: {score: "{score}", drivers: "{why}"}
"""


def test_a_rehearsal_tells_what_a_declaration_leaves_out(tmp_path: Path) -> None:
    """A driver and an attribute that nobody declared are named with their cells, before the file is taken and after."""
    boucle = Embedded(tmp_path)
    parts = boucle.parts
    content = b'customer,plan,order,score,why\nc1,gold,1,3,"delivery, prise"\n'
    mapping = Mapping.load(REASONS, parts.files.codec)
    plan = preview(rows(io.BytesIO(content), mapping), "f.csv", parts.rehearsal, "Europe/Paris")
    assert [(each.line, each.column, each.value) for each in plan.left_out] == [
        (2, "plan", "gold"),
        (2, "why", "delivery, prise"),
    ]
    done = take_in(rows(io.BytesIO(content), mapping), "f.csv", parts.intake, lambda _: None)
    assert (plan.accepted, done.accepted) == (1, 1)
    (row,) = boucle.rows(Inbox)
    assert set(row.left_out or {}) == {"/data/customer/attributes/plan", "/data/drivers/1"}
