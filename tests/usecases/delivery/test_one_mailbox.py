"""What is remembered of a mailbox holds for the mailbox: however its address is spelt, whoever has it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, about, journey

from workers import app
from workers import settings as settings_module
from workers.domain.customer.profile import customer_id
from workers.domain.records import AskedMailbox, Customer, Dispatch, Suppression, SurveyRequest, Touchpoint
from workers.errors import BadInput
from workers.settings.faults import FaultySettings
from workers.store import read, tables
from workers.usecases.delivery.send_controls import SendBudget
from workers.usecases.operation.inquiry import explain
from workers.usecases.privacy.suppressions import Suppressions

DAY = timedelta(days=1)
TOLD = "jean@exämple.fr"
SPELLINGS = (
    "jean@xn--exmple-cua.fr",
    "Jean@EXÄMPLE.FR",
    "jean@exämple.fr.",
    "je\u200ban@exämple.fr",
    "<jean@exämple.fr>",
)


@pytest.fixture
def boucle(tmp_path: Path) -> Embedded:
    """Return an empty installation whose clock stands still."""
    return Embedded(tmp_path / "home")


def delivered(customer: str, email: str, at: datetime = START) -> dict[str, object]:
    """Return a delivery to a customer whose address is given."""
    event = journey("delivery", customer, at, reference=f"{customer}/{at:%j}")
    event["data"]["customer"]["email"] = email
    return event


def states(boucle: Embedded) -> list[tuple[str, str]]:
    """Return the state and reason of every touchpoint that is no milestone."""
    return sorted(
        (str(touchpoint.state), touchpoint.reason)
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.step == "delivery-now"
    )


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_opt_out_holds_for_every_spelling(boucle: Embedded, spelling: str) -> None:
    """Somebody who said stop is not written to because another record has the address in another form."""
    boucle.take(about("opted_out", "1", customer={"id": "1", "email": TOLD}))
    boucle.take(delivered("2", spelling))
    boucle.settle()
    assert boucle.rows(SurveyRequest) == []
    assert states(boucle) == [("cancelled", "suppressed")]


@pytest.mark.parametrize("told", [TOLD, "jean@exämple.fr.", "JEAN@exämple.fr"])
def test_what_0_1_0_remembered_goes_on_holding(boucle: Embedded, told: str) -> None:
    """It hashed the address as it was told, in small letters."""
    old = Suppression(boucle.parts.ids.keyed_hash("address", told.strip().lower()), "bounce", START, "")
    with boucle.store.engine.begin() as connection:
        connection.execute(
            sa.insert(tables.suppression).values(address=old.address, kind="bounce", at=START, detail="")
        )
    boucle.take(delivered("2", told))
    boucle.settle()
    assert states(boucle) == [("held", "suppressed")]
    assert boucle.rows(Dispatch) == []


def test_a_mail_leaves_for_the_envelope_form(boucle: Embedded) -> None:
    """What is hashed is what is handed over."""
    boucle.take(delivered("1", "Jean@EXÄMPLE.fr."))
    boucle.settle()
    (mail,) = [dispatch for dispatch in boucle.rows(Dispatch) if dispatch.template == "ask-delivery"]
    assert (str(mail.state), mail.recipient) == ("accepted", "Jean@xn--exmple-cua.fr")


def test_a_suppression_is_lifted_with_a_reason(boucle: Embedded) -> None:
    """By any spelling, with an audit row; the customer's own opt-out and an erased person's mailbox stay."""
    boucle.take(
        about("opted_out", "1", customer={"id": "1", "email": TOLD}),
        about("changed", "2", customer={"id": "2", "email": SPELLINGS[0]}),
        about("erased", "3", customer={"id": "3", "email": "gone@example.org"}),
    )
    suppressions = Suppressions(boucle.store, boucle.parts.policies.current, lambda: START)
    listed = {suppression.kind: suppression for suppression in suppressions.every()}
    assert (set(listed), listed["opt_out"].customers) == ({"opt_out", "erased"}, ("1", "2"))
    assert TOLD not in str(listed)
    for address, why in ((SPELLINGS[1], " "), ("no address", "x"), ("gone@example.org", "x")):
        with pytest.raises(BadInput):
            suppressions.lift(address, why, by="lea")
    lifted = suppressions.lift(SPELLINGS[1], "called and asked for it", by="lea")
    assert lifted is not None
    assert (lifted.kinds, lifted.opted_out) == (("opt_out",), ("1",))
    assert suppressions.lift(TOLD, "again", by="lea") is None
    with boucle.store.reading() as connection:
        (act,) = connection.execute(sa.select(tables.audit).where(tables.audit.c.act == "suppression.lift")).all()
    assert (act.by, act.detail) == ("lea", {"kinds": ["opt_out"], "why": "called and asked for it"})
    boucle.take(journey("delivery", "2", reference="2"), journey("delivery", "1", reference="1"))
    boucle.settle()
    assert states(boucle) == [("asked", ""), ("cancelled", "opted_out")]


# The rest period of a person


SHARED = ("office@firm.example", "Office@FIRM.example.", "<office@firm.example>")


def asked_of(boucle: Embedded) -> list[str]:
    """Return the CRM's ids of those who were asked, in order."""
    names = {customer.id: customer.crm_id or "" for customer in boucle.rows(Customer)}
    return [
        names[request.customer]
        for request in sorted(boucle.rows(SurveyRequest), key=lambda request: (request.asked_at, request.id))
    ]


