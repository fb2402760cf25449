"""A rule table as plain values: columns, cells, rules, faults, and the answers it gives.

Frozen data only. Reading, checking and deciding live in their own modules.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from workers.calendar.durations import Wait
from workers.decision_table.model.spans import WHOLE, Spans
from workers.decision_table.model.values import ORDERED, Kind, Scalar, Value
from workers.errors import BadInput

LONGEST_LINE = 1_000


def readable(message: str) -> str:
    """Return a message whose lines can be read: what a file holds may be repeated in it at any length."""
    if len(message) <= LONGEST_LINE:
        return message
    cut = LONGEST_LINE // 3
    lines = message.split("\n")
    return "\n".join(line if len(line) <= LONGEST_LINE else f"{line[: 2 * cut]} … {line[-cut:]}" for line in lines)


class Unreadable(BadInput):
    """The files cannot be read as a rule table at all: the message says what to change."""

    def __init__(self, message: str) -> None:
        super().__init__(readable(message))


class HitPolicy(StrEnum):
    """Which of the rules that match count (DMN 1.3, 8.2.11)."""

    UNIQUE = "UNIQUE"
    ANY = "ANY"
    FIRST = "FIRST"
    PRIORITY = "PRIORITY"
    COLLECT = "COLLECT"
    RULE_ORDER = "RULE ORDER"
    OUTPUT_ORDER = "OUTPUT ORDER"


class Aggregator(StrEnum):
    """What COLLECT makes of several outputs."""

    SUM = "SUM"
    MIN = "MIN"
    MAX = "MAX"
    COUNT = "COUNT"


DMN_FILE = "table.dmn"
"""The one file of a table that came as DMN, in its stored content."""
MANY_HITS = frozenset({HitPolicy.COLLECT, HitPolicy.RULE_ORDER, HitPolicy.OUTPUT_ORDER})


class Role(StrEnum):
    """What the texts in a column name, so that a misspelt name can be found."""

    NOTHING = ""
    TRIGGER = "trigger"
    EVENT = "event"
    ACTION = "action"
    TEMPLATE = "template"
    NOTE = "note"


class Severity(StrEnum):
    """How much a fault matters: errors refuse the table, warnings and notes do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Column:
    """One input or output column, with its domain."""

    name: str
    kind: Kind
    spans: Spans = WHOLE
    values: tuple[str, ...] = ()
    others: bool = False
    unknown: bool = False
    role: Role = Role.NOTHING
    label: str = ""
    zoned: bool = False
    # Takes the unknown value when deciding, although no check asks for a row for it, as DMN does.
    tolerant: bool = False
    # What commands and files take for it when they do not say; a decision itself takes nothing for granted.
    missing: str = ""
    # May be left out of rules.csv, whose table has no such column then. Where it is there, an empty cell and a decision
    # that is not told it take `missing`.
    spare: bool = False
    ranked: tuple[Scalar | None, ...] = ()

    @property
    def half_open(self) -> bool:
        """Say whether a band `a..b` leaves out its upper end, as durations do."""
        return self.kind is Kind.DURATION

    def cell_text(self, written: str) -> str:
        """Return a cell as it counts: an empty one of an input that may be left out is what is taken for it."""
        return written or (self.missing if self.spare else "")


@dataclass(frozen=True, slots=True)
class Cell:
    """What one input cell lets through.

    Ordered columns use `spans`; text and boolean ones use `values`, turned round when `inverted`. `unknown` says that
    the cell lets the unknown value through; `text` is the cell as it was written.
    """

    text: str
    spans: Spans = ()
    values: frozenset[str] = frozenset()
    inverted: bool = False
    unknown: bool = False

    def holds(self, value: str) -> bool:
        """Say whether a text passes the cell."""
        return (value in self.values) is not self.inverted


def takes_every_value(column: Column, cell: Cell) -> bool:
    """Say whether every known value passes the cell."""
    if column.kind in ORDERED:
        return cell.spans == column.spans
    if column.values and not column.others:
        return all(cell.holds(value) for value in column.values)
    return cell.inverted and not cell.values


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: its id, the row number that a spreadsheet shows, its cells and its outputs."""

    id: str
    row: int
    cells: tuple[Cell, ...]
    outputs: Mapping[str, Scalar | None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a table, with where it is and what to do."""

    code: str
    severity: Severity
    message: str
    rules: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    box: tuple[Mapping[str, object], ...] | None = None
    paste: str | None = None
    responses: int | None = None
    file: str = "rules.csv"

    def __post_init__(self) -> None:
        if len(self.message) > LONGEST_LINE:
            object.__setattr__(self, "message", readable(self.message))


