"""What a mail server's answers mean for a mail, step by step: each end is a value, also one that nobody foresaw."""

import logging
import re
import ssl
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

import aiosmtplib
import idna

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.mail.bounce_parser import BounceKind, meaning_of
from workers.text.plain_text import for_reader, for_store

log = logging.getLogger(__name__)
T = TypeVar("T")
_NOT_ALLOWED = frozenset({530, 534, 535, 538})  # authentication replies (RFC 4954)
_TOO_LARGE = 552
_OUT_OF_STEP = frozenset({502, 503, 504})
"""Commands that a server does not expect here (RFC 5321, 4.2.2): nothing is said of the mail, as 500 may: too long."""
_CLOSING = 421
_SHOWN = 300  # signs of a server's reply that are kept as the reason
_NO_PORT = " on port None"  # the library's words for a connection that we opened


class Ended(Exception):
    """A step of the dialogue ended the handing over."""

    def __init__(self, result: SendResult, *, reusable: bool = False) -> None:
        super().__init__(result.text)
        self.result = result
        self.reusable = reusable

    @property
    def is_out_of_step(self) -> bool:
        """Tell whether the server lost its place in the conversation: nothing is said of the mail."""
        return self.result.kind is SendKind.LATER and self.result.code in _OUT_OF_STEP


async def step(
    doing: Awaitable[T], *, about_us: bool = False, names_a_size: bool = False, content_left: bool = False
) -> T:
    """Await one command; raise `Ended` with what its failure means at this step, also one that nobody foresaw.

    What comes before a mail is named is about us, whatever its number; from MAIL on (`names_a_size`) 552 is the mail's.
    """
    try:
        return await doing
    except aiosmtplib.SMTPResponseException as error:
        if not 400 <= error.code < 600:
            text = f"{error.code} {error.message}"
            raise Ended(cut(text, content_left=content_left, everyone=about_us)) from error
        of_mail = names_a_size and error.code == _TOO_LARGE
        result = refused(error.code, error.message, about_us=about_us and not of_mail)
        raise Ended(result, reusable=goes_on(error.code)) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        if about_us and _not_agreed(error):
            text = f"the mail server and BOUCLE_SMTP_URL do not agree: {error.__cause__ or error}"
            raise Ended(SendResult(SendKind.OURS, 0, text, everyone=True)) from error
        said = str(error).replace(_NO_PORT, "") or type(error).__name__
        raise Ended(cut(said, content_left=content_left, everyone=about_us)) from error
    except ValueError as error:  # UnicodeError as well: the library refuses to write such a line
        if content_left:
            raise Ended(cut(_unforeseen(error), content_left=True)) from error
        text = "the address cannot be written in SMTP: it has signs that no line may have"
        raise Ended(SendResult(SendKind.NEVER, 553, text)) from error
    except Exception as error:
        raise Ended(cut(_unforeseen(error), content_left=content_left)) from error


def _unforeseen(error: Exception) -> str:
    """Tell the log of what nobody foresaw, and return its name."""
    log.error("handing a mail over failed in a new way", exc_info=error, extra={"action": "smtp.failed"})
    return type(error).__name__


def _not_agreed(error: Exception) -> bool:
    """Say whether TLS or login failed because of settings, not because the server is away."""
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return True
    return isinstance(error, aiosmtplib.SMTPException) and not isinstance(error, ConnectionError | TimeoutError)


def without_address(recipient: str, result: SendResult) -> SendResult:
    """Return a result that can be kept: servers repeat the address in their replies, and send what is not UTF-8."""
    text = " ".join(for_reader(for_store(result.text)).split())
    if "@" not in text:
        return replace(result, text=text[:_SHOWN])
    for address in {recipient, ascii_domain(recipient)} - {""}:
        text = re.sub(re.escape(address), "recipient", text, flags=re.IGNORECASE)
    return replace(result, text=text[:_SHOWN])


def cut(text: str, *, content_left: bool, everyone: bool = False) -> SendResult:
    if content_left:
        return SendResult(SendKind.UNKNOWN, 0, f"cut after the content had left: {text}")
    if everyone:
        return SendResult(SendKind.LATER, 0, f"the mail server is away: {text}", everyone=True)
    return SendResult(SendKind.LATER, 0, f"the connection broke: {text}")


def refused(code: int, text: str, *, about_us: bool) -> SendResult:
    """Return what a refusal means: 4xx later, 5xx never or ours; whatever comes before a recipient is ours, for all.

    A conversation that is out of step is begun again on another connection: the mail was not looked at.
    """
    if code < 500:
        return SendResult(SendKind.LATER, code, text, everyone=about_us)
    if code in _NOT_ALLOWED or about_us:
        return SendResult(SendKind.OURS, code, text, everyone=True)
    kind, status = meaning_of(f"{code} {text}")
    if code in _OUT_OF_STEP and kind != BounceKind.OURS and not status.startswith("5.1."):
        return SendResult(SendKind.LATER, code, text)
    return SendResult(SendKind.OURS if kind == BounceKind.OURS else SendKind.NEVER, code, text)


def goes_on(code: int) -> bool:
    """Say whether the connection may be used for the next mail after a refusal."""
    return 400 <= code < 600 and code != _CLOSING and code not in _OUT_OF_STEP


def ascii_domain(address: str) -> str:
    """Return the address with its domain as DNS has it; what is no domain stays, and the server refuses it."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return address
