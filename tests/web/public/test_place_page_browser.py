"""Places in a real browser: a kiosk forgets whoever was there; keyboard, right to left, 320 pixels, axe."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import DESKTOP, NARROW, free_address, look_at, opened, served, sign_in
from staffparts import Team
from webparts import Site

from workers.domain.records import Dispatch, Response
from workers.web.public import place

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CATALOGS = Path(__file__).parents[3] / "templates" / "catalogs"
PLACES = """
till: {kind: kiosk, label: Till 2, language: en}
bill: {kind: receipt, label: Shop in Lyon, language: en}
door: {kind: qr, label: "الباب", language: ar}
"""
QUESTION = "ما مدى احتمال أن توصي بنا لصديق؟"


@dataclass(frozen=True)
class Shop:
    """A served site with a kiosk, and a door whose page is read from right to left."""

    site: Site
    url: str

    def address(self, place: str) -> str:
        """Return the address that a code leads to."""
        return f"{self.url}/p/{self.site.parts.links.sign('place', place)}"


@pytest.fixture
def shop(open_site: Callable[..., Site], tmp_path: Path) -> Iterator[Shop]:
    """Give a served shop with a catalog of a language that is written from right to left."""
    own = tmp_path / "own"
    (own / "rules").mkdir(parents=True)
    (own / "rules" / "places.yaml").write_text(PLACES, "utf-8")
    shutil.copytree(CATALOGS, own / "templates" / "catalogs")
    english = (CATALOGS / "en.po").read_text("utf-8")
    arabic = english.replace('"Language: en', '"Language: ar').replace("How likely is it that you would", QUESTION, 1)
    (own / "templates" / "catalogs" / "ar.po").write_text(arabic, "utf-8")
    address, port = free_address()
    with ThreadPoolExecutor(1) as aside:
        site = aside.submit(open_site, http_bind=address, overrides=str(own)).result(60)
        site.parts.policies.remember(site.parts.store, site.clock.at)
    with served(site, port) as url:
        yield Shop(site, url)


def assert_empty(page: "Page") -> None:
    """Fail where anything of somebody else stands in the form."""
    page.get_by_label("Why this score?").wait_for()
    said = page.evaluate("[...document.querySelectorAll('textarea, [type=tel], [type=email]')].map(one => one.value)")
    assert "".join(said).strip() == ""
    assert page.locator("input:checked").count() == 0


def fill_in(page: "Page") -> None:
    """Fill in everything by keyboard alone, up to the button."""
    page.locator("[name=score]").first.focus()
    for key in ("ArrowRight", "ArrowRight", "Tab"):
        page.keyboard.press(key)
    page.keyboard.type("my secret")
    for key in ("Tab", "Space", "Tab"):
        page.keyboard.press(key)
    page.keyboard.type("+33 4 78 00 00 00")
    page.keyboard.press("Tab")
    page.keyboard.type("me@example.org")


def test_a_kiosk_forgets_whoever_was_there(chromium: "Browser", shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the thanks, after a pause with half an answer, and by the button Back: the next person sees nothing."""
    monkeypatch.setattr(place, "KIOSK_RESTS", 1)  # second
    with opened(chromium, locale="fr-FR", refusals=True, **DESKTOP) as context:
        page = context.new_page()
        page.goto(shop.address("till"))
        assert page.get_by_role("heading", name="Comment").count() == 0, "it begins in the language of the place"
        fill_in(page)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Thank you").wait_for()
        assert "secret" not in page.content()
        page.wait_for_url(shop.address("till"))
        assert_empty(page)
        for _ in range(2):
            page.go_back(wait_until="load")
            if page.url == shop.address("till"):
                assert_empty(page)
            assert "secret" not in page.content()
        page.clock.install()
        page.goto(f"{shop.address('till')}?lang=fr")
        page.get_by_label("Pourquoi cette note ?").fill("mon secret")
        page.clock.fast_forward(31_000)
        page.wait_for_url(shop.address("till"))
        assert_empty(page)
        page.get_by_role("button", name="Send").click()
        page.get_by_role("alert").wait_for()
        page.clock.fast_forward(31_000)
        page.wait_for_function("!document.querySelector('[role=alert]')")
    (response,) = shop.site.rows(Response)
    assert (response.score, response.comment, response.phone) == (2, "my secret", "+33 4 78 00 00 00")


def test_the_pages_of_places_are_accessible_and_narrow_enough(chromium: "Browser", shop: Shop) -> None:
    """Axe finds nothing, in both schemes and directions, at 320 pixels and on a desk; a page weighs little."""
    axe = Axe()
    with opened(chromium, refusals=True, **NARROW) as context:
        page = context.new_page()
        for name in ("till", "bill", "door"):
            page.goto(shop.address(name))
            assert not page.locator(f"[name={place.TRAP}]").is_visible(), "only a machine fills it in"
            page.locator("[name=wants_contact]").check()
            look_at(page, axe, f"place {name}")
        assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
        first, last = (page.locator("label.score").nth(n).bounding_box() for n in (0, 1))
        assert first is not None
        assert last is not None
        assert first["x"] > last["x"], "the scale begins where reading begins"
        page.locator("label.score").nth(2).click()
        page.locator("[name=comment]").fill("رائع")
        page.locator("[name=address]").fill("owner@example.org")
        page.get_by_role("button", name="Send").click()
        page.wait_for_url("**/thanks*")
        look_at(page, axe, "place thanks", again=True)
        page.get_by_role("link", name="See, change or delete my answer").click()
        page.get_by_text("رائع").first.wait_for()
        look_at(page, axe, "given answer")
        (mail,) = shop.site.rows(Dispatch)
        page.goto(f"{shop.url}{shop.site.link('claim', mail.id)}?lang=fr")
        look_at(page, axe, "claim")
        page.get_by_role("button", name="Oui").click()
        page.get_by_role("heading", name="confirmée").wait_for()
        look_at(page, axe, "claim confirmed", again=True)
    team = Team(shop.site)
    assert team
    with opened(chromium, refusals=True, **DESKTOP) as context:
        page = sign_in(context, f"{shop.url}/places", "Nadia")
        page.get_by_role("heading", name="Places").wait_for()
        look_at(page, axe, "places")
        page.get_by_role("link", name="Code and answers: الباب").click()
        page.get_by_text("رائع").wait_for()
        look_at(page, axe, "place answers")
        page.set_viewport_size(NARROW["viewport"])
        look_at(page, axe, "place answers narrow", again=True)
