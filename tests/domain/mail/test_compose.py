"""A composed mail: its headers, its two halves, its words, and that it is the same each time."""

import email
import email.policy
import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from workers.adapters.resources import Data
from workers.domain.mail.compose import Brand, Composed, MailFacts, Templates, compose, survey_message_id
from workers.domain.mail.compose.facts import one_line
from workers.domain.mail.compose.samples import SAMPLE_FACTS, sample_mail
from workers.domain.mail.links import Links
from workers.domain.types import MailClass
from workers.errors import Never

LINKS = Links(["secret"], "https://ask.example.org")
AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
TEMPLATES = Templates.load(Data(), Brand.load(Data()))
DISPATCH = "0195f2a0-0000-8000-8000-0000000000d1"
REQUEST = "0195f2a0-0000-8000-8000-0000000000e1"


def mail(template: str = "ask-delivery", language: str | None = "fr", **facts: object) -> MailFacts:
    """Return a mail to Camille about request REQUEST."""
    return MailFacts(
        dispatch_id=DISPATCH,
        template=template,
        recipient="camille@example.com",
        language=language,
        name="Camille Roux",
        request_id=REQUEST,
        response_id="0195f2a0-0000-8000-8000-0000000000f1",
        ticket_number=17,
        facts=facts,
    )


def composed(facts: MailFacts) -> Composed:
    """Compose at AT."""
    return compose(facts, TEMPLATES, LINKS, AT)


def parsed(facts: MailFacts) -> EmailMessage:
    """Compose and parse again, as a mail program would."""
    return email.message_from_bytes(composed(facts).raw, policy=email.policy.default)


def halves(facts: MailFacts) -> tuple[str, str]:
    """Return plain text and HTML."""
    message = parsed(facts)
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert page is not None
    return plain.get_content().replace("\r\n", "\n"), page.get_content().replace("\r\n", "\n")


def test_a_survey_has_the_headers_that_mail_programs_act_on() -> None:
    """Sender, dates, ids, and both lines of one-click unsubscribe (RFC 8058) are there."""
    message = parsed(mail(label="1042"))
    assert message["From"] == "Maison Lueur <bonjour@example.org>"
    assert message["Reply-To"] == "Maison Lueur <contact@example.org>"
    assert message["To"] == "Camille Roux <camille@example.com>"
    assert message["Date"].datetime == AT
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Unsubscribe"] == f"<{LINKS.unsubscribe_url(DISPATCH)}>"
    assert message["Content-Language"] == "fr"
    assert message.get_content_type() == "multipart/alternative"
    assert str(message["Subject"]).replace("\xa0", " ") == "Votre commande 1042 : une seule question"


def test_the_same_mail_is_the_same_bytes() -> None:
    """A resend is byte-identical, with the same Message-ID."""
    assert composed(mail(label="1042")) == composed(mail(label="1042"))


def test_later_mails_stand_under_the_survey() -> None:
    """The thank-you and the question name the survey mail that they answer; a testimonial request starts anew."""
    survey = survey_message_id(REQUEST, "example.org")
    assert composed(mail()).message_id == survey
    for template in ("thanks", "improve-now", "ack", "reminder"):
        message = parsed(mail(template))
        assert (message["In-Reply-To"], message["References"]) == (survey, survey)
        assert message["Message-ID"] == f"<{DISPATCH}@example.org>"
    assert parsed(mail("testimonial"))["In-Reply-To"] is None
    assert parsed(replace(mail("thanks"), request_id=None))["References"] is None


def test_the_return_path_leads_back_to_the_dispatch() -> None:
    """A bounce finds its dispatch by the envelope sender alone."""
    assert LINKS.read_return_path(composed(mail()).return_path) == DISPATCH


def test_html_has_eleven_buttons_and_plain_text_one_link() -> None:
    """Each score is one tap in HTML; plain text asks with a single link."""
    text, page = halves(mail())
    scores = re.findall(r'href="([^"]+)\?score=(\d+)"', page)
    assert [score for _, score in scores] == [str(n) for n in range(11)]
    assert {url for url, _ in scores} == {LINKS.answer_url(REQUEST)}
    assert text.count(LINKS.answer_url(REQUEST)) == 1


PREHEADER = re.compile(r'<div style="display:none[^>]*>(.*?)</div>', re.DOTALL)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("template", sorted(TEMPLATES.languages_by_template()))
def test_the_preheader_says_something_of_its_own(template: str, language: str) -> None:
    """What an inbox shows beside the subject repeats neither the subject nor the first line of the mail."""
    sample = sample_mail(template, language, SAMPLE_FACTS)
    _, page = halves(sample)
    preheader = PREHEADER.search(page)
    assert preheader
    said = html.unescape(preheader.group(1)).strip()
    assert said
    subject = str(parsed(sample)["Subject"])
    assert said not in subject
    assert subject not in said
    lines = [html.unescape(paragraph).strip() for paragraph in re.findall(r"<p[^>]*>([^<]+)", page)]
    assert said not in lines[:2] if template != "ticket" else lines[0]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("template", sorted(TEMPLATES.languages_by_template()))
