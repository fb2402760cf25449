"""The served demo in a real browser, as a newcomer walks through it: the story, being a customer, each role; axe."""

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import httpx
import parts
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browserparts import DESKTOP, PHONE, look_at, opened, weight_of
from demoyear import waits
from webparts import LARGEST

from workers import app, roles, settings
from workers.demo import Demo
from workers.demo.run import SENDING_ALWAYS
from workers.demo.start import demo_brand
from workers.demo.tour import Touring, login_links
from workers.domain.records import Customer, Dispatch, SurveyRequest, Touchpoint
from workers.domain.types import Reason
from workers.store import read, tables
from workers.usecases.sign_in.accounts import Role

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CUSTOMERS = 60
SECONDS = 20
LINK = re.compile(r'(?:href|src)="([^"]+)"')
CLOSED = ("This link no longer leads to an open question", "Ce lien ne mène plus à une question ouverte")
"""What a link in an old mail says: it is too late for an answer."""
OPEN_TO_ALL = ("/mailbox/", "/a/", "/i/", "/r/", "/t/", "/u/", "/static/")
"""Pages that look the same whoever is signed in."""
OF_EACH_KIND = 2
"""How many pages of one kind the crawler opens: there are thousands of mails, all made alike."""
NAMES_OF_ROWS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)[\w.-]{40,}|(?<=[/=])[A-Za-z]*-?\d[\w:.-]*")


@dataclass(frozen=True)
class Served:
    """A demo that is served."""

    parts: app.Boucle
    url: str

    def link(self, role: Role) -> str:
        """Return a link that signs a person of a role in once."""
        return next(link for _, player, link in login_links(self.parts) if player == role)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Make a small demo year and serve it; what needs an event loop runs in a thread of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{free.getsockname()[1]}"
    home = tmp_path_factory.mktemp("demo")
    started: list[app.Boucle] = []
    stop, loop = asyncio.Event(), asyncio.new_event_loop()

    def run() -> None:
        year = Demo(settings_of(home, bind), seed=42, customers=CUSTOMERS, tell=lambda share: None)
        year.run()
        quick = year.settings.model_copy(update={"settling_seconds": 1.0})
        started.append(app.start(quick, sending=SENDING_ALWAYS, brand=demo_brand(quick)))
        both = (roles.sender(started[0])(stop), roles.web(started[0], Touring(started[0]))(stop))
        loop.run_until_complete(asyncio.wait_for(gathered(*both), None))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    parts.poll(lambda: answers(f"http://{bind}/healthz"), 120, "the demo")
    yield Served(started[0], f"http://{bind}")
    loop.call_soon_threadsafe(stop.set)
    thread.join(SECONDS)
    loop.close()
    started[0].store.close()


async def gathered(*work: Any) -> None:
    """Wait for several things at once."""
    await asyncio.gather(*work)


def settings_of(home: Path, bind: str) -> settings.Settings:
    """Return the settings of a demo in a folder of its own."""
    return settings.read({"BOUCLE_HOME": str(home), "BOUCLE_HTTP_BIND": bind, "BOUCLE_TICK_SECONDS": "0.3"})


def answers(url: str) -> bool:
    """Tell whether a server answers."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url).status_code == 200
    return False


def become_a_customer(page: "Page", url: str, name: str) -> None:
    """Fill in the form of the start page."""
    page.goto(url)
    page.get_by_label("Your first name").fill(name)
    page.get_by_role("button", name="My parcel has arrived").click()
    page.wait_for_url("**/try/try-*")


def answer(page: "Page", score: int, comment: str = "", *, call_me: bool = False) -> None:
    """Open the mail of one's case, tap a score in it, write and send."""
    page.get_by_role("link", name="Open the mail").click()
    page.frame_locator("iframe").get_by_role("link", name=re.compile(f"^{score}, ")).click()
    page.wait_for_url("**/a/**")
    if comment:
        page.locator("textarea").fill(comment)
    if call_me:
        page.get_by_label("Please call me").check()
    page.get_by_role("button", name="Send my score").click()
    page.get_by_role("link", name="Your own case").click()


