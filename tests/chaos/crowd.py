"""The people of a chaos run and what comes of each deed of theirs: a pure model, by seed; knows no process and no row.

A deed is one event that a CRM sends, or one answer on the page. What must come out follows from the deeds that were
acknowledged; what may come out, from those that were tried. An effect is a tuple that begins with its kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

AT = "2026-03-03T08:00:00+00:00"
"""When everything happens, an hour before the run's clock begins: nothing that is planned for now is early or late."""
PROMOTER, PASSIVE = 9, 7
REFUSED, LATER = "refused-", "later-"
"""How the addresses begin to which the mail server says never, and at first later."""

Effect = tuple[str, ...]


class Kind(StrEnum):
    """What somebody does."""

    SILENT = "silent"  # gets a delivery and does not answer
    ANSWERS = "answers"  # gets a delivery and answers on the page
    SCORES = "scores"  # gave a score in another tool
    OPTED_OUT = "opted out"  # wants no mail, and gets a delivery afterwards
    REFUSED = "refused"  # has an address that the mail server refuses
    LATER = "later"  # has an address that the mail server puts off once
    MALFORMED = "malformed"  # a CRM says something about them that cannot be true


WEIGHTS = {
    Kind.SILENT: 3,
    Kind.ANSWERS: 8,
    Kind.SCORES: 5,
    Kind.OPTED_OUT: 1,
    Kind.REFUSED: 1,
    Kind.LATER: 1,
    Kind.MALFORMED: 1,
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is met once: the CRM's id, what they do and say. `again`: a CRM sends all of it twice."""

    crm_id: str
    kind: Kind
    score: int
    comment: str
    again: bool = False

    @property
    def address(self) -> str:
        """Return the mailbox, by which the mail server knows how to answer."""
        prefix = {Kind.REFUSED: REFUSED, Kind.LATER: LATER}.get(self.kind, "")
        return f"{prefix}{self.crm_id}@example.org"


def crowd(chance: Random, prefix: str, count: int) -> list[Person]:
    """Return some people whose ids begin with a prefix; the first of them is asked by mail in any case."""
    kinds = [Kind.ANSWERS, *chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=count - 1)]
    return [
        Person(
            crm_id=f"{prefix}-{number}",
            kind=kind,
            score=chance.randrange(11),
            comment=chance.choice(("", "", "It arrived late")),
            again=chance.random() < 0.15,
        )
        for number, kind in enumerate(kinds)
    ]


@dataclass(frozen=True, slots=True)
class Deed:
    """One event as a CRM sends it: its id, its topic, its body; or, with no body, the answer on the page."""

    name: str
    topic: str = ""
    body: Mapping[str, object] | None = None


def deeds_of(person: Person) -> list[Deed]:
    """Return what a CRM sends about somebody, in order."""
    customer = {"id": person.crm_id, "email": person.address, "name": "Camille Roux", "language": "en"}
    delivery = event(person, "journey.delivery", {"reference": f"order-{person.crm_id}", "customer": customer})
    if person.kind in (Kind.SCORES, Kind.MALFORMED):
        score = 11 if person.kind == Kind.MALFORMED else person.score
        return [event(person, "score", {"score": score, "comment": person.comment, "customer": customer})]
    if person.kind == Kind.OPTED_OUT:
        return [event(person, "customer.opted_out", {}), delivery]
    return [delivery]


def event(person: Person, name: str, data: Mapping[str, object]) -> Deed:
    """Return one event about somebody."""
    body = {
        "specversion": "1.0",
        "id": f"{name}/{person.crm_id}",
        "source": "chaos",
        "type": f"boucle.{name}.v1",
        "subject": person.crm_id,
        "time": AT,
        "data": data,
    }
    return Deed(f"{name}/{person.crm_id}", "scores" if name == "score" else "events", body)


def answer_of(person: Person) -> str:
    """Return the name of the deed of answering."""
    return f"answer/{person.crm_id}"


def effects_of(person: Person, deed: str) -> list[Effect]:
    """Return everything that comes of one deed, and comes once."""
    if person.kind == Kind.MALFORMED:
        return [("letter", deed)]
    if deed == answer_of(person):
        return of_score(person, by_page=True)
    if deed.startswith("score/"):
        return [("event", deed), *of_score(person, by_page=False)]
    if deed.startswith("customer.opted_out/"):
        return [("event", deed)]
    return [("event", deed), *of_delivery(person)]


def of_delivery(person: Person) -> list[Effect]:
    """Return what comes of a delivery: two questions planned, and the first asked by mail at once."""
    who = person.crm_id
    if person.kind == Kind.OPTED_OUT:
        return []  # whether two questions are planned and cancelled, or none is planned, is all the same
    asked: list[Effect] = [
        ("touchpoint", who, "delivery-now", "asked"),
        ("touchpoint", who, "delivery-6w", "ahead"),
        ("ask", who, "delivery-now"),
        ("told", "survey-requests", who),
    ]
    return [*asked, ("refusal", who, "ask-delivery") if person.kind == Kind.REFUSED else ("mail", who, "ask-delivery")]


def of_score(person: Person, *, by_page: bool) -> list[Effect]:
    """Return what comes of a score, by the rows of the shipped follow-up table that a chaos run meets."""
    who, score, said = person.crm_id, person.score, bool(person.comment)
    always: list[Effect] = [("answer", who, str(score)), ("told", "responses", who)]
    if score >= PROMOTER:
        rule, mail = ("P1" if by_page else "P4"), "thanks"
    elif score >= PASSIVE:
        rule, mail = ("N4", "thanks-heard") if said else ("N1" if by_page else "N3", "")  # a day later, never in a run
    else:
        rule, mail = ("D1" if by_page else "D3"), "ack"
        always += [("ticket", who), ("mail", who, "ticket"), ("told", "tickets", who)]
    return [*always, ("decision", who, rule), *([("mail", who, mail)] if mail else [])]


def effects_after(people: Iterable[Person], deeds: Mapping[str, Iterable[str]]) -> set[Effect]:
    """Return what comes of the deeds of some people, by the CRM's id."""
    return {effect for person in people for deed in deeds.get(person.crm_id, ()) for effect in effects_of(person, deed)}
