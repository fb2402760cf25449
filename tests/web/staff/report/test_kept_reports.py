"""A report that took long is kept for a while, one that did not is read anew."""

from typing import cast

from workers.usecases.report.sections import Review
from workers.web.staff.report.kept_reports import LONGEST_SECONDS, MOST, TIMES, KeptReports


class Reports:
    """Reads reports that take as long as a test says, on a clock of its own."""

    def __init__(self) -> None:
        self.at = 0.0
        self.takes = 0.0
        self.read = 0
        self.kept: KeptReports[Review] = KeptReports(lambda: self.at)

    def get(self, key: str = "all") -> int:
        """Return which reading the report is of."""

        def look() -> Review:
            self.at += self.takes
            self.read += 1
            return cast("Review", self.read)

        return cast("int", self.kept.get(key, look))


def test_a_quick_report_is_read_at_each_look() -> None:
    """Who answers and looks sees the answer."""
    reports = Reports()
    reports.takes = 0.9
    assert [reports.get(), reports.get()] == [1, 2]


def test_a_slow_report_is_kept_for_a_multiple_of_its_reading() -> None:
    """Looks cost the database a twentieth of the time at most, whoever looks how often."""
    reports = Reports()
    reports.takes = 3.0
    assert [reports.get(), reports.get()] == [1, 1]
    reports.at += 3.0 * TIMES
    assert reports.get() == 2
    reports.takes = 10_000.0
    assert reports.get("other") == 3
    reports.at += LONGEST_SECONDS
    assert reports.get("other") == 4


def test_other_filters_and_notes_are_other_reports() -> None:
    """A kept report answers no other question, and only so many are kept."""
    reports = Reports()
    reports.takes = 3.0
    assert [reports.get("north"), reports.get("south"), reports.get("north")] == [1, 2, 1]
    reports.takes = 0.0
    for number in range(MOST):
        reports.takes = 1.0
        reports.get(f"filter {number}")
    assert reports.get("north") > 2


def test_a_report_that_fails_is_not_kept() -> None:
    """The next look tries again."""
    kept: KeptReports[Review] = KeptReports()

    def fail() -> Review:
        raise ValueError

    for _ in range(2):
        try:
            kept.get("all", fail)
        except ValueError:
            continue
        raise AssertionError
    assert kept.get("all", lambda: cast("Review", 1)) == cast("Review", 1)