def wait_for_next(page: "Page", text: str) -> None:
    """Look at one's case until the next step says something; the page looks by itself where scripts run."""

    def there() -> bool:
        if page.get_by_text(text).count():
            return True
        page.wait_for_timeout(200)
        page.goto(page.url)
        return False

    parts.poll(there, SECONDS, text)


def test_questions_wait_for_support_for_days_and_the_pages_say_so(demo: Served) -> None:
    """With two of three agents away some questions waited for days, and as the demo ends others do: the queue says how
    many, and their customers' pages why and until when. Stands first: later tests move the demo's clock."""
    with demo.parts.store.reading() as connection:
        asked_at = {f"{row.journey}/{row.step}": row.asked_at for row in read.rows(connection, SurveyRequest)}
        waited = [asked_at[wait.subject_id] - wait.at for wait in waits(connection) if wait.subject_id in asked_at]
        waiting = read.rows(connection, Touchpoint, tables.touchpoint.c.reason == Reason.SUPPORT_BUSY)
        waiter = read.by_key(connection, Customer, waiting[0].customer)
    assert waiter is not None
    assert max(waited) > timedelta(days=2)
    with httpx.Client(follow_redirects=True, headers={"accept-language": "en"}, timeout=SECONDS) as client:
        assert client.post(demo.link(Role.LEAD)).status_code == 200
        queue = unescape(client.get(f"{demo.url}/queue").text)
        told = unescape(client.get(f"{demo.url}/customers/{waiter.crm_id}").text)
    assert "Support has no room for more answers" in queue
    assert f"Questions that wait: {len(waiting)}." in queue
    assert "it waits because support has no room for more answers" in told


@pytest.mark.parametrize(("profile", "scripts"), [(DESKTOP, True), (PHONE, False)])
def test_a_newcomer_is_won_back(chromium: "Browser", demo: Served, profile: dict[str, Any], scripts: bool) -> None:
    """Parcel, mail, 3, ticket, call without answer, done, two weeks later asked again, 9: each step is one click on."""
    with opened(chromium, refusals=True, java_script_enabled=scripts, **profile) as context:
        page = context.new_page()
        become_a_customer(page, demo.url, "Robin")
        answer(page, 3, "It arrived broken", call_me=True)
        wait_for_next(page, "A ticket is open, to be called by")
        page.get_by_role("button", name="Open the ticket").click()
        page.get_by_role("heading", name="Robin").wait_for()
        page.get_by_role("button", name="Claim").click()
        page.get_by_text("The ticket is yours.").wait_for()
        page.locator("summary", has_text="No answer").click()
        page.get_by_role("button", name="No answer").click()
        page.get_by_text("Noted. The ticket comes back").wait_for()
        page.locator("summary", has_text="Done").click()
        page.locator("label.choice", has_text="solved").first.click()
        page.get_by_label("Root cause").select_option("delivery/damaged")
        page.get_by_label("One sentence that the customer will read").fill("A new lamp leaves tonight.")
        page.locator(".done-form").get_by_role("button", name="Done").click()
        page.get_by_text("Done. The customer hears of it.").wait_for()
        page.get_by_role("button", name="+2 weeks").click()
        page.get_by_role("link", name="Your own case").click()
        page.get_by_role("link", name="Is your problem really solved?").first.wait_for()
        answer(page, 9)
        wait_for_next(page, "Thank you, Robin")
        page.get_by_text("Won back:").wait_for()


def test_a_promoter_writes_and_withdraws_a_testimonial(chromium: "Browser", demo: Served) -> None:
    """With a 9, two weeks later two sentences are asked for; they are published, shown, and withdrawn."""
    with opened(chromium, refusals=True, **PHONE) as context:
        page = context.new_page()
        become_a_customer(page, demo.url, "Paula")
        answer(page, 9)
        wait_for_next(page, "Next comes “a request for two sentences”")
        page.get_by_role("button", name="+2 weeks").click()
        page.get_by_text("You are asked for two sentences of your own").wait_for()
        page.get_by_role("link", name="Open the mail").click()
        page.frame_locator("iframe").get_by_role("link", name="Write it").click()
        page.get_by_label("Your two or three sentences").fill("I was looking for a warm light and found it.")
        page.locator("label.choice", has_text="First name only").click()
        page.get_by_label("I agree that").check()
        page.get_by_role("button", name="Publish", exact=True).click()
        assert page.locator("figcaption").inner_text() == "Paula"
        page.get_by_role("button", name="Withdraw my testimonial").click()
        page.get_by_text("your testimonial is withdrawn").wait_for()


