"""Compose a mail: the words of the templates, the headers of its class, and the bytes that leave."""

from datetime import datetime

from workers.domain.mail.compose import mime
from workers.domain.mail.compose.facts import MailFacts, one_line
from workers.domain.mail.compose.templates import Templates
from workers.domain.mail.links import Links
from workers.domain.types import MailClass


def compose(mail: MailFacts, templates: Templates, links: Links, at: datetime) -> mime.Composed:
    """Compose one mail: the same facts and instant give the same bytes.

    `at` becomes the Date. Raises Never when this mail cannot be written: no such template, no such address, facts
    that do not suffice.
    """
    domain = templates.brand.domain
    subject, text, html = templates.write_quoted(mail, links, at)
    own, parent = _message_ids(mail, domain, threads=templates.threads(mail.template))
    recipient = mime.ascii_domain(mail.recipient)
    language = templates.catalogs.negotiate(mail.language)
    headers = [
        ("Date", mime.date_header(at)),
        ("From", mime.mailbox(templates.brand.name, templates.brand.sender)),
        ("To", mime.mailbox(one_line(mail.name, 60), recipient)),
        ("Reply-To", mime.mailbox(templates.brand.name, templates.brand.reply_to)),
        ("Subject", mime.subject_header(mime.refuse_unsafe("Subject", subject))),
        ("Message-ID", own),
        *parent,
        *_class_headers(mail, templates.mail_class(mail.template), links),
        ("Content-Language", language),
        ("X-Boucle-Dispatch", mail.dispatch_id),
    ]
    raw = mime.assemble(headers, text, html, boundary=f"=_{mail.dispatch_id}")
    return mime.Composed(own, raw, subject, links.return_path(mail.dispatch_id, domain), recipient, language)


def _message_ids(mail: MailFacts, domain: str, *, threads: bool) -> tuple[str, list[tuple[str, str]]]:
    """Return the mail's own Message-ID and the headers that put it under its survey."""
    survey = mime.survey_message_id(mail.request_id, domain) if mail.request_id else ""
    if survey and mail.template.startswith("ask-"):
        return survey, []
    own = mime.message_id(mail.dispatch_id, domain)
    return own, [("In-Reply-To", survey), ("References", survey)] if survey and threads else []


def _class_headers(mail: MailFacts, mail_class: MailClass, links: Links) -> list[tuple[str, str]]:
    """Return what marks a mail as written by a machine (RFC 3834) and, but for service, how to stop it (RFC 8058)."""
    marks = [("Auto-Submitted", "auto-generated")]
    if mail_class is MailClass.SERVICE:
        return marks
    return [
        *marks,
        ("List-Unsubscribe", f"<{links.unsubscribe_url(mail.dispatch_id)}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]
