"""Names, labels, comments and brand values of any kind in mails: no header, tag or link is added, no line too long."""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from random import Random
from typing import Any

import pytest
import yaml
from campaign import Campaign
from embedded import shipped_templates
from mutations import any_text, any_value

from workers.adapters.resources import Data
from workers.domain.mail.compose import Brand, Templates, compose
from workers.domain.mail.compose.facts import DAYS, MOMENTS
from workers.domain.mail.compose.samples import SAMPLE_FACTS, sample_mail
from workers.domain.mail.links import Links
from workers.errors import Misconfigured, Never

TEXTS, BRANDS = 20_000, 2_000
AT = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
BASE = "https://ask.example.org"
NAMES = [
    *("Date", "From", "To", "Reply-To", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"),
    *("List-Unsubscribe", "List-Unsubscribe-Post", "Content-Language", "X-Boucle-Dispatch", "MIME-Version"),
    "Content-Type",
]
MAY_BE_THERE = {"In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post"}
ADDRESSES = ("camille@sample.example", "a.b+c@bücher.example", "o'neil@x.example", "{x}@y-z.example", "é@x.example")

WORDS = sorted({*SAMPLE_FACTS} - {*DAYS, *MOMENTS})
"""Facts that are no dates: of a date that is none, the mail is refused."""


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody else decides in one mail."""

    template: str
    language: str
    recipient: str
    name: str
    facts: tuple[tuple[str, object], ...]


def addresses(header: Any) -> list[str]:
    """Return the addresses of a header; UTF-8 in it (RFC 6532) is read as such."""
    return [address.addr_spec.encode("utf-8", "surrogateescape").decode() for address in header.addresses]


class Tags(HTMLParser):
    """Collects the tags and links of a page; scripts, handlers and addresses of others are not among them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one tag."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "src")}


def seen(html: str) -> Tags:
    """Return the tags of a page."""
    parser = Tags()
    parser.feed(html)
    return parser


def make_words(draw: Random) -> Words:
    """Return a mail with a few of its facts replaced by anything."""
    templates = sorted(shipped_templates().languages_by_template())
    facts: dict[str, object] = dict(SAMPLE_FACTS) if draw.random() < 0.9 else {}
    names = sorted(SAMPLE_FACTS) if draw.random() < 0.1 else WORDS
    for name in draw.sample(names, draw.choice((1, 1, 2, 5, len(WORDS)))):
        facts[name] = any_text(draw) if draw.random() < 0.8 else any_value(draw)
    recipient = draw.choice(ADDRESSES) if draw.random() < 0.97 else any_text(draw)
    language = draw.choice(("fr", "en", any_text(draw)))
    return Words(draw.choice(templates), language, recipient, any_text(draw), tuple(facts.items()))


def smaller(words: Words) -> Iterator[Words]:
    """Give the same mail with fewer facts, with shorter ones, or with a plain name."""
    if words.name != "Camille":
        yield replace(words, name="Camille")
    for number in range(len(words.facts)):
        yield replace(words, facts=words.facts[:number] + words.facts[number + 1 :])
    for number, (name, value) in enumerate(words.facts):
        if isinstance(value, str) and len(value) > 1:
            for half in (value[: len(value) // 2], value[len(value) // 2 :]):
                yield replace(words, facts=(*words.facts[:number], (name, half), *words.facts[number + 1 :]))
    for cut in range(len(words.name)):
        yield replace(words, name=words.name[:cut] + words.name[cut + 1 :])


class Writer:
    """Composes mails with one brand, and looks at what would leave."""

    def __init__(self, templates: Templates) -> None:
        self.templates, self.links = templates, Links(["secret"], BASE)
        self.usual = Tags()
        self.written = self.refused = 0
        for template in templates.languages_by_template():
            for language in ("fr", "en"):
                for facts in (SAMPLE_FACTS, {}):
                    mail = sample_mail(template, language, facts)
                    for name in (mail.name, "דנה לוי"):  # a name of another direction is kept apart by a tag of ours
                        self.usual.feed(templates.write(replace(mail, name=name), self.links, AT)[2])

    def write(self, words: Words) -> None:
        """Compose one mail; complain of what a text did to it."""
        sample = sample_mail(words.template, words.language, dict(words.facts))
        mail = replace(sample, name=words.name, recipient=words.recipient)
        try:
            composed = compose(mail, self.templates, self.links, AT)
        except Never as error:
            self.refused += 1
            if "control character" in str(error):  # no text of theirs may keep a mail from leaving
                raise
            return
        self.written += 1
        self.look(composed.raw, composed.recipient)

    def look(self, raw: bytes, recipient: str) -> None:
        """Parse a mail as its reader's program does, and compare it with what a mail of ours has."""
        message = email.message_from_bytes(raw, policy=email.policy.default)
        names = message.keys()
        assert names == [name for name in NAMES if name in names], names
        assert set(NAMES) - MAY_BE_THERE <= set(names)
        assert addresses(message["From"]) == [self.templates.brand.sender]
        assert addresses(message["Reply-To"]) == [self.templates.brand.reply_to]
        assert addresses(message["To"]) == [recipient], message["To"]
        lines = re.sub(rb"\r\n[ \t]", b" ", raw.partition(b"\r\n\r\n")[0]).split(b"\r\n")
        assert not [line for line in lines if not line.isascii() and not line.startswith(b"To: ")]
        assert "\n" not in str(message["Subject"])
        assert max(len(line) for line in raw.split(b"\r\n")) <= 998
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert b"\x00" not in raw
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        html = message.get_body(("html",))
        assert html is not None
        page = seen(html.get_content())
        assert page.tags <= self.usual.tags, page.tags - self.usual.tags
        assert page.attributes <= self.usual.attributes, page.attributes - self.usual.attributes
        strange = {
            link
            for link in page.links - self.usual.links
            if not link.startswith((f"{BASE}/", "https://", "http://", "tel:"))
        }
        assert not strange, strange


@pytest.mark.timeout(14_400)
def test_texts_of_any_kind_stay_texts_in_a_mail() -> None:
    """Whatever a CRM, a customer or an agent writes, a mail has its own headers, tags and links, or is refused."""
    writer = Writer(shipped_templates())
    Campaign("texts", TEXTS, make_words, writer.write, smaller).run()
    assert writer.written > 4 * writer.refused, (writer.written, writer.refused)


class Edited:
    """The shipped data with another brand.yaml."""

    def __init__(self, content: bytes) -> None:
        self.content, self.data = content, Data()

    def read(self, relative: str) -> bytes:
        """Return a file."""
        return self.content if relative == "templates/brand.yaml" else self.data.read(relative)

    def list(self, relative: str) -> list[str]:
        """Return the names in a folder."""
        return self.data.list(relative)


def make_brand(draw: Random) -> bytes:
    """Return a brand.yaml with some values replaced."""
    values = yaml.safe_load(Data().read("templates/brand.yaml"))
    for name in draw.sample(sorted(values), draw.choice((1, 1, 2, 3))):
        way = draw.randrange(4)
        text = any_text(draw)
        values[name] = (f"{values[name]}{text}", f"{text}{values[name]}", text, any_value(draw))[way]
    return yaml.dump(values, allow_unicode=draw.random() < 0.5).encode("utf-8", "surrogatepass")


def smaller_brand(content: bytes) -> Iterator[bytes]:
    """Give the same brand without some of its signs."""
    for start in range(len(content)):
        yield content[:start] + content[start + 1 :]


@pytest.mark.timeout(14_400)
def test_a_brand_is_refused_or_writes_good_mails() -> None:
    """Values of brand.yaml of any kind are named as faults, or mails that show them are as they should be."""
    templates = shipped_templates()

    def write(content: bytes) -> None:
        try:
            brand = Brand.load(Edited(content))
        except Misconfigured:
            return
        assert all(isinstance(getattr(brand, field.name), str) for field in fields(brand))
        in_use = templates._in_use
        edited = Templates(in_use.mails, in_use.catalogs, brand, in_use.wordings)
        Writer(edited).write(Words("thanks", "fr", "camille@sample.example", "Camille", tuple(SAMPLE_FACTS.items())))

    Campaign("brands", BRANDS, make_brand, write, smaller_brand).run()
