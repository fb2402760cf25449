"""Mails leave once, when they may, with the same bytes each time; every end is a row with its reason."""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import parts as real_parts
import pytest
import sqlalchemy as sa
from embedded import START, Embedded, about, journey
from postroom import CUT, LATER, NEVER, NO_SUCH, OPEN, Hook, Killed, Postman, mails, sender_of, the_mail

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.mail.compose import compose
from workers.domain.mailbox_keys import address_key
from workers.domain.records import Customer, Dispatch, Response, Suppression, SurveyRequest, Testimonial, Touchpoint
from workers.domain.sending_state import SendingState
from workers.domain.types import MailClass, RequestState
from workers.errors import Misconfigured, NotNow
from workers.store import bulk, tables
from workers.store.delivery import claim, departures, sent_mails
from workers.store.delivery.claim import COPIES_AT_MOST
from workers.usecases.delivery import lanes, send_controls
from workers.usecases.delivery.send_controls import Sending
from workers.usecases.delivery.sender import Delivery
from workers.usecases.operation import status

DAY = timedelta(days=1)
TINY_LEASE = 0.05
Meanwhile = Callable[[Embedded, Callable[[], object]], Postman]


def deliver(boucle: Embedded, *customers: str, name: str = "delivery") -> None:
    """Let something be delivered to some customers, and ask them."""
    boucle.take(*(journey(name, customer, boucle.clock.at, reference=f"order-{customer}") for customer in customers))
    boucle.parts.scheduler.wake_all()


def send(dispatching: Delivery) -> int:
    """Hand over everything that is ready."""
    return asyncio.run(dispatching.send_all())


def states(boucle: Embedded) -> dict[str, tuple[str, str]]:
    """Return state and reason of each customer's survey mail, by address."""
    found: dict[str, tuple[str, str]] = {}
    crm = {customer.id: customer for customer in boucle.rows(Customer)}
    for dispatch in boucle.rows(Dispatch):
        if dispatch.customer and dispatch.request and not dispatch.action and dispatch.template != "reminder":
            found[str(crm[dispatch.customer].crm_id)] = (str(dispatch.state), dispatch.reason)
    return found


def request_states(boucle: Embedded) -> list[tuple[str, str]]:
    """Return state and reason of every survey request."""
    return sorted((str(request.state), request.reason) for request in boucle.rows(SurveyRequest))


def set_control(boucle: Embedded, act: Callable[..., None], *args: object, **more: object) -> None:
    """Let an operator turn a switch."""
    boucle.store.write(lambda connection: act(connection, *args, **more))


# What leaves, and what waits


def test_a_mail_that_is_taken_is_recorded_with_its_attempt_and_its_bytes(boucle: Embedded) -> None:
    """Accepted, one attempt, no copy; the request knows when it left; nothing leaves again."""
    deliver(boucle, "42")
    postman = Postman()
    assert send(sender_of(boucle, postman)) == 1
    mail = the_mail(boucle)
    assert (str(mail.state), mail.attempt, mail.copies, mail.accepted_at) == ("accepted", 1, 0, START)
    assert mail.recipient == "42@example.org"
    assert mail.message_id in postman.posted[0].raw.decode()
    (request,) = boucle.rows(SurveyRequest)
    assert request.sent_at == START
    assert send(sender_of(boucle, postman)) == 0


def test_nothing_leaves_while_sending_is_held_but_webhooks_do(install: Callable[..., Embedded]) -> None:
    """The settings hold mail until an operator says otherwise; a helpdesk is told all the same."""
    boucle = install(webhook_url="https://helpdesk.example/hook", webhook_secret="whsec_c2VjcmV0c2VjcmV0c2VjcmV0")
    deliver(boucle, "42")
    answer(boucle, 2)
    postman, hook = Postman(), Hook()
    held = sender_of(boucle, postman, hook, held="sending starts held")
    assert send(held) == 1
    assert (len(postman.posted), len(hook.posted)) == (0, 1)
    set_control(boucle, send_controls.resume, sending_of(held="sending starts held"), START, "ops")
    assert send(held) > 0
    assert {"42@example.org", boucle.parts.policies.current().agents_address} == set(postman.recipients())


