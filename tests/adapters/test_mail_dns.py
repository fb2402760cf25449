"""Mail and DNS: what `boucle check --dns` finds, and what it tells the operator to publish."""

from collections.abc import Iterator

import dns.rcode
import dns.resolver
import pytest
from nameserver import NameServer

from workers.adapters.mail_dns import COMMON_SELECTORS, Dns, Findings, check_domain
from workers.errors import NotNow

GOOD = {
    "lamps.example": ["v=spf1 include:mail.example -all", "some-verification=1"],
    "mail._domainkey.lamps.example": ["v=DKIM1; k=rsa; p=MIGf"],
    "_dmarc.lamps.example": ["v=DMARC1; p=quarantine; rua=mailto:dmarc@lamps.example"],
}


class Zone:
    """Names and their TXT records, and the domains that take mail."""

    def __init__(self, texts: dict[str, list[str]], receiving: tuple[str, ...] = ("lamps.example",)) -> None:
        self._texts = texts
        self._receiving = receiving

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name."""
        return self._texts.get(name, [])

    def receives(self, domain: str) -> bool:
        """Tell whether a domain takes mail."""
        return domain in self._receiving


def findings_of(changed: dict[str, list[str]], sender: str = "lamps.example", back: str = "lamps.example") -> Findings:
    """Return the findings of the good zone with some records changed."""
    return check_domain(sender, back, Zone({**GOOD, **changed}))


def test_a_well_kept_domain_has_nothing_to_fix() -> None:
    """SPF, DKIM, DMARC and alignment in order: no fault, no note."""
    assert findings_of({}) == Findings([], [])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"lamps.example": []}, 'SPF: lamps.example has no record. Publish TXT lamps.example "v=spf1'),
        ({"lamps.example": ["v=spf1 -all", "v=spf1 mx -all"]}, "SPF: lamps.example has 2 records"),
        ({"lamps.example": ["v=spf1 +all"]}, "which lets anybody send in your name"),
        ({"lamps.example": ["v=spf1 " + "include:a.example " * 11 + "-all"]}, "asks DNS 11 times, 10 are allowed"),
        ({"mail._domainkey.lamps.example": ["v=DKIM1; p="]}, "is revoked"),
        ({"_dmarc.lamps.example": []}, "DMARC: lamps.example has no policy, which large receivers refuse. Publish TXT"),
        ({"_dmarc.lamps.example": ["v=DMARC1; sp=none"]}, "has no p=none, quarantine or reject"),
    ],
)
def test_each_fault_says_what_to_publish(changed: dict[str, list[str]], says: str) -> None:
    """A fault names the record and what to do about it."""
    (fault,) = findings_of(changed).faults
    assert says in fault


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"lamps.example": ["v=spf1 mx"]}, "End the record with -all or ~all"),
        ({"_dmarc.lamps.example": ["v=DMARC1; p=none; rua=mailto:a@b.example"]}, "says p=none"),
        ({"_dmarc.lamps.example": ["v=DMARC1; p=reject"]}, "asks for no reports"),
        ({"mail._domainkey.lamps.example": []}, "boucle check --dns --selector NAME"),
    ],
)
def test_what_is_weak_is_a_note(changed: dict[str, list[str]], says: str) -> None:
    """What works but could be better keeps nobody from starting."""
    findings = findings_of(changed)
    assert findings.faults == []
    assert says in findings.notes[0]


def test_a_named_selector_must_have_a_key() -> None:
    """The selector that the mail server signs with is looked for, and no other."""
    zone = Zone(GOOD)
    assert check_domain("lamps.example", "lamps.example", zone, ["mail"]) == Findings([], [])
    (fault,) = check_domain("lamps.example", "lamps.example", zone, ["june"]).faults
    assert fault.startswith("DKIM: june._domainkey.lamps.example has no key.")
    assert "mail" in COMMON_SELECTORS


def test_bounces_must_have_a_way_back() -> None:
    """A return path whose domain takes no mail loses every bounce."""
    (fault,) = check_domain("lamps.example", "lamps.example", Zone(GOOD, ())).faults
    assert "takes no mail, so bounces are lost" in fault


@pytest.mark.parametrize(
    ("back", "policy", "aligned"),
    [
        ("bounces.lamps.example", "v=DMARC1; p=reject; rua=mailto:a@b.example", True),
        ("bounces.lamps.example", "v=DMARC1; p=reject; aspf=s; rua=mailto:a@b.example", False),
        ("other.example", "v=DMARC1; p=reject; rua=mailto:a@b.example", False),
    ],
)
def test_from_and_return_path_share_their_domain(back: str, policy: str, aligned: bool) -> None:
    """Relaxed alignment takes a sub-domain, strict takes only the same domain, another company's is never aligned."""
    zone = Zone({**GOOD, back: ["v=spf1 mx -all"], "_dmarc.lamps.example": [policy]}, (back,))
    faults = check_domain("lamps.example", back, zone).faults
    assert [fault.startswith("Alignment: ") for fault in faults] == ([] if aligned else [True])


def test_the_policy_of_the_domain_above_counts() -> None:
    """A sub-domain without a DMARC policy of its own has its organisation's."""
    zone = Zone({**GOOD, "mail.lamps.example": ["v=spf1 mx -all"]}, ("mail.lamps.example",))
    findings = check_domain("mail.lamps.example", "mail.lamps.example", zone)
    assert not [fault for fault in findings.faults if fault.startswith("DMARC")]


RECORDS = {
    ("lamps.example.", "TXT"): ['"v=spf1 include:mail.example " "-all"'],
    ("lamps.example.", "MX"): ["10 mx.lamps.example."],
    ("null.example.", "MX"): ["0 ."],
    ("host.example.", "A"): ["192.0.2.1"],
}


@pytest.fixture
def server() -> Iterator[dns.resolver.Resolver]:
    """Give a resolver that asks a DNS server in this process."""
    with NameServer(RECORDS, failing={"broken.example.": dns.rcode.SERVFAIL}) as server:
        yield server.resolver()


def test_records_come_from_a_real_resolver(server: dns.resolver.Resolver) -> None:
    """Texts in parts are joined, a null MX and a missing name take no mail, an address without MX does."""
    lookup = Dns(server)
    assert lookup.texts("lamps.example") == ["v=spf1 include:mail.example -all"]
    assert lookup.texts("nobody.example") == []
    assert lookup.texts("host.example") == []
    takes = [lookup.receives(name) for name in ("lamps.example", "null.example", "host.example", "nobody.example")]
    assert takes == [True, False, True, False]


def test_a_resolver_that_fails_is_not_an_empty_zone(server: dns.resolver.Resolver) -> None:
    """When DNS does not answer, nothing is said about records: try again."""
    with pytest.raises(NotNow, match=r"DNS does not answer for broken\.example"):
        Dns(server).texts("broken.example")
