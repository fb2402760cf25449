"""Sabotages: faults that are planted into a role's process from outside, to see that a chaos run finds each of them.

Each replaces a function of the product in a process that nursery.py has forked, and nowhere else.
"""

import threading
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from workers.adapters import file_outbox, kafka
from workers.adapters.smtp.sender import SmtpSender
from workers.cloudevents import Event
from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import Dispatch, Row
from workers.domain.types import Ingress
from workers.process import stop_signal
from workers.store import apply as apply_module
from workers.store import new_rows
from workers.store.delivery import mail_servers
from workers.store.ledger import Incoming, Outcome, Taken
from workers.structs import replace
from workers.usecases import customer_actions, intake, scheduler
from workers.usecases.delivery import mail_server

EACH = 3
"""Of so many chances a sabotage takes one, so that most of a run looks healthy."""
LATE_SECONDS = 12.0


def drop_an_event() -> None:
    """Say that an event was accepted, and keep nothing of it."""
    take, chances = intake.Intake.take, count()

    def forgetful(
        self: intake.Intake, batch: Sequence[Incoming], door: Ingress, *more: Any, **named: Any
    ) -> list[Outcome]:
        parsed = [self._parse(incoming, self._now()) for incoming in batch]
        if next(chances) % EACH == 0 and all(isinstance(event, Event) for event in parsed):
            return [Outcome(Taken.ACCEPTED, event) for event in parsed if isinstance(event, Event)]
        return take(self, batch, door, *more, **named)

    intake.Intake.take = forgetful  # type: ignore[method-assign]  # planted


def acknowledge_early() -> None:
    """Say that an event was accepted some seconds before it is written."""
    take = intake.Intake.take

    def hasty(self: intake.Intake, batch: Sequence[Incoming], door: Ingress, *more: Any, **named: Any) -> list[Outcome]:
        parsed = [self._parse(incoming, self._now()) for incoming in batch]
        if not all(isinstance(event, Event) for event in parsed):
            return take(self, batch, door, *more, **named)

        def later() -> None:
            time.sleep(LATE_SECONDS)
            take(self, batch, door, *more, **named)

        threading.Thread(target=later, daemon=True).start()
        return [Outcome(Taken.ACCEPTED, event) for event in parsed if isinstance(event, Event)]

    intake.Intake.take = hasty  # type: ignore[method-assign]  # planted


def lose_an_answer() -> None:
    """Thank for an answer, and keep nothing of it."""
    answer, chances = customer_actions.CustomerActions.answer, count()

    def forgetful(self: customer_actions.CustomerActions, request: str, *more: Any, **named: Any) -> bool:
        return next(chances) % EACH == 0 or answer(self, request, *more, **named)

    customer_actions.CustomerActions.answer = forgetful  # type: ignore[method-assign]  # planted


def change_a_score() -> None:
    """Keep another score than the one that was given."""
    answer = customer_actions.CustomerActions.answer

    def wrong(self: customer_actions.CustomerActions, request: str, score: int, *more: Any, **named: Any) -> bool:
        return answer(self, request, (score + 5) % 11, *more, **named)

    customer_actions.CustomerActions.answer = wrong  # type: ignore[method-assign]  # planted


def send_twice() -> None:
    """Hand a mail over once more although the server took it."""
    send, chances = SmtpSender.send, count()

    async def eager(self: SmtpSender, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        result = await send(self, envelope_from, recipient, raw)
        if result.kind == SendKind.ACCEPTED and next(chances) % EACH == 0:
            await send(self, envelope_from, recipient, raw)
        return result

    SmtpSender.send = eager  # type: ignore[method-assign]  # planted


def believe(mistaken: Callable[[SendResult], bool]) -> None:
    """Take some ends of a hand-over for good."""
    send = SmtpSender.send

    async def credulous(self: SmtpSender, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        result = await send(self, envelope_from, recipient, raw)
        return SendResult(SendKind.ACCEPTED, 250, "250 believed") if mistaken(result) else result

    SmtpSender.send = credulous  # type: ignore[method-assign]  # planted


def swallow_a_refusal() -> None:
    """Take a refusal for an acceptance."""
    believe(lambda result: result.code >= 400)


def believe_a_broken_line() -> None:
    """Take a line that broke for an acceptance."""
    believe(lambda result: result.kind != SendKind.ACCEPTED and result.code == 0)


def skip_a_row() -> None:
    """Never wake some of those whose question is due."""
    wake = scheduler.wake

    def lazy(case: Any, *more: Any) -> None:
        unlucky = sum(case.id.encode()) % EACH == 0
        if not unlucky:
            wake(case, *more)

    scheduler.wake = lazy  # type: ignore[assignment]  # planted


def queue_twice() -> None:
    """Queue a mail a second time, under an id of its own."""
    insert = new_rows.insert

    def generous(connection: Any, kind: type[Row], rows: Sequence[Row]) -> None:
        twins = [replace(row, id=row.id[::-1]) for row in rows if isinstance(row, Dispatch) and row.template == "ack"]
        insert(connection, kind, [*rows, *twins])

    apply_module.insert = generous  # type: ignore[attr-defined]  # planted


def drop_a_message() -> None:
    """Say that messages were published, and leave some out."""
    for outlet in (file_outbox.FileOutlet, kafka.TopicOutlet):
        leave_some_out(outlet)


def leave_some_out(outlet: Any) -> None:
    """Let one kind of outlet leave some messages out."""
    publish, chances = outlet.publish, count()

    def careless(self: Any, messages: Sequence[tuple[str, str, bytes]]) -> None:
        publish(self, [message for message in messages if next(chances) % EACH])

    outlet.publish = careless


def hide_an_outage() -> None:
    """Keep nothing of a mail server that is away, so that nobody is told."""

    def rosy(state: mail_servers.ServerState, *_more: Any) -> mail_servers.ServerState:
        return mail_servers.ServerState(state.server)

    mail_server.after = rosy  # type: ignore[assignment]  # planted


def be_deaf_to_a_stop() -> None:
    """Hear no signal to stop."""
    stop_signal.StopSignal._hear = lambda _self: None  # type: ignore[method-assign, assignment]  # planted


SABOTAGES: dict[str, Callable[[], None]] = {
    "drop an event": drop_an_event,
    "acknowledge early": acknowledge_early,
    "lose an answer": lose_an_answer,
    "change a score": change_a_score,
    "send twice": send_twice,
    "swallow a refusal": swallow_a_refusal,
    "believe a broken line": believe_a_broken_line,
    "skip a row": skip_a_row,
    "queue twice": queue_twice,
    "drop a message": drop_a_message,
    "hide an outage": hide_an_outage,
    "be deaf to a stop": be_deaf_to_a_stop,
}


def plant(name: str) -> None:
    """Plant one sabotage into this process; an empty name plants none."""
    if name:
        SABOTAGES[name]()
