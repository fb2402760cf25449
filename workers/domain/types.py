"""The words of the field: ids, enumerations, reason codes.

One word per concept, as docs/words.md has it. Nothing here reads a clock, a file or a database.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import NewType

CustomerId = NewType("CustomerId", str)
NOBODY = CustomerId("00000000-0000-0000-0000-000000000000")
"""Whose a row is that is no customer's: a mail to the team, or what a release before wrote without saying whose."""
JourneyId = NewType("JourneyId", str)
RequestId = NewType("RequestId", str)
ResponseId = NewType("ResponseId", str)
ActionId = NewType("ActionId", str)
DispatchId = NewType("DispatchId", str)
TicketId = NewType("TicketId", str)
TestimonialId = NewType("TestimonialId", str)

MAIL, SMS, WEB = "mail", "sms", "web"
"""Channels: a mail that we send, an SMS (by whom BOUCLE_SMS_URL names, else a carrier's), a question on the company's
own pages, asked when the customer is there. Any other name is that of a carrier."""
RECURRENCE = "every turn"
"""The trigger of the journeys of later occurrences, which no event has; their touchpoints have that of their row."""

ACCOUNT = "account"
"""The attribute that names the company for which a customer answers: the one text that needs no list of values."""

BLOCK, INNER_PAD, OUTER_PAD = 64, 0x36, 0x5C
"""Of HMAC over SHA-256 (RFC 2104)."""


class Ids:
    """Derive ids from a secret and a natural key: the same key gives the same id in every mode and on every replay.

    The last instant is kept with its bytes, which changes no id.
    """

    __slots__ = ("_inner", "_last", "_outer")

    def __init__(self, secret: bytes) -> None:
        key = (hashlib.sha256(secret).digest() if len(secret) > BLOCK else secret).ljust(BLOCK, b"\0")
        self._last: tuple[datetime | None, bytes] = (None, b"")
        self._inner = hashlib.sha256(bytes(byte ^ INNER_PAD for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ OUTER_PAD for byte in key))

    def derive(self, at: datetime | None, *key: str) -> str:
        """Return a UUIDv8 (RFC 9562): 48 bits of business milliseconds, then HMAC-SHA-256(secret, natural key).

        Without `at` the 48 bits come from the hash too: for keys such as a customer, whose first instant depends on
        the order in which events arrive.
        """
        digest = self._digest(key)
        if at is None:
            head = digest[10:16]
        else:
            last, head = self._last
            if last is not at:  # of a round of questions all have one instant
                head = int(at.timestamp() * 1000).to_bytes(6, "big")
                self._last = at, head
        text = (head + digest[:10]).hex()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def keyed_hash(self, *key: str) -> str:
        """Return a hash that nobody can compute without the secret, for addresses that must not be readable."""
        return self._digest(("hash", *key)).hex()

    def _digest(self, key: tuple[str, ...]) -> bytes:
        """Return HMAC-SHA-256 of a natural key (RFC 2104); the secret was worked into both hashes once, not for each of
        ten ids."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update("\x1f".join(key).encode())
        outer.update(inner.digest())
        return outer.digest()


class Band(StrEnum):
    """What a score says: promoter 9-10, passive 7-8, detractor 0-6."""

    PROMOTER = "promoter"
    PASSIVE = "passive"
    DETRACTOR = "detractor"


class QuestionKind(StrEnum):
    """What a question measures: recommendation, satisfaction, effort. Each has a scale of its own."""

    NPS = "nps"
    CSAT = "csat"
    CES = "ces"


class TouchpointState(StrEnum):
    """Where one planned moment to ask stands."""

    PLANNED = "planned"
    HELD = "held"
    ASKED = "asked"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class RequestState(StrEnum):
    """Where one question as sent stands."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    UNDELIVERABLE = "undeliverable"


class ResponseState(StrEnum):
    """Where one answer stands: it settles when it has been still for the settling time."""

    SETTLING = "settling"
    DECIDED = "decided"
    CLOSED = "closed"


class DecisionState(StrEnum):
    """Whether a decision is the one that counts."""

    CURRENT = "current"
    SUPERSEDED = "superseded"


class DecisionOutcome(StrEnum):
    """How the follow-up table answered."""

    MATCHED = "matched"
    OTHERWISE = "otherwise"
    PARKED = "parked"


class ActionState(StrEnum):
    """Where one next step stands."""

    PLANNED = "planned"
    HELD = "held"
    DONE = "done"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    FAILED = "failed"