def test_both_halves_say_the_same(template: str, language: str) -> None:
    """Every sentence of the plain text stands in the HTML too, word for word."""
    text, page = halves(sample_mail(template, language, SAMPLE_FACTS))
    shown = re.sub(r"<style>.*?</style>|<title>.*?</title>|<[^>]+>", " ", page, flags=re.DOTALL)
    words = " ".join(html.unescape(shown).split())
    only_in_text = {one_line(TEMPLATES.catalogs.text(language, "survey.text-link")), "--"}
    for line in text.splitlines():
        sentence = one_line(line).strip('"')
        if sentence and sentence not in only_in_text and not sentence.startswith("https://"):
            for part in sentence.split(": ") if template in ("ticket", "digest") else [sentence]:
                assert part.strip() in words


@pytest.mark.parametrize(
    "name", [None, "", " ", "\x00", "12345", "Win https://evil.example now", "a@b.example", "null", "Mr null"]
)
def test_without_a_first_name_the_greeting_is_plain(name: str | None) -> None:
    """Nobody is greeted by an empty name, a number or a link."""
    text, _ = halves(replace(mail("thanks", "fr"), name=name or ""))
    assert text.startswith("Bonjour,\n")
    assert parsed(replace(mail("thanks", "fr"), name=name or ""))["Subject"] == "Merci"


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Camille Roux", "Bonjour Camille,"),
        ("Mme Roux", "Bonjour Mme Roux,"),
        ("Roux, Camille", "Bonjour Camille,"),
        ("Roux,", "Bonjour Roux,"),
        ("Jean-Luc Le Goff", "Bonjour Jean-Luc,"),
    ],
)
def test_people_are_greeted_by_their_first_name_or_with_their_title(name: str, greeting: str) -> None:
    """A title keeps the whole name."""
    assert halves(replace(mail("thanks", "fr"), name=name))[0].startswith(greeting)


def test_a_given_first_name_comes_before_the_name() -> None:
    """The CRM's own first name wins."""
    assert halves(mail("thanks", first_name="Lou"))[0].startswith("Bonjour Lou,")


def test_a_region_reads_its_language_and_others_the_brands() -> None:
    """fr-CA reads French, en-GB English, and German, which has no catalog, the brand's French."""
    assert composed(mail(language="fr-CA")).language == "fr"
    assert composed(mail(language="en-GB")).language == "en"
    assert composed(mail(language="de")).language == "fr"


def test_an_acknowledgement_promises_a_day_and_an_hour() -> None:
    """The promise is a weekday with its date and the end of the half-day, never a relative word."""
    promise = {"caller": "Claire", "promise_date": "2026-01-05", "promise_half_day": "morning"}
    assert "Claire vous appelle lundi 5 janvier avant 13 h." in halves(mail("ack", **promise))[0].replace("\xa0", " ")
    assert "Claire will call you on Monday 5 January before 1 pm." in halves(mail("ack", "en", **promise))[0]
    writing = halves(mail("ack", "en", contact_by="write"))[0]
    assert "Our team will write to you as soon as possible." in writing


def test_a_far_day_has_its_year_and_a_near_one_has_not() -> None:
    """A day of another year cannot be read as one of this year."""
    assert "le 2 janvier." in halves(mail(date="2026-01-02"))[0]
    assert "le 1er février 2025." in halves(mail(date="2025-02-01"))[0]


def test_a_relationship_survey_names_how_long() -> None:
    """Months are counted from the milestone or the calendar, and whole years are years."""
    assert "depuis 6 mois" in halves(mail("ask-relationship", months=6, date="2025-07-05"))[0]
    assert "depuis 2 ans" in halves(mail("ask-relationship", date="2024-01-05"))[0]
    assert "for 11 months" in halves(mail("ask-relationship", "en", date="2025-01-06"))[0]
    assert "Merci de votre confiance." in halves(mail("ask-relationship", date="2026-01-01"))[0]


def test_a_reminder_says_what_is_missing() -> None:
    """Who clicked is asked to confirm, who did not is asked again, once."""
    assert "confirm your score" in halves(mail("reminder", "en", kind="clicked"))[0]
    assert "still open" in halves(mail("reminder", "en", kind="unclicked"))[0]
    assert parsed(mail("reminder", "en", kind="clicked"))["Subject"] == "One tap finishes it"


