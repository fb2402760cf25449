"""Status: how many of everything in each state, what is due and not done, and whether the books add up.

The read side for the operator who asks why nothing goes out. Changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from workers.domain.invariants import Books
from workers.domain.sending_state import SendingState
from workers.domain.survey import support_room
from workers.domain.types import DeadLetterState, DispatchState
from workers.process.outages import KAFKA, MAIL
from workers.store import due
from workers.store.connection import Connection
from workers.store.counts import books, compared_rows, fingerprints
from workers.store.customer import letter_searches
from workers.store.delivery import mail_servers, told_outages
from workers.store.delivery.outbox import count_messages
from workers.store.delivery.webhook_targets import list_targets
from workers.store.operation.old_rows import retired_events
from workers.usecases.delivery import mail_server, webhook_retries
from workers.usecases.delivery.send_controls import refusing_domains
from workers.usecases.operation import outage_watch
from workers.usecases.rules.summary import summarise

FAILED = (DispatchState.FAILED, DispatchState.UNKNOWN)
STATUS_GROUPS = (
    "touchpoints",
    "survey_requests",
    "responses",
    "decisions",
    "actions",
    "dispatches",
    "tickets",
    "dead_letters",
)


def status(
    connection: Connection, now: datetime, *, sending: SendingState, support: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return every group by state, what is due and not done at `now`, and whether mails go out.

    `support` is what `support_pacing.describe` says of the questions that wait for it.
    """
    states = books.states(connection)
    groups: dict[str, object] = {"events": events(connection, states)}
    for group in STATUS_GROUPS:
        groups[group] = {"total": sum(states[group].values()), **states[group]}
    waiting, oldest = due_work(connection, now)
    servers = failing_servers(connection, now)
    return {
        **groups,
        "due_now": sum(waiting.values()),
        "due": waiting,
        "oldest_due": oldest,
        "outbox": waiting["outbox"],
        "failed": sum(states["dispatches"][state] for state in FAILED),
        "sending": {
            "state": sending.state,
            "reason": sending.reason,
            "paused": sorted(sending.paused),
            "refusing_domains": refusing_domains(connection, now),
        },
        "support": support or {"state": support_room.OFF, "waiting": 0},
        "mail_servers": servers,
        "away": away(connection, waiting, servers),
        "letter_searches": letter_searching(connection),
        "webhooks": [webhook_retries.describe(target, now) for target in list_targets(connection)],
        "rules": summarise(connection),
    }


def failing_servers(connection: Connection, now: datetime) -> list[dict[str, object]]:
    """Return the mail servers that take nothing at the moment: since when, in what words, and how many mails wait."""
    failing = mail_servers.failing(connection)
    waiting = due.count_due_mails(connection, now) if failing else 0
    return [mail_server.describe(server, waiting, now) for server in failing]


def away(
    connection: Connection, waiting: Mapping[str, int], servers: list[dict[str, object]]
) -> list[dict[str, object]]:
    """Return what is away now, mail servers included: since when, why, and how much waits for it."""
    everything = sum(waiting.values())
    parts_away = outage_watch.describe(
        told_outages.list_away(connection), lambda part: waiting["outbox"] if part == KAFKA else everything
    )
    return parts_away + [
        {"part": MAIL, **{name: server[name] for name in ("since", "reason", "waiting")}} for server in servers
    ]


def away_text(parts: list[dict[str, Any]]) -> list[str]:
    """Return a line for each part that is away, without mail servers, which have a line of their own."""
    return [
        f"away        {part['part']} since {part['since']}: {part['reason']}; {part['waiting']} wait"
        for part in parts
        if part["part"] != MAIL
    ]


def letter_searching(connection: Connection) -> dict[str, object]:
    """Return for how many erased people dead letters are still to be looked through, and since when."""
    people, since = letter_searches.waiting(connection)
    return {"people": people, "since": since.isoformat() if since else None}


