"""SPF through includes: what receivers would count, on a name server that fails as real ones do."""

import sys
import uuid
from collections.abc import Mapping, Sequence

import dns.rcode
import pytest
from nameserver import NameServer

from workers.adapters.mail_dns import Findings, check_domain
from workers.adapters.spf_lookups import QUESTIONS_AT_MOST, walk_spf
from workers.errors import NotNow

Texts = Mapping[str, str]


class World:
    """Domains below a top of their own, because the library remembers what it asked."""

    def __init__(self, texts: Texts, hosts: Sequence[str] = (), **failing: Sequence[str]) -> None:
        self.top = f"{uuid.uuid4().hex[:8]}.example"
        records = {(self.name(name), "TXT"): [f'"{self.filled(text)}"'] for name, text in texts.items()}
        records |= {(self.name(host), "A"): ["192.0.2.7"] for host in hosts}
        codes = {self.name(name): dns.rcode.from_text(code) for code, names in failing.items() for name in names}
        silent = [name for name, code in codes.items() if code == dns.rcode.NOERROR]
        self.first = self.filled(texts["us"])
        self.server = NameServer(
            records, failing={name: code for name, code in codes.items() if name not in silent}, silent=silent
        )

    def name(self, name: str) -> str:
        """Return the absolute name of a domain."""
        return f"{name}.{self.top}."

    def filled(self, text: str) -> str:
        """Return a record with the full names of the domains that it names as @name."""
        return " ".join(term.replace("@", "") + f".{self.top}" if "@" in term else term for term in text.split())

    def walk(self, seconds: float = 5.0) -> Findings:
        """Follow the record of `us`."""
        with self.server as server:
            return walk_spf(f"us.{self.top}", self.first, server.resolver(seconds))


def many(n: int) -> str:
    """Return as many includes as asked for."""
    return " ".join(f"include:@part{i}" for i in range(n))


def test_ten_look_ups_through_includes_are_in_order() -> None:
    """Two includes that ask four times each: ten with themselves, which is what is allowed."""
    parts = {f"part{i}": "v=spf1 a:@h1 a:@h2 a:@h3 a:@h4 -all" for i in range(2)}
    world = World({"us": f"v=spf1 {many(2)} ip4:192.0.2.0/24 -all", **parts}, ["h1", "h2", "h3", "h4"])
    assert world.walk() == Findings([], [])


@pytest.mark.parametrize("deep", [False, True])
def test_more_than_ten_are_a_fault(deep: bool) -> None:
    """Side by side or one behind the other: the first record alone looks harmless."""
    if deep:
        parts = {f"part{i}": f"v=spf1 include:@part{i + 1} -all" for i in range(12)}
        texts = {"us": "v=spf1 include:@part0 -all", **parts, "part12": "v=spf1 -all"}
    else:
        parts = {f"part{i}": "v=spf1 a:@h1 mx:@h1 a:@h2 a:@h3 a:@h4 -all" for i in range(2)}
        texts = {"us": f"v=spf1 {many(2)} -all", **parts}
    (fault,) = World(texts, ["h1", "h2", "h3", "h4"]).walk().faults
    assert "asks DNS more than 10 times" in fault
    assert "ip4:" in fault


def test_more_than_two_look_ups_that_find_nothing_are_a_fault() -> None:
    """Names that are no more make the whole record fail, though every include is there."""
    parts = {"part0": "v=spf1 a:@gone1 a:@gone2 -all"}
    (fault,) = World({"us": f"v=spf1 {many(1)} a:@gone3 -all", **parts}).walk().faults
    assert "more than 2 look-ups" in fault
    nested = {"part0": "v=spf1 a:@gone1 a:@gone2 a:@gone3 -all"}
    assert World({"us": f"v=spf1 {many(1)} -all", **nested}).walk().faults[0][:30] == fault[:30]