@dataclass(frozen=True, slots=True)
class RestPeriod:
    """The time in which a person is not asked again."""

    all_surveys: Wait
    same_template: Wait
    at_most: int
    within: Wait


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What the names in a table may refer to; `templates` gives the languages in which each exists."""

    templates: Mapping[str, frozenset[str]] | None = None
    languages: frozenset[str] = frozenset()
    triggers: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    inputs: Mapping[str, Column] = field(default_factory=dict)
    """Columns that a file beside the tables declares, by name: a table may have them."""


@dataclass(frozen=True, slots=True)
class Table:
    """A rule table as read: columns, rules, and the faults found while reading its cells."""

    name: str
    hit_policy: HitPolicy
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    rules: tuple[Rule, ...]
    otherwise: Mapping[str, Scalar | None] | None = None
    aggregator: Aggregator | None = None
    complete: bool = True
    latest: Mapping[str, Wait] = field(default_factory=dict)
    apart: Mapping[str, Wait] = field(default_factory=dict)
    rest: RestPeriod | None = None
    faults: tuple[Fault, ...] = ()
    # Rules with a cell that could not be read, shown with that cell taken as `any`: they decide nothing, but a gap
    # that they may have meant to cover is not reported beside the cell that is at fault.
    damaged: tuple[Rule, ...] = ()
    header: tuple[str, ...] = ()
    delimiter: str = ";"
    files: Mapping[str, str] = field(default_factory=dict, compare=False)
    canonical: str = field(default="", compare=False)
    # A table of its own format parks when nothing matches; DMN answers null.
    nothing_is_null: bool = False

    @property
    def version(self) -> str:
        """Return the SHA-256 of the canonical parsed form: spacing, quoting and column order do not matter."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @property
    def content(self) -> str:
        """Return the table as one text, from which `from_content` rebuilds an equal table."""
        return json.dumps(dict(self.files), ensure_ascii=False, sort_keys=True)

    def filled(self, inputs: "Inputs") -> "Inputs":
        """Return inputs with what is taken for a column that may be left out, where it was."""
        spare = {column.name: column.missing for column in self.inputs if column.spare and column.name not in inputs}
        return {**inputs, **spare} if spare else inputs


def only(table: Table, names: Collection[str]) -> Table:
    """Return a table of some of the inputs: every row stays, and all that match count."""
    places = [place for place, column in enumerate(table.inputs) if column.name in names]
    return replace(
        table,
        inputs=tuple(table.inputs[place] for place in places),
        rules=tuple(replace(rule, cells=tuple(rule.cells[place] for place in places)) for rule in table.rules),
        hit_policy=HitPolicy.COLLECT,
        otherwise=None,
    )


def check_order(name: str, policy: HitPolicy, outputs: Sequence[Column]) -> None:
    """Refuse a hit policy that ranks rules by their outputs where no output says how. Raises Unreadable."""
    if policy in (HitPolicy.PRIORITY, HitPolicy.OUTPUT_ORDER) and not any(column.ranked for column in outputs):
        raise Unreadable(
            f"{name}: under {policy} the values of an output, the first one highest, say which rule goes first, and no "
            f"output lists any: list them (in DMN: outputValues; in table.yaml: values), or use FIRST."
        )


class OutcomeKind(StrEnum):
    """How a table answered: by rules, by its otherwise line, or not at all, so that a person decides."""

    MATCHED = "matched"
    OTHERWISE = "otherwise"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a table says to one set of inputs: the rules that count, and one dict of outputs for each.

    `otherwise` carries the default outputs and no rule; `parked` carries the rules that clash, or none, a reason, and
    no outputs.
    """

    kind: OutcomeKind
    rules: tuple[Rule, ...] = ()
    outputs: tuple[Mapping[str, Scalar | None], ...] = ()
    reason: str = ""


Inputs = Mapping[str, Value]
