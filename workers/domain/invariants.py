"""The books: which sums must add up, and which rows two runs of the same scenario must share.

Rows are compared by natural key (the CRM's customer id, trigger, reference, step, template), never by our ids, ticket
numbers, doors or copies. Counts and rows come in as values (`read_books` reads them); nothing here reads the store.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypedDict

from workers.domain.places.claims import Claim
from workers.domain.types import (
    ActionState,
    DeadLetterState,
    DecisionState,
    DispatchState,
    Reason,
    ReplyUse,
    RequestState,
    ResponseState,
    TestimonialState,
    TextState,
    TicketState,
    TouchpointState,
)

GROUPS: dict[str, type[StrEnum]] = {
    "touchpoints": TouchpointState,
    "survey_requests": RequestState,
    "responses": ResponseState,
    "decisions": DecisionState,
    "actions": ActionState,
    "dispatches": DispatchState,
    "tickets": TicketState,
    "testimonials": TestimonialState,
    "dead_letters": DeadLetterState,
}
"""What is counted by state, and the states there are."""

HIDDEN = frozenset(
    {"email", "name", "phone", "comment", "improvement", "competitor", "sentence", "wording", "shown_name", "place"}
    | {"text"}
)
"""Columns whose text stays out of a listing: it is compared by its hash, so that a difference can be shown around."""
LEFT_OUT_OF_INPUTS = "after"
"""Of a decision's inputs the one that is not compared: it runs to the moment of sending, which is the sender's tick."""
HASH_SHOWN = 12  # characters: enough to see that two texts differ
ERASED = "erased"
"""Stands for the customer id of a person who was erased."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Two ways of counting the same thing: the named tallies on the left and on the right must come to one number."""

    name: str
    left: tuple[str, ...]
    right: tuple[str, ...]


class SumLine(TypedDict):
    """One sum as `boucle books` prints it."""

    name: str
    left: int
    right: int
    ok: bool


def of_states(group: str) -> Sum:
    """Return the sum of a group: everything there is = what is in each of its states."""
    words = [str(state) for state in GROUPS[group]]
    return Sum(f"{group} = {' + '.join(words)}", (group,), tuple(f"{group}.{word}" for word in words))


