"""Whether the role lives (/healthz) and its parts answer (/readyz), and the interface's own description.

Nothing here tells more than an operator's monitor needs: no address, no secret, no customer.
"""

from collections.abc import Callable, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from workers.errors import Misconfigured
from workers.store.operation.readiness import hurried, see_that_it_takes_writes
from workers.usecases.operation.migrate import MINIMUM, schema_of
from workers.web.api.monitor import for_monitors
from workers.web.api.readiness_probe import Probing
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.parameters import BadAddress, parameters_of

OPENAPI = "schemas/openapi.json"
WEB = "web"
NEEDS_NOT: Mapping[str, frozenset[str]] = {
    WEB: frozenset({"kafka", "mail"}),
    "stream": frozenset({"mail"}),
    "send": frozenset({"kafka"}),
}
"""Roles, and the parts each goes on without: answers are stored, mails leave, and what is for Kafka waits."""


async def alive(request: Request) -> Response:
    """Answer that the process lives."""
    return PlainTextResponse("ok\n")


async def ready(request: Request) -> Response:
    """Answer whether every part that a role needs answers: 200 when all do, else 503, each with what was found.

    `?role=` is web (the default: pages and HTTP doors, which need no broker), stream or send. Raises BadAddress for
    another.
    """
    role = parameters_of(request).text("role") or WEB
    if role not in NEEDS_NOT:
        raise BadAddress("role", f"role is one of {', '.join(NEEDS_NOT)}.")
    answers = await probing_of(request).look()
    needed = [name for name in answers if name not in NEEDS_NOT[role]]
    good = all(answers[name].ok for name in needed)
    checked = {
        name: {"ok": answer.ok, "detail": answer.detail, "needed": name in needed} for name, answer in answers.items()
    }
    body = orjson.dumps({"ready": good, "role": role, "checks": checked})
    return Response(body, 200 if good else 503, media_type="application/json")


def probing_of(request: Request) -> Probing:
    """It is kept in the application's state, so that requests share one look at the parts."""
    state = request.app.state
    if not hasattr(state, "probing"):
        state.probing = Probing(checks(web_of(request)))
    probing: Probing = state.probing
    return probing


def checks(web: Web) -> Mapping[str, Callable[[], str]]:
    """Return what is looked at, by name: each returns what it found, or raises."""
    store = hurried(web.store.url)

    def database() -> str:
        see_that_it_takes_writes(store)
        return "answers, and takes what is written"

    def schema() -> str:
        number = schema_of(store)
        if number < MINIMUM:
            raise Misconfigured([f"schema {number} is older than {MINIMUM}: run `boucle migrate`"])
        return f"schema {number}"

    def tables() -> str:
        policy, refused = web.policy(), ", ".join(sorted(web.refused()))
        versions = f"journey plan {policy.plan.version[:12]}, follow-up table {policy.follow_up.version[:12]}"
        return f"{versions}; refused edits, these go on: {refused} (see `boucle status`)" if refused else versions

    def templates() -> str:
        mails = web.templates
        return f"{len(mails.languages_by_template())} mails in {', '.join(sorted(mails.catalogs.languages))}"

    return {"database": database, "schema": schema, "tables": tables, "templates": templates, **web.checks}


async def describe(request: Request) -> Response:
    """Answer the OpenAPI document, byte for byte the file in schemas/."""
    return Response(web_of(request).data.read(OPENAPI), media_type="application/json")


routes = [
    Route("/healthz", alive, methods=["GET"]),
    Route("/readyz", for_monitors(ready), methods=["GET"]),
    Route("/openapi.json", describe, methods=["GET"]),
]
