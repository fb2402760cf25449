"""Whether the role lives (/healthz) and its parts answer (/readyz), and the interface's own description.

Nothing here tells more than an operator's monitor needs: no address, no secret, no customer.
"""

from collections.abc import Callable, Mapping

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from workers.migrating import MINIMUM, schema_of
from workers.web.context import Web, web_of
from workers.web.monitor import for_monitors
from workers.web.threads import run_in_threadpool
from workers.words import BoucleError, Misconfigured

OPENAPI = "schemas/openapi.json"


async def alive(request: Request) -> Response:
    """Answer that the process lives."""
    return PlainTextResponse("ok\n")


async def ready(request: Request) -> Response:
    """Answer whether every part answers: 200 when all do, else 503, each with what was found."""
    found = await run_in_threadpool(look, checks(web_of(request)))
    good = all(one["ok"] for one in found.values())
    body = orjson.dumps({"ready": good, "checks": found})
    return Response(body, 200 if good else 503, media_type="application/json")


def checks(web: Web) -> Mapping[str, Callable[[], str]]:
    """Return what is looked at, by name: each returns what it found, or raises."""

    def database() -> str:
        with web.store.reading() as connection:
            connection.execute(sa.text("SELECT 1")).scalar_one()
        return "answers"

    def schema() -> str:
        number = schema_of(web.store)
        if number < MINIMUM:
            raise Misconfigured([f"schema {number} is older than {MINIMUM}: run `boucle migrate`"])
        return f"schema {number}"

    def tables() -> str:
        policy, refused = web.policy(), ", ".join(sorted(web.refused()))
        told = f"journey plan {policy.plan.version[:12]}, follow-up table {policy.follow_up.version[:12]}"
        return f"{told}; refused edits, these go on: {refused} (see `boucle status`)" if refused else told

    def templates() -> str:
        known = web.templates
        return f"{len(known.known())} mails in {', '.join(sorted(known.catalogs.languages))}"

    return {"database": database, "schema": schema, "tables": tables, "templates": templates, **web.checks}


def look(wanted: Mapping[str, Callable[[], str]]) -> dict[str, dict[str, object]]:
    """Return what each check found; one that fails does not hide the others."""
    found: dict[str, dict[str, object]] = {}
    for name, check in wanted.items():
        try:
            found[name] = {"ok": True, "detail": check()}
        except BoucleError as error:
            found[name] = {"ok": False, "detail": str(error)}
        except (SQLAlchemyError, OSError) as error:  # their words may hold an address
            found[name] = {"ok": False, "detail": f"does not answer ({type(error).__name__})"}
    return found


async def describe(request: Request) -> Response:
    """Answer the OpenAPI document, byte for byte the file in schemas/."""
    return Response(web_of(request).data.read(OPENAPI), media_type="application/json")


routes = [
    Route("/healthz", alive, methods=["GET"]),
    Route("/readyz", for_monitors(ready), methods=["GET"]),
    Route("/openapi.json", describe, methods=["GET"]),
]