SUMS: tuple[Sum, ...] = (
    Sum(
        "received = accepted + duplicate + dead letter",
        ("received.events",),
        ("received.accepted", "received.duplicates", "received.dead_letters"),
    ),
    Sum(
        "accepted events = events in the inbox (both after its oldest batch)", ("accepted.counted",), ("accepted.kept",)
    ),
    *(of_states(group) for group in GROUPS),
    Sum(
        "customers of an account = customers whose attributes name one", ("customers.of_account",), ("customers.named",)
    ),
    Sum(
        "tickets of accounts with news = those that told the others or why not",
        ("tickets.with_news",),
        ("tickets.told_others",),
    ),
    Sum("mails with news to others of an account = notes of them", ("mails.to_others",), ("entries.told_others",)),
    Sum("survey requests = touchpoints asked", ("survey_requests",), ("touchpoints.asked",)),
    Sum("touchpoints not asked = touchpoints with a reason", ("touchpoints.unasked",), ("touchpoints.explained",)),
    Sum("survey requests = requests in a wording that is known", ("survey_requests",), ("requests.worded",)),
    Sum(
        "touchpoints held for consent or notice = those whose customer gave or got none",
        ("touchpoints.held_by_law",),
        ("touchpoints.without_proof",),
    ),
    Sum("requests by mail = requests with one survey mail", ("requests.by_mail",), ("requests.mailed_once",)),
    Sum(
        "reminders planned = left + waiting + withdrawn + not taken",
        ("reminders.planned",),
        ("reminders.left", "reminders.waiting", "reminders.withdrawn", "reminders.not_taken"),
    ),
    Sum(
        "questions that wait for support = those that were due and not to be given up yet",
        ("touchpoints.waiting_for_support",),
        ("touchpoints.due_in_time",),
    ),
    Sum("questions that come round and wait = one a customer and question", ("turns.waiting",), ("turns.alone",)),
    Sum(
        "responses to a request = requests answered + closed",
        ("responses.to_request",),
        ("survey_requests.answered", "survey_requests.closed"),
    ),
    Sum(
        "questions on sites = answered + not answered",
        ("requests.on_web",),
        ("responses.on_web", "requests.web_unanswered"),
    ),
    Sum(
        "answers at places = responses there + kept apart",
        ("places.answers",),
        ("responses.at_places", "places.apart"),
    ),
    Sum(
        f"addresses left at places = {' + '.join(Claim)}",
        ("places.addresses",),
        tuple(f"places.{claim}" for claim in Claim),
    ),
    Sum(
        "mails that ask whose an address is = addresses asked about",
        ("mails.claims",),
        ("places.asked", "places.confirmed", "places.refused"),
    ),
    Sum("dialogues by SMS = those with one question", ("sms.dialogues",), ("sms.asked_once",)),
    Sum(
        f"SMS = {' + '.join(TextState)}",
        ("sms.messages",),
        tuple(f"sms.messages.{state}" for state in TextState),
    ),
    Sum("SMS with a text = SMS that left or were to leave", ("sms.written",), ("sms.left",)),
    Sum(
        f"replies by SMS = {' + '.join(use.replace('_', ' ') for use in ReplyUse)}",
        ("sms.replies",),
        tuple(f"sms.replies.{use}" for use in ReplyUse),
    ),
    Sum("answers in the NPS = answers with a band", ("responses.of_nps",), ("responses.with_band",)),
    Sum(
        "answers to CSAT and CES = those on their scale and without a band",
        ("responses.rated",),
        ("responses.on_scale",),
    ),
    Sum(
        "answers to a request = answers of the kind that it asks",
        ("responses.to_request",),
        ("responses.of_what_was_asked",),
    ),
    Sum("revisions = versions of all responses", ("revisions",), ("responses.versions",)),
    Sum("drivers named in answers = drivers in their last versions", ("responses.drivers",), ("revisions.drivers",)),
    Sum("points that drivers contribute = points of the scores, in sixths", ("drivers.parts",), ("responses.points",)),
    Sum("decisions current = responses that have a decision", ("decisions.current",), ("responses.with_decision",)),
    Sum(
        "responses decided or closed = those with a current decision",
        ("responses.settled",),
        ("responses.settled_with_current",),
    ),
    Sum("actions not done = actions with a reason", ("actions.undone",), ("actions.explained",)),
    Sum("mail actions done = those with one mail", ("actions.mail_done",), ("actions.mailed_once",)),
    Sum("contact actions done = those with a ticket", ("actions.contact_done",), ("actions.with_ticket",)),
    Sum("contact actions held = those with a ticket", ("actions.contact_held",), ("actions.held_with_ticket",)),
    Sum("mails of contact actions = those done with one mail", ("contacts.mails",), ("actions.told_once",)),
    Sum("testimonial requests sent = testimonials", ("actions.testimonial_done",), ("testimonials",)),
    Sum("testimonials settled = those with a consent record", ("testimonials.settled",), ("testimonials.recorded",)),
    Sum("tickets = tickets opened in their history", ("tickets",), ("entries.opened",)),
    Sum("attempts = calls in the tickets' history", ("tickets.attempts",), ("entries.attempts",)),
    Sum("reopened = reopenings in the tickets' history", ("tickets.reopened",), ("entries.reopened",)),
    Sum("cells of the report that are right = cells of the report", ("report.right",), ("report.cells",)),
    Sum("rows whose running count is right = rows counted", ("counts.right",), ("counts.rows",)),
    Sum("mails accepted since the oldest kept body = those with a body", ("mails.recent",), ("mails.with_body",)),
)
"""Every sum counts its two sides in different tables or columns, so that it can fail."""
SITE = "site "
"""Begins the tallies of one site; its id, a dot and a word follow."""
UNANSWERED = (Reason.CLOSED_BY_VISITOR.value, RequestState.EXPIRED.value, RequestState.OPEN.value)
AT_A_SITE = ("answered", *UNANSWERED)
"""What a question on a site can have become."""


def of_site(site: str) -> Sum:
    """Return the sum of one site, which has one as soon as a question was asked there."""
    return Sum(
        f"questions on the site {site or '(not kept)'} = answered + closed by the customer + expired + open",
        (f"{SITE}{site}.asked",),
        tuple(f"{SITE}{site}.{word}" for word in AT_A_SITE),
    )


