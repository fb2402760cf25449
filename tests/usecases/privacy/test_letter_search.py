"""Dead letters of people who were erased: looked through apart from the intake, to the end, whatever comes between."""

import json
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from embedded import Embedded, about

from workers.domain.records import DeadLetter
from workers.domain.types import Ingress
from workers.store import tables
from workers.store.customer import dead_letters, letter_searches
from workers.store.ledger import Incoming
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation import status
from workers.usecases.privacy.letter_search import LetterSearch
from workers.usecases.privacy.person import Privacy


@pytest.fixture
def boucle(install: Callable[..., Embedded], database: dict[str, str]) -> Embedded:
    """Give an installation with customers 42 and 43, on either database."""
    made = install(**database)
    made.take(*(about("changed", who, customer={"id": who, "email": f"{who}@example.org"}) for who in ("42", "43")))
    return made


def refuse(boucle: Embedded, who: str, count: int, start: int = 0) -> None:
    """Leave letters that name somebody."""
    bodies = [b'{"subject": "%s", "n": %d' % (who.encode(), n) for n in range(start, start + count)]
    boucle.parts.intake.take([Incoming(body, {}) for body in bodies], Ingress.HTTP)


def named(boucle: Embedded) -> list[str]:
    """Return whom the letters name that are left."""
    return sorted(letter.body.decode().split('"')[3] for letter in boucle.rows(DeadLetter))


def privacy(boucle: Embedded) -> Privacy:
    """Return what shows and erases people."""
    return Privacy(boucle.store, boucle.parts.policies.current, boucle.clock.now)


class Read:
    """Counts the statements and the rows of `dead_letter` that go over a store's connections."""

    def __init__(self, boucle: Embedded) -> None:
        self.statements = self.of_letters = 0
        sa.event.listen(boucle.store.engine, "before_cursor_execute", self.count)

    def count(self, *given: object) -> None:
        """Count a statement."""
        self.statements += 1
        self.of_letters += re.search(r"\bdead_letter\b", str(given[2])) is not None


@pytest.mark.parametrize("boucle", ["sqlite"], indirect=True)
def test_an_erasure_costs_the_intake_the_same_however_many_letters_there_are(boucle: Embedded) -> None:
    """No statement of the intake of an erasure reads a letter; as many statements with none as with 300."""
    read = Read(boucle)
    boucle.take(about("erased", "42", boucle.clock.at))
    without, read.statements = read.statements, 0
    refuse(boucle, "43", 300)
    read.statements = read.of_letters = 0
    boucle.take(about("erased", "43", boucle.clock.at))
    assert (read.statements, read.of_letters) == (without, 0)
    assert without


def test_the_role_takes_the_letters_afterwards(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """In steps of few letters; who was not erased keeps theirs; the audit says how many went."""
    monkeypatch.setattr(dead_letters, "LETTERS_AT_ONCE", 3)
    refuse(boucle, "42", 10)
    refuse(boucle, "43", 10)
    boucle.take(about("erased", "42", boucle.clock.at))
    assert named(boucle) == ["42"] * 10 + ["43"] * 10
    assert boucle.parts.letter_search().search_all() > 20 / 3
    assert named(boucle) == ["43"] * 10
    with boucle.store.reading() as connection:
        act = list_acts(connection, limit=1)[0]
        assert connection.execute(sa.select(tables.letter_search)).all() == []
    assert (act["act"], act["by"], act["detail"]) == ("privacy.letters", "crm", {"dead_letters": 10})


def test_a_look_that_was_cut_off_goes_on_where_it_was(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends a process in the midst of it, the next one finishes; who comes later waits for it."""
    monkeypatch.setattr(dead_letters, "LETTERS_AT_ONCE", 4)
    refuse(boucle, "42", 9)
    refuse(boucle, "43", 9)
    boucle.take(about("erased", "42", boucle.clock.at))
    search = boucle.parts.letter_search()
    assert search.step()
    boucle.take(about("erased", "43", boucle.clock.at))
    left = named(boucle)
    assert search.step()
    assert named(boucle).count("43") == 9, "who came later began in the midst of the letters"
    assert named(boucle).count("42") <= left.count("42")
    boucle.parts.letter_search().search_all()
    assert named(boucle) == []


def test_two_that_look_at_once_count_and_skip_nothing(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that another role has taken between its reading and its writing is taken once."""
    monkeypatch.setattr(dead_letters, "LETTERS_AT_ONCE", 4)
    refuse(boucle, "42", 11)
    boucle.take(about("erased", "42", boucle.clock.at))
    first = boucle.parts.letter_search()
    with boucle.store.reading() as connection:
        ids = boucle.parts.policies.current().ids
        searches = letter_searches.next_searches(connection, ids)
        look = dead_letters.look(connection, [search.whom for search in searches], None)
    assert first.step()
    boucle.store.write(lambda connection: letter_searches.take_step(connection, searches, look, boucle.clock.now()))
    first.search_all()
    assert named(boucle) == []
    with boucle.store.reading() as connection:
        assert list_acts(connection, limit=1)[0]["detail"] == {"dead_letters": 11}


@pytest.mark.parametrize("boucle", ["sqlite"], indirect=True)
def test_who_looks_is_told_that_a_search_is_pending(boucle: Embedded) -> None:
    """Status counts the people and says since when; for an export the person is erased, not unknown."""
    refuse(boucle, "42", 1)
    boucle.take(about("erased", "42", boucle.clock.at))
    assert privacy(boucle).export("42", "ana") is None
    assert privacy(boucle).searching_since("42") == boucle.clock.at
    with boucle.store.reading() as connection:
        groups = status.status(connection, boucle.clock.now(), sending=sending_now(connection, boucle.parts.sending))
    assert groups["letter_searches"] == {"people": 1, "since": boucle.clock.at.isoformat()}
    assert "erased      dead letters are still to be looked through for 1, since " in status.as_text(groups)
    assert privacy(boucle).erase("42", "ana")
    assert privacy(boucle).searching_since("42") is None
    assert named(boucle) == []


@pytest.mark.parametrize("boucle", ["sqlite"], indirect=True)
def test_one_look_is_bounded_in_bytes(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large letters are looked at one by one, a single one of any size too."""
    monkeypatch.setattr(dead_letters, "BYTES_AT_ONCE", 1_000)
    bodies = [json.dumps({"subject": "42", "n": n, "fill": "x" * 700}).encode()[:-1] for n in range(3)]
    boucle.parts.intake.take([Incoming(body, {}) for body in bodies], Ingress.HTTP)
    boucle.take(about("erased", "42", boucle.clock.at))
    assert boucle.parts.letter_search().search_all() == 4
    assert boucle.rows(DeadLetter) == []


@pytest.mark.parametrize("boucle", ["sqlite"], indirect=True)
def test_a_stop_ends_the_look_between_two_steps(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the round ends, and what is left waits for the next one."""
    monkeypatch.setattr(dead_letters, "LETTERS_AT_ONCE", 1)
    refuse(boucle, "42", 5)
    boucle.take(about("erased", "42", boucle.clock.at))
    search = LetterSearch(boucle.store, boucle.parts.policies.current, boucle.clock.now)
    assert search.search_all(seconds=-1) == 1
    assert len(boucle.rows(DeadLetter)) == 4
