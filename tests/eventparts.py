"""What the tests of planning and events share: one customer's case alone, and the events that are told of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from ticketparts import changes_of, desk, shipped

from workers.cloudevents import Event, Kind, ScoreData
from workers.domain.changeset import ChangeSet
from workers.domain.customer.profile import new_customer
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.event_handlers import take_event
from workers.domain.policy import Policy
from workers.domain.records import Journey, Row, Stop, SurveyRequest, Touchpoint
from workers.domain.survey.response import Answer, answer_request
from workers.structs import replace
from workers.usecases.delivery.send_controls import SendBudget
from workers.usecases.scheduler import wake

R = TypeVar("R", bound=Row)
NOW = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CONTRARY = frozenset({"refund", "order_cancelled", "churned", "deceased", "complaint_opened", "complaint_closed"})
CUSTOMER = frozenset({"changed", "opted_out", "erased", "merged"})
FREE = SendBudget(None)


def an_event(name: str, at: datetime = NOW, **more: object) -> Event:
    """Return an event as the codec gives it; `id` tells two apart that say the same."""
    kind = Kind.CONTRARY if name in CONTRARY else Kind.CUSTOMER if name in CUSTOMER else Kind.JOURNEY
    values: dict[str, object] = {
        "source": "shop",
        "id": f"{name}/{more.get('reference', '')}/{at.isoformat()}/{more.pop('id', '')}",
        "type": f"boucle.{name}.v1",
        "kind": kind,
        "name": name,
        "crm_id": "42",
        "time": at,
        "occurred_at": at,
        "digest": "",
        **more,
    }
    return Event(**values)  # type: ignore[arg-type]  # fields by name


def add_to(total: ChangeSet, later: ChangeSet) -> None:
    """Add later changes to earlier ones; a row that was added there is still added, in its later state."""
    for row in later.rows_added():
        total.add(row)
    for rows in later.changed.values():
        for row in rows.values():
            total.change(row)
    total.published += later.published
    total.cancelled += later.cancelled
    total.forgotten += later.forgotten
    total.moved += later.moved


class Person:
    """One customer whose events are taken in, without a store."""

    def __init__(
        self, *, email: str | None = "42@example.org", now: datetime = NOW, policy: Policy | None = None
    ) -> None:
        work = UnitOfWork(policy or shipped(), now, desk("Léa", "Max"))
        self.case = CustomerCase(new_customer("42", work.policy.ids, now), work)
        if email:
            self.hear(an_event("changed", NOW - 900 * DAY, customer={"email": email}))

    @property
    def policy(self) -> Policy:
        """The policy that decides."""
        return self.case.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self.case.work.policy = policy

    @property
    def now(self) -> datetime:
        """The moment it is."""
        return self.case.now

    @now.setter
    def now(self, now: datetime) -> None:
        self.case.work.now = now

    def hear(self, *events: Event) -> ChangeSet:
        """Take events in, one after the other, and return what all of them changed."""
        total = ChangeSet()
        for event in events:
            add_to(total, self.do(lambda heard=event: take_event(self.case, heard)))  # type: ignore[misc]  # bound at once
        return total

    def do(self, step: Callable[[], object]) -> ChangeSet:
        """Take a step of the core and return what it changed."""
        return changes_of(self.case, step)

    def wake(self, at: datetime | None = None, room: SendBudget = FREE) -> ChangeSet:
        """Let time pass and take up what is due."""
        self.now = at or self.now
        return self.do(lambda: wake(self.case, room))

    def rows(self, kind: type[R]) -> list[R]:
        """Return every row of a table."""
        return list(self.case.all(kind))

    def touchpoint(self, step: str) -> Touchpoint:
        """Return the only touchpoint of this name."""
        (touchpoint_found,) = [touchpoint for touchpoint in self.case.all(Touchpoint) if touchpoint.step == step]
        return touchpoint_found

    def states(self) -> dict[str, tuple[str, str]]:
        """Return state and reason of each touchpoint by its name."""
        return {
            touchpoint.step: (str(touchpoint.state), str(touchpoint.reason)) for touchpoint in self.case.all(Touchpoint)
        }

    def portrait(self) -> dict[str, object]:
        """Return what is known of the customer by natural key: profile, journeys, touchpoints, stops."""
        who = self.case.customer
        names = {journey.id: (journey.trigger, journey.reference) for journey in self.case.all(Journey)}
        return {
            "profile": (who.email, who.name, who.language, who.time_zone, who.may_promote, who.opted_out_at),
            "stamps": (who.changed_at, who.firsts),
            "journeys": {
                (journey.trigger, journey.reference): (journey.anchor_at, journey.event, journey.label, journey.details)
                for journey in self.case.all(Journey)
            },
            "touchpoints": {
                (*names[touchpoint.journey], touchpoint.step): (
                    *(str(touchpoint.state), str(touchpoint.reason), str(touchpoint.detail), touchpoint.rule),
                    *(touchpoint.anchor_at, touchpoint.due_at, touchpoint.give_up_at),
                )
                for touchpoint in self.case.all(Touchpoint)
            },
            "stops": sorted(
                (stop.cause, str(stop.effect), stop.scope, stop.reference, stop.from_at) for stop in self.case.all(Stop)
            ),
        }


def asked(name: str = "delivery", *, person: Person | None = None, **more: object) -> tuple[Person, SurveyRequest]:
    """Return a customer who was just asked about an event, and the request."""
    someone = person or Person()
    before = {survey_request.id for survey_request in someone.rows(SurveyRequest)}
    someone.hear(an_event(name, someone.now, reference="1042", label="lamp", **more))
    someone.wake()
    (request,) = [survey_request for survey_request in someone.rows(SurveyRequest) if survey_request.id not in before]
    sent = replace(request, sent_at=someone.now)
    someone.case.know(sent)
    return someone, sent


def say(person: Person, request: SurveyRequest, score: int, comment: str = "", **more: object) -> ChangeSet:
    """Let a customer confirm an answer on the page."""
    answer = Answer(score, comment, bool(more.pop("wants_contact", False)), person.now)
    current = person.case.get(SurveyRequest, request.id) or request
    given = replace(answer, **more)  # type: ignore[arg-type]  # fields by name
    return person.do(lambda: answer_request(person.case, current, given))


def settle(person: Person, after: timedelta = timedelta(seconds=60)) -> ChangeSet:
    """Let the settling time pass, and take up what is due."""
    return person.wake(person.now + after)


def score_told(score: int, at: datetime = NOW, **more: object) -> Event:
    """Return a score that another tool collected."""
    told_by = {"answered_at": at, **{key: more.pop(key) for key in list(more) if key in SCORE_FIELDS}}
    data = ScoreData(score, **told_by)  # type: ignore[arg-type]  # fields by name
    return an_event("score", at, kind=Kind.SCORE, score=data, **more)


SCORE_FIELDS = frozenset(
    {"asked_at", "answered_at", "comment", "trigger", "request", "wants_contact", "channel", "phone"}
)