def test_two_that_find_nothing_are_allowed() -> None:
    """The limit is two."""
    assert World({"us": "v=spf1 a:@gone1 a:@gone2 -all"}).walk().faults == []


@pytest.mark.parametrize(
    "texts",
    [
        {"us": "v=spf1 include:@them -all", "them": "v=spf1 include:@us -all"},
        {"us": "v=spf1 include:@us -all"},
        {"us": "v=spf1 redirect=@them", "them": "v=spf1 redirect=@us"},
    ],
)
def test_a_loop_is_a_fault_and_ends(texts: Texts) -> None:
    """Records that lead back to themselves name the way round."""
    (fault,) = World(texts).walk().faults
    assert "comes back to itself" in fault
    assert " -> " in fault or "redirect" in texts["us"]


def test_an_include_without_a_record_is_a_fault() -> None:
    """It breaks the whole record (RFC 7208, 5.2), and is named; no such name and no such record are alike."""
    for hosts in ((), ("gone",)):
        (fault,) = World({"us": "v=spf1 include:@gone -all"}, hosts).walk().faults
        assert "includes gone." in fault
        assert "which has no SPF record" in fault


@pytest.mark.parametrize("code", ["SERVFAIL", "REFUSED", "NOERROR"])
def test_dns_that_does_not_answer_is_no_fault_of_the_record(code: str) -> None:
    """A server that fails, refuses or is silent (NOERROR here) for one include: try again, and nothing is blamed."""
    world = World({"us": "v=spf1 include:@part0 -all", "part0": "v=spf1 a:@away -all"}, **{code: ["away"]})
    with pytest.raises(NotNow, match="DNS does not answer for away"):
        world.walk(0.3)
    world = World({"us": "v=spf1 include:@away -all"}, **{code: ["away"]})
    with pytest.raises(NotNow, match="try again"):
        world.walk(0.3)


def test_a_zone_without_end_is_not_followed_without_end() -> None:
    """Five hundred includes one behind the other cost at most so many questions."""
    parts = {f"part{i}": f"v=spf1 include:@part{i + 1} -all" for i in range(500)}
    world = World({"us": "v=spf1 include:@part0 -all", **parts})
    (fault,) = world.walk().faults
    assert "more than 10 times" in fault
    assert len(world.server.asked) <= QUESTIONS_AT_MOST


def test_what_cannot_be_read_is_told() -> None:
    """A term that is none is quoted."""
    (fault,) = World({"us": "v=spf1 include:@part0 -all", "part0": "v=spf1 ipv4:192.0.2.1 -all"}).walk().faults
    assert "Correct the record" in fault


def test_without_the_extra_the_check_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A note and no fault: what can be seen without it is seen."""
    monkeypatch.setitem(sys.modules, "checkdmarc", None)
    world = World({"us": "v=spf1 include:@part0 -all"})
    findings = world.walk()
    assert findings.faults == []
    assert "pip install 'boucle[spf]'" in findings.notes[0]
    assert world.server.asked == []


class Zone:
    """One record, and a domain that takes mail."""

    def __init__(self, record: str) -> None:
        self._record = record

    def texts(self, name: str) -> list[str]:
        """Return the SPF record of the domain."""
        return [self._record] if name == "lamps.example" else []

    def receives(self, domain: str) -> bool:
        """Tell that it does."""
        return True


def test_the_check_of_the_domain_follows_what_asks_and_nothing_else() -> None:
    """A record of addresses alone asks nobody; one with an include is followed, and what it shows is told."""
    asked: list[str] = []

    def walk(domain: str, record: str) -> Findings:
        asked.append(record)
        return Findings(["SPF: too many."], ["a note"])

    for record in ("v=spf1 ip4:192.0.2.1 -all", "v=spf1 include:mail.example -all"):
        findings = check_domain("lamps.example", "lamps.example", Zone(record), walk=walk)
        assert ("SPF: too many." in findings.faults) == ("include" in record)
    assert asked == ["v=spf1 include:mail.example -all"]
