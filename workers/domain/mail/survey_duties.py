"""What the law of a country asks for before a customer is asked, as the operator declared it in a file.

A duty is about a channel: mail and SMS are messages that nobody called for. A question on the company's own pages is
none, and a carrier of the company's own (a letter, an app) knows its own law.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from workers.calendar import COUNTRY_CODES, SendWindow, parse_window
from workers.decision_table.files.side_files import Gathered, read_records
from workers.decision_table.model.cells import shortened, suggestion
from workers.decision_table.model.limits import total
from workers.decision_table.model.table import Unreadable
from workers.domain.records import Customer
from workers.domain.types import MAIL, SMS, Reason
from workers.errors import BadInput

FILE = "rules/countries.csv"
NAME = "countries.csv"
COLUMNS = ("country", "mail", "sms", "mail hours", "sms hours", "source")
ELSEWHERE = "*"
"""Stands for every country without a row, and for customers whose country nobody told."""
NOTHING, NOTICE, CONSENT = "nothing", "notice", "consent"
NEEDS = (NOTHING, NOTICE, CONSENT)
"""What a survey needs: that nobody objected; that the customer was told of the right to object; that they agreed."""
FACTS = ("country", "survey_notice_given", "survey_consent")
"""Fields of a customer that decide whether they may be asked."""
LOOKED_AT_AGAIN = timedelta(days=1)
"""How often a question that a duty holds is looked at again: the file may have been edited meanwhile."""
ALWAYS = SendWindow(always=True)


@dataclass(frozen=True, slots=True)
class SurveyDuty:
    """What one country asks for, by channel, and where that stands written."""

    country: str
    needs: Mapping[str, str]
    hours: Mapping[str, SendWindow]
    source: str


SurveyDuties = Mapping[str, SurveyDuty]


def duty_of(customer: Customer, duties: SurveyDuties, home: str) -> SurveyDuty | None:
    """Return the duty towards a customer: of their country, else of the company's own customers' (`home`), else of `*`.

    Neither a language nor a time zone says where somebody lives.
    """
    return duties.get(customer.country or home) or duties.get(ELSEWHERE)


def unmet(customer: Customer, duty: SurveyDuty | None, channel: str) -> Reason | None:
    """Return what is missing before a customer may be asked on a channel; consent is more than notice."""
    need = duty.needs.get(channel, NOTHING) if duty else NOTHING
    if need == NOTHING or customer.survey_consent:
        return None
    if need == CONSENT:
        return Reason.NEEDS_CONSENT
    is_told = customer.survey_notice_given and customer.survey_consent is None
    return None if is_told else Reason.NEEDS_NOTICE


def hours_of(duty: SurveyDuty | None, channel: str) -> SendWindow:
    """Return in which hours of the customer's day a channel may be used."""
    return duty.hours.get(channel, ALWAYS) if duty else ALWAYS


@total
def read_duties(data: bytes) -> dict[str, SurveyDuty]:
    """Read countries.csv; raises Unreadable with every fault of it, each with its line and what to write."""
    faults = Gathered()
    duties: dict[str, SurveyDuty] = {}
    for row, entry in read_records(NAME, data, COLUMNS):
        where = f"{NAME}, row {row}"
        duty = duty_in(entry, where, faults)
        if duty is None:
            continue
        if duty.country in duties:
            faults.add(f"{where}: {duty.country} has a row already: keep one of them.")
        duties[duty.country] = duty
    if ELSEWHERE not in duties:
        faults.add(f"{NAME}: there is no row for {ELSEWHERE}: write what holds for all other countries.")
    faults.tell()
    return duties


def duty_in(entry: Mapping[str, str], where: str, faults: Gathered) -> SurveyDuty | None:
    """Return the duty that a row says, or None where its country cannot be read."""
    country = faults.read(lambda: country_in(entry["country"], where))
    needs = {channel: faults.read(partial(need_in, entry, channel, where)) for channel in (MAIL, SMS)}
    hours = {channel: faults.read(partial(hours_in, entry, channel, where)) for channel in (MAIL, SMS)}
    if not entry["source"]:
        faults.add(f"{where}: source is empty: name the law or ruling, so that somebody can check it.")
    if country is None:
        return None
    return SurveyDuty(
        country,
        {channel: need or CONSENT for channel, need in needs.items()},
        {channel: window or ALWAYS for channel, window in hours.items()},
        entry["source"],
    )


def country_in(text: str, where: str) -> str:
    """Return the country of a row; raises Unreadable for what is none."""
    if text == ELSEWHERE or text in COUNTRY_CODES:
        return text
    from workers.cloudevents import locale_names  # reads the names of all countries

    if text in locale_names.countries():
        return text
    meant = locale_names.country_code(text)
    advice = f" Write {meant}." if meant else ""
    raise Unreadable(f"{where}: {shortened(text)!r} is no country: write two capitals (ISO 3166), or *.{advice}")


def need_in(entry: Mapping[str, str], channel: str, where: str) -> str:
    """Return what a channel needs; raises Unreadable for another word."""
    text = entry[channel].lower()
    if text not in NEEDS:
        said = shortened(entry[channel])
        raise Unreadable(f"{where}, {channel}: {said!r} is not one of {', '.join(NEEDS)}.{suggestion(text, NEEDS)}")
    return text


def hours_in(entry: Mapping[str, str], channel: str, where: str) -> SendWindow:
    """Return the hours of a channel; an empty cell has none. Raises Unreadable for what is no window."""
    column = f"{channel} hours"
    try:
        return parse_window(entry[column] or "always")
    except BadInput as fault:
        raise Unreadable(f"{where}, {column}: {fault}") from fault
