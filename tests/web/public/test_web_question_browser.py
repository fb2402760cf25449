"""The script on a host page in Chromium: strict CSP, hostile CSS, keyboard, 320 pixels, two tabs; nothing is stored."""

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import parts
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import DESKTOP, NARROW, PHONE, RULES, keep, opened
from shoppage import Shop, older, open_box, opened_shop

from workers.domain.records import Response, SurveyRequest
from workers.domain.types import RequestState

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

SCRIPT = Path(__file__).parents[3] / "templates" / "static" / "question.js"
HOSTILE = (
    "* { all: unset !important } body * { display: none !important; color: red !important; font-size: 90px !important }"
)
SECONDS = 20


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give a shop with its customers, and every moment switched on."""
    with opened_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


def test_the_script_weighs_less_than_five_kilobytes() -> None:
    """Packed as the server packs it."""
    assert len(gzip.compress(SCRIPT.read_bytes(), 6)) < 5_000


def test_a_customer_answers_by_keyboard_under_a_strict_policy(chromium: "Browser", shop: Shop) -> None:
    """The focus stays where it was; Tab leads in, arrows choose, and nothing is stored."""
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        page.goto(f"{shop.page}/c0")
        page.wait_for_function("window.Boucle")
        page.locator("#own").focus()
        page.evaluate("Boucle.ask()")
        box = page.locator("section.box")
        box.wait_for()
        keep(page, "web question")
        assert page.evaluate("document.activeElement.id") == "own"
        report = Axe().run(page, options=RULES)
        assert report.violations_count == 0, report.generate_report()
        parts.poll(lambda: older(shop), SECONDS, "reading time")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        for _ in range(9):
            page.keyboard.press("ArrowRight")
        assert page.locator("section.box input:checked").get_attribute("value") == "9"
        page.keyboard.press("Tab")
        page.keyboard.type("quick & kind")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_text("Thank you, your answer has arrived.").first.wait_for()
        keep(page, "web question thanks")
        (response,) = shop.site.rows(Response)
        assert (response.score, response.comment, response.channel) == (9, "quick & kind", "web")
        stored = "[localStorage.length, sessionStorage.length, document.cookie, history.length]"
        assert page.evaluate(stored)[:3] == [0, 0, ""]
        page.keyboard.press("Escape")
        box.wait_for(state="detached")


def test_closing_by_escape_gives_the_focus_back_and_counts(chromium: "Browser", shop: Shop) -> None:
    """The page's own focus is where it was, another call shows nothing, and a second tab neither."""
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        page.goto(f"{shop.page}/c1")
        page.wait_for_function("window.Boucle")
        page.locator("#own").focus()
        page.evaluate("Boucle.ask()")
        page.locator("section.box input").first.focus()
        with page.expect_response("**/w/closed"):
            page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "own"
        for tab in (page, context.new_page()):
            tab.goto(f"{shop.page}/c1")
            tab.wait_for_function("window.Boucle")
            with tab.expect_response("**/w/ask") as answer:
                tab.evaluate("Boucle.ask()")
            assert answer.value.status == 204
            assert tab.locator("section.box").count() == 0
        assert RequestState.EXPIRED in {row.state for row in shop.site.rows(SurveyRequest)}


def test_the_styles_of_a_page_do_not_reach_the_box(chromium: "Browser", shop: Shop) -> None:
    """Neither `all: unset` nor a narrow phone breaks it; nothing is wider than the page."""
    shop.css = HOSTILE
    try:
        with opened(chromium, **NARROW) as context:
            page = context.new_page()
            open_box(page, shop, "c2")
            keep(page, "web question narrow")
            assert page.locator("section.box label.n").count() == 11
            boxes = [label.bounding_box() for label in page.locator("section.box label.n").all()]
            assert all(b and b["x"] >= 0 and b["x"] + b["width"] <= 320 and b["height"] >= 44 for b in boxes)
            assert page.locator("section.box legend").evaluate("one => getComputedStyle(one).fontSize") == "16px"
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
    finally:
        shop.css = ""


