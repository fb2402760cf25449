"""What the tests of waves share: customers of whom nothing is planned, a wave, a list of dates. Holds no test."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from embedded import START, Embedded, about, cloud_event

SHIPPED = Path(__file__).parents[2] / "rules" / "journey-plan"


def people(boucle: Embedded, count: int) -> None:
    """Let some customers be known, with nothing else planned for them."""
    for number in range(count):
        who = {"id": f"c{number}", "email": f"c{number}@example.org"}
        boucle.take(about("changed", f"c{number}", customer=who))


def wave(name: str = "spring", at: datetime = START) -> dict[str, Any]:
    """Return a wave for everybody."""
    event: dict[str, Any] = cloud_event("boucle.journey.wave.v1", "", at, reference=name)
    del event["subject"]
    return event


def with_dates(tmp_path: Path, *lines: str) -> str:
    """Return an operator's folder whose plan has these wave dates."""
    folder = tmp_path / "overrides" / "rules" / "journey-plan"
    shutil.copytree(SHIPPED, folder)
    (folder / "waves.csv").write_text("\n".join(("date;name", *lines, "")), encoding="utf-8")
    return str(tmp_path / "overrides")
