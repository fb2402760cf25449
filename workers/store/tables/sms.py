"""Dialogues by SMS and the replies to them."""

import sqlalchemy as sa

from workers.domain import records
from workers.store.tables.columns import table, where

sms_dialogue = table(
    records.SmsDialogue,
    sa.Index("sms_dialogue_number", "number", "asked_at", **where("number <> ''")),
    sa.Index("sms_dialogue_customer", "customer"),
)
sms_message = table(
    records.SmsMessage,
    sa.Index("sms_message_customer", "customer"),
    sa.Index("sms_message_ready", "not_before", **where("state IN ('ready', 'sending')")),
    sa.Index("sms_message_provider", "provider_id", **where("provider_id <> ''")),
)
sms_reply = table(
    records.SmsReply,
    sa.Index("sms_reply_customer", "customer"),
    sa.Index("sms_reply_handed_over", "at", **where("use = 'handed_over'")),
)
