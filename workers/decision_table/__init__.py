"""Decision tables that people in marketing and support own: read, check, decide, explain.

Pure but for `load`, `load_path` and `LiveTable`, which read files. Nothing here knows customers, mails or a database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workers.calendar.durations import Wait
from workers.decision_table.checks.checker import Against, check, fault_json, refuse
from workers.decision_table.decisions.compiled import Compiled, compile_table
from workers.decision_table.decisions.evaluation import evaluate
from workers.decision_table.decisions.explanation import Explanation, explain
from workers.decision_table.files.loader import load, load_path
from workers.decision_table.files.reader import parse
from workers.decision_table.files.side_files import (
    Calendar,
    Contrary,
    WaveDate,
    load_calendar,
    load_contrary,
    load_waves,
)
from workers.decision_table.files.stored_text import from_content
from workers.decision_table.live import LiveTable, Refused, Swapped
from workers.decision_table.model.table import (
    Aggregator,
    Column,
    Fault,
    HitPolicy,
    Inputs,
    KnownNames,
    Outcome,
    OutcomeKind,
    RestPeriod,
    Role,
    Rule,
    Severity,
    Table,
    Unreadable,
)
from workers.decision_table.model.values import Kind, Scalar, Value
from workers.decision_table.trials.backtest import Backtest, PastResponse, backtest
from workers.decision_table.trials.cases import Case, parse_cases, run_cases
from workers.decision_table.trials.installation import Stored
from workers.decision_table.trials.proposed_cases import propose_cases
from workers.decision_table.trials.replay import PastEvent, PlanBacktest, Replay, backtest_plan, replay
from workers.decision_table.trials.shadow import Disagreement, compare

if TYPE_CHECKING:
    from workers.decision_table.dmn.reader import parse_dmn
    from workers.decision_table.dmn.writer import write_dmn
    from workers.decision_table.files.workbook import read_xlsx, write_xlsx

__all__ = [
    "Against",
    "Aggregator",
    "Backtest",
    "Calendar",
    "Case",
    "Column",
    "Compiled",
    "Contrary",
    "Disagreement",
    "Explanation",
    "Fault",
    "HitPolicy",
    "Inputs",
    "Kind",
    "KnownNames",
    "LiveTable",
    "Outcome",
    "OutcomeKind",
    "PastEvent",
    "PastResponse",
    "PlanBacktest",
    "Refused",
    "Replay",
    "RestPeriod",
    "Role",
    "Rule",
    "Scalar",
    "Severity",
    "Stored",
    "Swapped",
    "Table",
    "Unreadable",
    "Value",
    "Wait",
    "WaveDate",
    "backtest",
    "backtest_plan",
    "check",
    "compare",
    "compile_table",
    "evaluate",
    "explain",
    "fault_json",
    "from_content",
    "load",
    "load_calendar",
    "load_contrary",
    "load_path",
    "load_waves",
    "parse",
    "parse_cases",
    "parse_dmn",
    "propose_cases",
    "read_xlsx",
    "refuse",
    "replay",
    "run_cases",
    "write_dmn",
    "write_xlsx",
]

OTHER_FORMS = {
    "parse_dmn": "dmn.reader",
    "write_dmn": "dmn.writer",
    "read_xlsx": "files.workbook",
    "write_xlsx": "files.workbook",
}
"""Where a table is read from or written to a form whose library takes long to import."""


def __getattr__(name: str) -> Any:
    """Import what reads or writes workbooks and DMN when somebody asks for it."""
    if name not in OTHER_FORMS:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{OTHER_FORMS[name]}"), name)