def test_a_token_that_is_not_good_shows_nothing(chromium: "Browser", shop: Shop) -> None:
    """Expired, by another key, or of another site: silently, a page is never broken by us."""
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        for kind in ("spent", "forged", "foreign"):
            page.goto(f"{shop.page}/{kind}-c3")
            page.wait_for_function("window.Boucle")
            with page.expect_response("**/w/ask") as answer:
                page.evaluate("Boucle.ask()")
            assert answer.value.status == 204, kind
            assert page.locator("section.box").count() == 0, kind


class Moments:
    """One page whose clock stands: what a visitor does, and which moment it offers."""

    def __init__(self, page: "Page", shop: Shop) -> None:
        self.page, self.shop = page, shop
        self.offered: list[str] = []
        page.on("request", self._hear)
        page.clock.install()

    def _hear(self, request: "Request") -> None:
        if request.url.endswith("/w/ask"):
            self.offered.append(json.loads(request.post_data or "{}")["trigger"])

    def visit(self, customer: str) -> None:
        """Open a long page as a customer; the script has heard of its moments when this returns."""
        self.offered.clear()
        with self.page.expect_response("**/w/config") as answer:
            self.page.goto(f"{self.shop.page}/{customer}?long")
        answer.value.finished()
        self.page.wait_for_function("window.Boucle")

    def pass_time(self, seconds: float) -> None:
        """Let the page's time go on."""
        self.page.clock.run_for(int(seconds * 1000))

    def is_asked(self, trigger: str) -> None:
        """See that this moment and no other was offered, and that the box is there."""
        self.pass_time(0.05)
        self.page.locator("section.box").wait_for()
        assert self.offered == [trigger]

    def leave(self) -> None:
        """Move the mouse out of the page by its upper edge."""
        self.page.evaluate("document.documentElement.dispatchEvent(new MouseEvent('mouseleave', {clientY: -1}))")
        self.pass_time(0.05)

    def scroll(self, share: float) -> None:
        """Scroll to a share of the page, and let the page hear of it."""
        self.page.evaluate(
            "share => new Promise(done => { addEventListener('scroll', done, {once: true});"
            " scrollTo(0, share * (document.documentElement.scrollHeight - innerHeight)) })",
            share,
        )
        self.pass_time(0.05)


def answer_without_selector(route: "Route") -> None:
    """Answer as the server does, with a trigger `click` that is no selector."""
    answer = route.fetch()
    settings = answer.json()
    settings["triggers"]["click"] = "a:("
    route.fulfill(response=answer, json=settings)


def test_each_moment_is_offered_when_it_has_come_and_not_before(chromium: "Browser", shop: Shop) -> None:
    """Seconds count while the page is seen; half a page is no 60 percent; who leaves at once is not held back."""
    with opened(chromium, **DESKTOP) as context:
        moments = Moments(context.new_page(), shop)
        page = moments.page

        moments.visit("c5")
        hide = "state => Object.defineProperty(document, 'visibilityState', {get: () => state, configurable: true})"
        page.evaluate(hide, "hidden")
        moments.pass_time(700)
        page.evaluate(hide, "visible")
        moments.pass_time(590)
        assert moments.offered == []
        moments.pass_time(15)
        moments.is_asked("time")

        moments.visit("c6")
        moments.scroll(0.5)
        assert moments.offered == []
        moments.scroll(0.7)
        moments.is_asked("scroll")
        moments.visit("c6")
        for share in (0.7, 0.5, 0.9, 0.6):
            moments.scroll(share)
        assert moments.offered == ["scroll"], "who is not to be asked is not asked about at every step"

        moments.visit("c7")
        moments.leave()
        moments.pass_time(4)
        moments.leave()
        assert moments.offered == []
        moments.pass_time(3)
        moments.leave()
        moments.is_asked("exit")

        moments.visit("c8")
        page.locator("#own").click()
        moments.pass_time(0.05)
        assert moments.offered == []
        page.locator("#help").click()
        moments.is_asked("click")

        errors = list[str]()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route("**/w/config", answer_without_selector)
        moments.visit("c8")
        page.locator("#help").click()
        moments.pass_time(0.05)
        assert (moments.offered, errors) == ([], []), "what is no selector is never found, and breaks no page"
        page.unroute("**/w/config")

        moments.visit("c9")
        for n in (2, 3):
            assert moments.offered == []
            page.evaluate(f"history.pushState({{}}, '', '/c9?page={n}')")
            moments.pass_time(1.1)
        moments.is_asked("views")
        page.add_init_script("Object.defineProperty(window, 'navigation', {value: undefined})")
        moments.visit("c24")
        for n in (2, 3):
            assert moments.offered == []
            page.evaluate(f"history.pushState({{}}, '', '/c24?page={n}')")
            moments.pass_time(1.1)
        moments.is_asked("views")

        moments.visit("c10")
        page.evaluate("Boucle.event('purchase')")
        moments.is_asked("purchase")
        page.evaluate("Boucle.ask()")
        moments.pass_time(1)
        assert moments.offered == ["purchase"], "a box that is open is not asked for again"