def sending_of(**more: object) -> Sending:
    """Return what the settings say of sending."""
    known: dict[str, Any] = {"blocked": "", "held": "", "per_day": 0, "per_second": 0, "only_to": frozenset()}
    return Sending(**{**known, "redirect": "", **more})


def answer(boucle: Embedded, score: int, comment: str = "", *, settle: bool = True) -> None:
    """Answer the newest request, and let the answer settle."""
    newest = max(boucle.rows(SurveyRequest), key=lambda request: request.asked_at)
    assert boucle.parts.customer_actions.answer(newest.id, score, comment)
    if settle:
        boucle.clock.at += timedelta(minutes=2)
        boucle.parts.scheduler.wake_all()


def test_sending_that_cannot_be_switched_on_stays_held(boucle: Embedded) -> None:
    """With sample values in the brand nobody can resume."""
    deliver(boucle, "42")
    blocked = sending_of(blocked="brand.yaml still holds sample values")
    with pytest.raises(Misconfigured, match="sample values"):
        set_control(boucle, send_controls.resume, blocked, START, "ops")
    assert send(sender_of(boucle, Postman(), blocked="brand.yaml still holds sample values")) == 0


def test_what_is_paused_waits_and_goes_on(boucle: Embedded) -> None:
    """Pausing loses nothing; resuming lets it go on."""
    deliver(boucle, "42")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    set_control(boucle, send_controls.pause, START, "ops")
    assert send(dispatching) == 0
    assert str(the_mail(boucle).state) == "ready"
    set_control(boucle, send_controls.resume, sending_of(), START, "ops")
    assert send(dispatching) == 1


def test_a_paused_touchpoint_waits_while_others_leave(boucle: Embedded) -> None:
    """An off switch for each survey: asked before the pause or not, it does not leave."""
    deliver(boucle, "1")
    deliver(boucle, "2", name="onboarding_finished")
    set_control(boucle, send_controls.pause, START, "ops", touchpoint="delivery-now")
    postman = Postman()
    send(sender_of(boucle, postman))
    assert postman.recipients() == ["2@example.org"]
    deliver(boucle, "3")
    planned = {
        touchpoint.step: str(touchpoint.state)
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.reference == "order-3"
    }
    assert planned["delivery-now"] == "planned"
    set_control(boucle, send_controls.resume, sending_of(), START, "ops", touchpoint="delivery-now")
    boucle.parts.scheduler.wake_all()
    send(sender_of(boucle, postman))
    assert postman.recipients() == ["1@example.org", "2@example.org", "3@example.org"]


def test_only_addresses_on_the_list_are_written_to(boucle: Embedded) -> None:
    """With an allow-list everybody else's mail ends as suppressed, and says why."""
    deliver(boucle, "1", "2")
    postman = Postman()
    send(sender_of(boucle, postman, only_to=frozenset({"1@example.org"})))
    assert postman.recipients() == ["1@example.org"]
    assert states(boucle) == {"1": ("accepted", ""), "2": ("suppressed", "not in BOUCLE_MAIL_ONLY_TO")}


def test_all_mail_is_led_to_one_address(boucle: Embedded) -> None:
    """With a redirect only the envelope changes; a fault there says nothing about the customer."""
    deliver(boucle, "1")
    postman = Postman({"all@example.org": [NO_SUCH]})
    send(sender_of(boucle, postman, redirect="all@example.org"))
    assert postman.recipients() == ["all@example.org"]
    assert "1@example.org" in str(message_from_bytes(postman.posted[0].raw, policy=policy.default)["To"])
    assert boucle.rows(Suppression) == []


