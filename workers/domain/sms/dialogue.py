"""The dialogue by SMS as a table of states: what a reply does, and the one message that answers it, if any.

One question, one "why", and at the most one more try; the second miss goes to a person, and nobody gets a third
message that a machine wrote. Asking for it to stop ends it from every state, and is confirmed once (47 CFR
64.1200(a)(12) allows that one message).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from workers.domain.sms.reply import Reply, ReplyKind
from workers.domain.types import DialogueState

WHY_WITHIN = timedelta(hours=72)
"""How long what comes without a number is the reason for the score; later it is for a person."""
OPEN_FOR = timedelta(days=7)
"""How long after its question a reply is one to it; until then a number's next question waits."""


class Message(StrEnum):
    """What is written to a customer: the templates of the catalog, after `sms.`."""

    QUESTION = "question"
    LINK = "link"
    WHY = "why"
    AGAIN = "again"
    THANKS = "thanks"
    STOPPED = "stopped"
    HELP = "help"


class Act(StrEnum):
    """What follows besides a message."""

    TAKE_SCORE = "take_score"
    ADD_COMMENT = "add_comment"
    KEEP_TEXT = "keep_text"
    HAND_OVER = "hand_over"
    OPT_OUT = "opt_out"


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the table: the next state, what is done, and what is written."""

    state: DialogueState
    act: Act | None = None
    say: Message | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the table looks at of a dialogue besides its state: is the answer still taken, how old the last question is,
    whether help was given before, and whether a link was sent in place of the question, as others have the number."""

    is_answerable: bool
    since_last: timedelta
    was_helped: bool = False
    is_by_link: bool = False


S, K = DialogueState, ReplyKind
TO_A_PERSON = Step(S.HANDED_OVER, Act.HAND_OVER)
SCORED = {
    S.ASKED: Step(S.ASKED_WHY, Act.TAKE_SCORE, Message.WHY),
    S.ASKED_AGAIN: Step(S.ANSWERED, Act.TAKE_SCORE, Message.THANKS),
    S.ASKED_WHY: Step(S.ASKED_WHY, Act.TAKE_SCORE),
    S.ANSWERED: Step(S.ANSWERED, Act.TAKE_SCORE),
    S.HANDED_OVER: Step(S.HANDED_OVER, Act.TAKE_SCORE),
}
"""A score counts in every state in which the answer is still taken."""
SCORED_WITH_WORDS = {
    **SCORED,
    S.ASKED: Step(S.ANSWERED, Act.TAKE_SCORE, Message.THANKS),
    S.ASKED_WHY: Step(S.ANSWERED, Act.TAKE_SCORE),
}
TOLD: Mapping[DialogueState, Step] = {
    S.ASKED: Step(S.ASKED_AGAIN, Act.KEEP_TEXT, Message.AGAIN),
    S.ASKED_WHY: Step(S.ANSWERED, Act.ADD_COMMENT, Message.THANKS),
}
"""Words without a score: asked again once, or the reason for the score that was given; else a person reads them."""


def step_after(state: DialogueState, reply: Reply, standing: Standing) -> Step:
    """Return what a reply does in a state; total."""
    if state == S.OPTED_OUT:
        return Step(S.OPTED_OUT)
    if reply.kind == K.STOP:
        return Step(S.OPTED_OUT, Act.OPT_OUT, Message.STOPPED)
    if reply.kind == K.HELP:
        return Step(state, None, None if standing.was_helped else Message.HELP)
    if standing.is_by_link:
        return TO_A_PERSON  # nobody can tell whose words they are
    if reply.kind == K.SCORE:
        table = SCORED_WITH_WORDS if reply.comment else SCORED
        return table.get(state, TO_A_PERSON) if standing.is_answerable else TO_A_PERSON
    if reply.kind == K.CALL and state != S.ASKED_WHY:
        return TO_A_PERSON
    if state == S.ASKED_WHY and not (standing.is_answerable and standing.since_last <= WHY_WITHIN):
        return TO_A_PERSON
    if reply.kind == K.UNSURE and state == S.ASKED and reply.comment.count(" "):
        return TO_A_PERSON  # "10 min late": a person reads what nobody may guess
    return TOLD.get(state, TO_A_PERSON)
