"""The screen by the till of the lamp shop: whoever buys there answers without a name; once somebody plays with it."""

from datetime import datetime, timedelta
from random import Random

from workers.app import Boucle
from workers.demo import shop
from workers.demo.own_rules import TILL
from workers.demo.reactions import comment_of, score_of
from workers.demo.shop import Person
from workers.demo.texters import Plan
from workers.usecases.places.place_answers import Said, Visit

EVERY, BEGINS = timedelta(days=8, hours=3), timedelta(days=20, hours=3)
PLAYED_AFTER, TIMES_PLAYED, APART = timedelta(days=240, hours=10), 12, timedelta(seconds=4)
"""When somebody presses 0 again and again, and how fast."""
NETWORK = "198.51.100.0/24"
"""The shop's own: everybody at the till comes from it."""


class Till:
    """People at the till; nobody knows them, so each answers as somebody of the shop's kind would."""

    def __init__(self, parts: Boucle, seed: int, plan: Plan) -> None:
        self._parts = parts
        self._seed = seed
        self._plan = plan

    def plan_answers(self, alike: list[Person]) -> None:
        """Plan who answers when; none where the operator's own rules have no such place."""
        if self._parts.place_answers.open_place(TILL) is None:
            return
        at, n = shop.START + BEGINS, 0
        while at < shop.END:
            random = Random(f"{self._seed}/till/{n}")
            person = random.choice(alike)
            score = score_of(random, person, "ask-purchase", late=False)
            said = Said(score, comment_of(random, person, score, late=False))
            self._come(at + timedelta(minutes=random.randrange(300)), f"{n}", person.language, said)
            at, n = at + EVERY, n + 1
        for n in range(TIMES_PLAYED):
            self._come(shop.START + PLAYED_AFTER + n * APART, f"played/{n}", "", Said(0))

    def _come(self, at: datetime, name: str, language: str, said: Said) -> None:
        """Plan one answer, from a page of its own."""
        visit = Visit(f"{self._seed}/{name}", NETWORK, language or self._parts.files.brand.language)
        self._plan(at, f"till/{name}", lambda: self._answer(visit, said))

    def _answer(self, visit: Visit, said: Said) -> None:
        place = self._parts.place_answers.open_place(TILL)
        if place is not None:
            self._parts.place_answers.answer(place, visit, said)
