"""The verdict of a chaos run, without a run: what counts as lost, invented, twice, or as a second copy of ours."""

from random import Random

from crowd import Kind, Person, answer_of, crowd, deeds_of, effects_after, effects_of
from lossy_proxy import Handovers
from schedule import plan, waves
from verdict import Arrival, Differences, compare, count_copies, judge_recovery

REQUIRED = {("event", "a"), ("mail", "c1", "ack")}


def test_what_is_there_once_is_good() -> None:
    """What must be there, and what may be, differs in nothing."""
    differences = Differences()
    compare(differences, REQUIRED, {("event", "b")}, {("event", "a"): 1, ("event", "b"): 1, ("mail", "c1", "ack"): 1})
    assert differences.is_good()
    assert differences.figures.effects == 3


def test_lost_phantom_and_duplicate_are_counted_apart() -> None:
    """One of each is one of each, with a sentence that names it."""
    differences = Differences()
    compare(differences, REQUIRED, (), {("event", "a"): 2, ("ticket", "c9"): 1})
    assert (differences.figures.lost, differences.figures.phantom, differences.figures.duplicates) == (1, 1, 1)
    assert [line.partition(":")[0] for line in differences.sentences] == ["lost", "phantom", "duplicate"]


def test_a_message_that_was_published_twice_is_no_duplicate() -> None:
    """Kafka is at least once."""
    differences = Differences()
    compare(differences, {("told", "tickets", "c1")}, (), {("told", "tickets", "c1"): 2})
    assert differences.is_good()


def test_a_second_copy_needs_a_250_that_nobody_read() -> None:
    """A mail may leave again as often as its sender could not know, and no more often."""
    mail, twice = Arrival("<m>", "bytes"), Differences()
    count_copies(twice, [mail, mail], {"<m>": 1})
    assert twice.is_good()
    assert twice.figures.second_copies == 1
    count_copies(twice, [mail, mail], {})
    assert not twice.is_good()


def test_a_second_copy_with_other_bytes_is_a_duplicate() -> None:
    """A resend is byte for byte the same, whoever caused it."""
    differences = Differences()
    count_copies(differences, [Arrival("<m>", "bytes"), Arrival("<m>", "others")], {"<m>": 1})
    assert differences.figures.duplicates == 1


def test_a_250_that_its_reader_did_not_outlive_was_not_read() -> None:
    """Only the newest hand-over of a mail is open to doubt when its sender dies."""
    handovers = Handovers()
    handovers.ends["<m>"] += ["refused", "taken"]
    handovers.died("<m>")
    handovers.died("<unknown>")
    assert handovers.unread() == {"<m>": 1}


def test_a_slow_recovery_differs() -> None:
    """More than ninety seconds are too many."""
    differences = Differences()
    judge_recovery(differences, 89, "a kill")
    assert differences.is_good()
    judge_recovery(differences, 91, "a kill")
    assert not differences.is_good()


def test_what_must_come_follows_from_what_was_acknowledged() -> None:
    """An event without an acknowledgement asks for nothing, and its effects are allowed."""
    unhappy = Person("c1", Kind.ANSWERS, 3, "")
    [delivery] = deeds_of(unhappy)
    tried = effects_after([unhappy], {"c1": [delivery.name, answer_of(unhappy)]})
    assert effects_after([unhappy], {}) == set()
    assert effects_after([unhappy], {"c1": [delivery.name]}) < tried
    assert ("ticket", "c1") in tried
    assert ("ticket", "c1") not in effects_of(unhappy, delivery.name)


def test_a_schedule_follows_from_its_seed() -> None:
    """The same seed gives the same rounds and people; every kind of fault comes; long ones come as often as told."""
    weights = {"kill": 2, "cut": 1}
    first = plan(7, 40, weights, ("away",), 10)
    assert first == plan(7, 40, weights, ("away",), 10)
    assert first != plan(8, 40, weights, ("away",), 10)
    assert {played_round.fault.name for played_round in first} == {"kill", "cut", "away"}
    assert sum(played_round.is_long for played_round in first) == 4
    assert [len(wave) for wave in waves(first, 15)] == [15, 15, 10]
    assert crowd(Random(1), "c", 5) == crowd(Random(1), "c", 5)
