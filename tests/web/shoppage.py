"""A shop's page with the question on it, for the browser tests: strict policy, an origin of its own, its customers."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from browserparts import free_address, served
from webparts import START, Site, event

from workers.adapters.clock import SystemClock
from workers.domain.records import SurveyRequest
from workers.domain.web_sites import sign_visitor

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEY = "k" * 32
CUSTOMERS = 30


class Shop:
    """A shop's own page, on an origin of its own with a policy that allows nothing but ours, and Boucle beside it.

    `more` is what the script's element says beside site and visitor.
    """

    def __init__(self, site: Site, boucle: str, page: str) -> None:
        self.site, self.boucle, self.page = site, boucle, page
        self.css = ""
        self.more = ""
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
        script = (
            f'<script async src="{self.boucle}/w/v1.js" data-site="shop" data-visitor="{token}"{self.more}></script>'
        )
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


@contextlib.contextmanager
def opened_shop(folder: Path) -> Iterator[Shop]:
    """Give a shop with its customers c0, c1 and so on, and every moment switched on; serve its page and Boucle."""
    (address, port), (page, page_port) = free_address(), free_address()
    (folder / "own" / "rules").mkdir(parents=True)
    (folder / "own" / "rules" / "sites.yaml").write_text(
        f"shop:\n  origins: [http://{page}]\n  anonymous: yes\n  triggers: {{call: yes, purchase: yes, time: 600, "
        'scroll: 60, views: 3, exit: yes, click: "#help"}\n',
        "utf-8",
    )
    site = Site(folder / "home", http_bind=address, overrides=str(folder / "own"), site_keys=f"shop:{KEY}")
    site.clock.at = SystemClock().now()
    visits = ((f"c{n}", f"r{n}") for n in range(CUSTOMERS))
    site.events(*(event("website_visited", c, at=START, reference=r, customer={"language": ""}) for c, r in visits))
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


def older(shop: Shop) -> bool:
    """Tell whether the last question has stood for two seconds."""
    shop.site.clock.at = SystemClock().now()
    asked = max(request.asked_at for request in shop.site.rows(SurveyRequest))
    return (shop.site.clock.at - asked).total_seconds() > 2
