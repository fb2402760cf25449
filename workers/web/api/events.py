"""POST /v1/events: CloudEvents by HTTP, structured, binary or in a batch, each accepted, a duplicate, or refused.

What is refused for its content is a dead letter as well, so that a sender that ignores answers loses nothing. The
envelope and the intake decide; nothing here looks into an event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from workers.cloudevents import MAX_BATCH_BYTES, Fault, Refusal, Rejected
from workers.cloudevents.scopes import Scopes
from workers.domain.types import Ingress
from workers.store.ledger import Incoming, Taken
from workers.store.ledger import Outcome as EventOutcome
from workers.usecases.csv_import.run import left_out, planned
from workers.usecases.sign_in.api_keys import Judged, Outcome
from workers.web.api.keys import note, sender_of
from workers.web.http.answers.problems import problem
from workers.web.http.middleware.limits import body_within
from workers.web.http.middleware.rates import Bucket
from workers.web.http.requests.clients import address_prefix, client_of
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
JSON_KINDS = ("", "application/json", "text/json", STRUCTURED, BATCH)
NOT_READ = f"Send {STRUCTURED}, {BATCH}, or application/json with ce- headers."
LONGEST_ORIGIN = 255  # characters of a DNS name
NOTHING = "No row of the journey plan applies to this event, or what it would plan is planned already."
NONE_GOOD = "No event could be accepted"
NONE_ALLOWED = "This key may not send these events"
EMPTY = Rejected(Refusal.NOT_CLOUDEVENT, (Fault("", "The batch is empty. Send at least one event."),))


async def receive(request: Request) -> Response:
    """Take events in: 1. who sends, 2. what kind, 3. the body within its size, 4. take it in or plan it only."""
    web = web_of(request)
    sender = await run_in_threadpool(known_sender, request, web)
    if sender.outcome != Outcome.ALLOWED:
        return await unknown_sender(request, sender)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in JSON_KINDS and not ("ce-specversion" in request.headers and kind.endswith("+json")):
        return problem(415, NOT_READ)
    most = max(MAX_BATCH_BYTES, web.settings.max_event_bytes) if kind == BATCH else web.settings.max_event_bytes
    try:
        body = await body_within(request, most)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads this
    if parameters_of(request).values.get("dry_run", "") not in ("", "0"):
        return await run_in_threadpool(dry_run, web, body, request, kind, sender.scopes)
    answer, forbidden = await run_in_threadpool(take, web, body, request, kind, sender.scopes)
    if forbidden:
        await run_in_threadpool(note, request, replace(sender, outcome=Outcome.FORBIDDEN))
    return answer


def known_sender(request: Request, web: Web) -> Judged:
    """Return who sends, by their key, and note it with the key's use."""
    sender = sender_of(request, web)
    note(request, sender)
    return sender


async def unknown_sender(request: Request, sender: Judged) -> Response:
    """Answer why this sender is not let in; who tries too often has to wait."""
    if not await request.app.state.rates.allows(Bucket.EVENTS, address_prefix(client_of(request.scope))):
        return problem(429, "Too many requests without a valid key.", headers={"Retry-After": "60"})
    challenge = "Bearer" if sender.outcome == Outcome.MISSING else 'Bearer error="invalid_token"'
    return problem(401, sender.why, headers={"WWW-Authenticate": challenge})


def messages(web: Web, body: bytes, request: Request, kind: str, scopes: Scopes) -> list[Incoming] | Rejected:
    """Return the events of a body, each as a message of its own, or why it holds none."""
    if kind != BATCH:
        headers = {name: value for name, value in request.headers.items() if name.startswith("ce-")}
        content_type = request.headers.get("content-type")
        if content_type:
            headers["content-type"] = content_type
        return [Incoming(body, headers, content_type, scopes=scopes)]
    items = web.codec.split_batch(body)
    if isinstance(items, Rejected):
        return items
    return [Incoming(item, {"content-type": STRUCTURED}, STRUCTURED, scopes=scopes) for item in items] or EMPTY


