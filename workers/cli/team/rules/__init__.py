"""`boucle rules`: check, evaluate, explain, test, backtest, version, history, shadow, import and export.

Exit 0 good, 1 faults or not found, 2 unreadable or wrong use. What needs a database comes in through a `Stored`
object (workers.decision_table.trials.installation), which the composition root supplies as `ctx.obj`, or inside a
mapping under the key "rules"; without one, the commands work on files alone. No logic here beyond reading options and
printing.
"""

import click

from workers.cli.team.rules.files import export_command, import_command
from workers.cli.team.rules.table import check_command, evaluate_command, explain_command, test_command
from workers.cli.team.rules.versions import backtest_command, history_command, shadow_command, version_command


@click.group("rules")
def rules() -> None:
    """Check, explain and try out decision tables."""


for command in (
    check_command,
    evaluate_command,
    explain_command,
    test_command,
    backtest_command,
    version_command,
    history_command,
    shadow_command,
    export_command,
    import_command,
):
    rules.add_command(command)
COMMANDS = (rules,)
