"""Who asks: the client behind a trusted proxy, and whether that is a program or a person on this machine.

Everything that is open to this machine alone (the mailbox, the event door without keys, a demo's buttons) asks
`from_this_machine`, and nothing else decides it. A forwarded header is believed only from BOUCLE_TRUSTED_PROXIES.
"""

import logging
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from workers.settings import Network, Settings
from workers.web.http.requests.context import Web

log = logging.getLogger(__name__)
MOST_HINTS = 16  # proxies that are named in the log
FORWARDING_PREFIXES = (
    *("x-forwarded", "x-original-", "x-envoy-", "x-amz", "x-azure-", "x-appengine-", "x-arr-", "cf-"),
    *("x-accel-", "x-auth-request-", "x-traefik-"),
)
FORWARDING_WORDS = frozenset(
    {
        *("addr", "akamai", "client", "clientip", "connecting", "forwarded", "gateway", "goog", "hop", "iap", "ip"),
        *("originating", "proxied", "proxy", "proxyuser", "real", "remote", "surrogate", "tailscale", "varnish"),
        *("vercel", "via"),
    }
)
"""Words by which a header tells that somebody asks for somebody else: RFC 7239 (`Forwarded`), RFC 9110 7.6.3 (`Via`),
and what vendors send (`X-Real-IP`, `Fly-Client-IP`). Browsers and programs send none of them for themselves."""
FORWARDING_NAMES = frozenset(
    {
        *("cdn-loop", "front-end-https", "max-forwards", "x-cloud-trace-context", "x-coming-from", "x-host"),
        *("x-queue-start", "x-request-start", "x-rewrite-url", "x-scheme", "x-url-scheme"),
    }
)
"""Whole names that proxies alone send: RFC 8586, Apache counting hops (RFC 9110 7.6.2), what was asked first."""
PEER = "boucle.peer"
"""The key of an ASGI scope that holds the other end of the connection, which may be a proxy."""
V4_PREFIX, V6_PREFIX = 24, 56  # bits that usually belong to one network
WITHOUT_KEEP_ALIVE = "1.0"
"""The version of HTTP that a plain `proxy_pass` speaks, which adds no header; browsers and clients of today do not."""


class Clients:
    """ASGI middleware that puts the client behind a trusted proxy in the place of the proxy."""

    def __init__(self, app: ASGIApp, trusted: tuple[Network, ...]) -> None:
        self._app = app
        networks = [str(network) for network in trusted]
        self._behind = ProxyHeadersMiddleware(self._checked, networks)  # type: ignore[arg-type]  # ASGI, named otherwise
        self._trusted = trusted
        self._unnamed: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its client."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        if client:
            scope["client"] = (plain(client[0]), client[1])
            self._hint(scope, scope["client"][0])
        scope[PEER] = scope.get("client")
        if self._trusted:
            await self._behind(scope, receive, send)  # type: ignore[arg-type]
        else:
            await self._app(scope, receive, send)

    def _hint(self, scope: Scope, peer: str) -> None:
        """Say once for each proxy that nobody named it."""
        address = address_of(peer)
        if address is None or not address.is_private or len(self._unnamed) == MOST_HINTS or peer in self._unnamed:
            return
        if is_forwarded(Headers(scope=scope)) and not any(address in network for network in self._trusted):
            self._unnamed.add(peer)
            log.warning(
                "%s hands requests on, and BOUCLE_TRUSTED_PROXIES does not name it: all behind it share one limit.",
                peer,
                extra={"action": "web.proxy"},
            )

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep the proxy as the client where it named none that is an address."""
        client = scope.get("client")
        if client and address_of(client[0]) is None:
            scope["client"] = scope[PEER]
        await self._app(scope, receive, send)


def from_this_machine(request: Request, web: Web) -> bool:
    """Tell whether this machine asks: directly, for itself, and an installation that is not served to others.

    No proxy asks for somebody else: it would name itself in a header, speak HTTP/1.0, be a trusted one, or hand on the
    public name. No name was made to lead here either (DNS rebinding): the Host is this machine's own.
    """
    peer = request.scope.get(PEER) or request.scope.get("client")
    if peer is None or not is_loopback(peer[0]) or trusted(web.settings, peer[0]):
        return False
    if request.scope.get("http_version") == WITHOUT_KEEP_ALIVE or is_forwarded(request.headers):
        return False
    return serves_this_machine(web.settings) and is_loopback(request.url.hostname or "")


def is_forwarded(headers: Headers) -> bool:
    """Tell whether a request carries a header of a proxy, in whichever vendor's words."""
    for name in (name.replace("_", "-") for name in headers):
        if name in FORWARDING_NAMES or name.startswith(FORWARDING_PREFIXES):
            return True
        if not FORWARDING_WORDS.isdisjoint(name.split("-")):
            return True
    return False


def serves_this_machine(settings: Settings) -> bool:
    """Tell whether links lead to this machine; a public address means that something hands requests on to us."""
    return not settings.public_url or is_loopback(urlsplit(settings.base_url).hostname or "")


def trusted(settings: Settings, host: str) -> bool:
    """A host that is a name, or an address outside the networks of the trusted proxies, is not."""
    address = address_of(host)
    return address is not None and any(address in network for network in settings.proxy_networks)


def client_of(scope: Scope) -> str:
    """Return the address of the client of a request, or nothing where the server knows none."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def is_loopback(host: str) -> bool:
    """Tell whether a host, as name or address, is this machine's own."""
    address = address_of(host)
    return address.is_loopback if address is not None else host == "localhost"


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a text holds, an IPv4 one where it was mapped into IPv6; None for a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def plain(host: str) -> str:
    """Return an address without zone and without IPv6 around an IPv4 one; a name as it is."""
    address = address_of(host)
    return host if address is None else str(address)


def address_prefix(host: str) -> str:
    """Return the network that an address belongs to: its first 24 bits (IPv4) or 56 bits (IPv6)."""
    address = address_of(host)
    if address is None:
        return host
    return str(ip_network(f"{address}/{V4_PREFIX if address.version == 4 else V6_PREFIX}", strict=False))
