"""OVHcloud's SMS API: POST /1.0/sms/SERVICE/jobs, signed, from a short number that can be answered.

Source: OVHcloud's "First steps with the API" (signature "$1$", SHA-1 over secret, consumer key, method, address, body
and time, joined by +) and the SMS API reference. Callbacks carry no signature: the secret in their address proves them.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import orjson

from workers.adapters.sms.http_carrier import HttpCarrier, json_of, list_in, refused
from workers.domain.delivery_result import SendKind
from workers.domain.sms.carried import InboundText, TextReport, TextResult, Told, Unproven
from workers.domain.sms.encoding import GSM7, size_of
from workers.domain.types import TextState

API = "https://eu.api.ovh.com/1.0"
DELIVERED = "1"
WAITING = frozenset({"0", "8", "16", "1000"})
"""Codes of `ptt` that say that it is under way."""


class Ovh(HttpCarrier):
    """One service of one account."""

    name = "ovh"

    def __init__(
        self,
        key: str,
        secret: str,
        consumer: str,
        service: str,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(API, transport)
        self._key = key
        self._secret = secret
        self._consumer = consumer
        self._service = service
        self._clock = clock  # the wall clock: OVH holds the signature's time against its own

    async def send(self, number: str, text: str, reference: str) -> TextResult:
        """Hand one text over; never raises."""
        job = {
            "message": text,
            "receivers": [number],
            "senderForResponse": True,
            "noStopClause": True,  # our own text says how to stop, in the customer's language
            "priority": "medium",
            "charset": "UTF-8",
            "coding": "7bit" if size_of(text).coding == GSM7 else "8bit",
            "tag": reference,
        }
        body, path = orjson.dumps(job).decode(), f"/sms/{quote(self._service, safe='')}/jobs"
        answer = await self.post(path, content=body.encode(), headers=self._signed("POST", path, body))
        if isinstance(answer, TextResult):
            return answer
        said = json_of(answer)
        if answer.status_code == 200 and (ids := list_in(said, "ids")):
            return TextResult(SendKind.ACCEPTED, str(ids[0]))
        if answer.status_code == 200 and said.get("invalidReceivers"):
            return TextResult(SendKind.NEVER, "", "OVH calls the number invalid")
        return refused(answer, str(said.get("message", "")))

    def _signed(self, method: str, path: str, body: str) -> Mapping[str, str]:
        stamp = str(int(self._clock().timestamp()))
        signed = "+".join((self._secret, self._consumer, method, API + path, body, stamp))
        return {
            "Content-Type": "application/json",
            "X-Ovh-Application": self._key,
            "X-Ovh-Consumer": self._consumer,
            "X-Ovh-Timestamp": stamp,
            "X-Ovh-Signature": "$1$" + hashlib.sha1(signed.encode()).hexdigest(),
        }

    def read(self, told: Told, now: datetime) -> list[TextReport | InboundText]:
        """Return the report (`id`, `ptt`) or the reply (`id`, `senderid`, `message`) of a callback; raises Unproven."""
        values = told.values
        id = values.get("id", "")
        if id and "ptt" in values:
            code = values["ptt"]
            if code in WAITING:
                return []
            state = TextState.DELIVERED if code == DELIVERED else TextState.FAILED
            return [TextReport(id, state, "" if state == TextState.DELIVERED else f"ptt {code}")]
        text, number = values.get("message", ""), values.get("senderid") or values.get("sender", "")
        if not (id and text and number):
            raise Unproven("a callback has id and ptt, or id, senderid and message")
        number = "+" + number.removeprefix("00").removeprefix("+")
        return [InboundText(f"reply/{id}", number, text, now)]
