"""Who may sign in, for how long, and what is left of it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from embedded import START, Embedded
from teamparts import at_once

from workers.errors import BadInput, CodedFault
from workers.store import tables
from workers.store.sign_in.audit_log import list_acts
from workers.store.ticket.roster import read_roster
from workers.usecases.sign_in.accounts import Accounts, Role
from workers.usecases.sign_in.sign_ins import SignIns

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Embedded]:
    """Give an installation."""
    boucle = Embedded(tmp_path)
    yield boucle
    boucle.close()


@pytest.fixture
def people(house: Embedded) -> Accounts:
    """Give its people."""
    return Accounts(house.store, house.clock.now, CHEAP)


@pytest.fixture
def sign_ins(house: Embedded) -> SignIns:
    """Give what lets them in."""
    return SignIns(house.store, house.clock.now, CHEAP)


def expire(house: Embedded) -> None:
    """Let the time of every token be over, by the database's own clock."""
    past = sa.update(tables.session).values(expires_at=START - timedelta(days=900))
    house.store.write(lambda connection: connection.execute(past))


def test_a_password_signs_in_and_a_wrong_one_does_not(people: Accounts, sign_ins: SignIns) -> None:
    """The name in any capitals, the password exactly."""
    people.add("Léa", Role.AGENT, "correct horse", by="ops")
    user = sign_ins.check("  léa ", "correct horse")
    assert user is not None
    assert (user.name, user.role) == ("Léa", Role.AGENT)
    assert sign_ins.check("Léa", "Correct horse") is None
    assert sign_ins.check("Max", "correct horse") is None


def test_a_password_is_kept_as_an_argon2_hash(house: Embedded) -> None:
    """Whoever reads the database reads no password."""
    Accounts(house.store, house.clock.now).add("Léa", Role.AGENT, "correct horse", by="ops")
    with house.store.reading() as connection:
        (kept,) = connection.execute(sa.select(tables.user.c.password_hash)).scalars()
    assert kept.startswith("$argon2id$")
    assert "correct horse" not in kept


def test_nobody_signs_in_without_a_password_of_their_own(people: Accounts, sign_ins: SignIns) -> None:
    """Who signs in by link or identity provider has no password, not an empty one."""
    people.add("Léa", Role.AGENT, by="ops")
    assert sign_ins.check("Léa", "") is None


def test_a_stronger_hash_replaces_a_weaker_one_at_the_next_sign_in(house: Embedded, people: Accounts) -> None:
    """Raising the cost later needs no new passwords."""
    people.add("Léa", Role.AGENT, "correct horse", by="ops")
    stronger = SignIns(house.store, house.clock.now, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert stronger.check("Léa", "correct horse")
    with house.store.reading() as connection:
        (kept,) = connection.execute(sa.select(tables.user.c.password_hash)).scalars()
    assert "m=16,t=2" in kept


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a:b", "a\tb\x00"])
def test_a_name_can_be_typed_and_shown(people: Accounts, name: str) -> None:
    """A name that would break a line of history is refused."""
    with pytest.raises(BadInput):
        people.add(name, Role.AGENT, "correct horse", by="ops")


def test_a_name_is_taken_once_whatever_its_capitals(people: Accounts) -> None:
    """Nobody can be mistaken for somebody else."""
    people.add("Léa", Role.AGENT, "correct horse", by="ops")
    with pytest.raises(BadInput, match="already"):
        people.add("LÉA", Role.LEAD, "correct horse", by="ops")


def test_a_session_ends_by_itself_and_by_signing_out(house: Embedded, people: Accounts, sign_ins: SignIns) -> None:
    """The server forgets it: a kept cookie is worth nothing afterwards."""
    people.add("Léa", Role.AGENT, "correct horse", by="ops")
    token, other = sign_ins.sign_in("Léa", "password"), sign_ins.sign_in("Léa", "password")
    assert sign_ins.who(token) == people.find("Léa")
    sign_ins.sign_out(token)
    assert sign_ins.who(token) is None
    assert sign_ins.who(other)
    expire(house)
    assert sign_ins.who(other) is None
    assert sign_ins.who("made up") is None


def test_the_database_keeps_no_token(house: Embedded, people: Accounts, sign_ins: SignIns) -> None:
    """Whoever reads the database cannot sign in with what stands there."""
    people.add("Léa", Role.AGENT, "correct horse", by="ops")
    token = sign_ins.sign_in("Léa", "password")
    with house.store.reading() as connection:
        (kept,) = connection.execute(sa.select(tables.session.c.hash)).scalars()
    assert token not in kept
    assert sign_ins.who(kept) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda people: people.set_password("Léa", "another staple", by="ops"),
        lambda people: people.set_role("Léa", Role.LEAD, by="ops"),
        lambda people: people.remove("Léa", by="ops"),
    ],
)
def test_a_new_password_or_role_ends_every_session(
    people: Accounts, sign_ins: SignIns, change: Callable[[Accounts], None]
) -> None:
    """Whoever has left is out at once."""
    people.add("Léa", Role.AGENT, "correct horse", by="ops")
    token = sign_ins.sign_in("Léa", "password")
    change(people)
    assert sign_ins.who(token) is None


