"""The question on a site, asked of a visitor whom nobody knows: only where the site has it switched on.

Nothing is kept of asking: the question's id says where and when it was asked, and is signed by who hands it out. An
answer is one of a place without a name, within the limits of the site.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.domain.policy import Policy
from workers.domain.survey.web_ask import STEP
from workers.domain.web_sites import WebSite, place_of_site
from workers.store.engine import Store
from workers.usecases.delivery.send_controls import Sending, sending_now
from workers.usecases.places.place_answers import Outcome, PlaceAnswers, Said, Taken, Visit
from workers.usecases.sites.web_questions import SOONEST

LASTS = timedelta(days=1)
"""How long a question that was handed out takes an answer."""
EVERYBODY = 100


@dataclass(frozen=True, slots=True)
class Offer:
    """A moment that a page offered."""

    site: WebSite
    trigger: str
    page: str


class AnonymousQuestions:
    """Asks visitors without a name on the sites of `rules/sites.yaml` that want it; every act is idempotent."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        sending: Sending,
        answers: PlaceAnswers,
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._sending = sending
        self._answers = answers

    def ask(self, offer: Offer, key: str) -> str | None:
        """Return the id of a question, None where nobody is asked; `key` is random and the visitor's own."""
        site = offer.site
        offered = site.anonymous and site.offers(offer.trigger, offer.page)
        if not offered or not drawn(key, site.share) or self._is_paused():
            return None
        return f"{site.id}.{int(self._now().timestamp())}.{key}"

    def site(self, question: str, origin: str) -> WebSite | None:
        """Return the site that a question was asked on, while it belongs to an origin and still wants answers."""
        site = self._policy().sites.get(question.partition(".")[0])
        return site if site is not None and site.anonymous and origin in site.origins else None

    def answer(self, question: str, site: WebSite, visit: Visit, said: Said) -> Outcome | None:
        """Take an answer; the score may come first and the words later. None for one that comes too soon.

        Raises NotNow.
        """
        age = self._now() - asked_at(question, self._now())
        if age < SOONEST and not visit.is_trapped:
            return None
        if age > LASTS:
            return Outcome(Taken.GONE)
        return self._answers.answer(place_of_site(site), visit, said)

    def _is_paused(self) -> bool:
        with self._store.reading() as connection:
            return sending_now(connection, self._sending).pauses(STEP)


def drawn(key: str, share: int) -> bool:
    """Tell whether a visitor is of the share that is asked, in percent."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % EVERYBODY < share


def asked_at(question: str, now: datetime) -> datetime:
    """Return when a question was asked that we have signed."""
    return datetime.fromtimestamp(int(question.split(".")[1]), now.tzinfo)
