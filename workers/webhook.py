"""Send signed webhooks (Standard Webhooks), and verify those that come in.

The address is the operator's, the network is not ours: https only, every resolved address is checked, and the
connection goes to the address that was checked. Nothing here follows a redirect or decides when to try again.
"""

import asyncio
import base64
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

from workers.handover import SendKind, SendResult
from workers.words import BadInput, Misconfigured

_ANSWER_BYTES = 64 * 1024  # enough for any reason; the rest is not read
_ANSWER_SHOWN = 300  # signs of the answer that are kept as the detail of a dispatch
_LONGEST_WAIT = 24 * 3600.0  # seconds; a receiver may not park us for longer
# Translated and tunnelled IPv6 carries an IPv4 address that would escape the check (RFC 6052, 8215, 3056, 4380).
_CARRIERS = tuple(ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook goes."""

    url: httpx.URL
    private_allowed: bool

    @classmethod
    def parse(cls, url: str, allow_private_urls: Sequence[str]) -> "Target":
        """Read BOUCLE_WEBHOOK_URL; raise Misconfigured unless it is https, or allowed by name."""
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise Misconfigured([f"BOUCLE_WEBHOOK_URL is not an address: {error}"]) from error
        allowed = any(_begins_with(target, prefix) for prefix in allow_private_urls)
        if target.scheme not in ("https", "http") or not target.host:
            raise Misconfigured(["BOUCLE_WEBHOOK_URL is not an address that begins with https://"])
        if target.scheme == "http" and not allowed:
            raise Misconfigured(
                ["BOUCLE_WEBHOOK_URL is not https; use https, or name the address in BOUCLE_ALLOW_PRIVATE_URLS"]
            )
        if target.userinfo:
            raise Misconfigured(["BOUCLE_WEBHOOK_URL holds a password; the signature is what proves who calls"])
        return cls(target, allowed)

    @property
    def port(self) -> int:
        """Return the port, also where the address leaves it out."""
        return self.url.port or (443 if self.url.scheme == "https" else 80)


class WebhookSender:
    """Send to one address with one secret, or several while a secret is being changed (`whsec_a whsec_b`)."""

    def __init__(
        self,
        url: str,
        secret: str,
        allow_private_urls: Sequence[str] = (),
        *,
        timeout_seconds: float = 10.0,
        resolve: Resolve | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._target = Target.parse(url, allow_private_urls)
        self._hooks = _hooks(secret)
        self._timeout = timeout_seconds
        self._resolve = resolve or _resolve
        self._now = now  # the wall clock: the receiver holds the signature's time against its own
        self._disabled = False
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=timeout_seconds)

    @property
    def disabled(self) -> bool:
        """Say whether the receiver answered 410 Gone; it stays so until the process starts again."""
        return self._disabled

    async def send(self, dispatch_id: str, body: bytes) -> SendResult:
        """Send one webhook; the same dispatch has the same `webhook-id` each time, so that a copy is recognised."""
        if self._disabled:
            return SendResult(SendKind.NEVER, 410, "the receiver has said 410 Gone; set BOUCLE_WEBHOOK_URL anew")
        try:
            async with asyncio.timeout(self._timeout):
                address = await self._checked_address()
                if isinstance(address, SendResult):
                    return address
                return await self._post(address, dispatch_id, body)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            text = f"the receiver of webhooks did not answer: {str(error) or type(error).__name__}"
            return SendResult(SendKind.LATER, 0, text)

    async def close(self) -> None:
        """Close kept connections; safe to call twice."""
        await self._client.aclose()

    async def _checked_address(self) -> str | SendResult:
        """Resolve once and return an address to connect to; refuse when any of them is not public."""
        addresses = await self._resolve(self._target.url.host, self._target.port)
        if not addresses:
            return SendResult(SendKind.LATER, 0, "the name in BOUCLE_WEBHOOK_URL has no address at the moment")
        refused = [address for address in addresses if not self._target.private_allowed and not is_public(address)]
        if refused:
            text = f"BOUCLE_WEBHOOK_URL leads to {refused[0]}, which is not a public address; nothing was sent"
            return SendResult(SendKind.OURS, 0, text)
        return addresses[0]

    async def _post(self, address: str, dispatch_id: str, body: bytes) -> SendResult:
        url = self._target.url
        headers = {**self._signed(dispatch_id, body), "Host": url.netloc.decode(), "Content-Type": "application/json"}
        async with self._client.stream(
            "POST",
            url.copy_with(host=address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": url.host},  # the certificate is held against the name, not the address
        ) as answer:
            return self._result(answer, await _beginning(answer))

    def _signed(self, dispatch_id: str, body: bytes) -> dict[str, str]:
        at = self._now().astimezone(UTC)
        signatures = [hook.sign(dispatch_id, at, body.decode()) for hook in self._hooks]
        return {
            "webhook-id": dispatch_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _result(self, answer: httpx.Response, text: str) -> SendResult:
        code = answer.status_code
        if 200 <= code < 300:
            return SendResult(SendKind.ACCEPTED, code, text)
        if code == 410:
            self._disabled = True
            return SendResult(SendKind.NEVER, code, "the receiver said 410 Gone: webhooks to it are off")
        if 300 <= code < 400:
            return SendResult(SendKind.OURS, code, "the receiver redirects; set BOUCLE_WEBHOOK_URL to where it leads")
        return SendResult(SendKind.LATER, code, text, _retry_after(answer.headers.get("retry-after"), self._now()))


def verify_incoming(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the webhook-id of a genuine webhook; raise BadInput for any other, without saying what was wrong.

    Compared in constant time; a time stamp more than five minutes off the wall clock is refused (Standard Webhooks).
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    for hook in _hooks(secret):
        try:
            hook.verify(body, lowered, json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue
        return lowered["webhook-id"]
    raise BadInput("the webhook's signature is not valid: check the secret on both sides and the sender's clock")


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the open internet, not of this machine, this network or a translator."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in carrier for carrier in _CARRIERS):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _hooks(secret: str) -> list[Webhook]:
    """Return a signer per secret; raise Misconfigured, without showing a secret, when one cannot be used."""
    hooks: list[Webhook] = []
    for part in secret.split():
        text = part.removeprefix("whsec_")
        try:
            key = base64.b64decode(
                text + "=" * (-len(text) % 4), validate=True
            )  # the library skips what it cannot read
        except ValueError:
            key = b""
        if not key:
            raise Misconfigured(["BOUCLE_WEBHOOK_SECRET is not like whsec_ followed by base64"])
        hooks.append(Webhook(key))
    if not hooks:
        raise Misconfigured(["BOUCLE_WEBHOOK_SECRET is empty: webhooks are always signed"])
    return hooks


def _begins_with(url: httpx.URL, prefix: str) -> bool:
    """Compare by parts: as text, `http://127.0.0.1:80` would also allow `http://127.0.0.1:8080.example`."""
    try:
        allowed = httpx.URL(prefix.strip())
    except httpx.InvalidURL:
        return False
    folder = allowed.path.rstrip("/")
    same_place = (url.scheme, url.host, url.port) == (allowed.scheme, allowed.host, allowed.port)
    return bool(allowed.host) and same_place and (url.path == folder or url.path.startswith(f"{folder}/"))


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _beginning(answer: httpx.Response) -> str:
    """Read the beginning of an answer's body; the rest is not worth the memory."""
    read = b""
    async for chunk in answer.aiter_raw(4096):
        read += chunk
        if len(read) >= _ANSWER_BYTES:
            break
    return " ".join(read[: _ANSWER_SHOWN * 4].decode("utf-8", "replace").split())[:_ANSWER_SHOWN]


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)
