"""The worlds that a story is played in: embedded in this process, and the three roles as processes on real parts.

Both keep one secret, so that the same natural keys give the same ids. A world is a context manager: what it starts, it
stops. How a story is played stands in driver.py.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Self

import httpx
import pytest
import sqlalchemy as sa
from brands import BRAND
from canaries import private_lines
from driver import Words, busy
from kafka import KafkaProducer
from story import Message

from workers import app
from workers import settings as settings_module
from workers.adapters import kafka as topics
from workers.adapters.clock import StoredClock
from workers.devservices.places import free_port
from workers.domain.types import Ingress
from workers.store import tables
from workers.store.ledger import Incoming, Outcome
from workers.usecases.delivery import send_controls
from workers.usecases.operation import status
from workers.usecases.operation.migrate import migrate

SETTLE_SECONDS = 120.0
ROUNDS_AT_MOST = 50
POLL_SECONDS = 0.02
BOUCLE = (sys.executable, "-c", "from workers.cli import main; main()")


class Installation:
    """One installation seen from outside; what both worlds share."""

    def __init__(self, home: Path, **more: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        brand = home / "overrides" / "templates" / "brand.yaml"
        brand.parent.mkdir(parents=True)
        brand.write_text(BRAND, encoding="utf-8")
        own = {
            "home": str(home),
            "overrides": str(home / "overrides"),
            "secret": "one secret for every world",
            "clock": "stored",
            "mail_per_day": "0",
            "mail_per_second": "0",
            "max_event_bytes": "200000",
            "public_url": "https://boucle.example",
        }
        self.home = home
        self.environment = {f"BOUCLE_{name.upper()}": value for name, value in (own | more).items()}
        settings = settings_module.read(self.environment)
        empty = app.Boucle(settings).store
        migrate(empty)
        empty.close()
        self.parts = app.start(settings)
        self.store = self.parts.store
        self.clock = StoredClock(self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.store.close()

    def set_clock(self, at: datetime) -> None:
        """Move business time."""
        self.clock.set(at)

    def answer(self, request: str, words: Words) -> None:
        """Answer as the page does."""
        taken = self.parts.customer_actions.answer(
            request, words.score, words.comment, wants_contact=words.wants_contact, phone=words.phone
        )
        assert taken, f"request {request} took no answer"

    def improve(self, response: str, text: str) -> None:
        """Say what would have made it a 9 or 10."""
        assert self.parts.customer_actions.improve(response, text)

    def testify(self, response: str, wording: str, scope: str) -> None:
        """Write a testimonial, or refuse."""
        if scope:
            assert self.parts.testimonials.write(response, wording, "Camille", "Lyon", scope)
        else:
            assert self.parts.testimonials.refuse(response)

    def state(self) -> str:
        """Tell what is still to do."""
        with self.store.reading() as connection:
            waiting, oldest = status.due_work(connection, self.parts.now())
        return f"{self.parts.now()}: {waiting}, oldest {oldest}"

    def survey_mail(self, request: str) -> str:
        """Return the dispatch that asked."""
        table = tables.dispatch
        query = sa.select(table.c.id).where(
            table.c.request == request, table.c.action.is_(None), table.c.template != "reminder"
        )
        with self.store.reading() as connection:
            return str(connection.execute(query).scalar_one())

    def stop_asking(self, request: str) -> None:
        """Press unsubscribe."""
        assert self.parts.customer_actions.stop_asking(self.survey_mail(request))


class Embedded(Installation):
    """Everything in this process: SQLite, the HTTP door, a mailbox."""

    def __init__(self, home: Path, *, shuffle: int | None = None, **more: str) -> None:
        super().__init__(home, **more)
        self.order = None if shuffle is None else Random(shuffle)
        self.outcomes: list[Outcome] = []
        self.relaying = self.parts.outgoing.outbox_relay()  # one holder of the relay's lease

    def publish(self, messages: list[Message]) -> None:
        """Take messages in as from HTTP; if wanted in another order, in which each key of a topic keeps its own."""
        if self.order:
            rank = {(message.topic, message.key): self.order.random() for message in messages}
            messages = sorted(messages, key=lambda message: rank[message.topic, message.key])
        self.outcomes += self.parts.intake.take(
            [Incoming(message.body, dict_of(message)) for message in messages], Ingress.HTTP
        )

    def settle(self) -> None:
        """Do everything that is due."""
        dispatching = self.parts.outgoing.delivery()
        for _ in range(ROUNDS_AT_MOST):
            if not busy(self.store, self.parts.now()):
                return
            self.parts.scheduler.wake_all()
            asyncio.run(dispatching.send_all())
            self.relaying.relay_all()
        pytest.fail(f"Nobody does what is due: {self.state()}")


def dict_of(message: Message) -> dict[str, str]:
    """Return a message's headers as HTTP has them."""
    return {name: value.decode() for name, value in message.headers}


