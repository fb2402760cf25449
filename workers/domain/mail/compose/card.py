"""What the mail to the team says about a ticket, beyond its templates: the customer card and the earlier scores."""

from collections.abc import Mapping
from datetime import date

from babel.core import Locale, UnknownLocaleError

from workers.domain.mail.compose.facts import MailFacts, one_line
from workers.domain.mail.translations import Catalog, is_known
from workers.domain.reporting.scales import SCALES
from workers.domain.types import QuestionKind

_WORDS = {"half_day": "half_day", "play": "play", "trigger": "trigger"}  # facts that the catalogs have words for


def lines(mail: MailFacts, variables: Mapping[str, object], catalog: Catalog) -> list[tuple[str, str]]:
    """Return the known lines of the card, as the id of their heading and their text, in reading order."""
    shown: dict[str, object] = {
        "customer": ", ".join(
            str(variables[key]) for key in ("customer_name", "customer_id") if is_known(variables.get(key))
        ),
        "phone": variables.get("phone"),
        "drivers": ", ".join(
            filter(
                None,
                (
                    str(variables["drivers"]) if is_known(variables.get("drivers")) else "",
                    catalog.text("driver.other", {}) if mail.facts.get("other_driver") else "",
                ),
            )
        ),
        "wants_contact": catalog.text("yes", {}) if mail.facts.get("wants_contact") else "",
        "about": ", ".join(
            dict.fromkeys(
                str(variables[key]) for key in ("label", "product", "reference") if is_known(variables.get(key))
            )
        ),
        "language": _language(variables.get("customer_language"), catalog),
        "promise": variables["promise"] if is_known(variables.get("promise_date")) else "",
        **{key: variables.get(key) for key in ("answered_at", "segment", "owner", "resolve_due_at")},
        **{key: _word(prefix, variables.get(key), catalog) for key, prefix in _WORDS.items()},
    }
    return [(key, str(shown[key])) for key in _ORDER if is_known(shown.get(key))]


_ORDER = (
    *(
        "customer",
        "phone",
        "wants_contact",
        "half_day",
        "about",
        "trigger",
        "drivers",
        "answered_at",
        "language",
        "segment",
    ),
    *("promise", "play", "owner", "resolve_due_at"),
)


def history(mail: MailFacts, catalog: Catalog) -> list[dict[str, object]]:
    """Return the earlier scores, newest as they come, as variables of one text each."""
    rows = mail.facts.get("history")
    scores: list[dict[str, object]] = []
    for row in rows if isinstance(rows, list | tuple) else ():
        if isinstance(row, Mapping) and row.get("date") is not None:
            day = catalog.date(date.fromisoformat(str(row["date"])[:10]))
            scores.append(
                {
                    "day": day,
                    "score": row.get("score"),
                    "highest": row.get("highest", SCALES[QuestionKind.NPS].highest),
                    "touchpoint": _word("trigger", row.get("touchpoint"), catalog),
                }
            )
    return scores


def _word(prefix: str, value: object, catalog: Catalog) -> str:
    """Return the catalog's word for a value; an operator's own value, which no catalog knows, as it is."""
    id = f"{prefix}.{value}"
    return catalog.text(id, {}) if id in catalog.ids else one_line(value)


def _language(tag: object, catalog: Catalog) -> str:
    """Return a language by its name, such as "French"; a tag that is none, as it is."""
    try:
        return str(Locale.parse(str(tag or ""), sep="-").get_language_name(catalog.language) or tag)
    except (ValueError, LookupError, UnknownLocaleError):
        return one_line(tag)
