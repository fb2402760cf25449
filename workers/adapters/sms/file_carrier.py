"""A carrier for trials: messages are lines of a file, and a person plays the customer by `boucle sms reply`."""

from datetime import datetime
from pathlib import Path

import orjson

from workers.domain.delivery_result import SendKind
from workers.domain.sms.carried import InboundText, TextReport, TextResult, Told, Unproven


class FileCarrier:
    """Appends one JSON line a message; it is sent when the line is written."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self.path = path

    async def send(self, number: str, text: str, reference: str) -> TextResult:
        """Write one message; never raises."""
        line = orjson.dumps({"to": number, "text": text, "reference": reference})
        try:
            with self.path.open("ab") as file:
                file.write(line + b"\n")
        except OSError as error:
            return TextResult(SendKind.LATER, "", f"{self.path} cannot be written: {error.strerror}")
        return TextResult(SendKind.ACCEPTED, reference)

    def read(self, told: Told, now: datetime) -> list[TextReport | InboundText]:
        """Raise Unproven: no carrier calls."""
        raise Unproven("no carrier sends anything here: BOUCLE_SMS_URL is a file")

    async def close(self) -> None:
        """Do nothing: no connection is kept."""
