"""The sample mail that every template is tried with at start, and what is looked at in the result."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from workers.domain.mail.compose.facts import MailFacts

_LARGEST = 102 * 1024  # bytes of HTML; Gmail clips what is longer, and the opt-out link with it
_HREF = re.compile(r'href="(https?://[^"]+)"')
_URL = re.compile(r"https?://[^\s<>\"]+")

SAMPLE_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_ID = "0195f2a0-0000-8000-8000-00000000000"
SAMPLE_FACTS: Mapping[str, object] = {
    "first_name": "Camille",
    "label": "1042",
    "product": "<Arc>",
    "feature": "Arc & Co",
    "agent": "Claire",
    "caller": "Claire",
    "lead": "Nadia",
    "date": "2026-01-02",
    "months": 6,
    "score": 3,
    "comment": "<b>broken</b> & late",
    "sentence": "A new lamp is on its way.",
    "quote": "The parcel came late.",
    "quote_date": "2025-08-04",
    "change": "a new carrier",
    "change_sentence": "another carrier brings your parcels",
    "change_date": "2025-11-03",
    "promise_date": "2026-01-05",
    "promise_half_day": "afternoon",
    "contact_by": "call",
    "kind": "clicked",
    "phone": "+33 1 23 45 67 89",
    "half_day": "morning",
    "wants_contact": True,
    "customer_name": "Camille Roux",
    "customer_id": "C-17",
    "customer_language": "fr",
    "segment": "north",
    "play": "solve",
    "owner": "claire",
    "trigger": "delivery",
    "touchpoint": "delivery-now",
    "reference": "1042",
    "crm_url": "https://crm.sample.example/C-17",
    "due_at": "2026-01-05T15:00:00+01:00",
    "resolve_due_at": "2026-01-07T10:00:00+01:00",
    "opened_at": "2026-01-05T10:00:00+01:00",
    "answered_at": "2026-01-05T09:59:00+01:00",
    "opened": 2,
    "overdue": 1,
    "won_back": 1,
    "digest": {
        "until": "2026-01-05",
        "scores": [
            {"touchpoint": "delivery-now", "n": 40, "nps": 12.5, "low": -9.0, "high": 34.0},
            {"touchpoint": "<own>", "n": 3, "nps": None, "low": None, "high": None},
        ],
        "comments": [{"date": "2026-01-02", "score": 3, "highest": 10, "text": "<b>broken</b> & late"}],
        "silent": {"n": 7, "new": 1, "names": ["Acme & fils"]},
        "done": {"text": "A new lamp is on its way.", "ticket": 17},
    },
    "history": [{"date": "2025-06-01", "score": 9, "touchpoint": "delivery-now"}],
}


def sample_mail(template: str, language: str | None, facts: Mapping[str, object]) -> MailFacts:
    """Return a mail of this template with every row that a link may name."""
    return MailFacts(
        dispatch_id=f"{_ID}1",
        template=template,
        recipient="camille@sample.example",
        language=language,
        name="Camille Roux" if facts else "",
        request_id=f"{_ID}2",
        response_id=f"{_ID}3",
        action_id=f"{_ID}4",
        ticket_number=17,
        facts=facts,
    )


def look(text: str, html: str) -> list[str]:
    """Return what is wrong with a rendered mail: too large, or its two halves lead to different places."""
    faults: list[str] = []
    size = len(html.encode())
    if size > _LARGEST:
        faults.append(f"the HTML has {size} bytes; mail programs cut what is longer than {_LARGEST}")
    in_html, in_text = set(_targets(_HREF, html)), Counter(_targets(_URL, text))
    if in_html != set(in_text):
        only = sorted(in_html ^ set(in_text))
        faults.append(f"plain text and HTML do not have the same links; only one of them has {', '.join(only)}")
    faults.extend(
        f"the plain text has {n} times the link {link}: once is enough" for link, n in in_text.items() if n > 1
    )
    return faults


def _targets(pattern: re.Pattern[str], body: str) -> list[str]:
    """Return link targets without the preselected score: eleven buttons lead to one place."""
    return [link.replace("&amp;", "&").rstrip(".,;:)").partition("?score=")[0] for link in pattern.findall(body)]
