"""What is remembered of a mailbox holds for the mailbox: however its address is spelt, whoever has it."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, about, journey

from workers.records import Dispatch, Suppression, SurveyRequest, Touchpoint
from workers.store import tables
from workers.suppressions import Suppressions
from workers.words import BadInput

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
    return sorted((str(one.state), one.reason) for one in boucle.rows(Touchpoint) if one.step == "delivery-now")


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
    assert states(boucle) == [("cancelled", "suppressed")]


def test_a_mail_leaves_for_the_envelope_form(boucle: Embedded) -> None:
    """What is hashed is what is handed over."""
    boucle.take(delivered("1", "Jean@EXÄMPLE.fr."))
    boucle.settle()
    (mail,) = [one for one in boucle.rows(Dispatch) if one.template == "ask-delivery"]
    assert (str(mail.state), mail.recipient) == ("accepted", "Jean@xn--exmple-cua.fr")


def test_a_suppression_is_lifted_with_a_reason(boucle: Embedded) -> None:
    """By any spelling, with an audit row; the customer's own opt-out and an erased person's mailbox stay."""
    boucle.take(
        about("opted_out", "1", customer={"id": "1", "email": TOLD}),
        about("changed", "2", customer={"id": "2", "email": SPELLINGS[0]}),
        about("erased", "3", customer={"id": "3", "email": "gone@example.org"}),
    )
    suppressions = Suppressions(boucle.store, boucle.parts.ids, lambda: START)
    listed = {one.kind: one for one in suppressions.every()}
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
