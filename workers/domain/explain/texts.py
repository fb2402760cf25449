"""What explain says of a dialogue by SMS: each message of ours and each reply, in the order of time."""

from workers.domain.explain.view import Entry, View, iso
from workers.domain.explain.words import sentence
from workers.domain.records import SmsDialogue, SmsMessage, SmsReply


def dialogue_entry(dialogue: SmsDialogue, view: View) -> Entry:
    """Return where a dialogue stands; `id` is its question's."""
    return {
        "id": dialogue.id,
        "at": iso(dialogue.changed_at),
        "state": dialogue.state.value,
        "reason": sentence(view.words.lead(dialogue.state)),
    }


def text_entry(message: SmsMessage, view: View) -> Entry:
    """Return one SMS of ours; `at` is when it was written, or when it may leave."""
    lead, text = view.words.lead(message.state), view.private(message.text)
    if message.reason:
        reason = view.words.why(lead, view.words.clause(message.reason, {"detail": message.detail}, over=True))
    else:
        reason = view.words.say("sms.said", lead=lead, text=text) if text else sentence(lead)
    return {
        "id": message.id,
        "at": iso(message.changed_at if message.text else message.not_before),
        "state": message.state.value,
        "reason": reason,
        "code": message.reason,
        "direction": "out",
        "message": message.message,
        "text": text,
        "parts": message.parts,
        "request": message.dialogue,
    }


def reply_entry(reply: SmsReply, view: View) -> Entry:
    """Return one reply, and what became of it."""
    return {
        "id": reply.id,
        "at": iso(reply.at),
        "state": reply.use.value,
        "reason": view.words.say(f"sms.reply.{reply.use.value}", text=view.private(reply.text)),
        "direction": "in",
        "text": view.private(reply.text),
        "by": reply.by,
        "request": reply.dialogue,
    }
