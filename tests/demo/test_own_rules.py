"""The lamp shop's own rules: the shipped ones with more, never a copy that drifts from them."""

import csv
import io

from workers.adapters.resources import Data
from workers.demo.own_rules import BY_SMS, PLAN, files_of


def rows_of(text: str) -> dict[str, list[str]]:
    """Return the rows of a table by their id."""
    return {row[0]: row for row in csv.reader(io.StringIO(text), delimiter=";")}


def test_every_shipped_row_of_the_plan_is_in_the_lamp_shops_unchanged() -> None:
    """The demo shows the shipped plan: each row is there with its own cells, and only new columns behind them."""
    shipped, own = rows_of(Data().read(f"{PLAN}/rules.csv").decode()), rows_of(files_of(Data())[f"{PLAN}/rules.csv"])

    assert [id for id, row in shipped.items() if own[id][: len(row)] != row] == []
    assert set(own) - set(shipped) == set(BY_SMS.values())
