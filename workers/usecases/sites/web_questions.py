"""The question on the company's own pages: asked, shown, closed and answered, each in one transaction.

Whether anybody is asked is the core's decision; the browser is believed in nothing but that somebody is there.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from workers.domain.customer.profile import customer_id
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.history import Why
from workers.domain.policy import Policy
from workers.domain.records import SurveyRequest
from workers.domain.survey.day_quotas import DayQuotas, names_due
from workers.domain.survey.response import ANSWERABLE, Answer, answer_request, repeats, response_to
from workers.domain.survey.web_ask import STEP, Visit, ask_on_web, close_on_web, note_visit, put_off_on_web, show_on_web
from workers.domain.types import WEB, Reason
from workers.domain.web_sites import RefusedToken, Visitor, WebSite, read_visitor
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.customer.askings import Mailboxes
from workers.store.customer.person_rows import find_customer
from workers.store.engine import Store
from workers.store.survey.quotas import keep_counted, lock_counted
from workers.usecases.customer_actions import CustomerActions
from workers.usecases.delivery.send_controls import Sending, sending_now

T = TypeVar("T")
log = logging.getLogger(__name__)
SOONEST = timedelta(seconds=1.5)
"""Nobody reads a question and answers it sooner."""
METHOD = "WEB"
"""The method of the rows that keep what came from a page, beside the clicks on links."""


class Taken(StrEnum):
    """What became of an answer; all but the first and GONE leave a row of evidence."""

    KEPT = "kept"
    SAME = "same answer again"
    EARLY = "too early"
    TRAPPED = "hidden field"
    GONE = "gone"
    APART = "kept apart"


class WebQuestions:
    """Asks customers on the sites of `rules/sites.yaml`; every act is idempotent. `keys` are the sites' keys by id."""

    def __init__(
        self,
        store: Store,
        customer_actions: CustomerActions,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        sending: Sending,
        keys: Mapping[str, Sequence[bytes]],
    ) -> None:
        self._store = store
        self._customer_actions = customer_actions
        self._policy = policy
        self._now = now
        self._sending = sending
        self.keys = keys

    def site(self, id: str) -> WebSite | None:
        """Return a site of the list, or None."""
        return self._policy().sites.get(id)

    def sites_of(self, origin: str) -> list[WebSite]:
        """Return the sites that an origin belongs to."""
        return [site for site in self._policy().sites.values() if origin in site.origins]

    def visitor(self, site: WebSite, token: str) -> Visitor | None:
        """Return who a site says is there; None for a token that is not good.

        One that was good once is noted with its customer, because a site whose clock or cache is wrong asks nobody.
        """
        visitor = read_visitor(token, self.keys.get(site.id, ()), site.id, int(self._now().timestamp()))
        if isinstance(visitor, Visitor):
            return visitor
        log.info("site %s: a visitor token is %s", site.id, visitor.fault, extra={"action": "web.token_refused"})
        if visitor.crm_id:
            self._note_refused(site, visitor)
        return None

    def knows(self, visitor: Visitor) -> bool:
        """Tell whether an event has named a customer, also one whose data was erased since."""
        with self._store.reading(patient=True) as connection:
            key = customer_id(visitor.crm_id, self._policy().ids)
            return find_customer(connection, visitor.crm_id, key) is not None

    def ask(self, visitor: Visitor, visit: Visit) -> SurveyRequest | None:
        """Ask a customer who is on a site now; None when they are not known, or not to be asked: explain says why."""

        def act(connection: Connection, case: CustomerCase) -> SurveyRequest | None:
            if sending_now(connection, self._sending).pauses(STEP):
                note_visit(case, visit.site.id, Why(Reason.PAUSED))
                return None
            if visitor.trigger and visitor.trigger != visit.trigger:
                note_visit(case, visit.site.id, Why(Reason.NOT_OFFERED, visit.trigger[:40]))
                return None
            names = names_due([case])
            quotas = DayQuotas(lock_counted(connection, names, case.now, case.policy.zone))
            result = ask_on_web(case, visit, quotas)
            keep_counted(connection, quotas.changed(), case.now)
            return result if isinstance(result, SurveyRequest) else None

        return self._with_customer(visitor.crm_id, act)

    def question(self, request: str, origin: str) -> SurveyRequest | None:
        """Return a question that was asked on a site which an origin belongs to; None for any other."""
        asked = self._customer_actions.asked(request)
        if asked is None or asked.request.channel != WEB:
            return None
        site = self.site(asked.request.details.get("site", ""))
        return asked.request if site is not None and origin in site.origins else None

    def shown(self, request: SurveyRequest) -> None:
        """Keep that the question stood on the page."""
        self._customer_actions.click(request.id, None, METHOD, "shown")
        self._act(request, show_on_web)

    def close(self, request: SurveyRequest, *, for_now: bool = False) -> None:
        """Keep that the customer closed the question: asked, and not answered; or put it off, where it is `for_now`."""
        self._act(request, put_off_on_web if for_now else close_on_web)

    def answer(self, request: SurveyRequest, score: int, comment: str, *, trapped: bool = False) -> Taken:
        """Take an answer the way of any other; the same once more, one too early and a machine's change nothing."""
        taken = Taken.TRAPPED if trapped else self._early(request) or self._take(request, score, comment)
        if taken not in (Taken.KEPT, Taken.GONE):
            self._customer_actions.click(request.id, score, METHOD, taken)
        return taken

    def _act(self, request: SurveyRequest, change: Callable[[CustomerCase, SurveyRequest], bool]) -> None:
        def act(case: CustomerCase) -> bool:
            asked = case.get(SurveyRequest, request.id)
            return asked is not None and change(case, asked)

        self._customer_actions.act_for_owner(SurveyRequest, request.id, act)

    def _early(self, request: SurveyRequest) -> Taken | None:
        return Taken.EARLY if self._now() - request.asked_at < SOONEST else None

    def _take(self, request: SurveyRequest, score: int, comment: str) -> Taken:
        taken = Taken.GONE

        def act(case: CustomerCase) -> bool:
            nonlocal taken
            asked = case.get(SurveyRequest, request.id)
            if asked is None or asked.state not in ANSWERABLE or asked.closes_at <= case.now:
                taken = Taken.GONE
                return False
            earlier = response_to(case, asked.id)
            answer = Answer(score, comment or (earlier.comment if earlier else ""), False, case.now, channel=WEB)
            taken = Taken.SAME if earlier is not None and repeats(earlier, answer) else Taken.KEPT
            if taken == Taken.KEPT:
                answer_request(case, asked, answer)
            return taken == Taken.KEPT

        self._customer_actions.act_for_owner(SurveyRequest, request.id, act)
        return taken

    def _note_refused(self, site: WebSite, refused: RefusedToken) -> None:
        """Keep with the customer that a token about them was not good."""
        why = Why(Reason.TOKEN_REFUSED, refused.fault.value)
        self._with_customer(refused.crm_id, lambda connection, case: note_visit(case, site.id, why))

    def _with_customer(self, crm_id: str, act: Callable[[Connection, CustomerCase], T]) -> T | None:
        """Lock a customer, decide and write; None for one who is not known."""
        policy, now = self._policy(), self._now()

        def run(connection: Connection) -> T | None:
            person = find_customer(connection, crm_id, customer_id(crm_id, policy.ids))
            locked = read.lock_customers(connection, [person.id]) if person else []
            if not locked:
                return None
            work = UnitOfWork(policy, now)
            (case,) = read.cases_of(connection, work, locked).values()
            address = case.customer.email
            if address:
                case.suppressed = read.suppressed_addresses(connection, {address}, policy.ids).get(address, "")
            case.asked_elsewhere = Mailboxes(connection, locked, policy).elsewhere(case.id)
            result = act(connection, case)
            apply(connection, work.hand_over(), now)
            return result

        return self._store.write(run)