def test_the_ticket_mail_has_what_an_agent_needs() -> None:
    """Score, name, phone, comment, due time, play, history and the way into the ticket are on one screen."""
    text, page = halves(sample_mail("ticket", "en", SAMPLE_FACTS))
    for part in ("3/10", "Camille Roux", "+33 1 23 45 67 89", "late", "15:00", "went wrong", "1 June 2025: 9/10"):
        assert part in text
        assert part.replace("'", "&#39;") in page
    assert "https://ask.example.org/tickets/17" in text
    assert 'href="tel:+33123456789"' in page


def test_service_mails_have_no_unsubscribe_and_the_others_have() -> None:
    """What a person owes us a reading of cannot be switched off; questions and requests can, in three places."""
    for template in TEMPLATES.languages_by_template():
        facts = sample_mail(template, "en", SAMPLE_FACTS)
        message, (text, page) = parsed(facts), halves(facts)
        wanted = TEMPLATES.mail_class(template) is not MailClass.SERVICE
        link = LINKS.unsubscribe_url(facts.dispatch_id)
        assert [link in text, link in page, message["List-Unsubscribe"] is not None] == [wanted] * 3


def test_the_classes_of_the_shipped_mails() -> None:
    """Surveys ask, service answers, promotion needs permission."""
    by_class: dict[MailClass, set[str]] = {kind: set() for kind in MailClass}
    for template in TEMPLATES.languages_by_template():
        by_class[TEMPLATES.mail_class(template)].add(template)
    assert by_class[MailClass.PROMOTION] == {"testimonial", "thanks-testimonial"}
    assert {"ack", "ack-again", "done", "thanks-call", "ticket", "thanks"} <= by_class[MailClass.SERVICE]
    assert {"ask-delivery", "reminder", "improve-now"} <= by_class[MailClass.SURVEY]


def test_no_promotion_text_stands_in_a_survey() -> None:
    """A survey mail asks and nothing else."""
    for template, languages in TEMPLATES.languages_by_template().items():
        if TEMPLATES.mail_class(template) is MailClass.SURVEY:
            for language in languages:
                assert "/t/" not in halves(sample_mail(template, language, SAMPLE_FACTS))[1]


def test_customer_data_is_text_in_both_halves() -> None:
    """Markup, template signs and script in facts are shown, not obeyed."""
    hostile = "<script>x</script>{{ brand }}{% raw %}"
    text, page = halves(mail("ask-feature", "en", feature=hostile))
    assert hostile in text
    assert "<script>" not in page
    assert "&lt;script&gt;x&lt;/script&gt;{{ brand }}{% raw %}" in page


def test_an_idn_domain_is_written_as_dns_has_it() -> None:
    """Addresses at Bücher.example work."""
    assert composed(replace(mail(), recipient="anna@bücher.example")).recipient == "anna@xn--bcher-kva.example"


def test_a_local_part_outside_ascii_stays_as_it_is() -> None:
    """Whether such an address can be reached is for the mail server to say."""
    made = composed(replace(mail(), recipient="zoé@example.com"))
    assert made.recipient == "zoé@example.com"
    assert "zoé@example.com".encode() in made.raw


def test_what_cannot_be_written_says_why() -> None:
    """No template, no request for a question, a broken date: each is named."""
    with pytest.raises(Never, match="no mail template 'nothing'"):
        composed(mail("nothing"))
    with pytest.raises(Never, match="survey request"):
        composed(replace(mail(), request_id=None))
    with pytest.raises(Never, match="date"):
        composed(mail(date="yesterday"))


def test_the_readme_names_every_mail_with_its_class() -> None:
    """The operator's page knows every kind of mail."""
    rows = [
        line.split("|") for line in Data().read("templates/README.md").decode().splitlines() if line.startswith("| `")
    ]
    class_by_mail = {name: row[2].strip() for row in rows for name in re.findall(r"`([a-z-]+)`", row[1])}
    assert {name: class_by_mail.get(name) for name in TEMPLATES.languages_by_template()} == {
        name: TEMPLATES.mail_class(name).value for name in TEMPLATES.languages_by_template()
    }


def test_times_for_the_team_are_in_the_brands_zone() -> None:
    """A due time in UTC is read as local time; one without offset is refused."""
    assert "15\xa0h 05" in halves(mail("ticket", due_at="2026-01-05T14:05:00+00:00"))[0].replace("h\xa005", "h 05")
    with pytest.raises(Never, match="due_at has no offset"):
        composed(mail("ticket", due_at="2026-01-05T14:05:00"))