def test_the_daily_maximum_lets_the_rest_leave_on_the_next_day(boucle: Embedded) -> None:
    """Survey mails of a day end at the maximum; midnight in the brand's zone begins the next."""
    deliver(boucle, "1", "2", "3", "4", "5")
    postman = Postman()
    dispatching = sender_of(boucle, postman, per_day=2)
    send(dispatching)
    assert len(postman.posted) == 2
    boucle.clock.at = datetime.fromisoformat("2026-03-03T22:59:00+00:00")
    send(dispatching)
    assert len(postman.posted) == 2
    boucle.clock.at = datetime.fromisoformat("2026-03-03T23:01:00+00:00")
    send(dispatching)
    assert len(postman.posted) == 4


def test_service_mails_are_never_capped(boucle: Embedded) -> None:
    """A full day does not keep an unhappy customer waiting."""
    deliver(boucle, "1")
    postman = Postman()
    dispatching = sender_of(boucle, postman, per_day=1)
    send(dispatching)
    answer(boucle, 1)
    send(dispatching)
    assert sorted(dispatch.template for dispatch in boucle.rows(Dispatch) if dispatch.accepted_at) == [
        "ack",
        "ask-delivery",
        "ticket",
    ]


def test_asking_leaves_room_for_what_is_waiting(install: Callable[..., Embedded]) -> None:
    """No more is asked than may leave today; what is not asked stays planned."""
    boucle = install(mail_per_day="3")
    boucle.take(*(journey("delivery", str(n), START, reference=str(n)) for n in range(5)))
    boucle.parts.scheduler.wake_all()
    assert len(boucle.rows(SurveyRequest)) == 3
    boucle.settle()
    assert len(boucle.rows(SurveyRequest)) == 3
    boucle.later(days=1)
    assert len(boucle.rows(SurveyRequest)) == 5


def test_one_rate_is_shared_by_all_senders(boucle: Embedded) -> None:
    """Places in the rate are handed out by the database: at 20 a second the third group of ten waits a second."""

    def slot() -> float:
        return boucle.store.write(lambda connection: claim.next_slot(connection, "mails", 10, 20.0))

    waits = [slot() for _ in range(4)]
    assert waits[0] == 0
    assert [round(wait, 1) for wait in waits[1:]] == pytest.approx([0.5, 1.0, 1.5], abs=0.2)


# How a handing over ends


def test_later_means_later_and_longer_each_time(boucle: Embedded) -> None:
    """A 4xx is tried again after a pause that doubles, up to four hours; after four days (RFC 5321) it is never."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [LATER] * 99})
    dispatching = sender_of(boucle, postman)
    pauses = []
    while str(the_mail(boucle).state) in ("ready", "accepted"):
        assert send(dispatching) >= 1  # its reminder is looked at as well, and waits for it
        mail = the_mail(boucle)
        if str(mail.state) == "ready":
            assert mail.reason == "later"
            pauses.append(mail.not_before - boucle.clock.at)
            left, boucle.clock.at = len(postman.posted), mail.not_before - timedelta(seconds=1)
            send(dispatching)
            assert len(postman.posted) == left
            boucle.clock.at = mail.not_before
    assert [pause.total_seconds() / 60 for pause in pauses] == [1, 2, 4, 8, 16, 32, 64, 128, *[240] * 23]
    assert sum(pauses, timedelta(0)) >= 4 * DAY
    assert len(postman.posted) == len(pauses) + 1
    assert (str(the_mail(boucle).state), the_mail(boucle).reason) == ("failed", "refused_by_server")
    assert len({parcel.raw for parcel in postman.posted}) == 1


def test_what_the_server_asks_us_to_wait_is_waited(boucle: Embedded) -> None:
    """A longer wait that the other side names counts."""
    deliver(boucle, "42")
    send(sender_of(boucle, Postman({"42@example.org": [SendResult(SendKind.LATER, 421, "4.7.0 slow", 900.0)]})))
    assert the_mail(boucle).not_before == START + timedelta(minutes=15)


@pytest.mark.parametrize("first", [[], [LATER]], ids=["at once", "after a 4xx"])
def test_an_address_that_does_not_exist_is_suppressed(boucle: Embedded, first: list[SendResult]) -> None:
    """5.1.1 fails the mail, makes the request undeliverable, calls the reminder back, and is never written to again."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [*first, NO_SUCH]})
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    boucle.clock.at += timedelta(minutes=2)
    send(dispatching)
    assert request_states(boucle) == [("undeliverable", "refused_by_server")]
    assert str(the_mail(boucle, "reminder").state) == "cancelled"
    (suppressed,) = boucle.rows(Suppression)
    assert (suppressed.address, suppressed.kind) == (address_key("42@example.org", boucle.parts.ids), "bounce")
    boucle.clock.at += 50 * DAY
    boucle.parts.scheduler.wake_all()
    assert [
        (str(touchpoint.state), touchpoint.reason)
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.step == "delivery-6w"
    ] == [("held", "suppressed")]


