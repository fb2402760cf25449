"""Drivers: what customers may name as the reason for their score, as the operator declared it in a file.

A driver has a code, which counts and never changes its meaning, and names, which customers read: in each language, in
other words for a band where the operator wants them, and only after some triggers where it fits no other.
"""

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workers.cloudevents import Event, LeftOut
from workers.cloudevents.pointers import pointer
from workers.cloudevents.reader import describe
from workers.domain.records.choices import codes_in
from workers.domain.types import Band
from workers.errors import BadInput, Misconfigured
from workers.structs import replace
from workers.text.plain_text import for_store
from workers.text.yaml_text import read_named, unread_keys

FILE = "rules/drivers.yaml"
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
OTHER = "other"
"""The driver that is always offered, last; its name stands in the catalogs."""
NONE = "none"
"""Stands in reports for the answers that name no driver."""
RESERVED = frozenset({OTHER, NONE, "driver", "keep", "competitor"})
MOST_CHOSEN = 3
MOST_OFFERED = 8
"""Drivers beside `other` that one customer may see: more are not read, and the upper ones are chosen."""
MOST = 40
LONGEST_NAME = 80
KEYS = ("name", *Band, "triggers")

Names = Mapping[str, str]
"""What a driver is called, by language."""


@dataclass(frozen=True, slots=True)
class Driver:
    """One declared driver; without triggers it is offered after every score."""

    code: str
    names: Names
    of_band: Mapping[str, Names] = field(default_factory=dict)
    triggers: frozenset[str] = frozenset()

    def name(self, language: str, band: str = "") -> str:
        """Return what it is called in a language, or the nearest there is; in a band's own words where it has some."""
        return in_language(self.of_band.get(band) or self.names, language)


Drivers = Mapping[str, Driver]


def in_language(names: Names, language: str) -> str:
    """Return the name in a language, in its base language, or else in the first that is written."""
    return names.get(language) or names.get(language.partition("-")[0]) or next(iter(names.values()))


def read_drivers(body: bytes) -> Drivers:
    """Return the declared drivers by code, none for an empty file; raises Misconfigured with every fault."""
    content = read_named(body, FILE, KEYS)
    if content in (None, ""):
        return {}
    if not isinstance(content, dict):
        raise Misconfigured([f"{FILE} must name drivers: write lines such as `price: {{name: {{en: The price}}}}`"])
    faults: list[str] = []
    if len(content) > MOST:
        faults.append(f"{FILE} declares {len(content)} drivers; at most {MOST} are kept: customers see {MOST_OFFERED}")
    drivers: dict[str, Driver] = {}
    for code, given in list(content.items())[:MOST]:
        wrong = [*code_faults(str(code)), *driver_faults(str(code), given)]
        faults += [f"{FILE}: {code}: {fault}" for fault in wrong]
        if not wrong:
            drivers[str(code)] = declared(str(code), given)
    if not faults:
        faults = [f"{FILE}: {fault}" for fault in [*language_faults(drivers), *offer_faults(drivers)]]
    if faults:
        raise Misconfigured(faults)
    return drivers


def code_faults(code: str) -> Iterator[str]:
    """Give what is wrong with a code."""
    if not CODE.fullmatch(code):
        yield "this is no code: use lower case, digits and _, at most 40 of them, a letter first"
    elif code in RESERVED:
        yield f"the code means something already ({OTHER} is always offered, last): call it otherwise"


def driver_faults(code: str, given: object) -> Iterator[str]:
    """Give what is wrong with the lines of one driver."""
    if not isinstance(given, dict):
        yield f"say what it is called, such as `{code}: {{name: {{en: The price, fr: Le prix}}}}`"
        return
    yield from unread_keys(given, KEYS)
    if "name" not in given:
        yield "name is missing: write what customers read in each language, such as `name: {en: The price}`"
    for key in ("name", *Band):
        if key in given:
            yield from name_faults(key, given[key])
    triggers = given.get("triggers", [])
    if not isinstance(triggers, list) or not all(isinstance(each, str) and CODE.fullmatch(each) for each in triggers):
        yield "triggers: write a list of triggers, such as [purchase, delivery], or leave the line out for all of them"


def name_faults(key: str, given: object) -> Iterator[str]:
    """Give what is wrong with what a driver is called."""
    if not isinstance(given, dict) or not given:
        yield f"{key}: write a name for each language, such as `{key}: {{en: The price, fr: Le prix}}`"
        return
    for language, name in given.items():
        if not LANGUAGE.fullmatch(str(language)):
            yield f"{key}: {str(language)[:20]!r} is no language: write a tag such as en, fr or pt-BR"
        elif not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            yield f"{key}: the name in {language} must be a line of up to {LONGEST_NAME} signs"


