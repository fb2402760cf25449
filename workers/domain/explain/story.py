"""The story of one customer: every row about them, as the store loaded it. Nothing here decides or changes anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.decision_table.model.rest_period import Asked
from workers.domain.mail.question_wording import QuestionWording
from workers.domain.records import (
    Action,
    Click,
    Customer,
    DeadLetter,
    Decision,
    Dispatch,
    History,
    Inbox,
    Journey,
    Response,
    ResponseRevision,
    Row,
    SmsDialogue,
    SmsMessage,
    SmsReply,
    Stop,
    SurveyRequest,
    Testimonial,
    Ticket,
    TicketEntry,
    Touchpoint,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Every row about one person.

    `merged_from` are the CRM's ids that were merged into the customer's own; `asked_as` is the id that was asked for.
    """

    customer: Customer
    events: tuple[Inbox, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    stops: tuple[Stop, ...] = ()
    journeys: tuple[Journey, ...] = ()
    touchpoints: tuple[Touchpoint, ...] = ()
    requests: tuple[SurveyRequest, ...] = ()
    clicks: tuple[Click, ...] = ()
    responses: tuple[Response, ...] = ()
    revisions: tuple[ResponseRevision, ...] = ()
    decisions: tuple[Decision, ...] = ()
    actions: tuple[Action, ...] = ()
    dispatches: tuple[Dispatch, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    entries: tuple[TicketEntry, ...] = ()
    testimonials: tuple[Testimonial, ...] = ()
    history: tuple[History, ...] = ()
    dialogues: tuple[SmsDialogue, ...] = ()
    texts: tuple[SmsMessage, ...] = ()
    text_replies: tuple[SmsReply, ...] = ()
    suppressed: str = ""
    asked_elsewhere: tuple[Asked, ...] = ()
    merged_from: tuple[str, ...] = ()
    asked_as: str = ""
    wordings: Mapping[str, QuestionWording] = field(default_factory=dict)
    """Those that the requests were asked in, by their ids."""

    @property
    def erased(self) -> bool:
        """Tell whether nothing personal may be said any more."""
        return self.customer.erased_at is not None

    def rows(self) -> tuple[Row, ...]:
        """Return the rows that planning and asking decide by; a case of these decides as the core would."""
        return (*self.stops, *self.journeys, *self.touchpoints, *self.requests, *self.responses, *self.tickets)
