"""The places at which anybody may answer, as the operator wrote them in a file. Reads text only."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from workers.domain.types import QuestionKind
from workers.errors import Misconfigured
from workers.text.yaml_text import read_named

FILE = "rules/places.yaml"
PLACE_ID = re.compile(r"[a-z][a-z0-9_-]{1,39}")
LONGEST_LABEL = 80
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
KEYS = ("kind", "label", "question", "language", "until", "limits")
MOST_A_DAY = 100_000


class PlaceKind(StrEnum):
    """What stands at a place; it is the channel of the answers given there."""

    QR = "qr"
    SOCIAL = "social"
    KIOSK = "kiosk"
    RECEIPT = "receipt"
    SITE = "site"
    """A site whose visitors nobody knows; it stands in rules/sites.yaml, not among the places."""


class Limit(StrEnum):
    """What may be too much: answers of a place in a minute, of one network there in a day, of a place in a day."""

    MINUTE = "minute"
    NETWORK = "network"
    DAY = "day"


WRITTEN = tuple(kind for kind in PlaceKind if kind is not PlaceKind.SITE)
USUAL: Mapping[Limit, int] = {Limit.MINUTE: 10, Limit.NETWORK: 20, Limit.DAY: 500}


@dataclass(frozen=True, slots=True)
class Place:
    """One place: `label` is read by customers and staff, `until` is its last day; `limits` count answers.

    `language` is the one that its page begins in, whatever the browser asks for; empty: the browser's.
    """

    id: str
    kind: PlaceKind
    label: str
    until: date | None = None
    language: str = ""
    limits: Mapping[Limit, int] = field(default_factory=lambda: dict(USUAL))
    question: QuestionKind = QuestionKind.NPS

    def is_open(self, day: date) -> bool:
        """Tell whether answers are taken on a day."""
        return self.until is None or day <= self.until


Places = Mapping[str, Place]


def read_places(body: bytes) -> Places:
    """Return the places by id, none for an empty file; raises Misconfigured with every fault and what to write."""
    content = read_named(body, FILE, KEYS)
    if content in (None, ""):
        return {}
    if not isinstance(content, dict):
        raise Misconfigured(
            [f"{FILE} must begin with the id of a place, such as `entrance:`, its lines indented below"]
        )
    faults = [f"{FILE}: {id}: {fault}" for id, given in content.items() for fault in faults_of(str(id), given)]
    if faults:
        raise Misconfigured(faults)
    return {str(id): place_of(str(id), given) for id, given in content.items()}


def faults_of(id: str, given: object) -> Iterator[str]:
    """Give what is wrong with one place."""
    if not PLACE_ID.fullmatch(id):
        yield "this is no id of a place: use lower case letters, digits, - and _, such as entrance"
    if not isinstance(given, dict):
        yield "say what stands there: write kind and label below it, indented"
        return
    for key in given:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key)[:40], KEYS, n=1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(KEYS)}"
            yield f"{str(key)[:40]} is not read: {advice}"
    if given.get("kind") not in WRITTEN:
        yield f"kind is one of {', '.join(WRITTEN)}, not {str(given.get('kind', ''))[:40]!r}"
    label = given.get("label")
    if not isinstance(label, str) or not label.strip() or len(label) > LONGEST_LABEL or not label.isprintable():
        yield f"label must be one line of up to {LONGEST_LABEL} signs: customers and staff read it"
    if given.get("question", QuestionKind.NPS) not in list(QuestionKind):
        yield f"question is one of {', '.join(QuestionKind)}, not {str(given['question'])[:40]!r}"
    language = given.get("language")
    if language not in (None, "") and not LANGUAGE.fullmatch(str(language)):
        yield f"language is a tag such as fr or pt-BR, not {str(language)[:40]!r}"
    if given.get("until") not in (None, "") and day_of(given["until"]) is None:
        yield f"until is the last day on which answers are taken, such as 2027-12-31, not {str(given['until'])[:40]!r}"
    yield from limit_faults(given.get("limits"))


def limit_faults(given: object) -> Iterator[str]:
    """Give what is wrong with the limits of a place."""
    if given in (None, ""):
        return
    if not isinstance(given, dict):
        yield "limits: write them as {minute: 10, network: 20, day: 500}"
        return
    for name, value in given.items():
        if name not in list(Limit):
            yield f"limits: there is no {str(name)[:40]!r}: there are {', '.join(Limit)}"
        elif not 1 <= number_of(value) <= MOST_A_DAY:
            yield f"limits: {name} must be a whole number from 1 to {MOST_A_DAY}, not {str(value)[:40]!r}"


def limits_of(given: object) -> dict[Limit, int]:
    """Return the limits that are written, of text without a fault."""
    return {Limit(str(name)): number_of(value) for name, value in given.items()} if isinstance(given, dict) else {}


def day_of(given: object) -> date | None:
    """Return the day that a text names, or None."""
    try:
        return date.fromisoformat(str(given).strip())
    except ValueError:
        return None


def number_of(given: object) -> int:
    """Return the whole number that a text writes, 0 for any other text."""
    text = str(given).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def place_of(id: str, given: Mapping[str, object]) -> Place:
    """Return one place of lines without a fault.

    Everybody at a kiosk comes from one network, so that counts not; of receipts each is a limit by itself.
    """
    kind = PlaceKind(str(given["kind"]))
    written = limits_of(given.get("limits"))
    day = written.get(Limit.DAY, USUAL[Limit.DAY])
    usual = {**USUAL, Limit.NETWORK: day} if kind is PlaceKind.KIOSK else USUAL
    usual = dict.fromkeys(Limit, MOST_A_DAY) if kind is PlaceKind.RECEIPT else usual
    label, language = str(given["label"]).strip(), str(given.get("language") or "")
    question = QuestionKind(str(given.get("question", QuestionKind.NPS)))
    return Place(id, kind, label, day_of(given.get("until")), language, {**usual, **written}, question)
