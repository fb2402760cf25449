"""Rates: one client's requests are counted by kind of door, and a flood at one closes no other."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from webparts import Site

from workers.domain.records import Click, Customer, Dispatch, Response
from workers.store import tables
from workers.store.engine import Store
from workers.store.sign_in import rates as counts
from workers.web.http.middleware.rates import KEPT, Bucket, DatabaseCounts, MemoryCounts, Rates

AWAY = ("203.0.113.7", 50_000)
NEAR_AWAY = ("203.0.113.99", 50_000)
FORM = {"score": "9"}


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Give a maker of stores on one empty database, as several roles have them."""
    url = f"sqlite:///{tmp_path / 'boucle.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")
    made: list[Store] = []

    def make() -> Store:
        made.append(Store(url))
        return made[-1]

    tables.metadata.create_all(make().engine)
    yield make
    for store in made:
        store.close()


def allowed(rates: Rates, times: int, who: str = "192.0.2.0/24", bucket: Bucket = Bucket.ANSWER) -> int:
    """Return how many of so many requests are allowed."""

    async def ask() -> int:
        return sum([await rates.allows(bucket, who) for _ in range(times)])

    return asyncio.run(ask())


def test_too_many_requests_are_turned_away_and_change_nothing(open_site: Callable[..., Site]) -> None:
    """A 429 keeps no click and no answer; after its wait the same link works."""
    site = open_site(rate_limit="3")
    path = site.asked()
    assert [site.client.get(path).status_code for _ in range(4)] == [200, 200, 200, 429]
    turned = site.client.post(path, data=FORM)
    assert turned.status_code == 429
    assert int(turned.headers["retry-after"]) > 0
    assert site.rows(Response) == []
    assert len(site.rows(Click)) == 3
    site.ticks += 60
    assert site.client.post(path, data=FORM).status_code == 303


def test_a_flood_from_one_network_starves_no_customer(open_site: Callable[..., Site]) -> None:
    """Behind a proxy that nobody named all come from one address: who holds a link answers and opts out still."""
    site = open_site(rate_limit="5")
    client = site.client_from(AWAY)
    for door in ("a", "u", "t", "i", "r", "login"):
        codes = [client.get(f"/{door}/forged-{n}").status_code for n in range(12)]
        assert codes[-1] == 429, door
    path, mail = site.asked(), site.rows(Dispatch)[0]
    assert client.get(path).status_code == 200
    assert client.post(path, data=FORM).status_code == 303
    assert client.post(site.link("unsubscribe", mail.id)).status_code == 200
    assert len(site.rows(Response)) == 1
    assert site.rows(Customer)[0].opted_out_at is not None


def test_each_kind_of_door_counts_by_itself(open_site: Callable[..., Site]) -> None:
    """Who has used up the answers may still opt out and sign in, and the other way round; other networks are free."""
    site = open_site(rate_limit="2", api_keys="right")
    client = site.client_from(AWAY)
    doors: dict[str, Callable[[], int]] = {
        "answer": lambda: client.get("/a/x").status_code,
        "unsubscribe": lambda: client.get("/u/x").status_code,
        "sign-in": lambda: client.get("/login").status_code,
        "events": lambda: client.post("/v1/events").status_code,
    }
    for name, ask in doors.items():
        codes = [ask() for _ in range(3)]
        assert 429 not in codes[:2], name
        assert codes[2] == 429, name
    assert site.client_from(NEAR_AWAY).get("/login").status_code == 429  # of the same network
    assert site.client.get("/login").status_code == 200


def test_a_link_that_others_have_is_still_the_customers(open_site: Callable[..., Site]) -> None:
    """Whoever floods a forwarded link uses up their own allowance for it."""
    site = open_site(rate_limit="2")
    path = site.asked()
    assert [site.client_from(AWAY).get(path).status_code for _ in range(3)] == [200, 200, 429]
    assert site.client.post(path, data=FORM).status_code == 303


def test_opt_outs_of_many_people_from_one_mail_provider_are_all_taken(open_site: Callable[..., Site]) -> None:
    """One-click posts come from few addresses: their network is not limited, each link is."""
    site = open_site(rate_limit="2")
    statuses = {site.client.post(site.link("unsubscribe", f"unknown-{n}")).status_code for n in range(9)}
    assert statuses == {404}


def test_behind_a_trusted_proxy_each_client_has_its_own_allowance(open_site: Callable[..., Site]) -> None:
    """One flooding client does not keep another from signing in."""
    site = open_site(rate_limit="2", trusted_proxies="10.0.0.0/8")
    proxy = site.client_from(("10.0.0.2", 1))

    def sign_in(client: str) -> int:
        return proxy.get("/login", headers={"X-Forwarded-For": client}).status_code

    assert [sign_in("192.0.2.1") for _ in range(3)] == [200, 200, 429]
    assert sign_in("198.51.100.1") == 200


def test_an_allowance_comes_back_with_its_window_and_none_is_no_limit() -> None:
    """Sixty a minute, and sixty more in the next; 0 allows everything."""
    now = [0.0]
    rates = Rates(60, ticks=lambda: now[0])
    assert allowed(rates, 100) == 60
    now[0] = 59
    assert allowed(rates, 1) == 0
    now[0] = 61
    assert allowed(rates, 100) == 60
    assert allowed(Rates(0), 1_000) == 1_000


def test_a_flood_from_many_networks_fills_no_memory() -> None:
    """The oldest windows are forgotten first."""
    counted = MemoryCounts(lambda: 0.0)
    counted.incr("first", 60)
    for number in range(KEPT):
        counted.incr(str(number), 60)
    assert counted.reset() == KEPT
    assert counted.get("first") == 0


def test_web_roles_count_together(stores: Callable[[], Store]) -> None:
    """Two roles on one database allow as much as one, also at the same moment; no address is stored."""
    roles = [Rates(40, stores()) for _ in range(2)]
    counts: list[int] = []
    threads = [threading.Thread(target=lambda role=role: counts.append(allowed(role, 40))) for role in roles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(counts) == 40
    with stores().reading() as connection:
        (key, hits) = connection.execute(sa.select(tables.rate_count.c.key, tables.rate_count.c.hits)).one()
    assert "192.0.2" not in key
    assert hits >= 40


def test_counts_in_the_database_end_and_are_forgotten(stores: Callable[[], Store]) -> None:
    """A window that is over starts anew, and its row is deleted."""
    store = stores()
    counted = DatabaseCounts(store)
    assert [counted.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    assert counted.get("a") == 3
    assert counted.get_expiry("a") > 0
    assert counted.incr("b", -1) == 1
    assert counted.incr("b", -1) == 1
    assert counted.get("b") == 0
    assert counted.reset() == 1
    with store.reading() as connection:
        assert counts.read_hits(connection, "nobody") == (0, None)
    counted.clear("a")
    assert counted.get("a") == 0
    assert counted.check()


def test_while_the_database_is_away_each_role_counts_alone(stores: Callable[[], Store]) -> None:
    """Customers are not kept waiting for a guard: the count in memory is enough, also before `boucle migrate`."""
    store = stores()
    store.write(lambda connection: connection.execute(sa.text("DROP TABLE rate_count")))
    assert allowed(Rates(5, store), 9) == 5