def events(connection: Connection, states: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the events that were accepted, and those that are dead letters: a replayed one counts as accepted."""
    accepted = states["events"]["accepted"] + retired_events(connection)
    letters = sum(n for state, n in states["dead_letters"].items() if state != DeadLetterState.REPLAYED)
    return {"total": accepted + letters, "accepted": accepted, "dead_letter": letters}


def due_work(connection: Connection, now: datetime) -> tuple[dict[str, int], dict[str, str] | None]:
    """Return how much of each kind is due and not done, and what has been due for the longest time.

    What waits in the outbox is always due, and has no instant.
    """
    due_counts: dict[str, int] = {}
    oldest: list[tuple[datetime, str]] = []
    for kind, n, first in due.count_due(connection, now):
        due_counts[kind] = due_counts.get(kind, 0) + n
        if first is not None:
            oldest.append((first, kind))
    due_counts["outbox"] = count_messages(connection)
    longest = min(oldest, default=None)
    return due_counts, {"at": longest[0].isoformat(), "what": longest[1]} if longest else None


def read_books(
    connection: Connection, *, digest: bool = True, tell: Callable[[str], None] = lambda _table: None
) -> Books:
    """Return the books: every count that a sum names, and with `digest` the fingerprint of each table's rows.

    The database counts and hashes, whatever there is; `tell` hears which table is read now.
    """
    tallies = books.tallies(connection)
    marks: dict[str, tuple[str, int]] = {}
    for table, statement in compared_rows.COMPARED.items() if digest else ():
        tell(table)
        marks[table] = fingerprints.fingerprint(connection, statement)
    return Books(
        tallies=tallies,
        fingerprints={table: mark for table, (mark, _) in marks.items()},
        counts={table: n for table, (_, n) in marks.items()},
    )


def book_rows(connection: Connection) -> Iterator[tuple[str, str]]:
    """Give every comparable row as (table, line), so that `invariants.difference` can tell two books apart."""
    for table, lines in compared_rows.lines(connection):
        for line in lines:
            yield table, line


def as_text(status: Mapping[str, object]) -> str:
    """Return the status for a terminal: sending and what is due first, then each group by state."""
    sending, oldest = cast("dict[str, object]", status["sending"]), cast("dict[str, str] | None", status["oldest_due"])
    why = "" if status["mail_servers"] and sending["state"] == "on" else sending["reason"]  # it has a line of its own
    lines = [f"sending     {sending['state']}" + (f": {why}" if why else "")]
    if sending["paused"]:
        lines.append(f"paused      {', '.join(cast('list[str]', sending['paused']))}")
    lines += servers_text(cast("list[dict[str, Any]]", status["mail_servers"]))
    lines += away_text(cast("list[dict[str, Any]]", status["away"]))
    lines += webhooks_text(cast("list[dict[str, Any]]", status["webhooks"]))
    lines += support_text(cast("dict[str, Any]", status["support"]))
    if sending["refusing_domains"]:
        lines.append(f"refused by  {', '.join(cast('list[str]', sending['refusing_domains']))}")
    waiting = {kind: n for kind, n in cast("dict[str, int]", status["due"]).items() if n}
    parts = ", ".join(f"{n} {kind}" for kind, n in waiting.items())
    lines.append(f"due now     {status['due_now']}" + (f" ({parts})" if parts else ""))
    searches = cast("dict[str, Any]", status["letter_searches"])
    if searches["people"]:
        erased, since = searches["people"], searches["since"]
        lines.append(f"erased      dead letters are still to be looked through for {erased}, since {since}")
    lines += rules_text(cast("dict[str, Any]", status["rules"]))
    lines.append("oldest due  " + (f"{oldest['at']} ({oldest['what']})" if oldest else "nothing"))
    lines += [f"outbox      {status['outbox']}", f"failed      {status['failed']}", ""]
    for group in ("events", *STATUS_GROUPS):
        counted = cast("dict[str, int]", status[group])
        states = "  ".join(f"{state} {n}" for state, n in counted.items() if state != "total")
        lines.append(f"{group:<16}{counted['total']:>8}  {states}")
    return "\n".join(lines)


def servers_text(servers: list[dict[str, Any]]) -> list[str]:
    """Return a line for each mail server that takes nothing: since when, what waits for it, and what it said last."""
    lines = []
    for server in servers:
        who = "; it does not seem to end by itself: a person is needed" if server["person_needed"] else ""
        what = f"{server['server']}, {server['waiting']} mails wait; {server['reason']}{who}"
        lines.append(f"mail server {server['state']} since {server['since']}: {what}")
    return lines


def support_text(support: Mapping[str, Any]) -> list[str]:
    """Return a line of the questions that wait for support, and by what figures; none where no question does."""
    if support["state"] == support_room.OFF:
        return []
    if support["state"] == support_room.NOT_COUNTED:
        why = "rows of the journey plan may wait for it; say calls_a_day in calendar.yaml, and let agents sign in"
        return [f"support     not counted: {why}"]
    figures = (
        f"{support['calls']} calls until {support['until']}, {support['to_call']} wait, "
        f"{support['expected_calls']} expected from {support['unanswered']} questions"
    )
    return [f"support     room for {support['questions']} more questions, {support['waiting']} wait for it ({figures})"]


def webhooks_text(targets: list[dict[str, Any]]) -> list[str]:
    """Return a line for each receiver of webhooks: whether it takes them, and what it said last."""
    lines = []
    for target in targets:
        until = f" until {target['until']}" if target["until"] else ""
        why = (
            f", {target['failures']} times in a row since {target['since']}: {target['reason']}"
            if target["failures"]
            else ""
        )
        lines.append(f"webhooks    {target['state']}{until}: {target['target']}{why}")
    return lines


def rules_text(rules: Mapping[str, Any]) -> list[str]:
    """Return a line for each table in use, and every fault of an edit that was refused."""
    lines = ["rules       " + ", ".join(f"{name} {version[:12]}" for name, version in rules["in_use"].items())]
    for name, table in rules["candidates"].items():
        said = f"disagreed {table['disagreed']} times" if table["disagreed"] else "has not disagreed"
        lines.append(f"candidate   {name} {table['version'][:12]} {said}; `boucle rules shadow` lists them")
    for name, table in rules["refused"].items():
        lines.append(f"refused     {name}: the edit of {table['since']} is not taken, what was in use goes on")
        lines += [f"            {fault}" for fault in table["faults"]]
    return lines