def test_a_link_signs_in_once_and_is_no_session(house: Embedded, people: Accounts, sign_ins: SignIns) -> None:
    """A one-time link is worth one sign-in within a day, and no cookie by itself."""
    people.add("Léa", Role.AGENT, by="ops")
    link, late = people.login_token("léa"), people.login_token("Léa")
    assert sign_ins.who(link) is None
    user = sign_ins.use_token(link)
    assert user is not None
    assert user.name == "Léa"
    assert sign_ins.use_token(link) is None
    expire(house)
    assert sign_ins.use_token(late) is None
    with pytest.raises(BadInput, match="no user"):
        people.login_token("Max")


def test_who_is_away_gets_no_ticket_until_back(house: Embedded, people: Accounts) -> None:
    """Away ends by itself, at the first working moment that was named."""
    people.add("Léa", Role.AGENT, by="ops")
    people.add("Max", Role.AGENT, by="ops")
    people.add("Nadia", Role.LEAD, by="ops")
    people.set_away("Max", START + timedelta(days=1), by="Max")
    with house.store.reading() as connection:
        now, later = read_roster(connection, START), read_roster(connection, START + timedelta(days=1))
    assert (now.agents, now.away, now.leads) == (("Léa",), frozenset({"Max"}), ("Nadia",))
    assert later.agents == ("Léa", "Max")
    people.set_away("Max", None, by="Max")
    assert people.find("Max") == next(user for user in people.everybody() if user.name == "Max")
    assert people.find("Max").away_until is None  # type: ignore[union-attr]  # just added


def test_every_act_on_a_person_is_in_the_audit_log(house: Embedded, people: Accounts, sign_ins: SignIns) -> None:
    """Who gave whom which role is never a question, and no password stands there."""
    people.add("Léa", Role.AGENT, "correct horse", by="ops")
    sign_ins.sign_in("Léa", "password")
    people.set_role("Léa", Role.LEAD, by="ops")
    people.remove("Léa", by="ops")
    with house.store.reading() as connection:
        acts = list_acts(connection)
    assert [(act["act"], act["by"]) for act in reversed(acts)] == [
        ("user.add", "ops"),
        ("user.sign_in", "Léa"),
        ("user.role", "ops"),
        ("user.remove", "ops"),
    ]
    assert "horse" not in str(acts)


def test_of_two_operators_who_remove_each_other_one_stays(people: Accounts) -> None:
    """The last one is looked for in the act's own transaction."""
    people.add("Olga", Role.OPERATOR, by="ops")
    people.add("Otto", Role.OPERATOR, by="ops")

    def remove(name: str, by: str) -> str:
        try:
            people.remove(name, by=by, as_manager=True)
        except CodedFault as error:
            return error.code
        return "removed"

    ends = at_once(lambda: remove("Otto", "Olga"), lambda: remove("Olga", "Otto"))
    assert ends.count("removed") == 1
    assert len([user for user in people.everybody() if user.role == Role.OPERATOR]) == 1


def test_a_session_stands_idle_for_an_hour_at_most(house: Embedded, people: Accounts, sign_ins: SignIns) -> None:
    """Its use is kept, not more often than every minute; what a page does by itself is no use."""
    people.add("Léa", Role.AGENT, by="ops")
    token = sign_ins.sign_in("Léa", "password", "Firefox, Linux")

    def seen(ago: timedelta) -> None:
        began = sign_ins.sessions("Léa")[0].created_at
        idle = sa.update(tables.session).values(seen_at=began - ago)
        house.store.write(lambda connection: connection.execute(idle))

    for ago, kept in ((timedelta(seconds=30), False), (timedelta(minutes=58), True)):
        seen(ago)
        before = sign_ins.sessions("Léa")[0]
        assert sign_ins.who(token, seen=False)
        assert sign_ins.sessions("Léa") == [before]
        assert sign_ins.who(token)
        assert (sign_ins.sessions("Léa")[0].seen_at > before.seen_at) == kept
    seen(timedelta(minutes=61))
    assert sign_ins.who(token) is None


def test_a_session_of_the_release_before_goes_on(house: Embedded, people: Accounts, sign_ins: SignIns) -> None:
    """A role of 0.1.0 writes sessions without browser and last use: they count from when they began."""
    people.add("Léa", Role.AGENT, by="ops")
    token = sign_ins.sign_in("Léa", "password")
    old = sa.update(tables.session).values(how=None, browser=None, seen_at=None)
    house.store.write(lambda connection: connection.execute(old))
    (session,) = sign_ins.sessions("Léa")
    assert (session.how, session.browser, session.seen_at) == ("", "", session.created_at)
    assert sign_ins.who(token)
