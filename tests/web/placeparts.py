"""A code on a wall, over one installation. conftest.py gives `wall`: a place with low limits.

Marked with `parametrize("wall", ["sqlite", "postgres"], indirect=True)` a test runs on either database.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from webparts import Site, failing_sums

from workers.domain.records import Dispatch

PLACES = """
entrance:
  kind: qr
  label: Shop in Lyon
  until: 2026-03-31
  limits: {minute: 3, network: 4, day: 5}
till:
  kind: kiosk
  label: Till 2
bills:
  kind: receipt
  label: Shop in Lyon
"""
KEY = "0123456789abcdef0123456789abcdef"
FIELD = r'name="{}" value="([^"]*)"'


class Wall:
    """A code on a wall, over one installation."""

    def __init__(self, site: Site, place: str = "entrance") -> None:
        self.site = site
        site.parts.policies.remember(site.parts.store, site.clock.at)
        site.client.headers["accept-language"] = "en"
        self.path = "/p/" + site.parts.links.sign("place", place)

    def page(self, client: TestClient | None = None) -> dict[str, str]:
        """Open the page and return what its form carries by itself."""
        text = (client or self.site.client).get(self.path).text
        found = {name: re.search(FIELD.format(name), text) for name in ("nonce", "visit", "website")}
        return {name: match[1] for name, match in found.items() if match}

    def send(self, *, page: dict[str, str] | None = None, client: TestClient | None = None, **fields: str) -> Any:
        """Open the page, fill it in and send it."""
        form = {**(page or self.page(client)), **fields}
        return (client or self.site.client).post(self.path, data=form)

    def sums(self) -> list[str]:
        """Return the sums of the books that do not hold."""
        with self.site.parts.store.reading() as connection:
            return failing_sums(connection)

    def sums_after(self, statement: str) -> list[str]:
        """Return the sums that do not hold after somebody's statement, which is taken back."""
        with self.site.parts.store.engine.begin() as connection, connection.begin_nested() as undone:
            connection.exec_driver_sql(statement)
            names = failing_sums(connection)
            undone.rollback()
        return names


@pytest.fixture
def wall(open_site: Callable[..., Site], tmp_path: Path, request: pytest.FixtureRequest) -> Wall:
    """Give a place with low limits."""
    (tmp_path / "own" / "rules").mkdir(parents=True)
    (tmp_path / "own" / "rules" / "places.yaml").write_text(PLACES, "utf-8")
    more = {"database_url": request.getfixturevalue("postgres")} if getattr(request, "param", "") == "postgres" else {}
    return Wall(open_site(overrides=str(tmp_path / "own"), place_keys=f"bills:{KEY}", **more))


def claim(wall: Wall, code: str = "") -> str:
    """Leave an address with a low score, let time pass, and return the path of the link in the mail to its owner."""
    wall.send(score="1", comment="cold <soup>", wants_contact="yes", address="camille@example.org", code=code)
    wall.site.pass_time(minutes=2)
    mail = newest_claim(wall)
    return wall.site.link("claim", mail.id)


def newest_claim(wall: Wall) -> Dispatch:
    """Return the newest mail that asks whose an address is."""
    return max((row for row in wall.site.rows(Dispatch) if row.template == "claim"), key=lambda row: row.created_at)


def say(wall: Wall, path: str, mine: str) -> Any:
    """Press a button of the page behind the link."""
    page = wall.site.client.get(path).text
    nonce = re.search(FIELD.format("nonce"), page)
    return wall.site.client.post(path, data={"nonce": nonce[1] if nonce else "", "mine": mine})
