"""The table at the end of `make bench`: what, wanted, measured, and what is not reached."""

from bench.table import Line, as_text


def test_the_table_says_what_is_not_reached() -> None:
    """A ratio below its wanted figure and a time above it are marked; a reference has no wanted figure."""
    lines = [
        Line("intake ÷ loop by hand", 10.0, 9.5),
        Line("two senders ÷ one", 1.7, 1.7),
        Line("the demo's year", 20.0, 21.4, " s", least=False),
        Line("procrastinate ÷ loop", None, 0.1),
    ]
    assert [line.reached for line in lines] == [False, True, False, None]
    assert [" ".join(line.split()) for line in as_text(lines).splitlines()] == [
        "wanted measured",
        "intake ÷ loop by hand ≥ 10 9.5 not reached",
        "two senders ÷ one ≥ 1.7 1.7",
        "the demo's year ≤ 20 s 21.4 s not reached",
        "procrastinate ÷ loop 0.1",
    ]