def test_a_fast_scroll_up_is_taken_for_leaving_on_a_phone(chromium: "Browser", shop: Shop) -> None:
    """Not within fifteen seconds, and not a slow one: no phone says that its owner is about to leave."""
    with opened(chromium, **PHONE) as context:
        moments = Moments(context.new_page(), shop)
        moments.visit("c25")
        moments.scroll(0.5)
        moments.scroll(0)
        moments.pass_time(16)
        moments.scroll(0.5)
        moments.pass_time(60)
        moments.scroll(0.49)
        assert moments.offered == []
        moments.scroll(0)
        moments.is_asked("exit")


def test_two_devices_are_one_customer(chromium: "Browser", shop: Shop) -> None:
    """What one browser was asked, the other is not, open or closed: the server remembers, not the browser."""
    with opened(chromium, **DESKTOP) as desktop, opened(chromium, **PHONE) as phone:
        page, other = desktop.new_page(), phone.new_page()
        open_box(page, shop, "c11")
        for _ in range(2):
            other.goto(f"{shop.page}/c11")
            other.wait_for_function("window.Boucle")
            with other.expect_response("**/w/ask") as answer:
                other.evaluate("Boucle.ask()")
            assert answer.value.status == 204
            if page.locator("section.box").count():
                with page.expect_response("**/w/closed"):
                    page.get_by_role("button", name="Close").click()


def test_the_box_reads_from_right_to_left_where_its_language_does(chromium: "Browser", shop: Shop) -> None:
    """Its direction is that of its own words, whatever the page's is; both fit 320 pixels, and axe finds nothing."""
    shop.direction, shop.language = "rtl", "ar"
    try:
        with opened(chromium, **NARROW) as context:
            page = context.new_page()
            open_box(page, shop, "c12")
            box = page.locator("section.box")
            assert box.evaluate("box => getComputedStyle(box).direction") == "ltr"
            page.route("**/w/ask", speak_arabic)
            open_box(page, shop, "c13")
            assert box.evaluate("box => getComputedStyle(box).direction") == "rtl"
            keep(page, "web question rtl")
            edges = box.bounding_box(), page.locator("section.box .close").bounding_box()
            assert edges[0] is not None
            assert edges[1] is not None
            assert edges[1]["x"] - edges[0]["x"] < edges[0]["width"] / 2, "the button to close is at the end of a line"
            assert edges[0]["x"] == 320 - edges[0]["width"] - edges[0]["x"] == 12
            report = Axe().run(page, options=RULES)
            assert report.violations_count == 0, report.generate_report()
    finally:
        shop.direction, shop.language = "ltr", "en"


def speak_arabic(route: "Route") -> None:
    """Answer the question in a language that is written from right to left."""
    answer = route.fetch()
    words = {"lang": "ar", "dir": "rtl", "question": "ما مدى احتمال أن توصي بنا لصديق؟"}
    route.fulfill(response=answer, json={**answer.json(), **words})


