"""What the pages of the rule tables show: tables in use, their faults, cases, versions, and the form that explains.

Reads through the parts of the web role. Must not change a table, nor judge one: the engine does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request

from workers.calendar import in_zone
from workers.decision_table import Column, Fault, Severity, Table, compile_table, explain, from_content
from workers.decision_table.decisions.explanation import Explanation
from workers.decision_table.files.loader import read_file
from workers.decision_table.files.side_files import Contrary
from workers.decision_table.live import Refused
from workers.decision_table.model.values import Kind, show
from workers.decision_table.trials.backtest import effect_of
from workers.decision_table.trials.candidate import inputs_of
from workers.decision_table.trials.cases import CASES, Case, CaseReport, parse_cases, run_cases
from workers.decision_table.trials.installation import MOST_SAMPLED, Disagreed, Sample
from workers.decision_table.trials.replay import is_plan
from workers.decision_table.trials.text import changed_rules
from workers.domain.attributes import columns_of
from workers.domain.compiled_tables.follow_up import FollowUpTable
from workers.domain.compiled_tables.journey_plan import JourneyPlan
from workers.domain.followup.table_trial import Around, judged
from workers.errors import BadInput, Misconfigured
from workers.usecases.rules.active_policy import FOLLOW_UP, JOURNEY_PLAN
from workers.web.http.requests.context import Web, web_of

PLACES = {"journey-plan": JOURNEY_PLAN, "follow-up": FOLLOW_UP}
MOST_FAULTS = 100
"""Faults on the page; the command lists all."""
MOST_VERSIONS = 30
MOST_DISAGREEMENTS = 50
RECHECKED_SECONDS = 60
"""How long the faults of a table in use are taken as they are: past responses come in all the time."""


@dataclass(frozen=True, slots=True)
class InUse:
    """A table in use, by the name of its folder."""

    name: str
    table: Table
    refused: Refused | None

    @property
    def place(self) -> str:
        """The folder, as an operator knows it."""
        return PLACES[self.name]

    @property
    def is_plan(self) -> bool:
        """A journey plan rather than a follow-up table."""
        return is_plan(self.table)


def in_use(web: Web) -> dict[str, InUse]:
    """Return the tables in use by the name in their address; a plan or follow-up without a table is not among them."""
    policy, refused = web.policy(), web.refused()
    tables = {"journey-plan": policy.plan, "follow-up": policy.follow_up}
    return {
        name: InUse(name, compiled.table, refused.get(name))
        for name, compiled in tables.items()
        if isinstance(compiled, JourneyPlan | FollowUpTable)
    }


def refused_beside(web: Web) -> dict[str, Refused]:
    """Return the edits that were not taken of what is no table in use: files beside them, and candidates."""
    return {name: edit for name, edit in sorted(web.refused().items()) if name not in PLACES}


def wanted(request: Request) -> InUse:
    """Return the table that an address names; 404 for one that there is not."""
    use = in_use(web_of(request)).get(request.path_params["name"])
    if use is None:
        raise HTTPException(404)
    return use


class LiveFaults:
    """The faults of tables in use, looked for again after a minute."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._kept: dict[str, tuple[str, float, list[Fault]]] = {}
        self._samples: dict[str, Sample] = {}

    def of(self, web: Web, use: InUse) -> list[Fault]:
        """Return the warnings, and what else there is, of a table in use."""
        version, at, faults = self._kept.get(use.name, ("", 0.0, []))
        if version != use.table.version or self._ticks() - at > RECHECKED_SECONDS:
            cases, _ = cases_of(web, use, use.table)
            sample = Sample((), 0) if use.is_plan else web.rules.sample(MOST_SAMPLED)
            past = [response.inputs for response in sample.responses]
            faults = judged(use.table, use.place, around(web, use), cases, past)
            self._samples[use.name] = sample
            self._kept[use.name] = (use.table.version, self._ticks(), faults)
        return faults

    def sample_of(self, use: InUse) -> dict[str, str] | None:
        """Return of how many past answers how many were looked at, in words for a text; None where it was all."""
        sample = self._samples.get(use.name)
        if sample is None or sample.whole:
            return None
        return {"some": str(len(sample.responses)), "all": str(sample.total), "percent": sample.percent}


def around(web: Web, use: InUse, cases: bytes | None = None) -> Around:
    """Return what a table that is in use, or may come into use, is judged by: with its own cases, or those given."""
    beside, fault = _cases_beside(web, use) if cases is None else (cases, "")
    known_names = web.rules.known_names()
    return Around(
        known_names=replace(known_names, inputs=columns_of(web.policy().attributes)) if known_names else None,
        earlier=[version for _, version in web.rules.versions(use.table.name)],
        today=in_zone(web.now(), web.policy().zone).date(),
        contrary=contrary_of(web),
        cases=beside,
        cases_fault=fault,
    )


def contrary_of(web: Web) -> tuple[Contrary, ...]:
    """Return the events that speak against asking, as they are in use."""
    return tuple(
        Contrary(rule.events, rule.effect, rule.scope, rule.until, rule.until_wait) for rule in web.policy().contrary
    )


def cases_of(web: Web, use: InUse, table: Table) -> tuple[tuple[Case, ...], str]:
    """Return the cases beside the table in use, or why they cannot be read."""
    data, fault = _cases_beside(web, use)
    try:
        return ((), fault) if fault else (parse_cases(table, data), "")
    except BadInput as error:
        return (), str(error)


