"""The places at which anybody answers: link, code to print, figures of their own, and what was kept apart."""

from dataclasses import asdict

import segno
from babel.numbers import format_decimal
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.mail.translations import Catalog
from workers.domain.reporting.nps import band_of
from workers.domain.reporting.ratings import Rating
from workers.domain.reporting.scales import scale_of
from workers.usecases.places.place_answers import NEWEST, PlaceLine
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import AGENTS, READERS, Visitor, for_roles, language_of, show
from workers.web.staff.report.wording import signed

QR_SCALE, QR_BORDER = 4, 4
LONGEST_COMMENT = 1_000


@for_roles(READERS)
async def show_places(request: Request, visitor: Visitor) -> Response:
    """Show every place of the list."""
    return await run_in_threadpool(write_places, request, visitor)


def write_places(request: Request, visitor: Visitor) -> Response:
    """Read and write the list."""
    catalog = pages_of(request).catalog(language_of(request))
    lines = [shown(line, catalog) for line in web_of(request).place_answers.lines()]
    return show(request, visitor, "places.html", {"lines": lines})


@for_roles(READERS)
async def show_place(request: Request, visitor: Visitor) -> Response:
    """Show one place with what was answered there; 404 for one that is neither listed nor was."""
    return await run_in_threadpool(write_place, request, visitor)


def write_place(request: Request, visitor: Visitor) -> Response:
    """Read and write one place; 404 for one that is neither listed nor was."""
    web = web_of(request)
    place = web.place_answers.line(request.path_params["id"])
    if place is None:
        raise HTTPException(404)
    line, answers = place
    catalog, zone = pages_of(request).catalog(language_of(request)), web.policy().zone
    values = {
        "line": shown(line, catalog),
        "answers": [
            (
                answer,
                catalog.moment(in_zone(answer.at, zone)),
                band_of(answer.score, answer.question),
                scale_of(answer.question),
            )
            for answer in answers
        ],
        "newest": NEWEST,
        "longest": LONGEST_COMMENT,
        "calls": visitor.user.role in AGENTS,
    }
    return show(request, visitor, "place-answers.html", values)


def shown(line: PlaceLine, catalog: Catalog) -> dict[str, object]:
    """Return one place as the page shows it."""
    place, figures = line.place, line.figures
    return {
        "id": line.id,
        "label": line.label,
        "kind": str(place.kind) if place else "",
        "link": line.link or "",
        "open": line.is_open,
        "until": catalog.date(place.until) if place and place.until else "",
        "answers": figures.answers,
        "n": figures.counts.n,
        "rated": [rated(rating, catalog) for rating in figures.ratings],
        "nps": signed(figures.nps),
        "scored": figures.nps is not None,
        **asdict(figures.counts),
        "apart": sorted(figures.apart.items()),
        "qr": code_of(line.link) if line.link else "",
    }


def rated(rating: Rating, catalog: Catalog) -> str:
    """Return the figures of what was asked beside the NPS, in words."""
    counted = {"kind": rating.kind.value.upper(), "n": rating.n}
    if rating.share is None or rating.mean is None:
        return catalog.text("places.rated", counted)
    share = catalog.text("report.percent", {"n": round(100 * rating.share)})
    mean = format_decimal(rating.mean, "0.0", locale=catalog.locale)
    scale = {"from": rating.scale.good_from, "highest": rating.scale.highest}
    return catalog.text("places.rated", {**counted, **scale, "share": share, "mean": mean})


def code_of(link: str) -> str:
    """Return the code of a link as a picture that stands in the page."""
    return segno.make(link, error="m", micro=False).svg_data_uri(scale=QR_SCALE, border=QR_BORDER, light="white")


routes = [
    Route("/places", show_places, methods=["GET"]),
    Route("/places/{id}", show_place, methods=["GET"]),
]