def declared(code: str, given: Mapping[str, object]) -> Driver:
    """Return one driver of lines without a fault."""
    names = {key: spoken(given[key]) for key in ("name", *Band) if key in given}
    triggers = given.get("triggers", [])
    return Driver(
        code,
        names.pop("name"),
        {str(band): spoken_names for band, spoken_names in names.items()},
        frozenset(str(each) for each in triggers) if isinstance(triggers, list) else frozenset(),
    )


def spoken(given: object) -> Names:
    """Return the names by language, as they are shown."""
    return {str(tag): str(name).strip() for tag, name in given.items()} if isinstance(given, dict) else {}


def language_faults(drivers: Drivers) -> Iterator[str]:
    """Give the drivers that lack a language which another has: a list must not change its language midway."""
    every = {language for driver in drivers.values() for language in driver.names}
    for driver in drivers.values():
        for key, names in (("name", driver.names), *driver.of_band.items()):
            for language in sorted(every - names.keys()):
                yield f"{driver.code}: {key}: the name in {language} is missing: other drivers have one"


def offer_faults(drivers: Drivers) -> Iterator[str]:
    """Give the triggers after which more would be offered than anybody reads, and names that are offered twice."""
    triggers = {trigger for driver in drivers.values() for trigger in driver.triggers}
    for trigger in ("", *sorted(triggers)):
        offer = offered(drivers, trigger)
        after = f"after {trigger}" if trigger else "after every score"
        if len(offer) > MOST_OFFERED:
            yield (
                f"{len(offer)} drivers are offered {after}; at most {MOST_OFFERED} are read: "
                "leave some out, or give them triggers"
            )
            return
        for language, name in twice(
            (language, driver.names[language]) for driver in offer for language in driver.names
        ):
            yield f"two drivers are called {name} in {language} {after}: nobody could tell them apart"
            return


def twice(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Give the names that stand twice in one language, but for capitals."""
    seen = set()
    for language, name in pairs:
        if (language, name.casefold()) in seen:
            yield language, name
        seen.add((language, name.casefold()))


def offered(drivers: Drivers, trigger: str) -> list[Driver]:
    """Return the drivers that fit a trigger, in the order of the file."""
    return [driver for driver in drivers.values() if not driver.triggers or trigger in driver.triggers]


def shuffled(offer: Sequence[Driver], request: str) -> list[str]:
    """Return the codes in the order in which one question shows them, `other` last; none where none is offered.

    By hash of the question: what stands first is chosen more often, so each customer sees another order, and the same
    one whenever they look.
    """
    ordered = sorted(offer, key=lambda driver: hashlib.sha256(f"{request} {driver.code}".encode()).digest())
    return [*(driver.code for driver in ordered), OTHER] if offer else []


def names_in(kept: str | None, drivers: Drivers, language: str, other: str) -> list[str]:
    """Return what a choice is called in a language, `other` as the reader knows it; a code that is gone stays."""
    return [name_of(code, drivers, language, other) for code in codes_in(kept)]


def name_of(code: str, drivers: Drivers, language: str, other: str) -> str:
    """Return what a code is called in a language; of one that is declared no more, itself."""
    if code == OTHER:
        return other
    return drivers[code].name(language) if code in drivers else code.replace("_", " ")


def take_drivers(event: Event, drivers: Drivers) -> Event:
    """Return a score event with the drivers that are declared; of the others it says why they were left out."""
    if event.score is None or event.score.drivers is None:
        return event
    chosen: list[str] = []
    left_out = []
    for place, given in enumerate(event.score.drivers):
        try:
            code = known(given, drivers)
            if code not in chosen and len(chosen) == MOST_CHOSEN:
                raise BadInput(f"{describe(given)} is more than the {MOST_CHOSEN} drivers that one answer has.")
        except BadInput as fault:
            at = pointer(["data", "drivers", str(place)])
            left_out.append(LeftOut(at, for_store(f"{fault} Left out; the event counts."), "left out"))
        else:
            chosen += [code] if code not in chosen else []
    score = replace(event.score, drivers=tuple(sorted(chosen)))
    return replace(event, score=score, left_out=(*event.left_out, *left_out))


def known(given: object, drivers: Drivers) -> str:
    """Return the code of a declared driver; raises BadInput with what was likely meant."""
    code = given.strip().casefold() if isinstance(given, str) else ""
    if code in drivers or (drivers and code == OTHER):
        return code
    near = difflib.get_close_matches(code[:60], drivers, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise BadInput(
        f"Found {describe(given)}, which is no declared driver.{guess} Declare it in {FILE}, or do not send it."
    )
