"""Refusals: one server's are its own affair, several unrelated ones' ours; a mailbox that takes none is given up."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from embedded import Embedded, cloud_event
from postroom import OPEN, OURS, TAKEN, Postman, sender_of

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import Customer, Dispatch, Suppression, SurveyRequest
from workers.domain.sending_state import SendingState
from workers.usecases.delivery import send_controls
from workers.usecases.delivery.sender import Delivery
from workers.usecases.operation import status

DAY = timedelta(days=1)


@pytest.fixture
def boucle(tmp_path: Path) -> Iterator[Embedded]:
    """Give an installation."""
    made = Embedded(tmp_path)
    yield made
    made.close()


def deliver(boucle: Embedded, *addresses: str) -> None:
    """Let something be delivered to customers, each named by an address, and ask them."""
    at = boucle.clock.at
    for address in addresses:
        who = {"id": address, "email": address}
        boucle.take(cloud_event("boucle.journey.delivery.v1", address, at, customer=who, reference=at.isoformat()))
    boucle.parts.scheduler.wake_all()


def send(dispatching: Delivery) -> None:
    """Hand over everything that is ready."""
    asyncio.run(dispatching.send_all())


def ends(boucle: Embedded) -> dict[str, str]:
    """Return the state of each customer's question."""
    crm = {customer.id: str(customer.crm_id) for customer in boucle.rows(Customer)}
    return {
        crm[dispatch.customer]: str(dispatch.state)
        for dispatch in boucle.rows(Dispatch)
        if dispatch.customer and dispatch.template != "reminder"
    }


def sending_state(boucle: Embedded) -> SendingState:
    """Return whether mail goes out."""
    with boucle.store.reading() as connection:
        return send_controls.sending_now(connection, OPEN)


def refusing(boucle: Embedded) -> list[str]:
    """Return who refuses us by now, as `boucle status` says it."""
    with boucle.store.reading() as connection:
        told = status.status(connection, boucle.clock.at, sending=sending_state(boucle))
    return cast("dict[str, list[str]]", told["sending"])["refusing_domains"]


def test_one_server_that_refuses_us_stops_nobody_elses_mail(boucle: Embedded) -> None:
    """5.7.1 from one domain, however often: the others get theirs, nobody is suppressed, it is given up in the end."""
    refused, taken = [f"{n}@example.org" for n in (1, 2, 3)], "4@example.net"
    deliver(boucle, *refused, taken)
    postman = Postman({address: [OURS] * 9 for address in refused})
    dispatching = sender_of(boucle, postman)
    for _ in range(4):
        send(dispatching)
        assert sending_state(boucle).state == "on"
        boucle.clock.at += timedelta(hours=5)
    assert ends(boucle) == {**dict.fromkeys(refused, "failed"), taken: "accepted"}
    assert len(postman.to(refused[0])) == 3
    assert [str(request.state) for request in boucle.rows(SurveyRequest)].count("undeliverable") == 3
    assert boucle.rows(Suppression) == []


def test_several_unrelated_domains_that_refuse_us_pause_all_mail(boucle: Embedded) -> None:
    """Three within an hour, two of one owner counting once: all waits, status names them, resuming counts anew."""
    addresses = ["1@a.example", "2@mail.a.example", "3@b.example", "4@c.example", "5@d.example", "6@e.example"]
    deliver(boucle, *addresses)
    postman = Postman({address: [OURS] for address in addresses})
    dispatching = sender_of(boucle, postman, connections=1)
    send(dispatching)
    named = refusing(boucle)
    assert len(named) == 3
    assert len(postman.posted) in (3, 4)  # the others were claimed before the pause, and are given back by it
    assert set(ends(boucle).values()) == {"ready"}
    now = sending_state(boucle)
    assert (now.state, ", ".join(named) in now.reason, "5.7.1" in now.reason) == ("paused", True, True)
    boucle.store.write(lambda connection: send_controls.resume(connection, OPEN, boucle.clock.at, "ops"))
    assert (refusing(boucle), sending_state(boucle).state) == ([], "on")
    boucle.clock.at += timedelta(hours=5)
    postman.answers = {"1@a.example": [OURS]}
    send(dispatching)
    assert (refusing(boucle), sending_state(boucle).state) == (["a.example"], "on")
    assert ends(boucle) == {addresses[0]: "ready", **dict.fromkeys(addresses[1:], "accepted")}


def test_refusals_of_other_hours_do_not_add_up(boucle: Embedded) -> None:
    """Two domains today and one tomorrow are three servers' own affairs."""
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    for host in ("a.example", "b.example", "c.example"):
        deliver(boucle, f"x@{host}")
        postman.answers[f"x@{host}"] = [OURS]
        send(dispatching)
        boucle.clock.at += timedelta(minutes=61)
        boucle.parts.scheduler.wake_all()
    assert (refusing(boucle), sending_state(boucle).state) == ([], "on")


@pytest.mark.parametrize(
    "text", ["550 5.7.13 User account disabled", "550 5.7.124 Sender not in allowed-senders list", "550 account locked"]
)
def test_what_the_recipients_side_decided_is_its_own_affair(boucle: Embedded, text: str) -> None:
    """A locked account or a closed list says nothing about us, and not that the address is wrong."""
    deliver(boucle, "42@example.org")
    send(sender_of(boucle, Postman({"42@example.org": [SendResult(SendKind.NEVER, 550, text)]})))
    assert [str(request.state) for request in boucle.rows(SurveyRequest)] == ["undeliverable"]
    assert (boucle.rows(Suppression), refusing(boucle)) == ([], [])


def test_a_mailbox_that_is_full_for_ever_is_given_up(boucle: Embedded) -> None:
    """Refused softly five times over months with no success between: suppressed as dead. One success resets it."""
    full = SendResult(SendKind.NEVER, 552, "552 5.2.2 mailbox full")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    for end in [full] * 4 + [TAKEN] + [full] * 6:
        postman.answers = {"42@example.org": [end]}
        deliver(boucle, "42@example.org")
        send(dispatching)
        boucle.clock.at += 100 * DAY
        boucle.parts.scheduler.wake_all()
    assert len(postman.to("42@example.org")) == 10
    assert [(suppression.kind, suppression.detail[:14]) for suppression in boucle.rows(Suppression)] == [
        ("dead", "failed 5 times")
    ]
