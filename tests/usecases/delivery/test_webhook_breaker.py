"""Webhooks that fail: tried again by the times of Standard Webhooks, with a breaker of their own for each receiver."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from embedded import Embedded, journey, score
from postroom import TAKEN, Hook, Postman, sender_of

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import Dispatch
from workers.store.delivery.webhook_targets import forget_targets
from workers.usecases.delivery import webhook_retries
from workers.usecases.delivery.send_controls import pause, sending_now
from workers.usecases.operation.inquiry import explain
from workers.usecases.operation.status import as_text, status

SECONDS, MINUTES, HOURS = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
REDIRECT = SendResult(SendKind.OURS, 302, "the receiver redirects; set BOUCLE_WEBHOOK_URL to where it leads")
AWAY = SendResult(SendKind.LATER, 0, "the receiver of webhooks did not answer: ConnectError")
BUSY = SendResult(SendKind.LATER, 429, "too many", 1800.0)
GONE = SendResult(SendKind.NEVER, 410, "the receiver said 410 Gone: it wants no more webhooks")


@pytest.fixture
def boucle(install: Callable[..., Embedded]) -> Embedded:
    """Give an installation that tells a helpdesk of its tickets."""
    return install(webhook_url="https://helpdesk.example/hook", webhook_secret="whsec_c2VjcmV0c2VjcmV0c2VjcmV0")


def complain(boucle: Embedded, *customers: str) -> None:
    """Let customers give a 1 from another tool, which opens a ticket each."""
    boucle.take(*(score(1, customer, boucle.clock.at) for customer in customers))
    boucle.parts.scheduler.wake_all()


def send(boucle: Embedded, hook: Hook, *, after: timedelta = timedelta(0)) -> int:
    """Hand over what is ready some time later; return how many webhooks left."""
    boucle.clock.at += after
    before = len(hook.posted)
    asyncio.run(sender_of(boucle, Postman(), hook).send_all())
    return len(hook.posted) - before


def hooks_of(boucle: Embedded) -> list[Dispatch]:
    """Return the webhooks."""
    return [dispatch for dispatch in boucle.rows(Dispatch) if dispatch.kind == "webhook"]


def told(boucle: Embedded) -> dict[str, Any]:
    """Return what `boucle status` says of the one receiver."""
    (one,) = cast("list[dict[str, Any]]", whole_status(boucle)["webhooks"])
    return one


def whole_status(boucle: Embedded) -> dict[str, object]:
    """Return `boucle status`."""
    with boucle.store.reading() as connection:
        return status(connection, boucle.clock.at, sending=sending_now(connection, boucle.parts.sending))


def test_the_first_retry_comes_within_ten_seconds_with_the_same_bytes(boucle: Embedded) -> None:
    """Five seconds after the first failure, however many failed with it; id and body never change."""
    complain(boucle, *"abcdefgh")
    hook = Hook(answers=[AWAY] * 8)
    assert send(boucle, hook) == 8
    assert send(boucle, hook, after=4 * SECONDS) == 0
    assert send(boucle, hook, after=6 * SECONDS) == 8
    assert sorted(hook.posted[:8]) == sorted(hook.posted[8:])
    assert {(str(hook.state), hook.attempt, hook.copies) for hook in hooks_of(boucle)} == {("accepted", 2, 0)}
    assert told(boucle)["state"] == "on"


@pytest.mark.parametrize("refusal", [AWAY, REDIRECT], ids=["away", "redirect"])
def test_a_webhook_is_tried_for_three_days_and_then_given_up(boucle: Embedded, refusal: SendResult) -> None:
    """Ten attempts, each wait longer than the one before; the end is visible as failed."""
    complain(boucle, "42")
    hook = Hook(answers=[refusal] * 20)
    start, last = boucle.clock.at, boucle.clock.at
    waits: list[timedelta] = []
    send(boucle, hook)
    while str(hooks_of(boucle)[0].state) == "ready":
        not_before = hooks_of(boucle)[0].not_before
        waits.append(not_before - last)
        boucle.clock.at = max(not_before, boucle.clock.at)
        while not send(boucle, hook):  # its receiver is left alone for a while
            boucle.clock.at += MINUTES
        last = boucle.clock.at
    assert len(hook.posted) == 10
    assert waits == sorted(waits)
    assert 5 * SECONDS <= waits[0] <= 10 * SECONDS
    assert timedelta(days=3) <= boucle.clock.at - start <= timedelta(days=5)
    (row,) = hooks_of(boucle)
    assert (str(row.state), row.reason) == ("failed", "refused_by_server")


def test_a_receiver_that_redirects_pauses_no_mail(boucle: Embedded) -> None:
    """What a helpdesk answers says nothing about the mail server: mails go on, and no alarm speaks of one."""
    complain(boucle, *"abcdef")
    hook = Hook(answers=[REDIRECT] * 99)
    for _ in range(2):
        assert send(boucle, hook, after=HOURS) == 6
    boucle.take(journey("delivery", "43", boucle.clock.at, reference="1"))
    boucle.parts.scheduler.wake_all()
    postman = Postman()
    asyncio.run(sender_of(boucle, postman, hook).send_all())
    assert "43@example.org" in postman.recipients()
    assert cast("dict[str, object]", whole_status(boucle)["sending"])["state"] == "on"
    assert (told(boucle)["state"], "redirects" in told(boucle)["reason"]) == ("paused", True)
    assert "mail server" not in as_text(whole_status(boucle))
    assert "webhooks    paused until" in as_text(whole_status(boucle))


def test_a_receiver_that_stays_away_is_left_alone_and_then_asked_by_one(boucle: Embedded) -> None:
    """After five failures in a row over a minute nothing leaves; then one webhook tries, and a success opens all."""
    complain(boucle, *"abcdef")
    hook = Hook(answers=[AWAY] * 13)
    assert send(boucle, hook) == 6
    assert send(boucle, hook, after=10 * SECONDS) == 6
    complain(boucle, "g")
    assert send(boucle, hook, after=MINUTES) == 1
    assert told(boucle)["state"] == "paused"
    complain(boucle, "h", "i", "j")
    assert send(boucle, hook, after=10 * SECONDS) == 0
    assert {hook.attempt for hook in hooks_of(boucle)} == {0, 1, 2}, "what waits for its receiver uses no attempt up"
    boucle.clock.at = datetime.fromisoformat(told(boucle)["until"])
    assert send(boucle, hook) > 3
    assert told(boucle)["state"] == "on"
    assert cast("dict[str, int]", whole_status(boucle)["due"])["dispatches"] == 0


def test_a_probe_that_fails_leaves_the_receiver_alone_for_longer(boucle: Embedded) -> None:
    """One webhook a pause, each pause longer, an hour at most."""
    complain(boucle, *"abcdefgh")
    hook = Hook(answers=[AWAY] * 50)
    for after in (timedelta(0), 10 * SECONDS, 10 * MINUTES):
        send(boucle, hook, after=after)
    pauses = []
    for _ in range(6):
        until = datetime.fromisoformat(told(boucle)["until"])
        pauses.append(until - boucle.clock.at)
        boucle.clock.at = until
        complain(boucle, f"more-{len(pauses)}")
        assert send(boucle, hook) == 1
    assert pauses == sorted(pauses)
    assert pauses[-1] <= HOURS


def test_a_receiver_that_says_when_is_heard(boucle: Embedded) -> None:
    """Retry-After holds for all webhooks to it, not for the one that was refused."""
    complain(boucle, "a")
    hook = Hook(answers=[BUSY])
    assert send(boucle, hook) == 1
    complain(boucle, "b")
    assert send(boucle, hook, after=29 * MINUTES) == 0
    assert told(boucle)["state"] == "paused"
    assert send(boucle, hook, after=2 * MINUTES) == 2
    assert told(boucle)["state"] == "on"


def test_gone_turns_the_receiver_off_until_somebody_says_otherwise(boucle: Embedded) -> None:
    """After 410 nothing more is sent, also by a sender that starts anew; another address or the verb ends it."""
    complain(boucle, "a")
    hook = Hook(answers=[GONE])
    assert send(boucle, hook) == 1
    complain(boucle, "b")
    assert send(boucle, hook, after=HOURS) == 0
    assert {str(hook.state) for hook in hooks_of(boucle)} == {"failed"}
    assert told(boucle)["state"] == "gone"
    complain(boucle, "c")
    other = Hook(target="https://helpdesk.example (2)")
    assert send(boucle, other) == 1
    assert (told(boucle)["target"], told(boucle)["state"]) == (other.target, "on")
    boucle.store.write(lambda connection: forget_targets(connection, boucle.clock.at))
    complain(boucle, "d")
    assert send(boucle, hook) == 1


def test_resuming_tries_what_waits_at_once(boucle: Embedded) -> None:
    """The operator mended the receiver: nothing waits for its turn of hours, and the pause is over."""
    complain(boucle, *"abcdef")
    hook = Hook(answers=[AWAY] * 12)
    for after in (timedelta(0), 2 * MINUTES):
        assert send(boucle, hook, after=after) == 6
    assert told(boucle)["state"] == "paused"
    assert boucle.store.write(lambda connection: forget_targets(connection, boucle.clock.at)) == 6
    assert send(boucle, hook) == 6
    assert {str(hook.state) for hook in hooks_of(boucle)} == {"accepted"}


def test_waits_come_from_the_specification_and_from_the_receiver() -> None:
    """The later of both counts; ids spread what failed together."""
    waits = {webhook_retries.next_try(str(n), 1, AWAY) for n in range(50)}
    assert len(waits) > 40
    assert all(wait is not None and 5 * SECONDS <= wait <= 6 * SECONDS for wait in waits)
    assert webhook_retries.next_try("1", 1, BUSY) == 30 * MINUTES
    assert webhook_retries.next_try("1", 10, TAKEN) is None


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (BUSY, "Not sent yet: its receiver did not take it (too many); it leaves on"),
        (SendResult(SendKind.LATER, 503, ""), "Not sent yet: its receiver did not take it; it leaves on"),
        (GONE, "Failed: its receiver did not take it (the receiver said 410 Gone: it wants no more webhooks)."),
    ],
    ids=["busy", "silent", "gone"],
)
def test_explain_says_of_a_webhook_what_its_receiver_did(boucle: Embedded, answer: SendResult, says: str) -> None:
    """No mail server saw it, and it leaves while mails are paused."""
    complain(boucle, "a")
    send(boucle, Hook(answers=[answer]))
    with boucle.store.engine.begin() as connection:
        pause(connection, boucle.clock.now(), "lea")
    with boucle.store.reading() as connection:
        found = explain(
            connection,
            "customer",
            "a",
            boucle.clock.now(),
            boucle.parts.policies.current(),
            sending_now(connection, boucle.parts.sending),
        )
    assert found is not None
    mails = cast("list[dict[str, Any]]", found["mails"])
    (reason,) = [str(mail["reason"]) for mail in mails if mail["kind"] == "webhook"]
    assert reason.startswith(says)
    assert "mail server" not in reason
    assert "paused" not in reason
