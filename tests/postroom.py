"""A post room for tests: a sender whose answers are scripted by recipient, and an installation's dispatching over it.

Holds no test.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

from embedded import Embedded

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import Dispatch
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.delivery.send_controls import Sending
from workers.usecases.delivery.sender import Delivery

OPEN = Sending(blocked="", held="", per_day=0, per_second=0, only_to=frozenset(), redirect="")
TAKEN = SendResult(SendKind.ACCEPTED, 250, "250 2.0.0 kept")
LATER = SendResult(SendKind.LATER, 450, "450 4.2.1 mailbox busy")
NEVER = SendResult(SendKind.NEVER, 550, "550 5.2.2 mailbox full for ever")
NO_SUCH = SendResult(SendKind.NEVER, 550, "550 5.1.1 no such mailbox")
OURS = SendResult(SendKind.OURS, 554, "554 5.7.1 your address is on a list")
CUT = SendResult(SendKind.UNKNOWN, 0, "the line was cut")


class Killed(BaseException):
    """The process ends here; nothing catches it."""


@dataclass(slots=True)
class Posted:
    """One mail as it was handed over."""

    sender: str
    recipient: str
    raw: bytes


@dataclass(slots=True)
class Postman:
    """Hands mails over: `answers` has what each recipient's next mails are answered with, then all are taken.

    `always`: what every mail is answered with as long as it is set.
    """

    answers: dict[str, list[SendResult | BaseException]] = field(default_factory=dict)
    posted: list[Posted] = field(default_factory=list)
    before: Callable[[], Awaitable[None]] | None = None
    server: str = "smtp://mail.example:25"
    always: SendResult | None = None
    goodbyes: int = 0

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Keep the mail and give the next scripted end."""
        if self.before is not None:
            await self.before()
        self.posted.append(Posted(envelope_from, recipient, raw))
        answer = self.always or (self.answers.get(recipient) or [TAKEN]).pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def close(self) -> None:
        """Count goodbyes."""
        self.goodbyes += 1

    def to(self, recipient: str) -> list[Posted]:
        """Return what was handed over for one recipient."""
        return [mail for mail in self.posted if mail.recipient == recipient]

    def recipients(self) -> list[str]:
        """Return who was written to, in order of the alphabet."""
        return sorted(mail.recipient for mail in self.posted)


@dataclass(slots=True)
class Hook:
    """Takes webhooks."""

    posted: list[tuple[str, bytes]] = field(default_factory=list)
    answers: list[SendResult] = field(default_factory=list)
    target: str = "https://helpdesk.example (1)"

    async def send(self, dispatch_id: str, body: bytes) -> SendResult:
        """Keep the webhook and give the next scripted end."""
        self.posted.append((dispatch_id, body))
        return self.answers.pop(0) if self.answers else TAKEN

    async def close(self) -> None:
        """Do nothing: no connection is kept."""


def sender_of(
    boucle: Embedded,
    postman: Postman,
    hook: Hook | None = None,
    *,
    connections: int = 4,
    lease_seconds: float = 60.0,
    **sending: object,
) -> Delivery:
    """Return an installation's dispatching over a postman; `sending` are fields of Sending."""
    parts = boucle.parts
    return Delivery(
        parts.store,
        parts.policies.current,
        parts.now,
        parts.files.templates,
        replace(OPEN, **sending),  # type: ignore[arg-type]  # fields by name
        postman,
        hook,
        connections=connections,
        lease_seconds=lease_seconds,
    )


def mails(boucle: Embedded, template: str) -> Iterator[Dispatch]:
    """Give the mails made from a template, oldest first."""
    yield from sorted(
        (dispatch for dispatch in boucle.rows(Dispatch) if dispatch.template == template),
        key=lambda dispatch: dispatch.id,
    )


def the_mail(boucle: Embedded, template: str = "ask-delivery") -> Dispatch:
    """Return the only mail made from a template."""
    (mail,) = mails(boucle, template)
    return mail


def prepare(dispatching: Delivery, mail: Dispatch) -> list[OutgoingMessage]:
    """Write one mail and mark it as leaving."""
    written = dispatching.steps.preparation.prepare([mail], dispatching.steps.now())
    return dispatching.steps.turns.take([], written)
