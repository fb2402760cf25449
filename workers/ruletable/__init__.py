"""Decision tables that people in marketing and support own: read, check, decide, explain.

Pure but for `load`, `load_path` and `LiveTable`, which read files. Nothing here knows customers, mails or a database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workers.duetime.waits import Wait
from workers.ruletable.backtesting import Backtest, PastResponse, backtest
from workers.ruletable.cases import Case, parse_cases, run_cases
from workers.ruletable.checking import check, fault_json, refuse
from workers.ruletable.content import from_content
from workers.ruletable.deciding import Compiled, compile_table
from workers.ruletable.evaluating import evaluate
from workers.ruletable.explaining import Explanation, explain
from workers.ruletable.live import LiveTable, Refused, Swapped
from workers.ruletable.loading import load, load_path
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
from workers.ruletable.proposing import propose_cases
from workers.ruletable.reading import parse
from workers.ruletable.replaying import PastEvent, PlanBacktest, Replay, backtest_plan, replay
from workers.ruletable.shadowing import Disagreement, compare
from workers.ruletable.sidefiles import (
    Calendar,
    Contrary,
    WaveDate,
    load_calendar,
    load_contrary,
    load_waves,
)
from workers.ruletable.stored import Stored
from workers.ruletable.values import Kind, Scalar, Value

if TYPE_CHECKING:
    from workers.ruletable.dmn_reading import parse_dmn
    from workers.ruletable.dmn_writing import write_dmn
    from workers.ruletable.sheets import read_xlsx, write_xlsx

__all__ = [
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
    "Known",
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

OTHER_FORMS = {"parse_dmn": "dmn_reading", "write_dmn": "dmn_writing", "read_xlsx": "sheets", "write_xlsx": "sheets"}
"""Where a table is read from or written to a form whose library takes long to import."""


def __getattr__(name: str) -> Any:
    """Import what reads or writes workbooks and DMN when somebody asks for it."""
    if name not in OTHER_FORMS:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{OTHER_FORMS[name]}"), name)
