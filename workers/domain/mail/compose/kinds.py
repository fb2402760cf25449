"""Which kinds of mail there are, each with its class, and in which languages: all that a decision needs of them.

Read from the small files beside the templates; no template is read, and no text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from workers.domain.mail.compose.brand import Brand
from workers.domain.mail.question_wording import Wordings
from workers.domain.mail.translations import DataFiles
from workers.domain.types import MailClass
from workers.errors import BadInput, Misconfigured, Never
from workers.text.yaml_text import read_yaml

MAILS = "templates/mail"
CATALOGS = "templates/catalogs"


class KindsOfMail(Protocol):
    """What decisions ask of the templates; `Templates` answers it by those that are in use."""

    @property
    def brand(self) -> Brand:
        """Return who writes."""

    @property
    def languages(self) -> frozenset[str]:
        """Return the languages in which every kind can be written."""

    def languages_by_template(self) -> Mapping[str, frozenset[str]]:
        """Return the languages of each template."""

    def mail_class(self, template: str) -> MailClass:
        """Return why mails of this template are sent; raise Never for a template that does not exist."""

    def wordings(self) -> Wordings:
        """Return the wordings of the question: those with a number, and the one in use of each language."""


@dataclass(frozen=True, slots=True)
class MailKinds:
    """The kinds by the names of their folders, for a command that decides and writes no mail."""

    brand: Brand
    languages: frozenset[str]
    classes: Mapping[str, MailClass]

    @classmethod
    def load(cls, data: DataFiles, brand: Brand) -> "MailKinds":
        """Read the class of every kind; raise Misconfigured with all faults."""
        classes: dict[str, MailClass] = {}
        faults: list[str] = []
        for name in data.list(MAILS):
            try:
                classes[name] = read_kind(data, name)[0]
            except (BadInput, ValueError, Misconfigured) as error:
                faults.append(f"{MAILS}/{name} cannot be read: {type(error).__name__}: {error}")
        if faults:
            raise Misconfigured(faults)
        names = (name.removesuffix(".po") for name in data.list(CATALOGS) if name.endswith(".po"))
        return cls(brand, frozenset(name.replace("_", "-") for name in names), classes)

    def languages_by_template(self) -> Mapping[str, frozenset[str]]:
        """Return the languages of each template."""
        return dict.fromkeys(self.classes, self.languages)

    def mail_class(self, template: str) -> MailClass:
        """Return why mails of this template are sent; raise Never for a template that does not exist."""
        if template not in self.classes:
            raise Never(f"there is no mail template {template!r}; there are {', '.join(sorted(self.classes))}")
        return self.classes[template]

    def wordings(self) -> Wordings:
        """Return none: who reads no texts asks nobody."""
        return Wordings({}, {})


def read_kind(data: DataFiles, name: str) -> tuple[MailClass, bool]:
    """Return the class of a kind of mail, and whether it stands under the survey it answers; raises as read_yaml, or
    ValueError."""
    meta = read_yaml(data.read(f"{MAILS}/{name}/meta.yaml"), "meta.yaml")
    if not isinstance(meta, dict) or not set(meta) <= {"class", "thread"}:
        raise ValueError("meta.yaml has the keys class (survey, service, promotion) and thread (yes, no)")
    return MailClass(str(meta.get("class"))), bool(meta.get("thread", False))
