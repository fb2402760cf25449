"""Decision tables that people in marketing and support own: read, check, decide, explain.

Pure but for `load`, `load_path` and `LiveTable`, which read files. Nothing here knows customers, mails or a database.
"""

from typing import TYPE_CHECKING

from workers import on_demand

if TYPE_CHECKING:
    from workers.calendar.durations import Wait
    from workers.decision_table.checks.checker import Against, check, fault_json, refuse
    from workers.decision_table.decisions.compiled import Compiled, compile_table
    from workers.decision_table.decisions.evaluation import evaluate
    from workers.decision_table.decisions.explanation import Explanation, explain
    from workers.decision_table.dmn.reader import parse_dmn
    from workers.decision_table.dmn.writer import write_dmn
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
    from workers.decision_table.files.workbook import read_xlsx, write_xlsx
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

PLACES = {
    "Wait": "workers.calendar.durations",
    **dict.fromkeys(("Against", "check", "fault_json", "refuse"), "workers.decision_table.checks.checker"),
    **dict.fromkeys(("Compiled", "compile_table"), "workers.decision_table.decisions.compiled"),
    "evaluate": "workers.decision_table.decisions.evaluation",
    **dict.fromkeys(("Explanation", "explain"), "workers.decision_table.decisions.explanation"),
    **dict.fromkeys(("load", "load_path"), "workers.decision_table.files.loader"),
    "parse": "workers.decision_table.files.reader",
    **dict.fromkeys(
        ("Calendar", "Contrary", "WaveDate", "load_calendar", "load_contrary", "load_waves"),
        "workers.decision_table.files.side_files",
    ),
    "from_content": "workers.decision_table.files.stored_text",
    **dict.fromkeys(("LiveTable", "Refused", "Swapped"), "workers.decision_table.live"),
    **dict.fromkeys(
        (
            "Aggregator",
            "Column",
            "Fault",
            "HitPolicy",
            "Inputs",
            "KnownNames",
            "Outcome",
            "OutcomeKind",
            "RestPeriod",
            "Role",
            "Rule",
            "Severity",
            "Table",
            "Unreadable",
        ),
        "workers.decision_table.model.table",
    ),
    **dict.fromkeys(("Kind", "Scalar", "Value"), "workers.decision_table.model.values"),
    **dict.fromkeys(("Backtest", "PastResponse", "backtest"), "workers.decision_table.trials.backtest"),
    **dict.fromkeys(("Case", "parse_cases", "run_cases"), "workers.decision_table.trials.cases"),
    "Stored": "workers.decision_table.trials.installation",
    "propose_cases": "workers.decision_table.trials.proposed_cases",
    **dict.fromkeys(
        ("PastEvent", "PlanBacktest", "Replay", "backtest_plan", "replay"), "workers.decision_table.trials.replay"
    ),
    **dict.fromkeys(("Disagreement", "compare"), "workers.decision_table.trials.shadow"),
    "parse_dmn": "workers.decision_table.dmn.reader",
    "write_dmn": "workers.decision_table.dmn.writer",
    **dict.fromkeys(("read_xlsx", "write_xlsx"), "workers.decision_table.files.workbook"),
}
__getattr__ = on_demand(__name__, PLACES)