def take(web: Web, body: bytes, request: Request, kind: str, scopes: Scopes) -> tuple[Response, bool]:
    """Take the events of a body in and answer what became of each, and whether the key forbade any. Idempotent."""
    events = messages(web, body, request, kind, scopes)
    if isinstance(events, Rejected):
        if events is not EMPTY and events.reason is not Refusal.TOO_LARGE:
            whole = Incoming(body, {"content-type": kind}, kind, scopes=scopes)
            web.intake.take([whole], Ingress.HTTP, refused=[events])
        return unusable(events), False
    outcomes = web.intake.take(events, Ingress.HTTP)
    forbidden = sum(is_forbidden(outcome.rejected) for outcome in outcomes)
    results = [result(index, outcome) for index, outcome in enumerate(outcomes)]
    counted = {taken: sum(outcome.taken == taken for outcome in outcomes) for taken in Taken}
    if counted[Taken.REJECTED] == len(outcomes):
        listed = [error for refused in results for error in refused["errors"]]  # type: ignore[attr-defined]  # a list
        return none_taken(listed, forbidden == len(outcomes)), bool(forbidden)
    answer = {
        "accepted": counted[Taken.ACCEPTED],
        "duplicates": counted[Taken.DUPLICATE],
        "rejected": counted[Taken.REJECTED],
        "results": results,
    }
    return Response(orjson.dumps(answer), 202, media_type="application/json"), bool(forbidden)


def unusable(why: Rejected) -> Response:
    """Answer that a body holds no events, or more than are taken at once: of such a body nothing is kept."""
    if why.reason is Refusal.TOO_LARGE:
        return problem(413, why.fault)
    return problem(400, title=NONE_GOOD, errors=errors(0, why))


def none_taken(listed: Sequence[Mapping[str, object]], all_forbidden: bool) -> Response:
    """Answer that nothing was taken: 403 where the key is why for every event, else 400."""
    status, title = (403, NONE_ALLOWED) if all_forbidden else (400, NONE_GOOD)
    return problem(status, title=title, errors=listed)


def is_forbidden(rejected: object) -> bool:
    """Tell whether an event was refused because its sender's key may not send it."""
    return isinstance(rejected, Rejected) and rejected.reason == Refusal.FORBIDDEN


def result(index: int, outcome: EventOutcome) -> dict[str, object]:
    """Return the entry of one event in the answer; `left_out` only where optional fields were not taken."""
    named = outcome.event or outcome.rejected
    return {
        "index": index,
        "id": named.id if named else None,
        "outcome": str(outcome.taken),
        "errors": errors(index, outcome.rejected) if outcome.rejected else [],
        **({"left_out": left_out(outcome.event)} if outcome.event and outcome.event.left_out else {}),
    }


def errors(index: int, rejected: Rejected) -> list[dict[str, object]]:
    """Return every fault of one event, with a JSON pointer to its place."""
    return [{"index": index, "pointer": fault.pointer, "detail": fault.detail} for fault in rejected.faults]


def dry_run(web: Web, body: bytes, request: Request, kind: str, scopes: Scopes) -> Response:
    """Answer what the events would plan, or why not; nothing is stored."""
    events = messages(web, body, request, kind, scopes)
    if isinstance(events, Rejected):
        return unusable(events)
    plans = list(web.intake.dry_run(events))
    refused = [(index, rejected) for index, (rejected, _) in enumerate(plans) if isinstance(rejected, Rejected)]
    if len(refused) == len(plans):
        listed = [fault for index, rejected in refused for fault in errors(index, rejected)]
        return none_taken(listed, all(is_forbidden(rejected) for _, rejected in refused))
    lines = [planned(*plan) for plan in plans]
    answer = [line if line["touchpoints"] or "errors" in line else {**line, "reason": NOTHING} for line in lines]
    return Response(orjson.dumps(answer), 202, media_type="application/json")


async def handshake(request: Request) -> Response:
    """Agree to get events, as CloudEvents senders ask before the first delivery (HTTP webhooks 1.0, section 4).

    It opens nothing: every delivery proves itself by its key.
    """
    headers = {"Allow": "POST, OPTIONS"}
    origin = request.headers.get("webhook-request-origin", "")
    if origin:
        headers |= {"WebHook-Allowed-Origin": origin[:LONGEST_ORIGIN], "WebHook-Allowed-Rate": "*"}
    return Response(status_code=200 if origin else 204, headers=headers)


routes = [
    Route("/v1/events", receive, methods=["POST"]),
    Route("/v1/events", handshake, methods=["OPTIONS"]),
]
