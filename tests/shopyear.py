"""A year of answers put straight into the tables: seven touchpoints, three segments, a dip in the north, two tickets.

Holds no test. What a demo makes in a minute is here in a second, for what reads the report.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from workers.domain.changeset import ChangeSet
from workers.domain.records import Action, Customer, Response, Row, SurveyRequest, Ticket
from workers.domain.reporting import nps
from workers.domain.types import ActionState, CustomerId, Ids, RequestState, ResponseState, TicketState
from workers.store.apply import apply
from workers.store.engine import Store
from workers.structs import replace

BEGIN = datetime(2025, 4, 3, 9, 0, tzinfo=UTC)
DIP = (datetime(2025, 12, 8, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC))
DAYS = 430
IDS = Ids(b"a year")
TOUCHPOINTS = (
    *(("delivery", "delivery-now"), ("delivery", "delivery-6w"), ("interaction_ended", "interaction")),
    *(("milestone", "milestone-3m"), ("milestone", "milestone-6m"), ("milestone", "milestone-12m"), ("wave", "wave")),
)
WEIGHTS = (20, 8, 1, 6, 4, 2, 2)
SEGMENTS = ("north", "south", "west")
LATE = "The parcel came far too late."
FORMULA = '=HYPERLINK("https://evil.example";"tap") <script>alert(1)</script>'


def fill(store: Store, answers: int = 1200, seed: int = 6) -> None:
    """Put the year into the tables."""
    random, changes = Random(seed), ChangeSet()
    for number in range(answers):
        for row in rows_of(number, random):
            changes.add(row)
    asked, given, opened = first_bad()
    for row in (AGAIN, asked, given, opened, action(given, opened), recovery_request(), recovery_answer()):
        changes.add(row)
    store.write(lambda connection: apply(connection, changes, BEGIN + timedelta(days=DAYS)))


def rows_of(number: int, random: Random) -> Iterator[Row]:
    """Give one customer, asked twice as often as they answer, and a ticket for whoever is unhappy."""
    at = BEGIN + timedelta(days=random.random() * DAYS)
    person = number - 1 if number and not number % 3 else number  # every third is somebody who answered before
    segment = SEGMENTS[person // 3 % 3]
    trigger, step = random.choices(TOUCHPOINTS, WEIGHTS)[0]
    dip = segment == "north" and step == "delivery-now" and DIP[0] <= at < DIP[1]
    who = customer(person, segment, at)
    if person == number:
        yield who
    asked = request(number, who, trigger, step, at)
    silent = request(-number - 1, who, trigger, step, at + timedelta(minutes=1))
    yield replace(silent, state=RequestState.EXPIRED)
    yield asked
    value = max(0, min(10, round(random.gauss(3.5 if dip else 8.8, 1.6))))
    said = FORMULA if number == 5 else LATE if dip else "A fine lamp." if random.random() < 0.3 else ""
    given = answer(asked, value, said, at + timedelta(hours=5))
    yield given
    if value <= 6:
        opened = ticket(number, given)
        yield opened
        yield action(given, opened)


def customer(number: int, segment: str, at: datetime) -> Customer:
    """Return one customer."""
    key = CustomerId(IDS.derive(None, "customer", str(number)))
    return Customer(
        key, f"C{number}", at, email=f"c{number}@example.org", name=f"Person {number}", language="fr", segment=segment
    )


def request(number: int, who: Customer, trigger: str, step: str, at: datetime) -> SurveyRequest:
    """Return one question."""
    key = IDS.derive(at, "request", str(number))
    journey = IDS.derive(at, "journey", str(number))
    closes = at + timedelta(days=30)
    words = {"channel": "mail", "template": "ask-delivery", "language": "fr", "label": "lamp", "details": {}}
    return SurveyRequest(
        key, journey, step, who.id, trigger, f"order-{number}", **words, anchor_at=at, asked_at=at, closes_at=closes,  # type: ignore[arg-type]  # words of a row
        state=RequestState.ANSWERED, reason="", changed_at=at, sent_at=at,
    )  # fmt: skip


def named(value: int, said: str) -> str:
    """Return what an answer names as the reason: late parcels, else the product, praised with the service."""
    if said == LATE:
        return "delivery"
    return "product" if value <= 6 else "" if value <= 8 else "product service"


def answer(asked: SurveyRequest, value: int, said: str, at: datetime) -> Response:
    """Return the answer to a question."""
    return Response(
        id=IDS.derive(at, "response", asked.id),
        customer=asked.customer,
        request=asked.id,
        source=None,
        external_id=None,
        trigger=asked.trigger,
        touchpoint=asked.step,
        reference=asked.reference,
        label=asked.label,
        details={},
        anchor_at=asked.anchor_at,
        asked_at=asked.asked_at,
        after_days=0.2,
        score=value,
        band=nps.band(value).value,
        comment=said,
        drivers=named(value, said),
        wants_contact=False,
        phone="",
        half_day="",
        channel="mail",
        agent="",
        answered_at=at,
        first_answered_at=at,
        settling_since=at,
        settles_at=at,
        n=1,
        state=ResponseState.CLOSED,
        previous_band="",
    )


def ticket(number: int, given: Response) -> Ticket:
    """Return the ticket of an answer, done after a day; every fourth was contacted too late."""
    at = given.answered_at
    return Ticket(
        id=IDS.derive(at, "ticket", given.id),
        number=number + 1,
        customer=given.customer,
        response=given.id,
        trigger=given.trigger,
        reference=given.reference,
        label=given.label,
        score=given.score,
        comment=given.comment,
        wants_contact=False,
        phone="",
        half_day="",
        language="fr",
        play="",
        owner="max",
        team="",
        state=TicketState.DONE,
        opened_at=at,
        due_at=at + timedelta(hours=4),
        resolve_due_at=at + timedelta(days=2),
        changed_at=at,
        first_contact_at=at + timedelta(hours=2 if number % 4 else 30),
        reached_at=at + timedelta(hours=31) if number % 5 else None,
        root_cause="delivery/late" if given.comment == LATE else "product/defect",
        outcome="solved" if number % 5 else "not_reached",
        done_at=at + timedelta(days=1),
    )


def action(given: Response, opened: Ticket) -> Action:
    """Return the action that opened a ticket."""
    at = given.answered_at
    key = IDS.derive(at, "action", given.id)
    kind = ("urgent_contact", "ack", "now", "")
    return Action(
        key, given.id, 1, given.customer, *kind, at, None, ActionState.DONE, "", "", at, "v", ticket=opened.id
    )


AGAIN = customer(10_000, "south", BEGIN)


def first_bad() -> tuple[SurveyRequest, Response, Ticket]:
    """Return a customer's bad answer and its ticket, which is asked about again."""
    asked = request(20_000, AGAIN, "delivery", "delivery-6w", BEGIN + timedelta(days=40))
    given = answer(asked, 2, "Broken.", BEGIN + timedelta(days=41))
    return asked, given, ticket(20_001, given)


def recovery_request() -> SurveyRequest:
    """Return the question asked again."""
    _, _, opened = first_bad()
    asked = request(20_002, AGAIN, "recovery", "recovery", BEGIN + timedelta(days=60))
    return replace(asked, reference=opened.id)


def recovery_answer() -> Response:
    """Return its answer: won back."""
    return answer(recovery_request(), 9, "Thank you for calling.", BEGIN + timedelta(days=61))
