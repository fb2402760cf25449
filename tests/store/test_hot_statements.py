"""Hot statements go by an index: what each of them would do is asked of both databases."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import parts
import pytest
import sqlalchemy as sa
from sqlalchemy.sql.visitors import iterate

from workers.domain.records import SurveyRequest
from workers.store import due, ledger, read, tables
from workers.store.customer import askings
from workers.store.delivery import claim, departures, mails_taken, ordinary_turns, outbox
from workers.store.engine import ListOf, Store
from workers.store.survey import support_figures, wordings
from workers.store.ticket import of_accounts, tickets

DUE = (*due.ALWAYS, due.askable(frozenset(), ()), due.GIVEN_UP)
STATEMENTS: dict[str, sa.sql.expression.ClauseElement] = {
    "customers by key": read.CUSTOMERS,
    "customers to lock": read.LOCKING,
    "customers nobody holds": read.LOCKING_FREE,
    "journeys by reference": read.OF_REFERENCES,
    "touchpoints of journeys": read.OF_JOURNEYS,
    "whose requests are, of those named": read.REQUESTS_OF_CUSTOMERS,
    "whose requests are": read.REQUESTS_NAMED,
    "events known": ledger.KNOWN,
    "a lease that ran out": claim.LEASED_BACK,
    "a handing over that was cut": claim.SENDING_BACK,
    "a handing over that was cut too often": claim.SENDING_ENDS,
    "what is ready": claim.ANY_READY,
    "leases that are renewed": claim.RENEW,
    "a mail that is about to leave": claim.MARK_SENDING,
    "a mail that was taken": claim.ACCEPT,
    "mails that are leased": claim.LEASE,
    "mails that are still leased": claim.STILL_LEASED_BY_OWNERS,
    "mails leased under another customer": claim.STILL_LEASED,
    "requests of some customers": read.OF_OWNERS[SurveyRequest],
    "wordings of questions": wordings.WORDINGS,
    "bodies composed before": claim.KEPT_BODIES_OF_CUSTOMERS,
    "bodies of a release before": claim.KEPT_BODIES,
    "suppressed addresses": read.SUPPRESSED,
    "what a mailbox was asked": askings.ASKED,
    "what became of askings": askings.COUNTED_STEPS,
    "what waits longest in the outbox": outbox.OLDEST,
    "tickets past their first contact": tickets.PAST_FIRST_CONTACT,
    "open tickets of an account": of_accounts.OPEN_TICKETS,
    "who was scored elsewhere": read.SCORED_ELSEWHERE,
    "questions that do not wait for support": due.askable(frozenset(), (("wave", timedelta(days=3)),)),
    "due work of any kind": due.looking(DUE),
    "tickets to call": support_figures.TO_CALL,
    "questions without an answer": support_figures.UNANSWERED,
    "questions asked in a time": support_figures.ASKED,
    "answers to questions of a time": support_figures.ANSWERED,
    **{f"{tables.of(kind).name} of customers": statement for kind, statement in read.OF_CUSTOMERS.items()},
    **{f"due work {number}": statement for number, statement in enumerate(DUE)},
    **{f"due work {number}, locked": due.locking(statement) for number, statement in enumerate(DUE)},
}
"""What intake, waking and sending run for each batch, and /metrics at each scrape."""
OF_EACH_ENGINE: dict[str, Mapping[str, sa.sql.expression.ClauseElement]] = {
    "customers' versions": departures.VERSIONS,
    "customers' versions, locked": departures.LOCKED_VERSIONS,
    "mails that leave": departures.MARK,
    "mails that leave in one go": {"postgresql": ordinary_turns.MARK, "sqlite": departures.MARK["sqlite"]},
    "mails that were taken": departures.ACCEPT,
    "leases of many": departures.RENEW,
    "questions that were taken": {"postgresql": mails_taken.RECORD, "sqlite": departures.REQUESTS_SENT},
}
"""What is written for each engine in its own words."""
SOME_KEY = "00000000-0000-8000-8000-000000000000"
MOMENT = datetime(2026, 3, 3, tzinfo=UTC)


def values_of(statement: sa.sql.expression.ClauseElement) -> dict[str, object]:
    """Return a value for each parameter of a statement."""
    values: dict[str, object] = {"rows": "[]"}  # those of many, as one text
    for part in iterate(statement):
        if isinstance(part, sa.BindParameter) and part.required:
            values[part.key] = value_of(part.type)
    return values


def value_of(kind: sa.types.TypeEngine[Any]) -> object:
    """Return some value of a type."""
    if isinstance(kind, ListOf):
        return [SOME_KEY]
    if isinstance(kind, tables.Instant):
        return MOMENT
    if isinstance(kind, sa.Uuid):
        return SOME_KEY
    if isinstance(kind, sa.Interval):
        return timedelta(minutes=1)
    return "x" if isinstance(kind, sa.String) else 1


def plan_of(store: Store, statement: Any) -> str:
    """Return how the database would run a statement."""
    with store.engine.connect() as connection:
        if not store.sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")  # the tables are empty: is there an index at all?
        how = "EXPLAIN QUERY PLAN " if store.sqlite else "EXPLAIN "
        compiled = statement.compile(store.engine)
        written = compiled.construct_expanded_state(values_of(statement))  # with what is not sent as a parameter
        processed = {
            name: compiled._bind_processors[name](value) if name in compiled._bind_processors else value
            for name, value in written.parameters.items()
        }
        sent: Any = [processed[name] for name in written.positiontup] if written.positiontup else processed
        rows = connection.exec_driver_sql(how + written.statement, tuple(sent) if written.positiontup else sent).all()
    return "\n".join(str(row[-1]) for row in rows)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give an empty migrated database of each kind."""
    with parts.migrated(request, tmp_path_factory.mktemp("hot")) as made:
        yield made


@pytest.mark.parametrize("name", sorted([*STATEMENTS, *OF_EACH_ENGINE]))
def test_a_hot_statement_goes_by_an_index(store: Store, name: str) -> None:
    """No table is read from its beginning to its end for a batch."""
    plan = plan_of(store, OF_EACH_ENGINE[name][store.dialect] if name in OF_EACH_ENGINE else STATEMENTS[name])
    scans = [line for line in plan.splitlines() if line.startswith("SCAN") or "Seq Scan" in line]
    assert [
        line for line in scans if not any(word in line for word in ("USING", "VIRTUAL TABLE", "CONSTANT ROW"))
    ] == [], plan
