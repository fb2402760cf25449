"""The script on a host page in Chromium: it waits for consent, loses no answer, and stands whatever the page does."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import parts
import pytest
from browserparts import DESKTOP, PHONE, keep, opened
from shoppage import Shop, older, open_box, opened_shop

from workers.adapters.clock import SystemClock
from workers.domain.records import Response, SurveyRequest
from workers.domain.survey.web_ask import PUT_OFF

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SECONDS = 20
STORED = "[localStorage.length, sessionStorage.length, document.cookie]"
NO_AGREEMENT = ("null", "undefined", "0", "'yes'", "{}", "new Event('x')", "false")
LAYOUT = (
    "html { font-size: 62.5%; zoom: 1 } body { transform: scale(.5) translateX(90px); opacity: .1; filter: blur(2px) }"
)
KEYBOARD = """let covered = 0;
const view = new EventTarget();
Object.defineProperty(view, "height", {get: () => innerHeight - covered});
Object.defineProperty(window, "visualViewport", {value: Object.assign(view, {scale: 1, offsetTop: 0})});
window.cover = pixels => { covered = pixels; view.dispatchEvent(new Event("resize")); };"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give a shop with its customers, and every moment switched on."""
    with opened_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


def heard_by(page: "Page") -> list[str]:
    """Return the doors that a page knocks at, from now on."""
    doors: list[str] = []
    page.on("request", lambda request: doors.append(request.url.rpartition("/")[2]) if "/w/" in request.url else None)
    return doors


def visit(page: "Page", shop: Shop, customer: str) -> None:
    """Open the shop's page; the script is there when this returns."""
    page.goto(f"{shop.page}/{customer}")
    page.wait_for_function("!Array.isArray(window.Boucle || [])")


def test_nothing_is_asked_or_kept_before_the_visitor_agrees(chromium: "Browser", shop: Shop) -> None:
    """No door is knocked at before the page says so; then the moment that came earlier is offered; taken back, none."""
    shop.more = 'data-consent="required"'
    try:
        with opened(chromium, **DESKTOP) as context:
            page = context.new_page()
            doors = heard_by(page)
            page.add_init_script("window.Boucle = [['event', 'purchase']]")
            visit(page, shop, "c0")
            page.evaluate("Boucle.ask()")
            for value in NO_AGREEMENT:
                page.evaluate(f"Boucle.consent({value})")
            page.evaluate("Boucle.event('purchase')")
            assert page.evaluate(STORED) == [0, 0, ""]
            assert doors == ["v1.js"]
            page.evaluate("Boucle.consent()")
            box = page.locator("section.box")
            box.wait_for()
            assert doors[1:3] == ["config", "ask"]
            page.evaluate("Boucle.consent(false)")
            assert box.count() == 0
            assert page.evaluate(STORED) == [0, 0, ""]
            doors.clear()
            page.evaluate("Boucle.ask()")
            page.evaluate("history.pushState({}, '', '/c0?next')")
            page.evaluate("Boucle.event('purchase')")
            page.wait_for_timeout(0)
            assert doors == []
            (request,) = shop.site.rows(SurveyRequest)
            assert request.trigger == "purchase"
    finally:
        shop.more = ""


def test_pages_that_load_are_counted_where_the_visitor_agreed(chromium: "Browser", shop: Shop) -> None:
    """The third page of a visit is one over loads too; the tab keeps a number, and not longer than the agreement."""
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        doors = heard_by(page)
        page.add_init_script("window.Boucle = [['consent']]")
        for n in range(3):
            assert "ask" not in doors
            with page.expect_response("**/w/config"):
                visit(page, shop, f"c1?page={n}")
        page.locator("section.box").wait_for()
        assert page.evaluate("Object.entries(sessionStorage)") == [["boucle-pages", "3"]]
        page.evaluate("Boucle.consent(false)")
        assert page.evaluate(STORED) == [0, 0, ""]


def test_who_signs_in_without_a_load_is_asked_and_takes_the_box_along(chromium: "Browser", shop: Shop) -> None:
    """An app names its visitor when it knows who it is; signing out closes what was theirs."""
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        doors = heard_by(page)
        visit(page, shop, "spent-c2")
        page.evaluate("Boucle.visitor('')")
        page.evaluate("Boucle.ask()")
        page.evaluate("token => Boucle.visitor(token)", shop.token("c2"))
        page.locator("section.box").wait_for()
        page.evaluate("Boucle.visitor('')")
        assert page.locator("section.box").count() == 0
        assert "closed" not in doors


