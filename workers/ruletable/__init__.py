"""Decision tables that people in marketing and support own: read, check, decide, explain.

Pure but for `load`, which opens the files of one folder. Nothing here knows customers, mails or a database.
"""

from workers.duetime.waits import Wait
from workers.ruletable.checking import check, fault_json, refuse
from workers.ruletable.content import from_content
from workers.ruletable.deciding import Compiled, compile_table
from workers.ruletable.explaining import Explanation, explain
from workers.ruletable.loading import load
from workers.ruletable.model import (
    Aggregator,
    Column,
    Fault,
    HitPolicy,
    Inputs,
    Known,
    Outcome,
    OutcomeKind,
    RestPeriod,
    Role,
    Rule,
    Severity,
    Table,
    Unreadable,
)
from workers.ruletable.reading import parse
from workers.ruletable.sidefiles import (
    Calendar,
    Contrary,
    WaveDate,
    load_calendar,
    load_contrary,
    load_waves,
)
from workers.ruletable.values import Kind, Scalar, Value

__all__ = [
    "Aggregator",
    "Calendar",
    "Column",
    "Compiled",
    "Contrary",
    "Explanation",
    "Fault",
    "HitPolicy",
    "Inputs",
    "Kind",
    "Known",
    "Outcome",
    "OutcomeKind",
    "RestPeriod",
    "Role",
    "Rule",
    "Scalar",
    "Severity",
    "Table",
    "Unreadable",
    "Value",
    "Wait",
    "WaveDate",
    "check",
    "compile_table",
    "explain",
    "fault_json",
    "from_content",
    "load",
    "load_calendar",
    "load_contrary",
    "load_waves",
    "parse",
    "refuse",
]
