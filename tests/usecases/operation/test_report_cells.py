"""The report's cells: whatever is written, a report from cells says what one from rows says; wrong ones are found."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from counted import lively_store
from sqlalchemy.engine import Connection

from workers.domain.reporting import RECOVERY, Filters
from workers.domain.types import Band, TestimonialState
from workers.store import tables as t
from workers.store.counts import report_cells, report_changes
from workers.store.engine import Store
from workers.store.report import cells, counted_days, followed_cells, nps_counts
from workers.store.report import figures as by_rows
from workers.store.report.funnel import count_asked
from workers.usecases.operation.recount import rebuild_report, recount_report
from workers.usecases.report.nps_by_dimension import month_starts

EAST, WEST = "Asia/Kolkata", "America/Los_Angeles"
"""Their months begin late and early in a day (UTC)."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give the store of a scenario in which every kind of outcome comes up, on each database."""
    yield from lively_store(request, tmp_path_factory.mktemp("cells"))


def periods(connection: Connection) -> Iterator[Filters]:
    """Give reports of everything, of part of a time that cuts days, and by each word that is there."""
    first, last = nps_counts.first_and_last_asked(connection, Filters())
    assert first
    assert last
    middle = last - (last - first) / 3 + timedelta(minutes=7)
    words = {name: some[-1] for name, some in cells.words(connection).items() if some}
    yield Filters()
    yield Filters(
        first + timedelta(hours=5), middle, trigger=words.get("trigger", ""), language=words.get("language", "")
    )
    yield Filters(until=counted_days.day_of(last), segment=words.get("segment", ""))
    yield Filters(since=middle, touchpoint=words.get("touchpoint", ""), without=words.get("segment", ""))


def figures(connection: Connection) -> list[object]:
    """Return what the reports say that are made from cells."""
    said: list[object] = [cells.words(connection)]
    for filters in periods(connection):
        said += [count_asked(connection, filters), cells.recovery_answers(connection, filters)]
        said.append(cells.cube(connection, filters, []))
        said.append(followed_cells.read_followed(connection, Filters(filters.since, filters.until)))
    for zone in (EAST, WEST):
        months = month_starts(connection, Filters(), zone)
        said.append(cells.cube(connection, Filters(), months))
    said += [nps_counts.count_scores(connection, Filters(), by, months) for by in (("segment", "language"), ("month",))]
    return said


def from_rows(connection: Connection) -> list[object]:
    """Return the same with every day read from its rows."""
    nested = connection.begin_nested()
    report_cells.forget(connection)
    said = figures(connection)
    nested.rollback()
    return said


WRITES: dict[str, Callable[[Connection], object]] = {
    "nothing": lambda connection: None,
    "scores": lambda connection: connection.execute(sa.update(t.response).values(score=7, band=Band.PASSIVE.value)),
    "an answer gone": lambda connection: connection.execute(
        sa.delete(t.response).where(t.response.c.id.in_(sa.select(t.response.c.id).order_by(t.response.c.id).limit(1)))
    ),
    "questions gone": lambda connection: connection.execute(sa.delete(t.survey_request)),
    "questions of another day": lambda connection: connection.execute(
        sa.update(t.survey_request).values(
            asked_at=sa.select(sa.func.min(t.survey_request.c.asked_at)).scalar_subquery()
        )
    ),
    "no clicks": lambda connection: connection.execute(sa.delete(t.click)),
    "machines": lambda connection: connection.execute(sa.update(t.click).values(signal="machine")),
    "another segment": lambda connection: connection.execute(sa.update(t.customer).values(segment="moved")),
    "another language of one": lambda connection: connection.execute(
        sa.update(t.customer)
        .where(t.customer.c.id.in_(sa.select(t.response.c.customer).order_by(t.response.c.id).limit(1)))
        .values(language="it")
    ),
    "customers gone": lambda connection: connection.execute(sa.delete(t.customer)),
    "tickets done": lambda connection: connection.execute(
        sa.update(t.ticket).values(outcome="called", root_cause="late", first_contact_at=t.ticket.c.due_at)
    ),
    "tickets gone": lambda connection: connection.execute(sa.delete(t.ticket)),
    "no ticket from it": lambda connection: connection.execute(sa.update(t.action).values(ticket=None)),
    "themes": lambda connection: connection.execute(
        sa.insert(t.response_theme).from_select(
            ["response", "theme", "at", "by"],
            sa.select(t.response.c.id, sa.literal(1), t.response.c.asked_at, sa.literal("max")),
        )
    ),
    "testimonials refused": lambda connection: connection.execute(
        sa.update(t.testimonial).values(state=TestimonialState.REFUSED)
    ),
    "recovery surveys gone": lambda connection: connection.execute(
        sa.delete(t.survey_request).where(t.survey_request.c.trigger == RECOVERY)
    ),
    "a better score after it": lambda connection: connection.execute(
        sa.update(t.response).where(t.response.c.trigger == RECOVERY).values(score=10)
    ),
    "two customers are one": lambda connection: connection.execute(
        sa.update(t.survey_request).values(
            customer=sa.select(t.customer.c.id).order_by(t.customer.c.id).limit(1).scalar_subquery()
        )
    ),
}
"""What may happen to rows, by whoever does it."""


