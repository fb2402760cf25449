"""The verbs of whoever lets people in: who may sign in, as what, and no password on the screen."""

import io
from typing import TYPE_CHECKING

import pytest
from pyotp import TOTP

from workers.usecases.sign_in.second_factor import SecondFactors
from workers.usecases.sign_in.sign_ins import SignIns

if TYPE_CHECKING:
    from verbs import Boucle

PASSWORD = "correct horse battery"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a password stand on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))


@pytest.mark.usefixtures("typed")
def test_a_person_is_added_and_may_sign_in(boucle: "Boucle") -> None:
    """The verb says where; the password is neither printed nor kept as it is."""
    ended = boucle("users", "add", "Léa", "--role", "agent", "--password-stdin")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "Léa may sign in as agent at http://127.0.0.1:8080/login\n"
    parts = boucle.parts()
    user = SignIns(parts.store, parts.now).check("léa", PASSWORD)
    assert user is not None
    assert user.role == "agent"
    parts.store.close()


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_password_is_refused(boucle: "Boucle", monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Nobody is let in without one by mistake."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    ended = boucle("users", "add", "Léa", "--role", "agent", "--password-stdin")
    assert ended.code == 2
    assert "empty" in ended.err
    assert boucle("users", "list", "--format", "json").json() == []


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "12 characters"),
        ("password1234", "easy to guess"),
        ("x" * 1025, "at most 1024"),
        ("Léa Léa Léa", "12"),
    ],
)
def test_a_weak_password_is_refused(boucle: "Boucle", monkeypatch: pytest.MonkeyPatch, password: str, why: str) -> None:
    """The same rules as on the page, and the sentence says what to do."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    ended = boucle("users", "add", "Léa", "--role", "agent", "--password-stdin")
    assert ended.code == 2
    assert why in ended.err
    assert boucle("users", "list", "--format", "json").json() == []


@pytest.mark.usefixtures("typed")
def test_sessions_and_a_second_factor_are_ended_by_verb(boucle: "Boucle") -> None:
    """What an operator does when a phone is lost; without a second factor the verb says so."""
    assert boucle("users", "add", "Léa", "--role", "agent", "--password-stdin").code == 0
    parts = boucle.parts()
    sign_ins = SignIns(parts.store, parts.now)
    factors = SecondFactors(parts.store, parts.now, parts.ids, "Boucle")
    offer = factors.offer("Léa")
    assert factors.enrol("Léa", offer.salt, TOTP(offer.secret).now())
    token = sign_ins.sign_in("Léa", "password")
    assert boucle("users", "list", "--format", "json").json()[0]["second_factor"]
    assert boucle("users", "end-sessions", "léa").code == 0
    assert sign_ins.who(token) is None
    assert factors.has("Léa")
    assert boucle("users", "reset-second-factor", "Léa").code == 0
    assert not factors.has("Léa")
    parts.store.close()
    ended = boucle("users", "reset-second-factor", "Léa")
    assert (ended.code, ended.err) == (2, "Léa has no second factor; nothing was changed.\n")
    for verb in (["remove"], ["link"], ["end-sessions"], ["reset-second-factor"], ["role", "agent"]):
        unknown = boucle("users", verb[0], "Nobody", *verb[1:])
        assert (unknown.code, "There is no user Nobody" in unknown.err) == (1, True), verb


@pytest.mark.usefixtures("typed")
def test_the_last_operator_stays(boucle: "Boucle") -> None:
    """Nobody is left without somebody who manages operators, by whichever door."""
    assert boucle("users", "add", "Olga", "--role", "operator", "--password-stdin").code == 0
    for verb in (("remove", "Olga"), ("role", "Olga", "lead")):
        ended = boucle("users", *verb)
        assert ended.code == 2
        assert "last operator" in ended.err
    assert boucle("users", "add", "Otto", "--role", "operator", "--no-password").code == 0
    assert boucle("users", "remove", "Olga").code == 0


def test_without_a_terminal_the_verb_says_what_to_use(boucle: "Boucle", monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that forgot the option is not left waiting."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    ended = boucle("users", "add", "Léa", "--role", "agent")
    assert ended.code == 2
    assert "--password-stdin" in ended.err


@pytest.mark.usefixtures("typed")
def test_people_are_listed_changed_and_removed(boucle: "Boucle") -> None:
    """Role, link, list, remove: each says what it did, and an unknown name is said to be unknown."""
    assert boucle("users", "add", "Léa", "--role", "agent", "--password-stdin").code == 0
    assert boucle("users", "add", "lea@example.org", "--role", "lead", "--no-password").code == 0
    assert boucle("users", "role", "Léa", "lead").code == 0
    listed = boucle("users", "list", "--format", "json").json()
    assert [(row["name"], row["role"], row["password"]) for row in listed] == [
        ("Léa", "lead", True),
        ("lea@example.org", "lead", False),
    ]
    assert boucle("users", "link", "Léa").out.startswith("http://127.0.0.1:8080/login/")
    assert boucle("users", "remove", "Léa").code == 0
    ended = boucle("users", "link", "Léa")
    assert (ended.code, ended.err) == (1, "There is no user Léa. `boucle users list` shows them all.\n")


def test_an_unknown_role_is_wrong_use(boucle: "Boucle") -> None:
    """The four roles are named."""
    ended = boucle("users", "add", "Léa", "--role", "boss", "--no-password")
    assert ended.code == 2
    assert "marketing" in ended.err
