"""What operators hold, pause, redirect or limit waits and leaves later; nothing is lost."""

from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from deliveryparts import answer, deliver, send, states
from embedded import START, Embedded, journey
from postroom import NO_SUCH, Hook, Postman, sender_of, the_mail

from workers.domain.records import Dispatch, Suppression, SurveyRequest, Touchpoint
from workers.errors import Misconfigured
from workers.store.delivery import claim
from workers.usecases.delivery import send_controls
from workers.usecases.delivery.send_controls import Sending


def set_control(boucle: Embedded, act: Callable[..., None], *args: object, **more: object) -> None:
    """Let an operator turn a switch."""
    boucle.store.write(lambda connection: act(connection, *args, **more))


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
