"""What ids are called on pages, in the reader's language: touchpoints, mails, next steps, reasons.

An operator's own ids have no text in the catalogs: they are shown as words.
"""

from workers.catalogs import Catalog
from workers.explaining import clause
from workers.words import Reason

KINDS = ("report.touchpoint.", "action.", "mail.name.", "trigger.")
"""Prefixes of the texts that name an id, in the order in which they are looked for."""


def named(id: str, catalog: Catalog) -> str:
    """Return what a touchpoint, a next step, a mail or a trigger is called."""
    found = next((prefix + id for prefix in KINDS if prefix + id in catalog.ids), "")
    return catalog.text(found, {}) if found else id.replace("_", " ")


def why(reason: str, detail: str, catalog: Catalog) -> str:
    """Return a reason in the reader's language, with what caused it where that is the same for everybody.

    A reason that only a sender gives stays the clause that `boucle explain` says.
    """
    if not reason:
        return ""
    code, _, behind = reason.partition(": ")
    text, cause = f"report.reason.{code}", f"stop.cause.{behind or detail}"
    if text not in catalog.ids:
        return clause(reason, {"detail": detail})
    said = catalog.text(text, {})
    if cause not in catalog.ids:
        return said
    if code == Reason.STOPPED:
        return catalog.text(cause, {})
    return catalog.text("staff.said", {"what": said, "more": catalog.text(cause, {})}) if code == Reason.HOLD else said
