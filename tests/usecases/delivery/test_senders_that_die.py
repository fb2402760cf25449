"""Several senders, senders that are killed, ends that break: each mail once, or one copy more, and no other harmed."""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import parts as real_parts
import pytest
import sqlalchemy as sa
from deliveryparts import DAY, deliver, send, states
from embedded import START, Embedded
from postroom import CUT, Killed, Postman, mails, sender_of, the_mail

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.mail.compose import compose
from workers.domain.records import Dispatch, SurveyRequest
from workers.domain.sending_state import SendingState
from workers.domain.types import RequestState
from workers.errors import NotNow
from workers.store import bulk
from workers.store.delivery import claim, departures, ordinary_turns
from workers.store.delivery.claim import COPIES_AT_MOST
from workers.usecases.delivery import lanes
from workers.usecases.operation import status

TINY_LEASE = 0.05


def test_a_sender_killed_in_mid_work_loses_nothing(boucle: Embedded) -> None:
    """Marked and not recorded: the lease runs out by the database's clock, and the same bytes leave as a copy."""
    deliver(boucle, "1", "2", "3")
    dying = Postman({"1@example.org": [Killed()], "2@example.org": [Killed()]})
    with pytest.raises(Killed):
        send(sender_of(boucle, dying, connections=2, lease_seconds=TINY_LEASE))
    found = sorted(str(state) for state, _ in states(boucle).values())
    assert found == ["leased", "sending", "sending"]
    postman = Postman()
    heir = sender_of(boucle, postman)
    real_parts.poll(lambda: send(heir) > 0, 10, "the lease to run out")
    send(heir)
    assert set(states(boucle).values()) == {("accepted", "")}
    assert sorted(mail.copies for mail in mails(boucle, "ask-delivery")) == [0, 1, 1]
    for parcel in dying.posted:
        assert postman.to(parcel.recipient) == [parcel]


def test_an_attempt_that_is_not_the_newest_changes_nothing(boucle: Embedded) -> None:
    """Whoever wakes up after its lease was taken over neither sends nor records (the attempt is a fence)."""
    deliver(boucle, "42")
    ready = claim.Ready(True, None, webhooks=0)

    def lease(seconds: float) -> Dispatch:
        def work(connection: sa.Connection) -> Dispatch:
            claim.take_back(connection, claim.MAIL, START)
            (one,) = claim.lease(connection, ready, START, seconds, 10)
            return one

        return boucle.store.write(work)

    slow = lease(-1)
    newer = lease(60)
    assert (slow.attempt, newer.attempt) == (1, 2)
    until = START + DAY
    with boucle.store.engine.begin() as connection:
        assert not claim.mark_sending(connection, slow, "x@example.org", "<x>", until)
        departures.renew_many(connection, [slow], 3600)
        assert claim.mark_sending(connection, newer, "42@example.org", "<x>", until)
        assert not claim.accept(connection, slow, START, "")
        assert not claim.end(connection, slow, slow.state, START)
        assert claim.accept(connection, newer, START, "")


def test_a_slow_server_does_not_cost_the_lease(boucle: Embedded) -> None:
    """The lease is prolonged while a mail is being handed over: nobody else takes it, and it leaves once."""
    deliver(boucle, "42")
    postman, other = Postman(), Postman()

    def lease_end() -> datetime | None:
        return the_mail(boucle).lease_until

    async def slowly() -> None:
        first = lease_end()
        assert first is not None
        await asyncio.to_thread(real_parts.poll, lambda: boucle.store.database_now() > first, 10, "the first lease")
        assert await sender_of(boucle, other).send_some() == 0

    postman.before = slowly
    send(sender_of(boucle, postman, lease_seconds=0.6))
    assert (len(postman.posted), len(other.posted)) == (1, 0)
    assert (str(the_mail(boucle).state), the_mail(boucle).copies) == ("accepted", 0)


