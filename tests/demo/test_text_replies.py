"""What the demo's customers write by SMS: drawn from the seed, of every kind that real ones write."""

from collections import Counter
from datetime import timedelta

from workers.demo.shop import CARRIER_CHANGED, START, people
from workers.demo.text_replies import reply_to_question
from workers.domain.sms.reply import ReplyKind, read_reply

SEED, CUSTOMERS = 3, 400


def test_customers_reply_in_every_way_that_the_reader_tells_apart() -> None:
    """A year has scores, words, what is unclear, a call for help and a stop, and most who write give a score."""
    said = [reply_to_question(SEED, person, "k", "ask-delivery", START) for person in people(SEED, CUSTOMERS)]
    kinds = Counter(read_reply(text).kind for text in said if text)

    assert set(kinds) == set(ReplyKind) - {ReplyKind.CALL}, kinds  # who wants a call says so beside a score
    assert kinds[ReplyKind.SCORE] > sum(kinds.values()) / 2
    assert said.count("") > CUSTOMERS / 4
    assert said == [reply_to_question(SEED, person, "k", "ask-delivery", START) for person in people(SEED, CUSTOMERS)]


def test_who_got_a_late_parcel_says_so() -> None:
    """The dip in the North is in the replies as well: their scores are lower than everybody else's."""
    north = [person for person in people(SEED, CUSTOMERS) if person.region == "north"]
    late = [
        reply_to_question(SEED, person, "k", "ask-delivery", CARRIER_CHANGED + timedelta(days=30)) for person in north
    ]
    usual = [reply_to_question(SEED, person, "k", "ask-delivery", START) for person in north]

    assert mean_of(late) < mean_of(usual) - 1


def mean_of(replies: list[str]) -> float:
    """Return the mean of the scores in some replies."""
    scores = [reply.score for reply in map(read_reply, replies) if reply.score is not None]
    return sum(scores) / len(scores)