@pytest.fixture
def counted(store: Store) -> Store:
    """Give the store with every day counted."""
    recount_report(store)
    return store


@pytest.mark.parametrize("write", WRITES)
def test_a_report_from_cells_is_the_one_from_rows(counted: Store, write: str) -> None:
    """Whatever is written after the counting, at once and after counting again, the report says what the rows say."""
    with counted.engine.connect() as connection, connection.begin() as transaction:
        WRITES[write](connection)
        expected = from_rows(connection)
        assert figures(connection) == expected
        for day in report_cells.days_to_recount(connection):
            report_cells.recount(connection, day)
        assert counted_days.changed_days(connection) == set()
        assert figures(connection) == expected
        right, every = report_cells.agreement(connection)
        assert right == every
        transaction.rollback()


def test_what_followed_answers_is_what_a_report_by_words_counts(counted: Store) -> None:
    """Counted by day, causes, themes, testimonials and cases are those that a filtered report reads row by row."""
    with counted.engine.connect() as connection, connection.begin() as transaction:
        WRITES["themes"](connection)
        for period in periods(connection):
            of_time = Filters(period.since, period.until)
            cases, waits = by_rows.cases(connection, of_time)
            followed = followed_cells.read_followed(connection, of_time)
            assert (followed.cases, sorted(followed.waits)) == (cases, sorted(waits))
            assert followed.causes == by_rows.causes(connection, of_time)
            assert followed.themes == by_rows.themes(connection, of_time)
            assert followed.testimonials == by_rows.testimonials(connection, of_time)
        everything = followed_cells.read_followed(connection, Filters())
        assert everything.themes
        assert everything.testimonials
        assert [case for case in everything.cases if case.asked_again]
        transaction.rollback()