def test_nothing_moves_for_who_wants_no_motion(chromium: "Browser", shop: Shop) -> None:
    """The box rises into the page, except where the system says that nothing should."""
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        for customer, motion, animation in (("c14", "reduce", "none"), ("c15", "no-preference", "rise")):
            page.emulate_media(reduced_motion="reduce" if motion == "reduce" else "no-preference")
            open_box(page, shop, customer)
            style = page.locator("section.box").evaluate("box => getComputedStyle(box).animationName")
            assert style == animation


def test_a_page_of_an_app_that_moves_on_keeps_no_timer(chromium: "Browser", shop: Shop) -> None:
    """A delay that runs when the customer goes elsewhere in the app is over; nobody is asked on the next page."""
    file = Path(shop.site.parts.settings.overrides or "") / "rules" / "sites.yaml"
    before = file.read_text("utf-8")
    file.write_text(f"{before}  delay: 3\n", "utf-8")
    assert shop.site.parts.look_at_rules()
    try:
        with opened(chromium, **DESKTOP) as context:
            page = context.new_page()
            page.clock.install()
            with page.expect_response("**/w/config"):
                page.goto(f"{shop.page}/c4")
            page.wait_for_function("window.Boucle")
            page.evaluate("Boucle.event('purchase')")
            page.evaluate("history.pushState({}, '', '/c4?next')")
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.clock.run_for(10_000)
            assert not [url for url in asked if url.endswith("/w/ask")]
            page.evaluate("Boucle.event('purchase')")
            page.clock.run_for(2_500)
            assert not [url for url in asked if url.endswith("/w/ask")], "who may be asked is decided when it ends"
            page.clock.run_for(1_000)
            page.locator("section.box").wait_for()
    finally:
        file.write_text(before, "utf-8")
        shop.site.parts.look_at_rules()


def test_a_visitor_without_a_name_is_asked_once_a_visit(chromium: "Browser", shop: Shop) -> None:
    """The tab remembers that the question stood there, and nothing else; a button of the page's own asks again."""
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        page.goto(f"{shop.page}/anonymous")
        page.wait_for_function("window.Boucle")
        page.route("**/w/ask", not_drawn)
        with page.expect_response("**/w/ask"):
            page.evaluate("Boucle.event('purchase')")
        page.unroute("**/w/ask")
        offers: list[str] = []
        page.on("request", lambda request: offers.append(request.url) if request.url.endswith("/w/ask") else None)
        with page.expect_response("**/w/config") as answer:
            page.reload()
        answer.value.finished()
        page.wait_for_function("window.Boucle")
        page.evaluate("Boucle.event('purchase')")
        assert (offers, page.evaluate("sessionStorage.length")) == ([], 1), "a share draws once a visit"
        page.evaluate("sessionStorage.clear()")
        with page.expect_response("**/w/ask") as asked:
            page.evaluate("Boucle.event('purchase')")
        at = shop.site.clock.at
        box = page.locator("section.box")
        box.wait_for()
        assert page.evaluate("[localStorage.length, document.cookie, Object.keys(sessionStorage)]") == [
            0,
            "",
            ["boucle"],
        ]
        shop.site.clock.at = at + timedelta(seconds=5)
        page.locator("section.box label.n").nth(3).click()
        page.get_by_role("textbox").fill("slow")
        with page.expect_response("**/w/answer") as answer:
            page.get_by_role("button", name="Send").click()
        assert (asked.value.status, answer.value.status) == (200, 204)
        page.get_by_text("Thank you, your answer has arrived.").first.wait_for()
        with context.expect_page() as own:
            page.get_by_role("link", name="See, change or delete my answer").click()
        own.value.get_by_text("slow").first.wait_for()
        page.reload()
        page.wait_for_function("window.Boucle")
        offers.clear()
        page.evaluate("Boucle.event('purchase')")
        page.evaluate("Boucle.ask()")
        box.wait_for()
        assert len(offers) == 1
    response = next(response for response in shop.site.rows(Response) if response.place)
    assert (response.score, response.comment, response.place) == (3, "slow", "site:shop")


def not_drawn(route: "Route") -> None:
    """Answer as the server does for who is not of the share."""
    route.fulfill(status=204, headers={"Access-Control-Allow-Origin": route.request.headers["origin"]})