def test_no_answer_is_lost(chromium: "Browser", shop: Shop) -> None:
    """Away, the words stay in the box, which says so; closing behind a score keeps it; a late answer is told so."""
    with opened(chromium, refusals=True, **DESKTOP) as context:
        page = context.new_page()
        box = page.locator("section.box")
        open_box(page, shop, "c3")
        parts.poll(lambda: older(shop), SECONDS, "reading time")
        page.route("**/w/answer", lambda route: route.fulfill(status=429))
        box.locator("label.n").nth(9).click()
        box.get_by_role("textbox").fill("kept words")
        box.get_by_role("button", name="Send").click()
        page.get_by_text("Not sent: please try again.").wait_for()
        assert box.get_by_role("textbox").input_value() == "kept words"
        keep(page, "web question not sent")
        page.unroute("**/w/answer")
        box.get_by_role("button", name="Send").click()
        page.get_by_text("Thank you, your answer has arrived.").first.wait_for()

        open_box(page, shop, "c4")
        parts.poll(lambda: older(shop), SECONDS, "reading time")
        box.locator("label.n").nth(2).click()
        with page.expect_response("**/w/answer") as answer:
            page.get_by_role("button", name="Close").click()
        assert answer.value.status == 204
        assert [(row.score, row.comment) for row in shop.site.rows(Response)] == [(9, "kept words"), (2, "")]

        open_box(page, shop, "c5")
        shop.site.clock.at += timedelta(days=15)
        box.locator("label.n").nth(7).click()
        box.get_by_role("button", name="Send").click()
        page.get_by_text("This question takes no answer any more.").wait_for()
        assert len(shop.site.rows(Response)) == 2
    shop.site.clock.at = SystemClock().now()


def test_a_question_that_was_put_off_comes_back_once(chromium: "Browser", shop: Shop) -> None:
    """Later takes the box away; the day after it is the same question, which cannot be put off again."""
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        open_box(page, shop, "c6")
        keep(page, "web question later")
        with page.expect_response("**/w/closed") as answer:
            page.get_by_role("button", name="Later").click()
        assert answer.value.status == 204
        assert page.locator("section.box").count() == 0
        shop.site.clock.at += timedelta(hours=25)
        open_box(page, shop, "c6")
        assert page.get_by_role("button", name="Later").count() == 0
        assert sum(PUT_OFF in row.details for row in shop.site.rows(SurveyRequest)) == 1
    shop.site.clock.at = SystemClock().now()


def test_the_box_stands_whatever_the_page_does_to_its_layout(chromium: "Browser", shop: Shop) -> None:
    """Scaled, faded and blurred by the page, zoomed to 200 percent, under a phone's keyboard; its keys are its own."""
    shop.css = LAYOUT
    try:
        with opened(chromium, **DESKTOP) as context:
            page = context.new_page()
            page.emulate_media(reduced_motion="reduce")
            page.add_init_script(KEYBOARD)
            open_box(page, shop, "c7")
            keep(page, "web question hostile layout")
            box = page.locator("section.box")
            assert place_of(page) == (1268, 888, 464)
            page.evaluate("addEventListener('keydown', event => { window.heard = event.key })")
            box.get_by_role("textbox").press("s")
            assert box.get_by_role("textbox").input_value() == "s"
            assert page.evaluate("window.heard") is None
            page.set_viewport_size({"width": 640, "height": 360})  # 1280 x 720 at 200 percent
            assert place_of(page)[:2] == (628, 348)
            box.get_by_role("button", name="Send").scroll_into_view_if_needed()
            keep(page, "web question zoomed")
            edges = box.bounding_box()
            assert edges is not None
            assert edges["y"] >= 12
            page.set_viewport_size({"width": PHONE["viewport"]["width"], "height": PHONE["viewport"]["height"]})
            page.evaluate("cover(400)")
            keep(page, "web question keyboard")
            assert place_of(page)[1] == 844 - 400 - 12
            edges = box.bounding_box()
            assert edges is not None
            assert edges["y"] >= 12
            page.evaluate("cover(0)")
            assert place_of(page)[1] == 832
    finally:
        shop.css = ""


def place_of(page: "Page") -> tuple[int, int, int]:
    """Return right edge, lower edge and width of the box, in pixels of the page."""
    edges = page.locator("section.box").bounding_box()
    assert edges is not None
    return round(edges["x"] + edges["width"]), round(edges["y"] + edges["height"]), round(edges["width"])
