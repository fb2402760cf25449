"""The cook-book of docs/importing.md: each mapping takes the export beside it, and a suggestion for it can be read."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from csvparts import CODEC

from workers.cloudevents import Event
from workers.usecases import csv_import

PAGE = (Path(__file__).parents[3] / "docs" / "importing.md").read_text("utf-8")
RECIPE = re.compile(r"^### (?P<name>.+?)\n.*?^```yaml\n(?P<mapping>.*?)^```\n```csv\n(?P<csv>.*?)^```", re.M | re.S)
RECIPES = {match["name"]: (match["mapping"], match["csv"]) for match in RECIPE.finditer(PAGE)}
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
EXPECTED = {
    "Shopify: orders": ["purchase #1001", "purchase #1002", "order_cancelled #1002"],
    "WooCommerce: orders": ["purchase 4992", "purchase 4993", "order_cancelled 4994"],
    "Stripe: payments": ["purchase ch_3PAb", "purchase ch_3PAd", "refund ch_3PAe"],
    "HubSpot: contacts": ["changed ", "changed ", "opted_out "],
    "HubSpot: deals": ["deal_won 9000001"],
    "Salesforce: won opportunities": ["deal_won 006000000000001AAA"],
    "Salesforce: closed cases": ["interaction_ended 00001026"],
}


def events(mapping: str, csv: str) -> list[Event]:
    """Import a file; nothing may be refused or left out."""
    parsed = [
        CODEC.parse(item, (), NOW) if isinstance(item, bytes) else item
        for _, item in csv_import.events(io.BytesIO(csv.encode()), csv_import.Mapping.load(mapping, CODEC))
    ]
    good = [event for event in parsed if isinstance(event, Event)]
    assert good == parsed
    assert [event.left_out for event in good] == [()] * len(good)
    return good


def test_every_recipe_is_tried() -> None:
    """A recipe that is new in the page stands here with what comes of it."""
    assert set(RECIPES) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recipe_takes_its_export(name: str) -> None:
    """Each row gives the events that the page promises, of the person they are about."""
    taken = events(*RECIPES[name])
    assert [f"{event.name} {event.reference}" for event in taken] == EXPECTED[name]
    assert all(event.crm_id not in ("", "0") for event in taken)


def test_the_first_example_can_be_used() -> None:
    """The mapping that explains the keys is one."""
    mapping = PAGE.split("```yaml\n")[1].split("```")[0]
    head = "customer_id,email,first_name,last_name,order_id,paid_at,status,product,delivered_at\n"
    names = [event.name for event in events(mapping, head + "c,c@example.org,A,B,1,2026-03-03,Paid,lamp,2026-03-04\n")]
    assert names == ["purchase", "delivery"]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_suggestion_fits_the_export_it_was_made_from(name: str) -> None:
    """What `--suggest` writes loads, reads the file, and finds the customer, the time and an id in it."""
    _, csv = RECIPES[name]
    suggestion = csv_import.suggested(io.BytesIO(csv.encode()))
    mapping = csv_import.Mapping.load(suggestion, CODEC)
    rows = list(csv_import.rows(io.BytesIO(csv.encode()), mapping))
    good = [row for row in rows if row.rejected is None and row.events]
    assert good, suggestion
    event = CODEC.parse(good[0].events[0], (), NOW)
    assert isinstance(event, Event), (event, suggestion)
    assert f"{event.name} {event.reference}" == EXPECTED[name][0], suggestion


def test_a_suggestion_for_scores_and_for_a_file_that_says_nothing() -> None:
    """Answers of another tool become scores; where no time is found the mapping says so and is not usable yet."""
    scores = "Response ID,Email,NPS Score,Comment,Response Date\n1,a@example.org,9,fine,03/04/2026 10:00\n"
    suggestion = csv_import.suggested(io.BytesIO(scores.encode()))
    assert "boucle.score.v1" in suggestion
    assert "may be read two ways" in suggestion
    assert csv_import.Mapping.load(suggestion, CODEC).columns >= {"NPS Score", "Comment", "Response Date", "Email"}
    bare = csv_import.suggested(io.BytesIO(b"x,y\n1,2\n"))
    assert "which column says when it happened?" in bare
