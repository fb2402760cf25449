"""Dialogues by SMS: one for each question that was asked so, and what came back."""

from datetime import datetime
from typing import ClassVar

from workers.domain.records.row import Row
from workers.domain.types import CustomerId, DialogueState, ReplyUse, TextState


class SmsDialogue(Row, frozen=True):
    """The dialogue about one survey request; its id is the request's. `number` is a keyed hash, empty once erased.

    `said` keeps words that came before a score, until they become its comment; `said_at` is when the last message of
    ours was written.
    """

    TABLE: ClassVar[str] = "sms_dialogue"
    id: str
    customer: CustomerId
    number: str
    state: DialogueState
    said: str
    helped: bool
    asked_at: datetime
    said_at: datetime
    changed_at: datetime


class SmsMessage(Row, frozen=True):
    """One message of ours in a dialogue: it leaves at most once, because a second copy is paid for and annoys.

    `message` is what it says (domain/sms/dialogue.py); `text` as it was written, empty until it leaves; `parts` what is
    paid for; `provider_id` the carrier's own name for it.
    """

    TABLE: ClassVar[str] = "sms_message"
    id: str
    customer: CustomerId
    dialogue: str
    message: str
    language: str
    state: TextState
    not_before: datetime
    created_at: datetime
    changed_at: datetime
    text: str = ""
    parts: int = 0
    provider: str = ""
    provider_id: str = ""
    reason: str = ""
    detail: str = ""


class SmsReply(Row, frozen=True):
    """One reply as it came; its id follows from the provider's own, so that a message told twice is one."""

    TABLE: ClassVar[str] = "sms_reply"
    id: str
    customer: CustomerId
    dialogue: str
    at: datetime
    text: str
    use: ReplyUse
    by: str = ""
    """Who read what was handed over."""
