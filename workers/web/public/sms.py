"""Where a carrier of SMS tells us things: /m/CARRIER/SECRET, reports of delivery and replies of customers.

The secret in the address is looked at first, then the carrier's own signature, where it signs. OVHcloud calls by GET,
so this door takes both; what it is told is taken once, however often it comes.
"""

import hmac
import logging
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.sms.carried import Told, Unproven
from workers.web.http.answers.problems import problem
from workers.web.http.middleware.limits import body_within
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.threads import run_in_threadpool

log = logging.getLogger(__name__)
MOST_BYTES = 32_000
"""A reply of many parts has less than two thousand signs."""
MOST_FIELDS = 60
FORM = "application/x-www-form-urlencoded"
NOTHING_TO_SAY = "<Response/>"
"""What Twilio reads as no answer by SMS; the others look at the status alone."""


async def told(request: Request) -> Response:
    """Take what the carrier says; 403 for who is not the carrier, 400 for what cannot be read."""
    web = web_of(request)
    if not hmac.compare_digest(urlsplit(web.text_door).path.encode(), request.url.path.encode()):
        return problem(403, "No carrier calls here: `boucle sms show` prints the address for yours.")
    if web.text_carrier is None:
        return problem(403, "BOUCLE_SMS_URL names no carrier.")
    body = await body_within(request, MOST_BYTES)
    try:
        parts = web.text_carrier.read(told_by(request, web, body), web.now())
    except (Unproven, ValueError) as fault:
        log.warning("a call of the carrier of SMS is refused: %s", fault, extra={"action": "sms.refused"})
        return problem(403, f"This call is not taken: {fault}")
    await run_in_threadpool(web.text_inbox.take, parts, web.text_carrier.name)
    return Response(NOTHING_TO_SAY, media_type="text/xml")


def told_by(request: Request, web: Web, body: bytes) -> Told:
    """Return a call as the carrier made it: its address is that of BOUCLE_PUBLIC_URL, whatever a proxy calls us."""
    query = request.url.query
    url = f"{web.text_door}?{query}" if query else web.text_door
    is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
    return Told(url, dict(request.headers), values_of(body.decode("utf-8", "replace") if is_form else query), body)


def values_of(text: str) -> Mapping[str, str]:
    """Return the fields of a form or a query; raises ValueError for too many of them."""
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))


routes = [Route("/m/{carrier}/{secret}", told, methods=["GET", "POST"])]