def test_a_passive_says_what_could_be_better(chromium: "Browser", demo: Served) -> None:
    """With an 8 and no word, the question what could be better comes the next day, and is answered by clicking."""
    with opened(chromium, refusals=True, **DESKTOP) as context:
        page = context.new_page()
        become_a_customer(page, demo.url, "Sam")
        answer(page, 8)
        wait_for_next(page, "Next comes “the question what could be better”")
        page.get_by_role("button", name="+1 day").click()
        page.get_by_text("You are asked what could be better").wait_for()
        page.get_by_role("link", name="Open the mail").click()
        page.frame_locator("iframe").get_by_role("link", name="Answer in a sentence").click()
        page.locator("textarea").fill("A bulb in the box.")
        page.get_by_role("button").filter(has_text=re.compile("Send|answer", re.IGNORECASE)).first.click()
        page.get_by_role("link", name="Your own case").click()
        page.get_by_role("heading", name="What you can do next").wait_for()


def test_each_sentence_of_the_story_opens_the_page_that_shows_it(chromium: "Browser", demo: Served) -> None:
    """From a fresh start page no link of the story ends at a login, and each page is about what the sentence says."""
    with opened(chromium, refusals=True, **DESKTOP) as context:
        page = context.new_page()
        page.goto(demo.url)
        links = page.locator(".tale :is(a, button)")
        count = links.count()
        assert count >= 8
        for number in range(count):
            page.goto(demo.url)
            links.nth(number).click()
            assert "/login" not in page.url, page.url
            page.get_by_role("link", name="The story").wait_for()
        assert page.locator("h1").count() == 1


def test_every_link_leads_on(demo: Served) -> None:
    """From the start page, as nobody and as each role: every link answers; only a question that has closed says so."""
    for role in (None, *Role):
        if role == Role.OPERATOR:
            continue
        with httpx.Client(follow_redirects=True, headers={"accept-language": "en"}, timeout=SECONDS) as client:
            if role is not None:
                assert client.post(demo.link(role)).status_code == 200
            crawl(client, demo.url, ("/login/",) if role is None else ("/login/", *OPEN_TO_ALL))


def crawl(client: httpx.Client, url: str, apart: tuple[str, ...]) -> None:
    """Open everything that can be reached, some pages of each kind, but what stands `apart`."""
    waiting, seen, kinds = [url + "/"], {url + "/"}, dict[str, int]()
    while waiting:
        at = waiting.pop(0)
        page = client.get(at)
        closed = page.status_code == 404 and any(text in unescape(page.text) for text in CLOSED)
        refused = page.status_code == 403 and "This is a demo: be one of its people." in page.text
        assert page.status_code in (200, 204) or closed or refused, f"{at} answers {page.status_code}"
        if "text/html" not in page.headers.get("content-type", ""):
            continue
        for link in LINK.findall(page.text):
            to = urljoin(str(page.url), unescape(link)).partition("#")[0]
            assert to.startswith((url, "tel:", "mailto:", "otpauth:", "data:image/")), f"{at} leads away to {to}"
            if not to.startswith(url) or to in seen or urlsplit(to).path.startswith(apart):
                continue
            kind = kind_of(to)
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] <= (1 if "?" in to else OF_EACH_KIND):
                seen.add(to)
                waiting.append(to)
    assert len(seen) > 5


def kind_of(url: str) -> str:
    """Return what the pages have in common that are made alike: the path without names of rows, the filters used."""
    path, _, query = url.partition("?")
    return (
        NAMES_OF_ROWS.sub("*", path)
        + "?"
        + "&".join(sorted(parameter.partition("=")[0] for parameter in query.split("&")))
    )


