"""Stories in virtual time whose every part fails come to the same end as the stories in which nothing does."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import simulate
from simulatedparts import FAULTS
from simulation import OWN_FOLDER, Run, Simulation, own_folder
from simulationsabotage import SABOTAGES

RUNS, CHUNKS = 500, 10
"""What the suite plays; `make simulate` plays as many as one likes."""


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_run_breaks_a_rule(chunk: int) -> None:
    """Nothing is lost, invented, doubled or untrue, whatever fails; a failure prints its seed and a smaller run."""
    twins, size = simulate.Twins(), RUNS // CHUNKS
    for seed in range(1 + chunk * size, 1 + (chunk + 1) * size):
        run = Run.of(seed)
        if faults := simulate.faults_of(run, twins):
            pytest.fail(simulate.report(run, faults), pytrace=False)


def test_every_fault_comes_in_the_suites_runs() -> None:
    """The faults that a run may have are drawn from its seed, and none of them is never drawn."""
    drawn = [Run.of(seed).faults for seed in range(1, RUNS + 1)]
    assert frozenset().union(*drawn) == frozenset(FAULTS)
    assert 0.6 < sum(Run.of(seed).clock_waits for seed in range(1, RUNS + 1)) / RUNS < 0.9


def test_the_same_seed_gives_the_same_run_step_by_step() -> None:
    """A failure can be seen again: order, faults and mails follow from the seed alone."""

    def played() -> tuple[object, ...]:
        world = Simulation(Run.of(51))
        world.play()
        left = world.scheduler.steps, world.trouble.came, world.rows(), [mail.offered_at for mail in world.mails.taken]
        world.close()
        return left

    assert played() == played()


@pytest.mark.parametrize("name", list(SABOTAGES))
def test_a_planted_fault_is_found(name: str) -> None:
    """On its seed the sound product breaks no rule, and the sabotaged one does."""
    assert simulate.catches(name, simulate.SABOTAGE_SEEDS[name])


def test_a_failure_says_how_to_see_it_again_and_becomes_smaller() -> None:
    """The report names the rule, the seed and a command; the smaller run has fewer faults or messages."""
    run = replace(Run.of(20), faults=frozenset({"collision", "mail-later", "position-lost"}))
    with SABOTAGES["send-twice"]():
        reported = simulate.report(run, simulate.faults_of(run, simulate.Twins()), "send-twice")
    assert "second_copies_are_explained" in reported
    again, small = re.findall(r'make simulate ARGS="([^"]+)"', reported)
    assert again.startswith("--from 20 --seeds 1")
    assert len(small.partition("--faults ")[2].split()[0].split(",")) == 1
    assert simulate.main(small.split()) == 1


def test_what_a_killed_process_left_goes_at_the_next_start(tmp_path: Path) -> None:
    """The folders of processes that live, and what is not ours, stay."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    killed = tmp_path / f"{OWN_FOLDER}-{ended.pid}-abc"
    keepsake = tmp_path / f"{OWN_FOLDER}-keepsake"
    for folder in (killed, keepsake):
        folder.mkdir()
    first, second = own_folder(tmp_path), own_folder(tmp_path)
    assert set(tmp_path.iterdir()) == {first, second, keepsake}