@pytest.mark.parametrize(
    "text",
    ["550 5.2.2 full", "550 rejected", "554 3.5.1.9 old server", "550 15.1.1 odd", "550 5.1.8 bad sender"],
    ids=lambda text: text[4:9],
)
def test_another_refusal_suppresses_nobody(boucle: Embedded, text: str) -> None:
    """Only what says that the address is wrong does."""
    deliver(boucle, "42")
    send(sender_of(boucle, Postman({"42@example.org": [SendResult(SendKind.NEVER, 550, text)]})))
    assert request_states(boucle) == [("undeliverable", "refused_by_server")]
    assert boucle.rows(Suppression) == []


def test_a_fault_of_the_teams_mailbox_suppresses_no_customer(boucle: Embedded) -> None:
    """The ticket's mail fails; the customer's request and address stay as they are."""
    deliver(boucle, "42")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    answer(boucle, 1)
    postman.answers[boucle.parts.policies.current().agents_address] = [NO_SUCH]
    send(dispatching)
    assert str(the_mail(boucle, "ticket").state) == "failed"
    assert str(the_mail(boucle, "ack").state) == "accepted"
    assert request_states(boucle) == [("answered", "")]
    assert boucle.rows(Suppression) == []


def test_the_ticket_mail_tells_earlier_scores_and_leads_to_the_crm(install: Callable[..., Embedded]) -> None:
    """Who calls sees what the customer said before, without the score that the ticket is about, and one link away."""
    boucle = install(crm_url="https://crm.example/people/{id}")
    postman = Postman()
    deliver(boucle, "a/1")
    answer(boucle, 9)
    boucle.later(days=60)
    deliver(boucle, "a/1", name="feature_first_used")
    boucle.later(days=10)
    answer(boucle, 2)
    dispatching = boucle.parts.outgoing.delivery(postman)
    send(dispatching)
    (posted,) = postman.to(boucle.parts.policies.current().agents_address)
    body = message_from_bytes(posted.raw, policy=policy.default).get_body(("plain",))
    assert body is not None
    text = str(body.get_content())
    assert "https://crm.example/people/a%2F1" in text
    assert [line.partition("\u00a0: ")[2] for line in text.splitlines() if "/10, " in line] == ["9/10, livraison"]


def test_a_cut_line_is_a_copy_with_the_same_bytes(boucle: Embedded) -> None:
    """Who may have it gets the very same bytes again, and the copy is counted."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [CUT]})
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    assert (str(the_mail(boucle).state), the_mail(boucle).reason, the_mail(boucle).copies) == ("ready", "cut", 1)
    boucle.clock.at += timedelta(minutes=5)
    send(dispatching)
    assert (str(the_mail(boucle).state), the_mail(boucle).copies) == ("accepted", 1)
    first, second = postman.posted
    assert first == second


def test_a_line_that_is_always_cut_is_given_up_as_unknown(boucle: Embedded) -> None:
    """Not more than a few copies leave, and the end says that nobody knows."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [CUT] * 10})
    dispatching = sender_of(boucle, postman)
    for _ in range(8):
        send(dispatching)
        boucle.clock.at += timedelta(minutes=5)
    assert str(the_mail(boucle).state) == "unknown"
    assert len(postman.posted) == COPIES_AT_MOST + 1
    assert len({parcel.raw for parcel in postman.posted}) == 1


