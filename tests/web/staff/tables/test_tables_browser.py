"""The pages of the rule tables in a real browser: axe in both schemes, a phone, a candidate without JavaScript."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import DESKTOP, NARROW, PHONE, look_at, opened, served_from, sign_in, weight_of
from staffparts import Team
from webparts import LARGEST, Site, event, travelling

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RULES = (Path(__file__).parents[4] / "rules/follow-up/rules.csv").read_text("utf-8")
SPOILT = RULES.replace(";<28d;0-6;", ";<28d;01-Jun;").replace("thanks-heard", "thanks-herd").encode()
NARROWER = RULES.replace(";<28d;0-6;", ";<28d;0-5;").encode()
EXPLAINED = "?trigger=delivery&after=40&score=3&comment=no&wants_contact=no"
PATHS = ("/tables", "/tables/journey-plan?event=delivery&first=yes", f"/tables/follow-up{EXPLAINED}")


def prepare(site: Site) -> None:
    """Fill a site: its people, and customers who answered on several days."""
    site.parts.policies.remember(site.parts.store, site.parts.now())
    Team(site)
    for number in range(12):
        reference = f"o-{number}"
        site.events(event("delivery", f"c{number}", at=site.clock.at, reference=reference))
        site.settle()
        assert site.parts.customer_actions.answer(site.request(reference).id, number % 11, "")
        site.pass_time(days=3)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a served site."""
    with served_from(tmp_path_factory.mktemp("site"), prepare) as url:
        yield url


@contextlib.contextmanager
def signed_in(chromium: "Browser", url: str, **options: Any) -> Iterator["Page"]:
    """Give a page on which Marc has signed in, in English; any script or policy error fails the test."""
    with opened(chromium, **options) as context:
        yield sign_in(context, f"{url}/tables", "Marc")


def try_file(page: "Page", url: str, data: bytes) -> None:
    """Choose a file of rules and send the form."""
    page.goto(f"{url}/tables/follow-up#try")
    page.get_by_label("Rules", exact=True).set_input_files(
        files={"name": "rules.csv", "mimeType": "text/csv", "buffer": data}
    )
    page.get_by_role("button", name="Check and try").click()
    page.get_by_role("heading", name="Tried: rules.csv").wait_for()


@pytest.mark.parametrize(
    ("width", "profile", "paths", "tried"),
    [("phone", PHONE, PATHS[2:], ("spoilt", SPOILT)), ("desktop", DESKTOP, PATHS[:2], ("narrower", NARROWER))],
)
def test_every_page_is_accessible(
    chromium: "Browser",
    served: str,
    width: str,
    profile: dict[str, Any],
    paths: tuple[str, ...],
    tried: tuple[str, bytes],
) -> None:
    """WCAG 2.2 AA and best practice in both schemes: in use, explained, spoilt, and with what would have changed."""
    axe = Axe()
    with signed_in(chromium, served, **profile) as page:
        for path in paths:
            page.goto(served + path)
            look_at(page, axe, f"{path.partition('?')[0]}-{width}")
        try_file(page, served, tried[1])
        look_at(page, axe, f"tables-{tried[0]}-{width}")


def test_pages_fit_a_phone_and_the_grid_scrolls_by_itself(chromium: "Browser", served: str) -> None:
    """320 pixels: the page does not scroll sideways; the grid does, in a region that the keyboard reaches."""
    with signed_in(chromium, served, **NARROW) as page:
        for path in PATHS:
            answer = page.goto(served + path)
            assert answer is not None
            assert weight_of(answer) < LARGEST
            assert page.evaluate("document.documentElement.scrollWidth") == 320, path
        grid = page.get_by_role("region", name="Follow-up table")
        grid.focus()
        assert grid.evaluate("one => one.scrollWidth > one.clientWidth && document.activeElement === one")
        try_file(page, served, NARROWER)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert travelling(page.content().encode()) < LARGEST


@pytest.mark.parametrize(("scripts", "profile"), [(True, PHONE), (False, DESKTOP)])
def test_breaking_the_table_shows_the_refusal(
    chromium: "Browser", served: str, scripts: bool, profile: dict[str, Any]
) -> None:
    """From the list: explain a score, break a copy, see which score has no rule, and that the live table stays."""
    with signed_in(chromium, served, java_script_enabled=scripts, **profile) as page:
        page.get_by_role("link", name="Follow-up table", exact=True).click()
        page.get_by_label("trigger", exact=True).fill("delivery")
        page.get_by_label("after", exact=True).fill("40")
        page.get_by_label("score", exact=True).fill("3")
        page.get_by_role("button", name="Explain").click()
        page.get_by_text("D2 (row 12) applies.").wait_for()
        page.get_by_role("button", name="Try a broken copy").click()
        page.get_by_text("This table would be refused: 2 errors.").wait_for()
        assert "The live table is unchanged." in page.get_by_role("alert").inner_text()
        assert page.get_by_text("No rule covers trigger purchase or delivery").is_visible()
        cell = page.get_by_role("region", name="Rows at fault or changed").get_by_role("cell", name="0-5")
        assert cell.is_visible()
        assert page.get_by_role("region", name="Row to paste for fault 1").inner_text().startswith("G1;purchase")
        page.get_by_role("link", name="Follow-up table", exact=True).click()
        assert page.get_by_text("no errors").is_visible()
