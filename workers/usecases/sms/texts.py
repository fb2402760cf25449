"""The texts that are sent as SMS: what each takes in each language, so that nobody pays for a third part unseen."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product

from workers.domain.mail.links import Links
from workers.domain.mail.translations import Catalogs
from workers.domain.sms.dialogue import Message
from workers.domain.sms.encoding import MOST_PARTS, size_of
from workers.domain.sms.messages import CATALOG, as_sms
from workers.domain.types import QuestionKind

SOME_REQUEST = "00000000-0000-8000-8000-000000000000"
"""Stands for a question's id in a link: all links are of one length."""


@dataclass(frozen=True, slots=True)
class SizedText:
    """One text of the catalog as it is sent: its coding, and the parts that are paid for."""

    language: str
    message: str
    question: str
    text: str
    coding: str
    parts: int

    @property
    def id(self) -> str:
        """Return the id of the text in its catalog."""
        return text_id(self.question, self.message)

    def as_dict(self) -> dict[str, object]:
        """Return the text as `boucle sms show --format json` has it."""
        return asdict(self)


def sizes_of_texts(catalogs: Catalogs, brand: str, links: Links) -> list[SizedText]:
    """Return what every text of a dialogue takes in every language."""
    return list(sized(catalogs, brand, links))


def sized(catalogs: Catalogs, brand: str, links: Links) -> Iterator[SizedText]:
    """Give every text of a dialogue in every language."""
    link = links.answer_url(SOME_REQUEST)
    for language in sorted(catalogs.languages):
        catalog = catalogs.catalog(language)
        for kind, message in product(QuestionKind, Message):
            id = text_id(kind, message)
            if id not in catalog.ids:
                continue  # the one of the NPS is sent
            text = as_sms(catalog.text(id, {"brand": brand, "link": link}))
            size = size_of(text)
            yield SizedText(language, message.value, kind.value, text, size.coding, size.parts)


def text_id(question: str, message: str) -> str:
    """Return the id of a text in its catalog; what a CSAT or CES question says otherwise begins with its kind."""
    return f"{CATALOG}{message}" if question == QuestionKind.NPS else f"{question}.{CATALOG}{message}"


def faults_of_texts(catalogs: Catalogs, brand: str, links: Links) -> list[str]:
    """Return a sentence for each text that takes more parts than a message should."""
    return [
        f"templates/catalogs/{text.language}.po: {text.id} takes {text.parts} SMS ({text.coding}), each "
        f"of them paid for: shorten it to {MOST_PARTS}."
        for text in sizes_of_texts(catalogs, brand, links)
        if text.parts > MOST_PARTS
    ]
