"""The report and the themes in a real browser: axe in both schemes, small pages, a phone, the way to a comment."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import DESKTOP, NARROW, PHONE, look_at, opened, served_from, sign_in, weight_of
from shopyear import BEGIN, DAYS, LATE, fill
from staffparts import Team
from webparts import LARGEST, Site

from workers.domain.records import Response
from workers.usecases.initiatives import ImprovementActions, InitiativeState, Kind

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PATHS = (
    "/report",
    "/report?segment=north&touchpoint=delivery-now&by=trigger&and=language",
    "/report/responses?band=detractor",
    "/report/drivers",
    "/report/drivers?touchpoint=delivery-now&since=2026-05-01",
    "/themes",
    "/themes/1",
)
TEXTS = {"en": {"change": "a new carrier", "change_sentence": "another carrier comes"}}


class Served:
    """A served site with a year of answers."""

    def __init__(self, url: str) -> None:
        self.url = url

    def sign_in(self, context: "BrowserContext", path: str) -> "Page":
        """Return a page on which the lead has signed in on the way to a path."""
        return sign_in(context, self.url + path, "Nadia")


def prepare(site: Site) -> Team:
    """Fill a site: as much as the demo's five hundred customers, a note, a theme with an initiative that is done."""
    fill(site.parts.store)
    site.clock.at = BEGIN + timedelta(days=DAYS - 60)
    improving = ImprovementActions(site.parts.store, site.parts.policies.current, site.parts.now)
    theme = improving.add_theme("Late delivery", Kind.WISH, "Nadia")
    for response in site.rows(Response):
        if response.comment == LATE:
            improving.sort(response.id, theme, "Nadia")
    work = improving.add_initiative(theme, name="New carrier", owner="Nadia", texts=TEXTS, by="Nadia")
    done = InitiativeState.DONE
    improving.change_initiative(work, 1, name="New carrier", owner="Nadia", state=done, texts=TEXTS, by="Nadia")
    improving.add_note(BEGIN + timedelta(days=248), "New carrier in the north", "Nadia")
    for name in ("A bulb", "Tracking", "Instructions"):
        improving.add_theme(name, Kind.WISH, "Nadia")
    site.clock.at = BEGIN + timedelta(days=DAYS + 1)
    return Team(site)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a served site."""
    with served_from(tmp_path_factory.mktemp("site"), prepare) as url:
        yield Served(url)


@pytest.mark.parametrize(("width", "profile"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_every_page_is_accessible(chromium: "Browser", served: Served, width: str, profile: dict[str, Any]) -> None:
    """WCAG 2.2 AA and best practice hold with every table open; what depends on the scheme is tried in both."""
    axe = Axe()
    with opened(chromium, **profile) as context:
        page = served.sign_in(context, PATHS[0])
        for path in PATHS:
            page.goto(served.url + path)
            look_at(page, axe, f"{path}-{width}", again=width == "phone")


def test_pages_are_small_and_fit_a_phone(chromium: "Browser", served: Served) -> None:
    """Each page is below 100 kB, loads nothing from elsewhere, and does not scroll sideways at 320 pixels."""
    with opened(chromium, **NARROW) as context:
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = served.sign_in(context, PATHS[0])
        for path in PATHS:
            answer = page.goto(served.url + path)
            assert answer is not None
            assert weight_of(answer) < LARGEST, path
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            assert page.evaluate("document.documentElement.scrollWidth") == 320, path
        assert not [url for url in asked if not url.startswith(served.url)]


@pytest.mark.parametrize("scripts", [True, False])
def test_from_the_dip_to_its_comments_and_tickets(chromium: "Browser", served: Served, scripts: bool) -> None:
    """The fall in the north is clicked: its answers say why, and lead to a ticket; the same without JavaScript."""
    with opened(chromium, java_script_enabled=scripts, **DESKTOP) as context:
        page = served.sign_in(context, "/report")
        dip = page.locator("svg.lane a[aria-label^='North, ']").filter(has_text="\u2212")
        dip.first.click()
        page.get_by_text("The parcel came far too late.").first.wait_for()
        assert page.get_by_text("North").first.is_visible()
        page.get_by_role("link", name="Ticket").first.click()
        assert "/tickets/" in page.url


def test_sorting_an_answer_takes_two_clicks(chromium: "Browser", served: Served) -> None:
    """One click opens the themes, one gives an answer its theme."""
    with opened(chromium, **DESKTOP) as context:
        page = served.sign_in(context, "/report")
        page.get_by_role("link", name="Themes", exact=True).click()
        page.get_by_role("link", name="Comments below 9 as well").click()
        waiting = page.locator("h2#unsorted").inner_text()
        page.get_by_role("button", name="A bulb").first.click()
        page.get_by_text("The answer has its theme.").wait_for()
        assert page.locator("h2#unsorted").inner_text() != waiting
