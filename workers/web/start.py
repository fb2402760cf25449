"""The start page, /: where everything is. It shows only what this installation has.

The story of a demo stands in the template's block `story`. Nothing here knows a customer.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.web.context import web_of
from workers.web.pages import pages_of

PLACES = ("mailbox", "report", "inbox", "queue", "tables")
"""Pages that people start from, in the order shown; each has the texts `start.NAME.title` and `start.NAME.body`."""
MACHINES = ("/openapi.json", "/healthz", "/readyz", "/metrics", "/v1/testimonials")


async def show(request: Request) -> Response:
    """Show where everything is."""
    pages = pages_of(request)
    there = {route.path for route in request.app.routes if isinstance(route, Route)}
    wanted = [name for name in PLACES if f"/{name}" in there]
    if web_of(request).mailbox is None:
        wanted = [name for name in wanted if name != "mailbox"]
    return pages.show(request, "start.html", pages.language(request), {"places": wanted, "machines": MACHINES})


routes = [Route("/", show, methods=["GET"])]
