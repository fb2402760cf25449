"""Twilio's Programmable Messaging: POST .../Messages.json, and webhooks signed with the account's token.

Source: Twilio's API reference (Message, 2010-04-01) and "Webhooks security": base64 of HMAC-SHA1 over the URL as
it was called, with the POST parameters appended, sorted by name, name and value without anything between.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

import httpx

from workers.adapters.sms.http_carrier import HttpCarrier, is_signature, json_of, refused
from workers.domain.delivery_result import SendKind
from workers.domain.sms.carried import InboundText, TextReport, TextResult, Told, Unproven
from workers.domain.types import TextState

API = "https://api.twilio.com"
STATES = {
    "sent": TextState.SENT,
    "delivered": TextState.DELIVERED,
    "undelivered": TextState.FAILED,
    "failed": TextState.FAILED,
}
"""Twilio's words; queued, accepted and sending say nothing new."""
STOP = "STOP"
"""What Twilio itself took for a wish to stop, by the words that the account has for it; it blocks the number then."""
SERVICE = "MG"
"""Begins the id of a messaging service, which chooses the sender itself."""


class Twilio(HttpCarrier):
    """One account and one sender, or messaging service."""

    name = "twilio"

    def __init__(
        self, account: str, token: str, sender: str, door: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(API, transport)
        self._account = account
        self._token = token
        self._sender = sender
        self._door = door

    async def send(self, number: str, text: str, reference: str) -> TextResult:
        """Hand one text over; never raises."""
        whence = "MessagingServiceSid" if self._sender.startswith(SERVICE) else "From"
        form = {"To": number, whence: self._sender, "Body": text, "StatusCallback": self._door}
        path = f"/2010-04-01/Accounts/{quote(self._account, safe='')}/Messages.json"
        answer = await self.post(path, data=form, auth=(self._account, self._token))
        if isinstance(answer, TextResult):
            return answer
        said = json_of(answer)
        if answer.status_code == 201 and said.get("sid"):
            return TextResult(SendKind.ACCEPTED, str(said["sid"]))
        return refused(answer, f"{said.get('code', '')} {said.get('message', '')}")

    def read(self, told: Told, now: datetime) -> list[TextReport | InboundText]:
        """Return the report or the reply of a signed webhook; raises Unproven."""
        given = told.headers.get("x-twilio-signature", "")
        if not is_signature(given, signature(self._token, told.url, told.values)):
            raise Unproven("X-Twilio-Signature does not fit: the token, or BOUCLE_PUBLIC_URL, is another one")
        values = told.values
        id, status = values.get("MessageSid", ""), values.get("MessageStatus", "")
        if status:
            code = values.get("ErrorCode", "")
            return [TextReport(id, STATES[status], f"error {code}" if code else "")] if status in STATES else []
        text = STOP if values.get("OptOutType") == STOP else values.get("Body", "")
        return [InboundText(id, values.get("From", ""), text, now)] if id else []


def signature(token: str, url: str, values: Mapping[str, str]) -> str:
    """Return Twilio's signature of a request."""
    signed = url + "".join(f"{name}{values[name]}" for name in sorted(values))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
