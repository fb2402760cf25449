"""The texts that people read, by symbolic id: one complete gettext catalog per language, checked at start.

A text may have stand-ins, `id/2`, `id/3`: the first one whose variables are all known is taken, so that nobody reads
an empty name. Nothing here knows mails or pages.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from gettext import c2py
from io import BytesIO
from string import Formatter
from typing import TYPE_CHECKING, Protocol

from workers.errors import Misconfigured, Never

if TYPE_CHECKING:  # many read the names of texts, and few a text: imported where one is read or a day is written
    from babel.core import Locale

Pieces = tuple[tuple[str, str | None], ...]  # literal text, then the variable that follows it
_NARROW = re.compile(r" (?=[:;?!»%€])|(?<=«) |(?<=\d) (?=h\b)|(?<=\d h) ")


class DataFiles(Protocol):
    """Where the files come from: the adapters read a folder, and the domain imports nothing from above it."""

    def read(self, relative: str) -> bytes:
        """Raise Misconfigured when there is no such file."""

    def list(self, relative: str) -> list[str]:
        """Return the names in a folder, sorted."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text in one language: one form per plural."""

    forms: tuple[Pieces, ...]
    needs: frozenset[str]

    @property
    def source(self) -> str:
        """The text of its first form with its variables in braces, as it stands in the catalog."""
        return "".join(literal if name is None else f"{literal}{{{name}}}" for literal, name in self.forms[0])

    def fill(self, values: Mapping[str, object], form: int) -> str:
        """Return the text with its variables filled in; nothing is escaped, and no value is read as a template."""
        pieces = self.forms[min(form, len(self.forms) - 1)]
        return "".join(literal if name is None else f"{literal}{values[name]}" for literal, name in pieces)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All texts of one language; `chains` has a text and its stand-ins in order."""

    language: str
    locale: "Locale"
    chains: Mapping[str, tuple[Text, ...]]
    ids: frozenset[str]
    plural: Callable[[int], int]

    def text(self, id: str, values: Mapping[str, object]) -> str:
        """Return the first of the text and its stand-ins whose variables are all known.

        Raises Never when the id is not in the catalog or no stand-in can do without what is unknown.
        """
        for text in self.chains.get(id, ()):
            if all(is_known(values.get(name)) for name in text.needs):
                count = values.get("n")
                return text.fill(values, self.plural(count) if isinstance(count, int) else 0)
        wanted = [sorted(text.needs) for text in self.chains.get(id, ())]
        raise Never(f"the text {id!r} in {self.language!r} cannot be written; it needs one of {wanted or 'an entry'}")

    def date(self, day: date, pattern: str = "format.date") -> str:
        """Return a day in words; the pattern is a catalog text in CLDR letters, with `.first` for the first of month.

        A French month begins with "1er", which CLDR does not know; so the pattern is a text like any other.
        """
        first = f"{pattern}.first" if day.day == 1 and f"{pattern}.first" in self.ids else pattern
        return _formatted_date(self.locale, self._pattern(first), date(day.year, day.month, day.day))

    def clock(self, at: datetime) -> str:
        """Return the time of day as people write it, in the zone that the instant carries."""
        return self._time(at, "format.time")

    def moment(self, at: datetime) -> str:
        """Return day and time of day in words, in the zone that the instant carries."""
        pattern = "format.time" if at.minute else "format.hour"
        clock = self._time(at, pattern)
        return self.text("format.date-and-time", {"date": self.date(at, "format.weekday"), "time": clock})

    def _time(self, at: datetime, pattern: str) -> str:
        from babel.dates import format_time

        return _typeset(self.language, str(format_time(at, self._pattern(pattern), locale=self.locale)))

    def _pattern(self, id: str) -> str:
        return self.text(id, {})


def catalog_of(language: str, texts: Mapping[str, str]) -> Catalog:
    """Return a catalog of texts that stand in the code; none has a plural. Raises ValueError for a broken variable."""
    from babel.core import Locale

    compiled = {id: _compile((_typeset(language, text),)) for id, text in texts.items()}
    return Catalog(language, Locale.parse(language, sep="-"), _chains(compiled), frozenset(compiled), lambda n: 0)


class Catalogs:
    """The catalogs of all languages, complete and equal in their ids."""

    def __init__(self, catalogs: Mapping[str, Catalog], default: str) -> None:
        self._catalogs = dict(catalogs)
        self._default = default
        self._by_tag = {language.lower(): language for language in catalogs}

    @classmethod
    def load(cls, data: DataFiles, default: str) -> "Catalogs":
        """Read every `templates/catalogs/*.po`; raise Misconfigured with every missing id and every broken text."""
        faults: list[str] = []
        catalogs: dict[str, Catalog] = {}
        for name in data.list("templates/catalogs"):
            if name.endswith(".po"):
                language = name.removesuffix(".po").replace("_", "-")
                catalog = _read(language, data.read(f"templates/catalogs/{name}"), faults)
                if catalog is not None:
                    catalogs[language] = catalog
        faults.extend(_missing(catalogs.values()))
        if default not in catalogs:
            faults.append(
                f"templates/brand.yaml: there is no catalog for language {default!r}; there is {list(catalogs)}"
            )
        if faults:
            raise Misconfigured(faults)
        return cls(catalogs, default)

    def with_each(self, change: Callable[[Catalog], Catalog]) -> "Catalogs":
        """Return the catalogs as `change` gives each of them."""
        return Catalogs({language: change(catalog) for language, catalog in self._catalogs.items()}, self._default)

    @property
    def languages(self) -> frozenset[str]:
        """The languages that have a catalog, as BCP 47 tags."""
        return frozenset(self._catalogs)

    @property
    def default(self) -> str:
        """The brand's language, for whoever has none or one without a catalog."""
        return self._default

    def negotiate(self, tag: str | None) -> str:
        """Return the language to write in for a BCP 47 tag: the tag, then shorter (RFC 4647 lookup), then ours."""
        wanted = (tag or "").replace("_", "-").lower()
        while wanted:
            if wanted in self._by_tag:
                return self._by_tag[wanted]
            wanted = wanted.rpartition("-")[0]
        return self._default

    def catalog(self, language: str) -> Catalog:
        """Return the catalog for a language tag, or the nearest one (see `negotiate`); there always is one."""
        return self._catalogs.get(language) or self._catalogs[self.negotiate(language)]

    def text(self, language: str, id: str, **variables: object) -> str:
        """Return one text, not escaped; `n` chooses the plural. Raises Never for an unknown id."""
        return self.catalog(language).text(id, variables)

    def date(self, language: str, day: date, pattern: str = "format.date") -> str:
        """Return a day in words."""
        return self.catalog(language).date(day, pattern)


