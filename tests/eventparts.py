"""What the tests of planning and effects share: one customer in facts alone, and the events that are told of them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from ticketparts import desk, shipped

from workers.cloudevents import Event, Kind, ScoreData
from workers.domain.changeset import ChangeSet
from workers.domain.customer.profile import new_customer
from workers.domain.customer_state import CustomerState
from workers.domain.event_handlers import effects
from workers.domain.policy import Policy
from workers.domain.records import Journey, Row, Stop, SurveyRequest, Touchpoint
from workers.domain.survey.response import Answer, answer_request
from workers.store.new_rows import KEPT_ONCE
from workers.usecases.scheduler import SendBudget, wake

R = TypeVar("R", bound=Row)
NOW = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CONTRARY = frozenset({"refund", "order_cancelled", "churned", "deceased", "complaint_opened", "complaint_closed"})
CUSTOMER = frozenset({"changed", "opted_out", "erased", "merged"})
FREE = SendBudget(None)


def told(name: str, at: datetime = NOW, **more: object) -> Event:
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


class Person:
    """One customer whose events are taken in, without a store."""

    def __init__(
        self, *, email: str | None = "42@example.org", now: datetime = NOW, policy: Policy | None = None
    ) -> None:
        self.policy = policy or shipped()
        self.now = now
        self.facts = CustomerState(new_customer("42", self.policy.ids, now))
        self.desk = desk("Léa", "Max")
        if email:
            self.hear(told("changed", NOW - 900 * DAY, customer={"email": email}))

    def hear(self, *events: Event) -> ChangeSet:
        """Take events in, one after the other, and return what all of them changed."""
        return self.take(effects(event, self.facts, None, self.policy, self.now, self.desk) for event in events)

    def take(self, several: Iterable[ChangeSet]) -> ChangeSet:
        """Absorb changes; a row that is added must be new, one that is changed must be known."""
        total = ChangeSet()
        for changes in several:
            for row in changes.rows_added():
                fresh = type(row) in KEPT_ONCE or self.facts.get(type(row), *row.key()) is None
                assert fresh, f"added twice: {row}"
            self.facts.absorb(changes)
            total.merge(changes)
        return total

    def wake(self, at: datetime | None = None, room: SendBudget = FREE) -> ChangeSet:
        """Let time pass and take up what is due."""
        self.now = at or self.now
        return self.take([wake(self.facts, self.policy, self.now, room, self.desk)])

    def rows(self, kind: type[R]) -> list[R]:
        """Return every row of a table."""
        return list(self.facts.all(kind))

    def touchpoint(self, step: str) -> Touchpoint:
        """Return the only touchpoint of this name."""
        (found,) = [one for one in self.facts.all(Touchpoint) if one.step == step]
        return found

    def states(self) -> dict[str, tuple[str, str]]:
        """Return state and reason of each touchpoint by its name."""
        return {one.step: (str(one.state), str(one.reason)) for one in self.facts.all(Touchpoint)}

    def portrait(self) -> dict[str, object]:
        """Return what is known of the customer by natural key: profile, journeys, touchpoints, stops."""
        who = self.facts.customer
        names = {one.id: (one.trigger, one.reference) for one in self.facts.all(Journey)}
        return {
            "profile": (who.email, who.name, who.language, who.time_zone, who.may_promote, who.opted_out_at),
            "stamps": (who.changed_at, who.firsts),
            "journeys": {
                (one.trigger, one.reference): (one.anchor_at, one.event, one.label, one.details)
                for one in self.facts.all(Journey)
            },
            "touchpoints": {
                (*names[one.journey], one.step): (
                    *(str(one.state), str(one.reason), str(one.detail), one.rule),
                    *(one.anchor_at, one.due_at, one.give_up_at),
                )
                for one in self.facts.all(Touchpoint)
            },
            "stops": sorted(
                (one.cause, str(one.effect), one.scope, one.reference, one.from_at) for one in self.facts.all(Stop)
            ),
        }


def asked(name: str = "delivery", *, person: Person | None = None, **more: object) -> tuple[Person, SurveyRequest]:
    """Return a customer who was just asked about an event, and the request."""
    someone = person or Person()
    before = {one.id for one in someone.rows(SurveyRequest)}
    someone.hear(told(name, someone.now, reference="1042", label="lamp", **more))
    someone.wake()
    (request,) = [one for one in someone.rows(SurveyRequest) if one.id not in before]
    sent = replace(request, sent_at=someone.now)
    someone.facts.put(sent)
    return someone, sent


def say(person: Person, request: SurveyRequest, score: int, comment: str = "", **more: object) -> ChangeSet:
    """Let a customer confirm an answer on the page."""
    answer = Answer(score, comment, bool(more.pop("wants_contact", False)), person.now)
    current = person.facts.get(SurveyRequest, request.id) or request
    given = replace(answer, **more)  # type: ignore[arg-type]  # fields by name
    return person.take([answer_request(current, given, person.facts, person.policy, person.now)])


def settle(person: Person, after: timedelta = timedelta(seconds=60)) -> ChangeSet:
    """Let the settling time pass, and take up what is due."""
    return person.wake(person.now + after)


def score_told(score: int, at: datetime = NOW, **more: object) -> Event:
    """Return a score that another tool collected."""
    told_by = {"answered_at": at, **{key: more.pop(key) for key in list(more) if key in SCORE_FIELDS}}
    data = ScoreData(score, **told_by)  # type: ignore[arg-type]  # fields by name
    return told("score", at, kind=Kind.SCORE, score=data, **more)


SCORE_FIELDS = frozenset(
    {"asked_at", "answered_at", "comment", "trigger", "request", "wants_contact", "channel", "phone"}
)
