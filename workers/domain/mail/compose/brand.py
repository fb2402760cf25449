"""Who writes: the values of templates/brand.yaml, checked; and which of them are still those of the sample shop."""

import re
from dataclasses import dataclass, fields
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workers.calendar import COUNTRY_CODES
from workers.domain.mail.compose.mime import FORBIDDEN, ascii_domain
from workers.domain.mail.translations import DataFiles
from workers.errors import Misconfigured, Never
from workers.text.yaml_text import read_operators_file

_PLACE = "templates/brand.yaml"
_SAMPLE = "templates/brand.sample.yaml"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@<>,;:\"()\[\]\\]+")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
# Language and zone are choices that any shop may share with the sample; the others would show readers a stranger.
_MAY_EQUAL_SAMPLE = frozenset({"language", "time_zone", "wording", "country"})
_MAY_BE_EMPTY = frozenset({"logo", "wording", "country"})
_LONGEST = {"name": 200, "sender": 254, "reply_to": 254, "postal_address": 1_000, "logo": 2_000, "privacy_url": 2_000}
"""Characters of a value: a header's line carries 998 (RFC 5322), an address 254 (RFC 5321); others stand in mails."""
_LONGEST_WORD = 100
"""Characters of the values that are one word: language, colour, zone."""


@dataclass(frozen=True, slots=True)
class Brand:
    """The company as its customers see it."""

    name: str
    sender: str
    reply_to: str
    logo: str
    colour: str
    postal_address: str
    privacy_url: str
    language: str
    time_zone: str
    wording: str = ""
    """Ids of wordings of the question that are asked in instead of the catalogs' own, between commas."""
    country: str = ""
    """Where customers live of whom nobody told it (ISO 3166 alpha-2); empty: nobody knows."""

    @classmethod
    def load(cls, data: DataFiles) -> "Brand":
        """Read templates/brand.yaml; raise Misconfigured with every fault in it."""
        return cls._read(data, _PLACE)

    @classmethod
    def sample(cls, data: DataFiles) -> "Brand":
        """Read the values of the sample shop, which stay as shipped when brand.yaml is edited in place."""
        return cls._read(data, _SAMPLE)

    @classmethod
    def _read(cls, data: DataFiles, place: str) -> "Brand":
        values = read_operators_file(data.read(place), place)
        if not isinstance(values, dict):
            raise Misconfigured([f"{place} is not a list of keys and values"])
        names = [item.name for item in fields(cls)]
        faults = [
            f"{place}: unknown key {key!r}; the keys are {', '.join(names)}" for key in values if key not in names
        ]
        texts = {name: _text(values.get(name)) for name in names}
        empty = [name for name, text in texts.items() if not text and name not in _MAY_BE_EMPTY]
        faults += [f"{place}: {name} is missing: write it" for name in empty]
        long = [name for name, text in texts.items() if len(text) > _LONGEST.get(name, _LONGEST_WORD)]
        faults += [
            f"{place}: {name} has {len(texts[name]):,} characters; write at most {_LONGEST.get(name, _LONGEST_WORD):,}"
            for name in long
        ]
        for name in ("sender", "reply_to"):
            texts[name] = texts[name] if name in long else _travelling(texts[name]) or texts[name]
        brand = cls(**texts)
        faults += [f"{place}: {fault}" for fault in brand._faults() if fault.partition(" ")[0] not in (*empty, *long)]
        if faults:
            raise Misconfigured(faults)
        return brand

    def sample_values(self, sample: "Brand") -> list[str]:
        """Return the keys that still hold the sample shop's values; sending stays held while there are any."""
        return [
            item.name
            for item in fields(self)
            if item.name not in _MAY_EQUAL_SAMPLE
            and getattr(self, item.name)
            and getattr(self, item.name) == getattr(sample, item.name)
        ]

    @property
    def domain(self) -> str:
        """The domain of the sender's address."""
        return self.sender.rpartition("@")[2]

    @property
    def ink(self) -> str:
        """Return black or white, whichever reads better on the brand's colour (WCAG 2.2 relative luminance)."""
        channels = [int(self.colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        return "#000000" if luminance > 0.179 else "#ffffff"

    def _faults(self) -> list[str]:
        faults = [
            f"{name} {getattr(self, name)!r} is not a mail address such as hello@shop.example"
            for name in ("sender", "reply_to")
            if not _travelling(getattr(self, name))
        ]
        if not _COLOUR.fullmatch(self.colour):
            faults.append(f"colour {self.colour!r} is not written like '#8a3b12' (with the quotes)")
        if self.country:
            faults += _faults_of_country(self.country)
        for name in ("logo", "privacy_url"):
            if getattr(self, name) and not re.fullmatch(r"https?://\S+", getattr(self, name)):
                faults.append(f"{name} {getattr(self, name)!r} is not an address that begins with https://")
        if FORBIDDEN.search(self.name):
            faults.append("name holds a line break, a control character or '=?', which mail headers cannot carry")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            faults.append(f"time_zone {self.time_zone!r} is not an IANA zone such as Europe/Paris")
        return faults


def _text(value: object) -> str:
    """Return a value as written: a bare `NO` is Norway, and no yes or no; `~` and `null` are nothing."""
    text = "" if value is None else str(value).strip()
    return "" if text in ("~", "null") else text


def _faults_of_country(text: str) -> list[str]:
    if text in COUNTRY_CODES:
        return []
    from workers.cloudevents.locale_names import countries, country_code  # reads the names of all countries

    if text in countries():
        return []
    meant = country_code(text)
    return [f"country {text!r} is not two capitals such as FR (ISO 3166)" + (f": write {meant}" if meant else "")]


def _travelling(address: str) -> str:
    """Return an address with its domain as it travels (RFC 5891), or nothing for what is no address."""
    try:
        return ascii_domain(address) if _ADDRESS.fullmatch(address) else ""
    except Never:
        return ""
