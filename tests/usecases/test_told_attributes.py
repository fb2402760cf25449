"""Attributes through the intake: kept with the customer, told when left out, shown in the export, gone when erased."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from embedded import Embedded, about, journey

from workers.domain.explain import text
from workers.domain.records import Customer, Inbox
from workers.domain.sending_state import ON
from workers.store.ledger import Incoming, Taken
from workers.usecases.operation import inquiry
from workers.usecases.privacy.person import Privacy

DECLARED = "plan: {type: text, values: [free, pro], personal: no}\nseats: {type: integer, keep: P90D}\n"


@pytest.fixture
def boucle(install: Callable[..., Embedded], database: dict[str, str], tmp_path: Path) -> Embedded:
    """Give an installation that declares two attributes, on either database."""
    (tmp_path / "own" / "rules").mkdir(parents=True)
    (tmp_path / "own" / "rules" / "attributes.yaml").write_text(DECLARED)
    return install(overrides=str(tmp_path / "own"), **database)


def told(**attributes: object) -> dict[str, object]:
    """Return a delivery that says something of its customer."""
    event = journey("delivery", reference="o-1")
    event["data"]["customer"]["attributes"] = attributes
    return event


def test_declared_attributes_are_kept_and_others_cost_themselves(boucle: Embedded) -> None:
    """The event counts; what was left out stands with it, and the same event again changes nothing."""
    event = told(plan="Pro", seats="many", secto="retail", nested={"a": 1}, nul="a\0b", long="x" * 201)
    (outcome,) = boucle.take(event)
    assert outcome.taken is Taken.ACCEPTED
    (customer,) = boucle.rows(Customer)
    assert customer.attributes == {"plan": "pro"}
    (row,) = boucle.rows(Inbox)
    assert {pointer.rpartition("/")[2] for pointer in row.left_out or {}} == {"seats", "secto", "nested", "nul", "long"}
    (again,) = boucle.take(event)
    assert again.taken is Taken.DUPLICATE
    assert boucle.rows(Customer) == [customer]


def test_too_many_or_no_object_cost_the_attributes_alone(boucle: Embedded) -> None:
    """Fifty are taken at most; a list is none; null says nothing."""
    many = {f"a{n}": n for n in range(51)}
    for number, attributes in enumerate((many, ["plan"], "pro", None)):
        event = journey("delivery", str(number), reference="o-1")
        event["data"]["customer"]["attributes"] = attributes
        (outcome,) = boucle.take(event)
        assert outcome.taken is Taken.ACCEPTED
    assert [customer.attributes for customer in boucle.rows(Customer)] == [None] * 4
    assert sorted(len(row.left_out or {}) for row in boucle.rows(Inbox)) == [0, 1, 1, 1]


def test_the_export_shows_them_and_erasing_takes_the_personal_ones(boucle: Embedded) -> None:
    """What is declared as not personal stays for the report."""
    boucle.take(told(plan="pro", seats=12))
    privacy = Privacy(boucle.store, boucle.parts.policies.current, lambda: boucle.clock.at)
    export = privacy.export("42", "test")
    assert export is not None
    assert export["customers"][0]["attributes"] == {"plan": "pro", "seats": 12}
    boucle.later(minutes=1)
    boucle.take(about("erased", at=boucle.clock.at))
    assert [customer.attributes for customer in boucle.rows(Customer)] == [{"plan": "pro"}]


def test_explain_says_them(boucle: Embedded) -> None:
    """The command's line above the story, and its JSON, say what is declared and known."""
    boucle.take(told(plan="pro", seats=12))
    with boucle.store.reading() as connection:
        policy = boucle.parts.policies.current()
        story = inquiry.explain(connection, "customer", "42", boucle.clock.at, policy, ON)
    assert story is not None
    assert story["customer"]["attributes"] == {"plan": "pro", "seats": 12}  # type: ignore[index]  # an entry
    assert "Attributes: plan pro, seats 12" in list(text.header(story))


def test_a_dry_run_tells_what_would_be_left_out(boucle: Embedded) -> None:
    """As the real run does; nothing is stored."""
    ((event, changes),) = boucle.parts.intake.dry_run([Incoming(orjson.dumps(told(plan="gold")), {})])
    assert [each.pointer for each in getattr(event, "left_out", ())] == ["/data/customer/attributes/plan"]
    assert changes
    assert boucle.rows(Customer) == []


def test_what_is_not_kept_so_long_goes(boucle: Embedded) -> None:
    """Once a day, from that customer alone; no event from before brings it back, and a later one tells it again."""
    boucle.take(told(plan="pro", seats=12))
    boucle.clock.at += timedelta(days=91)
    young = journey("delivery", "43", boucle.clock.at, reference="o-43")
    young["data"]["customer"]["attributes"] = {"seats": 3}
    boucle.take(young)
    retention = boucle.parts.retention()
    assert {each.keep.name: each.rows for each in retention.plan()}["customer.seats"] == 1
    assert {each.keep.name: each.rows for each in retention.run("ana")}["customer.seats"] == 1
    assert retention.plan()[-1].rows == 0
    attributes = {customer.crm_id: customer.attributes for customer in boucle.rows(Customer)}
    assert attributes == {"42": {"plan": "pro"}, "43": {"seats": 3}}
    late = about("changed", "42", boucle.clock.at - timedelta(days=95), customer={"attributes": {"seats": 9}})
    boucle.take(late)
    assert {customer.crm_id: customer.attributes for customer in boucle.rows(Customer)} == attributes
