"""Customer actions: one act of a customer at the web edge, in one transaction: an answer, an opt-out, a reopening.

A web answer differs from a score event only in its door. GET changes nothing but a click row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.domain.changeset import ChangeSet
from workers.domain.customer.profile import opt_out
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.customer_inputs import COMPUTED
from workers.domain.followup.decision import contact_due
from workers.domain.mail.question_wording import QuestionWording, wording_of
from workers.domain.mailbox_keys import address_key
from workers.domain.policy import Policy
from workers.domain.records import (
    Click,
    Customer,
    Dispatch,
    Journey,
    Response,
    Row,
    Stop,
    Suppression,
    SurveyRequest,
    Ticket,
    TicketEntry,
)
from workers.domain.survey.response import ANSWERABLE, Answer, answer_in, answer_request, response_to
from workers.domain.ticket import Turn, next_version, reopen, turn
from workers.domain.types import CustomerId, TicketState
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.customer.erasure import merged_into
from workers.store.engine import Store
from workers.store.sign_in.audit_log import record_act
from workers.store.survey.clicks import latest_clicks
from workers.store.survey.wordings import wordings_by_id
from workers.store.ticket.roster import decide
from workers.store.ticket.tickets import open_ticket_of
from workers.structs import replace

MOST_CLICKS = 50
"""Clicks kept of one link: evidence against machines needs no more, and an opened link must cost the same for ever."""
MOST_WORDS_OF_A_CUSTOMER = 50
"""Lines that one customer may add to one ticket by the link in a mail."""
SUSPICIOUS_SECONDS = 60
"""Two different scores opened within this time look like a machine (mail-and-trust: machine clicks)."""

REOPEN_WITHIN = timedelta(days=90)
"""How long after its end a customer may reopen a ticket by the link in its mail (our choice)."""
CUSTOMER = "customer"
"""Who acts where a customer did, in a ticket's history."""
MACHINE = "boucle"
"""Who acts in the audit log where no person did."""
FOR_INPUTS: tuple[type[Row], ...] = (Stop, Journey, Response)
"""What the inputs about a customer that are computed are computed from."""
WITH_ENTRIES: tuple[type[Row], ...] = (*read.OF_A_CUSTOMER, TicketEntry)
"""What an agent's act looks at: a ticket's history says how often the customer was called."""

Act = Callable[[CustomerCase], bool]
"""What somebody does to a customer's case; False where there is nothing to act on."""


@dataclass(frozen=True, slots=True)
class AskedPage:
    """What the answer page shows: the question, what was answered so far, and whether an answer still counts."""

    request: SurveyRequest
    customer: Customer
    response: Response | None
    open: bool
    wording: QuestionWording | None
    """The wording that it was asked in, where its texts are kept."""
    contact_due: datetime | None = None
    """By when somebody contacts the customer about the answer, as things stand."""