def _cases_beside(web: Web, use: InUse) -> tuple[bytes, str]:
    """Return the cases in the folder of a table in use, none for a folder without any, or why they are not run."""
    if use.refused is not None:
        return b"", f"{CASES} belongs to the edit that was refused; it is run again when that is mended."
    try:
        file: Path = web.data.folder(use.place) / CASES
        return (read_file(file), "") if file.is_file() else (b"", "")
    except (BadInput, Misconfigured) as error:
        return b"", str(error)


def tested(table: Table, cases: Sequence[Case]) -> CaseReport | None:
    """Return the report of the cases run on a table, or None without any case."""
    return run_cases(compile_table(table), cases) if cases else None


@dataclass(frozen=True, slots=True)
class NumberedFault:
    """A fault as the page tells it: its number on the grid, its sentence, and the row to paste apart from it."""

    number: int
    fault: Fault
    sentence: str

    @property
    def is_error(self) -> bool:
        """Say whether the fault refuses the table."""
        return self.fault.severity is Severity.ERROR


def numbered(faults: Sequence[Fault]) -> list[NumberedFault]:
    """Return the faults, numbered; a row to paste stands once, beside its sentence."""
    return [
        NumberedFault(n, fault, fault.message.removesuffix(fault.paste or "").rstrip())
        for n, fault in enumerate(faults, 1)
    ]


def counted(faults: Sequence[Fault]) -> tuple[int, int]:
    """Return how many errors and how many warnings there are."""
    kinds = [fault.severity for fault in faults]
    return kinds.count(Severity.ERROR), kinds.count(Severity.WARNING)


@dataclass(frozen=True, slots=True)
class Version:
    """A version that has been live: since when, and what it changed."""

    at: datetime
    version: str
    rules: int
    changed: Mapping[str, Sequence[str]]
    live: bool


def history(web: Web, use: InUse) -> list[Version]:
    """Return the versions of a table, latest first; none of one that no role has taken over yet."""
    versions = list(web.rules.versions(use.table.name))[: MOST_VERSIONS + 1]
    former = [*(table for _, table in versions[1:]), *([None] if versions else [])]
    return [
        Version(at, table.version, len(table.rules), changed_rules(table, before), not number)
        for number, ((at, table), before) in enumerate(zip(versions, former, strict=True))
    ][:MOST_VERSIONS]


def disagreed(web: Web, use: InUse) -> list[Disagreed]:
    """Return on what candidates beside a table disagreed since a year ago, by kind."""
    since = web.now() - timedelta(days=365)
    rows = [row for row in web.rules.disagreements(since) if row.name in (use.name, use.table.name)]
    return rows[:MOST_DISAGREEMENTS]


@dataclass(frozen=True, slots=True)
class Field:
    """One input of the form that explains: `form` is choice, offer, number, date or text."""

    name: str
    form: str
    value: str
    options: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    may_be_empty: bool = False


def fields_of(table: Table, texts: Mapping[str, str], today: str) -> list[Field]:
    """Return a field for each input column, filled with what was typed; a date starts with today."""
    return [_field(column, texts.get(column.name, "").strip(), today) for column in table.inputs]


def _field(column: Column, value: str, today: str) -> Field:
    empty = column.unknown or column.tolerant
    if column.kind is Kind.TEXT and column.values:
        given = value or column.missing
        return Field(column.name, "offer" if column.others else "choice", given, column.values, may_be_empty=empty)
    if column.kind is Kind.BOOLEAN:
        return Field(column.name, "choice", value, ("true", "false"), may_be_empty=empty)
    if column.kind is Kind.INTEGER:
        low, high = (column.spans[0].low, column.spans[-1].high) if column.spans else (None, None)
        first, last = (str(low[0]) if low else ""), (str(int(high[0]) - 1) if high else "")
        return Field(column.name, "number", value, low=first, high=last, may_be_empty=empty)
    if column.kind is Kind.DATE:
        return Field(column.name, "date", value or today, may_be_empty=empty)
    return Field(column.name, "days" if column.kind is Kind.DURATION else "text", value, may_be_empty=empty)


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a table answers as it does: the explanation, what it does, and whether that table is in use."""

    explanation: Explanation
    effect: str
    live: bool


def answer(table: Table, texts: Mapping[str, str]) -> Answer:
    """Explain what a table in use says to what was typed. Raises BadInput."""
    compiled = compile_table(table)
    explanation = explain(compiled, inputs_of(table, texts))
    return Answer(explanation, effect_of(table, explanation.outcome).text, live=True)


def stored_answers(web: Web, use: InUse, response: str) -> tuple[list[Answer], dict[str, str]]:
    """Explain a stored response by the table that decided it and, where that is another, by the one in use.

    Returns no answers for a response that has no decision; the texts fill the form. Raises BadInput.
    """
    decided = web.rules.decision_inputs(response)
    if decided is None:
        return [], {}
    inputs, content = decided
    tables = [from_content(content)]
    if tables[0].version != use.table.version:
        tables.append(use.table)
    answers = []
    for table in tables:
        told_by = explain(compile_table(table), inputs)
        answers.append(
            Answer(told_by, effect_of(table, told_by.outcome).text, table is not tables[0] or len(tables) == 1)
        )
    whole = use.table.filled(inputs)
    values = {column.name: whole.get(column.name) for column in use.table.inputs}
    return answers, {name: show(value) for name, value in values.items() if value is not None}
