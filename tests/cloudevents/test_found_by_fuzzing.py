"""The smallest inputs that `make fuzz` found to be misunderstood, as they were mended."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml
from embedded import shipped_templates

from workers.adapters.resources import Data
from workers.decision_table import Fault, Severity, Unreadable, parse_dmn
from workers.domain.customer.traces import Person
from workers.domain.mail.compose import Brand, Templates, compose
from workers.domain.mail.compose.samples import SAMPLE_FACTS, sample_mail
from workers.domain.mail.links import Links
from workers.errors import Misconfigured, Never

AT = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
LINKS = Links(["secret"], "https://ask.example.org")


class Edited:
    """The shipped data with some values of brand.yaml replaced."""

    def __init__(self, **values: str) -> None:
        self.values, self.data = values, Data()

    def read(self, relative: str) -> bytes:
        """Return a file."""
        content = self.data.read(relative)
        if relative != "templates/brand.yaml":
            return content
        return yaml.dump({**yaml.safe_load(content), **self.values}).encode()

    def list(self, relative: str) -> list[str]:
        """Return the names in a folder."""
        return self.data.list(relative)


@pytest.mark.parametrize("sign", ["\u202e", "\ud7ff", "_", "\ufffe"])
@pytest.mark.parametrize("key", ["sender", "reply_to"])
def test_an_address_of_the_brand_has_a_domain_that_travels(key: str, sign: str) -> None:
    """What cannot be a domain is a fault at the start, not a header that each mail program reads otherwise."""
    with pytest.raises(Misconfigured, match=f"{key} .* is not a mail address"):
        Brand.load(Edited(**{key: f"hello@example.org{sign}"}))


def test_a_domain_in_other_letters_is_written_as_it_travels() -> None:
    """Message-ID, From and the return path are ASCII (RFC 5891)."""
    brand = Brand.load(Edited(sender="hello@bücher.example"))
    assert (brand.sender, brand.domain) == ("hello@xn--bcher-kva.example", "xn--bcher-kva.example")


@pytest.mark.parametrize("key", ["name", "sender", "postal_address", "privacy_url", "logo", "colour", "time_zone"])
def test_a_value_of_the_brand_that_no_line_of_a_mail_bears_is_told_by_its_length(key: str) -> None:
    """A name of 40,000 letters made one header line of as many; the fault says how long, and does not repeat it."""
    with pytest.raises(Misconfigured) as raised:
        Brand.load(Edited(**{key: "x" * 40_000}))
    assert [(f"{key} has 40,000 characters" in fault, len(fault) < 200) for fault in raised.value.faults] == [
        (True, True)
    ]


def test_the_longest_name_of_a_brand_fits_a_header() -> None:
    """What is taken makes no line over 998 characters (RFC 5322)."""
    shipped = shipped_templates()._in_use
    for sign in ("x", "é", "字", "'"):
        brand = Brand.load(Edited(name=sign * 200))
        templates = Templates(shipped.mails, shipped.catalogs, brand, shipped.wordings)
        raw = compose(sample_mail("thanks", "fr", SAMPLE_FACTS), templates, LINKS, AT).raw
        assert max(len(line) for line in raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize("sign", ["\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\t", "=?"])
def test_a_name_that_no_subject_bears_is_a_fault_of_the_brand(sign: str) -> None:
    """Told at the start, instead of by every mail that is not sent."""
    with pytest.raises(Misconfigured, match="name holds"):
        Brand.load(Edited(name=f"Lamps{sign}Durand"))


@pytest.mark.parametrize("language", ["qq", "a@b", "zzzzzzzz", "x-klingon", "fr-qq", "", "1", "_"])
def test_a_language_that_nobody_knows_is_named_as_it_is(language: str) -> None:
    """A tag is well-formed long before it is a language; the agent's mail leaves all the same."""
    mail = sample_mail("ticket", "en", {**SAMPLE_FACTS, "customer_language": language})
    raw = compose(mail, shipped_templates(), LINKS, AT).raw
    body = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain",))
    assert body is not None
    assert language in body.get_content()


@pytest.mark.parametrize("key", ["due_at", "resolve_due_at", "opened_at", "answered_at"])
@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "never"])
def test_an_instant_beyond_the_calendar_is_that_mails_own_end(key: str, instant: str) -> None:
    """It is refused like any other fact that has the wrong shape."""
    mail = sample_mail("ticket", "en", {**SAMPLE_FACTS, key: instant})
    with pytest.raises(Never, match="date in its facts"):
        compose(replace(mail), shipped_templates(), LINKS, AT)


LONG = "x" * 50_000
TELLING: dict[str, Callable[[], str]] = {
    "a tag of DMN": lambda: str(refusal(f"<definitions><{LONG}></definitions>".encode())),
    "the first element": lambda: str(refusal(f"<{LONG}/>".encode())),
    "a fault": lambda: Fault("E302", Severity.ERROR, f"Row 3: {LONG} is outside").message,
    "lines": lambda: str(Unreadable(f"Row 1\n{LONG}\nRow 3")),
}


def refusal(content: bytes) -> Unreadable:
    """Return why a DMN file is refused."""
    with pytest.raises(Unreadable) as caught:
        parse_dmn(content)
    return caught.value


@pytest.mark.parametrize("tell", TELLING.values(), ids=list(TELLING))
def test_a_message_repeats_little_of_a_file(tell: Callable[[], str]) -> None:
    """Its beginning and its end stay, where it says what and where."""
    assert len(tell()) < 1_500
    assert "…" in tell()


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (r'{"subject": "\u0043-1042"}', True),
        ('{"subject": "c-1042"}', True),
        (r'{"data": "{\"customer\": {\"id\": \"C\\u002d1042\"}}"}', True),
        ('{"subject": "C-10421"}', False),
        (r'{"subject": "C\\-1042"}', False),
        ("C-1042", True),
    ],
)
def test_a_quick_look_finds_who_a_close_look_finds(text: str, is_found: bool) -> None:
    """Whether an id hides behind escapes is asked before a letter is taken apart, also among many people."""
    alone = Person(frozenset({"C-1042"}))
    crowd = Person(frozenset({"C-1042", *(f"D-{n}000" for n in range(30))}))
    assert bool(alone.traces_in([text])) is bool(crowd.traces_in([text])) is is_found
