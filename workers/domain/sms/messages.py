"""Messages of a dialogue: when one is due, and its words as a telephone gets them."""

from datetime import datetime

from workers.domain.records import SmsDialogue, SmsMessage
from workers.domain.sms.dialogue import Message
from workers.domain.sms.encoding import simplified
from workers.domain.types import Ids, TextState

CATALOG = "sms."
"""Begins the ids of the texts in the catalogs."""


def message_of(ids: Ids, dialogue: SmsDialogue, message: Message, language: str, at: datetime) -> SmsMessage:
    """Return one message of a dialogue, ready to leave; its id follows from both, so that it is written once."""
    return SmsMessage(
        id=ids.derive(dialogue.asked_at, "sms", dialogue.id, message),
        customer=dialogue.customer,
        dialogue=dialogue.id,
        message=message,
        language=language,
        state=TextState.READY,
        not_before=at,
        created_at=at,
        changed_at=at,
    )


def as_sms(text: str) -> str:
    """Return a text of the catalog as it is sent: on one line, without the typesetting that would double its price."""
    return simplified(" ".join(text.split()))
