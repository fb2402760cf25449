"""Reading a returned mail: which of its parts says that it failed, and what the machine that wrote it says of itself.

A failure report is looked for before an automatic reply: Exim, Google and mail.ru mark their reports as such replies.
Standard reports come first (RFC 3464, RFC 6533), then what servers without one write for people. Nothing of the mail
that is returned is read, apart from the return path that a complaint is about.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import Message

from workers.domain.mail.bounce_parser.bounded_parts import (
    PARTS_AT_MOST,
    Unreadable,
    addresses_in,
    enclosed,
    fields_of,
    header,
    headers,
    parse,
    parts_of,
    status_blocks,
    text_of,
    with_addresses_as,
)
from workers.domain.mail.bounce_parser.kinds import Bounce, BounceKind
from workers.domain.mail.bounce_parser.meaning import has_answer, in_words, meaning_of, named, status_in
from workers.text.plain_text import for_reader

SENT_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
"""Headers that may hold the address a report was sent to: our return path."""
_SHOWN = 200  # characters of a diagnosis that are kept
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"})
_STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_DAEMON = re.compile(
    r"mailer-?daemon|post-?master|mail ?delivery|delivery (?:sub)?system|system administrator|mail ?system|"
    r"mail ?administrator|microsoftexchange|double-bounce|\bmdaemon\b|mail ?server|mail ?router|\bmta\b|bounce",
    re.IGNORECASE,
)
"""Who signs a failure report."""
_RETURNED = re.compile(
    r"undeliver|unable to deliver|(?:deliver\w*|mail|message)[^.]{0,30} (?:fail|problem|error|status|not delivered)|"
    r"fail\w* (?:notice|delivery|to deliver|mail|message)|return(?:ed|ing)[^.]{0,20} (?:(?:e-?)?mail|message|"
    r"to sender)|"
    r"non[ -]?deliver|not deliver|not be delivered|bounced|nondeliverable|"
    r"non remis|non distribu|[ée]chec|unzustellbar|nicht zugestellt|zustellung|no se ha|devuelto|no entregad|"
    r"mancata consegna|n[aã]o entreg|onbestelbaar|niet bezorg|недоставлен|не доставлен|エラー|配信|退信|配達",
    re.IGNORECASE,
)
"""Subjects of failure reports."""
_STILL_TRIED = re.compile(
    r"this is (?:a|only a) warning|you do not need to resend|no action is required on your part|"
    r"will (?:continue to try|keep trying|be retried|try again)|still (?:being )?(?:trying|retried)|"
    r"has not yet been delivered|delivery (?:is|has been) (?:temporarily )?(?:delayed|suspended|deferred)|"
    r"\bdelay(?:ed)?\b|delivery warning|^warning:",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"out of (?:the )?office|auto(?:matic)?[ -]?(?:reply|response|matische antwort)|autoreply|vacation|abwesen|"
    r"r[ée]ponse automatique|absence du bureau|respuesta autom|risposta autom|resposta autom|afwezig",
    re.IGNORECASE,
)
_OUR_FIELD = re.compile(
    r"^[ \t>]*(?:subject|from|to|cc|date|sent|message-id)[ \t]*:[^\n]*$", re.IGNORECASE | re.MULTILINE
)
"""Lines in which a report repeats whom our mail was to and what it was about."""
NOTICES_AT_MOST = 3
_COPY = re.compile(
    r"^(?:[^\S\n]|[>*+=_-])*+"  # of its own line alone: over empty ones it would be looked for from each of them
    r"(?:below this line|this is a copy|included is a copy|forwarded message|received: |return-path: |"
    r"(?:the )?(?:original|returned|unsent|undelivered|failed) (?:message|mail|text)(?! (?:was|you|to))|"
    r"message headers?\b|"
    r"(?:the )?(?:header|body|text|first|beginning)[^\n]{0,30} (?:of|from) (?:the|your|original)|copy of)",
    re.IGNORECASE | re.MULTILINE,
)
"""Where a report ends and the mail that it returns begins."""


def read_bounce(raw: bytes) -> Bounce:
    """Return what a returned mail says. Never raises: what cannot be read is NONE, and `unreadable` says why."""
    try:
        message = parse(raw)
        return storable(bounce_of(message, tuple(return_paths(message, SENT_TO))))
    except Unreadable as error:
        return Bounce(BounceKind.NONE, unreadable=str(error))
    except Exception as error:  # a mail is hostile input: what breaks on it is that mail's own end
        return Bounce(BounceKind.NONE, unreadable=f"reading it ended with {type(error).__name__}")


def storable(bounce: Bounce) -> Bounce:
    """Return what a mail says in characters that every database, terminal and page can hold."""
    return replace(bounce, detail=for_reader(bounce.detail), recipient=for_reader(bounce.recipient))


def bounce_of(message: Message, paths: tuple[str, ...]) -> Bounce:
    """Return what a mail says: a complaint, a failure or a delay, else an automatic reply or nothing."""
    parts = list(parts_of(message))
    if complaint := complaint_of(message, parts):
        return Bounce(BounceKind.COMPLAINT, detail=complaint[0], paths=(*complaint[1], *paths))
    if report_type(message) == "disposition-notification":
        return refused_by_rule(message, parts, paths)
    bounce = standard_report(parts, paths) or standard_report(forwarded_report(parts), paths)
    if bounce is None and is_report(message, parts):
        bounce = plain_report(message, parts, paths)
    return bounce or Bounce(BounceKind.AUTO_REPLY if is_automatic(message) else BounceKind.NONE, paths=paths)


def return_paths(message: Message, names: Sequence[str]) -> Iterator[str]:
    """Give the addresses in headers of these names, in their order: any of them may be our return path."""
    for name in names:
        for line in headers(message, name):
            yield from addresses_in(line)


def report_type(message: Message) -> str:
    """Return what a multipart/report reports (RFC 6522), or nothing."""
    if message.get_content_type() != "multipart/report":
        return ""
    return str(message.get_param("report-type", "")).strip().lower()


def complaint_of(message: Message, parts: Sequence[Message]) -> tuple[str, tuple[str, ...]] | None:
    """Return the feedback type of a complaint (RFC 5965) and the return paths that it names, or None."""
    if report_type(message) != "feedback-report":
        return None
    kind = "abuse"
    paths: list[str] = []
    for part in parts:
        fields = fields_of(part)
        if part.get_content_type() == "message/feedback-report":
            kind = (header(fields, "Feedback-Type") or kind).lower()
            paths += return_paths(fields, ("Original-Mail-From",))
        elif part is not message:
            paths += return_paths(fields, ("Return-Path",))
    return (kind, tuple(paths)) if kind in _COMPLAINTS else None


def standard_report(parts: Sequence[Message], paths: tuple[str, ...]) -> Bounce | None:
    """Return what a delivery status says of the first recipient who failed, or was delayed; None without one."""
    blocks = [block for part in parts if part.get_content_type() in _STATUS_PARTS for block in status_blocks(part)]
    recipients = [block for block in blocks if any(name in block for name in ("Action", "Status", "Final-Recipient"))]
    if not recipients:
        return None
    failed = next((block for block in recipients if has_failed(block)), None)
    if failed is None:
        delayed = any(header(block, "Action").lower().startswith("delay") for block in recipients)
        return Bounce(BounceKind.NONE, status_in(header(recipients[0], "Status")), paths=paths, delayed=delayed)
    diagnosis = " ".join(headers(failed, "Diagnostic-Code"))
    said = notice_of(parts)
    kind, status = meaning_of(diagnosis, header(failed, "Status"), said)
    shown = with_addresses_as("recipient", diagnosis or said)[:_SHOWN]
    return Bounce(kind, status, shown, recipient_of(failed), paths)


def forwarded_report(parts: Sequence[Message]) -> list[Message]:
    """Return the parts of a report that a filter on the way wrapped into a mail of its own."""
    inner = [report for part in parts if part.get_content_type() == "message/rfc822" for report in enclosed(part)]
    return [part for report in inner if report_type(report) == "delivery-status" for part in parts_of(report)][
        :PARTS_AT_MOST
    ]


def has_failed(block: Message) -> bool:
    """Tell whether a block of a delivery status is about a recipient who did not get the mail."""
    action = header(block, "Action").lower()
    if action:
        return action.startswith(("fail", "error", "bounce", "undeliver"))
    return header(block, "Status").lstrip()[:1] in ("4", "5") or "Diagnostic-Code" in block


def recipient_of(block: Message) -> str:
    """Return the address that a block is about: as it failed, else as it was written."""
    for name in ("Final-Recipient", "Original-Recipient"):
        for line in headers(block, name):
            if addresses := addresses_in(line.partition(";")[2] or line):
                return addresses[0]
    return ""


def is_report(message: Message, parts: Sequence[Message]) -> bool:
    """Tell whether a mail without a delivery status is a machine's report of a failure all the same.

    What a person may have written counts only with a server's answer in it: customers write of failed deliveries too.
    """
    if is_machines(message) or _DAEMON.search(header(message, "From") or header(message, "Sender")):
        return True
    if is_automatic(message) or not _RETURNED.search(header(message, "Subject")):
        return False
    unsigned = header(message, "Return-Path") == "<>"
    return unsigned or ("In-Reply-To" not in message and has_answer(notice_of(parts)))


def is_machines(message: Message) -> bool:
    """Tell whether nothing but a mail server writes mails like this one."""
    signed = "mailer-daemon" in header(message, "From").lower()
    return signed or "X-Failed-Recipients" in message or report_type(message) == "delivery-status"


def plain_report(message: Message, parts: Sequence[Message], paths: tuple[str, ...]) -> Bounce | None:
    """Return what a report written for people says; None for one that names no failure at all."""
    subject, said = header(message, "Subject"), notice_of(parts)
    causes = named(in_words(said))
    if _STILL_TRIED.search(subject) or (_STILL_TRIED.search(said) and not causes):
        return Bounce(BounceKind.NONE, paths=paths, delayed=True)
    failed = is_machines(message) or _RETURNED.search(subject) or _RETURNED.search(said[:1_000])
    if not failed and not causes and not has_answer(said):
        return None
    kind, status = meaning_of(said)
    theirs = [*return_paths(message, ("X-Failed-Recipients",)), *addresses_in(said)]
    recipient = next((address for address in theirs if address not in paths), "")
    return Bounce(kind, status, with_addresses_as("recipient", said)[:_SHOWN], recipient, paths)


def refused_by_rule(message: Message, parts: Sequence[Message], paths: tuple[str, ...]) -> Bounce:
    """Return what a disposition notification (RFC 8098) says: a receipt, or that a filter refused."""
    if "rejected" not in header(message, "Auto-Submitted").lower():
        return Bounce(BounceKind.NONE, paths=paths)
    said = notice_of(parts)
    full = BounceKind.SOFT in named(in_words(said))
    shown = with_addresses_as("recipient", said)[:_SHOWN]
    return Bounce(BounceKind.SOFT if full else BounceKind.POLICY, "", shown, paths=paths)


def notice_of(parts: Sequence[Message]) -> str:
    """Return the words of a report that are meant for people, without our own: those of the mail that it returns."""
    notices = [text_of(part) for part in parts if part.get_content_maintype() == "text"][:NOTICES_AT_MOST]
    text = "\n".join(_COPY.split(f"\n{notice}", maxsplit=1)[0] for notice in notices)
    return _OUR_FIELD.sub("", text)


def is_automatic(message: Message) -> bool:
    """Tell whether a machine answered for a person (RFC 3834, and the headers before it)."""
    submitted = header(message, "Auto-Submitted").lower()
    precedence = header(message, "Precedence").lower()
    marked = any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress"))
    away = _AWAY.search(header(message, "Subject"))
    return submitted.startswith("auto-replied") or precedence == "auto_reply" or marked or away is not None
