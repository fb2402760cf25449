"""Verbs for the CRM engineer: events publish, import, plan; dead-letters list, show, replay, discard."""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from workers.cli.crm.file_import import import_
from workers.cli.shared import as_json, open_boucle, read_settings, say_fault, show, user_name
from workers.errors import BadInput, Misconfigured

if TYPE_CHECKING:  # each verb imports what it uses
    from workers import app
    from workers.adapters import kafka
    from workers.domain.records import DeadLetter
    from workers.store.ledger import Incoming
    from workers.store.operation.dead_letter_queue import ListedLetter
    from workers.usecases.dead_letters import DeadLetters

STRUCTURED = "application/cloudevents+json"
REFUSALS_SHOWN = 20
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def events() -> None:
    """Events: publish to Kafka, import from CSV, see what they would plan."""


def bodies(path: Path) -> Iterator[bytes]:
    """Give the events of a file: one JSON object a line, or one JSON list. Raises BadInput for a broken list."""
    content = path.read_bytes().lstrip(b"\xef\xbb\xbf \r\n\t")
    if content.startswith(b"["):
        try:
            yield from (orjson.dumps(event) for event in orjson.loads(content))
        except orjson.JSONDecodeError as error:
            raise BadInput(f"{path} begins like a JSON list but is none: {error}") from error
        return
    yield from (line for line in content.splitlines() if line.strip())


@events.command()
@click.argument("file", type=FILE)
@as_json
def publish(file: Path, form: str) -> None:
    """Publish the events of FILE (JSON lines) to Kafka, each under its customer's id."""
    from workers import app
    from workers.adapters import kafka

    settings = read_settings()  # the broker is asked, never the database
    cluster = app.kafka_of(settings)
    if cluster is None:
        raise Misconfigured(["Set BOUCLE_KAFKA_BOOTSTRAP first; without a broker, POST the events to /v1/events."])
    prefix = settings.topic_prefix
    count = kafka.publish(cluster, (record_of(body, prefix) for body in bodies(file)))
    show({"published": count}, f"{count} events published.", form)


def record_of(body: bytes, prefix: str) -> "kafka.Record":
    """Return the record of an event: its topic follows from its type, its key from its subject."""
    from workers.adapters import kafka

    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        event = {}
    kind = str(event.get("type", "")) if isinstance(event, dict) else ""
    subject = str(event.get("subject") or "") if isinstance(event, dict) else ""
    topic = kafka.Topic.EVENTS
    if kind.startswith("boucle.score"):
        topic = kafka.Topic.SCORES
    elif kind.startswith("boucle.ticket"):
        topic = kafka.Topic.TICKET_UPDATES
    headers = (("content-type", STRUCTURED.encode()),)
    return kafka.Record(topic=prefix + topic, key=subject, value=body, headers=headers)


@events.command(name="plan")
@click.argument("file", type=FILE)
@as_json
def plan(file: Path, form: str) -> None:
    """Show what the events of FILE (JSON lines) would plan, and store nothing."""
    from workers.store.ledger import Incoming
    from workers.usecases.csv_import.run import plan_of

    boucle = open_boucle()
    planned = plan_of((Incoming(body, {}, STRUCTURED) for body in bodies(file)), boucle.intake)
    show(planned, "\n".join(plan_lines(planned)), form)


def plan_lines(planned: list[dict[str, object]]) -> Iterator[str]:
    """Give what `plan_of` returned as lines, one per event and what became of its touchpoints and fields below it."""
    for event in planned:
        yield f"{event['event']}"
        for touchpoint in event["touchpoints"]:  # type: ignore[attr-defined]  # the shape of plan_of
            because = f" ({touchpoint['reason']})" if touchpoint["reason"] else ""
            yield f"  {touchpoint['due_at']}  {touchpoint['touchpoint']}: {touchpoint['state']}{because}"
        for fault in event.get("errors", ()):  # type: ignore[attr-defined]  # the shape of plan_of
            yield f"  refused {fault['pointer']}: {fault['detail']}"
        for field in event.get("left_out", ()):  # type: ignore[attr-defined]  # the shape of plan_of
            yield f"  left out {field['pointer']}: {field['detail']}"


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Events that could not be accepted: nothing is lost."""


def letters() -> "DeadLetters":
    """Open the installation for its dead letters; one that is read again comes from Kafka if it is still there."""
    from workers.usecases.dead_letters import DeadLetters

    boucle = open_boucle()
    return DeadLetters(
        boucle.store,
        lambda messages, door: boucle.intake.take(messages, door),
        boucle.now,
        lambda letter: read_again(boucle, letter),
    )


def read_again(boucle: "app.Boucle", letter: "DeadLetter") -> "Incoming | None":
    """Read a letter's message again from Kafka, where it still stands at its place; None where it does not."""
    from workers import app
    from workers.cloudevents import Refusal, Unreadable
    from workers.store.ledger import Incoming

    cluster = app.kafka_of(boucle.settings)
    if cluster is None or letter.topic is None or letter.partition is None or letter.offset is None:
        return None
    from workers.roles import log_of

    log_of_topics = log_of(cluster, boucle.settings)
    ends = {(stretch.topic, stretch.partition): (stretch.start, stretch.end) for stretch in log_of_topics.stretches()}
    start, end = ends.get((letter.topic, letter.partition), (0, 0))
    if not start <= letter.offset < end:
        return None
    for kept in log_of_topics.read(letter.topic, letter.partition, letter.offset, letter.offset):
        same = letter.reason == Refusal.UNREADABLE or hashlib.sha256(kept.value).hexdigest() == letter.sha256
        if same and not isinstance(kept.value, Unreadable):
            return Incoming(kept.value, kept.headers, None, letter.topic, letter.partition, letter.offset)
    return None


