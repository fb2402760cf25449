"""What the web role tells of an edit of the rules that was refused: readiness, metrics, and the page of the tables."""

import shutil
from collections.abc import Callable
from pathlib import Path

from starlette.testclient import TestClient
from webparts import START, Site

from workers.roles import web_of
from workers.web.app import create_app

RULES = Path(__file__).parents[4] / "rules"


def test_a_refused_edit_is_told_and_the_role_stays_ready(open_site: Callable[..., Site], tmp_path: Path) -> None:
    """/readyz names the table and stays 200, as the old rules go on; /metrics counts it; mended, both are quiet."""
    shutil.copytree(RULES, tmp_path / "own" / "rules")
    site = open_site(overrides=str(tmp_path / "own"))
    vars(site.parts.files).pop("data")  # those of the other tests are read from what is shipped
    vars(site.parts).pop("policies")
    site.parts.policies.remember(site.parts.store, START)
    client = TestClient(create_app(web_of(site.parts)))
    rows = tmp_path / "own" / "rules" / "follow-up" / "rules.csv"
    good = rows.read_text("utf-8")
    assert "boucle_rules_refused 0.0" in client.get("/metrics").text
    rows.write_text(good.replace(";<28d;0-6", ";<28d;1-6"), "utf-8")
    site.parts.look_at_rules()
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert "refused edits, these go on: follow-up" in ready.json()["checks"]["tables"]["detail"]
    assert "boucle_rules_refused 1.0" in client.get("/metrics").text
    rows.write_text(good, "utf-8")
    site.parts.look_at_rules()
    assert "refused" not in client.get("/readyz").json()["checks"]["tables"]["detail"]
    assert "boucle_rules_refused 0.0" in client.get("/metrics").text
