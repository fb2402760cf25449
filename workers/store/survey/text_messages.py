"""Dialogues by SMS and their messages: which may leave, which belongs to a number or to a carrier's report."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import SmsDialogue, SmsMessage, SmsReply
from workers.domain.sms.dialogue import Message
from workers.domain.types import DialogueState, ReplyUse, TextState
from workers.store import tables
from workers.store.round_trips import fetch

MESSAGE, DIALOGUE, REPLY = tables.sms_message, tables.sms_dialogue, tables.sms_reply
TALKING = (DialogueState.ASKED, DialogueState.ASKED_AGAIN, DialogueState.ASKED_WHY)
"""A number's owner may still say something that belongs to the question."""
IN_HAND = (TextState.READY, TextState.SENDING)
WAITING = tables.one_of(MESSAGE.c.state, IN_HAND)
DUE = sa.and_(WAITING, tables.one_of(MESSAGE.c.state, (TextState.READY,)), MESSAGE.c.not_before <= sa.bindparam("now"))
LEFT = sa.and_(
    WAITING, tables.one_of(MESSAGE.c.state, (TextState.SENDING,)), MESSAGE.c.changed_at < sa.bindparam("since")
)
ANY_IN_HAND = sa.select(MESSAGE.c.id).where(WAITING, sa.or_(DUE, LEFT)).limit(1)


def anything(connection: Connection, now: datetime, since: datetime) -> bool:
    """Tell whether a message is due, or was left behind while it was leaving since before an instant."""
    return bool(fetch(connection, ANY_IN_HAND, {"now": now, "since": since}))


def customers_due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Return customers with a message that is due, who waits longest first; locks nothing."""
    query = sa.select(MESSAGE.c.customer).where(DUE).order_by(MESSAGE.c.not_before, MESSAGE.c.id).limit(limit)
    return list(dict.fromkeys(connection.execute(query, {"now": now}).scalars()))


def messages_due(connection: Connection, customers: Collection[str], now: datetime) -> list[SmsMessage]:
    """Return the messages of locked customers that are due, the oldest first."""
    query = sa.select(MESSAGE).where(DUE, MESSAGE.c.customer.in_(sorted(customers)))
    found = connection.execute(query.order_by(MESSAGE.c.not_before, MESSAGE.c.id), {"now": now})
    return [SmsMessage(*row) for row in found]


def left_behind(connection: Connection, since: datetime) -> list[SmsMessage]:
    """Return messages that were leaving before an instant, and whose sender has not said how it ended."""
    return [SmsMessage(*row) for row in connection.execute(sa.select(MESSAGE).where(LEFT), {"since": since})]


def newest_of_number(connection: Connection, number: str) -> SmsDialogue | None:
    """Return the dialogue that was begun last with a number, by its keyed hash, and whose question has left."""
    asked = sa.exists().where(
        MESSAGE.c.dialogue == DIALOGUE.c.id,
        MESSAGE.c.customer == DIALOGUE.c.customer,
        MESSAGE.c.state.in_((TextState.SENDING, TextState.SENT, TextState.DELIVERED, TextState.UNKNOWN)),
    )
    query = sa.select(DIALOGUE).where(DIALOGUE.c.number == number, DIALOGUE.c.number != "", asked)
    row = connection.execute(query.order_by(DIALOGUE.c.asked_at.desc(), DIALOGUE.c.id).limit(1)).first()
    return SmsDialogue(*row) if row else None


def others_of_number(connection: Connection, dialogue: SmsDialogue) -> list[SmsDialogue]:
    """Return the dialogues of other customers with the same number."""
    query = sa.select(DIALOGUE).where(
        DIALOGUE.c.number == dialogue.number, DIALOGUE.c.number != "", DIALOGUE.c.customer != dialogue.customer
    )
    return [SmsDialogue(*row) for row in connection.execute(query)]


def message_of_report(connection: Connection, provider: str, provider_id: str) -> SmsMessage | None:
    """Return the message that a carrier calls so."""
    query = sa.select(MESSAGE).where(
        MESSAGE.c.provider_id == provider_id, MESSAGE.c.provider_id != "", MESSAGE.c.provider == provider
    )
    row = connection.execute(query).first()
    return SmsMessage(*row) if row else None


def brought_a_link(connection: Connection, dialogue: SmsDialogue) -> bool:
    """Tell whether the question of a dialogue was a link, to be answered on its page alone."""
    query = sa.select(MESSAGE.c.id).where(
        MESSAGE.c.customer == dialogue.customer, MESSAGE.c.dialogue == dialogue.id, MESSAGE.c.message == Message.LINK
    )
    return connection.execute(query).first() is not None


def is_sending(connection: Connection, provider: str) -> bool:
    """Tell whether a message is in the hands of a carrier, and its id is not written down yet."""
    leaving = tables.one_of(MESSAGE.c.state, (TextState.SENDING,))
    query = sa.select(MESSAGE.c.id).where(WAITING, leaving, MESSAGE.c.provider == provider).limit(1)
    return connection.execute(query).first() is not None


def replies_to_read(connection: Connection, limit: int) -> list[SmsReply]:
    """Return replies that were handed over and that nobody has read, the oldest first."""
    waiting = tables.one_of(REPLY.c.use, (ReplyUse.HANDED_OVER,))
    query = sa.select(REPLY).where(waiting).order_by(REPLY.c.at, REPLY.c.id).limit(limit)
    return [SmsReply(*row) for row in connection.execute(query)]
