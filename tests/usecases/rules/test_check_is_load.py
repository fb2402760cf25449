"""`boucle rules check` and what takes rules over decide by one function: what one passes, the other takes."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from workers.adapters.resources import Data
from workers.adapters.rule_files import LiveRules
from workers.cli.team.rules import rules
from workers.decision_table.trials.installation import Sample
from workers.errors import Misconfigured
from workers.usecases.rules.active_policy import known_names

RULES = Path(__file__).parents[3] / "rules"
EDITS: dict[str, tuple[str, str, str, str]] = {
    "nothing": ("follow-up/rules.csv", "id;", "id;", ""),
    "another wait": ("follow-up/rules.csv", ";PT4H;solve;", ";PT2H;solve;", ""),
    "an input that nothing gives": (
        "follow-up/table.yaml", "\ninputs:\n", "\ninputs:\n  segment: {type: text, values: [smb, large]}\n", "segment",
    ),
    "an input that no event gives": (
        "journey-plan/table.yaml", "\ninputs:\n", "\ninputs:\n  channel: {type: text, values: [web]}\n", "channel",
    ),
    "a policy of many hits": ("follow-up/table.yaml", "hit policy: UNIQUE", "hit policy: COLLECT", "E801"),
    "a gap": ("follow-up/rules.csv", ";<28d;0-6", ";<28d;1-6", "E101"),
    "an unknown action": ("follow-up/rules.csv", ";thank_you;", ";thank_yu;", "E401"),
    "a failing case": ("follow-up/cases.csv", "D1", "D2", "E601"),
    "an unknown effect": ("journey-plan/contrary.csv", ";cancel;", ";cancle;", "contrary.csv, row 2"),
    "a wave on no day": ("journey-plan/waves.csv", "date;name", "date;name\n2026-02-30;spring", "waves.csv, row 2"),
    "no days asked": ("journey-plan/table.yaml", "at most: ", "at most: 0 # ", "at most"),
}  # fmt: skip


def add_column(folder: Path, name: str, value: str) -> None:
    """Give every row a value in a new first column after its id, so that the table itself stays sound."""
    for file in ("rules.csv", "cases.csv"):
        lines = (folder / file).read_text("utf-8-sig").splitlines()
        at = lines[0].split(";").index("id") + 1 if "id" in lines[0].split(";") else 0
        changed = []
        for number, line in enumerate(lines):
            cells = line.split(";")
            plain = not line.strip() or line.startswith("#") or cells[0] == "otherwise"
            cells.insert(at, name if not number else "" if plain else value)
            changed.append(line if plain and number else ";".join(cells))
        (folder / file).write_text("\n".join(changed) + "\n", "utf-8")


BESIDE_A_TABLE = ("journey-plan/contrary.csv", "journey-plan/waves.csv")


@pytest.mark.parametrize(
    ("edit", "beside"),
    [(edit, "") for edit in EDITS] + [(edit, "-candidate") for edit in EDITS if EDITS[edit][0] not in BESIDE_A_TABLE],
)
def test_what_the_check_passes_is_taken(tmp_path: Path, edit: str, beside: str) -> None:
    """Each edit is refused by both, for the same reason, or passed by both; a candidate like the table itself."""
    shutil.copytree(RULES, tmp_path / "rules")
    name, old, new, reason = EDITS[edit]
    place = name.partition("/")[0]
    if beside:
        shutil.copytree(RULES / place, tmp_path / "rules" / f"{place}{beside}")
    folder = tmp_path / "rules" / f"{place}{beside}"
    file = folder / name.partition("/")[2]
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    if reason in ("segment", "channel"):
        add_column(folder, reason, "-")
    data = Data(tmp_path)
    checked = CliRunner().invoke(rules, ["check", str(folder), "--format", "json"], obj=Knowing(data))
    said = checked.output
    try:
        live = LiveRules(data, lambda: known_names(data))
        taken = "; ".join(fault for refusal in live.refused().values() for fault in refusal.faults)
    except Misconfigured as fault:
        taken = "; ".join(fault.faults)
    assert (reason in said, reason in taken) == (True, True), (said, taken)
    assert (checked.exit_code != 0) is bool(taken) is bool(reason)
    if checked.exit_code == 1:
        for finding in json.loads(checked.stdout):
            if finding["severity"] == "error":
                assert finding["message"] in taken


class Knowing:
    """What the command learns of an installation without a past."""

    def __init__(self, data: Data) -> None:
        self._data = data

    def known_names(self) -> object:
        """Return the names that exist."""
        return known_names(self._data)

    def versions(self, name: str) -> list[object]:
        """Return no former versions."""
        return []

    def responses(self, since: object) -> list[object]:
        """Return no past."""
        return []

    def sample(self, most: int) -> Sample:
        """Return no past."""
        return Sample((), 0)

    def decision_inputs(self, response: str) -> None:
        """Return no decision."""
