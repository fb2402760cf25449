"""Names in a mail of the other direction: kept apart in subject, plain text and HTML, and nowhere else."""

import email
import email.policy
import re
from datetime import UTC, datetime

import pytest

from workers.adapters.resources import Data
from workers.domain.mail.compose import Brand, Composed, Templates, compose
from workers.domain.mail.compose.samples import SAMPLE_FACTS, sample_mail
from workers.domain.mail.links import Links

LINKS = Links(["secret"], "https://ask.example.org")
AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
FSI, PDI = "\u2068", "\u2069"
MARKS = re.compile(f"{FSI}|{PDI}|</?bdi>|dir=")
HEBREW = {
    "greeting": "שלום {first},",
    "ask-delivery.subject": "הזמנה {label}: שאלה אחת",
    "ticket.subject": "פנייה {number}: {score}/{highest}, {customer_name}, עד {due_at}",
}


class WithHebrew(Data):
    """The shipped files with a third language, some of whose texts are Hebrew."""

    def list(self, relative: str) -> list[str]:
        """Return the names in a folder."""
        return [*super().list(relative), *(["he.po"] if relative == "templates/catalogs" else [])]

    def read(self, relative: str) -> bytes:
        """Return one file's bytes."""
        if relative != "templates/catalogs/he.po":
            return super().read(relative)
        text = super().read("templates/catalogs/en.po").decode()
        text = re.sub(r'"Plural-Forms:[^"]*"', r'"Plural-Forms: nplurals=2; plural=(n != 1);\\n"', text)
        for id, words in HEBREW.items():
            text = re.sub(f'(?<=msgid "{re.escape(id)}"\nmsgstr )".*"', f'"{words}"', text)
        return text.encode()


@pytest.fixture(scope="module")
def templates() -> Templates:
    """Give the shipped mails in three languages."""
    return Templates.load(WithHebrew(), Brand.load(Data()))


def composed(templates: Templates, language: str, template: str = "ask-delivery", **facts: object) -> Composed:
    """Return a mail; what is not said is as in the sample."""
    return compose(sample_mail(template, language, {**SAMPLE_FACTS, **facts}), templates, LINKS, AT)


def parts_of(mail: Composed) -> tuple[str, str, str]:
    """Return subject, plain text and HTML as a mail program reads them."""
    message = email.message_from_bytes(mail.raw, policy=email.policy.default)
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    return str(message["Subject"]), text.get_content().replace("\r\n", "\n"), html.get_content()


@pytest.mark.parametrize("name", ["אורי", "ليلى", "Uri-אורי"])
@pytest.mark.parametrize(("language", "hello"), [("fr", "Bonjour"), ("en", "Hello")])
def test_a_name_from_right_to_left_stands_apart_in_a_text_from_left_to_right(
    templates: Templates, language: str, hello: str, name: str
) -> None:
    """In all three places, also when the mail was rendered beforehand; the head stays one that mail programs read."""
    parts_of(composed(templates, language))
    for _ in range(3):
        mail = composed(templates, language, first_name=name, label=f"{name} 1042")
        subject, text, html = parts_of(mail)
        assert f"{FSI}{name} 1042{PDI}" in subject
        assert subject == mail.subject
        assert f"{hello} {FSI}{name}{PDI}," in text
        assert f"{hello} <bdi>{name}</bdi>," in html
        assert FSI not in html
    assert not MARKS.search("".join(parts_of(composed(templates, language))))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_mail_from_left_to_right_has_no_marks(templates: Templates, language: str) -> None:
    """Every mail, with accents and other alphabets: Élodie, Þóra and Ελένη go the same way."""
    for template in sorted(templates.languages_by_template()):
        for name in ("Élodie", "Þóra", "Ελένη"):
            facts = {"first_name": name, "label": name, "customer_name": name, "comment": f"{name} 12"}
            assert not MARKS.search("".join(parts_of(composed(templates, language, template, **facts)))), template


def test_a_mail_from_right_to_left_keeps_latin_words_and_numbers_apart(templates: Templates) -> None:
    """Names, labels and the company's; its own words and links stay as they are, and it says its direction."""
    subject, text, html = parts_of(composed(templates, "he", first_name="Camille", label="A-10 (rouge)"))
    assert subject == f"הזמנה {FSI}A-10 (rouge){PDI}: שאלה אחת"
    assert f"שלום {FSI}Camille{PDI}," in text
    assert re.search(r"^https://\S+[\w-]$", text, re.MULTILINE)
    assert '<html lang="he" dir="rtl">' in html
    assert 'align="left"' not in html
    assert "שלום <bdi>Camille</bdi>," in html
    assert all(FSI not in tag for tag in re.findall(r"<[^>]*>", html))
    subject, text, html = parts_of(composed(templates, "he", first_name="אורי", label="מנורה"))
    assert (subject, "שלום אורי," in text) == ("הזמנה מנורה: שאלה אחת", True)


def test_the_card_of_a_ticket_keeps_each_value_apart(templates: Templates) -> None:
    """The number is dialled as it is, and a comment of several lines is apart line by line."""
    facts = {"customer_name": "ليلى", "comment": "متأخر\n12 يوم", "phone": "+33 1 23 45 67 89"}
    subject, text, html = parts_of(composed(templates, "fr", "ticket", **facts))
    assert f"{FSI}ليلى{PDI}" in subject
    assert f"{FSI}ليلى{PDI}, C-17" in text
    assert f"{FSI}متأخر{PDI}\n{FSI}12 يوم{PDI}" in text
    _, _, html = parts_of(composed(templates, "he", "ticket", **facts))
    assert 'href="tel:+33123456789"' in html
    assert "<bdi>+33 1 23 45 67 89</bdi>" in html


def test_a_long_subject_is_cut_with_its_marks_closed(templates: Templates) -> None:
    """Of a name too long for a subject the mark does not reach over what a mail program writes behind it."""
    for length in range(90, 121, 3):
        mail = composed(templates, "en", "ask-in-use", product="ליל " * (length // 4), label="ל" * length)
        subject = parts_of(mail)[0]
        assert subject.count(FSI) == subject.count(PDI) > 0
        assert len(subject) <= 152
        words = re.findall(r"=\?utf-8\?\S+\?=", mail.raw.decode("ascii"))
        assert all(len(word) <= 75 for word in words)
