"""What others say to our DMN files: the schema of DMN 1.3 accepts them, and dmn-js opens and shows them.

Schema and viewer come from two npm packages, fetched once into a cache with npm; `DMN_TOOLS` names a folder that
already holds their node_modules.
"""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import parts
import pytest
from lxml import etree
from tableparts import FOLLOW_UP, PLAN, dmn

from workers.decision_table import load
from workers.decision_table.dmn.reader import parse_dmn
from workers.decision_table.dmn.writer import write_dmn

if TYPE_CHECKING:
    from playwright.sync_api import Page

PACKAGES = ("dmn-js@17.10.2", "dmn-moddle@12.2.1")
OTHER = dmn(
    [("n", "number", "[0..10]"), ("b", "boolean", ""), ("d", "date", "")],
    [("o", "string", '"x", "y"', '"y"'), ("p", "number", "", "")],
    [("not(3)", "true", '> date("2026-01-01")', '"x"', "1.5"), ("3", "-", "-", '"y"', "")],
    "PRIORITY",
)
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def tools() -> Path:
    """Give the folder with both packages, fetched if need be; skip or fail when they are not to be had."""
    given = os.environ.get("DMN_TOOLS")
    if given:
        return Path(given)
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "boucle-tests" / "dmn"
    home.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        modules = home / "node_modules"
        if not all((modules / package.split("@")[0]).is_dir() for package in PACKAGES):
            if npm is None:
                parts.missing("npm is not installed, so dmn-js and the schema of DMN cannot be fetched.")
            command = [npm, "install", "--prefix", str(home), "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
            done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
            if done.returncode:
                parts.missing(f"dmn-js and the schema of DMN cannot be fetched: {done.stderr[-300:]}")
    return modules


FILES = {
    "follow-up": lambda: write_dmn(load(FOLLOW_UP)),
    "journey-plan": lambda: write_dmn(load(PLAN)),
    "other": lambda: write_dmn(parse_dmn(OTHER)),
}


@pytest.mark.parametrize("name", FILES)
def test_an_export_is_valid_against_the_schema(tools: Path, name: str) -> None:
    """Every export is valid DMN 1.3."""
    schema = etree.XMLSchema(etree.parse(tools / "dmn-moddle" / "resources" / "dmn" / "xsd" / "DMN13.xsd"))
    schema.assertValid(etree.fromstring(FILES[name]()))


@pytest.mark.parametrize("name", FILES)
def test_an_export_opens_in_dmn_js(tools: Path, page: "Page", name: str) -> None:
    """dmn-js imports the file without a warning and shows every row of its table."""
    page.set_content("<div id='here' style='height: 600px'></div>")
    page.add_script_tag(path=tools / "dmn-js" / "dist" / "dmn-viewer.production.min.js")
    data = FILES[name]().decode()
    warnings = page.evaluate(
        """async text => {
            window.viewer = new DmnJS({ container: '#here' });
            const { warnings } = await viewer.importXML(text);
            const table = viewer.getViews().find(view => view.type === 'decisionTable');
            await viewer.open(table);
            return warnings.map(String);
        }""",
        data,
    )
    assert warnings == []
    rows = page.locator("#here table tbody tr")
    assert rows.count() == len(parse_dmn(data.encode()).rules)
