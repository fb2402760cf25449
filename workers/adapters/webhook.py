"""Send signed webhooks (Standard Webhooks).

The address is the operator's, the network is not ours: https only, every resolved address is checked, and the
connection goes to an address that was checked. Nothing here follows a redirect, decides when to try again, or raises.
"""

import asyncio
import base64
import hashlib
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from standardwebhooks import Webhook

from workers.adapters.http_body import CHUNK, beginning
from workers.adapters.public_addresses import is_public
from workers.domain.delivery_result import SendKind, SendResult
from workers.errors import Misconfigured

log = logging.getLogger(__name__)

_ANSWER_BYTES = 64 * 1024  # enough for any reason; the rest is not read
_BODY_SECONDS = 2.0  # for the answer's body, which is only shown
_ANSWER_SHOWN = 300  # signs of the answer that are kept as the detail of a dispatch
_LONGEST_WAIT = 24 * 3600.0  # seconds; a receiver may not park us for longer
_ADDRESSES_TRIED = 3  # of one name, so that a receiver with a dead IPv6 address is reached by its other one
_LONGEST_HOST, _LONGEST_LABEL = 253, 63  # octets (RFC 1035, 2.3.4)

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
            target = _address(url)
        except httpx.InvalidURL as error:
            raise Misconfigured([f"BOUCLE_WEBHOOK_URL is not an address: {error}"]) from error
        allowed = any(_begins_with(target, prefix) for prefix in allow_private_urls)
        if target.scheme not in ("https", "http") or not target.host:
            raise Misconfigured(["BOUCLE_WEBHOOK_URL is not an address that begins with https://"])
        if not _is_host(target):
            raise Misconfigured([f"BOUCLE_WEBHOOK_URL: no name server can know the name {target.host[:100]!r}"])
        if target.port is not None and not 0 < target.port < 65_536:
            raise Misconfigured([f"BOUCLE_WEBHOOK_URL names port {target.port}; ports go from 1 to 65535"])
        if target.scheme == "http" and not allowed:
            raise Misconfigured(
                ["BOUCLE_WEBHOOK_URL is not https; use https, or name the address in BOUCLE_ALLOW_PRIVATE_URLS"]
            )
        if target.userinfo:
            raise Misconfigured(["BOUCLE_WEBHOOK_URL holds a password; the signature is what proves who calls"])
        return cls(target, allowed)

    @property
    def host(self) -> str:
        """Return the host as name servers and certificates write it, in ASCII."""
        return self.url.raw_host.decode("ascii")

    @property
    def port(self) -> int:
        """Return the port, also where the address leaves it out."""
        return self.url.port or (443 if self.url.scheme == "https" else 80)

    @property
    def name(self) -> str:
        """Return how people read of this target: no path, because it may hold a secret, but told apart by it."""
        mark = hashlib.sha256(str(self.url).encode()).hexdigest()[:8]
        return f"{self.url.scheme}://{self.url.netloc.decode('ascii')} ({mark})"


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
        limits = httpx.Timeout(timeout_seconds, connect=timeout_seconds / _ADDRESSES_TRIED)
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=limits)

    @property
    def target(self) -> str:
        """Return the name that the state of this receiver is kept under."""
        return self._target.name

    async def send(self, dispatch_id: str, body: bytes) -> SendResult:
        """Send one webhook; the same dispatch has the same `webhook-id` each time, so that a copy is recognised.

        Never raises: what nobody foresaw is "later" as well, with its name for the operator and the log.
        """
        try:
            async with asyncio.timeout(self._timeout) as limit:
                addresses = await self._checked_addresses()
                if isinstance(addresses, SendResult):
                    return addresses
                return await self._post_to_any(addresses, dispatch_id, body, limit)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            text = f"the receiver of webhooks did not answer: {str(error) or type(error).__name__}"
            return SendResult(SendKind.LATER, 0, text[:_ANSWER_SHOWN])
        except Exception as error:  # the port promises not to raise: one webhook must not stop the sender's round
            log.exception("webhook failed", extra={"action": "webhook.failed"})
            return SendResult(
                SendKind.LATER, 0, f"sending failed here: {type(error).__name__}: {error}"[:_ANSWER_SHOWN]
            )

    async def close(self) -> None:
        """Close kept connections; safe to call twice."""
        await self._client.aclose()

    async def _checked_addresses(self) -> Sequence[str] | SendResult:
        """Resolve once and return the addresses to connect to; refuse when any of them is not public."""
        addresses = await self._resolve(self._target.host, self._target.port)
        if not addresses:
            return SendResult(SendKind.LATER, 0, "the name in BOUCLE_WEBHOOK_URL has no address at the moment")
        refused = [address for address in addresses if not self._target.private_allowed and not is_public(address)]
        if refused:
            text = f"BOUCLE_WEBHOOK_URL leads to {refused[0]}, which is not a public address; nothing was sent"
            return SendResult(SendKind.OURS, 0, text)
        return addresses[:_ADDRESSES_TRIED]

    async def _post_to_any(
        self, addresses: Sequence[str], dispatch_id: str, body: bytes, limit: asyncio.Timeout
    ) -> SendResult:
        """Post to the first address that takes a connection; nothing has left before one does."""
        for address in addresses[:-1]:
            try:
                return await self._post(address, dispatch_id, body, limit)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._post(addresses[-1], dispatch_id, body, limit)

    async def _post(self, address: str, dispatch_id: str, body: bytes, limit: asyncio.Timeout) -> SendResult:
        url = self._target.url
        headers = {
            **self._signed(dispatch_id, body),
            "Host": url.netloc.decode("ascii"),
            "Content-Type": "application/json",
        }
        async with self._client.stream(
            "POST",
            url.copy_with(host=address, fragment=None),
            content=body,
            headers=headers,
            extensions={"sni_hostname": self._target.host},  # the certificate is held against the name
        ) as answer:
            limit.reschedule(None)  # the status counts, whatever becomes of the body; that has a limit of its own
            return self._result(answer, await _words_of(answer))

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
            return SendResult(SendKind.NEVER, code, "the receiver said 410 Gone: it wants no more webhooks")
        if 300 <= code < 400:
            return SendResult(SendKind.OURS, code, "the receiver redirects; set BOUCLE_WEBHOOK_URL to where it leads")
        text = text or f"the receiver said {code}"
        return SendResult(SendKind.LATER, code, text, _retry_after(answer.headers.get("retry-after"), self._now()))