# Several senders, and senders that die


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
    following = departures.mark_requests_sent
    broken = next(request.id for request in boucle.rows(SurveyRequest) if request.reference == "order-2")

    def breaking(connection: Any, requests: Any, *rest: Any) -> Any:
        if broken in requests:
            raise RuntimeError("no such consequence")
        return following(connection, requests, *rest)

    monkeypatch.setattr(departures, "mark_requests_sent", breaking)
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


# Looking again, just before the bytes leave


@pytest.fixture(params=["written", "marked"])
def meanwhile(request: pytest.FixtureRequest) -> Callable[[Embedded, Callable[[], object]], Postman]:
    """Give what sends while something happens, once, just before a mail that is leased is written, or marked."""

    def send_while(boucle: Embedded, act: Callable[[], object]) -> Postman:
        postman = Postman()
        dispatching = sender_of(boucle, postman)
        step: Any = dispatching.steps.preparation if request.param == "written" else dispatching.steps.turns
        name = "prepare" if request.param == "written" else "take"
        happened: list[object] = []
        work = getattr(step, name)

        def work_after_it(*arguments: Any) -> Any:
            if not happened:
                happened.append(act())
            return work(*arguments)

        setattr(step, name, work_after_it)
        send(dispatching)
        assert happened
        return postman

    return send_while


def test_an_answer_between_leasing_and_sending_calls_the_question_back(boucle: Embedded, meanwhile: Meanwhile) -> None:
    """Answered through another door: the mail that was leased does not leave."""
    deliver(boucle, "42")
    (request,) = boucle.rows(SurveyRequest)
    postman = meanwhile(boucle, lambda: boucle.parts.customer_actions.answer(request.id, 9))
    assert postman.posted == []
    assert states(boucle) == {"42": ("cancelled", "answered")}


def test_an_opt_out_between_leasing_and_sending_counts(boucle: Embedded, meanwhile: Meanwhile) -> None:
    """At once is at once; the question that never left is withdrawn."""
    deliver(boucle, "42")
    postman = meanwhile(boucle, lambda: boucle.parts.customer_actions.stop_asking(the_mail(boucle).id))
    assert postman.posted == []
    assert states(boucle) == {"42": ("cancelled", "opted_out")}
    assert request_states(boucle) == [("withdrawn", "opted_out")]


def test_an_erasure_between_leasing_and_sending_counts(boucle: Embedded, meanwhile: Meanwhile) -> None:
    """Nobody who was erased gets a mail."""
    deliver(boucle, "42")
    postman = meanwhile(boucle, lambda: boucle.take(about("erased", "42", boucle.clock.at)))
    assert postman.posted == []


def test_an_opt_out_under_another_id_between_leasing_and_sending_counts(boucle: Embedded, meanwhile: Meanwhile) -> None:
    """The address is suppressed by then, although its other customer has not changed."""
    boucle.take(about("changed", "b", customer={"id": "b", "email": "A@example.org"}))
    deliver(boucle, "a")
    postman = meanwhile(boucle, lambda: boucle.take(about("opted_out", "b", boucle.clock.at)))
    assert postman.posted == []
    assert states(boucle) == {"a": ("suppressed", "suppressed")}


def test_another_address_between_leasing_and_sending_is_the_one_written_to(
    boucle: Embedded, meanwhile: Meanwhile
) -> None:
    """And by the new name: nothing of what was written before leaves."""
    deliver(boucle, "42")
    new = {"id": "42", "email": "new@example.org", "name": "Dominique Roux"}
    postman = meanwhile(boucle, lambda: boucle.take(about("changed", "42", boucle.clock.at, customer=new)))
    assert postman.recipients() == ["new@example.org"]
    assert b"Dominique" in postman.posted[0].raw
    with boucle.store.reading() as connection:
        assert sent_mails.body_of(connection, the_mail(boucle).id) == postman.posted[0].raw


