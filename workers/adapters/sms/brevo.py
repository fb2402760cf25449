"""Brevo's transactional SMS: POST /v3/transactionalSMS/send, and webhooks without a signature.

Source: Brevo's API reference (sendTransacSms) and "Transactional webhooks". What proves a webhook is the secret in the
address that it is sent to, which nobody else knows.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson

from workers.adapters.sms.http_carrier import HttpCarrier, json_of, refused
from workers.domain.delivery_result import SendKind
from workers.domain.sms.carried import InboundText, TextReport, TextResult, Told, Unproven
from workers.domain.sms.encoding import UCS2, size_of
from workers.domain.types import TextState

API = "https://api.brevo.com"
STATES = {
    "sent": TextState.SENT,
    "accepted": TextState.SENT,
    "delivered": TextState.DELIVERED,
    "soft_bounce": TextState.FAILED,
    "hard_bounce": TextState.FAILED,
    "rejected": TextState.FAILED,
    "blacklisted": TextState.FAILED,
    "skip": TextState.FAILED,
}
REPLIED, STOPPED = "replied", "unsubscribed"


class Brevo(HttpCarrier):
    """One account and one sender."""

    name = "brevo"

    def __init__(self, key: str, sender: str, door: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(API, transport)
        self._key = key
        self._sender = sender.removeprefix("+")
        self._door = door

    async def send(self, number: str, text: str, reference: str) -> TextResult:
        """Hand one text over; never raises."""
        body = {
            "sender": self._sender,
            "recipient": number.removeprefix("+"),
            "content": text,
            "type": "transactional",
            "tag": reference,
            "webUrl": self._door,
            "unicodeEnabled": size_of(text).coding == UCS2,
        }
        answer = await self.post("/v3/transactionalSMS/send", json=body, headers={"api-key": self._key})
        if isinstance(answer, TextResult):
            return answer
        said = json_of(answer)
        if answer.status_code in (200, 201) and said.get("messageId"):
            return TextResult(SendKind.ACCEPTED, str(said["messageId"]))
        return refused(answer, f"{said.get('code', '')} {said.get('message', '')}")

    def read(self, told: Told, now: datetime) -> list[TextReport | InboundText]:
        """Return what a webhook says; raises Unproven for what is none of Brevo's."""
        try:
            values: Any = orjson.loads(told.body)
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict) or "msg_status" not in values:
            raise Unproven("the body is no webhook of transactional SMS: a JSON object with msg_status")
        id, status = str(values.get("messageId", "")), str(values["msg_status"])
        number = "+" + str(values.get("to", "")).removeprefix("+")
        if status in (REPLIED, STOPPED):
            text = str(values.get("reply") or "") if status == REPLIED else "STOP"
            mark = hashlib.sha256(told.body).hexdigest()[:16]  # a reply has no id of its own
            return [InboundText(f"{id}/{mark}", number, text, at_of(values, now))]
        return [TextReport(id, STATES[status])] if status in STATES else []


def at_of(values: dict[str, Any], now: datetime) -> datetime:
    """Return when something happened, in UTC; now where it is not said as a number."""
    at = values.get("ts_event")
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) and 0 < at < now.timestamp() + 3600 else now
