"""Mail and DNS: whether receivers can tell that our mail is ours (SPF, DKIM, DMARC, alignment), and what to fix.

Looks names up through a `Lookup`; changes nothing. A missing record is a fault, a weak one a note.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import dns.exception
import dns.resolver

from workers.errors import NotNow

COMMON_SELECTORS = ("default", "mail", "dkim", "s1", "s2", "selector1", "selector2", "google", "k1", "key1", "smtp")
"""DKIM selectors looked for when none is named: DNS cannot list them."""
SPF_LOOKUPS_AT_MOST = 10
"""RFC 7208, 4.6.4: terms that ask DNS; one more and receivers treat SPF as broken."""
ASKING = ("include:", "a", "mx", "ptr", "exists:", "redirect=")
SECONDS = 5.0


class Lookup(Protocol):
    """Answers questions to DNS."""

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name; empty when there is none. Raises NotNow when DNS does not answer."""

    def receives(self, domain: str) -> bool:
        """Tell whether a domain takes mail: an MX that is not null (RFC 7505), else an address."""


class Dns:
    """The machine's resolver."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None) -> None:
        self.resolver = resolver or dns.resolver.Resolver()
        self.resolver.lifetime = SECONDS

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name; empty when there is none. Raises NotNow when DNS does not answer."""
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")]

    def receives(self, domain: str) -> bool:
        """Tell whether a domain takes mail: an MX that is not null (RFC 7505), else an address."""
        servers = [str(record.exchange) for record in self._ask(domain, "MX")]
        if servers:
            return servers != ["."]
        return bool(self._ask(domain, "A") or self._ask(domain, "AAAA"))

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self.resolver.resolve(name, kind))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise NotNow(f"DNS does not answer for {name} ({type(error).__name__}): try again.") from error


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong, and what is worth knowing."""

    faults: list[str]
    notes: list[str]


Walk = Callable[[str, str], Findings]
"""Follows a domain's SPF record through its includes; raises NotNow when DNS does not answer."""


def check_domain(
    sender: str, return_path: str, lookup: Lookup, selectors: Sequence[str] = (), walk: Walk | None = None
) -> Findings:
    """Check the domains of the From address and of the return path. Raises NotNow when DNS does not answer.

    Without a `walk`, what an SPF record includes is not followed.
    """
    faults: list[str] = []
    notes: list[str] = []
    policy = dmarc_record(sender, lookup)
    for finding in (
        spf(return_path, lookup, walk),
        returns(return_path, lookup),
        dkim(sender, lookup, selectors),
        dmarc(sender, policy),
        alignment(sender, return_path, policy),
    ):
        for is_fault, sentence in finding:
            (faults if is_fault else notes).append(sentence)
    return Findings(faults, notes)


Sentences = Iterator[tuple[bool, str]]
"""Whether a finding is a fault, and its sentence."""


def spf(domain: str, lookup: Lookup, walk: Walk | None = None) -> Sentences:
    """Give what is wrong with the SPF record (RFC 7208) of the return path's domain."""
    records = [text for text in lookup.texts(domain) if text.lower().split(" ")[0] == "v=spf1"]
    if not records:
        yield True, f'SPF: {domain} has no record. Publish TXT {domain} "v=spf1 include:YOUR-MAIL-SERVER -all".'
        return
    if len(records) > 1:
        yield True, f"SPF: {domain} has {len(records)} records, so receivers ignore all. Merge them into one."
        return
    terms = records[0].lower().split()[1:]
    if terms and terms[-1] in ("all", "+all"):
        yield True, f"SPF: {domain} ends with +all, which lets anybody send in your name. End it with -all or ~all."
    elif not any(term[1:] == "all" or term.startswith("redirect=") for term in terms):
        yield False, f"SPF: {domain} does not say what to do with other servers. End the record with -all or ~all."
    asks = sum(any(bare(term) == kind or bare(term).startswith(kind_prefix(kind)) for kind in ASKING) for term in terms)
    if asks > SPF_LOOKUPS_AT_MOST:
        yield True, f"SPF: {domain} asks DNS {asks} times, {SPF_LOOKUPS_AT_MOST} are allowed. Use ip4: and ip6: terms."
    elif asks and walk is not None:
        behind = walk(domain, records[0])
        yield from ((True, sentence) for sentence in behind.faults)
        yield from ((False, sentence) for sentence in behind.notes)


