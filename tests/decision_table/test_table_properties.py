"""What must hold for every table: the checker against a count of every point, the decision against the cells."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_tables import OTHER, UNKNOWN, ColumnSketch, Sample, TableSketch, any_table, partition

from workers.decision_table import Against, Fault, Severity, check, compile_table, from_content, parse
from workers.decision_table.files.cell_writer import write_cell
from workers.decision_table.files.csv_writer import table_files
from workers.decision_table.model.canonical_form import canonical_cell
from workers.decision_table.model.cells import parse_cell
from workers.decision_table.model.table import OutcomeKind
from workers.decision_table.model.values import parse_duration


def in_box(columns: Sequence[ColumnSketch], box: Sequence[Mapping[str, object]], point: Sequence[Sample]) -> bool:
    """Say whether a point lies in a box as the checker prints it."""
    return all(_in_entry(column, entry, sample) for column, entry, sample in zip(columns, box, point, strict=True))


def _in_entry(column: ColumnSketch, entry: Mapping[str, object], sample: Sample) -> bool:
    assert entry["column"] == column.name
    if entry.get("any"):
        return True
    if sample is UNKNOWN:
        return bool(entry.get("unknown"))
    if sample == OTHER:
        return bool(entry.get("others"))
    values = entry.get("values", [])
    assert isinstance(values, list)
    intervals = entry.get("intervals", [])
    assert isinstance(intervals, list)
    return sample in values or any(_in_interval(column, interval, sample) for interval in intervals)


def _in_interval(column: ColumnSketch, interval: Mapping[str, object], sample: Sample) -> bool:
    def place(end: object) -> float:
        if column.kind == "duration":
            return parse_duration(str(end)).total_seconds() / 86_400
        assert isinstance(end, int | float)
        return end

    assert isinstance(sample, int | float)
    low, high = interval["low"], interval["high"]
    above = low is None or sample > place(low) or (bool(interval["low_closed"]) and sample == place(low))
    below = high is None or sample < place(high) or (bool(interval["high_closed"]) and sample == place(high))
    return above and below


def gaps_of(faults: Sequence[Fault]) -> list[Fault]:
    """Return the gaps among faults."""
    return [fault for fault in faults if fault.code in ("E101", "E102")]


@given(partition())
@settings(max_examples=100, deadline=None)
def test_complete_disjoint_tables_are_clean(sketch: TableSketch) -> None:
    """A table that covers every input exactly once has no error."""
    faults = check(parse(sketch.files()))
    assert not [fault for fault in faults if fault.severity is Severity.ERROR]


@given(partition(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_deleted_rule_is_reported_as_exactly_its_box(sketch: TableSketch, data: st.DataObject) -> None:
    """Deleting one rule of a complete table gives one gap, which is that rule's cells."""
    assume(len(sketch.rules) > 1)
    gone = data.draw(st.integers(0, len(sketch.rules) - 1))
    left = TableSketch(sketch.columns, (*sketch.rules[:gone], *sketch.rules[gone + 1 :]))
    gaps = gaps_of(check(parse(left.files())))
    assert len(gaps) == 1
    assert gaps[0].box is not None
    lost = sketch.rules[gone]
    for point in left.points():
        inside = all(sample in cell for sample, cell in zip(point, lost, strict=True))
        assert in_box(left.columns, gaps[0].box, point) == inside


