"""What a reason is called in the short lists of pages, in the reader's language."""

from workers.domain.explain import clause
from workers.domain.mail.translations import Catalog
from workers.domain.types import Reason


def why(reason: str, detail: str, catalog: Catalog) -> str:
    """Return a reason in the reader's language, with what caused it where that is the same for everybody.

    A reason that only a sender gives is the clause that `boucle explain` says.
    """
    if not reason:
        return ""
    code, _, behind = reason.partition(": ")
    text, cause = f"report.reason.{code}", f"stop.cause.{behind or detail}"
    if text not in catalog.ids:
        return clause(reason, {"detail": detail}, catalog)
    said = catalog.text(text, {})
    if cause not in catalog.ids:
        return said
    if code == Reason.STOPPED:
        return catalog.text(cause, {})
    return catalog.text("staff.said", {"what": said, "more": catalog.text(cause, {})}) if code == Reason.HOLD else said
