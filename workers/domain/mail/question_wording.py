"""The wording of the question: a measuring instrument, so that each request keeps the one it was asked in.

A wording is the question, the question after a recovery, and the ends of its scale in one language. Those that have a
number stand in templates/wordings.yaml (`fr-2`); a text of the company's own is named by its hash, so that any edit is
another wording, and a text that is put back is the one it was. The company's name is no part of it.

CSAT and CES questions have wordings of their own (`fr-csat-1a2b3c4d`), with every word of the scale. Their texts stand
in the catalogs with the kind before the id: `csat.question` takes the place of `question` where CSAT is asked.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from workers.domain.mail.translations import Catalog, Catalogs, DataFiles, catalog_of
from workers.domain.reporting.scales import RATED, SCALES
from workers.domain.types import QuestionKind
from workers.errors import Misconfigured
from workers.text.yaml_text import read_operators_file

PLACE = "templates/wordings.yaml"
NPS = QuestionKind.NPS
ASKED = ("question", "question.today", "scale")
PARTS = (*ASKED, "score.0", "score.10")
"""The catalogs' ids of a wording's texts."""
DIGITS = 8
"""Of the hash that names a text without a number."""
_VERSION = re.compile(rf"[1-9][0-9]{{0,{DIGITS - 2}}}")
LONGEST = 300
"""Characters of one text: it stands in a subject's preview, on a phone and in a box on a page."""


@dataclass(frozen=True, slots=True)
class QuestionWording:
    """The texts in which a question is asked in one language, by their ids in the catalogs, each with its variables."""

    id: str
    language: str
    texts: Mapping[str, str]

    @property
    def question(self) -> str:
        """The question itself, with `{brand}` in it."""
        return self.texts["question"]

    def asks_as(self, other: "QuestionWording") -> bool:
        """Tell whether two wordings put the same words, whatever they are called."""
        return dict(self.texts) == dict(other.texts)

    @property
    def kind(self) -> QuestionKind:
        """What it measures, as its id says: `fr-csat-1a2b3c4d`."""
        named = self.id.removeprefix(f"{self.language}-").partition("-")[0]
        return QuestionKind(named) if named in RATED else NPS

    @property
    def tag(self) -> str:
        """Its language, and for another kind than NPS that too: of each there is one in use."""
        return tag_of(self.language, self.kind)


def tag_of(language: str, kind: QuestionKind) -> str:
    """Return under what the wording in use of a language and kind is known."""
    return language if kind is NPS else f"{language}-{kind}"


class Asked(Protocol):
    """What was asked in a language, and in which wording; None: by a release that kept none."""

    @property
    def language(self) -> str:
        """The language of the question."""

    @property
    def wording(self) -> str | None:
        """The id of its wording."""

    @property
    def question(self) -> str | None:
        """What it measures; None: an NPS question."""


def wording_of(asked: Asked) -> str:
    """Return the id of the wording that something was asked in; without one it is the first version of its language.

    Of a CSAT or CES question there is none without one: the name of nothing.
    """
    return asked.wording or ("" if asked.question else first_of(asked.language))


def first_of(language: str) -> str:
    """Return the id of the first version of a language."""
    return f"{language}-1"


@dataclass(frozen=True, slots=True)
class Wordings:
    """The wordings with a number, and by its tag the one in use of each language and kind."""

    numbered: Mapping[str, QuestionWording]
    in_use: Mapping[str, QuestionWording]
    worded: dict[tuple[str, str], Catalog] = field(default_factory=dict)
    """Catalogs that ask in another wording than the one in use, by language and wording."""

    def with_id(self, id: str | None) -> QuestionWording | None:
        """Return the wording of an id, where it is in use or has a number."""
        in_use = (wording for wording in self.in_use.values() if wording.id == id)
        return next(in_use, None) or self.numbered.get(id or "")

    def id_in_use(self, language: str, kind: QuestionKind = NPS) -> str | None:
        """Return the id of the wording that a language is asked in now."""
        wording = self.in_use.get(tag_of(language, kind))
        return wording.id if wording else None

    def first(self, language: str) -> QuestionWording | None:
        """Return what a release that kept no wordings asked in: the first version, or a text that has no number.

        An upgrade leaves the company's own texts as they are: so where one is in use, it was before.
        """
        in_use, shipped = self.in_use.get(language), self.numbered.get(first_of(language))
        if in_use is None or in_use.id in self.numbered:
            return shipped
        return replace(in_use, id=first_of(language))

    def catalog(self, catalog: Catalog, wording: QuestionWording | None, kind: QuestionKind = NPS) -> Catalog:
        """Return a catalog that asks a kind of question, with the texts of a wording.

        Those in use where the wording is foreign or none. The catalog itself where they are its own.
        """
        in_use = self.in_use.get(tag_of(catalog.language, kind))
        if wording is None or wording.tag != tag_of(catalog.language, kind):
            wording = in_use if kind is not NPS else None
        if kind is NPS and (wording is None or (in_use is not None and in_use.asks_as(wording))):
            return catalog
        key = (catalog.language, wording.id if wording else kind.value)
        if key not in self.worded:
            asking_kind = asking(catalog, kind)
            self.worded[key] = asking_in(asking_kind, wording) if wording else asking_kind
        return self.worded[key]


def asking(catalog: Catalog, kind: QuestionKind) -> Catalog:
    """Return a catalog that asks a kind of question: each text that is there for it stands for that of the NPS."""
    if kind is NPS:
        return catalog
    before = f"{kind}."
    own = {id.removeprefix(before): chain for id, chain in catalog.chains.items() if id.startswith(before)}
    return replace(catalog, chains={**catalog.chains, **own})