@given(partition(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_widened_rule_is_reported_with_both_ids(sketch: TableSketch, data: st.DataObject) -> None:
    """Widening one rule of a complete table reports an overlap with every rule it runs into, and no other."""
    wide = data.draw(st.integers(0, len(sketch.rules) - 1))
    axis = data.draw(st.integers(0, len(sketch.columns) - 1))
    outside = frozenset(sketch.columns[axis].samples) - sketch.rules[wide][axis]
    assume(outside)
    more = data.draw(st.sampled_from(sorted(outside, key=str)))
    cells = list(sketch.rules[wide])
    cells[axis] |= {more}
    changed = TableSketch(sketch.columns, (*sketch.rules[:wide], tuple(cells), *sketch.rules[wide + 1 :]))
    overlapping = {fault.rules for fault in check(parse(changed.files())) if fault.code == "E201"}
    assert overlapping == {tuple(ids) for point in changed.points() if len(ids := changed.matching(point)) > 1}
    assert overlapping


@given(any_table())
@settings(max_examples=150, deadline=None)
def test_gaps_are_maximal_and_together_everything_uncovered(sketch: TableSketch) -> None:
    """Every gap box is free of rules and cannot grow; together they hold every uncovered point."""
    gaps = gaps_of(check(parse(sketch.files())))
    assume(len(gaps) < 50)
    boxes = [gap.box for gap in gaps if gap.box is not None]
    uncovered = {point for point in sketch.points() if not sketch.matching(point)}
    covered_by_boxes = {point for point in sketch.points() for box in boxes if in_box(sketch.columns, box, point)}
    assert covered_by_boxes == uncovered
    for box in boxes:
        inside = [point for point in uncovered if in_box(sketch.columns, box, point)]
        for axis, column in enumerate(sketch.columns):
            held = {point[axis] for point in inside}
            for sample in set(column.samples) - held:
                moved = [(*point[:axis], sample, *point[axis + 1 :]) for point in inside]
                assert not set(moved) <= uncovered, f"{box} can grow by {sample} of {column.name}"


@given(any_table())
@settings(max_examples=100, deadline=None)
def test_overlaps_are_exactly_the_pairs_that_share_a_point(sketch: TableSketch) -> None:
    """Each two rules that match one input together are reported once, with a box of shared inputs; no others are."""
    faults = [fault for fault in check(parse(sketch.files())) if fault.code in ("E201", "W202")]
    shared: dict[tuple[str, ...], set[tuple[Sample, ...]]] = {}
    for point in sketch.points():
        for pair in combinations(sketch.matching(point), 2):
            shared.setdefault(pair, set()).add(point)
    assert sorted(fault.rules for fault in faults) == sorted(shared)
    for fault in faults:
        assert fault.box is not None
        assert {p for p in sketch.points() if in_box(sketch.columns, fault.box, p)} == shared[fault.rules]


@given(any_table())
@settings(max_examples=100, deadline=None)
def test_a_pasted_row_closes_its_gap(sketch: TableSketch) -> None:
    """Appending a gap's row leaves nothing of that gap and adds no overlap with an older rule."""
    files = sketch.files()
    gaps = gaps_of(check(parse(files)))
    for gap in gaps[:5]:
        assert gap.paste is not None
        assert gap.box is not None
        mended = {**files, "rules.csv": files["rules.csv"] + gap.paste.encode() + b"\n"}
        faults = check(parse(mended))
        for fault in faults:
            assert fault.code not in ("E301", "E302", "E303", "E304", "E305"), fault.message
        new = gap.paste.split(";")[0]
        assert not [fault for fault in faults if fault.code in ("E201", "W202") and new in fault.rules]
        for point in sketch.points():
            if in_box(sketch.columns, gap.box, point):
                assert not any(in_box(sketch.columns, gap.box or (), point) for gap in gaps_of(faults))


@given(any_table("COLLECT"))
@settings(max_examples=150, deadline=None)
def test_the_compiled_decision_equals_the_cells(sketch: TableSketch) -> None:
    """On every combination of samples, the compiled table matches exactly the rules whose cells all pass."""
    compiled = compile_table(parse(sketch.files()))
    for point in sketch.points():
        assert [rule.id for rule in compiled.decide(sketch.inputs(point)).rules] == sketch.matching(point)


@given(any_table())
@settings(max_examples=60, deadline=None)
def test_unique_decides_one_hit_and_parks_the_rest(sketch: TableSketch) -> None:
    """Under UNIQUE one hit is matched, none or several are parked, never anything silent."""
    compiled = compile_table(parse(sketch.files()))
    for point in sketch.points():
        outcome = compiled.decide(sketch.inputs(point))
        matching = sketch.matching(point)
        assert (outcome.kind is OutcomeKind.MATCHED) == (len(matching) == 1)
        assert [rule.id for rule in outcome.rules] == matching


@given(any_table())
@settings(max_examples=60, deadline=None)
def test_a_table_is_rebuilt_from_its_content(sketch: TableSketch) -> None:
    """The stored content gives back an equal table of the same version."""
    table = parse(sketch.files())
    again = from_content(table.content)
    assert again == table
    assert again.version == table.version


@given(any_table("FIRST"))
@settings(max_examples=100, deadline=None)
def test_first_reports_exactly_the_masked_rules(sketch: TableSketch) -> None:
    """Under FIRST a rule is masked when no point has it as its first match."""
    winners = {ids[0] for point in sketch.points() if (ids := sketch.matching(point))}
    masked = {fault.rules[0] for fault in check(parse(sketch.files())) if fault.code == "E203"}
    assert masked == {f"R{number}" for number in range(1, len(sketch.rules) + 1)} - winners


@given(any_table())
@settings(max_examples=60, deadline=None)
def test_past_responses_in_a_gap_are_counted(sketch: TableSketch) -> None:
    """A gap's count is the number of past responses in its box, and gaps that were hit come first."""
    table = parse(sketch.files())
    past = [sketch.inputs(point) for place, point in enumerate(sketch.points()) if place % 3 == 0]
    points = [point for place, point in enumerate(sketch.points()) if place % 3 == 0]
    gaps = gaps_of(check(table, Against(responses=past)))
    for gap in gaps:
        assert gap.responses == sum(in_box(sketch.columns, gap.box or (), point) for point in points)
    counts = [gap.responses or 0 for gap in gaps]
    assert counts == sorted(counts, reverse=True)


@given(st.text(max_size=12))
@settings(max_examples=300, deadline=None)
def test_no_cell_text_breaks_the_reader(text: str) -> None:
    """Whatever stands in a cell, the table is read, and what makes no sense is a fault with its row and column."""
    cell = text.replace(";", " ").replace("\n", " ").replace("\r", " ").replace('"', "'").replace("\x00", "")
    yaml = b"name: t\ninputs:\n  score: integer 0..10\noutputs:\n  then: text\n"
    table = parse({"table.yaml": yaml, "rules.csv": f"id;score;then\nA;{cell};x\n".encode()})
    for fault in table.faults:
        assert fault.rows == (2,)
        assert fault.columns == ("score",)
        assert fault.code.startswith("E30")


@given(partition())
@settings(max_examples=60, deadline=None)
def test_a_written_cell_is_read_back_as_the_same_set(sketch: TableSketch) -> None:
    """Exporting a table's rows and reading them again changes no decision and not the version."""
    table = parse(sketch.files())
    texts = table_files(table)
    assert parse({name: text.encode() for name, text in texts.items()}).version == table.version
    for rule in table.rules:
        for column, cell in zip(table.inputs, rule.cells, strict=True):
            assert canonical_cell(parse_cell(write_cell(column, cell), column), column) == canonical_cell(cell, column)