def bare(term: str) -> str:
    """Return a term of an SPF record without its qualifier."""
    return term.lstrip("+-~?")


def kind_prefix(kind: str) -> str:
    """Return how a term of a kind begins when it names a domain."""
    return kind if kind.endswith((":", "=")) else f"{kind}:"


def returns(domain: str, lookup: Lookup) -> Sentences:
    """Give what keeps bounces from coming back."""
    if not lookup.receives(domain):
        yield True, f"Return path: {domain} takes no mail, so bounces are lost. Publish an MX and give it a mailbox."


def dkim(domain: str, lookup: Lookup, selectors: Sequence[str]) -> Sentences:
    """Give what is wrong with the DKIM keys (RFC 6376) that the mail server signs with."""
    tried = selectors or COMMON_SELECTORS
    keys = {
        selector: key for selector in tried if (key := dkim_key(f"{selector}._domainkey.{domain}", lookup)) is not None
    }
    for selector, key in keys.items():
        if not key:
            yield True, f"DKIM: the key {selector}._domainkey.{domain} is revoked (p= is empty). Publish a new one."
    for selector in selectors:
        if selector not in keys:
            yield True, f"DKIM: {selector}._domainkey.{domain} has no key. Publish the one your mail server signs with."
    if not selectors and not keys:
        yield (
            False,
            (
                f"DKIM: no key of {domain} was found under common selectors ({', '.join(tried)}). Look at the s= of a "
                "DKIM-Signature in a mail you sent, then: boucle check --dns --selector NAME."
            ),
        )


def dkim_key(name: str, lookup: Lookup) -> str | None:
    """Return the public key at a name, empty for a revoked one, None where there is none."""
    for record in lookup.texts(name):
        values = tags(record)
        if "p" in values and values.get("v", "DKIM1").upper() == "DKIM1":
            return values["p"]
    return None


def dmarc_record(domain: str, lookup: Lookup) -> dict[str, str] | None:
    """Return the DMARC policy (RFC 7489) of a domain or of the nearest one above that has one."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = ".".join(["_dmarc", *labels[start:]])
        records = [tags(text) for text in lookup.texts(name) if text.replace(" ", "").upper().startswith("V=DMARC1")]
        if len(records) == 1:
            return records[0]
    return None


def dmarc(domain: str, policy: dict[str, str] | None) -> Sentences:
    """Give what is wrong with the DMARC policy of the From domain."""
    if policy is None:
        yield (
            True,
            (
                f"DMARC: {domain} has no policy, which large receivers refuse. Publish TXT _dmarc.{domain} "
                f'"v=DMARC1; p=none; rua=mailto:dmarc@{domain}", read the reports, then raise p.'
            ),
        )
        return
    if policy.get("p", "").lower() not in ("none", "quarantine", "reject"):
        yield True, f"DMARC: the policy of {domain} has no p=none, quarantine or reject, so receivers ignore it."
    elif policy["p"].lower() == "none":
        yield (
            False,
            f"DMARC: {domain} says p=none: forged mail in your name is delivered. Raise it when reports are clean.",
        )
    if "rua" not in policy:
        yield False, f"DMARC: {domain} asks for no reports. Add rua=mailto:... to see who sends in your name."


def alignment(sender: str, return_path: str, policy: dict[str, str] | None) -> Sentences:
    """Give what keeps SPF from counting for DMARC: From and return path must share their domain (RFC 7489, 3.1.2)."""
    strict = (policy or {}).get("aspf", "r").lower() == "s"
    near = f".{sender}".endswith(f".{return_path}") or f".{return_path}".endswith(f".{sender}")
    if sender != return_path and (strict or not near):
        yield (
            True,
            (
                f"Alignment: mail is from {sender}, its return path is {return_path}, so SPF does not count for DMARC. "
                "Use one domain for both, or rely on DKIM signed by the From domain."
            ),
        )


def tags(record: str) -> dict[str, str]:
    """Return the tag=value pairs of a DKIM or DMARC record."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip().replace(" ", "") for name, _, value in pairs if name.strip()}
