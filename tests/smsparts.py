"""An installation that asks after a delivery by SMS, with a carrier that keeps what it was handed. Holds no test."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from embedded import Embedded, journey
from ownrules import write_plan

from workers.domain.delivery_result import SendKind
from workers.domain.records import Customer, SmsMessage
from workers.domain.sms.carried import InboundText, TextReport, TextResult, Told
from workers.usecases.operation import status
from workers.usecases.sms.inbound import Taken
from workers.usecases.sms.texting import Texting

BRAND = """
name: Boutique Claire
sender: claire@shop.example
reply_to: contact@shop.example
logo: ""
colour: "#224466"
postal_address: 1 rue Neuve, 69001 Lyon
privacy_url: https://shop.example/privacy
language: fr
time_zone: Europe/Paris
country: FR
"""
NUMBER, OTHER_NUMBER = "+33612345678", "+33698765432"
DAYTIME = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
NIGHT = datetime(2026, 3, 3, 21, 30, tzinfo=UTC)


def plan_by_sms(folder: Path, question: str = "") -> Path:
    """Write a journey plan whose question right after a delivery, an NPS one unless said, is asked by SMS."""
    write_plan(folder, ["channel: text", "question: text"], {"J2": ["sms", question]})
    (folder / "templates").mkdir()
    (folder / "templates" / "brand.yaml").write_text(BRAND, encoding="utf-8")
    return folder


class Telephone:
    """A carrier that keeps what it was handed, and ends it as a test says: `ends` by the number."""

    name = "telephone"

    def __init__(self) -> None:
        self.handed: list[tuple[str, str]] = []
        self.ends: dict[str, TextResult] = {}
        self.cut: BaseException | None = None

    async def send(self, number: str, text: str, reference: str) -> TextResult:
        """Keep a text; end as it was set."""
        if self.cut is not None:
            raise self.cut
        self.handed.append((number, text))
        return self.ends.get(number) or TextResult(SendKind.ACCEPTED, f"id-{len(self.handed)}")

    def read(self, told: Told, now: datetime) -> Sequence[TextReport | InboundText]:
        """Say nothing: tests hand over what came."""
        return []

    async def close(self) -> None:
        """Do nothing."""


class Shop:
    """The installation, its telephone and its clock."""

    def __init__(
        self, install: Callable[..., Embedded], tmp_path: Path, carrier: str = "file:", question: str = "", **more: str
    ) -> None:
        folder = plan_by_sms(tmp_path / "own", question)
        self.boucle = install(overrides=str(folder), sms_url=carrier, **more)
        self.telephone = Telephone()
        self.only_to: list[str] = []

    def texting(self) -> Texting:
        """Return what sends by the telephone."""
        parts = self.boucle.parts
        templates = parts.files.templates
        return Texting(
            parts.store,
            parts.policy,
            parts.now,
            lambda: templates.catalogs,
            brand=lambda: templates.brand.name,
            sending=parts.sending,
            carrier=self.telephone,
            only_to=self.only_to,
        )

    def deliver(self, subject: str = "42", phone: str = NUMBER, *, survey_consent: bool = True, **more: object) -> None:
        """Have a parcel delivered to a customer, and do what is due."""
        event = journey("delivery", subject, at=self.boucle.clock.at, **{"reference": f"order-{subject}", **more})
        event["data"]["customer"] |= {"survey_consent": survey_consent} | ({"phone": phone} if phone else {})
        self.boucle.take(event)
        self.settle()

    def settle(self) -> None:
        """Wake, send mails and SMS until nothing is due."""
        while True:
            self.boucle.settle()
            if not asyncio.run(self.texting().send_all()):
                return

    def later(self, **time: float) -> None:
        """Move the clock on, then do what is due."""
        self.boucle.clock.at += timedelta(**time)
        self.settle()

    def hear(self, text: str, number: str = NUMBER, id: str = "") -> Taken:
        """Take a reply, and send what answers it."""
        at = self.boucle.clock.at
        inbound = InboundText(id or f"{at.isoformat()}/{text}", number, text, at)
        taken = self.boucle.parts.text_inbox.take_reply(inbound)
        self.settle()
        return taken

    @property
    def messages(self) -> dict[str, str]:
        """The state of each message of ours, by customer and what it says."""
        names = {row.id: row.crm_id for row in self.boucle.rows(Customer)}
        return {f"{names[row.customer]} {row.message}": row.state.value for row in self.boucle.rows(SmsMessage)}

    def faults_of_books(self) -> list[str]:
        """Return the sums that do not hold."""
        with self.boucle.store.reading() as connection:
            return [line["name"] for line in status.read_books(connection).sums() if not line["ok"]]
