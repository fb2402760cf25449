"""The funnel adds up, line by line, and names what was not asked."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from counted import START, House, live_through

from workers.domain.reporting import Filters
from workers.usecases.report.funnel import funnel, not_asked


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a month in which every kind of outcome comes up."""
    with House(tmp_path_factory.mktemp("house")) as lived:
        live_through(lived)
        yield lived


def read(house: House, **period: object) -> dict[str, object]:
    """Read the funnel."""
    with house.parts.store.reading() as connection:
        return funnel(connection, **period)  # type: ignore[arg-type]  # keywords


def test_every_question_is_answered_clicked_silent_or_lost(house: House) -> None:
    """asked = answered + clicked only + silent + lost, with nobody guessed at."""
    house.parts.customer_actions.click(house.request_of("silent"), 4, "HEAD")
    counts = read(house)
    assert counts["asked"] == 11
    assert (counts["answered"], counts["clicked_only"], counts["silent"], counts["lost"]) == (8, 1, 2, 0)
    assert (counts["delivered"], counts["commented"]) == (11, 3)
    assert counts["suspected_machine"] == 1


def test_what_was_not_asked_is_counted_by_reason(house: House) -> None:
    """Each reason is a sentence, and all of them sum to what was not asked."""
    reasons = read(house)["not_asked"]
    assert isinstance(reasons, list)
    assert sum(reason["n"] for reason in reasons) == 18
    assert {(reason["state"], reason["code"]) for reason in reasons} >= {
        ("held", "no_address"),
        ("skipped", "too_late"),
    }
    assert all(reason["reason"].endswith(".") for reason in reasons)
    assert [reason["n"] for reason in reasons] == sorted((reason["n"] for reason in reasons), reverse=True)


def test_what_was_never_asked_is_the_same_from_counts_and_from_rows(house: House) -> None:
    """Without a filter nothing is read but counts; a period that holds everything reads every row and says the same."""
    everything = Filters(until=START + timedelta(days=4_000))
    with house.parts.store.engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("UPDATE touchpoint SET trigger = 'recovery' WHERE state = 'held'")
        with_recovery, without = (
            not_asked(connection, Filters(), whole_period=whole_period) for whole_period in (True, False)
        )
        assert with_recovery == not_asked(connection, everything, whole_period=True)
        assert without == not_asked(connection, everything)
        assert "held" in {count["state"] for count in with_recovery}
        assert "held" not in {count["state"] for count in without}
        transaction.rollback()


def test_a_period_holds_only_its_own_questions(house: House) -> None:
    """Before anything was asked there is nothing, and nothing is divided by it."""
    counts = read(house, until=START - timedelta(days=40))
    assert (counts["asked"], counts["silent"], counts["not_asked"]) == (0, 0, [])
