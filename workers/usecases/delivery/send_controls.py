"""Controls: whether mail goes out, what is paused, how much of today is used. Operators set them, roles read them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from workers.calendar import in_zone
from workers.domain.mail.deliverability import RefusalRule, must_pause, owner_of
from workers.domain.sending_state import SendingState
from workers.errors import Misconfigured
from workers.store.connection import Connection
from workers.store.controls import CLOCK_LEAPT, clear_control, clear_controls, read_controls, set_control
from workers.store.delivery.mail_servers import failing, forget_servers
from workers.store.delivery.send_counts import count_due_capped, count_sent_since
from workers.text.plain_text import for_reader

if TYPE_CHECKING:  # with the policy and the cases behind it, which no verb needs that pauses or looks
    from workers.domain.survey.day_quotas import DayQuotas

PAUSED_TOUCHPOINT = "paused:"
REFUSING = "refusing:"
"""Begins the controls that say who refuses us: until when that counts, and in what words."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What the settings say: `blocked` is why sending cannot be switched on at all, `held` why it is not on yet."""

    blocked: str
    held: str
    per_day: int
    per_second: float
    only_to: frozenset[str]
    redirect: str


def sending_now(connection: Connection, sending: Sending) -> SendingState:
    """Return whether mail goes out: held by the settings, paused by a person or by an alarm, or on.

    On with a reason: the mail server takes none at the moment.
    """
    state = state_by(read_controls(connection), sending)
    if not state.on:
        return state
    return replace(state, reason="; ".join(server.sentence for server in failing(connection)))


def state_by(controls: Mapping[str, str], sending: Sending) -> SendingState:
    """Return whether mail goes out by some controls; nothing is said of the mail server."""
    paused = frozenset(name.removeprefix(PAUSED_TOUCHPOINT) for name in controls if name.startswith(PAUSED_TOUCHPOINT))
    if CLOCK_LEAPT in controls:
        return SendingState("paused", leap_told(controls[CLOCK_LEAPT]), paused, clock_leapt=True)
    if sending.blocked:
        return SendingState("held", sending.blocked, paused)
    if sending.held and controls.get("sending") != "on":
        return SendingState("held", sending.held, paused)
    if "paused" in controls:
        return SendingState("paused", controls["paused"], paused)
    return SendingState("on", "", paused)


def leap_told(control: str) -> str:
    """Return a leap of the clock as a sentence."""
    before, now = control[:16], control[17:33]
    return (
        f"the clock leapt from {before} to {now} UTC; if that is right: `boucle clock confirm`, else mend it. "
        "It counts again by itself once it has stood for ten minutes"
    )


@dataclass(slots=True)
class SendBudget:
    """How many survey mails may still be asked for today; None: any number."""

    left: int | None
    paused: frozenset[str] = frozenset()
    may_ask: bool = True
    answers_only: bool = False
    """While the clock is doubted: answers are routed and their tickets opened; nothing else is taken up or given up."""
    questions: int | None = None
    """For how many more questions support has room; None: no question waits for it."""
    quotas: "DayQuotas | None" = None
    """What was asked today of the questions that are asked so many a day; of the customers taken up last."""

    def take(self, asked: int) -> None:
        """Count survey mails that were asked for."""
        if self.left is not None:
            self.left -= asked
        if self.questions is not None:
            self.questions -= asked

    def support_busy(self, asked: int = 0) -> bool:
        """Tell whether support has no room for more answers, with `asked` questions that are not taken from it yet."""
        return self.questions is not None and self.questions <= asked

    def allows(self, step: str, asked: int = 0) -> bool:
        """Tell whether a touchpoint may be asked now, with `asked` survey mails that are not taken from it yet."""
        return self.may_ask and step not in self.paused and (self.left is None or self.left > asked)


def midnight_of(now: datetime, zone: str) -> datetime:
    """Return the start of the day in the brand's zone."""
    return in_zone(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)


def pause(connection: Connection, now: datetime, by: str, *, touchpoint: str = "", why: str = "") -> None:
    """Pause all sending, or one touchpoint; nothing is lost, what is due waits."""
    name = f"{PAUSED_TOUCHPOINT}{touchpoint}" if touchpoint else "paused"
    set_control(connection, name, why or f"paused by {by}", now, by)


def resume(connection: Connection, sending: Sending, now: datetime, by: str, *, touchpoint: str = "") -> None:
    """Let sending, or one touchpoint, go on, the mail server tried at once; raises Misconfigured while it cannot be."""
    if touchpoint:
        clear_control(connection, f"{PAUSED_TOUCHPOINT}{touchpoint}")
        return
    if sending.blocked:
        raise Misconfigured([f"Sending stays held: {sending.blocked}"])
    clear_control(connection, "paused")
    forget_refusals(connection)
    forget_servers(connection)
    if sending.held:
        set_control(connection, "sending", "on", now, by)


def count_refusal(connection: Connection, address: str, said: str, now: datetime, rule: RefusalRule) -> bool:
    """Remember that an address's domain refuses us, and pause all mail when several unrelated ones do by now.

    Returns whether this one paused it. Resuming begins to count anew.
    """
    until = now + rule.within
    set_control(connection, f"{REFUSING}{owner_of(address)}", f"{until.isoformat()} {said[:200]}", now, "boucle")
    refusing = refusing_domains(connection, now)
    forget_refusals(connection, but=refusing)
    if not must_pause(refusing, rule) or "paused" in read_controls(connection):
        return False
    words = for_reader(said[:200]).replace("“", "").replace("”", "")  # theirs: whoever wrote them, they are quoted
    why = f"several recipients' servers refuse us ({', '.join(refusing)}); the last one said “{words}”"
    pause(connection, now, "boucle", why=why)
    return True


def refusing_domains(connection: Connection, now: datetime) -> list[str]:
    """Return who refuses us by now: registered domains, and providers by name."""
    named = ((name, value.partition(" ")[0]) for name, value in read_controls(connection).items())
    return sorted(
        name.removeprefix(REFUSING)
        for name, until in named
        if name.startswith(REFUSING) and datetime.fromisoformat(until) > now
    )


def forget_refusals(connection: Connection, *, but: Collection[str] = ()) -> None:
    """Forget who refused us, apart from some."""
    clear_controls(connection, REFUSING, but=[f"{REFUSING}{name}" for name in but])


def mails_sent_today(connection: Connection, now: datetime, zone: str) -> int:
    """Return how many survey and promotion mails left since midnight in the brand's zone."""
    return count_sent_since(connection, midnight_of(now, zone))


def mails_today(connection: Connection, now: datetime, zone: str) -> int:
    """Return how many left today, with those that are due and have not left: what asking must leave room for."""
    waiting = count_due_capped(connection, now)
    return mails_sent_today(connection, now, zone) + waiting
