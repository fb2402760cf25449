"""What the web role works with: the parts that wiring made, in one frozen value that every page reaches by its request.

Nothing here builds a part or knows a page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request

from workers.composing import Templates
from workers.controls import Sending
from workers.data import Data
from workers.envelope import Codec
from workers.intake import Intake
from workers.links import Links
from workers.mailbox import MailboxSender
from workers.policy import Policy
from workers.serving import Serving
from workers.settings import Settings
from workers.store.engine import Store


@dataclass(frozen=True, slots=True)
class Web:
    """The parts behind the pages.

    `checks` are further parts that /readyz asks, by name: each returns what it found in words, or raises a BoucleError.
    """

    settings: Settings
    store: Store
    policy: Callable[[], Policy]
    now: Callable[[], datetime]
    serving: Serving
    intake: Intake
    codec: Codec
    templates: Templates
    links: Links
    mailbox: MailboxSender | None
    data: Data
    sending: Sending
    checks: Mapping[str, Callable[[], str]] = field(default_factory=dict)


def web_of(request: Request) -> Web:
    """Return the parts behind the application that a request came to."""
    web: Web = request.app.state.web
    return web