def check_target(url: str, secret: str, allow_private_urls: Sequence[str] = ()) -> str:
    """Return the target's name; raise Misconfigured with the faults of address and secret together."""
    name, faults = "", []
    try:
        name = Target.parse(url, allow_private_urls).name
    except Misconfigured as error:
        faults += error.faults
    try:
        _hooks(secret)
    except Misconfigured as error:
        faults += error.faults
    if faults:
        raise Misconfigured(faults)
    return name


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


def _address(text: str) -> httpx.URL:
    """Read an address; raises httpx.InvalidURL also for a host in `xn--` that stands for no name, which `host` does."""
    url = httpx.URL(text)
    try:
        _ = url.host
    except UnicodeError as error:
        raise httpx.InvalidURL(f"its host is no name: {error}") from error
    return url


def _begins_with(url: httpx.URL, prefix: str) -> bool:
    """Compare by parts: as text, `http://127.0.0.1:80` would also allow `http://127.0.0.1:8080.example`."""
    try:
        allowed = _address(prefix.strip())
    except httpx.InvalidURL:
        return False
    folder = allowed.path.rstrip("/")
    same_place = (url.scheme, url.host, url.port) == (allowed.scheme, allowed.host, allowed.port)
    return bool(allowed.host) and same_place and (url.path == folder or url.path.startswith(f"{folder}/"))


def _is_host(url: httpx.URL) -> bool:
    """Tell whether a host can be looked up: `a..b` and a label of 64 letters make the resolver raise."""
    host = url.raw_host.decode("ascii", "replace")
    labels = host.removesuffix(".").split(".")
    return len(host) <= _LONGEST_HOST and all(0 < len(label) <= _LONGEST_LABEL for label in labels)


async def _resolve(host: str, port: int) -> list[str]:
    """Return a name's addresses; none for a name that nobody knows or could know."""
    try:
        addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in addresses))


async def _words_of(answer: httpx.Response) -> str:
    """Return the beginning of an answer's body in one line, unpacked by nobody; the rest is not worth the memory."""
    read = await beginning(answer.aiter_raw(CHUNK), _ANSWER_BYTES, _BODY_SECONDS)
    return " ".join(read[: _ANSWER_SHOWN * 4].decode("utf-8", "replace").split())[:_ANSWER_SHOWN]


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)
