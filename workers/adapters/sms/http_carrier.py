"""What the carriers by HTTP share: one client, one way to end, and nothing that raises."""

import hmac
import logging
from typing import Any

import httpx
import orjson

from workers.adapters.http_body import CHUNK, beginning
from workers.domain.delivery_result import SendKind
from workers.domain.sms.carried import TextResult

log = logging.getLogger(__name__)
SECONDS = 15.0
SHOWN = 300
MOST_BYTES = 64 * 1024


class HttpCarrier:
    """Sends requests to one carrier's address; `base` is another one in tests."""

    name = ""

    def __init__(self, base: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        timeout = httpx.Timeout(SECONDS, connect=5.0)
        self._client = httpx.AsyncClient(base_url=base, trust_env=False, timeout=timeout, transport=transport)

    async def close(self) -> None:
        """Close kept connections; safe to call twice."""
        await self._client.aclose()

    async def post(self, path: str, **content: Any) -> httpx.Response | TextResult:
        """Return the answer to one request, or how it ended without one.

        A connection that was never made left nothing; one that broke later may have. The answer's body is its first
        `MOST_BYTES` as they come within `SECONDS`: what a vendor says of one SMS is some hundred.
        """
        try:
            async with self._client.stream("POST", path, **content) as answer:
                body = await beginning(answer.aiter_bytes(CHUNK), MOST_BYTES, SECONDS)
                return httpx.Response(answer.status_code, content=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return TextResult(SendKind.LATER, "", f"{self.name} cannot be reached: {type(error).__name__}")
        except httpx.HTTPError as error:
            return TextResult(SendKind.UNKNOWN, "", f"{self.name} did not answer: {type(error).__name__}")
        except Exception as error:
            log.exception("an SMS failed", extra={"action": "sms.failed"})
            return TextResult(SendKind.UNKNOWN, "", f"sending failed here: {type(error).__name__}")


def json_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the object in an answer; empty where it holds none."""
    try:
        value = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def list_in(said: dict[str, Any], name: str) -> list[Any]:
    """Return the list under a name of an answer; empty where something else stands there."""
    value = said.get(name)
    return value if isinstance(value, list) else []


def is_signature(given: str, expected: str) -> bool:
    """Tell whether a signature is the one expected, in the same time for every other; it may hold any sign."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def refused(answer: httpx.Response, words: str) -> TextResult:
    """Return how a request ended that was not taken: later where the carrier is busy or down, else never.

    A status of success without what it must say leaves open whether the SMS went.
    """
    text = f"{answer.status_code} {words}".strip()[:SHOWN]
    if answer.is_success:
        return TextResult(SendKind.UNKNOWN, "", f"{text}: the answer says no id".strip())
    again = answer.status_code == 429 or answer.status_code >= 500
    return TextResult(SendKind.LATER if again else SendKind.NEVER, "", text)
