"""Names of languages and time zones as CRMs write them, turned into BCP 47 tags and IANA names.

The names come from CLDR, as Babel carries it; the few that Rails has beside them stand here. Pure: the tables of Babel
are read once per process, and only when a name asks for them.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from babel import Locale, UnknownLocaleError, localedata
from babel.core import get_global

_TAG = re.compile(
    r"[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?(?:-[A-Za-z0-9]{1,8})*"
)
_LONGEST = 100
"""Characters of a name of a language or a zone; CLDR's longest have half of it."""
_IN_BRACKETS = re.compile(r"(.+?)(?:\s*[(\[\u2013\u2014/,]\s*|\s-\s)(.+?)\s*[)\]]?")
_SHORT_PLACES = {"us": "US", "u.s.": "US", "usa": "US", "uk": "GB", "u.k.": "GB", "great britain": "GB", "el": "GR"}
_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "ZZ"})
_SCRIPTS = {"simplified": "Hans", "traditional": "Hant", "cyrillic": "Cyrl", "latin": "Latn", "arabic": "Arab"}
_OFFSET = re.compile(r"\((?:UTC|GMT)[^)]*\)\s*", re.IGNORECASE)
_TIME_OF = re.compile(r"(.+?) time(?: \(.+\))?", re.IGNORECASE)
_RAILS = {
    "abu dhabi": "Asia/Dubai",
    "alaska": "America/Juneau",
    "arizona": "America/Phoenix",
    "astana": "Asia/Almaty",
    "beijing": "Asia/Shanghai",
    "bern": "Europe/Zurich",
    "brasilia": "America/Sao_Paulo",
    "canberra": "Australia/Sydney",
    "cape verde is.": "Atlantic/Cape_Verde",
    "central america": "America/Guatemala",
    "chennai": "Asia/Kolkata",
    "edinburgh": "Europe/London",
    "ekaterinburg": "Asia/Yekaterinburg",
    "georgetown": "America/Guyana",
    "greenland": "America/Nuuk",
    "hanoi": "Asia/Bangkok",
    "hawaii": "Pacific/Honolulu",
    "indiana (east)": "America/Indiana/Indianapolis",
    "international date line west": "Etc/GMT+12",
    "islamabad": "Asia/Karachi",
    "kyiv": "Europe/Kyiv",
    "marshall is.": "Pacific/Majuro",
    "mid-atlantic": "Atlantic/South_Georgia",
    "midway island": "Pacific/Midway",
    "mumbai": "Asia/Kolkata",
    "new caledonia": "Pacific/Noumea",
    "new delhi": "Asia/Kolkata",
    "nuku'alofa": "Pacific/Tongatapu",
    "osaka": "Asia/Tokyo",
    "pretoria": "Africa/Johannesburg",
    "quito": "America/Lima",
    "samoa": "Pacific/Apia",
    "sapporo": "Asia/Tokyo",
    "saskatchewan": "America/Regina",
    "solomon is.": "Pacific/Guadalcanal",
    "sri jayawardenepura": "Asia/Colombo",
    "st. petersburg": "Europe/Moscow",
    "tokelau is.": "Pacific/Fakaofo",
    "volgograd": "Europe/Volgograd",
    "wellington": "Pacific/Auckland",
    "west central africa": "Africa/Algiers",
}
"""Places that name a zone in Rails (ActiveSupport::TimeZone) and are neither CLDR's nor cities of the zone database."""


@lru_cache(maxsize=1_024)
def language_tag(text: str) -> str | None:
    """Return the BCP 47 tag of a language: of a tag itself, or of a name in English or in the language itself.

    A region or script may stand behind the name, as in `French (France)`; one that is unknown is left out.
    """
    name = text.strip().replace("_", "-")
    if len(name) > _LONGEST:
        return None
    if _TAG.fullmatch(name):
        primary, dash, rest = name.partition("-")
        alias = str(get_global("language_aliases").get(primary.lower(), primary))
        looked_up = alias if "_" not in alias and len(primary) > 2 else primary
        return f"{looked_up}{dash}{rest}"
    return _named_language(text.strip().casefold())


