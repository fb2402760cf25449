"""SPF through its includes: how often receivers must ask DNS for a record (RFC 7208, 4.6.4), and what breaks it.

The walk is that of a library, the extra `spf`. Nothing here waits longer or asks more often than the limits below,
whatever a zone holds; that DNS did not answer is told as that, and never as a fault of the record.
"""

import time
from typing import Any

import dns.exception
import dns.resolver

from workers.adapters.mail_dns import SPF_LOOKUPS_AT_MOST, Findings
from workers.errors import NotNow

VOID_AT_MOST = 2
"""Look-ups that may find nothing; one more and receivers may treat the record as broken."""
QUESTIONS_AT_MOST = 100
"""Questions to DNS for one record; a record in order needs some thirty, with the addresses of its servers."""
SECONDS_AT_MOST = 20.0
MISSING = (
    "SPF: what the includes of {domain} ask of DNS was not counted. It is with: pip install 'boucle[spf]'. "
    "Receivers allow 10 look-ups in all."
)
BROKEN = "so receivers treat the whole record as broken."


class TooMuch(dns.exception.DNSException):
    """The walk has asked as often, or taken as long, as it may."""


class BoundedResolver(dns.resolver.Resolver):
    """Asks another resolver within the limits, and remembers for whom it had no answer."""

    def __init__(self, resolver: dns.resolver.Resolver) -> None:
        super().__init__(configure=False)
        self._resolver = resolver
        self.lifetime = resolver.lifetime
        self.unanswered = ""
        self.exhausted = False
        self._asked = 0
        self._until = time.monotonic() + SECONDS_AT_MOST

    def resolve(self, *asked: Any, **more: Any) -> dns.resolver.Answer:
        """Ask for one name. Raises what the resolver raises (a DNSException, as NXDOMAIN), and TooMuch past a limit."""
        self._asked += 1
        if self._asked > QUESTIONS_AT_MOST or time.monotonic() >= self._until:
            self.exhausted = True
            raise TooMuch
        try:
            return self._resolver.resolve(*asked, **more)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            raise
        except dns.exception.DNSException:
            self.unanswered = self.unanswered or str(asked[0])
            raise


def walk_spf(domain: str, record: str, resolver: dns.resolver.Resolver) -> Findings:
    """Follow a domain's SPF record through its includes and say what receivers would hold against it.

    Raises NotNow when DNS does not answer for a name on the way.
    """
    try:
        from checkdmarc import spf as library
    except ImportError:
        return Findings([], [MISSING.format(domain=domain)])
    bounded = BoundedResolver(resolver)
    fault, answer = "", None
    try:
        answer = library.parse_spf_record(
            record, domain, ignore_too_many_lookups=True, resolver=bounded, timeout=bounded.lifetime, retries=0
        )
    except (library.SPFIncludeLoop, library.SPFRedirectLoop) as error:
        loop = str(error).partition(": ")[2]
        fault = f"SPF: {domain} comes back to itself ({loop}), {BROKEN} Take one of these includes out."
    except library.SPFRecordNotFound as error:
        name = getattr(error, "domain", "") or domain
        fault = f"SPF: {domain} includes {name}, which has no SPF record, {BROKEN} Correct the include or take it out."
    except library.SPFTooManyVoidDNSLookups:
        fault = too_many_void(domain)
    except library.SPFTooManyDNSLookups:
        fault = too_many(domain)
    except (library.SPFError, dns.exception.DNSException, library.DNSException, RecursionError) as error:
        fault = f"SPF: {domain} cannot be followed: {one_line(error)} Correct the record."
    if bounded.unanswered:
        raise NotNow(
            f"DNS does not answer for {bounded.unanswered}, which the SPF record of {domain} needs: try again."
        )
    if bounded.exhausted:
        fault, answer = too_many(domain), None
    return Findings([fault] if answer is None else over_limits(domain, answer), [])


def over_limits(domain: str, answer: Any) -> list[str]:
    """Return which limit a record passes that can be read; the library stops counting at the first, and names it."""
    stopped = str(answer.get("error", "")).lower()
    if answer["void_dns_lookups"] > VOID_AT_MOST or "void" in stopped:
        return [too_many_void(domain)]
    if answer["dns_lookups"] > SPF_LOOKUPS_AT_MOST or stopped:
        return [too_many(domain)]
    return []


def too_many(domain: str) -> str:
    """Return the sentence for a record that asks too often."""
    return (
        f"SPF: {domain} with its includes asks DNS more than {SPF_LOOKUPS_AT_MOST} times, {BROKEN} "
        "Take out includes that you no longer use, or name the servers with ip4: and ip6: terms."
    )


def too_many_void(domain: str) -> str:
    """Return the sentence for a record that asks for what there is not."""
    return (
        f"SPF: more than {VOID_AT_MOST} look-ups of {domain} and its includes find nothing, {BROKEN} "
        "Take out the names that are no more."
    )


def one_line(error: object) -> str:
    """Cut a library's sentence to one line of 300 characters that ends with a full stop."""
    text = " ".join(str(error).split())[:300].rstrip(".")
    return f"{text}."
