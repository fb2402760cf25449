"""The places at which anybody answers: link, code to print, figures of their own, and what was kept apart."""

import segno
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.mail.translations import Catalog
from workers.usecases.places.place_answers import PlaceLine
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import READERS, Visitor, for_roles, language_of, show

QR_SCALE, QR_BORDER = 4, 4


@for_roles(READERS)
async def show_places(request: Request, visitor: Visitor) -> Response:
    """Show every place of the list."""
    return await run_in_threadpool(write_places, request, visitor)


def write_places(request: Request, visitor: Visitor) -> Response:
    """Read and write the list."""
    catalog = pages_of(request).catalog(language_of(request))
    lines = [shown(line, catalog) for line in web_of(request).place_answers.lines()]
    return show(request, visitor, "places.html", {"lines": lines})


def shown(line: PlaceLine, catalog: Catalog) -> dict[str, object]:
    """Return one place as the page shows it."""
    place, figures = line.place, line.figures
    return {
        "label": place.label,
        "kind": str(place.kind),
        "link": line.link,
        "open": line.is_open,
        "until": catalog.date(place.until) if place.until else "",
        "answers": figures.answers,
        "nps": f"{figures.nps:+d}".replace("-", "\N{MINUS SIGN}") if figures.nps is not None else "",
        "promoters": figures.promoters,
        "passives": figures.passives,
        "detractors": figures.detractors,
        "apart": sorted(figures.apart.items()),
        "qr": segno.make(line.link, error="m", micro=False).svg_data_uri(
            scale=QR_SCALE, border=QR_BORDER, light="white"
        ),
    }


routes = [Route("/places", show_places, methods=["GET"])]
