"""Accounts through the intake: the key follows the attribute when it is told, merged, cleared and erased."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from embedded import Embedded, about, journey
from ownrules import write_rules

from workers.domain.records import Customer
from workers.store import tables
from workers.usecases.operation.status import read_books

DECLARED = "account: {type: text, personal: no}\n"
SUM = "customers of an account = customers whose attributes name one"


@pytest.fixture
def boucle(install: Callable[..., Embedded], database: dict[str, str], tmp_path: Path) -> Embedded:
    """Give an installation that declares the account, on either database."""
    write_rules(tmp_path / "own", DECLARED)
    return install(overrides=str(tmp_path / "own"), **database)


def tell(boucle: Embedded, subject: str, account: str | None) -> None:
    """Take a delivery that says for which company somebody answers."""
    event = journey("delivery", subject, at=boucle.clock.at, reference=f"o-{subject}-{boucle.clock.at:%d%H%M}")
    event["id"] = f"{event['id']}-{boucle.clock.at:%d%H%M}"
    event["data"]["customer"]["attributes"] = {"account": account}
    boucle.take(event)
    boucle.later(minutes=1)


def accounts(boucle: Embedded) -> dict[str | None, str | None]:
    """Return the account of each customer, by the CRM's id."""
    return {customer.crm_id: customer.account for customer in boucle.rows(Customer)}


def failing(boucle: Embedded) -> list[str]:
    """Return the sums that do not hold."""
    with boucle.store.reading() as connection:
        return [line["name"] for line in read_books(connection).sums() if not line["ok"]]


def test_the_account_follows_what_is_told(boucle: Embedded) -> None:
    """Told, told anew, cleared, taken over by a merge, kept by an erasure; the books hold it, and find it changed."""
    tell(boucle, "1", "ACME  GmbH")
    tell(boucle, "2", "Bolt")
    assert accounts(boucle) == {"1": "acme gmbh", "2": "bolt"}
    tell(boucle, "2", None)
    assert accounts(boucle) == {"1": "acme gmbh", "2": None}
    tell(boucle, "1", "Cire")
    assert accounts(boucle) == {"1": "cire", "2": None}
    boucle.take(about("merged", "1", at=boucle.clock.at, merged_into="2"))
    assert accounts(boucle) == {"1": "cire", "2": "cire"}
    boucle.later(minutes=1)
    assert failing(boucle) == []
    boucle.take(about("erased", "2", at=boucle.clock.at))
    left = [str(customer.account) for customer in boucle.rows(Customer)]
    assert sorted(left) == ["None", "cire"]  # it is not personal; who was merged keeps nothing
    assert failing(boucle) == []
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.update(tables.customer).values(account=None))
    assert failing(boucle) == [SUM]
