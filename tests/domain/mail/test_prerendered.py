"""Mails that are rendered beforehand are, byte for byte, those that are rendered one by one."""

import re
from binascii import b2a_qp
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.adapters.resources import Data
from workers.domain.mail.compose import Brand, MailFacts, Templates, compose, mime, quoted
from workers.domain.mail.compose.samples import SAMPLE_FACTS
from workers.domain.mail.compose.templates import _environment, _Mail, _read_mail
from workers.domain.mail.links import Links
from workers.errors import BoucleError

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
LINKS = Links(["secret"], "https://ask.example.org")
NAMES = ("Camille Roux", "", "<b>Élodie</b> & Co", "Jo", "\x02<0\x03", "{{ 7 }}", "Ann 'O\"Neill", "אורי לוי")
OWN = "templates/mail/ask-delivery/"


class WithOwn(Data):
    """The shipped files, with an operator's own words in one mail."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.own = {
            f"{OWN}mail.{kind}": f'{{% extends "layout/survey.{kind}" %}}{{% block question %}}{words}{{% endblock %}}'
            for kind in ("html", "txt")
        }

    def read(self, relative: str) -> bytes:
        """Return one file's bytes."""
        return self.own[relative].encode() if relative in self.own else super().read(relative)


@pytest.fixture(scope="module")
def templates() -> Templates:
    """Give the shipped templates."""
    return Templates.load(Data(), Brand.load(Data()))


def read_mail(data: Data, name: str) -> _Mail:
    """Return one mail without trying it: what these templates say makes no good mail."""
    return _read_mail(data, name, _environment(data, autoescape=True), _environment(data, autoescape=False))


def mails(template: str, language: str, **more: object) -> Iterator[MailFacts]:
    """Give mails of one template to several people about several things."""
    shared = {key: value for key, value in SAMPLE_FACTS.items() if key != "history"}
    for number, name in enumerate(NAMES):
        ident = f"0195f2a0-0000-8000-8000-{number:012}"
        facts = {**shared, **more, "label": f"order <{number}> {name}", "comment": f"{name}\n\n\n{number}"}
        for some in (facts, {}, {"kind": "clicked", "contact_by": "write", "label": "A & B"}):
            yield MailFacts(
                ident,
                template,
                "a@example.com",
                language,
                name,
                request_id=ident,
                response_id=ident,
                ticket_number=7,
                facts=some,
            )


def written(templates: Templates, mail: MailFacts) -> bytes | str:
    """Return a mail's bytes, or why there is none."""
    try:
        return compose(mail, templates, LINKS, AT).raw
    except BoucleError as error:
        return str(error)


def one_by_one(templates: Templates, mail: MailFacts) -> bytes | str:
    """Return the same without anything that was rendered before."""
    fresh = Templates({}, templates.catalogs, templates.brand, templates.wordings())
    fresh.take_over(templates)
    fresh._in_use.forms.clear()
    return written(fresh, mail)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_shipped_mail_is_the_same_rendered_beforehand(templates: Templates, language: str) -> None:
    """All templates, hostile names, known and unknown facts."""
    for template in sorted(templates.languages_by_template()):
        together = [written(templates, mail) for mail in mails(template, language)]
        alone = [one_by_one(templates, mail) for mail in mails(template, language)]
        assert together == alone, template


def test_the_shipped_questions_are_rendered_beforehand(templates: Templates) -> None:
    """Else nothing would be faster: of ten mails of a kind two are rendered in full; those to the team have lists."""
    for template in sorted(set(templates.languages_by_template()) - {"ticket", "digest"}):
        for mail in mails(template, "fr"):
            written(templates, mail)
        forms = templates._in_use.forms_of(template, "fr", "")
        assert forms.usable, template
        assert any(forms.by_signature.values()), template


