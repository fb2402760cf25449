"""Forms: the fields of a posted form as safe text, and the signed nonce that says that our page was open.

The link's token is what allows an act. The nonce tells a page of ours from one that somebody else made.
"""

import hmac
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from workers.domain.mail.compose.facts import clean
from workers.domain.mail.links import Links
from workers.web.http.requests.parameters import LONGEST_VALUE, host_of, parameters_of

NONCE = "nonce"
"""Name of the hidden field."""
NONCE_LASTS = timedelta(days=3)
POSTED = "posted"
"""Name of the query parameter that says that a page follows a form."""
POSTED_LASTS = timedelta(minutes=10)
MOST_FIELDS = 60


class Came(StrEnum):
    """Where a posted form came from."""

    PAGE = "page"
    STALE = "stale"
    """A page that was open too long, or that somebody else made: it is shown again, with what was typed."""
    DIRECT = "direct"
    """A program that holds the link and posts without a page."""


async def read_form(request: Request, as_typed: Collection[str] = ()) -> dict[str, str]:
    """Return the last value of each field, without control characters; files are left out.

    Lines end in a plain newline: browsers send CR LF, and the same words must be the same answer. The fields `as_typed`
    stay as they came: a password may begin with a space.
    """
    async with fields_of(request, files=0, fields=MOST_FIELDS) as form:
        fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    return {name: value if name in as_typed else clean(value.replace("\r\n", "\n")) for name, value in fields}


def same_token(given: str, wanted: str) -> bool:
    """Tell whether a form carries the token of its page, in a time that says nothing about where they differ."""
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


@asynccontextmanager
async def fields_of(request: Request, *, files: int, fields: int) -> AsyncIterator[FormData]:
    """Give a posted form; 400 for one in an encoding that no browser sends: Python knows some that raise."""
    try:
        form = await request.form(max_files=files, max_fields=fields)
    except UnicodeError as error:
        raise HTTPException(400, "The form's encoding is not read here; send UTF-8.") from error
    try:
        yield form
    finally:
        await form.close()


def new_nonce(links: Links, purpose: str, id: str, now: datetime) -> str:
    """Return a signed nonce, by which a form about one row is ours for NONCE_LASTS."""
    return links.sign(f"form.{purpose}", f"{id} {int(now.timestamp())}")


def came_from(request: Request, form: Mapping[str, str], links: Links, purpose: str, id: str, now: datetime) -> Came:
    """Say where a posted form came from.

    A form without a nonce is a program's, unless a browser says that it stands on another site.
    """
    nonce = form.get(NONCE)
    if nonce is None:
        return Came.STALE if foreign(request) else Came.DIRECT
    signed_id, _, at = (links.read(f"form.{purpose}", nonce) or "").partition(" ")
    if signed_id != id or not at.isdecimal():
        return Came.STALE
    age = abs(now.timestamp() - int(at))
    return Came.PAGE if age <= NONCE_LASTS.total_seconds() else Came.STALE


def after_posting(links: Links, id: str, now: datetime) -> str:
    """Return the query of the page that follows a form: for a while it may show what was just written."""
    return urlencode({POSTED: new_nonce(links, POSTED, id, now)})


def just_posted(request: Request, links: Links, id: str, now: datetime) -> bool:
    """Tell whether a page follows the form about a row: whoever sees it wrote what it shows."""
    signed_id, _, at = (
        links.read(f"form.{POSTED}", parameters_of(request).text(POSTED, LONGEST_VALUE)) or ""
    ).partition(" ")
    return signed_id == id and at.isdecimal() and 0 <= now.timestamp() - int(at) <= POSTED_LASTS.total_seconds()


def foreign(request: Request) -> bool:
    """Tell whether a browser says that another site sent this request (Fetch Metadata, else Origin)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and host_of(origin) != request.headers.get("host")