@dataclass(frozen=True, slots=True)
class Books:
    """The counts that must add up, and, where it was asked for, each table's number of rows and their fingerprint."""

    tallies: Mapping[str, int]
    fingerprints: Mapping[str, str]
    counts: Mapping[str, int]

    def sums(self) -> list[SumLine]:
        """Return every sum with both sides, those that hold too."""
        named = {name.removeprefix(SITE).rpartition(".")[0] for name in self.tallies if name.startswith(SITE)}
        return [self._line(equation) for equation in (*SUMS, *map(of_site, sorted(named)))]

    def _line(self, equation: Sum) -> SumLine:
        left, right = (sum(self.tallies[name] for name in side) for side in (equation.left, equation.right))
        return {"name": equation.name, "left": left, "right": right, "ok": left == right}

    def ok(self) -> bool:
        """Tell whether every sum holds."""
        return all(line["ok"] for line in self.sums())

    def digest(self) -> str:
        """Return SHA-256 over the fingerprints of every table, empty where none was asked for.

        Equal books have equal digests, in whatever order and database their rows are.
        """
        if not self.fingerprints:
            return ""
        lines = [f"{table} {self.counts[table]} {self.fingerprints[table]}" for table in sorted(self.fingerprints)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def as_dict(self) -> dict[str, object]:
        """Return the books as `boucle books --format json` prints them."""
        return {"sums": self.sums(), "digest": self.digest() or None, "rows": dict(self.counts)}


def line(values: Mapping[str, object], references: Mapping[str, str]) -> str:
    """Return a row as one line of JSON that is the same on every database.

    `references` gives the natural name of what our own ids stand for: a recovery survey is about a ticket.
    """
    return json.dumps(
        {name: plain(name, value, references) for name, value in values.items()}, sort_keys=True, ensure_ascii=False
    )


def plain(name: str, value: object, references: Mapping[str, str]) -> object:
    """Return one value as books compare it: instants in UTC, texts of people as a hash, ids by what they name."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if name in HIDDEN:
        return f"text {hashlib.sha256(str(value).encode()).hexdigest()[:HASH_SHOWN]}" if value else ""
    if name == "reference":
        return references.get(str(value), value)
    if name == "inputs" and isinstance(value, Mapping):
        return {key: input_value for key, input_value in value.items() if key != LEFT_OUT_OF_INPUTS}
    return value


def mark(line: str) -> int:
    """Return what a row adds to the fingerprint of its table: the first eight bytes of SHA-256, as a signed number."""
    return int.from_bytes(hashlib.sha256(line.encode()).digest()[:8], signed=True)


def as_fingerprint(total: int) -> str:
    """Return the sum of the marks of a table's rows as sixteen hexadecimal digits; their order does not matter."""
    return f"{total % 2**64:016x}"


def fingerprint(lines: Iterable[str]) -> tuple[str, int]:
    """Return the fingerprint of rows as lines, and how many there are; holds none of them."""
    total = count = 0
    for text in lines:
        total += mark(text)
        count += 1
    return as_fingerprint(total), count


def difference(left: Iterable[tuple[str, str]], right: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Give the rows that only one of two books has, `-` for the left and `+` for the right, sorted."""
    here, there = Counter(left), Counter(right)
    marked = [(row, "-") for row in (here - there).elements()] + [(row, "+") for row in (there - here).elements()]
    for (table, text), sign in sorted(marked):
        yield f"{sign} {table} {text}"


def as_text(books: Books) -> str:
    """Return the books for a terminal: each sum, what does not hold first, then the digest."""
    sums = sorted(books.sums(), key=lambda sum_line: sum_line["ok"])
    wrong = sum(not sum_line["ok"] for sum_line in sums)
    rows = [
        f"{'ok   ' if sum_line['ok'] else 'WRONG'} {sum_line['left']:>9} {sum_line['right']:>9}  {sum_line['name']}"
        for sum_line in sums
    ]
    verdict = (
        "Every sum holds."
        if not wrong
        else f"{wrong} of {len(sums)} sums do not hold: rows were lost, doubled or changed by hand. "
        "`boucle explain` shows single rows."
    )
    digest = books.digest()
    last_line = "`boucle books --digest` also reads every row, for a digest to compare by."
    if digest:
        last_line = f"digest {digest}"
    return "\n".join(["            left     right", *rows, "", verdict, last_line])