@pytest.mark.parametrize("touchpoint", ["", "delivery-now"])
def test_a_pause_between_leasing_and_sending_counts(boucle: Embedded, meanwhile: Meanwhile, touchpoint: str) -> None:
    """At once is at once: of what is paused by then nothing leaves, and it is as if it had not been claimed."""
    deliver(boucle, *"abcdef")

    def pause() -> None:
        boucle.store.write(
            lambda connection: send_controls.pause(connection, boucle.clock.at, "ana", touchpoint=touchpoint)
        )

    postman = meanwhile(boucle, pause)
    assert postman.posted == []
    assert {(str(mail.state), mail.attempt) for mail in mails(boucle, "ask-delivery")} == {("ready", 0)}
    with boucle.store.reading() as connection:
        assert sent_mails.body_of(connection, next(mails(boucle, "ask-delivery")).id) is None
    boucle.store.write(
        lambda connection: send_controls.resume(connection, OPEN, boucle.clock.at, "ana", touchpoint=touchpoint)
    )
    send(sender_of(boucle, postman))
    assert len(postman.posted) == 6


def test_an_opt_out_under_another_id_counts_for_the_same_address(boucle: Embedded) -> None:
    """The address is what is written to: it is checked when asking and when sending."""
    boucle.take(about("changed", "b", customer={"id": "b", "email": "A@example.org"}))
    deliver(boucle, "a")
    boucle.take(about("opted_out", "b", boucle.clock.at))
    postman = Postman()
    send(sender_of(boucle, postman))
    assert postman.posted == []
    assert states(boucle) == {"a": ("suppressed", "suppressed")}
    boucle.clock.at += 60 * DAY
    boucle.take(journey("delivery", "a", boucle.clock.at, reference="second"))
    boucle.parts.scheduler.wake_all()
    planned = {
        touchpoint.step: touchpoint.reason for touchpoint in boucle.rows(Touchpoint) if touchpoint.reference == "second"
    }
    assert planned == {"delivery-now": "suppressed", "delivery-6w": ""}


def test_an_opt_out_under_the_id_of_a_merge_stops_the_reminder(boucle: Embedded) -> None:
    """The customer was asked under one id, merged into another one, and opted out there."""
    deliver(boucle, "old")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    boucle.take(about("changed", "new", customer={"id": "new", "email": "new@example.org"}))
    boucle.take(about("merged", "old", merged_into="new"), about("opted_out", "new", START + timedelta(hours=1)))
    boucle.clock.at += 4 * DAY
    send(dispatching)
    reminder = the_mail(boucle, "reminder")
    assert (str(reminder.state), reminder.reason) == ("cancelled", "opted_out")
    assert len(postman.posted) == 1


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


def test_a_promotion_does_not_leave_past_its_deadline(boucle: Embedded) -> None:
    """Within two weeks is a deadline, also when sending was paused when the time came."""
    deliver(boucle, "42")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    answer(boucle, 10)
    boucle.clock.at += 10 * DAY
    boucle.parts.scheduler.wake_all()
    assert len(boucle.rows(Testimonial)) == 1
    boucle.clock.at += 5 * DAY
    send(dispatching)
    mail = the_mail(boucle, "testimonial")
    assert (str(mail.state), mail.reason, mail.mail_class) == ("cancelled", "too_late", MailClass.PROMOTION)


# Reminders


def test_one_reminder_and_never_after_an_answer(boucle: Embedded) -> None:
    """Four days later, once; who has answered gets none."""
    deliver(boucle, "1", "2")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    (first,) = [request for request in boucle.rows(SurveyRequest) if request.reference == "order-1"]
    assert boucle.parts.customer_actions.answer(first.id, 8)
    for _ in range(20):
        boucle.clock.at += DAY
        boucle.parts.scheduler.wake_all()
        send(dispatching)
    reminders = {mail.recipient: str(mail.state) for mail in mails(boucle, "reminder")}
    assert reminders == {"": "cancelled", "2@example.org": "accepted"}
    (second,) = [request for request in boucle.rows(SurveyRequest) if request.reference == "order-2"]
    assert second.reminded_at == START + 4 * DAY


