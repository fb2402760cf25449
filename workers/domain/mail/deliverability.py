"""Deliverability: when refusals of several mean that the fault is ours, and when a mailbox is given up.

One server that refuses us says something about that server. Several that have nothing to do with each other say
something about us. Domains of one owner, and of one mail provider, are one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ARRIVES_WITHIN = timedelta(days=5)
"""How long a server may try before it reports (RFC 5321, 4.5.4.1): what is not back by then has arrived."""
REGISTRIES = frozenset(
    {"ac", "asso", "co", "com", "edu", "gob", "gouv", "gov", "ltd", "ne", "net", "nom", "or", "org", "plc"}
)
"""Second labels under which a country's registry gives names out: the third is the owner's."""
PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "google": ("gmail", "googlemail"),
    "microsoft": ("outlook", "hotmail", "live", "msn", "passport"),
    "yahoo": ("yahoo", "ymail", "rocketmail", "aol", "aim", "verizon", "sky"),
    "apple": ("icloud", "me", "mac"),
    "1&1": ("gmx", "web", "mail", "1und1"),
    "orange": ("orange", "wanadoo", "voila"),
    "sfr": ("sfr", "neuf", "numericable", "club-internet", "cegetel"),
    "vk": ("bk", "inbox", "list", "vk"),
    "proton": ("proton", "protonmail", "pm"),
    "libero": ("libero", "virgilio", "iol", "inwind"),
}
"""Providers that ask under several names, by the first label of their domains."""
OWNERS = {label: owner for owner, labels in PROVIDERS.items() for label in labels}


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """How many unrelated domains must refuse us within a time before all mail pauses; 0 domains: never."""

    domains: int = 3
    within: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DeadRule:
    """After how many soft failures, spread over how long at least, a mailbox is given up; 0 failures: never."""

    failures: int = 5
    over: timedelta = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class KeepRule:
    """How long a mail of each class is kept while the mail server is away or says later (RFC 5321: 4 to 5 days)."""

    survey: timedelta = timedelta(days=4)
    service: timedelta = timedelta(days=7)
    promotion: timedelta = timedelta(days=4)

    def of(self, mail_class: str) -> timedelta:
        """Return how long a mail of a class is kept."""
        return {"survey": self.survey, "promotion": self.promotion}.get(mail_class, self.service)


def owner_of(address: str) -> str:
    """Return who stands behind an address's domain: its provider, or the name that was registered."""
    labels = address.rpartition("@")[2].strip().strip(".").lower().split(".")
    registered = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in REGISTRIES else 2
    name = labels[-registered:]
    return OWNERS.get(name[0], ".".join(name))


def must_pause(refusing: Iterable[str], rule: RefusalRule) -> bool:
    """Tell whether so many owners refuse us by now that all mail must pause."""
    return bool(rule.domains) and len(set(refusing)) >= rule.domains


def is_dead(failures: Sequence[datetime], rule: DeadRule) -> bool:
    """Tell whether a mailbox with these failures, and no success between them, is given up."""
    if not rule.failures or len(failures) < rule.failures:
        return False
    return max(failures) - min(failures) >= rule.over
