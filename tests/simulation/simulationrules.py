"""What must hold after a simulated run, whatever failed in it: each rule names what broke it. Holds no test."""

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise

import orjson
from simulatedparts import Outlet, Taken
from simulation import Simulation

from workers.calendar import add_wait
from workers.domain import invariants
from workers.errors import BadInput
from workers.store.counts import books
from workers.store.delivery.claim import COPIES_AT_MOST
from workers.store.engine import begin_reading
from workers.usecases.operation import inquiry, status

Rows = list[tuple[str, str]]
LOST_SIGHT_OF, ACCEPTED = re.compile(r'"state": "unknown"'), '"state": "accepted"'
"""A mail that was cut off each time it left ends as unknown: it is compared as if it had been heard of."""


def broken_rules(world: Simulation, twin: Rows | None, of_twin: frozenset[str] | None) -> list[str]:
    """Return every rule that a run broke, in words; `twin` and `told` are what the run without faults left and said."""
    broken = [f"{rule.__name__}: {what}" for rule in RULES for what in rule(world)]
    if twin is not None:
        rows = [(table, LOST_SIGHT_OF.sub(ACCEPTED, text)) for table, text in world.rows()]
        broken += [f"same end: {line}" for line in list(invariants.difference(twin, rows))[:6]]
    if of_twin is not None:
        published = frozenset(map(Outlet.id_of, world.broker.published))
        broken += [f"same messages: {message} is missing" for message in sorted(of_twin - published)[:3]]
        broken += [f"same messages: {message} is told of nothing" for message in sorted(published - of_twin)[:3]]
    return broken


def nothing_acknowledged_is_lost(world: Simulation) -> Iterator[str]:
    """Every event that was answered 202, or whose position the group passed, is in the inbox or a dead letter."""
    look = world.database.look
    taken_in = {(row["source"], row["event_id"]) for row in look.execute("SELECT source, event_id FROM inbox")}
    letters = {bytes(row["body"]) for row in look.execute("SELECT body FROM dead_letter")}
    for body in {*world.truth.acknowledged, *world.broker.acknowledged}:
        if name_of(body) not in taken_in and not any(body.startswith(letter) for letter in letters):
            yield f"{body[:120]!r}"
    answers = {row["request"]: row["score"] for row in look.execute("SELECT request, score FROM response")}
    for request, score in world.truth.answers.items():
        if answers.get(request, score if request in erased_requests(look) else None) != score:
            yield f"the answer {score} to {request}, which is {answers.get(request)}"


def erased_requests(look: sqlite3.Connection) -> set[str]:
    """Return the requests of people who were erased since."""
    query = "SELECT r.id FROM survey_request r JOIN customer c ON c.id = r.customer WHERE c.erased_at IS NOT NULL"
    return {str(row[0]) for row in look.execute(query)}


