"""The verb about running counts: status, metrics, the report and the queue's page read them."""

import click

from workers.cli.shared import as_json, show, store_alone


@click.group("counts")
def counts() -> None:
    """Running counts, which status, metrics and pages read instead of counting."""


@counts.command()
@as_json
def rebuild(form: str) -> None:
    """Count every row anew, and say which counts were wrong; `boucle books` says whether any is."""
    from workers.usecases.operation.recount import rebuild_counts, rebuild_report

    store = store_alone()
    wrong = rebuild_counts(store)
    wrong_days = [day.isoformat() for day in rebuild_report(store)]
    wrong_counts = [
        {"group": group, "step": step, "state": state, "reason": reason, "too_high_by": n}
        for (group, step, state, reason), n in wrong.items()
    ]
    lines = [f"{' '.join(filter(None, cell))}: {n:+d}" for cell, n in wrong.items()]
    lines += [f"report, questions of {day}" for day in wrong_days]
    show({"wrong": wrong_counts, "wrong_days": wrong_days}, "\n".join(lines) or "Every count was right.", form)


COMMANDS = (counts,)
