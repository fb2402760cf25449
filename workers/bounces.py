"""Bounces: what a mail that came back says: refused for good, for now, because of us, a complaint, or nothing of it.

RFC 3464 and the formats before it through flufl.bounce, status codes of RFC 3463, complaints of RFC 5965. Whom it is
about is decided by the signed return path alone, never by an address in the report. Nothing here acts on it.
"""

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from flufl.bounce import all_failures

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>;:,()\"']+@[^\s<>;:,()\"']+")
_SENT_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
"""Headers that may hold the address a report was sent to: our return path."""
_SHOWN = 200  # characters of a diagnosis that are kept
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"})


class BounceKind(StrEnum):
    """What follows from a mail that came back."""

    ADDRESS = "address"  # 5.1.x: there is no such address; never again
    LATER = "later"  # 4.x and other 5.x: not now; back off
    OURS = "ours"  # 5.7.x: refused because of us; pause sending
    DELAYED = "delayed"  # the server still tries; nothing to do
    COMPLAINT = "complaint"  # the customer called it spam; suppress and opt out
    AUTO_REPLY = "auto_reply"  # out of office: not an answer, not a bounce
    OTHER = "other"  # a letter of a person, or nothing that can be read


@dataclass(frozen=True, slots=True)
class Bounce:
    """What one returned mail says; `paths` are the addresses that may be a return path of ours."""

    kind: BounceKind
    status: str = ""
    detail: str = ""
    paths: tuple[str, ...] = ()


def read_bounce(raw: bytes) -> Bounce:
    """Return what a returned mail says. Never raises: what cannot be read is OTHER."""
    message = email.message_from_bytes(raw)
    paths = tuple(addresses_of(message, _SENT_TO))
    if complaint := complaint_of(message):
        return Bounce(BounceKind.COMPLAINT, "", complaint[0], (*complaint[1], *paths))
    status = delivery_status(message)
    if status is not None:
        return Bounce(kind_of(*status[:2]), status[1], status[2], paths)
    if is_automatic(message):
        return Bounce(BounceKind.AUTO_REPLY, paths=paths)
    return old_format(message, paths)


def complaint_of(message: Message) -> tuple[str, tuple[str, ...]] | None:
    """Return the feedback type of a complaint (RFC 5965) and the return paths that it names, or None."""
    if message.get_content_type() != "multipart/report" or message.get_param("report-type") != "feedback-report":
        return None
    kind = "abuse"
    paths: list[str] = []
    for part in message.walk():
        if part.get_content_type() == "message/feedback-report":
            fields = fields_of(part)
            kind = str(fields.get("Feedback-Type", kind)).strip().lower()
            paths += addresses_of(fields, ("Original-Mail-From",))
        elif part is not message:
            paths += addresses_of(part, ("Return-Path",))
    return (kind, tuple(paths)) if kind in _COMPLAINTS else None


def fields_of(part: Message) -> Message:
    """Return the fields of a machine-readable part, however its reader nested them."""
    payload = part.get_payload()
    if isinstance(payload, list):
        first = payload[0] if payload else None
        return first if isinstance(first, Message) else Message()
    return email.message_from_string(str(payload))


def delivery_status(message: Message) -> tuple[str, str, str] | None:
    """Return action, status and diagnosis of the first recipient whom a DSN (RFC 3464) is about, or None."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        payload = part.get_payload()
        for block in payload if isinstance(payload, list) else ():
            if not isinstance(block, Message) or "Action" not in block:
                continue
            action = str(block["Action"]).strip().lower()
            diagnosis = without_addresses(str(block.get("Diagnostic-Code", "")))
            found = _STATUS.search(str(block.get("Status", ""))) or _STATUS.search(diagnosis)
            return action, found[0] if found else "", diagnosis
    return None


def kind_of(action: str, status: str) -> BounceKind:
    """Return what follows from the action and the enhanced status code (RFC 3463) of a DSN."""
    if action.startswith("delayed"):
        return BounceKind.DELAYED
    if not action.startswith(("fail", "error")):
        return BounceKind.OTHER  # delivered, relayed, expanded: it did not come back
    if status.startswith("5.1."):
        return BounceKind.ADDRESS
    if status.startswith("5.7."):
        return BounceKind.OURS
    return BounceKind.LATER


def is_automatic(message: Message) -> bool:
    """Tell whether a machine answered for a person (RFC 3834, and the headers before it)."""
    submitted = str(message.get("Auto-Submitted", "no")).strip().lower()
    precedence = str(message.get("Precedence", "")).strip().lower()
    marked = any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress"))
    return submitted.startswith("auto-replied") or precedence == "auto_reply" or marked


def old_format(message: Message, paths: tuple[str, ...]) -> Bounce:
    """Return what a report in one of the formats before RFC 3464 says; without a code nobody is suppressed by it."""
    try:
        later, failed = all_failures(message)
    except Exception:  # whatever a hostile mail breaks in one of its seventeen detectors
        return Bounce(BounceKind.OTHER, paths=paths)
    if failed:
        return Bounce(BounceKind.LATER, "5.0.0", "refused, without a status code", paths)
    return Bounce(BounceKind.DELAYED if later else BounceKind.OTHER, paths=paths)


def addresses_of(message: Message, names: tuple[str, ...]) -> Iterator[str]:
    """Give the addresses in some headers."""
    for name in names:
        for value in message.get_all(name, []):
            yield from _ADDRESS.findall(str(value))


def without_addresses(text: str) -> str:
    """Return a server's words on one line, without the addresses that it repeats."""
    return _ADDRESS.sub("recipient", " ".join(text.split()))[:_SHOWN]
