"""Vonage's SMS API: POST /sms/json, and webhooks signed with the account's signature secret.

Source: Vonage's SMS API reference and "Signing messages": HMAC-SHA256 over `&name=value` of every parameter but `sig`,
sorted by name, with & and = in values replaced by _; `timestamp` is within five minutes. A long reply comes in parts.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson

from workers.adapters.sms.http_carrier import SHOWN, HttpCarrier, is_signature, json_of, list_in, refused
from workers.domain.delivery_result import SendKind
from workers.domain.sms.carried import InboundText, TextReport, TextResult, Told, Unproven
from workers.domain.sms.encoding import UCS2, size_of
from workers.domain.types import TextState

API = "https://rest.nexmo.com"
SECONDS = 300
BUSY = frozenset({"1", "5"})
"""Statuses that say to come back: throttled, an error of theirs."""
STATES = {
    "accepted": TextState.SENT,
    "buffered": TextState.SENT,
    "delivered": TextState.DELIVERED,
    "expired": TextState.FAILED,
    "failed": TextState.FAILED,
    "rejected": TextState.FAILED,
}


class Vonage(HttpCarrier):
    """One account and one sender."""

    name = "vonage"

    def __init__(
        self,
        key: str,
        secret: str,
        signature: str,
        sender: str,
        door: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(API, transport)
        self._account = {"api_key": key, "api_secret": secret}
        self._signature = signature
        self._sender = sender.removeprefix("+")
        self._door = door

    async def send(self, number: str, text: str, reference: str) -> TextResult:
        """Hand one text over; never raises."""
        form = {
            **self._account,
            "from": self._sender,
            "to": number.removeprefix("+"),
            "text": text,
            "client-ref": reference,
            "callback": self._door,
        }
        if size_of(text).coding == UCS2:
            form["type"] = "unicode"
        answer = await self.post("/sms/json", data=form)
        if isinstance(answer, TextResult):
            return answer
        parts: list[dict[str, Any]] = [part for part in list_in(json_of(answer), "messages") if isinstance(part, dict)]
        if answer.status_code != 200 or not parts:
            return refused(answer, "")
        bad = next((part for part in parts if str(part.get("status")) != "0"), None)
        if bad is None:
            return TextResult(SendKind.ACCEPTED, str(parts[0].get("message-id", "")))
        words = f"{bad.get('status')} {bad.get('error-text', '')}"
        if any(str(part.get("status")) == "0" for part in parts):  # a long text goes in parts: some of it has left
            return TextResult(SendKind.UNKNOWN, "", f"only a part was taken: {words}"[:SHOWN])
        return TextResult(SendKind.LATER if str(bad.get("status")) in BUSY else SendKind.NEVER, "", words[:SHOWN])

    def read(self, told: Told, now: datetime) -> list[TextReport | InboundText]:
        """Return the report or the reply of a signed webhook; raises Unproven."""
        values = values_of(told)
        if not is_signature(values.get("sig", "").lower(), signature(self._signature, values)):
            raise Unproven("`sig` does not fit: sign webhooks with SHA-256 HMAC and the secret in BOUCLE_SMS_URL")
        stamp = values.get("timestamp", "")
        if not stamp.isdecimal() or abs(now.timestamp() - int(stamp)) > SECONDS:
            raise Unproven("`timestamp` is more than five minutes away from our clock")
        id = values.get("messageId", "")
        if values.get("status") in STATES:
            code = values.get("err-code", "0")
            return [TextReport(id, STATES[values["status"]], "" if code == "0" else f"error {code}")]
        if not values.get("text") or not id:
            return []
        number = "+" + values.get("msisdn", "").removeprefix("+")
        return [InboundText(id, number, values["text"], datetime.fromtimestamp(int(stamp), UTC))]


def values_of(told: Told) -> Mapping[str, str]:
    """Return the parameters of a webhook, which may come as a form, a query or JSON."""
    if told.values:
        return told.values
    try:
        body = orjson.loads(told.body)
    except orjson.JSONDecodeError:
        return {}
    return {name: str(value) for name, value in body.items()} if isinstance(body, dict) else {}


def signature(secret: str, values: Mapping[str, str]) -> str:
    """Return Vonage's signature of some parameters, in small hexadecimal digits."""
    plain = str.maketrans({"&": "_", "=": "_"})
    signed = "".join(f"&{name}={values[name].translate(plain)}" for name in sorted(values) if name != "sig")
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
