"""GET /v1/testimonials: what customers consented to publish, for web sites to show and to take down.

Open to everybody, as its content is by consent; nothing that was not agreed to is in it.
"""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.explain.view import iso
from workers.domain.records import Testimonial
from workers.web.http.requests.context import web_of
from workers.web.http.requests.threads import run_in_threadpool

KEPT_SECONDS = 60  # how long a cache may show what was withdrawn meanwhile


async def show(request: Request) -> Response:
    """Answer the testimonials with consent, newest first."""
    testimonials = await run_in_threadpool(web_of(request).testimonials.published)
    body = orjson.dumps({"testimonials": [entry(testimonial) for testimonial in testimonials]})
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": f"public, max-age={KEPT_SECONDS}",
    }
    return Response(body, headers=headers, media_type="application/json")


def entry(testimonial: Testimonial) -> dict[str, object]:
    """Return what of a testimonial is published: no ids of customers, no scores."""
    return {
        "id": testimonial.id,
        "wording": testimonial.wording,
        "shown_name": testimonial.shown_name,
        "place": testimonial.place,
        "scope": testimonial.scope,
        "language": testimonial.language,
        "consented_at": iso(testimonial.changed_at),
    }


routes = [Route("/v1/testimonials", show, methods=["GET"])]
