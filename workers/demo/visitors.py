"""The customers who come to the shop's site: asked there, if they may be, through the use cases of the public door."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

from workers.app import Boucle
from workers.demo.own_rules import SITE
from workers.demo.reactions import comment_of, score_of
from workers.demo.shop import Person, ShopEvent
from workers.demo.texters import Plan
from workers.domain.records import SurveyRequest
from workers.domain.survey.web_ask import Visit
from workers.domain.web_sites import sign_visitor

THANKED, CAME_BACK = 0.1, 0.14
"""The shares of orders after which somebody stays on the page that thanks, and comes back weeks later."""
ANSWERED, CLOSED = 0.6, 0.25
"""What becomes of a question on the site; the others leave the page."""
LATER = timedelta(days=43, hours=2)
"""When a customer comes back: the lamp is in use, and the plan's question for it is due."""
READS = timedelta(seconds=25)
TOKEN_SECONDS = 3600


class Visitors:
    """Customers on the shop's pages, signed in there; `plan` keeps what they do for its time."""

    def __init__(self, parts: Boucle, key: bytes, seed: int, plan: Plan) -> None:
        self._parts = parts
        self._key = key
        self._seed = seed
        self._plan = plan

    def plan_visits(self, events: Iterable[ShopEvent], persons: dict[str, Person]) -> None:
        """Plan the visits that follow from what customers ordered; none without the shop's site."""
        if self._parts.web_questions.site(SITE) is None:
            return
        for event in {(event.key, event.name, event.reference): event for event in events}.values():
            person = persons[event.key]
            random = Random(f"{self._seed}/visit/{event.key}/{event.reference}/{event.name}")
            if event.name == "purchase" and random.random() < THANKED:
                self._come(event.at + timedelta(minutes=1), person, "purchase", event.reference)
            elif event.name == "delivery" and random.random() < CAME_BACK:
                self._come(event.at + LATER, person, "time", "")

    def _come(self, at: datetime, person: Person, trigger: str, reference: str) -> None:
        name = f"{person.id}/visit/{trigger}/{reference}"
        self._plan(at, name, lambda: self._visit(name, person, trigger, reference))

    def _visit(self, name: str, person: Person, trigger: str, reference: str) -> None:
        """Be on a page with the script: the site signs who is there, and Boucle decides whether they are asked."""
        questions, now = self._parts.web_questions, self._parts.now()
        site = questions.site(SITE)
        if site is None:
            return
        more = {"ref": reference} if reference else {}
        token = sign_visitor(self._key, SITE, person.id, int(now.timestamp()) + TOKEN_SECONDS, **more)
        visitor = questions.visitor(site, token)
        if visitor is None:
            return
        page = "/checkout/thanks" if trigger == "purchase" else "/lamps"
        asked = questions.ask(visitor, Visit(site, trigger, page, visitor.reference, person.language))
        if asked is not None:
            questions.shown(asked)
            self._react(name, person, asked, now)

    def _react(self, name: str, person: Person, asked: SurveyRequest, now: datetime) -> None:
        """Plan what becomes of the box: an answer, a click that closes it, or nothing."""
        random = Random(f"{self._seed}/site/{name}")
        chance, score = random.random(), score_of(random, person, asked.template, late=False)
        comment, questions = comment_of(random, person, score, late=False), self._parts.web_questions
        if chance < ANSWERED:
            self._plan(now + READS, f"{name}/answer", lambda: questions.answer(asked, score, comment))
        elif chance < ANSWERED + CLOSED:
            self._plan(now + READS, f"{name}/close", lambda: questions.close(asked))
