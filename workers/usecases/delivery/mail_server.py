"""The mail server as a whole: away or refusing us counts against the server, never against a mail.

While it fails one mail at a time asks whether it is back, first after seconds, then every half minute; whatever it says
about a mail ends it. Nothing here reads or writes rows.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from workers.domain.delivery_result import SendKind, SendResult
from workers.store.delivery.mail_servers import ServerState

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(seconds=30)
"""Between two probes: with the 20 s that a connection may take, mails leave within a minute of the server's return."""
LOGIN_PAUSE = timedelta(minutes=15)
"""After a login that was refused: servers lock accounts that are tried too often."""
LOGIN_REFUSED = frozenset({530, 534, 535, 538})
AWAY = "the mail server is away: "
"""How an adapter's words for a server that was not reached begin."""
PROBE_TAKES = timedelta(seconds=60)
"""How long nobody else probes while one does; its own answer comes sooner."""
PERSON_NEEDED = timedelta(hours=1)
"""A refusal of ourselves that lasts so long is told to a person: it does not seem to end by itself."""


def after(state: ServerState, result: SendResult, now: datetime, database_now: datetime) -> ServerState:
    """Return how a server stands after one end; `now` is business time. A line that broke proves nothing."""
    if not result.everyone:
        return ServerState(state.server) if result.code else state
    failures = state.failures + 1
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 6))
    if result.code in LOGIN_REFUSED:
        pause = LOGIN_PAUSE
    return replace(
        state,
        failures=failures,
        failing_since=state.failing_since or now,
        probe_at=database_now + pause,
        kind=str(result.kind),
        reason=said(result),
    )


def said(result: SendResult) -> str:
    """Return a failure so that a reader sees whose words they are."""
    text = result.text[:250].replace("“", "").replace("”", "")
    return f"it said “{result.code} {text}”" if result.code else text.removeprefix(AWAY)


def may_leave(state: ServerState, database_now: datetime) -> int | None:
    """Return how many mails may leave now: None for any number, 0 while it is left alone, 1 as a probe."""
    if not state.failures:
        return None
    return 1 if state.probe_at is None or state.probe_at <= database_now else 0


def probing(state: ServerState, database_now: datetime) -> ServerState:
    """Return the state while one sender asks: the others wait for its answer."""
    return replace(state, probe_at=database_now + PROBE_TAKES)


def word_of(state: ServerState) -> str:
    """Return in one word how a server stands: on, away, or refusing (it answers, and takes nothing of us)."""
    if not state.failures:
        return "on"
    return "refusing" if state.kind == SendKind.OURS else "away"


def describe(state: ServerState, waiting: int, now: datetime) -> dict[str, object]:
    """Return a failing server for `boucle status`."""
    since = state.failing_since or now
    return {
        "server": state.server,
        "state": word_of(state),
        "since": since.isoformat(),
        "reason": state.reason,
        "failures": state.failures,
        "waiting": waiting,
        "person_needed": state.kind == SendKind.OURS and now - since >= PERSON_NEEDED,
    }
