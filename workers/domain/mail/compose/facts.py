"""What a mail says: the facts of one dispatch, made safe and put into the words of one language.

A fact that is unknown is left out, never shown empty. Customer data is text here, never a template.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from workers.domain.mail.compose.brand import Brand
from workers.domain.mail.question_wording import QuestionWording
from workers.domain.mail.translations import Catalog
from workers.domain.reporting.scales import ASKS, RATED, SCALES
from workers.domain.types import QuestionKind
from workers.errors import Never
from workers.text.directions import FSI, PDI, cut_closed
from workers.text.plain_text import for_reader, name_of_somebody

_TITLES = frozenset(
    {"m", "mm", "mme", "mlle", "mr", "mrs", "ms", "miss", "dr", "pr", "me", "sir", "madame", "monsieur"}
)
_LINK = re.compile(r"://|www\.|@|\.\w{2,}/", re.IGNORECASE)
_MARKS = re.compile(f"([{FSI}{PDI}])")
_DAYS_WITHOUT_YEAR = 300  # further away, a day without its year could be read as another one
_LONGEST = {
    "first": 40,
    "label": 120,
    "agent": 80,
    "caller": 80,
    "lead": 80,
    "quote": 160,
    "change": 100,
}  # signs; longer ones break a layout

USUAL_ENDS = {"morning": "13:00", "afternoon": "18:00"}
"""When the halves of a working day usually end: the catalogs have words of their own for these."""
DAYS = ("date", "quote_date", "change_date", "promise_date")
MOMENTS = ("due_at", "resolve_due_at", "opened_at", "answered_at")


@dataclass(frozen=True, slots=True)
class MailFacts:
    """One mail to compose: for whom, in which template and language, and what is to be said.

    `facts` may hold, all optional: first_name, label, product, feature, agent (who they were in touch with), caller
    (who will call), lead, comment, sentence, quote, change, change_sentence, kind (clicked, unclicked), contact_by
    (call, write), promise_half_day (morning, afternoon), score and months (numbers), the days of DAYS as ISO 8601
    dates and the instants of MOMENTS as ISO 8601 with offset; for the ticket mail also number, customer_name,
    customer_id, customer_language, phone, segment, play, owner, wants_contact, half_day, trigger, reference, crm_url
    and history (a list of {"date", "score", "touchpoint"}). Other facts are there for the operator's own templates.
    """

    dispatch_id: str
    template: str
    recipient: str
    language: str | None = None
    name: str = ""
    request_id: str | None = None
    response_id: str | None = None
    action_id: str | None = None
    ticket_number: int | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    wording: QuestionWording | None = None
    """The wording in which its question was asked; None: the one in use now."""

    @property
    def kind(self) -> QuestionKind:
        """What the question measures that it asks, or that the answer in it was given to."""
        asks = self.facts.get(ASKS)
        return next((kind for kind in RATED if kind == asks), QuestionKind.NPS)


def clean(value: object, longest: int | None = None) -> str:
    """Return text fit for people; longer text is cut at a word and says so."""
    text = for_reader(str(value)).strip() if value is not None else ""
    return text if longest is None else cut(text, longest)


def cut(text: str, longest: int) -> str:
    """Return a text of so many signs at most; a longer one is cut at a word and says so."""
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    return (head.rpartition(" ")[0] or head).rstrip(" ,.;:") + "…"


def one_line(value: object, longest: int | None = None) -> str:
    """Return clean text on one line, without the mark that begins an encoded word in a header (RFC 2047)."""
    text = " ".join(clean(value).split())
    while "=?" in text:
        text = text.replace("=?", "?")
    return clean(text, longest)


def subject_line(text: str, longest: int) -> str:
    """Return a subject on one line; names of another direction in it stay between their marks, also where it is cut."""
    pieces = (piece if piece in (FSI, PDI) else for_reader(piece) for piece in _MARKS.split(text))
    line = " ".join("".join(pieces).split())
    while "=?" in line:
        line = line.replace("=?", "?")
    return cut_closed(cut(line, longest))


def first_name(name: object) -> str:
    """Return how to greet: the first word of a name, the whole name after a title, nothing for what is no name.

    "Roux, Camille" is a family name with the first name behind it.
    """
    text = one_line(name_of_somebody(str(name or "")), _LONGEST["first"])
    if not text or _LINK.search(text) or not any(sign.isalpha() for sign in text):
        return ""
    head, *rest = text.split(" ")
    if head.rstrip(".").lower() in _TITLES:
        return text if rest else ""
    return rest[0].rstrip(",") if head.endswith(",") and rest else head.rstrip(",")


def ticket_number(mail: MailFacts) -> int | None:
    """Return the number of the ticket that a mail is about, also of one whose number is among its facts; else None."""
    number = mail.ticket_number if mail.ticket_number is not None else mail.facts.get("number")
    return number if isinstance(number, int) else None


def values(mail: MailFacts, catalog: Catalog, brand: Brand, at: datetime) -> dict[str, object]:
    """Return every variable that a text may use, in words of the catalog's language and the brand's zone.

    Raises Never for a fact that has the wrong shape.
    """
    facts = mail.facts
    variables: dict[str, object] = {
        key: clean(value) if key in ("comment", "sentence", "quote") else one_line(value, _LONGEST.get(key))
        for key, value in facts.items()
        if isinstance(value, str) and key not in DAYS and key not in MOMENTS
    }
    variables |= {key: value for key, value in facts.items() if isinstance(value, int | float) and value is not None}
    variables["brand"] = brand.name
    variables["first"] = first_name(facts.get("first_name") or mail.name)
    variables["number"] = ticket_number(mail)
    variables["highest"] = SCALES[mail.kind].highest
    if not re.match(r"https?://[^\s\"<>]+$", str(variables.get("crm_url") or "")):
        variables["crm_url"] = ""
    if isinstance(variables.get("quote"), str):
        variables["quote"] = one_line(variables["quote"], _LONGEST["quote"])
    try:
        variables |= _days(facts, catalog, at) | _moments(facts, catalog, ZoneInfo(brand.time_zone))
        if facts.get("promise_date") and _is_past(facts, at.astimezone(ZoneInfo(brand.time_zone))):
            del variables["promise_date"]  # a mail that was held up promises no day that is over
    except (ValueError, OverflowError) as error:  # a day at the end of the calendar has no other zone's
        raise Never(f"mail {mail.dispatch_id} cannot be written: a date in its facts is wrong: {error}") from error
    variables["team"] = variables.get("caller") or catalog.text("team", {})
    variables["lead"] = variables.get("lead") or catalog.text("team.lead", {})
    variables["promise"] = promise_words(variables, catalog)
    return variables


def _days(facts: Mapping[str, object], catalog: Catalog, at: datetime) -> dict[str, object]:
    days: dict[str, object] = {}
    for key in DAYS:
        if facts.get(key):
            day = date.fromisoformat(str(facts[key])[:10])
            near = abs((day - at.date()).days) < _DAYS_WITHOUT_YEAR
            days[key] = catalog.date(day, "format.day" if near else "format.date")
            if key == "promise_date":
                days[key] = catalog.date(day, "format.weekday")
            if key == "quote_date":
                days["month"] = catalog.date(day, "format.month")
            if key == "date":
                days["duration"] = _duration(facts.get("months"), day, at, catalog)
    return days


def _moments(facts: Mapping[str, object], catalog: Catalog, zone: ZoneInfo) -> dict[str, object]:
    moments: dict[str, object] = {}
    for key in MOMENTS:
        if facts.get(key):
            at = datetime.fromisoformat(str(facts[key]))
            if at.tzinfo is None:
                raise ValueError(f"{key} has no offset")
            moments[key] = catalog.moment(at.astimezone(zone))
    return moments


def _duration(months: object, since: date, at: datetime, catalog: Catalog) -> str:
    """Return "6 months", "one year": from the milestone where it is known, else from the calendar."""
    if str(months).isdigit():
        n = int(str(months))
    else:
        n = (at.year - since.year) * 12 + at.month - since.month - (at.day < since.day)
    if n < 1:
        return ""
    if n % 12 == 0:
        return catalog.text("duration.years", {"n": n // 12})
    return catalog.text("duration.months", {"n": n})


def _is_past(promise: Mapping[str, object], at: datetime) -> bool:
    """Tell whether the day and time by which a person was to call lie before `at`, in the zone of `at`."""
    day, time = str(promise["promise_date"])[:10], str(promise.get("promise_time") or "")
    return (day, time if time not in ("", "00:00") else "24:00") < (at.date().isoformat(), f"{at:%H:%M}")


def promise_words(variables: Mapping[str, object], catalog: Catalog) -> str:
    """Return by when a person calls, such as "on Monday 5 January before 1 pm"; the day stands there in words."""
    half_day, time = variables.get("promise_half_day"), str(variables.get("promise_time") or "")
    if half_day not in USUAL_ENDS:
        half_day = None
    before = catalog.text(f"promise.before.{half_day}", {}) if half_day else ""
    if half_day and re.fullmatch(r"\d\d:\d\d", time) and time != USUAL_ENDS[str(half_day)]:
        before = catalog.text("promise.before", {"time": time if time != "00:00" else "24:00"})
    return catalog.text("promise", {"promise_date": variables.get("promise_date"), "before": before})
