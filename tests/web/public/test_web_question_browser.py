"""The script on a host page in Chromium: strict CSP, hostile CSS, keyboard, 320 pixels, two tabs; nothing is stored."""

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import parts
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import DESKTOP, NARROW, PHONE, RULES, free_address, keep, opened, served
from webparts import START, Site, event

from workers.adapters.clock import SystemClock
from workers.domain.records import Response, SurveyRequest
from workers.domain.types import RequestState
from workers.domain.web_sites import sign_visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

SCRIPT = Path(__file__).parents[3] / "templates" / "static" / "question.js"
KEY = "k" * 32
HOSTILE = (
    "* { all: unset !important } body * { display: none !important; color: red !important; font-size: 90px !important }"
)
SECONDS = 20
CUSTOMERS = 24


class Shop:
    """A shop's own page, on an origin of its own with a policy that allows nothing but ours, and Boucle beside it."""

    def __init__(self, site: Site, boucle: str, page: str) -> None:
        self.site, self.boucle, self.page = site, boucle, page
        self.css = ""
        self.language = "en"
        self.direction = "ltr"

    def token(self, customer: str) -> str:
        """Return what the shop's server signs; spent-42 expired, forged-42 by another key, foreign-42 elsewhere."""
        kind, _, id = customer.rpartition("-")
        expires = int(self.site.clock.at.timestamp()) + (-5 if kind == "spent" else 3600)
        key, site = "x" * 32 if kind == "forged" else KEY, "other" if kind == "foreign" else "shop"
        return sign_visitor(key.encode(), site, id, expires)

    def html(self, path: str) -> bytes:
        """Return a page for the customer whom the path names; `?long` has more than a screen or two."""
        customer, _, more = path.strip("/").partition("?")
        token = customer if customer == "anonymous" else self.token(customer)
        long = "<p>More lamps.</p>" * 200 if more == "long" else ""
        style = '<link rel="stylesheet" href="/own.css">' if self.css else ""
        script = f'<script async src="{self.boucle}/w/v1.js" data-site="shop" data-visitor="{token}"></script>'
        return (
            f'<!doctype html><html lang="{self.language}" dir="{self.direction}"><title>Lamps</title>{style}'
            f'<main><h1>Lamps</h1><button id="help">Help</button><button id="own">Buy</button>{long}</main>{script}'
        ).encode()


@contextlib.contextmanager
def host_page(shop: Shop, port: int) -> Iterator[None]:
    """Serve the shop's page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            css = self.path == "/own.css"
            body = shop.css.encode() if css else shop.html(self.path)
            self.send_response(200 if css or self.path != "/favicon.ico" else 204)
            self.send_header("Content-Type", "text/css" if css else "text/html; charset=utf-8")
            self.send_header(
                "Content-Security-Policy",
                f"default-src 'none'; script-src {shop.boucle}; connect-src {shop.boucle}; style-src 'self'; "
                "require-trusted-types-for 'script'",
            )
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give a shop with its customers, and every moment switched on."""
    folder = tmp_path_factory.mktemp("shop")
    (address, port), (page, page_port) = free_address(), free_address()
    (folder / "own" / "rules").mkdir(parents=True)
    (folder / "own" / "rules" / "sites.yaml").write_text(
        f"shop:\n  origins: [http://{page}]\n  anonymous: yes\n  triggers: {{call: yes, purchase: yes, time: 600, "
        'scroll: 60, views: 3, exit: yes, click: "#help"}\n',
        "utf-8",
    )
    site = Site(folder / "home", http_bind=address, overrides=str(folder / "own"), site_keys=f"shop:{KEY}")
    site.clock.at = SystemClock().now()
    for n in range(CUSTOMERS):
        site.events(event("website_visited", f"c{n}", at=START, reference=f"r{n}", customer={"language": ""}))
    shop = Shop(site, f"http://{address}", f"http://{page}")
    with served(site, port), host_page(shop, page_port):
        yield shop
    site.parts.store.close()


def open_box(page: "Page", shop: Shop, customer: str) -> None:
    """Open the shop's page as a customer, and call for the question."""
    page.goto(f"{shop.page}/{customer}")
    page.wait_for_function("window.Boucle")
    page.evaluate("Boucle.ask()")
    page.locator("section.box").wait_for()


def of(shop: Shop, n: int) -> SurveyRequest:
    """Return the newest question of a shop."""
    return sorted(shop.site.rows(SurveyRequest), key=lambda row: row.changed_at)[n]


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


def older(shop: Shop) -> bool:
    """Tell whether the last question has stood for two seconds."""
    shop.site.clock.at = SystemClock().now()
    asked = max(request.asked_at for request in shop.site.rows(SurveyRequest))
    return (shop.site.clock.at - asked).total_seconds() > 2


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

        moments.visit("c9")
        for n in (2, 3):
            assert moments.offered == []
            page.evaluate(f"history.pushState({{}}, '', '/c9?page={n}')")
            moments.pass_time(1.1)
        moments.is_asked("views")

        moments.visit("c10")
        page.evaluate("Boucle.event('purchase')")
        moments.is_asked("purchase")
        page.evaluate("Boucle.ask()")
        moments.pass_time(1)
        assert moments.offered == ["purchase"], "a box that is open is not asked for again"


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
    finally:
        file.write_text(before, "utf-8")
        shop.site.parts.look_at_rules()


def test_a_visitor_without_a_name_is_asked_once_a_visit(chromium: "Browser", shop: Shop) -> None:
    """The tab remembers that the question stood there, and nothing else; a button of the page's own asks again."""
    with opened(chromium, **DESKTOP) as context:
        page = context.new_page()
        page.goto(f"{shop.page}/anonymous")
        page.wait_for_function("window.Boucle")
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
        offers: list[str] = []
        page.on("request", lambda request: offers.append(request.url) if request.url.endswith("/w/ask") else None)
        page.evaluate("Boucle.event('purchase')")
        page.evaluate("Boucle.ask()")
        box.wait_for()
        assert len(offers) == 1
    response = next(response for response in shop.site.rows(Response) if response.place)
    assert (response.score, response.comment, response.place) == (3, "slow", "site:shop")
