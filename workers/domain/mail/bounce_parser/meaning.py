"""What a refusal means: its enhanced status code (RFC 3463, 5248, 7293, 7372, 7504), its reply code and its words.

The most exact statement decides. A code in the server's own answer is more exact than the status field beside it, which
many servers fill in with the nearest round number; words that name a cause are more exact than a general code. Where a
code and the words still disagree, the meaning that does the customer the least harm is taken: nobody is written off
because of a full mailbox or of our reputation.
"""

import re

from workers.domain.mail.bounce_parser import phrases
from workers.domain.mail.bounce_parser.bounded_parts import with_addresses_as
from workers.domain.mail.bounce_parser.kinds import BounceKind

HARD, SOFT, OURS, POLICY = BounceKind.HARD, BounceKind.SOFT, BounceKind.OURS, BounceKind.POLICY
CAUTION = (SOFT, OURS, POLICY, HARD)
"""The kinds, the one that does the customer the least harm first."""
NAMED: tuple[tuple[BounceKind, tuple[re.Pattern[str], ...]], ...] = (
    (POLICY, (phrases.RESTRICTED,)),
    (SOFT, (phrases.FULL, phrases.FOR_A_WHILE)),
    (OURS, (phrases.SENDER_REFUSED, phrases.US_REFUSED)),
    (POLICY, (phrases.CHOICE,)),
    (HARD, (phrases.NO_MAILBOX, phrases.NO_HOST)),
)
"""What words name, in the order in which they are believed."""
SEARCHED = 4_000
"""Characters of an answer that are searched."""
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
_REPLY = re.compile(r"(?<![\w.])[45][0-5]\d(?=[\s)\]>:;,-]|$)")
_LINK = re.compile(r"https?://\S+|www\.\S+")
_INNER_DOT = re.compile(r"(?<=\w)\.(?=\w)")
_EXACT: dict[BounceKind, frozenset[str]] = {
    HARD: frozenset({"1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "7.17", "7.18"}),
    SOFT: frozenset({"2.2", "2.3", "3.1", "3.4", "4.3", "4.5", "4.6", "4.7", "5.3"}),
    OURS: frozenset({"1.7", "1.8", "1.9", *(f"7.{number}" for number in (8, 9, *range(20, 31)))}),
    POLICY: frozenset({"2.1", "2.4", "7.2", "7.12", "7.13", "7.15", "7.16"}),
}
"""Subjects and details that name one cause; beside any other, words decide, because servers use those for whatever.

7.17 and 7.18 (RFC 7293): the mailbox or its domain belongs to somebody else by now, who is not our customer.
"""
_RESTRICTED = range(120, 200)
"""Exchange's 5.7.12x and following: who may write to this recipient, group or room."""
_REPLIES = {"521": HARD, "556": HARD, "551": HARD, "552": SOFT, "525": POLICY}
"""Replies that name their cause without an enhanced code (RFC 5321, 7504, 5248)."""


def meaning_of(diagnosis: str, status: str = "", more: str = "") -> tuple[BounceKind, str]:
    """Return what a failure means and the enhanced code that decided.

    `diagnosis` is the server's own answer, `status` the report's status field, `more` what else a person would read:
    looked at only where the answer names no cause. A failure without any cause is SOFT.
    """
    code, words = code_in(diagnosis, status), in_words(diagnosis)
    if not is_exact(code) and not named(words):
        diagnosis, words = f"{diagnosis} {more}", f"{words} {in_words(more)}"
        code = code_in(diagnosis, status)
    if is_temporary(diagnosis, code):
        return SOFT, code
    if code == "5.4.1" and "recipient address rejected" in words:
        return HARD, code  # Exchange Online: the directory has no such recipient
    return kind_of(code, words, _REPLY.findall(diagnosis[:SEARCHED])), code


def kind_of(code: str, words: str, replies: list[str]) -> BounceKind:
    """Return what a code and the words beside it mean: an exact code, then words, then replies, then a general code."""
    causes = named(words)
    if code.startswith("4") and not causes:
        return SOFT
    if is_exact(code):
        by_code = kind_of_code(code)
        return by_code if not causes or by_code in causes else least(by_code, *causes)
    if causes:
        return causes[0]
    by_reply = next((_REPLIES[reply] for reply in replies if reply in _REPLIES), None)
    if by_reply is not None or phrases.FOR_NOW.search(words):
        return by_reply or SOFT
    return OURS if phrases.US_PERHAPS.search(words) else kind_of_code(code)


def named(words: str) -> list[BounceKind]:
    """Return the causes that words name, in the order in which they are believed."""
    return [kind for kind, patterns in NAMED if any(pattern.search(words) for pattern in patterns)]


def code_in(diagnosis: str, status: str) -> str:
    """Return the enhanced code that says most: an exact one before a general, the server's own before the field's."""
    own, codes = codes_of(diagnosis), [*codes_of(diagnosis), *codes_of(status)]
    own_exact = [code for code in own if not code.endswith(".0.0")]
    if own_exact and (own_exact[0].endswith(".7.1") or own_exact[0].startswith("4")):
        return own_exact[0]  # refused by a rule, or for now: the address was never looked up
    telling = [code for code in codes if not code.endswith(".0.0")] or codes
    return next((code for code in telling if is_exact(code)), telling[0] if telling else "")


def codes_of(text: str) -> list[str]:
    """Return the enhanced codes in a text that speak of a failure, as RFC 3463 writes them: without leading noughts."""
    codes = (f"{match[1]}.{int(match[2])}.{int(match[3])}" for match in _ENHANCED.finditer(text[:SEARCHED]))
    return [code for code in codes if not code.startswith("2")]


def status_in(text: str) -> str:
    """Return the enhanced code of a status field, also of one that speaks of success; empty without one."""
    match = _ENHANCED.search(text)
    return match[0] if match else ""


def is_exact(code: str) -> bool:
    """Tell whether a code names its cause; servers use the others for whatever (see `_EXACT`)."""
    detail = code.partition(".")[2]
    return is_restriction(detail) or any(detail in details for details in _EXACT.values())


def is_restriction(detail: str) -> bool:
    """Tell whether a subject and detail are one of Exchange's for who may write to a recipient."""
    subject, _, number = detail.partition(".")
    return subject == "7" and int(number) in _RESTRICTED


def has_answer(text: str) -> bool:
    """Tell whether a text repeats a server's answer: one of its codes stands there."""
    return bool(codes_of(text) or _REPLY.search(text[:SEARCHED]))


def is_temporary(text: str, code: str) -> bool:
    """Tell whether a failure is for now: by the code of the server's answer, else its reply, else the status field."""
    reply = _REPLY.search(text[:SEARCHED])
    if reply is not None and not codes_of(text):
        return reply[0].startswith("4")
    return code.startswith("4")


def kind_of_code(code: str) -> BounceKind:
    """Return what an enhanced code of a failure for good says by itself."""
    detail = code.partition(".")[2]
    if is_restriction(detail):
        return POLICY
    for kind, details in _EXACT.items():
        if detail in details:
            return kind
    if detail.startswith("7."):
        return OURS
    return HARD if detail == "1.0" else SOFT


def least(*kinds: BounceKind) -> BounceKind:
    """Return the kind that does the customer the least harm."""
    return min(kinds, key=CAUTION.index)


def in_words(text: str) -> str:
    """Return a text as phrases are searched in it: its beginning, without addresses, links and codes."""
    flat = " ".join(with_addresses_as("@", _LINK.sub(" ", text[:SEARCHED].replace("\u2019", "'"))).lower().split())
    bare = _REPLY.sub(" ", _ENHANCED.sub(" ", flat)).replace(" - ", " ")
    return " ".join(_INNER_DOT.sub("·", bare).split())
