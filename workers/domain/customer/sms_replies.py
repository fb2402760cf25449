"""Replies by SMS: what one changes in its customer's case, and the message that answers it.

An answer by SMS is an answer like any other: it settles, may change until its question closes, and is routed by the
same table. Idempotent: a reply that was told before changes nothing.
"""

from workers.domain.customer.profile import opt_out
from workers.domain.customer_case import CustomerCase
from workers.domain.records import SmsDialogue, SmsReply, Suppression, SurveyRequest
from workers.domain.reporting.scales import scale_of
from workers.domain.sms.carried import InboundText
from workers.domain.sms.dialogue import Act, Standing, Step, step_after
from workers.domain.sms.messages import message_of
from workers.domain.sms.reply import Reply, read_reply
from workers.domain.survey.response import ANSWERABLE, Answer, answer_request, response_to
from workers.domain.types import SMS, DialogueState, ReplyUse
from workers.structs import replace

LONGEST_COMMENT = 5_000


def take_reply(
    case: CustomerCase, dialogue: SmsDialogue, inbound: InboundText, *, is_by_link: bool = False
) -> SmsReply:
    """Take a reply into the dialogue that it belongs to, and return it as it is kept.

    `is_by_link`: a link was sent in place of the question, because several customers have the number.
    """
    request = case.get(SurveyRequest, dialogue.id)
    reply = read_reply(inbound.text, scale_of(request.question if request is not None else None))
    is_answerable = request is not None and request.state in ANSWERABLE and request.closes_at > case.now
    standing = Standing(is_answerable, case.now - dialogue.said_at, dialogue.helped, is_by_link)
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
    if step.act in (Act.TAKE_SCORE, Act.ADD_COMMENT) and request is not None:
        answer_by_sms(case, request, reply, said, inbound.number)
        said = ""
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


def answer_by_sms(case: CustomerCase, request: SurveyRequest, reply: Reply, said: str, number: str) -> None:
    """Take the score of a reply with what was `said` before it, or its words as more of the answer that there is.

    Who wants to be called is called on the number that they wrote from.
    """
    earlier = response_to(case, request.id)
    score, comment = (earlier.score, earlier.comment) if earlier is not None else (None, "")
    if reply.score is None:
        words = in_one_line(comment, reply.comment)
    else:
        score, words = reply.score, in_one_line(said, reply.comment) or comment
    if score is None:
        return
    wants_contact = reply.wants_contact or (earlier is not None and earlier.wants_contact)
    phone = number if wants_contact else ""
    answer_request(case, request, Answer(score, words[:LONGEST_COMMENT], wants_contact, case.now, phone, channel=SMS))


def in_one_line(*parts: str) -> str:
    """Return those texts that say something, one after the other."""
    return " ".join(filter(None, parts))


def use_of(before: DialogueState, step: Step) -> ReplyUse:
    """Return what became of a reply."""
    if step.act == Act.OPT_OUT or before == DialogueState.OPTED_OUT:
        return ReplyUse.STOP
    return ReplyUse.HANDED_OVER if step.act == Act.HAND_OVER else ReplyUse.USED
