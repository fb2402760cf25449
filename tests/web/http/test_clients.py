"""Who asks: this machine, or somebody behind a proxy; and whose word is taken for it."""

from collections.abc import Callable

import orjson
import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from webparts import HERE, Site, event

from workers import settings as settings_module
from workers.errors import Misconfigured
from workers.web.http.requests.clients import address_prefix

Doors = Callable[[Site, TestClient, dict[str, str]], bool]
AWAY = "203.0.113.7"
JSON = {"content-type": "application/cloudevents+json"}
PROXY_SAYS = (
    {"X-Forwarded-For": AWAY},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": ""},
    {"X-Forwarded-Host": "feedback.example"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Port": "443"},
    {"X-Forwarded-Server": "edge"},
    {"X-Real-IP": AWAY},
    {"Forwarded": f"for={AWAY}"},
    {"Via": "1.1 edge"},
    {"X-Original-Forwarded-For": AWAY},
    {"True-Client-IP": AWAY},
    {"CF-Connecting-IP": AWAY},
    {"X-Cluster-Client-IP": AWAY},
    {"X-Envoy-External-Address": AWAY},
    {"X-Amzn-Trace-Id": "Root=1"},
    {"X-Amz-Cf-Id": "1"},
    {"CF-Visitor": "{}"},
    {"CDN-Loop": "edge"},
    {"X-ProxyUser-Ip": AWAY},
    {"WL-Proxy-Client-IP": AWAY},
    {"Fly-Client-IP": AWAY},
    {"DO-Connecting-IP": AWAY},
    {"X-Nf-Client-Connection-Ip": AWAY},
    {"X-Remote-Addr": AWAY},
    {"X-Originating-IP": AWAY},
    {"Forwarded-For": AWAY},
    {"X_Forwarded_For": AWAY},
    {"X-ARR-LOG-ID": "1"},
    {"X-Varnish": "1"},
    {"Surrogate-Capability": "edge"},
    {"Tailscale-User-Login": "lea"},
    {"X-Sucuri-ClientIP": AWAY},
    {"Remote-User": "lea"},
    {"Max-Forwards": "9"},
    {"X-Scheme": "https"},
    {"X_Url_Scheme": "https"},
    {"Front-End-Https": "on"},
    {"X-Host": "feedback.example"},
    {"X-Rewrite-URL": "/mailbox"},
    {"X-Request-Start": "t=1"},
    {"X-Auth-Request-Email": "lea@example.org"},
    {"X_Original_URL": "/mailbox"},
    {"X-Traefik-Router": "boucle"},
)
BROWSERS_SAY = (
    *("Accept", "Accept-Language", "Cache-Control", "Dnt", "Priority", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Te"),
    *("Upgrade-Insecure-Requests", "Sec-Gpc", "User-Agent", "X-Requested-With", "Traceparent", "Idempotency-Key"),
    *("If-None-Match", "Range", "Referer", "Expect", "Save-Data", "Sec-Purpose", "Pragma"),
)
"""What browsers and programs send for themselves."""


def mailbox(site: Site, client: TestClient, headers: dict[str, str]) -> bool:
    """Tell whether the mailbox opens."""
    return client.get("/mailbox", headers=headers).status_code == 200


def events_without_key(site: Site, client: TestClient, headers: dict[str, str]) -> bool:
    """Tell whether an event without a key is taken."""
    body = orjson.dumps(event("delivery", reference="1"))
    return client.post("/v1/events?dry_run=1", content=body, headers={**JSON, **headers}).status_code == 202


DOORS = (mailbox, events_without_key)
"""The doors for this machine that every installation has; test_demo_pages.py has those of a demo."""


@pytest.mark.parametrize("opens", DOORS)
def test_a_request_that_a_proxy_hands_on_is_not_this_machines(site: Site, opens: Doors) -> None:
    """Any header of a proxy closes the doors for this machine; without one they open."""
    assert opens(site, site.client, {})
    for name in BROWSERS_SAY:
        assert opens(site, site.client, {name: "1"}), name
    for headers in PROXY_SAYS:
        assert not opens(site, site.client, headers), headers


@pytest.mark.parametrize("opens", DOORS)
def test_a_plain_proxy_that_adds_no_header_is_not_this_machine(
    site: Site, opens: Doors, open_site: Callable[..., Site]
) -> None:
    """Such a proxy shows by HTTP/1.0, by the public name it hands on, or by the public address of the settings."""

    async def as_http_1_0(scope: Scope, receive: Receive, send: Send) -> None:
        await site.app({**scope, "http_version": "1.0"}, receive, send)

    old = TestClient(as_http_1_0, base_url="http://127.0.0.1:8080", client=HERE)
    assert not opens(site, old, {})
    assert not opens(site, site.client, {"Host": "feedback.example"})
    public = open_site(public_url="https://feedback.example")
    assert not opens(public, public.client, {})
    assert not opens(public, public.client, {"Host": "feedback.example"})
    named = open_site(public_url="http://localhost:8080")
    assert opens(named, named.client, {"Host": "localhost:8080"})


@pytest.mark.parametrize("opens", DOORS)
def test_behind_a_trusted_proxy_nobody_is_this_machine(opens: Doors, open_site: Callable[..., Site]) -> None:
    """Neither with the header, whatever it says, nor where the proxy forgot it; the proxy may stand on this machine."""
    site = open_site(trusted_proxies="127.0.0.0/8, 10.0.0.0/8")
    near = site.client_from(("10.0.0.2", 40_000))
    for client in (site.client, near):
        for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": AWAY}):
            assert not opens(site, client, headers), headers


def test_the_client_is_whom_a_trusted_proxy_names(open_site: Callable[..., Site]) -> None:
    """The last address that is no proxy of ours; without a trusted proxy the header says nothing."""
    site = open_site(trusted_proxies="10.0.0.0/8,2001:db8::/32", api_keys="right-key", rate_limit="2")
    proxy = site.client_from(("10.0.0.2", 40_000))

    def refused(client: TestClient, forwarded: str) -> int:
        headers = {**JSON, "X-Forwarded-For": forwarded} if forwarded else JSON
        return client.post("/v1/events", content=b"{}", headers=headers).status_code

    assert [refused(proxy, "192.0.2.1") for _ in range(3)] == [401, 401, 429]
    assert refused(proxy, "198.51.100.1") == 401
    assert refused(proxy, "198.51.100.99, 192.0.2.1, 10.0.0.9") == 429  # what a client writes itself is not believed
    assert refused(site.client_from(("::ffff:10.0.0.2", 4)), "192.0.2.1:5555") == 429
    assert refused(site.client_from(("2001:db8::1", 4)), "192.0.2.1") == 429
    stranger = site.client_from((AWAY, 4))
    assert [refused(stranger, f"10.9.{n}.1") for n in range(3)] == [401, 401, 429]
    assert [refused(proxy, "unknown") for _ in range(3)] == [401, 401, 429]  # then it counts as the proxy
    assert refused(proxy, "") == 429


def test_a_proxy_that_nobody_named_is_told_once(
    site: Site, open_site: Callable[..., Site], caplog: pytest.LogCaptureFixture
) -> None:
    """The log names it with the setting; a stranger who writes such a header himself is not mentioned."""
    gateway, header = ("172.17.0.1", 4), {"X-Forwarded-For": AWAY}
    for _ in range(3):
        site.client_from(gateway).get("/healthz", headers=header)
    site.client_from(("93.184.216.34", 4)).get("/healthz", headers=header)
    open_site(trusted_proxies="172.16.0.0/12").client_from(gateway).get("/healthz", headers=header)
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("172.17.0.1 ")
    assert "BOUCLE_TRUSTED_PROXIES" in warning


@pytest.mark.parametrize(
    ("text", "said"),
    [("nginx", "nginx is no network"), ("10.0.0.300", "no network"), ("0.0.0.0/0", "everybody"), ("*", "no network")],
)
def test_a_setting_that_trusts_nobody_or_everybody_is_a_fault(text: str, said: str) -> None:
    """BOUCLE_TRUSTED_PROXIES takes addresses and networks; one that would trust everybody is refused."""
    with pytest.raises(Misconfigured, match=said):
        settings_module.read({"BOUCLE_TRUSTED_PROXIES": text})


def test_addresses_of_one_network_share_a_prefix() -> None:
    """24 bits of IPv4, also inside IPv6; 56 bits of IPv6; a zone does not matter."""
    assert address_prefix("203.0.113.7") == address_prefix("203.0.113.250") != address_prefix("203.0.114.7")
    assert address_prefix("2001:db8:1:2::1") == address_prefix("2001:db8:1:3::9")
    assert address_prefix("fe80::1%eth0") == address_prefix("fe80::2")
    assert address_prefix("::ffff:203.0.113.7") == address_prefix("203.0.113.8")