def is_known(value: object) -> bool:
    """Say whether a variable has something to show."""
    return value is not None and value != ""


@lru_cache(maxsize=4096)
def _formatted_date(locale: "Locale", pattern: str, day: date) -> str:
    from babel.dates import format_date

    return str(format_date(day, pattern, locale=locale))


def _read(language: str, body: bytes, faults: list[str]) -> Catalog | None:
    """Read one .po file into texts; faults are added with the place to mend."""
    from babel.core import Locale
    from babel.messages.pofile import read_po

    place = f"templates/catalogs/{language}.po"
    try:
        locale = Locale.parse(language, sep="-")
        messages = read_po(BytesIO(body), locale=locale, abort_invalid=True, charset="utf-8")
        plural = c2py(messages.plural_expr)
    except Exception as error:  # the library raises what its parts raise, such as for a plural rule of its own grammar
        faults.append(f"{place} cannot be read: {error}")
        return None
    texts: dict[str, Text] = {}
    for message in messages:
        id = message.id[0] if isinstance(message.id, tuple | list) else message.id
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if not id or message.fuzzy:
            continue
        if not all(strings):
            faults.append(f"{place}: {id!r} has no text: write one")
            continue
        try:
            texts[id] = _compile(tuple(_typeset(language, string) for string in strings))
        except ValueError as error:
            faults.append(f"{place}: {id!r}: {error}")
    return Catalog(language, locale, _chains(texts), frozenset(texts), plural)


def _compile(strings: tuple[str, ...]) -> Text:
    forms: list[Pieces] = []
    for string in strings:
        pieces: list[tuple[str, str | None]] = []
        for literal, name, spec, conversion in Formatter().parse(string):
            if name is not None and (not name.isidentifier() or spec or conversion):
                raise ValueError(f"{{{name}}} is not a variable; write {{name}} and nothing else between the braces")
            pieces.append((literal, name))
        forms.append(tuple(pieces))
    return Text(tuple(forms), frozenset(name for form in forms for _, name in form if name is not None))


def _typeset(language: str, string: str) -> str:
    """Keep French punctuation on its line: translators type a plain space, readers get one that does not break."""
    return _NARROW.sub("\u00a0", string) if language.split("-")[0] == "fr" else string


def _chains(texts: Mapping[str, Text]) -> dict[str, tuple[Text, ...]]:
    chains: dict[str, tuple[Text, ...]] = {}
    for id, text in texts.items():
        if "/" not in id:
            chain, n = [text], 2
            while (other := texts.get(f"{id}/{n}")) is not None:
                chain.append(other)
                n += 1
            chains[id] = tuple(chain)
    return chains


def _missing(catalogs: Iterable[Catalog]) -> list[str]:
    every = frozenset[str]().union(*(catalog.ids for catalog in catalogs))
    return [
        f"templates/catalogs/{catalog.language}.po: the text {id!r} is missing: add it (another language has it)"
        for catalog in catalogs
        for id in sorted(every - catalog.ids)
    ]