def test_of_many_first_contacts_the_newest_are_read(counted: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the most, the newest waits are given and it is said that there are more, from cells as from rows."""
    with counted.engine.connect() as connection, connection.begin() as transaction:
        WRITES["tickets done"](connection)
        reports = [
            followed_cells.read_followed(connection, filters) for filters in (Filters(), Filters(without="nobody"))
        ]
        waits = sorted(by_rows.cases(connection, Filters())[1], reverse=True)
        assert [(report.waits, report.more_waits) for report in reports] == [(waits, False)] * 2
        monkeypatch.setattr(followed_cells, "MOST_WAITS", 1)
        for filters in (Filters(), Filters(without="nobody")):
            report = followed_cells.read_followed(connection, filters)
            assert (report.waits, report.more_waits) == (waits[:1], True)
        transaction.rollback()


def test_counted_days_are_not_read_from_rows(counted: Store) -> None:
    """With every day counted a report of all time reads no rows, and one that cuts days reads those two."""
    with counted.reading() as connection:
        first, last = nps_counts.first_and_last_asked(connection, Filters())
        whole = counted_days.days(connection, None, None, ())
        assert whole is not None
        assert whole.ranges == ()
        assert first
        assert last
        cut = counted_days.days(connection, first, last, ())
        assert cut is not None
        assert [end - begin for begin, end in cut.ranges if end - begin > counted_days.HALF] == []
        assert [part for part in cut.parts if part.end - part.begin > counted_days.HALF or part.in_period] == []
        assert len(cut.ranges) + len(cut.parts) <= 2


def hours(*given: float) -> list[datetime]:
    """Return instants so many hours after a day begins."""
    return [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=n) for n in given]


def test_of_a_divided_day_the_shorter_part_is_read(counted: Store) -> None:
    """A boundary at night costs the rows of a night; two in one day cost the day, a changed day is read anyway."""
    day, early, late, next_day = hours(0, 7, 22, 24)
    with counted.reading() as connection:

        def read(since: datetime | None, until: datetime | None, *boundaries: datetime) -> object:
            days = counted_days.days(connection, since, until, boundaries)
            assert days is not None
            return days.counted[2], days.ranges, [(part.at, part.begin, part.end) for part in days.parts], days.read

        assert read(None, None, late) == ((), (), [(day, late, next_day)], [(late, next_day)])
        assert read(None, None, early) == ((), (), [(early, day, early)], [(day, early)])
        assert read(None, None, early, late) == ((day,), ((day, next_day),), [], [(day, next_day)])
        assert read(early, None) == ((), (), [(early, day, early)], [])
        assert read(late, None) == ((day,), ((late, next_day),), [], [(late, next_day)])
        assert read(None, late) == ((), (), [(day, late, next_day)], [])
        assert read(None, early) == ((day,), ((day, early),), [], [(day, early)])
        assert read(next_day, None, early) == ((), (), [], [])


def test_counting_again_has_nothing_to_do(counted: Store) -> None:
    """A second time at once no day is counted; and what is undone leaves no change behind."""
    assert recount_report(counted) == 0
    with counted.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.delete(t.click))
        transaction.rollback()
    assert recount_report(counted) == 0


def test_wrong_cells_are_found_and_mended(counted: Store) -> None:
    """Cells changed by hand, lost or made up are days that the books find; counting anew names and mends them."""
    with counted.engine.begin() as connection:
        days = sorted(connection.execute(sa.select(t.asked_cell.c.day).distinct()).scalars())
        assert report_cells.agreement(connection)[0] > 0
        connection.execute(sa.update(t.asked_cell).where(t.asked_cell.c.day == days[0]).values(open=99))
        connection.execute(sa.delete(t.asked_cell).where(t.asked_cell.c.day == days[1]))
    with counted.reading() as connection:
        right, every = report_cells.agreement(connection)
        assert right < every
    assert rebuild_report(counted) == [day.date() for day in days[:2]]
    assert rebuild_report(counted) == []
    with counted.reading() as connection:
        right, every = report_cells.agreement(connection)
        assert right == every > 0


def test_segments_of_many_customers_are_read_from_rows(counted: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """When more customers change than are looked at, everything is read from rows until they are counted."""
    monkeypatch.setattr(counted_days, "MOST_CUSTOMERS", 1)
    with counted.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.update(t.customer).values(segment="moved"))
        assert counted_days.days(connection, None, None, ()) is None
        transaction.rollback()


def test_without_word_of_changes_nothing_is_counted(counted: Store) -> None:
    """Where a trigger is switched off (SQLite has none such) or gone, as on shards, everything is read from rows."""
    with counted.engine.connect() as connection, connection.begin() as transaction:
        assert report_changes.are_said(connection)
        if connection.dialect.name == "sqlite":
            return
        connection.exec_driver_sql("ALTER TABLE click DISABLE TRIGGER report_click_delete")
        assert report_cells.days_to_recount(connection) == report_cells.days_to_recount(connection) == []
        connection.execute(sa.delete(t.click))
        assert counted_days.days(connection, None, None, ()) is None
        connection.exec_driver_sql("ALTER TABLE click ENABLE TRIGGER report_click_delete")
        assert len(report_cells.days_to_recount(connection)) > 0
        transaction.rollback()
