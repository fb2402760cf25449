"""Write a table as DMN 1.3 XML that other tools open: one decision table, S-FEEL unary tests, literal outputs.

Waits are written as durations. What DMN cannot say is refused by name.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

from lxml import etree

from workers.calendar.durations import Wait
from workers.decision_table.model.spans import Span, common, endless, everything_of, outside, span
from workers.decision_table.model.table import Cell, Column, Rule, Table, Unreadable, takes_every_value
from workers.decision_table.model.values import ORDERED, WHOLE_STEPS, Kind, Position, Scalar, show, value_at
from workers.text.plain_text import for_xml

MODEL = "https://www.omg.org/spec/DMN/20191111/MODEL/"
_DMNDI = "https://www.omg.org/spec/DMN/20191111/DMNDI/"
_DC = "http://www.omg.org/spec/DMN/20180521/DC/"
_DI = "http://www.omg.org/spec/DMN/20180521/DI/"
_NAMESPACES: dict[str | None, str] = {None: MODEL, "dmndi": _DMNDI, "dc": _DC, "di": _DI}
_TYPE_NAMES = {
    Kind.INTEGER: "integer", Kind.NUMBER: "number", Kind.DURATION: "dayTimeDuration",
    Kind.MONTHS: "yearMonthDuration", Kind.DATE: "date", Kind.MOMENT: "dateTime", Kind.TIME: "time",
    Kind.TEXT: "string", Kind.ORDERED_TEXT: "string", Kind.BOOLEAN: "boolean", Kind.WAIT: "Any",
}  # fmt: skip
_NC_NAME = re.compile(r"[^\W\d][\w.-]*")


def write_dmn(table: Table) -> bytes:
    """Return a table as a DMN 1.3 file. Raises Unreadable when a cell could not be read."""
    if table.faults:
        raise Unreadable("\n".join(fault.message for fault in table.faults))
    ids = _Ids()
    root = etree.Element(_tag("definitions"), nsmap=_NAMESPACES)  # type: ignore[arg-type]  # the stubs forget the default one
    _set(root, id=ids.fresh("definitions"), name=table.name or "rules", namespace="urn:boucle:rules")
    decision_id = ids.fresh(f"decision_{table.name}")
    data_ids = [ids.fresh(f"input_{column.name}") for column in table.inputs]
    for column, data_id in zip(table.inputs, data_ids, strict=True):
        data = _add(root, "inputData", id=data_id, name=column.name)
        _add(data, "variable", id=ids.fresh(f"{data_id}_variable"), name=column.name, typeRef=_TYPE_NAMES[column.kind])
    decision = _add(root, "decision", id=decision_id, name=table.name or "rules")
    _add(decision, "variable", id=ids.fresh("variable"), name=table.name or "rules", typeRef="Any")
    needs = [ids.fresh(f"need_{column.name}") for column in table.inputs]
    for need, data_id in zip(needs, data_ids, strict=True):
        _add(_add(decision, "informationRequirement", id=need), "requiredInput", href=f"#{data_id}")
    _add_table(decision, table, ids)
    _add_diagram(root, decision_id, data_ids, needs, ids)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


class _Ids:
    """Hands out ids that are XML names and never twice the same."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def fresh(self, wanted: str) -> str:
        plain = re.sub(r"[^\w.-]", "_", wanted)
        plain = plain if _NC_NAME.fullmatch(plain) else f"_{plain}"
        free, number = plain, 2
        while free in self.used:
            free, number = f"{plain}_{number}", number + 1
        self.used.add(free)
        return free


def _add_table(decision: etree._Element, table: Table, ids: _Ids) -> None:
    node = _add(decision, "decisionTable", id=ids.fresh("decisionTable"), hitPolicy=table.hit_policy.value)
    if table.aggregator:
        node.set("aggregation", table.aggregator.value)
    for column in table.inputs:
        clause = _add(node, "input", id=ids.fresh(f"clause_{column.name}"), label=column.label or column.name)
        expression = _add(
            clause, "inputExpression", id=ids.fresh(f"expression_{column.name}"), typeRef=_TYPE_NAMES[column.kind]
        )
        _add_text(expression, column.name)
        if values := _domain(column):
            _add_text(_add(clause, "inputValues", id=ids.fresh(f"values_{column.name}")), values)
    for column in table.outputs:
        _add_output(node, table, column, ids)
    for rule in table.rules:
        _add_rule(node, table, rule, ids)


def _add_output(node: etree._Element, table: Table, column: Column, ids: _Ids) -> None:
    clause = _add(
        node, "output", id=ids.fresh(f"output_{column.name}"), name=column.name, typeRef=_TYPE_NAMES[column.kind]
    )
    if column.label:
        clause.set("label", column.label)
    if column.ranked:
        values = ", ".join(write_literal(value, column.kind) for value in column.ranked)
        _add_text(_add(clause, "outputValues", id=ids.fresh(f"ranks_{column.name}")), values)
    if table.otherwise is not None:
        text = write_literal(table.otherwise.get(column.name), column.kind)
        _add_text(_add(clause, "defaultOutputEntry", id=ids.fresh(f"default_{column.name}")), text)


def _add_rule(node: etree._Element, table: Table, rule: Rule, ids: _Ids) -> None:
    rule_id = ids.fresh(rule.id)
    element = _add(node, "rule", id=rule_id)
    if rule_id != rule.id:
        element.set("label", rule.id)
    for column, cell in zip(table.inputs, rule.cells, strict=True):
        _add_text(_add(element, "inputEntry", id=ids.fresh(f"{rule_id}_in")), write_tests(column, cell))
    for column in table.outputs:
        text = write_literal(rule.outputs.get(column.name), column.kind)
        _add_text(_add(element, "outputEntry", id=ids.fresh(f"{rule_id}_out")), text)