def name_of(body: bytes) -> tuple[str, str] | None:
    """Return source and id of an event, None where it has none."""
    try:
        event = orjson.loads(body)
        return str(event["source"]), str(event["id"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def no_effect_is_invented(world: Simulation) -> Iterator[str]:
    """Every event in the inbox was sent, every mail that arrived is in the books, and every accepted one arrived."""
    look = world.database.look
    sent = {name_of(mail.value) for log in world.broker.logs.values() for mail in log}
    sent |= {name_of(body) for body in world.truth.acknowledged}
    for row in look.execute("SELECT source, event_id FROM inbox"):
        if (row["source"], row["event_id"]) not in sent:
            yield f"event {row['source']}/{row['event_id']} was never sent"
    mails = {row["message_id"]: row for row in look.execute("SELECT * FROM dispatch WHERE message_id <> ''")}
    arrived = {mail.message_id for mail in world.mails.taken}
    for message_id in arrived - set(mails):
        yield f"mail {message_id} arrived and is not in the books"
    for message_id, row in mails.items():
        if row["state"] == "accepted" and message_id not in arrived:
            yield f"mail {message_id} ({row['template']}) is accepted and never arrived"


def second_copies_are_explained(world: Simulation) -> Iterator[str]:
    """A mail leaves again only while nobody who lived to record it had read its 250; and byte for byte the same."""
    copies = defaultdict(list)
    for taken in world.mails.taken:
        copies[taken.message_id].append(taken)
    for message_id, all_taken in copies.items():
        for number, taken in enumerate(all_taken):
            for before in all_taken[:number]:
                if before.raw != taken.raw:
                    yield f"{message_id} left with other bytes"
                read = before.read_at is not None and before.read_at < taken.offered_at
                if read and not before.lost_with_sender and not stood_still(before, taken):
                    yield f"{message_id} left again after its 250 was read"
        row = world.database.look.execute("SELECT copies FROM dispatch WHERE message_id = ?", (message_id,)).fetchone()
        if row is not None and len(all_taken) - 1 > row["copies"]:
            yield f"{message_id} arrived {len(all_taken)} times, {row['copies']} copies are counted"


def stood_still(before: Taken, after: Taken) -> bool:
    """Tell whether whoever read the 250 stood still before they read or recorded it, and lost the mail to another."""
    return before.sender.stood_still_between(before.offered_at, after.offered_at)


def nobody_is_asked_within_their_rest(world: Simulation) -> Iterator[str]:
    """Between two questions of one person lies the rest period over all surveys, unless a row of the plan is exempt.

    Its days are those of the zone that they lived in then; who moves may have been asked an hour sooner.
    """
    policy, asked = world.policy, defaultdict(list)
    zones = {policy.zone} | {
        zone for message in world.plot.messages for zone in ZONES.findall(message.body.decode("utf-8", "replace"))
    }
    arrived = {mail.message_id for mail in world.mails.taken}
    for row in world.database.look.execute(ASKED):
        if row["message_id"] in arrived:
            asked[row["customer"]].append((datetime.fromisoformat(row["asked_at"]), row))
    for questions in asked.values():
        questions.sort(key=lambda pair: (pair[0], pair[1]["if_resting"] == "exempt"))
        for (before, _), (after, row) in pairwise(questions):
            rested = min(add_wait(before, policy.rest.overall, zone) for zone in zones)
            if row["if_resting"] != "exempt" and after < rested:
                yield f"asked on {before:%Y-%m-%d} and on {after:%Y-%m-%d} ({row['step']})"
    doubled = Counter((row["customer"], row["journey"], row["step"]) for row in world.database.look.execute(ASKED))
    yield from (f"{key} has {n} questions" for key, n in doubled.items() if n > 1)


ZONES = re.compile(r'"time_zone":"([^"]+)"')
ASKED = """SELECT r.customer, r.journey, r.step, r.asked_at, t.if_resting, d.message_id
FROM survey_request r JOIN touchpoint t ON t.journey = r.journey AND t.step = r.step
JOIN customer c ON c.id = r.customer
JOIN dispatch d ON d.request = r.id AND d.template = r.template AND d.action IS NULL"""
LOW = """SELECT r.id, (SELECT count(DISTINCT a.ticket) FROM action a JOIN ticket t ON t.id = a.ticket
WHERE a.response = r.id AND a.state = 'done') AS tickets
FROM response r JOIN customer c ON c.id = r.customer
WHERE r.band = 'detractor' AND r.state IN ('decided', 'closed') AND c.erased_at IS NULL"""


def every_low_score_has_one_ticket(world: Simulation) -> Iterator[str]:
    """Each detractor's answer has exactly one ticket, and nobody has two that are open."""
    look = world.database.look
    for row in look.execute(LOW):
        if row["tickets"] != 1:
            yield f"response {row['id']} has {row['tickets']} tickets"
    for row in look.execute(
        "SELECT customer, count(*) n FROM ticket WHERE state <> 'done' GROUP BY customer HAVING n > 1"
    ):
        yield f"customer {row['customer']} has {row['n']} open tickets"


def the_sums_hold(world: Simulation) -> Iterator[str]:
    """Every sum of the books holds."""
    with world.database.engine.connect() as connection, begin_reading(connection):
        sums = invariants.Books(books.tallies(connection), {}, {}).sums()
    yield from (f"{total['name']}: {total['left']} and {total['right']}" for total in sums if not total["ok"])


def nothing_stands_still(world: Simulation) -> Iterator[str]:
    """Nothing that is due is undone, nothing is leased, and the outbox is empty."""
    look = world.database.look
    for row in look.execute("SELECT state, template FROM dispatch WHERE state IN ('leased', 'sending')"):
        yield f"a mail {row['template']} is {row['state']} for ever"
    with world.database.engine.connect() as connection, begin_reading(connection):
        waiting, _ = status.due_work(connection, world.now())
    yield from (f"{n} {kind} are due" for kind, n in waiting.items() if n)


def nothing_breaks(world: Simulation) -> Iterator[str]:
    """No role logs a failure of its own."""
    yield from world.truth.logged[:3]


def explain_says_the_truth(world: Simulation) -> Iterator[str]:
    """What explain tells of each customer is what happened in the world."""
    look = world.database.look
    arrived = Counter(mail.message_id for mail in world.mails.taken)
    by_id = {row["id"]: row for row in look.execute("SELECT id, message_id, state FROM dispatch")}
    customers = [row["crm_id"] for row in look.execute("SELECT crm_id FROM customer WHERE crm_id IS NOT NULL")]
    sent = {name_of(mail) for mail in {*world.truth.acknowledged, *world.broker.acknowledged}}
    with world.database.engine.connect() as connection, begin_reading(connection):
        for crm_id in customers:
            try:
                story = inquiry.explain(connection, "customer", crm_id, world.now(), world.policy)
            except BadInput as error:
                story = None
                yield f"{crm_id} cannot be explained: {error}"
            if story is not None:
                yield from (f"{crm_id}: {what}" for what in untrue(story, arrived, by_id, sent))


def untrue(story: dict, arrived: Counter, by_id: dict, sent: set) -> Iterator[str]:  # type: ignore[type-arg]  # JSON
    """Give what is told of one customer and is not so."""
    for event in story["events"]:
        if (event["source"], event["id"]) not in sent and event["state"] == "accepted":
            yield f"event {event['id']} is told and was never sent"
    for mail in story["mails"]:
        row = by_id[mail["id"]]
        n = arrived[row["message_id"]] if row["message_id"] else 0
        if (mail["state"] == "accepted") and not n:
            yield f"mail {mail['template']} is told as sent and never arrived"
        if n and mail["state"] in ("ready", "cancelled") and not mail["copies"]:
            yield f"mail {mail['template']} arrived and is told as {mail['state']}"
        if not mail["reason"]:
            yield f"mail {mail['template']} is {mail['state']} without a reason"
    for request in story["survey_requests"]:
        mails = [
            asking
            for asking in story["mails"]
            if asking["request"] == request["id"] and asking["template"] == request["template"]
        ]
        left = any(arrived[by_id[asking["id"]]["message_id"]] for asking in mails if by_id[asking["id"]]["message_id"])
        unheard = any(asking["state"] == "unknown" for asking in mails)  # that it arrived is what nobody lived to hear
        if (request["sent_at"] is not None) != left and not (unheard and request["sent_at"] is None):
            yield f"question {request['touchpoint']}: sent_at {request['sent_at']}, arrived {left}"
    for touchpoint in story["touchpoints"]:
        if touchpoint["state"] != "asked" and not touchpoint["reason"]:
            yield f"touchpoint {touchpoint['touchpoint']} is {touchpoint['state']} without a reason"
    if not story["next_ask"]["reason"]:
        yield "no reason is told why, or why not, they are asked next"


def is_comparable(world: Simulation) -> bool:
    """Tell whether a run ends as its twin must: no turn was lost, nor sight of a question, for which reminders wait."""
    look = world.database.look
    lost = look.execute("SELECT 1 FROM dispatch WHERE state = 'unknown' AND request IS NOT NULL").fetchone()
    return not world.is_out_of_turn and lost is None


def nothing_is_lost_sight_of_too_soon(world: Simulation) -> Iterator[str]:
    """A mail ends as unknown only when it has left as often as it may."""
    for row in world.database.look.execute("SELECT * FROM dispatch WHERE state = 'unknown'"):
        if row["copies"] < COPIES_AT_MOST:
            yield f"mail {row['message_id']} ({row['template']}) is given up after {row['copies']} copies"


RULES: tuple[Callable[[Simulation], Iterator[str]], ...] = (
    nothing_acknowledged_is_lost,
    no_effect_is_invented,
    second_copies_are_explained,
    nothing_is_lost_sight_of_too_soon,
    nobody_is_asked_within_their_rest,
    every_low_score_has_one_ticket,
    the_sums_hold,
    nothing_stands_still,
    nothing_breaks,
    explain_says_the_truth,
)
