"""Who may send events: a key of the settings or of the database; without any key, programs on this machine alone.

Keys are compared as SHA-256 hashes in constant time and are never kept or logged.
"""

import hashlib
import hmac

import sqlalchemy as sa
from starlette.requests import Request

from workers.store import tables
from workers.web.clients import from_this_machine
from workers.web.context import Web
from workers.web.forms import foreign

SCOPES = ("events", "all")
"""Scopes of a stored key that may send events."""


def may_send(request: Request, web: Web) -> bool:
    """Tell whether this request may send events. Reads the database."""
    given = [key.strip() for key in web.settings.api_keys.get_secret_value().split(",") if key.strip()]
    with web.store.reading() as connection:
        stored = connection.execute(sa.select(tables.api_key.c.hash, tables.api_key.c.scope)).all()
    allowed = [hashed(key) for key in given] + [str(hash) for hash, scope in stored if scope in SCOPES]
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and key.strip():
        sent = hashed(key.strip())
        matches = [hmac.compare_digest(sent, one) for one in allowed]
        return any(matches)  # all are compared, whichever matches
    return not given and not stored and not foreign(request) and from_this_machine(request, web)


def hashed(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()