def test_one_mailbox_under_three_ids_is_asked_once(boucle: Embedded) -> None:
    """In one round, and under another id the day after; each of the others says why, and waits."""
    boucle.take(delivered("1", SHARED[0]), delivered("2", SHARED[1]))
    boucle.settle()
    boucle.clock.at += DAY
    boucle.take(delivered("3", SHARED[2], boucle.clock.at))
    boucle.settle()
    assert len(boucle.rows(SurveyRequest)) == 1
    assert states(boucle) == [("asked", ""), ("skipped", "same_mailbox"), ("skipped", "same_mailbox")]
    (waits,) = {customer.crm_id for customer in boucle.rows(Customer)} - {"3", *asked_of(boucle)}
    with boucle.store.reading() as connection:
        told: Any = explain(connection, "customer", str(waits), boucle.clock.at, boucle.parts.policies.current())
    (touchpoint,) = [one for one in told["touchpoints"] if one["touchpoint"] == "delivery-now"]
    assert "same mail address was asked before" in touchpoint["reason"]
    assert "same mail address" in told["next_ask"]["reason"]


def test_the_mailbox_is_asked_again_after_its_rest(boucle: Embedded) -> None:
    """A rest is no suppression."""
    boucle.take(delivered("1", SHARED[0]))
    boucle.settle()
    boucle.clock.at += 91 * DAY
    boucle.take(delivered("2", SHARED[1], boucle.clock.at))
    boucle.settle()
    assert asked_of(boucle) == ["1", "2"]


def test_a_pattern_of_mailboxes_is_refused_with_how_a_domain_is_written() -> None:
    """`*@firm.example` would exempt the one mailbox called *, and nobody would see why."""
    with pytest.raises(FaultySettings, match=r"[Ff]or every address of a domain write @firm.example"):
        settings_module.read({"BOUCLE_SHARED_MAILBOXES": "office@b.example, *@firm.example"})


@pytest.mark.parametrize("exempt", ["office@firm.example", "other@x.example, @FIRM.example"])
def test_an_operator_may_exempt_a_shared_mailbox(tmp_path: Path, exempt: str) -> None:
    """A company's one address for all has several people behind it."""
    boucle = Embedded(tmp_path / "home", shared_mailboxes=exempt)
    boucle.take(delivered("1", SHARED[0]), delivered("2", SHARED[1]))
    boucle.settle()
    assert sorted(asked_of(boucle)) == ["1", "2"]


def test_a_question_that_did_not_leave_rests_nobody(boucle: Embedded) -> None:
    """Taken back before it was sent, it reached no mailbox."""
    boucle.take(delivered("1", SHARED[0]))
    boucle.parts.scheduler.wake_all()
    boucle.take(about("opted_out", "1"))
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.suppression))
    boucle.take(delivered("2", SHARED[1]))
    boucle.settle()
    assert states(boucle) == [("asked", ""), ("asked", "")]
    assert sorted(str(request.state) for request in boucle.rows(SurveyRequest)) == ["open", "withdrawn"]


def test_merged_customers_do_not_rest_twice(boucle: Embedded) -> None:
    """What was asked under the other id is the person's own, and the memory goes with it; erasing forgets it."""
    boucle.take(delivered("1", SHARED[0]))
    boucle.settle()
    boucle.take(about("merged", "1", merged_into="2"))
    (kept,) = boucle.rows(AskedMailbox)
    assert kept.customer == customer_id("2", boucle.parts.ids)
    boucle.take(about("erased", "2"))
    assert boucle.rows(AskedMailbox) == []


def test_what_a_release_before_asked_counts(tmp_path: Path) -> None:
    """It kept no memory of mailboxes; the first round of this one makes it."""
    boucle = Embedded(tmp_path / "home")
    boucle.take(delivered("1", SHARED[0]))
    boucle.settle()
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.delete(tables.asked_mailbox))
        connection.execute(sa.delete(tables.control).where(tables.control.c.name == "askings"))
    vars(boucle.parts).pop("scheduler")
    boucle.take(delivered("2", SHARED[1]))
    boucle.settle()
    assert asked_of(boucle) == ["1"]


WAITS = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


def test_two_wakers_never_ask_a_mailbox_twice(tmp_path: Path, postgres: str) -> None:
    """Each holds another customer of the same mailbox at the same moment: the second waits for the first."""
    boucle = Embedded(tmp_path / "home", database_url=postgres)
    boucle.take(*(delivered(str(n), f"m{n % 5}@firm.example") for n in range(10)))
    first = [customer_id(str(n), boucle.parts.ids) for n in range(5)]
    other = app.Boucle(boucle.parts.settings, boucle.clock)

    def waits_or_ended(ended: Callable[[], bool]) -> bool:
        with boucle.store.reading() as connection:
            return ended() or bool(connection.execute(WAITS).scalar())

    with ThreadPoolExecutor(1) as pool:
        with boucle.store.engine.begin() as connection:
            customers = read.lock_customers(connection, first)
            boucle.parts.scheduler._wake(connection, customers, SendBudget(None), boucle.clock.at)
            second = pool.submit(other.scheduler.wake_all)
            until = time.monotonic() + 20
            while not waits_or_ended(second.done) and time.monotonic() < until:
                threading.Event().wait(0.01)
        second.result(20)
    requests = boucle.rows(SurveyRequest)
    for parts in (boucle.parts, other):
        parts.store.close()
    assert len(requests) == 5