def test_a_reminder_follows_a_question_that_left_late(boucle: Embedded) -> None:
    """Its wait runs from when the question left, and so does the time to answer."""
    deliver(boucle, "42")
    (request,) = boucle.rows(SurveyRequest)
    postman = Postman({"42@example.org": [LATER] * 9})
    dispatching = sender_of(boucle, postman)
    for _ in range(6):
        send(dispatching)
        boucle.clock.at += DAY
    postman.answers = {}
    send(dispatching)
    left_at = boucle.clock.at
    (sent,) = boucle.rows(SurveyRequest)
    assert (sent.sent_at, sent.closes_at) == (left_at, request.closes_at + 6 * DAY)
    for _ in range(12):
        boucle.clock.at += timedelta(hours=12)
        boucle.parts.scheduler.wake_all()
        send(dispatching)
    assert the_mail(boucle, "reminder").accepted_at == left_at + 4 * DAY


def test_a_reminder_waits_for_its_question(boucle: Embedded) -> None:
    """While the question has not left, nobody is reminded of it."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [SendResult(SendKind.LATER, 450, "4.2.0", 30 * 86_400.0)]})
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    boucle.clock.at += 5 * DAY
    send(dispatching)
    reminder = the_mail(boucle, "reminder")
    assert (str(reminder.state), reminder.reason) == ("ready", "not_due")
    boucle.clock.at += 10 * DAY
    boucle.parts.scheduler.wake_all()
    send(dispatching)
    assert str(the_mail(boucle, "reminder").state) == "cancelled"


def test_a_reminder_knows_whether_a_person_opened_the_link(install: Callable[..., Embedded]) -> None:
    """Who clicked and did not confirm is told so; a scanner's click is no click of theirs."""
    texts = {}
    for name, clicks in {"nobody": [], "person": [("GET", "")], "machine": [("HEAD", "head")]}.items():
        boucle = install()
        deliver(boucle, "42")
        postman = Postman()
        send(sender_of(boucle, postman))
        (request,) = boucle.rows(SurveyRequest)
        for method, signal in clicks:
            boucle.parts.customer_actions.click(request.id, 9, method, signal)
        boucle.clock.at += 4 * DAY
        send(sender_of(boucle, postman))
        part = message_from_bytes(postman.posted[1].raw, policy=policy.default).get_body(("plain",))
        assert part is not None
        texts[name] = part.get_content().split("http")[0]
    assert texts["nobody"] == texts["machine"] != texts["person"]


def test_a_question_handed_over_while_it_was_called_back_still_takes_an_answer(boucle: Embedded) -> None:
    """The customer has the link, so it works."""
    deliver(boucle, "42")
    postman = Postman()

    async def refunded() -> None:
        refund = journey("refund", "42", boucle.clock.at, reference="order-42")
        await asyncio.to_thread(boucle.take, refund)
        assert request_states(boucle) == [("withdrawn", "stopped: refund")]

    postman.before = refunded
    send(sender_of(boucle, postman))
    assert request_states(boucle) == [("open", "")]
    answer(boucle, 4)
    assert len(boucle.rows(Response)) == 1


def test_nobody_counts_twice_when_a_sender_says_never_to_a_reminder(boucle: Embedded) -> None:
    """A reminder that fails leaves the request open: the question itself arrived."""
    deliver(boucle, "42")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    postman.answers["42@example.org"] = [NEVER]
    boucle.clock.at += 4 * DAY
    send(dispatching)
    assert str(the_mail(boucle, "reminder").state) == "failed"
    assert request_states(boucle) == [("open", "")]


def test_the_index_of_ready_mails_is_all_that_an_idle_sender_reads(boucle: Embedded) -> None:
    """With nothing due, a look takes no lock: another writer may hold the database."""
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.insert(tables.counter).values(name="held", value=1))
        assert send(sender_of(boucle, Postman())) == 0