LOOKS_INTO = [
    '{% if facts.get("label") == "A & B" %}one{% else %}other{% endif %}',
    '{{ facts.get("label", "") | upper }}',
    '{{ facts.get("label", "") | length }}',
    '{{ facts.get("label", "")[:3] }}',
    '{{ facts.get("first", "").startswith("C") }}',
    '{% if ("x" ~ facts.first) == "xJo" %}Jo{% endif %}',
    '{% set who = "x" ~ facts.first %}{{ who[1] }}{{ who.title() }}',
    '{% macro m(x) %}{% if x == "xJo" %}Jo{% endif %}{% endmacro %}{{ m("x" ~ facts.first) }}',
    '{% if "C" in facts.get("first", "") %}C{% endif %}',
    '{% if ("{}" | string).format(facts.first) == "Jo" %}Jo{% endif %}',
    '{% if "{}".format(facts.first) == "Jo" %}Jo{% endif %}',
    '{% for sign in facts.get("first", "") %}{{ sign }}.{% endfor %}',
    '{{ t("greeting")[0] }}',
    '{{ {"Jo": "joined"}.get(facts.first, "nobody") }}',
    '{% if answer() == "x" %}{% endif %}{{ answer() | length }}',
    "{% if facts.first %}{{ facts.first }}{% else %}nobody{% endif %}",
    '{{ facts.get("label") ~ " & " ~ facts.first }}',
    '{{ "%s!" % facts.first }}{{ "%5.2s" % facts.first }}',
    "{% for key, value in facts.items() %}{{ key }}={{ value }};{% endfor %}",
    '{% set held %}{{ facts.first }}{% endset %}{% if held == "Jo" %}Jo{% endif %}',
    "{{ facts.first is string }}{{ facts.first is defined }}",
    '{{ (facts.first, facts.get("label")) | join(", ") }}',
    "{{ [facts.first] }}{{ facts.first * 2 }}",
    "{% for line in ticket_lines() %}{{ line }}{% endfor %}",
]


@pytest.mark.parametrize("words", LOOKS_INTO)
def test_a_template_that_looks_into_a_text_is_still_right(words: str, templates: Templates) -> None:
    """An operator may do with a text what Jinja can; a mail never says what was true of another one's text."""
    data = WithOwn(words)
    own = Templates(
        {"ask-delivery": read_mail(data, "ask-delivery")}, templates.catalogs, templates.brand, templates.wordings()
    )
    together = [written(own, mail) for mail in mails("ask-delivery", "en")]
    assert together == [one_by_one(own, mail) for mail in mails("ask-delivery", "en")]
    assert any(isinstance(mail, bytes) for mail in together)


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8") | st.sampled_from(" .=\n\t"), max_size=300))
def test_a_line_encoded_by_itself_is_as_in_its_text(text: str) -> None:
    """Quoted-printable has no memory from line to line."""
    text = text.replace("\r", "") + "\n"
    assert quoted.encoded(text) == b2a_qp(text.replace("\n", "\r\n").encode(), istext=True)


LITERALS = st.text("aé=. -<", max_size=90)
VALUES = st.text("abc./:?&-", min_size=1, max_size=40) | st.text("aé=. <\n", min_size=1, max_size=90)


@settings(deadline=None)
@given(st.lists(st.lists(LITERALS, min_size=1, max_size=4), min_size=1, max_size=4), st.lists(VALUES, min_size=3))
def test_a_part_encoded_beforehand_is_the_one_encoded_whole(lines: list[list[str]], values: list[str]) -> None:
    """Wherever a line breaks or begins with a dot, and whatever stands in its places; the same as SMTP takes it."""
    places = [tuple((number % 3, number % 2) for number in range(len(literals) - 1)) for literals in lines]
    part = quoted.QuotedPart.of([*map(quoted.LineWithPlaces, map(tuple, lines), places)])
    texts = quoted.Texts(lambda number: values[number])
    whole = "\n".join(
        literals[0] + "".join(texts[place] + text for place, text in zip(found, literals[1:], strict=True))
        for literals, found in zip(lines, places, strict=True)
    )
    for _ in range(2):
        try:
            filled = part.fill(texts)
        except quoted.OfAnotherForm:
            assert any(value != value.strip() or "\n" in value for value in values)
            return
        assert filled == quoted.encoded(whole)
        assert (filled.stuffed or filled) == re.sub(rb"(?m)^\.", b"..", quoted.encoded(whole))


@given(st.uuids().map(str) | st.text(st.characters(codec="utf-8"), max_size=40))
def test_a_token_is_that_of_the_library_it_is_read_with(ident: str) -> None:
    """Signed with the key that was derived once, it is what itsdangerous signs."""
    token = LINKS._serializer("answer").dumps(ident)
    assert LINKS.sign("answer", ident) == (token.decode() if isinstance(token, bytes) else token)


@pytest.mark.parametrize(
    "head",
    [
        "A: b\nB: c\r\n",
        "A: b\rB: c\r\n",
        "A: b\r\n\r\nbody",
        "A: b\r\n \r\nB: c\r\n",
        " A: b\r\n",
        "A b: c\r\n",
        "A\r\n",
    ],
)
def test_a_head_that_a_reader_could_take_otherwise_is_refused(head: str) -> None:
    """Whatever ends a line for somebody ends it here, and nothing is passed over."""
    assert mime.header_names(head) != ["A"]
