"""Tickets, people and the queue on PostgreSQL: the statements that differ, and races between connections."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded import START, journey
from teamparts import House, at_once, both_in_one_ticket, claim, race_of_reopening

from workers.domain.records import Touchpoint
from workers.store.ticket.roster import next_agent
from workers.usecases.queue_control import QueueControl
from workers.usecases.sign_in.sign_ins import SignIns


@pytest.fixture
def house(tmp_path: Path, postgres: str) -> Iterator[House]:
    """Give an installation on PostgreSQL."""
    boucle = House(tmp_path, database_url=postgres)
    yield boucle
    boucle.close()


def test_agents_who_race_never_overwrite_each_other(house: House) -> None:
    """Four press Claim at the same moment: one has it, three are told."""
    house.staff()
    ticket = house.low("1")
    ends = at_once(*(lambda n=n: house.act(ticket.number, claim(f"agent {n}", ticket.version)) for n in range(4)))
    assert sorted(isinstance(ending, str) for ending in ends) == [False, True, True, True]
    assert house.kinds(ticket.number).count("claimed") == 1


def test_reopening_beside_a_new_low_score_ends_in_one_open_ticket(house: House) -> None:
    """Two connections, one customer: whoever comes second finds the other's ticket."""
    race_of_reopening(house)
    both_in_one_ticket(house)


def test_turns_are_handed_out_once_each(house: House) -> None:
    """Many tickets opened at the same moment go round the agents evenly."""
    house.staff()

    def turn() -> str:
        return house.store.write(lambda connection: next_agent(connection, "", START))

    names = at_once(*[turn] * 8)
    assert sorted(names, key=str) == ["Léa"] * 4 + ["Max"] * 4


def test_lists_search_and_stamp(house: House) -> None:
    """What the inbox reads."""
    house.staff()
    house.low("C-1")
    before = house.worklist().stamp()
    assert [line.ticket.number for line in house.worklist().lists().today] == [1]
    for text, numbers in (("customer c", [1]), ("C-1", [1]), ("#1", [1]), ("06 12", []), ("%", []), ("É", [])):
        assert [ticket.number for ticket, _ in house.worklist().search(text)] == numbers, text
    house.act(1, claim("Léa"))
    assert house.worklist().stamp() != before
    seen = house.worklist().ticket(1)
    assert seen is not None
    assert len(seen.scores) == 1


def test_sessions_and_links(house: House) -> None:
    """Times are the database's own."""
    people, sign_ins = house.staff(), SignIns(house.store, house.clock.now)
    token, link = sign_ins.sign_in("Léa", "password"), people.login_token("Max")
    assert sign_ins.who(token) == people.find("Léa")
    assert sign_ins.use_token(link) == people.find("Max")
    assert sign_ins.use_token(link) is None


def test_the_queue_is_read_and_steered(house: House) -> None:
    """Calendar, counts, lists, and acts in several transactions."""
    house.take(*(journey("feature_first_used", f"f{n}", reference="search") for n in range(3)))
    house.low("1")
    steering = QueueControl(house.store, house.parts.policies.current, house.clock.now, house.parts.sending)
    outlook = steering.outlook()
    assert [day.total for day in outlook.days][3] == 3
    assert outlook.steps == ["feature"]
    chosen = steering.choose("touchpoint", "feature")
    assert steering.count(chosen).people == len(steering.people(chosen)) == 3
    (first, _), *_ = steering.people(chosen)
    assert isinstance(first, Touchpoint)
    assert steering.cancel(steering.choose("touchpoint", "feature", key=first.journey), "Nadia") == 1
    assert steering.send_now(chosen, "Nadia") == 2
    house.settle()
    assert sorted(str(touchpoint.state) for touchpoint in house.rows(Touchpoint)) == ["asked", "asked", "cancelled"]
    steering.pause("feature", "Nadia")
    assert steering.outlook().sending.paused == {"feature"}
