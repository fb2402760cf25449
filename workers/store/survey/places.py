"""Answers at places: how many came of late, how many of what there are at each, and what they say.

Whoever counts before writing takes their turn first, so that no two see the same last seat: on PostgreSQL by a lock
until their transactions end, first of the place, then of an address; on SQLite writers take turns anyway.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.places.claims import MOST_A_DAY, ONCE_IN, Claim
from workers.domain.records import PlaceAnswer
from workers.domain.reporting.nps import COUNTS_ONLY_BELOW, Counts, band, nps
from workers.domain.reporting.ratings import Rating, rating
from workers.domain.reporting.scales import RATED
from workers.domain.types import Band
from workers.store import tables as t

A, R = t.place_answer.c, t.response.c
MAILED = tuple(claim.value for claim in Claim if claim is not Claim.UNSENT)
"""What is known of an address whose owner was asked."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LOCK_OF_PLACES = 0x706C
"""PostgreSQL's advisory locks of places ("pl"); the second number is the hash of the place's id."""
LOCK_OF_CLAIMS = 0x636C
"""PostgreSQL's advisory locks of addresses that were typed ("cl"); the second number is the hash of the claim's key."""


@dataclass(frozen=True, slots=True)
class Lately:
    """Answers that were taken at one place: in the last minute, of one network in a day, in a day."""

    minute: int
    network: int
    day: int


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """Answers at one place: `counts` by band, `ratings` of what was asked else, `apart` past a limit, by the limit."""

    counts: Counts
    apart: Mapping[str, int]
    ratings: Sequence[Rating] = ()

    @property
    def answers(self) -> int:
        """Return how many answers count, whatever they were asked."""
        return self.counts.n + sum(rating.n for rating in self.ratings)

    @property
    def nps(self) -> int | None:
        """Return the score of the answers, None where there are so few that it would tell of persons."""
        score = nps(self.counts) if self.counts.n >= COUNTS_ONLY_BELOW else None
        return None if score is None else round(score)


NOTHING = PlaceFigures(Counts(), {})


@dataclass(frozen=True, slots=True)
class Words:
    """One answer at a place as staff read it: `held` is the limit that it came past, or empty where it counts."""

    at: datetime
    score: int
    comment: str
    customer: str
    held: str
    ticket: int | None
    question: str | None


def take_turn(connection: Connection, lock: int, key: str) -> None:
    """Wait until nobody else holds a lock of ours, and hold it until the transaction ends. Again is no change."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock, sa.func.hashtext(key))))


def count_lately(connection: Connection, place: str, network: str, now: datetime) -> Lately:
    """Count the answers that were taken at a place of late; what was kept apart takes nobody's turn.

    The place is the caller's until the transaction ends.
    """
    take_turn(connection, LOCK_OF_PLACES, place)
    of_minute, of_network = (
        sa.func.count(sa.case((which, 1))) for which in (A.at > now - MINUTE, A.network == network)
    )
    query = sa.select(of_minute, of_network, sa.func.count()).where(A.place == place, A.at > now - DAY, A.held == "")
    return Lately(*map(int, connection.execute(query).one()))


def count_by_place(connection: Connection) -> dict[str, PlaceFigures]:
    """Return the figures of every place at which somebody answered, also of one that is listed no more."""
    scores: dict[str, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    query = sa.select(R.place, R.question, R.score, sa.func.count()).where(R.place.is_not(None))
    for place, question, score, n in connection.execute(query.group_by(R.place, R.question, R.score)):
        scores[str(place)][question or ""][int(score)] += int(n)
    apart: dict[str, dict[str, int]] = {}
    for place, limit, n in connection.execute(
        sa.select(A.place, A.held, sa.func.count()).where(A.held != "").group_by(A.place, A.held)
    ):
        apart.setdefault(str(place), {})[str(limit)] = int(n)
    return {place: figures_of(scores[place], apart.get(place, {})) for place in sorted({*scores, *apart})}


def figures_of(scores: Mapping[str, Counter[int]], apart: Mapping[str, int]) -> PlaceFigures:
    """Return the figures of one place: how often each score was given, by the question, and the counts of limits."""
    rated = [rating((kind, "", ""), scores[kind], (0, 0, 0)) for kind in RATED if kind in scores]
    return PlaceFigures(count_by_band(scores.get("", Counter())), apart, rated)


def count_by_band(scores: Mapping[int, int]) -> Counts:
    """Return how many NPS answers of each band there are, of how often each score was given."""
    seen: Counter[Band] = Counter()
    for score, n in scores.items():
        seen[band(score)] += n
    return Counts(*(seen[each] for each in (Band.PROMOTER, Band.PASSIVE, Band.DETRACTOR)))


def rating_as_dict(figures: Rating) -> dict[str, object]:
    """Return a rating without what only a question that was sent has."""
    about_sending = ("touchpoint", "trigger", "asked", "answered", "response_rate", "open")
    return {name: value for name, value in figures.as_dict().items() if name not in about_sending}


def newest_answers(connection: Connection, place: str, limit: int) -> list[Words]:
    """Return the newest answers at a place, those kept apart among them; of an erased one only its score is left."""
    who, action, ticket = t.customer.c, t.action.c, t.ticket.c
    led_to = sa.select(sa.func.max(ticket.number)).join(t.action, action.ticket == ticket.id)
    number = led_to.where(action.response == R.id).scalar_subquery()
    counted = (
        sa.select(R.answered_at, R.score, R.comment, who.crm_id, sa.literal(""), number, R.question)
        .outerjoin(t.customer, who.id == R.customer)
        .where(R.place == place)
        .order_by(R.answered_at.desc(), R.id)
        .limit(limit)
    )
    apart = (
        sa.select(A.at, A.score, A.comment, sa.literal(""), A.held, sa.null(), A.question)
        .where(A.place == place, A.held != "", A.score.is_not(None))
        .order_by(A.at.desc(), A.id)
        .limit(limit)
    )
    answers = [
        Words(at, int(score), str(comment), str(crm_id or ""), str(held), led and int(led), question)
        for query in (counted, apart)
        for at, score, comment, crm_id, held, led, question in connection.execute(query)
    ]
    return sorted(answers, key=lambda answer: answer.at, reverse=True)[:limit]


def may_ask_owner(connection: Connection, place: str, claim_key: str, now: datetime) -> bool:
    """Tell whether the owner of an address may be asked: not of late, and not too many at this place in a day.

    Place and address are the caller's until the transaction ends.
    """
    take_turn(connection, LOCK_OF_PLACES, place)
    take_turn(connection, LOCK_OF_CLAIMS, claim_key)
    of_owner = sa.exists().where(A.claim_key == claim_key, A.claim.in_(MAILED), A.at > now - ONCE_IN)
    of_place = sa.select(sa.func.count()).where(A.place == place, A.at > now - DAY, A.claim.in_(MAILED))
    lately, today = connection.execute(sa.select(of_owner, of_place.scalar_subquery())).one()
    return not lately and int(today) < MOST_A_DAY


def keep_turn(connection: Connection, given: PlaceAnswer) -> None:
    """Have an answer that was taken back go on taking its turn, so that deleting makes no room for more of them.

    What its network and its address are counted by are keyed hashes; a network's leads nowhere from the next day on.
    """
    own = (A.id == given.id, A.customer == given.customer)
    counted_by = {"network": given.network, "claim_key": given.claim_key}
    connection.execute(sa.update(t.place_answer).where(*own).values(**counted_by))