class Apart(Installation):
    """The roles as processes of their own, on Kafka, PostgreSQL and a mail server."""

    def __init__(
        self,
        home: Path,
        kafka: str,
        postgres: str,
        smtp: str,
        topic_prefix: str,
        *,
        roles: tuple[str, ...] = ("stream", "send", "web"),
        **more: str,
    ) -> None:
        self.web = f"127.0.0.1:{free_port()}"
        fast = {"tick_seconds": "0.05", "batch_wait": "0.02", "lease_seconds": "1.5", "rate_limit": "0"}
        real = {
            "kafka_bootstrap": kafka,
            "database_url": postgres,
            "smtp_url": smtp,
            "topic_prefix": topic_prefix,
            "sending": "on",
            "http_bind": self.web,
            "public_url": f"http://{self.web}",
        }
        super().__init__(home, **{**fast, **real, **more})
        self.kafka, self.prefix = kafka, topic_prefix
        self.producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=5, max_request_size=2_000_000)
        self.ends: dict[tuple[str, int], int] = defaultdict(int)
        self.ids: dict[str, str] = {}
        self.learn_topics()
        self.published: list[Message] = []
        self.wanted = roles
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def learn_topics(self) -> None:
        """Ask the cluster for the ids of the topics, of which each has another when it is made again."""
        self.ids = topics.topic_ids(self.kafka, topics.topic_names(self.prefix, topics.TOPICS_IN))

    def __enter__(self) -> Self:
        for role in self.wanted:
            self.start(role)
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.producer.close()
        super().__exit__()
        private = [line for path in self.home.glob("*.log") for line in private_lines(path.read_text(errors="replace"))]
        assert private == [], "a log tells of somebody"

    def start(self, role: str, name: str = "") -> subprocess.Popen[bytes]:
        """Start one role as a process."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("BOUCLE_")}
        with (self.home / f"{name or role}.log").open("ab") as log:
            process = subprocess.Popen(
                [*BOUCLE, role], stdout=log, stderr=log, env=environment | self.environment, cwd=self.home
            )
        self.processes[name or role] = process
        if role == "web":
            self.wait(self.web_answers, "the web role")
        return process

    def stop(self, name: str) -> int:
        """End one role as a supervisor does, and return its exit code."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(30)

    def kill(self, name: str) -> None:
        """End one role as a power cut would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def web_answers(self) -> bool:
        """Tell whether the web role serves."""
        try:
            return httpx.get(f"http://{self.web}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def publish(self, messages: list[Message]) -> None:
        """Publish to Kafka and wait until all is taken in; whom to ask first is not left to the order of arrival."""
        now = self.parts.now()
        self.store.write(lambda connection: send_controls.pause(connection, now, "driver"))
        self.send(messages)
        self.wait(self.is_taken, "the messages to be taken in")
        self.store.write(lambda connection: send_controls.resume(connection, self.parts.sending, now, "driver"))

    def send(self, messages: list[Message]) -> None:
        """Publish to Kafka, remember what, and where the logs end."""
        self.published += messages
        sent = [
            self.producer.send(
                self.prefix + message.topic, message.body, key=message.key.encode(), headers=list(message.headers)
            )
            for message in messages
        ]
        self.producer.flush()
        for promise in sent:
            place = promise.get(30)
            key = (self.ids[place.topic], place.partition)
            self.ends[key] = max(self.ends[key], place.offset + 1)

    def settle(self) -> None:
        """Wait until positions equal log ends, the outbox is empty and nothing is due."""
        self.wait(self.is_quiet, "quiet")

    def is_quiet(self) -> bool:
        """Tell, from one snapshot, whether there is nothing left to do."""
        with self.store.reading() as connection:
            if not self.is_consumed(connection):
                return False
            waiting, _ = status.due_work(connection, self.parts.now())
            return not any(waiting.values())

    def is_taken(self) -> bool:
        """Tell whether everything published is taken in."""
        with self.store.reading() as connection:
            return self.is_consumed(connection)

    def is_consumed(self, connection: sa.Connection) -> bool:
        """Tell whether the ranges in the database reach the end of every log without a hole."""
        reached: dict[tuple[str, int], int] = defaultdict(int)
        table = tables.consumed
        query = sa.select(table.c.topic_id, table.c.partition, table.c.first, table.c.last).order_by(table.c.first)
        for topic_id, partition, first, last in connection.execute(query):
            if first <= reached[topic_id, partition]:
                reached[topic_id, partition] = max(reached[topic_id, partition], last + 1)
        return all(reached[place] >= end for place, end in self.ends.items())

    def wait(self, ready: Callable[[], bool], what: str, seconds: float = SETTLE_SECONDS) -> None:
        """Poll until ready; fail with the ends of the logs when a role died or the time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            dead = [name for name, process in list(self.processes.items()) if process.poll() is not None]
            if dead or time.monotonic() > deadline:
                pytest.fail(f"Waited for {what}; dead: {dead}\n{self.state()}\n{self.log_ends()}")
            time.sleep(POLL_SECONDS)

    def log_ends(self) -> str:
        """Return the last lines of every role's log."""
        return "\n".join(
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-25:])
            for path in sorted(self.home.glob("*.log"))
        )

    def answer(self, request: str, words: Words) -> None:
        """Answer on the page, where the web role runs."""
        if "web" not in self.processes:
            super().answer(request, words)
            return
        form = {"score": str(words.score), "comment": words.comment}
        if words.wants_contact:
            form |= {"wants_contact": "yes", "phone": words.phone}
        token = self.parts.links.sign("answer", request)
        reply = httpx.post(f"http://{self.web}/a/{token}", data=form, timeout=30)
        assert reply.status_code == 303, f"{reply.status_code}: {reply.text[:500]}"

    def stop_asking(self, request: str) -> None:
        """Unsubscribe with one click (RFC 8058), where the web role runs."""
        if "web" not in self.processes:
            super().stop_asking(request)
            return
        token = self.parts.links.sign("unsubscribe", self.survey_mail(request))
        url = f"http://{self.web}/u/{token}"
        reply = httpx.post(url, data={"List-Unsubscribe": "One-Click"}, timeout=30)
        assert reply.status_code < 400, f"{reply.status_code}: {reply.text[:500]}"


def dead_letter_reasons(world: Installation) -> dict[str, int]:
    """Return how many dead letters there are, by reason."""
    table = tables.dead_letter
    with world.store.reading() as connection:
        counts = connection.execute(sa.select(table.c.reason, sa.func.count()).group_by(table.c.reason))
        return {str(reason): int(count) for reason, count in counts}