def _named_language(name: str) -> str | None:
    tag_of = _language_names()
    tag = tag_of.get(name)
    if tag:
        return tag
    parts = _IN_BRACKETS.fullmatch(name)
    if parts:
        base, more = tag_of.get(parts[1].strip()), parts[2].strip()
        for place in (more, *(each.strip() for each in more.split(","))):
            region = _SCRIPTS.get(place) or _SHORT_PLACES.get(place) or _region_names(base or "").get(place)
            if base and region:
                return f"{base}-{region}"
        if base:
            return base
    return _own_names().get(name) or (_own_name_and_region(parts) if parts else None)


def _own_name_and_region(parts: re.Match[str]) -> str | None:
    """Return the tag of a name in the language itself with a region in that language: Deutsch (Österreich)."""
    base = _own_names().get(parts[1].strip())
    region = _region_names(base).get(parts[2].strip()) if base else None
    return f"{base}-{region}" if region else base


@cache
def _language_names() -> dict[str, str]:
    """Map English names of languages, case-folded, to tags; with three names that CLDR has otherwise."""
    names = {str(name).casefold(): tag.replace("_", "-") for tag, name in Locale("en").languages.items()}
    return {**names, "mandarin": "zh", "farsi": "fa", "flemish": "nl-BE"}


@cache
def _own_names() -> dict[str, str]:
    """Return the tags of languages by the names they have in themselves, of those that are official somewhere."""
    official = {
        tag
        for languages in get_global("territory_languages").values()
        for tag, facts in languages.items()
        if facts.get("official_status") in ("official", "de_facto_official") and "_" not in tag
    }
    own_names: dict[str, str] = {}
    for tag in sorted(official):
        name = (
            localedata.load(tag, merge_inherited=False).get("languages", {}).get(tag)
            if localedata.exists(tag)
            else None
        )
        if name:
            own_names.setdefault(str(name).casefold(), tag)
    return own_names


@lru_cache(maxsize=1_024)
def country_code(text: str) -> str | None:
    """Return the code of a country (ISO 3166 alpha-2) of itself, however it is capitalised, or of its English name."""
    name = text.strip()
    if len(name) > _LONGEST:
        return None
    code = _SHORT_PLACES.get(name.casefold()) or _region_names("en").get(name.casefold()) or name.upper()
    return code if code in countries() else None


@cache
def countries() -> frozenset[str]:
    """Return the codes of all countries (ISO 3166 alpha-2)."""
    return frozenset(code for code in Locale("en").territories if len(code) == 2) - _NO_COUNTRIES


@lru_cache(maxsize=64)
def _region_names(tag: str) -> dict[str, str]:
    """Return the codes of countries by their names in English and in a language."""
    region_of: dict[str, str] = {}
    for each in ("en", tag):
        try:
            territories = Locale(each.partition("-")[0]).territories if each else {}
        except UnknownLocaleError:
            continue
        region_of |= {str(name).casefold(): code for code, name in territories.items() if len(code) == 2}
    return region_of


@lru_cache(maxsize=1_024)
def zone_name(text: str, zones: frozenset[str]) -> str | None:
    """Return the IANA name of a time zone: of itself however it is capitalised, of a Windows or Rails zone, of a city.

    `zones`: the names that the zone database knows.
    """
    if text in zones:
        return text
    name = _OFFSET.sub("", text.strip()).strip().casefold() if len(text) <= _LONGEST else ""
    if not name:
        return None
    zone_of = _zone_names(zones)
    time_of = _TIME_OF.fullmatch(name)
    guesses = [name, name.replace(" ", "_")]
    if time_of:
        guesses.append(f"{time_of[1]} standard time")
    guesses += [city.strip() for city in name.split(",")]
    return next((zone_of[guess] for guess in guesses if guess in zone_of), None)


@cache
def _zone_names(zones: frozenset[str]) -> dict[str, str]:
    """Return the IANA names by every other name in small letters; a city counts as the zone that is named after it."""
    cities = {name.rpartition("/")[2].replace("_", " "): name for name in sorted(zones) if name.count("/")}
    areas: Iterable[tuple[str, str]] = ((city, name) for city, name in cities.items() if not name.startswith("Etc/"))
    zone_of = {city.casefold(): name for city, name in areas}
    zone_of |= {name.casefold(): zone for name, zone in get_global("windows_zone_mapping").items() if zone in zones}
    zone_of |= {name: zone for name, zone in _RAILS.items() if zone in zones}
    return {**zone_of, **{name.casefold(): name for name in zones}}
