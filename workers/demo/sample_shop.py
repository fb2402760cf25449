"""A shop's own page for `boucle web try`: an origin of its own, a strict policy, and a customer who is signed in.

What a shop's server does, it does: it signs who is there, and lets nothing but its own files and Boucle's script run.
"""

import contextlib
import html
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import orjson

from workers.app import Boucle
from workers.domain import explain as explaining
from workers.domain.types import Ingress
from workers.domain.web_sites import sign_visitor
from workers.store.ledger import Incoming
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation import inquiry

SITE = "try"
HOST = "127.0.0.1"
MOST_CUSTOMERS = 1_000
TOKEN_SECONDS = 3600
CONTENT_TYPE = "application/cloudevents+json"
TEXT = "text/html; charset=utf-8"
RULES = """# The sample page of `boucle web try`. Edit it while that runs, and load the page again.
try:
  name: sample page
  origins: [{origins}]
  triggers: {{call: yes, purchase: yes, click: "#help", time: 20, scroll: 60, exit: yes}}
"""
STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:44rem;padding:1rem 1rem 12rem;
color:#1b1b1f;background:#fff}
button,a.next{font:inherit;min-height:44px;padding:0 1rem;margin:0 .5rem .5rem 0;border:1px solid #1b1b1f;
border-radius:6px;background:#fff;color:inherit;text-decoration:none;display:inline-grid;place-items:center}
a{color:#1b4f9c}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f6;padding:1rem}.long{min-height:90vh}
@media(prefers-color-scheme:dark){body{background:#1b1b1f;color:#f4f4f6}button,a.next{background:#1b1b1f;border-color:#f4f4f6}
a{color:#9cc3ff}pre{background:#2b2b31}}"""
SCRIPT = """const told = document.querySelector("#told");
let shown = false;
document.addEventListener("boucle:shown", () => { shown = true; told.textContent = "The question is on the page."; });
document.addEventListener("boucle:closed", () => { told.textContent = "Closed. See what became of it below."; });
const offer = act => () => {
  if (window.Boucle) act();
  setTimeout(() => {
    if (!shown) told.textContent = "No question now: this customer was asked before, or has put it off. See why below.";
  }, 3000);
};
document.querySelector("#feedback").addEventListener("click", offer(() => Boucle.ask()));
document.querySelector("#order").addEventListener("click", offer(() => Boucle.event("purchase")));
"""
PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Sample shop</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<script defer src="/page.js"></script></head><body><main lang="en">
<h1>Sample shop</h1>
<p>Customer {customer} is signed in. Choose a moment:</p>
<p><button id="feedback" type="button">Give feedback</button><button id="order" type="button">Place an order</button>
<button id="help" type="button">Read the help</button></p>
<p>Or stay for 20 seconds, scroll down, or leave the page upwards.</p>
<p id="told" role="status"></p>
<p><a href="/became?customer={customer}">What became of it</a></p>
<p>Each customer is asked once, as on your own pages:</p>
<p><a class="next" href="/?customer={next}&amp;lang={language}">Be customer {next}</a>
<a class="next" href="/?customer={next}&amp;lang={other}">Be customer {next}, in {other_name}</a></p>
<div class="long"></div><p>The end of the page.</p></main>
<script async src="{boucle}/w/v1.js" data-site="try" data-visitor="{token}"></script></body></html>"""
BECAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>What became of it</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
</head><body><main><h1>What became of it</h1><p>What <code>boucle explain customer {id}</code> says:</p>
<pre>{story}</pre>
<p><a href="/?customer={customer}">Back to the shop</a></p></main></body></html>"""
OTHER = {"en": ("fr", "French"), "fr": ("en", "English")}


class SampleShop:
    """The pages of a sample shop, for an installation that has its site and key."""

    def __init__(self, parts: Boucle, key: bytes) -> None:
        self._parts = parts
        self._key = key

    def page(self, customer: int, language: str) -> str:
        """Return the page with a customer signed in, whom Boucle knows by an event."""
        id, boucle = f"sample-{customer}", self._parts.settings.base_url
        self._make_known(id)
        expires = int(self._parts.now().timestamp()) + TOKEN_SECONDS
        other, other_name = OTHER[language]
        return PAGE.format(
            language=language,
            customer=customer,
            next=customer % MOST_CUSTOMERS + 1,
            other=other,
            other_name=other_name,
            boucle=boucle,
            token=sign_visitor(self._key, SITE, id, expires, ref=f"order-{customer}"),
        )

    def became(self, customer: int) -> str:
        """Return the page that tells what became of a customer's question."""
        parts, id = self._parts, f"sample-{customer}"
        with parts.store.reading() as connection:
            state = sending_now(connection, parts.sending)
            story = inquiry.explain(connection, "customer", id, parts.now(), parts.policies.current(), state)
        text = explaining.as_text(story) if story else f"Customer {id} was not here yet."
        return BECAME.format(id=id, customer=customer, story=html.escape(text))

    def policy(self) -> str:
        """Return the Content-Security-Policy of the pages: their own files, and Boucle's script and doors."""
        boucle = self._parts.settings.base_url
        return (
            f"default-src 'none'; script-src 'self' {boucle}; connect-src {boucle}; style-src 'self'; img-src data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
        )

    def _make_known(self, id: str) -> None:
        """Take in that there is such a customer; again it changes nothing."""
        event = {
            "specversion": "1.0",
            "id": f"sample-shop-{id}",
            "type": "boucle.customer.changed.v1",
            "source": "sample-shop",
            "subject": id,
            "time": self._parts.now().isoformat(),
            "data": {"customer": {"id": id, "name": id.replace("-", " ").capitalize(), "email": f"{id}@example.org"}},
        }
        self._parts.intake.take([Incoming(orjson.dumps(event), {}, CONTENT_TYPE)], Ingress.HTTP)

    def answer(self, path: str) -> tuple[str, str] | None:
        """Return kind and text of what stands at a path; None for nothing."""
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        customer = number_of(query.get("customer", ["1"])[0])
        if parts.path == "/":
            language = query.get("lang", ["en"])[0]
            return TEXT, self.page(customer, language if language in OTHER else "en")
        if parts.path == "/became":
            return TEXT, self.became(customer)
        return {"/page.css": ("text/css", STYLE), "/page.js": ("text/javascript", SCRIPT)}.get(parts.path)


def number_of(text: str) -> int:
    """Return a customer's number, the first one for what is none."""
    is_number = text.isascii() and text.isdigit() and len(text) < 5
    return int(text) if is_number and 1 <= int(text) <= MOST_CUSTOMERS else 1


@contextlib.contextmanager
def serve_shop(shop: SampleShop, server: ThreadingHTTPServer) -> Iterator[None]:
    """Serve the pages in a thread on a server that is bound already; it is closed at the end."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = shop.answer(self.path)
            kind, text = page or ("text/plain", "There is nothing here.\n")
            body = text.encode()
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", shop.policy())
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the terminal has what to do next."""

    server.RequestHandlerClass = Pages
    thread = threading.Thread(target=server.serve_forever, name="sample-shop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def bind_shop(port: int) -> ThreadingHTTPServer:
    """Return a server bound to a port of this machine alone, 0 for a free one. Raises OSError."""
    return ThreadingHTTPServer((HOST, port), BaseHTTPRequestHandler)