def write_tests(column: Column, cell: Cell) -> str:
    """Write a cell as S-FEEL unary tests; null is named where it must not pass, because not(...) lets it through."""
    takes_null = column.unknown or column.tolerant
    if takes_every_value(column, cell):
        return "-" if cell.unknown or not takes_null else "not(null)"
    if column.kind in ORDERED:
        left_out = common(outside(cell.spans), column.spans)
        if cell.unknown and column.tolerant and all(_single(column, interval) for interval in left_out):
            return f"not({', '.join(_write_span(column, interval) for interval in left_out)})"
        items = [_write_span(column, interval) for interval in cell.spans]
    else:
        items = [write_literal(_typed(column, word), column.kind) for word in _sorted(column, cell.values)]
        if cell.inverted:
            return f"not({', '.join(items if cell.unknown or not takes_null else [*items, 'null'])})"
    return ", ".join([*items, "null"] if cell.unknown and takes_null else items)


def _single(column: Column, interval: Span) -> bool:
    """Say whether a span holds one value: not(...) of such lets null through in FEEL, a list of ranges does not."""
    return interval.low is not None and interval == span(
        interval.low[0], interval.low[0], whole=column.kind in WHOLE_STEPS
    )


def _sorted(column: Column, words: Iterable[str]) -> list[str]:
    listed = {word: place for place, word in enumerate(column.values)}
    return sorted(words, key=lambda word: (listed.get(word, len(listed)), word))


def _typed(column: Column, word: str) -> Scalar:
    return word == "true" if column.kind is Kind.BOOLEAN else word


def _write_span(column: Column, interval: Span) -> str:
    whole = column.kind in WHOLE_STEPS
    interval = endless(interval, column.kind)
    low, high = interval.low, interval.high
    first = "" if low is None else _write_position(column, low[0])
    last = "" if high is None else _write_position(column, high[0] - 1 if whole else high[0])
    if low is None:
        return f"{'<=' if whole or (high and high[1]) else '<'} {last}"
    if high is None:
        return f"{'>' if low[1] else '>='} {first}"
    if first == last:
        return first
    return f"{'(' if low[1] else '['}{first}..{last}{']' if whole or high[1] else ')'}"


def _write_position(column: Column, position: Position) -> str:
    return write_literal(value_at(column.kind, position, zoned=column.zoned), column.kind)


def _domain(column: Column) -> str:
    """Return the allowed values of a column, or nothing where everything is allowed."""
    if column.kind in ORDERED:
        items = (
            []
            if column.spans == everything_of(column.kind, zoned=column.zoned)
            else [_write_span(column, interval) for interval in column.spans]
        )
    elif column.others:
        return "not(null)"
    elif column.kind is Kind.BOOLEAN and len(column.values) == 2:
        items = []
    else:
        items = [write_literal(_typed(column, word), column.kind) for word in column.values]
    return ", ".join([*items, "null"] if column.unknown and items else items)


def write_literal(value: Scalar | None, kind: Kind) -> str:
    """Write a value as S-FEEL has it: text in quotes, dates and durations by their functions."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
    if isinstance(value, datetime):
        return f'date and time("{show(value)}")'
    if isinstance(value, date):
        return f'date("{show(value)}")'
    if isinstance(value, time):
        return f'time("{show(value)}")'
    if isinstance(value, timedelta | Wait) or kind is Kind.MONTHS:
        return f'duration("{show(value, kind)}")'
    return show(value)


def _add_diagram(
    root: etree._Element, decision_id: str, data_ids: Sequence[str], needs: Sequence[str], ids: _Ids
) -> None:
    """Add a plain drawing, decision above its inputs, so that modelling tools show the table in a diagram."""
    diagram = etree.SubElement(
        etree.SubElement(root, f"{{{_DMNDI}}}DMNDI"), f"{{{_DMNDI}}}DMNDiagram", id=ids.fresh("diagram")
    )
    _shape(diagram, decision_id, (160, 80, 180, 80), ids)
    for place, (data_id, need) in enumerate(zip(data_ids, needs, strict=True)):
        left = 160 + 160 * place
        _shape(diagram, data_id, (left, 260, 125, 45), ids)
        edge = etree.SubElement(diagram, f"{{{_DMNDI}}}DMNEdge", id=ids.fresh(f"{need}_edge"), dmnElementRef=need)
        for across, down in ((left + 62, 260), (250, 160)):
            etree.SubElement(edge, f"{{{_DI}}}waypoint", x=str(across), y=str(down))


def _shape(diagram: etree._Element, element: str, bounds: tuple[int, int, int, int], ids: _Ids) -> None:
    shape = etree.SubElement(diagram, f"{{{_DMNDI}}}DMNShape", id=ids.fresh(f"{element}_shape"), dmnElementRef=element)
    names = ("x", "y", "width", "height")
    attributes = {name: str(value) for name, value in zip(names, bounds, strict=True)}
    etree.SubElement(shape, f"{{{_DC}}}Bounds", attributes)


def _tag(name: str) -> str:
    return f"{{{MODEL}}}{name}"


def _add(parent: etree._Element, element: str, /, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, _tag(element), {name: for_xml(text) for name, text in attributes.items()})


def _set(node: etree._Element, **attributes: str) -> None:
    for name, value in attributes.items():
        node.set(name, for_xml(value))


def _add_text(parent: etree._Element, text: str) -> None:
    etree.SubElement(parent, _tag("text")).text = for_xml(text)