def asking_in(catalog: Catalog, wording: QuestionWording) -> Catalog:
    """Return a catalog that asks in a wording."""
    return replace(catalog, chains={**catalog.chains, **catalog_of(catalog.language, wording.texts).chains})


def load_worded(data: DataFiles, language: str, chosen: str) -> tuple[Catalogs, Wordings]:
    """Read the catalogs, with the wordings that were chosen (ids between commas) in the place of their own.

    Raises Misconfigured with every fault of the catalogs, of the list of wordings, or of the choice.
    """
    catalogs = Catalogs.load(data, language)
    numbered = read_wordings(data)
    choice: dict[str, QuestionWording] = {}
    faults: list[str] = []
    for id in filter(None, (part.strip() for part in chosen.split(","))):
        wording = numbered.get(id)
        if wording is None or wording.language not in catalogs.languages:
            there = ", ".join(id for id in numbered if numbered[id].language in catalogs.languages)
            faults.append(f"templates/brand.yaml: wording {id!r} is none of {PLACE}: choose of {there}")
        elif wording.language in choice:
            other = choice[wording.language].id
            faults.append(f"templates/brand.yaml: wording has {other!r} and {id!r}: choose one for each language")
        else:
            choice[wording.language] = wording
    if faults:
        raise Misconfigured(faults)
    catalogs = catalogs.with_each(
        lambda catalog: asking_in(catalog, choice[catalog.language]) if catalog.language in choice else catalog
    )
    in_use = {
        tag: choice.get(tag) or wording_in(catalogs.catalog(tag), numbered.values()) for tag in catalogs.languages
    }
    rated = [rated_wording(catalogs.catalog(tag), kind) for tag in catalogs.languages for kind in RATED]
    every = [*in_use.values(), *rated]
    return catalogs, Wordings(numbered, {wording.tag: wording for wording in every if wording is not None})


def rated_wording(catalog: Catalog, kind: QuestionKind) -> QuestionWording | None:
    """Return the wording in which a catalog asks a CSAT or CES question; None for a catalog without it."""
    parts = (*ASKED, *(f"score.{n}" for n in SCALES[kind].numbers))
    texts = texts_of(catalog, parts, f"{kind}.")
    return QuestionWording(f"{catalog.language}-{kind}-{digest_of(texts)}", catalog.language, texts) if texts else None


def wording_in(catalog: Catalog, numbered: Iterable[QuestionWording]) -> QuestionWording | None:
    """Return the wording that a catalog asks in: the one with a number that has its texts, else one of its own.

    None for a catalog without the question.
    """
    texts = texts_of(catalog, PARTS)
    if texts is None:
        return None
    for wording in numbered:
        if wording.language == catalog.language and wording.texts == texts:
            return wording
    return QuestionWording(f"{catalog.language}-{digest_of(texts)}", catalog.language, texts)


def texts_of(catalog: Catalog, parts: Iterable[str], before: str = "") -> dict[str, str] | None:
    """Return the texts that make a wording, by part; `before` begins their ids in the catalog. None where one lacks."""
    chains = {part: catalog.chains.get(before + part) for part in parts}
    texts = {part: plain(chain[0].source) for part, chain in chains.items() if chain is not None}
    return texts if len(texts) == len(chains) else None


def digest_of(texts: Mapping[str, str]) -> str:
    """Return what names texts without a number."""
    return hashlib.sha256("\n".join(texts.values()).encode()).hexdigest()[:DIGITS]


def plain(text: str) -> str:
    """Return a text with plain spaces: how they are set (French ones do not break) makes no other wording."""
    return " ".join(text.split())


def read_wordings(data: DataFiles) -> dict[str, QuestionWording]:
    """Return the wordings with a number by their ids, in order of languages and numbers.

    Raises Misconfigured with every fault.
    """
    languages = read_operators_file(data.read(PLACE), PLACE)
    faults: list[str] = []
    wordings: dict[str, QuestionWording] = {}
    for language, versions in languages.items() if isinstance(languages, dict) else [("", None)]:
        if not isinstance(versions, dict) or not versions:
            faults.append(f"{PLACE}: {language!r} has no versions: write numbers, each with its texts")
            continue
        for number, texts in sorted(versions.items(), key=lambda version: str(version[0]).zfill(DIGITS)):
            id = f"{language}-{number}"
            wrong = faults_of(number, texts)
            faults += [f"{PLACE}: {id}: {fault}" for fault in wrong]
            if not wrong:
                wordings[id] = QuestionWording(id, str(language), {part: plain(texts[part]) for part in PARTS})
    if faults:
        raise Misconfigured(faults)
    return wordings


def faults_of(number: object, texts: object) -> list[str]:
    """Return what is wrong with one version: its number, a text that is missing, too long or has another variable."""
    if not _VERSION.fullmatch(str(number)):
        return ["its version is not a whole number from 1"]
    if not isinstance(texts, dict):
        return [f"write its texts: {', '.join(PARTS)}"]
    faults = [f"{name} is no text of a wording; they are {', '.join(PARTS)}" for name in texts if name not in PARTS]
    for part in PARTS:
        text = texts.get(part)
        if not isinstance(text, str) or not text.strip():
            faults.append(f"{part} is missing: write it")
        elif len(text) > LONGEST:
            faults.append(f"{part} has {len(text):,} characters; write at most {LONGEST}")
        else:
            faults += variable_faults(part, text)
    return faults


def variable_faults(part: str, text: str) -> list[str]:
    """Return what is wrong with the variables of a text: `{brand}` is the only one."""
    try:
        needs = catalog_of("en", {part: text}).chains[part][0].needs
    except ValueError as error:
        return [f"{part}: {error}"]
    return [f"{part} names {{{name}}}; the only variable here is {{brand}}" for name in sorted(needs - {"brand"})]
