"""What a reason is called on pages, in the reader's language, and which of its words are somebody else's."""

from dataclasses import dataclass

from workers.domain.explain import clause
from workers.domain.explain.engine_words import pieces
from workers.domain.mail.translations import Catalog
from workers.domain.types import Reason
from workers.text.plain_text import for_reader


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence; `lang` where it is not in the page's language, empty where nobody knows which it is."""

    text: str
    lang: str | None = None


def in_pieces(sentence: str, longest: int) -> tuple[Piece, ...]:
    """Return a sentence of explain in pieces, fit for a page: what a server or a check said is marked as English.

    Where nothing else stands there, a person typed it, in a language of their own.
    """
    shown = sentence if len(sentence) <= longest else f"{sentence[:longest]}…"
    marked = [(for_reader(part), is_foreign) for part, is_foreign in pieces(shown)]
    typed = not any(part.strip(" .") for part, is_foreign in marked if not is_foreign)
    return tuple(Piece(part, ("" if typed else "en") if is_foreign else None) for part, is_foreign in marked)


def why(reason: str, detail: str, catalog: Catalog) -> str:
    """Return a reason in the reader's language, with what caused it where that is the same for everybody.

    A reason that only a sender gives is the clause that `boucle explain` says.
    """
    if not reason:
        return ""
    code, _, behind = reason.partition(": ")
    text, cause = f"report.reason.{code}", f"stop.cause.{behind or detail}"
    if text not in catalog.ids:
        return for_reader(clause(reason, {"detail": detail}, catalog))
    said = catalog.text(text, {})
    if cause not in catalog.ids:
        return said
    if code == Reason.STOPPED:
        return catalog.text(cause, {})
    return catalog.text("staff.said", {"what": said, "more": catalog.text(cause, {})}) if code == Reason.HOLD else said
