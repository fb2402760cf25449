"""Accounts: how far questions reach into the companies, the NPS over them, who went silent, and the story of one.

The read side of `boucle report --accounts`, `boucle accounts silent`, `boucle explain account` and their pages.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from workers.calendar import in_zone
from workers.domain.attributes import FILE, Attribute, Attributes, account_of
from workers.domain.reporting import Filters, rounded
from workers.domain.reporting.accounts import (
    AccountLine,
    AccountPerson,
    Coverage,
    Revenue,
    SilentAccount,
    TouchpointScores,
    revenue_of,
)
from workers.domain.types import ACCOUNT
from workers.errors import BadInput
from workers.store.connection import Connection
from workers.store.report import accounts as stored
from workers.usecases.report.written_figures import instant, percent, points

__all__ = [
    "AccountLine",
    "AccountPerson",
    "Coverage",
    "SilentAccount",
    "account",
    "account_as_text",
    "as_text",
    "largest",
    "report",
    "require_accounts",
    "review",
    "silent",
    "silent_as_text",
]
ASKED_AGAIN = "Nobody answered its last two questions, and nothing was heard of it for {days} days."


def require_accounts(attributes: Attributes) -> int:
    """Return after how many days without an event an account may be silent. Raises BadInput where none is declared."""
    declared = attributes.get(ACCOUNT)
    if declared is None:
        raise BadInput(f"No account is known: declare `{ACCOUNT}: {{type: text, personal: no}}` in {FILE}.")
    return declared.silent_after


def review(connection: Connection, filters: Filters, attributes: Attributes) -> Coverage:
    """Return coverage and the NPS over accounts, for the questions that the filters choose."""
    return replace(stored.coverage(connection, filters), revenue=revenue(connection, filters, attributes))


def revenue(connection: Connection, filters: Filters, attributes: Attributes) -> Revenue | None:
    """Return how much of what the accounts are worth was asked and answered; None where no attribute says it."""
    declared = attributes.get(attributes[ACCOUNT].worth)
    if declared is None:
        return None
    values: dict[str, float | None] = {}
    for key, text in stored.worth(connection, declared.name):
        value, before = amount(declared, text), values.get(key)
        values[key] = before if value is None else max(value, before or 0)
    return revenue_of(declared.name, values, *stored.reached(connection, filters))


def amount(declared: Attribute, text: str) -> float | None:
    """Return a number as it is declared now; None for what is unknown, no longer of its type, or less than nothing."""
    try:
        value = declared.read(text)
    except BadInput:
        value = None
    value = declared.if_missing if value is None else value
    return float(value) if isinstance(value, int | float) and value >= 0 else None


def largest(connection: Connection, filters: Filters, owner: str = "") -> list[AccountLine]:
    """Return the accounts with the most people, of one owner or of all."""
    return stored.largest(connection, filters, owner)


def silent(connection: Connection, now: datetime, attributes: Attributes, owner: str = "") -> list[SilentAccount]:
    """Return the silent accounts, of one owner or of all. Raises BadInput where no account is declared."""
    return stored.silent(connection, now, now - timedelta(days=require_accounts(attributes)), owner=owner)


def report(connection: Connection, filters: Filters, now: datetime, attributes: Attributes) -> dict[str, object]:
    """Return coverage and the NPS over accounts as JSON. Raises BadInput where no account is declared."""
    require_accounts(attributes)
    coverage = review(connection, filters, attributes)
    return {
        "accounts": coverage.accounts,
        "people": coverage.people,
        "accounts_asked": coverage.accounts_asked,
        "people_asked": coverage.people_asked,
        "accounts_answered": coverage.accounts_answered,
        "people_answered": coverage.people_answered,
        "coverage": None if coverage.share is None else round(coverage.share, 4),
        "revenue": None if coverage.revenue is None else revenue_as_dict(coverage.revenue),
        "touchpoints": [scores_as_dict(scores) for scores in coverage.touchpoints],
        "since": instant(filters.since),
        "until": instant(filters.until),
        "as_of": instant(now),
    }


def revenue_as_dict(revenue: Revenue) -> dict[str, object]:
    """Return how much of what the accounts are worth answered, as JSON has it."""
    return {
        "attribute": revenue.attribute,
        "total": revenue.total,
        "asked": revenue.asked,
        "answered": revenue.answered,
        "coverage": None if revenue.share is None else round(revenue.share, 4),
        "accounts_unknown": revenue.unknown,
    }


def scores_as_dict(scores: TouchpointScores) -> dict[str, object]:
    """Return the accounts of one touchpoint: below five accounts counts only, no score and no interval."""
    reading = scores.reading
    return {
        "touchpoint": scores.touchpoint,
        "n": reading.n,
        "promoters": scores.counts.promoters,
        "passives": scores.counts.passives,
        "detractors": scores.counts.detractors,
        "nps": rounded(reading.nps),
        "low": rounded(reading.low),
        "high": rounded(reading.high),
        "split": scores.split,
        "respondents": scores.respondents,
        "flag": reading.flag,
    }


def account(
    connection: Connection, name: str, now: datetime, attributes: Attributes, zone: str
) -> dict[str, object] | None:
    """Return the story of one account by its name, in any capitals; None for one that is not known.

    Raises BadInput where no account is declared.
    """
    days, key = require_accounts(attributes), account_of({ACCOUNT: name})
    people = stored.people(connection, key) if key else []
    if not key or not people:
        return None
    lately = stored.last_heard(connection, [key], now).get(key)
    quiet = stored.silent(connection, now, now - timedelta(days=days), key=key)
    scores = [person.score for person in people if person.score is not None]
    shown, owners = stored.people_of(connection, [key])[key]
    return {
        "account": shown,
        "owners": list(owners),
        "people": [person_as_dict(person) for person in people],
        "answered": len(scores),
        "mean": round(sum(scores) / len(scores), 2) if scores else None,
        "lowest": min(scores, default=None),
        "highest": max(scores, default=None),
        "tickets": sorted({person.ticket for person in people if person.ticket is not None}),
        "heard_at": instant(lately),
        "silent": bool(quiet),
        "reason": ASKED_AGAIN.format(days=days) if quiet else "",
        "zone": zone,
    }


def person_as_dict(person: AccountPerson) -> dict[str, object]:
    """Return one person of an account as JSON has them."""
    return {
        "customer": person.customer,
        "name": person.name,
        "role": person.role,
        "owner": person.owner,
        "asked_at": instant(person.asked_at),
        "score": person.score,
        "answered_at": instant(person.answered_at),
        "ticket": person.ticket,
    }


def as_text(figures: Mapping[str, object]) -> str:
    """Return coverage and the NPS over accounts for a terminal."""
    share = figures["coverage"]
    lines = [
        f"accounts  {figures['accounts_answered']} of {figures['accounts']} answered"
        + (f", {percent(share)}" if share is not None else ""),
        *revenue_as_text(cast("dict[str, object] | None", figures["revenue"])),
        "people    {people_answered} answered, {people_asked} were asked, {people} in all".format_map(figures),
        "",
        "{:<24}     n   NPS    low   high  prom  pass  detr  split".format("touchpoint"),
    ]
    for scores in cast("list[dict[str, object]]", figures["touchpoints"]):
        measured = "  ".join(f"{points(scores[name]):>5}" for name in ("nps", "low", "high"))
        bands = "".join(f"{scores[name]:>6}" for name in ("promoters", "passives", "detractors"))
        lines.append(
            f"{scores['touchpoint']!s:<24.24}{scores['n']:>6} {measured}{bands}{scores['split']:>7}  {scores['flag']}"
        )
    return "\n".join(
        [
            *(line.rstrip() for line in lines),
            "",
            "n counts accounts: the mean of the latest scores of each account's people, its band from 9 and below 7.",
            "split: accounts with a promoter and a detractor among their people.",
        ]
    )


def revenue_as_text(revenue: Mapping[str, object] | None) -> list[str]:
    """Return the lines that say which share of the revenue answered; none where no attribute says it."""
    if revenue is None:
        return []
    sums = {name: f"{revenue[name]:,.0f}".replace(",", "\u202f") for name in ("answered", "asked", "total")}
    share = "" if revenue["coverage"] is None else f", {percent(revenue['coverage'])}"
    lines = [
        f"{revenue['attribute']!s:<9} {{answered}} of {{total}} answered{share}; {{asked}} was asked".format_map(sums)
    ]
    if revenue["accounts_unknown"]:
        lines.append(f"          accounts of which it is not known, in neither sum: {revenue['accounts_unknown']}")
    return lines


def silent_as_text(accounts: list[SilentAccount], zone: str) -> str:
    """Return the silent accounts for a terminal, those asked longest ago first."""
    if not accounts:
        return "No account is silent."
    return "\n".join(
        f"{line.name:<32.32}  {line.people:>4} people  asked {day(line.asked_at, zone)}  "
        f"heard of {day(line.heard_at, zone)}  {', '.join(line.owners) or 'nobody'}"
        for line in accounts
    )


def day(at: datetime | None, zone: str) -> str:
    """Return the day of an instant in a zone."""
    return in_zone(at, zone).date().isoformat() if at else "never"


def account_as_text(story: Mapping[str, object]) -> str:
    """Return the story of one account for a terminal: its people, how far their scores spread, whether it is silent."""
    zone = str(story["zone"])
    owners = ", ".join(cast("list[str]", story["owners"])) or "nobody"
    spread = f"; scores {story['lowest']} to {story['highest']}, mean {story['mean']}" if story["answered"] else ""
    people = cast("list[dict[str, object]]", story["people"])
    lines = [f"{story['account']}, owned by {owners}: {story['answered']} of {len(people)} people answered{spread}."]
    lines += [str(story["reason"])] if story["reason"] else []
    for person in people:
        asked, answered = (
            day(datetime.fromisoformat(str(person[name])), zone) if person[name] else "never"
            for name in ("asked_at", "answered_at")
        )
        said = f"{person['score']}/10 on {answered}" if person["score"] is not None else "no answer"
        ticket = f"  ticket {person['ticket']} is open" if person["ticket"] else ""
        lines.append(f"  {person['customer']!s:<12} {person['role']!s:<10} asked {asked}  {said}{ticket}")
    return "\n".join(lines)