@pytest.mark.parametrize("error", [NotNow("locked"), sa.exc.ProgrammingError("UPDATE", {}, Exception()), ValueError()])
def test_a_lease_that_was_not_prolonged_once_is_prolonged_again(
    boucle: Embedded, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whatever the first try broke on, a slow server's mail is nobody else's, and how it ends is kept."""
    deliver(boucle, "42")
    postman, renew, tries = Postman(), departures.renew_many, 0
    renewed = threading.Event()

    def fail_once(*arguments: Any) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise error
        renew(*arguments)
        renewed.set()

    async def slowly() -> None:
        assert await asyncio.to_thread(renewed.wait, 10), "the lease was not prolonged again"

    monkeypatch.setattr(departures, "renew_many", fail_once)
    postman.before = slowly
    send(sender_of(boucle, postman, lease_seconds=0.6))
    assert (len(postman.posted), str(the_mail(boucle).state)) == (1, "accepted")


def test_two_senders_share_the_work(boucle: Embedded) -> None:
    """Side by side, each mail leaves once."""
    deliver(boucle, *(f"c{number}" for number in range(12)))
    postman = Postman()

    async def both() -> None:
        await asyncio.gather(sender_of(boucle, postman).send_all(), sender_of(boucle, postman).send_all())

    asyncio.run(both())
    assert postman.recipients() == sorted(f"c{number}@example.org" for number in range(12))


def test_two_senders_do_not_exceed_the_days_maximum(postgres: str, install: Callable[..., Embedded]) -> None:
    """On a server with many writers at once, the day is still counted once."""
    boucle = install(database_url=postgres)
    deliver(boucle, *(f"c{number}" for number in range(12)))
    postman = Postman()

    async def all_of_them() -> None:
        await asyncio.gather(*(sender_of(boucle, postman, per_day=5).send_all() for _ in range(4)))

    asyncio.run(all_of_them())
    assert len(postman.posted) == 5


def kill_while_sending(boucle: Embedded, *customers: str) -> None:
    """Let a sender die while it hands over what is ready, and wait until its leases have run out."""
    dying = Postman({f"{customer}@example.org": [Killed()] for customer in customers})
    with pytest.raises(Killed):
        send(sender_of(boucle, dying, lease_seconds=TINY_LEASE))
    last = max(dispatch.lease_until for dispatch in boucle.rows(Dispatch) if dispatch.lease_until)
    real_parts.poll(lambda: boucle.store.database_now() > last, 10, "the leases to run out")


def test_senders_that_are_killed_again_and_again_end_a_mail_as_unknown(boucle: Embedded) -> None:
    """Whoever makes it ready again counts the copy; past the bound nobody sends it, and it can be seen."""
    deliver(boucle, "42")
    for _ in range(COPIES_AT_MOST + 1):
        assert str(the_mail(boucle).state) in ("ready", "sending")
        kill_while_sending(boucle, "42")
    postman = Postman()
    send(sender_of(boucle, postman))
    mail = the_mail(boucle)
    assert (postman.posted, str(mail.state), mail.reason, mail.copies) == ([], "unknown", "cut", COPIES_AT_MOST)
    with boucle.store.reading() as connection:
        assert status.status(connection, boucle.clock.at, sending=sending_of_on())["failed"] == 1


def sending_of_on() -> SendingState:
    """Return sending that is on."""
    return SendingState("on", "", frozenset())


def test_cuts_and_kills_count_together(boucle: Embedded) -> None:
    """However a mail came to be perhaps sent, it leaves at most so often."""
    deliver(boucle, "42")
    left = 0
    for turn in range(2 * COPIES_AT_MOST + 2):
        if turn % 2:
            kill_while_sending(boucle, "42") if str(the_mail(boucle).state) == "ready" else None
        else:
            postman = Postman({"42@example.org": [CUT]})
            send(sender_of(boucle, postman))
        left += str(the_mail(boucle).state) in ("ready", "sending")
        boucle.clock.at += timedelta(minutes=2)
    assert (str(the_mail(boucle).state), the_mail(boucle).copies) == ("unknown", COPIES_AT_MOST)
    assert left <= COPIES_AT_MOST + 1


@pytest.mark.parametrize("text", ["250 accept\udce9", "ok\x00", "\ud800 \x1b[2J", "é" * 5_000, ""], ids=ascii)
def test_whatever_a_server_says_is_recorded(postgres: str, install: Callable[..., Embedded], text: str) -> None:
    """A reply that is no UTF-8, has a NUL or no end: each mail of the group is recorded, and none leaves again."""
    boucle = install(database_url=postgres)
    deliver(boucle, "1", "2", "3")
    postman = Postman({f"{n}@example.org": [SendResult(SendKind.ACCEPTED, 250, text)] for n in (1, 2, 3)})
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    send(dispatching)
    assert (len(postman.posted), set(states(boucle).values())) == (3, {("accepted", "")})


def test_an_end_whose_consequences_break_is_that_mails_own(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are recorded with theirs, and the broken one as what it is: it does not leave again."""
    deliver(boucle, "1", "2", "3")
    following, ordinary = departures.mark_requests_sent, ordinary_turns.take
    broken = next(request.id for request in boucle.rows(SurveyRequest) if request.reference == "order-2")

    def breaking(connection: Any, requests: Any, *rest: Any) -> Any:
        if broken in requests:
            raise RuntimeError("no such consequence")
        return following(connection, requests, *rest)

    def breaking_too(connection: Any, turn: ordinary_turns.Turn, *rest: Any) -> Any:
        if any(dispatch.request == broken for dispatch, _ in turn.taken):
            raise RuntimeError("no such consequence")
        return ordinary(connection, turn, *rest)

    monkeypatch.setattr(departures, "mark_requests_sent", breaking)
    monkeypatch.setattr(ordinary_turns, "take", breaking_too)
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    send(dispatching)
    assert (len(postman.posted), set(states(boucle).values())) == (3, {("accepted", "")})
    assert sorted(request.sent_at is None for request in boucle.rows(SurveyRequest)) == [False, False, True]


def test_a_dispatch_that_breaks_its_group_is_its_own_end(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the preparation of one raises, the others leave."""
    deliver(boucle, "1", "2", "3")
    keeping = bulk.copy_bodies
    broken = min(mail.id for mail in mails(boucle, "ask-delivery"))

    def breaking(connection: Any, bodies: Any) -> None:
        twice = [body for body in bodies if body[0] == broken]
        keeping(connection, [*bodies, *twice])  # the same key twice, however often one looks again

    monkeypatch.setattr(bulk, "copy_bodies", breaking)
    postman = Postman()
    send(sender_of(boucle, postman))
    assert len(postman.posted) == 2
    assert sorted(states(boucle).values()) == [("accepted", ""), ("accepted", ""), ("failed", "cannot be written")]


def test_a_port_that_breaks_its_promise_is_one_mails_end(boucle: Embedded) -> None:
    """It may have left: it counts as a copy, and the others of its group are recorded."""
    deliver(boucle, "1", "2")
    send(sender_of(boucle, Postman({"1@example.org": [OSError("no route")]})))
    assert states(boucle) == {"1": ("ready", "cut"), "2": ("accepted", "")}


class Blinking:
    """A database that is away for some writes, as the rest of Boucle sees it."""

    def __init__(self, boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left, writing = 0, boucle.store.write

        def write(work: Callable[[sa.Connection], Any]) -> Any:
            if self.left > 0:
                self.left -= 1
                raise NotNow("The database does not answer; nothing is lost, it is tried again.")
            return writing(work)

        monkeypatch.setattr(boucle.store, "write", write)


def test_a_known_250_is_kept_while_the_database_blinks(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording is tried again while the lease lasts: no mail whose end was told leaves twice."""
    deliver(boucle, *"abcdefgh")
    blinking = Blinking(boucle, monkeypatch)

    async def blink() -> None:
        blinking.left = 3

    postman = Postman(before=blink)
    send(sender_of(boucle, postman, connections=4))
    assert len(postman.posted) == 8
    assert {(str(mail.state), mail.copies) for mail in mails(boucle, "ask-delivery")} == {("accepted", 0)}


def test_what_was_not_begun_is_given_back_when_the_database_was_away(
    boucle: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it has left: it is ready at once, with no copy and no attempt counted."""
    deliver(boucle, *"abcdef")
    blinking = Blinking(boucle, monkeypatch)
    postman = Postman()
    dispatching = sender_of(boucle, postman, connections=2)
    take = dispatching.steps.turns.take

    def away_after_the_mark(ends: Any, parcels: Any) -> Any:
        leaving = take(ends, parcels)
        if parcels and len(postman.posted) >= 2:
            blinking.left = 2
            raise NotNow("The connection was lost at COMMIT.")
        return leaving

    monkeypatch.setattr(dispatching.steps.turns, "take", away_after_the_mark)
    with pytest.raises(NotNow):
        send(dispatching)
    assert sorted((str(mail.state), mail.attempt, mail.copies) for mail in mails(boucle, "ask-delivery")) == [
        *[("accepted", 1, 0)] * 2,
        *[("ready", 0, 0)] * 4,
    ]
    other = Postman()
    send(sender_of(boucle, other))
    assert len(other.posted) == 4


def test_one_slow_scanner_keeps_one_lane(boucle: Embedded) -> None:
    """While one mail hangs in its hand over, all others leave and are recorded."""
    deliver(boucle, *(f"c{n}" for n in range(12)))
    postman, go_on = Postman(), asyncio.Event()
    first = True

    async def hang_once() -> None:
        nonlocal first
        if first:
            first = False
            await go_on.wait()

    postman.before = hang_once

    async def story() -> None:
        sending = asyncio.ensure_future(sender_of(boucle, postman, connections=3).send_mails())
        await asyncio.to_thread(
            real_parts.poll, lambda: [state for state, _ in states(boucle).values()].count("accepted") == 11, 20, "them"
        )
        go_on.set()
        await sending

    asyncio.run(story())
    assert set(states(boucle).values()) == {("accepted", "")}


def test_a_stop_begins_nothing_and_gives_back_the_rest(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on its way may end; what hangs is broken off as a copy; nothing stays leased."""
    monkeypatch.setattr(lanes, "GRACE_SECONDS", 0.2)
    deliver(boucle, *(f"c{n}" for n in range(9)))
    stop, postman, count = asyncio.Event(), Postman(), 0

    async def hang_after_some() -> None:
        nonlocal count
        count += 1
        if count == 5:
            stop.set()
        if count >= 4:
            await asyncio.Event().wait()

    postman.before = hang_after_some
    asyncio.run(sender_of(boucle, postman, connections=2).send_mails(stop))
    found = sorted((str(mail.state), mail.reason, mail.copies) for mail in mails(boucle, "ask-delivery"))
    assert found == [*[("accepted", "", 0)] * 3, *[("ready", "", 0)] * 4, *[("ready", "cut", 1)] * 2]


def test_a_mail_that_cannot_be_written_stops_no_other(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with one, the others of its group leave, and it says why it did not."""
    deliver(boucle, "1", "2", "3")

    def broken(mail: Any, *args: Any) -> Any:
        if mail.recipient == "2@example.org":
            raise RuntimeError("no such filter")
        return compose(mail, *args)

    monkeypatch.setattr("workers.usecases.delivery.writing.compose", broken)
    postman = Postman()
    send(sender_of(boucle, postman))
    assert postman.recipients() == ["1@example.org", "3@example.org"]
    assert states(boucle)["2"] == ("failed", "cannot be written")
    assert [request.state for request in boucle.rows(SurveyRequest)].count(RequestState.UNDELIVERABLE) == 1