def reopening(demo: Served) -> str:
    """Return the path of the link by which the customer of the last ticket that was done may reopen it."""
    with demo.parts.store.reading() as connection:
        done = read.rows(
            connection, Dispatch, tables.dispatch.c.template == "done", tables.dispatch.c.state == "accepted"
        )
    last = max(done, key=lambda mail: mail.accepted_at or mail.created_at)
    return urlsplit(demo.parts.links.reopen_url(last.id)).path


PAGES = ("/", "/login?next=/report", "/mailbox")
STAFF_PAGES = ("/report", "/customers/try-1")
"""Pages for the team are looked at in modules of their own; these two stand for the banner above them."""


@pytest.mark.parametrize(("name", "profile"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_every_page_of_the_demo_is_accessible(
    chromium: "Browser", demo: Served, name: str, profile: dict[str, Any]
) -> None:
    """No finding of axe in both schemes with the banner above; each page is light, and loads nothing from elsewhere."""
    axe, loaded, again = Axe(), list[Any](), name == "phone"
    with opened(chromium, refusals=True, **profile) as context:
        page = context.new_page()
        become_a_customer(page, demo.url, "Alex")
        page.on("response", lambda response: loaded.append(response))
        look_at(page, axe, f"demo case {name}", again=again)
        for path in (*PAGES, reopening(demo)):
            weighed(page, demo.url + path, demo.url, loaded)
            look_at(page, axe, f"demo {path[:20]} {name}", again=again)
        assert page.get_by_role("button", name=re.compile("call me|appelez", re.IGNORECASE)).count() == 1
        page.goto(demo.link(Role.MARKETING) + "?next=/inbox")
        page.get_by_role("button", name=re.compile("Sign in as")).click()
        page.get_by_text("This is a demo: be one of its people.").wait_for()
        look_at(page, axe, f"demo refused {name}", again=again)
        page.goto(demo.link(Role.LEAD))
        with page.expect_navigation(wait_until="load"):
            page.get_by_role("button", name=re.compile("Sign in as")).click()
        for path in STAFF_PAGES:
            weighed(page, demo.url + path, demo.url, loaded)
            look_at(page, axe, f"demo lead {path} {name}", again=again)
        page.locator("a[href^='/sent/']").first.click()
        page.wait_for_url("**/sent/*")
        look_at(page, axe, f"demo lead sent {name}", again=again)


def weighed(page: "Page", url: str, ours: str, loaded: list[Any]) -> None:
    """Open a page and fail the test when it is too heavy with all that it loads, or loads from elsewhere."""
    loaded.clear()
    page.goto(url, wait_until="load")
    assert not [response.url for response in loaded if not response.url.startswith(ours)]
    weight = sum(weight_of(response) for response in loaded)
    assert weight < LARGEST, f"{url} weighs {weight:,} bytes"


def test_the_clock_ticks_and_leaps(demo: Served) -> None:
    """The demo's time goes on by itself, a leap moves it, and no form of another site or without the token does."""
    before = demo.parts.now()
    parts.poll(lambda: demo.parts.now() > before, SECONDS, "the tick")
    with httpx.Client(base_url=demo.url, follow_redirects=False) as client:
        token = re.findall(r'name="csrf" value="([^"]+)"', client.get("/").text)[0]
        assert client.post("/clock", data={"by": "hour", "csrf": "x"}).status_code == 403
        foreign = {"sec-fetch-site": "cross-site"}
        assert client.post("/clock", data={"by": "hour", "csrf": token}, headers=foreign).status_code == 403
        assert client.post("/clock", data={"by": "year", "csrf": token}).status_code == 400
        at = demo.parts.now()
        moved = client.post("/clock", data={"by": "hour", "csrf": token, "back": "//evil.example"})
        assert moved.headers["location"] == "/"
        assert timedelta(hours=1) <= demo.parts.now() - at < timedelta(hours=1, minutes=1)
