"""Read one decision table from a DMN file (1.1 to 1.5) into a Table.

Only decision tables with S-FEEL unary tests and literal outputs; anything else is refused with its name and place.
The XML parser resolves no entities and fetches nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lxml import etree

from workers.calendar.durations import parse_wait
from workers.decision_table.dmn.sfeel import Literal, Tests, parse_literal, parse_literals, parse_tests
from workers.decision_table.dmn.unary_tests import cell_from_tests, compares, domain_of
from workers.decision_table.dmn.xml import (
    Item,
    aggregator_named,
    check_language,
    check_width,
    child,
    children,
    choose_decision,
    hit_policy_of,
    is_name,
    item_definitions,
    name_of,
    root_of,
    squeeze,
    table_of,
    text_in,
    texts_of,
)
from workers.decision_table.model.canonical_form import canonical_form
from workers.decision_table.model.cells import CellError, any_cell
from workers.decision_table.model.limits import TABLE, check_columns, check_faults, total
from workers.decision_table.model.spans import everything_of
from workers.decision_table.model.table import (
    DMN_FILE,
    MANY_HITS,
    Cell,
    Column,
    Fault,
    HitPolicy,
    Rule,
    Severity,
    Table,
    Unreadable,
    check_order,
)
from workers.decision_table.model.values import Kind, Scalar, show

_TYPES = {
    "number": Kind.NUMBER, "double": Kind.NUMBER, "decimal": Kind.NUMBER, "float": Kind.NUMBER,
    "integer": Kind.INTEGER, "int": Kind.INTEGER, "long": Kind.INTEGER, "short": Kind.INTEGER,
    "string": Kind.TEXT, "boolean": Kind.BOOLEAN, "date": Kind.DATE, "time": Kind.TIME,
    "dateTime": Kind.MOMENT, "date and time": Kind.MOMENT, "datetime": Kind.MOMENT,
    "dayTimeDuration": Kind.DURATION, "days and time duration": Kind.DURATION,
    "daysAndTimeDuration": Kind.DURATION, "yearMonthDuration": Kind.MONTHS,
    "years and months duration": Kind.MONTHS, "yearsAndMonthsDuration": Kind.MONTHS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Clause:
    """An input or output clause as it stands, before its kind is settled."""

    name: str
    label: str
    type_name: str
    allowed: str
    default: str
    place: str


@total
def parse_dmn(data: bytes, decision: str | None = None) -> Table:
    """Read the decision table of a DMN file, of the named decision when there are several. Raises Unreadable."""
    root = root_of(data)
    chosen = choose_decision(root, decision)
    name = chosen.get("name") or chosen.get("id") or "decision"
    node = table_of(chosen, name)
    check_language(root, node, name)
    items = item_definitions(root)
    rules = children(node, "rule")
    columns = len(children(node, "input")) + len(children(node, "output"))
    check_columns(name, columns)
    if len(rules) > TABLE.rows or len(rules) * columns > TABLE.cells:
        raise Unreadable(
            f"{name} has {len(rules):,} rules of {columns} columns; at most {TABLE.rows:,} rules and {TABLE.cells:,} "
            f"cells are read."
        )
    tests = [texts_of(rule, "inputEntry") for rule in rules]
    outputs = [texts_of(rule, "outputEntry") for rule in rules]
    table = _Assembly(root, node, name, items).table(rules, tests, outputs)
    files = {DMN_FILE: etree.tostring(root, encoding="unicode"), "decision": name}
    return replace(table, files=files, canonical=canonical_form(table))


@total
def decisions_in(data: bytes) -> tuple[str, ...]:
    """Return the names of the decisions of a DMN file that are decision tables. Raises Unreadable."""
    return tuple(
        name_of(decision)
        for decision in children(root_of(data), "decision")
        if child(decision, "decisionTable") is not None
    )


class _Assembly:
    """Puts one table together from the parts of its XML."""

    def __init__(self, root: etree._Element, node: etree._Element, name: str, items: Mapping[str, Item]) -> None:
        self.root, self.node, self.name, self.items = root, node, name, items
        self.policy = hit_policy_of(node, name)
        self._variables: dict[str, str] = {}
        for data in (*children(root, "inputData"), *children(root, "decision")):
            variable = child(data, "variable")
            if variable is not None:
                named = squeeze(variable.get("name") or data.get("name") or "")
                self._variables.setdefault(named, variable.get("typeRef") or "")
        aggregation = node.get("aggregation")
        self.aggregator = None if not aggregation else aggregator_named(aggregation, name)
        if self.aggregator and self.policy is not HitPolicy.COLLECT:
            raise Unreadable(f"{name}: aggregation {aggregation} goes with COLLECT only, not with {self.policy}.")

    def table(
        self, rules: Sequence[etree._Element], tests: Sequence[Sequence[str]], outputs: Sequence[Sequence[str]]
    ) -> Table:
        inputs = self._inputs()
        results = self._outputs()
        parsed = self._parsed(tests, inputs)
        columns = [self._input_column(clause, [row[n] for row in parsed]) for n, clause in enumerate(inputs)]
        literals = self._literals(outputs, results)
        out_columns = [self._output_column(clause, [row[n] for row in literals]) for n, clause in enumerate(results)]
        ids = [rule.get("label") or rule.get("id") or str(number) for number, rule in enumerate(rules, start=1)]
        names = [column.name for column in out_columns]
        default = self._default(results, names)
        check_order(self.name, self.policy, out_columns)
        table = Table(
            name=self.name,
            hit_policy=self.policy,
            inputs=tuple(columns),
            outputs=tuple(out_columns),
            rules=(),
            otherwise=default,
            aggregator=self.aggregator,
            complete=self.policy not in MANY_HITS,
            header=("id", *(column.name for column in columns), *names),
            nothing_is_null=True,
        )
        values = [
            [
                _as_wait(literal) if column.kind is Kind.WAIT else literal.value
                for column, literal in zip(out_columns, row, strict=True)
            ]
            for row in literals
        ]
        return _with_rules(table, ids, tests, parsed, values)

    def _inputs(self) -> list[_Clause]:
        clauses = []
        for number, node in enumerate(children(self.node, "input"), start=1):
            expression = child(node, "inputExpression")
            text = squeeze(text_in(expression))
            label = squeeze(node.get("label") or "")
            place = f"{self.name}, input {number}"
            name = text or label or node.get("id") or f"input {number}"
            if text and not is_name(text):
                raise Unreadable(
                    f"{place}: the input expression {text!r} is not supported: only a name, such as Age or "
                    f"Customer.Age, is read. Compute it before, and pass it in."
                )
            type_name = (expression.get("typeRef") if expression is not None else None) or self._variable_type(text)
            clauses.append(_Clause(name, label, type_name, text_in(child(node, "inputValues")), "", place))
        doubled = {clause.name for clause in clauses if sum(other.name == clause.name for other in clauses) > 1}
        if doubled:
            raise Unreadable(f"{self.name}: the input {', '.join(sorted(doubled))} stands in two columns.")
        return clauses

    def _variable_type(self, name: str) -> str:
        """Return the type of the input data or decision that an input expression names."""
        return self._variables.get(name, "") if name else ""

    def _outputs(self) -> list[_Clause]:
        clauses = []
        nodes = children(self.node, "output")
        if not nodes:
            raise Unreadable(f"{self.name}: the decision table has no output.")
        for number, node in enumerate(nodes, start=1):
            fallback = (node.get("label") or "") if len(nodes) > 1 else (node.get("label") or self.name)
            name = squeeze(node.get("name") or fallback) or node.get("id") or f"output {number}"
            type_name = node.get("typeRef") or (self.node.get("typeRef") or "" if len(nodes) == 1 else "")
            clauses.append(
                _Clause(
                    name,
                    squeeze(node.get("label") or ""),
                    type_name,
                    text_in(child(node, "outputValues")),
                    text_in(child(node, "defaultOutputEntry")),
                    f"{self.name}, output {name}",
                )
            )
        return clauses

    def _parsed(self, tests: Sequence[Sequence[str]], inputs: Sequence[_Clause]) -> list[list[Tests]]:
        parsed = []
        for number, row in enumerate(tests, start=1):
            check_width(self.name, number, "inputEntry", len(row), len(inputs))
            parsed.append(
                [
                    parse_tests(text, f"{self.name}, rule {number}, input {clause.name}")
                    for text, clause in zip(row, inputs, strict=True)
                ]
            )
        return parsed

    def _literals(self, outputs: Sequence[Sequence[str]], results: Sequence[_Clause]) -> list[list[Literal]]:
        literals = []
        for number, row in enumerate(outputs, start=1):
            check_width(self.name, number, "outputEntry", len(row), len(results))
            literals.append(
                [
                    parse_literal(text, f"{self.name}, rule {number}, output {clause.name}")
                    for text, clause in zip(row, results, strict=True)
                ]
            )
        return literals

    def _input_column(self, clause: _Clause, cells: Sequence[Tests]) -> Column:
        kind, allowed = self._resolve(clause, lists=False)
        domain = parse_tests(clause.allowed or allowed, f"{clause.place}, allowed values")
        literals = [literal for tests in (*cells, domain) for literal in tests.literals]
        kind = _settle(kind, literals, clause.place)
        listed = domain.tests and not any(compares(test) for test in domain.tests)
        if (
            kind is Kind.TEXT
            and not listed
            and any(compares(test) for tests in (*cells, domain) for test in tests.tests)
        ):
            kind = Kind.ORDERED_TEXT
        nullable = any(literal.kind is None for tests in cells for literal in tests.literals)
        column = Column(
            name=clause.name,
            kind=kind,
            spans=everything_of(kind, zoned=_zoned(literals, clause.place)),
            values=("true", "false") if kind is Kind.BOOLEAN else (),
            label=clause.label,
            zoned=_zoned(literals, clause.place),
            tolerant=True,
        )
        try:
            column = domain_of(column, domain)
        except CellError as fault:
            raise Unreadable(f"{clause.place}: the allowed values {clause.allowed or allowed!r}: {fault}") from None
        unknown = column.unknown or nullable
        return replace(column, unknown=unknown, tolerant=not unknown)

    def _output_column(self, clause: _Clause, cells: Sequence[Literal]) -> Column:
        kind, allowed = self._resolve(clause, lists=True)
        ranked = parse_literals(clause.allowed or allowed, f"{clause.place}, output values")
        kinds = {literal.kind for literal in (*cells, *ranked) if literal.kind is not None}
        settled = next(iter(kinds)) if len(kinds) == 1 else kind or Kind.TEXT
        if kinds == {Kind.MONTHS, Kind.DURATION}:
            settled = Kind.WAIT
        elif len(kinds) > 1 and Kind.MONTHS in kinds:
            raise Unreadable(f"{clause.place}: durations of years and months stand beside other types: use one type.")
        return Column(
            clause.name,
            settled,
            values=tuple(str(literal.value) for literal in ranked) if settled is Kind.TEXT else (),
            label=clause.label,
            ranked=tuple(literal.value for literal in ranked),
        )

    def _default(self, results: Sequence[_Clause], names: Sequence[str]) -> dict[str, Scalar | None] | None:
        if not any(clause.default for clause in results):
            return None
        return {
            name: parse_literal(clause.default, f"{clause.place}, default").value
            for name, clause in zip(names, results, strict=True)
        }

    def _resolve(self, clause: _Clause, *, lists: bool) -> tuple[Kind | None, str]:
        """Return the kind behind a type name, through item definitions, and the values they allow.

        A list type is what a table of many hits answers with, so that outputs may have one (`lists`); inputs may not.
        """
        name, allowed = clause.type_name, ""
        for _ in range(20):
            short = squeeze(name.rpartition(":")[2])
            item = self.items.get(squeeze(name)) or self.items.get(short)
            if item is None:
                return _TYPES.get(short) or _TYPES.get(squeeze(name)), allowed
            if item.collection and not lists:
                raise Unreadable(f"{clause.place}: type {short} is a collection, which is not supported.")
            allowed = allowed or item.allowed
            name = item.base
        raise Unreadable(f"{clause.place}: type {clause.type_name} is defined by itself.")


def _with_rules(
    table: Table,
    ids: Sequence[str],
    texts: Sequence[Sequence[str]],
    parsed: Sequence[Sequence[Tests]],
    outputs: Sequence[Sequence[Scalar | None]],
) -> Table:
    rules: list[Rule] = []
    damaged: list[Rule] = []
    faults: list[Fault] = []
    for number, rule_id in enumerate(ids, start=1):
        cells: list[Cell] = []
        clean = True
        for column, text, tests in zip(table.inputs, texts[number - 1], parsed[number - 1], strict=True):
            try:
                cells.append(cell_from_tests(text.strip(), column, tests))
            except CellError as fault:
                faults.append(_fault(fault, rule_id, number, column.name))
                check_faults(faults)
                cells.append(any_cell(column, text))
                clean = False
        names = [column.name for column in table.outputs]
        rule = Rule(rule_id, number, tuple(cells), dict(zip(names, outputs[number - 1], strict=True)))
        (rules if clean else damaged).append(rule)
    return replace(table, rules=tuple(rules), damaged=tuple(damaged), faults=tuple(faults))


def _fault(fault: CellError, rule_id: str, number: int, column: str) -> Fault:
    return Fault(
        fault.code,
        Severity.ERROR,
        f"Rule {number} ({rule_id}), column {column}: {fault}",
        (rule_id,),
        (number,),
        (column,),
    )


def _as_wait(literal: Literal) -> Scalar | None:
    """Return a duration of either kind as a wait, for outputs that hold both kinds."""
    return None if literal.value is None else parse_wait(show(literal.value, literal.kind))


def _settle(kind: Kind | None, literals: Sequence[Literal], place: str) -> Kind:
    """Return the kind of a column from its declared type and what its cells hold."""
    kinds = {literal.kind for literal in literals if literal.kind is not None}
    if kind is Kind.INTEGER and any(
        not isinstance(literal.value, int) for literal in literals if literal.kind is Kind.NUMBER
    ):
        return Kind.NUMBER
    if kind is Kind.DATE and kinds == {Kind.MOMENT}:
        return Kind.MOMENT
    if kind is not None:
        return kind
    if len(kinds) > 1:
        named = ", ".join(sorted(held.value for held in kinds))
        raise Unreadable(f"{place} has no type and holds values of several ({named}): give it a typeRef.")
    return kinds.pop() if kinds else Kind.TEXT


def _zoned(literals: Sequence[Literal], place: str) -> bool:
    offsets = {literal.zoned for literal in literals} - {None}
    if len(offsets) > 1:
        raise Unreadable(f"{place}: times with and without an offset stand side by side and cannot be compared.")
    return offsets == {True}
