"""A dialogue by SMS asks little, stops at once, and hands over to a person what it does not understand."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.sms.dialogue import OPEN_FOR, WHY_WITHIN, Act, Message, Standing, step_after
from workers.domain.sms.reply import Reply, ReplyKind, read_reply
from workers.domain.types import DialogueState as S

SOON = Standing(is_answerable=True, since_last=timedelta(minutes=1))


def course(*texts: str, standing: Standing = SOON) -> tuple[S, list[Act | None], list[Message | None]]:
    """Return where a dialogue ends after some replies, with what was done and written at each."""
    state, acts, said = S.ASKED, list[Act | None](), list[Message | None]()
    for text in texts:
        step = step_after(state, read_reply(text), standing)
        state, acts, said = step.state, [*acts, step.act], [*said, step.say]
    return state, acts, said


@pytest.mark.parametrize(
    ("texts", "state", "acts", "said"),
    [
        (["3 trop tard"], S.ANSWERED, [Act.TAKE_SCORE], [Message.THANKS]),
        (["3", "trop tard"], S.ANSWERED, [Act.TAKE_SCORE, Act.ADD_COMMENT], [Message.WHY, Message.THANKS]),
        (["3", "8"], S.ASKED_WHY, [Act.TAKE_SCORE] * 2, [Message.WHY, None]),
        (["bof", "4"], S.ANSWERED, [Act.KEEP_TEXT, Act.TAKE_SCORE], [Message.AGAIN, Message.THANKS]),
        (["bof", "bof"], S.HANDED_OVER, [Act.KEEP_TEXT, Act.HAND_OVER], [Message.AGAIN, None]),
        (["10 min late"], S.HANDED_OVER, [Act.HAND_OVER], [None]),
        (["55"], S.ASKED_AGAIN, [Act.KEEP_TEXT], [Message.AGAIN]),
        (["rappelez-moi"], S.HANDED_OVER, [Act.HAND_OVER], [None]),
        (
            ["9", "STOP", "STOP", "9"],
            S.OPTED_OUT,
            [Act.TAKE_SCORE, Act.OPT_OUT, None, None],
            [Message.WHY, Message.STOPPED, None, None],
        ),
        (["aide", "7 bien"], S.ANSWERED, [None, Act.TAKE_SCORE], [Message.HELP, Message.THANKS]),
        (["7 bien", "merci"], S.HANDED_OVER, [Act.TAKE_SCORE, Act.HAND_OVER], [Message.THANKS, None]),
    ],
)
def test_a_dialogue_goes_its_way(texts: list[str], state: S, acts: list[Act], said: list[Message]) -> None:
    """Score and words end it; a score alone is asked why once; the second miss goes to a person."""
    assert course(*texts) == (state, acts, said)


def test_a_reason_that_comes_days_later_is_for_a_person() -> None:
    """After 72 hours words are no reason for the score any more; a number still corrects it."""
    late = Standing(is_answerable=True, since_last=WHY_WITHIN + timedelta(seconds=1))
    assert step_after(S.ASKED_WHY, read_reply("trop tard"), late).act == Act.HAND_OVER
    assert step_after(S.ASKED_WHY, read_reply("8"), late).act == Act.TAKE_SCORE


def test_a_score_to_a_closed_question_is_for_a_person() -> None:
    """Nobody's late answer is lost: it is read by a person."""
    closed = Standing(is_answerable=False, since_last=OPEN_FOR)
    for state in (S.ASKED, S.ASKED_WHY, S.ANSWERED):
        assert step_after(state, read_reply("3 trop tard"), closed).act == Act.HAND_OVER


@given(
    st.lists(
        st.sampled_from(["3", "3 nul", "bof", "10 min", "aide", "call me", "STOP", "", "9/10", "merci"]), max_size=8
    )
)
def test_nobody_gets_a_third_message_of_a_machine(texts: list[str]) -> None:
    """However somebody writes, at most two messages follow the question, but for the help and the end they ask."""
    _, _, said = course(*texts)
    assert sum(message in (Message.WHY, Message.AGAIN, Message.THANKS) for message in said) <= 2
    assert said.count(Message.STOPPED) <= 1


def test_stop_ends_it_from_every_state() -> None:
    """Whatever was said before, STOP opts out, and nothing is written after its confirmation."""
    for state, kind in product(S, ReplyKind):
        stopped = step_after(state, read_reply("STOP"), SOON)
        assert stopped.state == S.OPTED_OUT
        score = 3 if kind == ReplyKind.SCORE else None
        after = step_after(S.OPTED_OUT, Reply(kind, "x", score), SOON)
        assert (after.state, after.act, after.say) == (S.OPTED_OUT, None, None)