@dead_letters.command(name="list")
@click.option("--reason", default="", help="Only letters with this reason.")
@click.option("--all", "every", is_flag=True, help="Replayed and discarded ones as well.")
@as_json
def list_(reason: str, every: bool, form: str) -> None:
    """List them, grouped by fault."""
    listed = letters().list(reason=reason, state="" if every else "open")
    show([summary(letter) for letter in listed], "\n".join(grouped(listed)) or "No dead letters.", form)


def summary(letter: "ListedLetter") -> dict[str, object]:
    """Return a letter as JSON lists it, without headers and bytes."""
    return {
        "id": letter.id,
        "reason": letter.reason,
        "fault": letter.fault,
        "size": letter.size,
        "truncated": letter.truncated,
        "sha256": letter.sha256,
        "door": str(letter.door),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "state": str(letter.state),
        "received_at": letter.received_at.isoformat(),
        "source": letter.source,
        "event": letter.event_id,
        "subject": letter.subject,
        "file": letter.file,
        "line": letter.line,
        "column": letter.column,
    }


def grouped(listed: "list[ListedLetter]") -> Iterator[str]:
    """Give the letters for a terminal, the most frequent reason first."""
    for reason, count in Counter(letter.reason for letter in listed).most_common():
        yield f"{reason}: {count}"
        for letter in [letter for letter in listed if letter.reason == reason][:20]:
            place = f"{letter.topic}/{letter.partition}@{letter.offset}" if letter.topic else str(letter.door)
            place = f"{letter.file}:{letter.line}" if letter.file else place
            yield f"  {letter.id}  {place}  {letter.size:,} bytes  {letter.fault[:120]}"
        if count > 20:
            yield f"  and {count - 20} more"


@dead_letters.command(name="show")
@click.argument("ident")
@click.option("--raw", is_flag=True, help="Write the bytes as they came, and nothing else.")
@as_json
def show_(ident: str, raw: bool, form: str) -> int:
    """Show one letter: reason, place, headers, bytes."""
    from workers.usecases.dead_letters import listed

    letter = letters().show(ident)
    if letter is None:
        say_fault(f"No dead letter {ident}.")
        return 1
    if raw:
        sys.stdout.buffer.write(letter.body)
        if letter.truncated:
            say_fault(truncation(letter))
        return 0
    body = letter.body[:4000].decode("utf-8", "backslashreplace")
    value = {**summary(listed(letter)), "headers": letter.headers, "body": body}
    text = "\n".join(f"{name}: {entry}" for name, entry in value.items())
    show(value, text, form)
    return 0


def truncation(letter: "DeadLetter") -> str:
    return (
        f"Truncated: these are the first {len(letter.body):,} of {letter.bytes_sent:,} bytes "
        f"(SHA-256 of the whole: {letter.sha256})."
    )


@dead_letters.command()
@click.argument("ident", required=False)
@click.option("--reason", default="", help="Replay every open letter with this reason.")
@as_json
def replay(ident: str | None, reason: str, form: str) -> int:
    """Take one letter in again, or all with one reason; without either, all that are open.

    What its sender's key was not allowed to send is taken in only by its ID, or with --reason forbidden.
    """
    from workers.cloudevents import Refusal

    queue = letters()
    if ident and queue.show(ident) is None:
        say_fault(f"No dead letter {ident}.")
        return 1
    overrule = user_name() if ident or reason == Refusal.FORBIDDEN else ""
    done = queue.replay([ident] if ident else [letter.id for letter in queue.list(reason=reason)], overrule=overrule)
    refused = len(done.refusals)
    for why in done.refusals[:REFUSALS_SHOWN]:
        say_fault(why)
    show({"replayed": done.taken, "refused": refused}, f"{done.taken} taken in, {refused} refused again.", form)
    return 1 if refused else 0


@dead_letters.command()
@click.argument("ident")
@click.option("--reason", required=True, help="Why it is discarded.")
def discard(ident: str, reason: str) -> int:
    """Discard one letter."""
    queue = letters()
    letter = queue.show(ident)
    if letter is None:
        say_fault(f"No dead letter {ident}.")
        return 1
    queue.discard(letter, reason)
    click.echo("Discarded.")
    return 0


events.add_command(import_)
COMMANDS = (events, dead_letters)
