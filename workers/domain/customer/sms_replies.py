"""Replies by SMS: what one changes in its customer's case, and the message that answers it.

An answer by SMS is an answer like any other: it settles, may change until its question closes, and is routed by the
same table. Idempotent: a reply that was told before changes nothing.
"""

from dataclasses import replace

from workers.domain.customer.profile import opt_out
from workers.domain.customer_case import CustomerCase
from workers.domain.records import SmsDialogue, SmsReply, Suppression, SurveyRequest
from workers.domain.sms.carried import InboundText
from workers.domain.sms.dialogue import Act, Standing, Step, step_after
from workers.domain.sms.messages import message_of
from workers.domain.sms.reply import Reply, read_reply
from workers.domain.survey.response import ANSWERABLE, Answer, answer_request, response_to
from workers.domain.types import SMS, DialogueState, ReplyUse

LONGEST_COMMENT = 5_000


def take_reply(case: CustomerCase, dialogue: SmsDialogue, inbound: InboundText) -> SmsReply:
    """Take a reply into the dialogue that it belongs to, and return it as it is kept."""
    request, reply = case.get(SurveyRequest, dialogue.id), read_reply(inbound.text)
    is_answerable = request is not None and request.state in ANSWERABLE and request.closes_at > case.now
    standing = Standing(is_answerable, case.now - dialogue.said_at, dialogue.helped)
    step = step_after(dialogue.state, reply, standing)
    follow(case, dialogue, inbound, reply, step)
    kept = SmsReply(
        id=case.ids.derive(dialogue.asked_at, "sms_reply", inbound.id),
        customer=dialogue.customer,
        dialogue=dialogue.id,
        at=inbound.at,
        text=inbound.text,
        use=use_of(dialogue.state, step),
    )
    case.add(kept)
    return kept


def follow(case: CustomerCase, dialogue: SmsDialogue, inbound: InboundText, reply: Reply, step: Step) -> None:
    """Do what a step says, write what it says, and keep the dialogue's new state."""
    request, said = case.get(SurveyRequest, dialogue.id), dialogue.said
    if step.act == Act.TAKE_SCORE and request is not None and reply.score is not None:
        earlier = response_to(case, request.id)
        words = " ".join(part for part in (said, reply.comment) if part) or (earlier.comment if earlier else "")
        wants_contact = reply.wants_contact or bool(earlier and earlier.wants_contact)
        answer_request(case, request, answer_of(case, reply.score, words, wants_contact, inbound))
        said = ""
    elif step.act == Act.ADD_COMMENT and request is not None:
        earlier = response_to(case, request.id)
        if earlier is not None:
            words = " ".join(part for part in (earlier.comment, reply.comment) if part)
            wants_contact = earlier.wants_contact or reply.wants_contact
            answer_request(case, request, answer_of(case, earlier.score, words, wants_contact, inbound))
    elif step.act == Act.KEEP_TEXT:
        said = inbound.text
    elif step.act == Act.OPT_OUT:
        opt_out(case, how="customer")
        case.add(Suppression(dialogue.number, "opt_out", case.now, "customer"))
    after = replace(dialogue, state=step.state, said=said[:LONGEST_COMMENT], changed_at=case.now)
    if step.say is not None:
        language = request.language if request is not None else case.policy.language
        case.add(message_of(case.ids, dialogue, step.say, language, case.now))
        after = replace(after, said_at=case.now, helped=dialogue.helped or step.say == "help")
    case.change(after)


def answer_of(case: CustomerCase, score: int, words: str, wants_contact: bool, inbound: InboundText) -> Answer:
    """Return an answer given by SMS; who wants to be called is called on the number that they wrote from."""
    phone = inbound.number if wants_contact else ""
    return Answer(score, words[:LONGEST_COMMENT], wants_contact, case.now, phone, channel=SMS)


def use_of(before: DialogueState, step: Step) -> ReplyUse:
    """Return what became of a reply."""
    if step.act == Act.OPT_OUT or before == DialogueState.OPTED_OUT:
        return ReplyUse.STOP
    return ReplyUse.HANDED_OVER if step.act == Act.HAND_OVER else ReplyUse.USED
