"""What the engine says of itself in English, told in the reader's language: why sending is held, a server that is away.

Such a sentence is stored or handed on as one text (a control, the end of a mail). It is known again here by its form,
and what is foreign in it (a server's reply, what a person typed) stands between FSI and PDI (Unicode's isolates), so
that a page can mark whose words they are. Nothing else of an explanation holds these two characters.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from workers.domain.explain.phrases import ENGLISH, PHRASES, PREFIX
from workers.domain.mail.translations import Catalog
from workers.text.directions import FSI, PDI

ENGINE = "engine."
"""Begins the ids of the phrases that are sentences of the engine."""
TOLD_IN_TURN: Final = "said"
"""The place in a phrase that holds another sentence of the engine, or a server's reply."""
_PLACE = re.compile(r"\{(\w+)\}")


def in_words_of(text: str, catalog: Catalog) -> str:
    """Return a sentence of the engine in the catalog's language; what is none is marked as foreign."""
    if not text or catalog.language == ENGLISH.language:
        return text
    for id, form in forms():
        if match := form.fullmatch(text.rstrip(".")):
            places = {name: _place(name, value, catalog) for name, value in match.groupdict().items()}
            return catalog.text(PREFIX + id, places)
    return foreign(text, catalog)


def foreign(text: str, catalog: Catalog) -> str:
    """Return words that are not the catalog's, marked as such; in English, which the engine speaks, as they are."""
    if not text or catalog.language == ENGLISH.language:
        return text
    return f"{FSI}{text.replace(FSI, '').replace(PDI, '')}{PDI}"


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Give the pieces of a text with whether each is foreign; a mark without its other half ends with the text."""
    for at, part in enumerate(text.split(FSI)):
        inside, _, after = part.partition(PDI) if at else ("", "", part)
        if inside:
            yield inside, True
        if after:
            yield after, False


@cache
def forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the form of each sentence of the engine, the longest first; the words in its places may be any."""
    ids = sorted((id for id in PHRASES if id.startswith(ENGINE)), key=lambda id: -len(PHRASES[id]))
    return tuple((id, _form(PHRASES[id])) for id in ids)


def _form(phrase: str) -> re.Pattern[str]:
    patterns = []
    for at, part in enumerate(_PLACE.split(phrase)):
        patterns.append(f"(?P<{part}>.*)" if at % 2 else re.escape(part))
    return re.compile("".join(patterns), re.DOTALL)


def _place(name: str, value: str, catalog: Catalog) -> str:
    return in_words_of(value, catalog) if name == TOLD_IN_TURN else value
