"""Hostile and odd facts: no header is added, no mail fails for a strange name, nothing unsafe is sent."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workers.adapters.resources import Data
from workers.domain.mail.compose import Brand, Templates, compose
from workers.domain.mail.compose.samples import SAMPLE_FACTS, sample_mail
from workers.domain.mail.links import Links
from workers.errors import Never

LINKS = Links(["secret"], "https://ask.example.org")
AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
TEMPLATES = Templates.load(Data(), Brand.load(Data()))
ENCODED_NEWLINE = "=?utf-8?q?x=0aBcc:_all@evil.example?="  # became a real header on CPython 3.11.7
HEADERS = [
    *("Date", "From", "To", "Reply-To", "Subject", "Message-ID", "Auto-Submitted", "List-Unsubscribe"),
    *("List-Unsubscribe-Post", "Content-Language", "X-Boucle-Dispatch", "MIME-Version", "Content-Type"),
]
anything = st.text(st.characters(), max_size=300) | st.sampled_from(
    [ENCODED_NEWLINE, "x\r\nBcc: all@evil.example", "x\nBcc: all@evil.example", "\x00", "\ud800", "\u202eabc", '"\\']
)


@settings(max_examples=150, deadline=None)
@given(name=anything, label=anything, product=anything)
@example(name=ENCODED_NEWLINE, label=ENCODED_NEWLINE, product=ENCODED_NEWLINE)
@example(name="=" * 3 + "?" * 3 + "=?", label="==??=?", product="a\r\nb")
def test_no_fact_adds_a_header_or_breaks_a_mail(name: str, label: str, product: str) -> None:
    """Whatever a customer is called, the mail has exactly its own headers and both halves."""
    mail = replace(sample_mail("ask-in-use", "en", {"label": label, "product": product}), name=name)
    raw = compose(mail, TEMPLATES, LINKS, AT).raw
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.keys() == HEADERS
    assert "\n" not in str(message["Subject"])
    assert str(message["To"]).endswith("camille@sample.example") or "<camille@sample.example>" in str(message["To"])
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


@settings(max_examples=60, deadline=None)
@given(comment=st.text(st.characters(), max_size=2000), sentence=anything)
def test_long_and_strange_texts_arrive_without_control_characters(comment: str, sentence: str) -> None:
    """Comments reach the team whatever they hold."""
    for template in ("ticket", "done"):
        facts = {**SAMPLE_FACTS, "comment": comment, "sentence": sentence}
        raw = compose(sample_mail(template, "fr", facts), TEMPLATES, LINKS, AT).raw
        body = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain",))
        assert body is not None
        assert not any(ord(sign) < 32 and sign not in "\r\n\t" for sign in body.get_content())


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "nobody",
            "a@",
            "@b.example",
            "a b@c.example",
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example, c@d.example",
        ),
        *("<a@b.example>", "=?utf-8?q?a=0ab?=@c.example", "a@b..\x00", "a@exa mple.org", f"{'x' * 65}@c.example"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(address: str) -> None:
    """A mail to a broken address is never written."""
    with pytest.raises(Never, match="address"):
        compose(replace(sample_mail("thanks", "en", {}), recipient=address), TEMPLATES, LINKS, AT)


def test_operator_templates_run_in_a_sandbox() -> None:
    """A template that reaches for Python's inside is refused at start."""
    data = _Override({"templates/mail/thanks/mail.txt": b"{{ brand.__class__.__mro__ }} {{ t('thanks.body') }}"})
    with pytest.raises(Exception, match="unsafe"):
        Templates.load(data, Brand.load(data))


def test_all_faults_of_all_templates_are_told_at_once() -> None:
    """A link in one half only, an unknown text, a misspelt variable, a wrong class and a too large mail, together."""
    data = _Override(
        {
            "templates/mail/thanks/mail.txt": b"{{ t('thanks.body') }} https://shop.example/",
            "templates/mail/ack/mail.txt": b"{{ t('ack.nothing') }}",
            "templates/mail/done/mail.html": b"{{ sentense }}",
            "templates/mail/ticket/meta.yaml": b"class: advertising\n",
            "templates/mail/recovered/mail.html": b"x" * 110_000,
        }
    )
    with pytest.raises(Exception, match="thanks") as caught:
        Templates.load(data, Brand.load(data))
    message = str(caught.value)
    for part in ("https://shop.example/", "ack.nothing", "sentense", "advertising", "110"):
        assert part in message


class _Override:
    """The shipped data with some files replaced."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files
        self._data = Data()

    def read(self, relative: str) -> bytes:
        return self._files[relative] if relative in self._files else self._data.read(relative)

    def list(self, relative: str) -> list[str]:
        return self._data.list(relative)
