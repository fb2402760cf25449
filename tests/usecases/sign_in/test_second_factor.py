"""One-time codes and recovery codes: each counts once, and the database alone makes none."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from embedded import Embedded
from pyotp import TOTP
from teamparts import at_once

from workers.domain.types import Ids
from workers.store import tables
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.sign_in.accounts import Accounts, Role
from workers.usecases.sign_in.second_factor import RECOVERY_CODES, SecondFactors

STEP = timedelta(seconds=30)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Embedded]:
    """Give an installation with one person."""
    boucle = Embedded(tmp_path)
    Accounts(boucle.store, boucle.clock.now).add("Léa", Role.AGENT, by="ops")
    yield boucle
    boucle.close()


@pytest.fixture
def factors(house: Embedded) -> SecondFactors:
    """Give its second factors."""
    return SecondFactors(house.store, house.clock.now, house.parts.ids, "Maison Lueur")


def enrolled(factors: SecondFactors, name: str = "Léa") -> tuple[TOTP, list[str]]:
    """Return the app and the recovery codes of a person who has set the second factor up."""
    offer = factors.offer(name)
    app = TOTP(offer.secret)
    codes = factors.enrol(name, offer.salt, app.now())
    assert codes is not None
    return app, codes


def following(app: TOTP, steps: int = 1) -> str:
    """Return the code of a later step than the present one; one step ahead still counts."""
    return app.at(datetime.now(UTC) + steps * STEP)


def test_an_offer_is_what_apps_read(factors: SecondFactors) -> None:
    """The address names issuer and person, and holds the secret that is shown as text."""
    offer = factors.offer("Léa")
    assert offer.url.startswith("otpauth://totp/Maison%20Lueur:L%C3%A9a?")
    assert f"secret={offer.secret}" in offer.url
    assert factors.offer("Léa", offer.salt) == offer
    assert factors.offer("Léa").secret != offer.secret
    assert factors.offer("Max", offer.salt).secret != offer.secret


def test_nothing_is_kept_before_the_app_has_shown_a_code(factors: SecondFactors) -> None:
    """Whoever closes the page half way still signs in."""
    offer = factors.offer("Léa")
    assert factors.enrol("Léa", offer.salt, "000000") is None
    assert not factors.has("Léa")


def test_a_code_counts_once(factors: SecondFactors) -> None:
    """Who looks over a shoulder cannot use the code that was just typed, nor an earlier one (RFC 6238, 5.2)."""
    app, _ = enrolled(factors)
    assert not factors.take("Léa", app.now())
    code = following(app)
    assert factors.take("Léa", f" {code[:3]} {code[3:]} ")
    assert not factors.take("Léa", code)
    assert not factors.take("Léa", app.now())


@pytest.mark.parametrize("steps", [-3, 3, 2000])
def test_a_code_of_another_time_is_wrong(factors: SecondFactors, steps: int) -> None:
    """A phone may be half a minute off, not more."""
    app, _ = enrolled(factors)
    assert not factors.take("Léa", following(app, steps))


def test_one_code_sent_many_times_at_once_counts_once(factors: SecondFactors) -> None:
    """Two browsers with the same code do not both get in."""
    app, codes = enrolled(factors)
    code = following(app)
    assert at_once(*[lambda: factors.take("Léa", code)] * 6).count(True) == 1
    assert at_once(*[lambda: factors.take("Léa", codes[0])] * 6).count(True) == 1


def test_each_recovery_code_counts_once_however_it_is_typed(factors: SecondFactors) -> None:
    """A printed code is typed in capitals, with spaces; nobody else's code fits."""
    enrolled(factors, "Max")
    _, codes = enrolled(factors)
    assert len(set(codes)) == RECOVERY_CODES
    assert not factors.take("Max", codes[0])
    assert factors.take("Léa", codes[0].upper().replace("-", " "))
    assert not factors.take("Léa", codes[0])
    assert factors.left("Léa") == RECOVERY_CODES - 1


@pytest.mark.parametrize("code", ["", " ", "0", "-", "x" * 41, "١٢٣٤٥٦", "１２３４５６", "\x00", "000000\u0301"])
def test_a_strange_code_is_wrong_and_breaks_nothing(factors: SecondFactors, code: str) -> None:
    """Whatever is typed is a wrong code at most."""
    enrolled(factors)
    assert not factors.take("Léa", code)


def test_setting_it_up_anew_ends_what_was_before(factors: SecondFactors) -> None:
    """A new phone: neither the old app nor the old recovery codes count."""
    app, codes = enrolled(factors)
    enrolled(factors)
    assert not factors.take("Léa", following(app))
    assert not factors.take("Léa", codes[0])


def test_the_database_alone_makes_no_code(house: Embedded, factors: SecondFactors) -> None:
    """Whoever reads the database has a salt and hashes; another key gives other codes."""
    app, codes = enrolled(factors)
    with house.store.reading() as connection:
        kept = str(connection.execute(sa.select(tables.second_factor)).all())
        kept += str(connection.execute(sa.select(tables.recovery_code)).all())
    assert app.secret not in kept
    assert not [code for code in codes if code in kept or code.replace("-", "") in kept]
    elsewhere = SecondFactors(house.store, house.clock.now, Ids(b"another"), "Maison Lueur")
    assert not elsewhere.take("Léa", following(app))


def test_every_change_is_audited(house: Embedded, factors: SecondFactors) -> None:
    """Set up, a recovery code used, reset by whom: each stands there, without a code."""
    _, codes = enrolled(factors)
    factors.take("Léa", codes[0])
    Accounts(house.store, house.clock.now).reset_second_factor("léa", by="ops")
    assert not factors.has("Léa")
    assert factors.left("Léa") == 0
    with house.store.reading() as connection:
        acts = list_acts(connection, limit=3, subject="user Léa")
    assert [(act["act"], act["by"]) for act in reversed(acts)] == [
        ("user.second_factor", "Léa"),
        ("user.recovery_code", "Léa"),
        ("user.second_factor_reset", "ops"),
    ]
    assert codes[0] not in str(acts)
