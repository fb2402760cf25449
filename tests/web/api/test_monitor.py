"""What an operator's monitor asks: /readyz and /metrics may have a token and an address of their own."""

import asyncio
from collections.abc import Callable

import httpx
import parts
import pytest
from browserparts import SECONDS, free_address
from starlette.testclient import TestClient
from webparts import Site

from workers import roles, settings
from workers.errors import Misconfigured
from workers.web.app import create_monitor

MONITORED = ("/readyz", "/metrics")
TOKEN = {"authorization": "Bearer right-token"}


@pytest.mark.parametrize("path", MONITORED)
def test_with_a_token_only_its_holder_is_answered(open_site: Callable[..., Site], path: str) -> None:
    """401 that says which setting it is; what only tells that the process lives stays open."""
    site = open_site(monitor_token="right-token")
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic right-token"}):
        answer = site.client.get(path, headers=headers)
        assert answer.status_code == 401, headers
        assert "BOUCLE_MONITOR_TOKEN" in answer.text
        assert answer.headers["www-authenticate"] == "Bearer"
    assert site.client.get(path, headers=TOKEN).status_code == 200
    assert site.client.get("/healthz").status_code == 200


def test_at_an_address_of_its_own_nothing_else_is_served(open_site: Callable[..., Site]) -> None:
    """The pages' address knows nothing of the monitor's paths, and the other way round; the token holds there too."""
    site = open_site(monitor_bind="127.0.0.1:9464", monitor_token="right-token")
    app = create_monitor(site.app)
    assert app is not None
    monitor = TestClient(app)
    for path in MONITORED:
        assert site.client.get(path, headers=TOKEN).status_code == 404
        assert path not in site.client.get("/").text
        assert monitor.get(path).status_code == 401
        assert monitor.get(path, headers=TOKEN).status_code == 200
    assert monitor.get("/healthz").status_code == site.client.get("/healthz").status_code == 200
    for path in ("/", "/inbox", "/mailbox", "/login", "/v1/events", "/a/x"):
        assert monitor.get(path).status_code == 404
    assert create_monitor(open_site().app) is None


def test_the_role_listens_on_both_addresses(open_site: Callable[..., Site]) -> None:
    """One web role serves pages and the monitor, each at its address, and ends both when told to."""
    (pages, _), (monitor, _) = free_address(), free_address()
    site = open_site(http_bind=pages, monitor_bind=monitor)

    async def run() -> None:
        stop = asyncio.Event()
        role = asyncio.ensure_future(roles.web(site.parts)(stop))
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            for _ in range(int(SECONDS / parts.POLL_SECONDS)):
                try:
                    ready = await client.get(f"http://{monitor}/readyz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(parts.POLL_SECONDS)
            assert ready.status_code == 200
            assert (await client.get(f"http://{pages}/readyz")).status_code == 404
            assert (await client.get(f"http://{pages}/")).status_code == 200
        stop.set()
        await asyncio.wait_for(role, SECONDS)

    asyncio.run(run())


def test_one_address_for_both_is_a_fault() -> None:
    """Two servers cannot listen on one port: the settings say so before the start."""
    with pytest.raises(Misconfigured, match="MONITOR_BIND"):
        settings.read({"BOUCLE_HTTP_BIND": "127.0.0.1:8080", "BOUCLE_MONITOR_BIND": "127.0.0.1:8080"})
