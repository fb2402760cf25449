"""What the browser tests share: a served site, profiles, axe's rules, a page looked at in both schemes, pictures."""

import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import parts
import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from staffparts import PASSWORD
from webparts import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Response

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}
AGAIN = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size", "scrollable-region-focusable"]}}
"""What depends on the width: enough for a page that all rules have looked at in another one."""
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
SECONDS = 20
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHOTS = "TEST_SHOTS"  # name a folder here to keep a picture of each page, scheme and width


def free_address() -> tuple[str, int]:
    """Return an address of this machine that nobody listens on, and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    return f"127.0.0.1:{port}", port


@contextlib.contextmanager
def served(site: Site, port: int) -> Iterator[str]:
    """Serve a site in a thread, and give its address."""
    server = uvicorn.Server(uvicorn.Config(site.app, port=port, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    parts.poll(lambda: server.started, SECONDS, "the server")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(SECONDS)


@contextlib.contextmanager
def served_from(folder: Path, prepare: Callable[[Site], object]) -> Iterator[str]:
    """Make and fill a site in a thread of its own, because what it does needs an event loop; serve it."""
    address, port = free_address()

    def make() -> Site:
        site = Site(folder, http_bind=address)
        prepare(site)
        return site

    with ThreadPoolExecutor(1) as aside:
        site = aside.submit(make).result(60)
    with served(site, port) as url:
        yield url
    site.parts.store.close()


@contextlib.contextmanager
def opened(
    chromium: "Browser", *, locale: str | None = "en-GB", refusals: bool = False, **options: Any
) -> Iterator["BrowserContext"]:
    """Give a fresh browser context that fails the test on any script error and on what the policy blocks.

    With `refusals` a page may answer with a status of 4xx, which the browser also calls an error.
    """
    context = chromium.new_context(locale=locale, **options)
    context.set_default_timeout(SECONDS * 1000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    try:
        yield context
    finally:
        context.close()
    assert not [error for error in errors if not (refusals and "status of 4" in error)], errors


def sign_in(context: "BrowserContext", url: str, name: str) -> "Page":
    """Return a page on which a person has signed in on the way to a page of the team."""
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    return page


def look_at(page: "Page", axe: Axe, name: str, *, again: bool = False) -> None:
    """Fail the test on whatever axe finds on a page with everything opened, and on a page too wide; keep pictures.

    `again` says that all rules have looked at this page in another width.

    Only colours differ between the schemes, so the second one is looked at for contrast alone.
    """
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.name = ''; one.open = true })")
    for scheme, rules in zip(SCHEMES, (AGAIN, None) if again else (RULES, CONTRAST), strict=True):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        if rules is not None:
            results = axe.run(page, options=rules)
            assert results.violations_count == 0, f"{page.url} {scheme}\n{results.generate_report()}"
        keep(page, f"{name}-{scheme}")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} pixels too wide"


def weight_of(response: "Response") -> int:
    """Return the bytes of a body as they travelled, compressed or not; a stream of events has no end and no weight."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        return 0
    length = response.headers.get("content-length")
    return int(length) if length is not None else len(response.body())


def keep(page: "Page", name: str) -> None:
    """Keep a picture of the page where a folder for them is named."""
    if folder := os.environ.get(SHOTS):
        page.screenshot(path=Path(folder) / f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.png", full_page=True)
