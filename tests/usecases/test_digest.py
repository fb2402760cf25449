"""The weekly digest: on Mondays at 8:00 of each reader's zone, once, with what happened to their customers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
import sqlalchemy as sa
from embedded import about
from ownrules import write_rules
from teamparts import House, at_once, claim, done

from workers.domain.records import Dispatch
from workers.domain.reporting.digest import due_at
from workers.domain.types import NOBODY
from workers.errors import CodedFault
from workers.store import tables
from workers.usecases.sign_in.accounts import Accounts

MONDAY = datetime(2026, 3, 9, 7, 0, tzinfo=UTC)
"""8:00 in Paris, where the shipped team is."""
DECLARED = "account: {type: text, personal: no, silent after: P30D}\n"


@pytest.fixture
def house(tmp_path: Path, database: dict[str, str]) -> Iterator[House]:
    """Give an installation with a team and an account, on either database."""
    write_rules(tmp_path / "own", DECLARED)
    with_team = House(tmp_path / "home", MONDAY - timedelta(days=6), overrides=str(tmp_path / "own"), **database)
    yield with_team
    with_team.close()


def reading_team(house: House) -> Accounts:
    """Add the people: the lead and two agents read a digest, one of them in New York."""
    people = house.staff()
    for name, zone in (("Nadia", ""), ("Léa", ""), ("Max", "America/New_York")):
        people.set_digest(name, f"{name}@team.example", zone, wants=True, by="ops")
    return people


def digests(house: House) -> dict[str, str]:
    """Return the digests that there are, each with its state, by their reader."""
    mails = [mail for mail in house.rows(Dispatch) if mail.template == "digest"]
    assert all((mail.customer, set(mail.facts)) == (NOBODY, {"reader", "until"}) for mail in mails)
    return {str(mail.facts["reader"]): str(mail.state) for mail in mails}


def mail_of(house: House, reader: str) -> EmailMessage:
    """Return the digest that somebody got, as it left."""
    (mail,) = [row for row in house.rows(Dispatch) if row.facts.get("reader") == reader]
    body = sa.select(tables.dispatch_body.c.body).where(tables.dispatch_body.c.dispatch == mail.id)
    with house.store.reading() as connection:
        raw = connection.execute(body).scalar_one()
    message = message_from_bytes(bytes(raw), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def part_of(mail: EmailMessage, kind: str) -> str:
    """Return one part of a mail, its narrow and fixed blanks as plain ones."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\u00a0", " ").replace("\u202f", " ")


def test_a_week_with_tickets_is_told_once(house: House) -> None:
    """To whom it concerns, with nobody's name in the subject; two senders and a second look change nothing."""
    reading_team(house)
    ticket = house.low("7", 2, comment="the lamp was <broken>")
    house.act(ticket.number, claim("Léa"))
    other = house.low("8", 3, comment="late")
    house.act(other.number, claim("Max"))
    house.act(other.number, done("Max"))
    house.clock.at = MONDAY - timedelta(minutes=1)
    house.settle()
    rounds = house.parts.digests()
    assert rounds.send_due() == 0
    house.clock.at = MONDAY
    assert sum(int(str(n)) for n in at_once(rounds.send_due, house.parts.digests().send_due)) == 2
    assert rounds.send_due() == 0
    assert digests(house) == {"Nadia": "ready", "Léa": "ready"}
    house.settle()
    assert digests(house) == {"Nadia": "accepted", "Léa": "accepted"}
    mine, leads = mail_of(house, "Léa"), mail_of(house, "Nadia")
    assert (mine["To"], mine["Subject"]) == (
        "Léa@team.example",
        "Votre semaine avec les clients : 1 à traiter, 1 en retard",
    )
    text = part_of(mine, "plain")
    assert "3/10, 3 mars : late" in text
    assert "Ticket 2" not in text
    assert "Ticket 2 : Put right." in part_of(leads, "plain")
    assert "&lt;broken&gt;" in part_of(leads, "html")
    house.clock.at = MONDAY + timedelta(hours=5)
    assert rounds.send_due() == 1  # 8:00 in New York
    assert set(digests(house)) == {"Nadia", "Léa", "Max"}
    house.take(about("erased", "7", at=house.clock.at))
    with house.store.reading() as connection:
        kept = connection.execute(sa.select(tables.dispatch_body.c.body)).scalars().all()
    assert not any(b"broken" in bytes(body) for body in kept)
    house.settle()
    assert digests(house)["Max"] == "accepted"


def test_nothing_is_sent_where_nothing_happened_or_nobody_wants_it(tmp_path: Path) -> None:
    """Skipped for that week and not looked at again; an opt-out counts until the mail leaves; late is too late."""
    house = House(tmp_path / "home")
    people = reading_team(house)
    house.clock.at = MONDAY
    rounds = house.parts.digests()
    assert rounds.send_due() == 0
    house.act(house.low("7", 2).number, claim("Léa"))
    assert rounds.send_due() == 0
    people.set_digest("Max", "", "", wants=True, by="ops")
    house.clock.at = MONDAY + timedelta(weeks=1, days=2)
    assert rounds.send_due() == 0
    house.clock.at = MONDAY + timedelta(weeks=2)
    house.low("8", 2)
    house.clock.at += timedelta(hours=1)
    assert rounds.send_due() == 2
    people.set_digest("Léa", "lea@team.example", "", wants=False, by="Léa")
    house.settle()
    assert digests(house) == {"Nadia": "accepted", "Léa": "cancelled"}
    for name, given in {"email": ("not an address", ""), "zone": ("a@b.example", "Mars/Base")}.items():
        with pytest.raises(CodedFault) as fault:
            people.set_digest("Max", *given, wants=True, by="ops")
        assert fault.value.code == name
    house.close()


@pytest.mark.parametrize(
    ("now", "zone", "due"),
    [
        ("2026-03-09T06:59:59+00:00", "Europe/Paris", "2026-03-02T07:00:00+00:00"),
        ("2026-03-09T07:00:00+00:00", "Europe/Paris", "2026-03-09T07:00:00+00:00"),
        ("2026-03-15T22:59:00+00:00", "Europe/Paris", "2026-03-09T07:00:00+00:00"),
        ("2026-03-30T06:00:00+00:00", "Europe/Paris", "2026-03-30T06:00:00+00:00"),
        ("2026-03-09T07:30:00+00:00", "America/New_York", "2026-03-02T13:00:00+00:00"),
        ("2026-03-08T20:00:00+00:00", "Pacific/Auckland", "2026-03-08T19:00:00+00:00"),
    ],
)
def test_it_is_due_on_monday_at_eight_of_the_zone(now: str, zone: str, due: str) -> None:
    """Also where the clocks changed on Sunday, and where Monday begins before ours."""
    assert due_at(datetime.fromisoformat(now), zone) == datetime.fromisoformat(due)
