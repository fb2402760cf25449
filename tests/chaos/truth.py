"""What a run did and was told, and what came of it: acknowledgements beside rows, mails and messages."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson
import sqlalchemy as sa
from crowd import Effect, Kind, Person, effects_after
from mail_part import Taken

from workers.domain.types import DeadLetterState, DecisionState, DispatchState
from workers.store import tables
from workers.store.engine import Store

TICKET_MAIL = "ticket"
AHEAD = {"planned": "ahead", "held": "ahead"}
"""A question for later is held while a ticket is open; which of the two it is just now is all the same."""


@dataclass(slots=True)
class Acknowledged:
    """The people of a run, and which of their deeds were tried and acknowledged."""

    people: dict[str, Person] = field(default_factory=dict)
    tried: dict[str, set[str]] = field(default_factory=dict)
    done: dict[str, set[str]] = field(default_factory=dict)

    def note(self, person: Person, deed: str, *, acknowledged: bool) -> None:
        """Note that a deed was tried, or acknowledged."""
        self.tried.setdefault(person.crm_id, set()).add(deed)
        if acknowledged:
            self.done.setdefault(person.crm_id, set()).add(deed)

    def required(self) -> set[Effect]:
        """Return what must be there."""
        return effects_after(list(self.people.values()), self.done)

    def allowed(self) -> set[Effect]:
        """Return what may be there."""
        return effects_after(list(self.people.values()), self.tried)


def seen_in(
    store: Store, taken: Sequence[Taken], published: Iterable[tuple[str, str]], people: dict[str, Person]
) -> Counter[Effect]:
    """Return every effect that is there, and how often; `told` are the messages that were published: topic, key."""
    t = tables
    with store.reading() as connection:

        def rows(
            *columns: sa.ColumnElement[object], where: object = None, of: sa.Table | None = None
        ) -> list[tuple[str, ...]]:
            query = sa.select(*columns)
            if of is not None:
                query = query.select_from(of.join(t.customer, of.c.customer == t.customer.c.id))
            if where is not None:
                query = query.where(where)  # type: ignore[arg-type]  # a condition
            return [tuple(str(value) for value in row) for row in connection.execute(query)]

        who = t.customer.c.crm_id
        seen: list[Effect] = []
        seen += [("event", *row) for row in rows(t.inbox.c.event_id)]
        seen += [
            ("letter", *row)
            for row in rows(t.dead_letter.c.event_id, where=t.dead_letter.c.state == DeadLetterState.OPEN)
        ]
        touchpoint = t.touchpoint
        planned = rows(who, touchpoint.c.step, touchpoint.c.state, of=touchpoint)
        seen += [("touchpoint", customer, step, AHEAD.get(state, state)) for customer, step, state in planned]
        seen += [("ask", *row) for row in rows(who, t.survey_request.c.step, of=t.survey_request)]
        seen += [("answer", *row) for row in rows(who, t.response.c.score, of=t.response)]
        current = t.decision.c.state == DecisionState.CURRENT
        seen += [("decision", *row) for row in rows(who, t.decision.c.rule, where=current, of=t.decision)]
        seen += [("ticket", *row) for row in rows(who, of=t.ticket)]
        dispatch = t.dispatch
        failed = sa.and_(dispatch.c.state == DispatchState.FAILED, dispatch.c.kind == "mail")
        seen += [("refusal", *row) for row in rows(who, dispatch.c.template, where=failed, of=dispatch)]
        owners = {row[0]: row[1:] for row in rows(dispatch.c.message_id, who, dispatch.c.template, of=dispatch)}
    seen += [arrival_of(mail, owners, people) for mail in first_of_each(taken)]
    seen += [("told", topic, key) for topic, key in published]
    return Counter(effect for effect in seen if not is_of_no_interest(effect, people))


def first_of_each(taken: Iterable[Taken]) -> Iterable[Taken]:
    """Give each mail once; its second copies are counted apart."""
    return {mail.message_id: mail for mail in taken if mail.message_id}.values()


def arrival_of(mail: Taken, owners: dict[str, tuple[str, ...]], people: dict[str, Person]) -> Effect:
    """Return whose mail it is by the rows; a mail that no row knows, or to the wrong mailbox, is somebody else's."""
    owner = owners.get(mail.message_id)
    if owner is None:
        return ("mail", "of nobody", mail.message_id)
    crm_id, template = owner
    person = people.get(crm_id)
    if template != TICKET_MAIL and (person is None or person.address != mail.recipient):
        return ("mail", "to somebody else", mail.message_id)
    return ("mail", crm_id, template)


def is_of_no_interest(effect: Effect, people: dict[str, Person]) -> bool:
    """Tell of the questions to people who opted out: planned and cancelled, or never planned, are all the same."""
    person = people.get(effect[1])
    return effect[0] == "touchpoint" and effect[3] != "asked" and person is not None and person.kind == Kind.OPTED_OUT


def told_in(lines: bytes) -> list[tuple[str, str]]:
    """Return topic and key of each message in the file that stands for Kafka."""
    rows = [orjson.loads(line) for line in lines.splitlines() if line.endswith(b"}")]
    return [(str(row["topic"]).removeprefix("boucle."), str(row["key"])) for row in rows]
