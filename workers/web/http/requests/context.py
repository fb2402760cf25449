"""What the web role works with: the parts that wiring made, in one frozen value that every page reaches by its request.

Nothing here builds a part or knows a page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request

from workers.adapters.file_mailbox import MailboxSender
from workers.adapters.resources import Data
from workers.cloudevents import Codec
from workers.decision_table.live import Refused
from workers.decision_table.trials.installation import Nothing, Stored
from workers.domain.mail.compose import Templates
from workers.domain.mail.links import Links
from workers.domain.policy import Policy
from workers.domain.types import Ids
from workers.settings import Settings
from workers.store.engine import Store
from workers.usecases.customer_actions import CustomerActions
from workers.usecases.delivery.send_controls import Sending
from workers.usecases.intake import Intake
from workers.usecases.operation.backlog import Backlog
from workers.usecases.places.claims import Claims
from workers.usecases.places.given_answers import GivenAnswers
from workers.usecases.places.place_answers import PlaceAnswers
from workers.usecases.sites.anonymous_questions import AnonymousQuestions
from workers.usecases.sites.web_questions import WebQuestions
from workers.usecases.sms.carrier import TextCarrier
from workers.usecases.sms.inbound import TextInbox
from workers.usecases.testimonials import Testimonials
from workers.usecases.ticket_actions import TicketActions
from workers.web.http.requests.tour import Tour


@dataclass(frozen=True, slots=True)
class Web:
    """The parts behind the pages.

    `checks` are further parts that /readyz asks, by name: each returns what it found in words, or raises a BoucleError.
    `backlog` counts what waits in the broker; None without one.
    `rules` is the past of the rule tables; `refused` names the tables whose folder holds an edit that was not taken.
    `text_door` is the address at which the carrier of SMS calls; its end is a secret. `tour` is what only a demo has.
    """

    settings: Settings
    store: Store
    policy: Callable[[], Policy]
    now: Callable[[], datetime]
    customer_actions: CustomerActions
    web_questions: WebQuestions
    place_answers: PlaceAnswers
    claims: Claims
    given_answers: GivenAnswers
    anonymous_questions: AnonymousQuestions
    text_inbox: TextInbox
    text_door: str
    text_carrier: TextCarrier | None
    testimonials: Testimonials
    ticket_actions: TicketActions
    intake: Intake
    codec: Codec
    templates: Templates
    links: Links
    ids: Ids
    mailbox: MailboxSender | None
    data: Data
    sending: Sending
    checks: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    backlog: Backlog | None = None
    rules: Stored = field(default_factory=Nothing)
    refused: Callable[[], Mapping[str, Refused]] = dict
    tour: Tour | None = None


def web_of(request: Request) -> Web:
    """Return the parts behind the application that a request came to."""
    web: Web = request.app.state.web
    return web
