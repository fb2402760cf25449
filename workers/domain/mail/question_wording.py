"""The wording of the question: a measuring instrument, so that each request keeps the one it was asked in.

A wording is the question, the question after a recovery, and the ends of its scale in one language. Those that have a
number stand in templates/wordings.yaml (`fr-2`); a text of the company's own is named by its hash, so that any edit is
another wording, and a text that is put back is the one it was. The company's name is no part of it.

CSAT and CES questions have wordings of their own (`fr-csat-1`), with every word of the scale. Their texts stand in the
catalogs with the kind before the id: `csat.question` takes the place of `question` where CSAT is asked.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
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
PARTS_OF: Mapping[QuestionKind, tuple[str, ...]] = {
    NPS: PARTS,
    **{kind: (*ASKED, *(f"score.{n}" for n in SCALES[kind].numbers)) for kind in RATED},
}
"""The same for each kind of question, without the kind before them."""
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
        """What it measures, as its id says: `fr-csat-1`."""
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
    before = before_of(kind)
    own = {id.removeprefix(before): chain for id, chain in catalog.chains.items() if id.startswith(before)}
    return replace(catalog, chains={**catalog.chains, **own})


def asking_in(catalog: Catalog, wording: QuestionWording, before: str = "") -> Catalog:
    """Return a catalog that asks in a wording; `before` begins the ids of its texts there."""
    texts = {before + part: text for part, text in wording.texts.items()}
    return replace(catalog, chains={**catalog.chains, **catalog_of(catalog.language, texts).chains})


def before_of(kind: QuestionKind) -> str:
    """Return what begins the ids of a kind's texts in the catalogs: nothing of the NPS."""
    return "" if kind is NPS else f"{kind}."


def load_worded(data: DataFiles, language: str, chosen: str) -> tuple[Catalogs, Wordings]:
    """Read the catalogs, with the wordings that were chosen (ids between commas) in the place of their own.

    Raises Misconfigured with every fault of the catalogs, of the list of wordings, or of the choice.
    """
    catalogs = Catalogs.load(data, language)
    numbered = read_wordings(data)
    choice = choice_of(chosen, {id: numbered[id] for id in numbered if numbered[id].language in catalogs.languages})
    catalogs = catalogs.with_each(lambda catalog: with_chosen(catalog, choice.values()))
    every = [
        choice.get(tag_of(language, kind)) or wording_in(catalogs.catalog(language), numbered.values(), kind)
        for kind in SCALES
        for language in catalogs.languages
    ]
    return catalogs, Wordings(numbered, {wording.tag: wording for wording in every if wording is not None})


def choice_of(chosen: str, numbered: Mapping[str, QuestionWording]) -> dict[str, QuestionWording]:
    """Return the wordings of some ids, by tag: at most one for each language and kind.

    Raises Misconfigured with every id that is none, or too many.
    """
    choice: dict[str, QuestionWording] = {}
    faults: list[str] = []
    for id in filter(None, (part.strip() for part in chosen.split(","))):
        wording = numbered.get(id)
        if wording is None:
            there = ", ".join(numbered)
            faults.append(f"templates/brand.yaml: wording {id!r} is none of {PLACE}: choose of {there}")
        elif wording.tag in choice:
            other = choice[wording.tag].id
            faults.append(f"templates/brand.yaml: wording has {other!r} and {id!r}: choose one of them")
        else:
            choice[wording.tag] = wording
    if faults:
        raise Misconfigured(faults)
    return choice


def with_chosen(catalog: Catalog, choice: Iterable[QuestionWording]) -> Catalog:
    """Return a catalog with the wordings of its language that were chosen in the place of its own."""
    for wording in choice:
        if wording.language == catalog.language:
            catalog = asking_in(catalog, wording, before_of(wording.kind))
    return catalog


def wording_in(
    catalog: Catalog, numbered: Iterable[QuestionWording], kind: QuestionKind = NPS
) -> QuestionWording | None:
    """Return the wording in which a catalog asks a kind: the one with a number that has its texts, else one of its own.

    None for a catalog without the question.
    """
    texts = texts_of(catalog, PARTS_OF[kind], before_of(kind))
    if texts is None:
        return None
    tag = tag_of(catalog.language, kind)
    for wording in numbered:
        if wording.tag == tag and wording.texts == texts:
            return wording
    return QuestionWording(f"{tag}-{digest_of(texts)}", catalog.language, texts)


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
    """Return the wordings with a number by their ids, in order of languages, kinds and numbers.

    Raises Misconfigured with every fault.
    """
    languages = read_operators_file(data.read(PLACE), PLACE)
    faults: list[str] = []
    wordings: dict[str, QuestionWording] = {}
    for language, kind, versions in lists_of(languages):
        tag, parts = tag_of(language, kind), PARTS_OF[kind]
        if not isinstance(versions, dict) or not versions:
            faults.append(f"{PLACE}: {tag!r} has no versions: write numbers, each with its texts")
            continue
        for number, texts in sorted(versions.items(), key=lambda version: str(version[0]).zfill(DIGITS)):
            id = f"{tag}-{number}"
            wrong = faults_of(number, texts, parts)
            faults += [f"{PLACE}: {id}: {fault}" for fault in wrong]
            if not wrong:
                wordings[id] = QuestionWording(id, language, {part: plain(texts[part]) for part in parts})
    if faults:
        raise Misconfigured(faults)
    return wordings


def lists_of(languages: object) -> Iterator[tuple[str, QuestionKind, object]]:
    """Give what is written for each language and kind: the NPS has its versions beside the names of the others.

    A language with none of the NPS may have those of another kind; one without anything is told as the NPS.
    """
    for language, versions in languages.items() if isinstance(languages, dict) else [("", None)]:
        if not isinstance(versions, dict):
            yield str(language), NPS, versions
            continue
        of_kinds = {kind: versions[kind.value] for kind in RATED if kind.value in versions}
        of_nps = {number: texts for number, texts in versions.items() if number not in {*of_kinds}}
        if of_nps or not of_kinds:
            yield str(language), NPS, of_nps
        for kind, its_versions in of_kinds.items():
            yield str(language), kind, its_versions


def faults_of(number: object, texts: object, parts: Collection[str]) -> list[str]:
    """Return what is wrong with one version: its number, a text that is missing, too long or has another variable."""
    if not _VERSION.fullmatch(str(number)):
        return ["its version is not a whole number from 1"]
    if not isinstance(texts, dict):
        return [f"write its texts: {', '.join(parts)}"]
    faults = [f"{name} is no text of a wording; they are {', '.join(parts)}" for name in texts if name not in parts]
    for part in parts:
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
