"""Takes answers at places, each visit once, and counts them; past a limit one is kept apart and routed nowhere."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from workers.calendar import in_zone
from workers.domain.changeset import ChangeSet
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.places.listed import Limit, Place
from workers.domain.policy import Policy
from workers.domain.records import PlaceAnswer, Response
from workers.domain.survey.place_answer import answer_at_place, answer_id, nameless_customer
from workers.domain.survey.response import Answer
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.survey import places as stored

TRAP = "trap"
"""Why an answer is kept apart that filled in what no person sees."""


NEWEST = 100
"""Answers that the page of a place shows."""


class Taken(StrEnum):
    """What became of an answer: it counts, or it is kept apart."""

    KEPT = "kept"
    APART = "kept apart"


@dataclass(frozen=True, slots=True)
class Visit:
    """One opened page of a place: `key` is random and the page's own, `network` where it was opened."""

    key: str
    network: str
    language: str
    is_trapped: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What was filled in; the address is a claim until its owner says so."""

    score: int
    comment: str = ""
    wants_contact: bool = False
    phone: str = ""
    address: str = ""
    half_day: str = ""


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """One place with its link and what was answered there; `place` and `link` are None of one listed no more."""

    id: str
    place: Place | None
    link: str | None
    is_open: bool
    figures: stored.PlaceFigures

    @property
    def label(self) -> str:
        """Return the place's name for people: its label, or its id where it is listed no more."""
        return self.place.label if self.place else self.id

    def as_dict(self) -> dict[str, object]:
        """Return the place as `boucle places --format json` prints it."""
        place, figures = self.place, self.figures
        return {
            "id": self.id,
            "kind": str(place.kind) if place else None,
            "label": self.label,
            "link": self.link,
            "until": place.until.isoformat() if place and place.until else None,
            "open": self.is_open,
            "limits": {str(limit): n for limit, n in place.limits.items()} if place else {},
            "answers": figures.answers,
            "promoters": figures.promoters,
            "passives": figures.passives,
            "detractors": figures.detractors,
            "nps": figures.nps,
            "kept_apart": dict(figures.apart),
        }


class PlaceAnswers:
    """Answers at the places of `rules/places.yaml`; every act is idempotent."""

    def __init__(self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now

    def open_place(self, id: str) -> Place | None:
        """Return a place that takes answers today, or None."""
        place = self._policy().places.get(id)
        return place if place is not None and self._is_open(place) else None

    def answer(self, place: Place, visit: Visit, said: Said) -> Taken:
        """Take what was said in one visit: new, changed where it is sent again, or kept apart. Raises NotNow."""
        policy, now = self._policy(), self._now()
        who = replace(nameless_customer(place, visit.key, policy.ids, now), language=visit.language)
        network = policy.ids.keyed_hash("network", place.id, f"{now:%Y-%m-%d}", visit.network)  # leads nowhere later
        given = PlaceAnswer(answer_id(place, visit.key, policy.ids), who.id, place.id, now, network)

        def work(connection: Connection) -> Taken:
            unit, known = UnitOfWork(policy, now), read.lock_customers(connection, [who.id])
            earlier = read.by_owner(connection, PlaceAnswer, who.id, given.id)
            if earlier is not None and earlier.held:
                return Taken.APART
            if known:
                case = read.cases_of(connection, unit, known, (Response,))[who.id]
            elif held := TRAP if visit.is_trapped else past_limit(connection, place, network, now):
                changes = ChangeSet()
                changes.add(replace(given, held=str(held), score=said.score, comment=said.comment))
                apply(connection, changes, now)
                return Taken.APART
            else:
                case = CustomerCase(who, unit)
                case.add(who)
            answer = Answer(said.score, said.comment, said.wants_contact, now, said.phone, said.half_day, place.kind)
            answer_at_place(case, given, place, answer, said.address)
            apply(connection, unit.hand_over(), now)
            return Taken.KEPT

        return self._store.write(work)

    def lines(self) -> list[PlaceLine]:
        """Return every place with its link and its figures, in the order of the list; then those listed no more."""
        policy = self._policy()
        with self._store.reading() as connection:
            figures = stored.count_by_place(connection)
        listed = [
            PlaceLine(id, place, policy.links.place_url(id), self._is_open(place), figures.get(id, stored.NOTHING))
            for id, place in policy.places.items()
        ]
        gone = [id for id in figures if id not in policy.places]
        return [*listed, *(PlaceLine(id, None, None, False, figures[id]) for id in gone)]

    def line(self, id: str) -> tuple[PlaceLine, list[stored.Words]] | None:
        """Return a place with its newest answers, None for an id that has neither a line in the list nor an answer."""
        line = next((line for line in self.lines() if line.id == id), None)
        if line is None:
            return None
        with self._store.reading() as connection:
            return line, stored.newest_answers(connection, id, NEWEST)

    def _is_open(self, place: Place) -> bool:
        return place.is_open(in_zone(self._now(), self._policy().zone).date())


def past_limit(connection: Connection, place: Place, network: str, now: datetime) -> Limit | None:
    """Return the limit that one more answer at a place would go past, or None."""
    lately = stored.count_lately(connection, place.id, network, now)
    counted = {Limit.MINUTE: lately.minute, Limit.NETWORK: lately.network, Limit.DAY: lately.day}
    return next((limit for limit, n in counted.items() if n >= place.limits[limit]), None)