class CustomerActions:
    """Carries out what one person does; every act is idempotent."""

    def __init__(self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now

    def asked(self, request: str) -> AskedPage | None:
        """Return what the answer page of a request shows; None for what is unknown or erased."""
        now = self._now()
        with self._store.reading() as connection:
            asked = read.by_key(connection, SurveyRequest, request) if read.is_id(request) else None
            customer = read.by_key(connection, Customer, asked.customer) if asked else None
            if asked is None or customer is None or customer.erased_at:
                return None
            responses = read.rows_with(connection, Response, request=request, customer=asked.customer)
            is_open = asked.state in ANSWERABLE and asked.closes_at > now
            policy, id = self._policy(), wording_of(asked)
            wording = wordings_by_id(connection, {id}).get(id)
            if not responses:
                return AskedPage(asked, customer, None, is_open, wording)
            kinds = FOR_INPUTS if COMPUTED.keys() & policy.follow_up.asks else ()
            case = read.cases_of(connection, UnitOfWork(policy, now), [customer], kinds)[customer.id]
            return AskedPage(asked, customer, responses[0], is_open, wording, contact_due(case, responses[0]))

    def click(self, request: str, score: int | None, method: str, signal: str = "") -> None:
        """Keep that a link was opened; never an answer."""
        policy, now = self._policy(), self._now()

        def work(connection: Connection) -> None:
            asked = read.by_key(connection, SurveyRequest, request)
            if asked is None:
                return
            earlier = latest_clicks(connection, request, asked.customer, MOST_CLICKS)
            if len(earlier) >= MOST_CLICKS:
                return
            mark = signal or machine_signal(earlier, score, method, now)
            key = policy.ids.derive(now, "click", request, str(len(earlier)), str(score), method)
            changes = ChangeSet()
            changes.add(Click(key, request, asked.customer, now, score, method, mark))
            apply(connection, changes, now)

        self._store.write(work)

    def answer(
        self,
        request: str,
        score: int,
        comment: str = "",
        *,
        wants_contact: bool = False,
        phone: str = "",
        half_day: str = "",
        drivers: Sequence[str] | None = None,
        competitor: str | None = None,
    ) -> bool:
        """Take a confirmed answer; False when the request takes none any more. The same answer twice is one."""

        def act(case: CustomerCase) -> bool:
            asked = case.get(SurveyRequest, request)
            if asked is None or asked.state not in ANSWERABLE or asked.closes_at <= case.now:
                return False
            chosen = None if drivers is None else tuple(drivers)
            answer = Answer(score, comment.strip(), wants_contact, case.now, phone.strip(), half_day)
            answer_request(case, asked, replace(answer, drivers=chosen, competitor=competitor))
            return True

        return self.act_for_owner(SurveyRequest, request, act)

    def name_drivers(self, request: str, drivers: Sequence[str], competitor: str | None = None) -> bool:
        """Keep what was named as the reason for the score that stands; the last choice counts, the same is no change.

        `competitor` is what was written of another company; None leaves it as it is. False when there is no score yet,
        or the question takes no answer any more.
        """

        def act(case: CustomerCase) -> bool:
            asked = case.get(SurveyRequest, request)
            earlier = response_to(case, request)
            if asked is None or earlier is None or asked.state not in ANSWERABLE or asked.closes_at <= case.now:
                return False
            competitor_now = competitor.strip() if competitor is not None else None
            again = replace(answer_in(earlier), at=case.now, drivers=tuple(drivers), competitor=competitor_now)
            answer_request(case, asked, again)
            return True

        return self.act_for_owner(SurveyRequest, request, act)

    def stop_asking(self, dispatch: str) -> bool:
        """Opt the customer of a mail out, at once and for ever; False for an unknown mail."""

        addresses = self._merged_addresses(dispatch)

        def act(case: CustomerCase) -> bool:
            opt_out(case, how="customer")
            for address in addresses:  # the mailbox that said stop may be the one of an id that was merged
                case.add(Suppression(address_key(address, case.ids), "opt_out", case.now, "customer"))
            return True

        return self.act_for_owner(Dispatch, dispatch, act)

    def _merged_addresses(self, dispatch: str) -> list[str]:
        """Return the addresses of those who were merged into the customer of a mail."""
        mail = self.mail(dispatch)
        if mail is None or not mail.customer:
            return []
        with self._store.reading() as connection:
            keys = merged_into(connection, mail.customer)
            merged = read.with_ids(connection, Customer, keys)
        return [customer.email for customer in merged if customer.email]

    def mail(self, dispatch: str) -> Dispatch | None:
        """Return a dispatch; None for an unknown id, or for a text that is none."""
        with self._store.reading() as connection:
            return read.by_key(connection, Dispatch, dispatch) if read.is_id(dispatch) else None

    def response(self, response: str) -> tuple[Response, Customer] | None:
        """Return a response and its customer; None for what is unknown or erased."""
        with self._store.reading() as connection:
            answer = read.by_key(connection, Response, response) if read.is_id(response) else None
            customer = read.by_key(connection, Customer, answer.customer) if answer else None
            return (answer, customer) if answer and customer and not customer.erased_at else None

    def improve(self, response: str, text: str) -> bool:
        """Keep what would have made it a 9 or 10 with the response; a later text replaces the earlier one."""

        def act(case: CustomerCase) -> bool:
            answer = case.get(Response, response)
            if answer is not None and text.strip() and answer.improvement != text.strip():
                case.change(replace(answer, improvement=text.strip(), improvement_at=case.now))
            return answer is not None

        return self.act_for_owner(Response, response, act)

    def ended(self, dispatch: str) -> tuple[Ticket, Customer] | None:
        """Return the ticket that a mail called done, while it may be reopened; None for unknown, erased or too old."""
        mail, now = self.mail(dispatch), self._now()
        if mail is None or mail.ticket is None or mail.template != "done":
            return None
        with self._store.reading() as connection:
            ticket = read.by_owner(connection, Ticket, mail.customer, mail.ticket)
            customer = read.by_key(connection, Customer, ticket.customer) if ticket else None
        if ticket is None or customer is None or customer.erased_at:
            return None
        too_old = ticket.done_at is not None and ticket.done_at + REOPEN_WITHIN <= now
        return None if too_old else (ticket, customer)

    def reopen_by_customer(self, dispatch: str, text: str) -> Ticket | None:
        """Open a ticket again because its customer says that it is not solved, and return the one that is open now.

        Where it is open already, or another one is, the words go into that one's history: none is lost or doubled.
        """
        ended = self.ended(dispatch)
        if ended is None:
            return None
        key = ended[0].id

        def act(case: CustomerCase) -> bool:
            ticket = case.get(Ticket, key)
            if ticket is None:
                return False
            if ticket.state == TicketState.DONE:
                reopen(case, ticket, CUSTOMER, text)
            else:
                append_comment(case, ticket, text)
            return True

        if not self.act_for_owner(Ticket, key, act, kinds=WITH_ENTRIES):
            return None
        with self._store.reading() as connection:
            return open_ticket_of(connection, ended[1].id)

    def act_for_owner(
        self,
        kind: type[Row],
        key: str,
        act: Act,
        *,
        kinds: Sequence[type[Row]] = read.OF_A_CUSTOMER,
    ) -> bool:
        """Lock the customer that a row of a class belongs to, decide, write; False when there is nothing to act on.

        Every turn of a ticket is an act in the audit trail, whichever door it came by.
        """
        if not read.is_id(key):
            return False
        policy, now = self._policy(), self._now()

        def run(connection: Connection) -> bool:
            work = UnitOfWork(policy, now)
            case = case_of_owner(connection, work, kind, key, kinds)
            if case is None or case.customer.erased_at or not decide(connection, work, lambda: act(case)):
                return False
            changes = work.hand_over()
            apply(connection, changes, now)
            audit_turns(connection, changes, case)
            return True

        return self._store.write(run)


def append_comment(case: CustomerCase, ticket: Ticket, text: str) -> None:
    """Keep a customer's words as a line of an open ticket; the same words once more add nothing."""
    earlier = [entry for entry in case.all(TicketEntry) if entry.ticket == ticket.id and entry.by == CUSTOMER]
    said = any(entry.text == text.strip() for entry in earlier)
    if text.strip() and not said and len(earlier) < MOST_WORDS_OF_A_CUSTOMER:
        turn(case, next_version(ticket, case.now), Turn("comment", CUSTOMER, text.strip()))


def audit_turns(connection: Connection, changes: ChangeSet, case: CustomerCase) -> None:
    """Add the turns of tickets to the audit trail."""
    numbers = {ticket.id: ticket.number for ticket in case.all(Ticket)}
    for row in changes.rows_added():
        if isinstance(row, TicketEntry):
            record_act(connection, case.now, row.by or MACHINE, f"ticket.{row.kind}", f"ticket {numbers[row.ticket]}")


def case_for(
    connection: Connection,
    work: UnitOfWork,
    customer: CustomerId,
    kinds: Sequence[type[Row]] = read.OF_A_CUSTOMER,
) -> CustomerCase | None:
    """Lock one customer and return their case, with the rows of the given tables."""
    rows = read.lock_customers(connection, [customer])
    return read.cases_of(connection, work, rows, kinds)[customer] if rows else None


def case_of_owner(
    connection: Connection, work: UnitOfWork, kind: type[Row], key: str, kinds: Sequence[type[Row]]
) -> CustomerCase | None:
    """Lock the customer that a row belongs to and return their case; None for an unknown row.

    The owner is asked for again under the lock: a merge may have moved the row to another customer meanwhile.
    """
    owner = read.owner_of(connection, kind, key)
    while owner:
        case = case_for(connection, work, owner, kinds)
        owner, before = read.owner_of(connection, kind, key), owner
        if owner == before:
            return case
    return None


def machine_signal(earlier: list[Click], score: int | None, method: str, now: datetime) -> str:
    """Return what speaks for a machine having opened the link: kept as evidence, never a guard."""
    if method == "HEAD":
        return "head"
    for click in earlier:
        near = abs((now - click.at).total_seconds()) <= SUSPICIOUS_SECONDS
        if near and score is not None and click.score is not None and click.score != score:
            return "two scores"
    return ""
