"""Words of another direction within a text: kept apart, so that neither moves the other's words and signs about.

Source: Unicode Standard Annex #9: what stands between FSI and PDI takes its direction from its own first letter and
counts as one neutral sign outside. HTML has the element `bdi` for it.
"""

import re
from collections.abc import Mapping

FSI, PDI = "\u2068", "\u2069"
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
"""Blocks of Hebrew, Arabic, Syriac, Thaana, N'Ko and their like: letters and digits of the classes R, AL and AN."""
_TAG_OR_MARK = re.compile(f"<[^>]*>|{FSI}|{PDI}")
_ELEMENTS = {FSI: "<bdi>", PDI: "</bdi>"}


def is_foreign(text: str, is_rtl: bool) -> bool:
    """Tell whether a value has letters that go the other way than the text it stands in.

    In one from right to left digits alone do as well: the groups of +33 1 23 would change places. An address is left
    as it is, because programs look for its end.
    """
    if "://" in text:
        return False
    has_rtl = not text.isascii() and RIGHT_TO_LEFT.search(text) is not None
    if not is_rtl:
        return has_rtl
    others = RIGHT_TO_LEFT.sub("", text)
    return any(sign.isalpha() or (sign.isdigit() and not has_rtl) for sign in others)


def isolated(text: str, is_rtl: bool) -> str:
    """Return a value as it is put into a text: each of its lines between FSI and PDI where it goes the other way."""
    if not is_foreign(text, is_rtl) or FSI in text:
        return text
    return "\n".join(f"{FSI}{line}{PDI}" if line.strip() else line for line in text.split("\n"))


def with_isolates(values: Mapping[str, object], is_rtl: bool) -> dict[str, object]:
    """Return values with those that a text takes in between FSI and PDI besides, each under its name behind an FSI."""
    every = {name: value for name, value in values.items() if not name.startswith(FSI)}
    foreign = [name for name, value in every.items() if isinstance(value, str) and value and is_foreign(value, is_rtl)]
    return every | {FSI + name: isolated(str(every[name]), is_rtl) for name in foreign}


def parted(values: Mapping[str, object]) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Return values as they are, and as a text takes them in: kept apart where they go the other way."""
    apart = {name[1:]: value for name, value in values.items() if name.startswith(FSI)}
    if not apart:
        return values, values
    plain = {name: value for name, value in values.items() if not name.startswith(FSI)}
    return plain, plain | apart


def as_elements(html: str) -> str:
    """Return HTML with `bdi` for FSI and PDI in its text; in a tag they stay, where no element can stand."""
    return _TAG_OR_MARK.sub(lambda match: _ELEMENTS.get(match[0], match[0]), html) if FSI in html else html


def cut_closed(text: str) -> str:
    """Return a text that was cut with its last isolate closed."""
    return text + PDI * (text.count(FSI) - text.count(PDI))