CONTACTS = frozenset({"urgent_contact", "call_back", "reopen_ticket"})
"""The next steps in which somebody of the team speaks with the customer."""


class DispatchState(StrEnum):
    """Where one mail or webhook to hand over stands."""

    READY = "ready"
    LEASED = "leased"
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"
    SUPPRESSED = "suppressed"


class DialogueState(StrEnum):
    """Where a dialogue by SMS stands."""

    ASKED = "asked"
    ASKED_AGAIN = "asked_again"
    ASKED_WHY = "asked_why"
    ANSWERED = "answered"
    HANDED_OVER = "handed_over"
    OPTED_OUT = "opted_out"


class TextState(StrEnum):
    """Where one SMS of ours stands; a carrier's report moves it forward only."""

    READY = "ready"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"  # its sender ended, or the carrier did not answer, while it was leaving
    CANCELLED = "cancelled"


class ReplyUse(StrEnum):
    """What became of one reply by SMS."""

    USED = "used"  # a score, a comment, a question for help: the dialogue went on
    STOP = "stop"
    HANDED_OVER = "handed_over"
    READ = "read"  # handed over, and a person has read it


class TicketState(StrEnum):
    """Where a contact owed to a customer stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    WAITING = "waiting"
    DONE = "done"


class TestimonialState(StrEnum):
    """Where a promoter's own words stand; only `consented` may be published."""

    __test__ = False

    ASKED = "asked"
    WRITTEN = "written"
    CONSENTED = "consented"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class DeadLetterState(StrEnum):
    """What became of an event that could not be accepted."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class MailClass(StrEnum):
    """Why a mail is sent: opt-out, permission and caps differ by class."""

    SURVEY = "survey"
    SERVICE = "service"
    PROMOTION = "promotion"


class Effect(StrEnum):
    """What a contrary event does to planned touchpoints; `end` ends a hold."""

    CANCEL = "cancel"
    HOLD = "hold"
    END = "end"


class Ingress(StrEnum):
    """Where an event came in."""

    KAFKA = "kafka"
    HTTP = "http"
    FILE = "file"
    INSIDE = "inside"


class Reason(StrEnum):
    """Why something was not done, or not yet. `explain` turns each into a sentence."""

    NO_ADDRESS = "no_address"
    NO_NUMBER = "no_number"
    NAMELESS = "nameless"
    NUMBER_IN_USE = "number_in_use"
    NUMBER_NOT_LISTED = "number_not_listed"
    OPTED_OUT = "opted_out"
    SUPPRESSED = "suppressed"
    ERASED = "erased"
    TOO_LATE = "too_late"
    RESTING = "resting"
    YEARLY_MAXIMUM = "yearly_maximum"
    SAME_MAILBOX = "same_mailbox"
    COUNTED_ONCE = "counted_once"
    SEND_WINDOW = "send_window"
    NOT_DUE = "not_due"
    STOPPED = "stopped"
    HOLD = "hold"
    SENDING_HELD = "sending_held"
    PAUSED = "paused"
    DAILY_MAXIMUM = "daily_maximum"
    ANSWERED = "answered"
    REQUEST_CLOSED = "request_closed"
    SUPERSEDED = "superseded"
    ALREADY_DONE = "already_done"
    OPEN_TICKET = "open_ticket"
    LATER_RESPONSE = "later_response"
    ASKED_LAST_YEAR = "asked_last_year"
    CONSENT_REFUSED = "consent_refused"
    NO_PERMISSION = "no_permission"
    FELL_BACK = "fell_back"
    OPERATOR = "operator"
    REFUSED_BY_SERVER = "refused_by_server"
    SERVER_AWAY = "server_away"
    BOUNCED = "bounced"
    NO_SUCH_RULE = "no_such_rule"
    MERGED = "merged"
    CARRIER_FAILED = "carrier_failed"
    JOINED_TICKET = "joined_ticket"
    WAIT = "wait"
    NOT_SAMPLED = "not_sampled"
    NOT_SELECTED = "not_selected"
    QUOTA_FULL = "quota_full"
    AWAITS_VISIT = "awaits_visit"
    ASKED_ON_WEB = "asked_on_web"
    OPEN_QUESTION = "open_question"
    CLOSED_BY_VISITOR = "closed_by_visitor"
    NOT_OFFERED = "not_offered"
    TOKEN_REFUSED = "token_refused"
    NEEDS_CONSENT = "needs_consent"
    NEEDS_NOTICE = "needs_notice"
    SUPPORT_BUSY = "support_busy"
