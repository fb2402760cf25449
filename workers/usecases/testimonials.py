"""Testimonials: what promoters write for others to read, the scope that they consent to, and taking it back.

Every change of mind leaves a consent row, and who publishes is told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from workers.domain.customer_case import CustomerCase
from workers.domain.outbound_messages import publish_testimonial
from workers.domain.records import Consent, Customer, Response, Row, Testimonial
from workers.domain.types import TestimonialState
from workers.errors import BadInput
from workers.store import read
from workers.store.engine import Store
from workers.store.survey.testimonials import published_testimonials
from workers.structs import replace
from workers.usecases.customer_actions import CustomerActions

CONSENT_TEXT_VERSION = "1"
"""Version of the sentence a promoter consents to; raise it when the catalogs' consent texts change."""
SCOPES = ("name_and_text", "first_name_and_text", "text_only")
WITH_CONSENTS: tuple[type[Row], ...] = (*read.OF_A_CUSTOMER, Consent)
"""What a change of mind about a testimonial looks at: how often it was changed before."""


@dataclass(frozen=True, slots=True)
class TestimonialPage:
    """What the testimonial page shows."""

    __test__ = False

    testimonial: Testimonial
    response: Response
    customer: Customer


class Testimonials:
    """Carries out what a promoter decides about their words; every act is idempotent."""

    def __init__(self, store: Store, actions: CustomerActions) -> None:
        self._store = store
        self._actions = actions

    def page(self, response: str) -> TestimonialPage | None:
        """Return a response with its testimonial; None where none was asked for, or the customer is erased."""
        answer = self._actions.response(response)
        if answer is None:
            return None
        with self._store.reading() as connection:
            rows = read.rows_with(connection, Testimonial, response=response)
        return TestimonialPage(rows[0], *answer) if rows else None

    def write(self, response: str, wording: str, shown_name: str, place: str, scope: str) -> bool:
        """Keep a promoter's words with the scope they consent to; an empty scope keeps the words unpublished.

        Raises BadInput.
        """
        if scope and scope not in SCOPES:
            raise BadInput(f"The scope must be one of {', '.join(SCOPES)}.")
        if not wording.strip():
            raise BadInput("Write a sentence or two first.")

        def change(testimonial: Testimonial, now: datetime) -> Testimonial:
            state = TestimonialState.CONSENTED if scope else TestimonialState.WRITTEN
            return replace(
                testimonial,
                wording=wording.strip(),
                shown_name=shown_name.strip(),
                place=place.strip(),
                scope=scope,
                state=state,
                changed_at=now,
            )

        return self._change(response, change)

    def refuse(self, response: str) -> bool:
        """Keep that the promoter does not want to be published."""
        return self._change(
            response,
            lambda testimonial, now: replace(testimonial, state=TestimonialState.REFUSED, scope="", changed_at=now),
        )

    def withdraw(self, response: str) -> bool:
        """Withdraw consent: nothing may be published any more, and web sites are told to take it down."""
        return self._change(
            response,
            lambda testimonial, now: replace(testimonial, state=TestimonialState.WITHDRAWN, scope="", changed_at=now),
        )

    def _change(self, response: str, change: Callable[[Testimonial, datetime], Testimonial]) -> bool:
        def act(case: CustomerCase) -> bool:
            testimonial = next((row for row in case.all(Testimonial) if row.response == response), None)
            if testimonial is not None:
                consent(case, testimonial, change(testimonial, case.now))
            return testimonial is not None

        return self._actions.act_for_owner(Response, response, act, kinds=WITH_CONSENTS)

    def published(self, limit: int = 500) -> list[Testimonial]:
        """Return the testimonials that may be published, newest first."""
        with self._store.reading() as connection:
            return published_testimonials(connection, limit)


def consent(case: CustomerCase, before: Testimonial, wanted: Testimonial) -> None:
    """Put a testimonial in its new state, keep the consent given, refused or withdrawn, and tell who publishes it."""
    same = replace(wanted, changed_at=before.changed_at) == before
    if same:
        return
    n = sum(row.testimonial == before.id for row in case.all(Consent))  # within one instant a mind may change twice
    case.change(wanted)
    given = wanted.state == TestimonialState.CONSENTED
    if given or before.state == TestimonialState.CONSENTED or wanted.state == TestimonialState.REFUSED:
        key = case.ids.derive(case.now, "consent", before.id, wanted.state, wanted.scope, str(n))
        case.add(Consent(key, before.id, before.customer, given, wanted.scope, CONSENT_TEXT_VERSION, case.now))
    if given or before.state == TestimonialState.CONSENTED:
        publish_testimonial(case, wanted, str(n))
