"""The ground with real parts: Kafka, PostgreSQL and a mail server, two streams, two senders and a web role.

Every line passes a proxy of ours; the harness itself reads PostgreSQL through one that never fails. The database lies
in a tablespace on a small tmpfs where mounting is allowed; where it is not, no disk gets full.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import MappingProxyType

import orjson
import psycopg
from crowd import Deed
from ground import LINES, Ground
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from lossy_proxy import Line, Proxy
from schedule import Fault

from workers import app
from workers import settings as settings_module
from workers.adapters import kafka as topics
from workers.devservices import kafka, places, postgres
from workers.devservices.places import Running, free_port
from workers.process.outages import DATABASE, KAFKA, MAIL
from workers.store import tables
from workers.store.engine import Store

SMALL_DISK = "96m"
BALLAST_BLOCK = 1 << 16
PREFIX = "chaos-"
SESSION_SECONDS = 6
DELIVERED_SECONDS = 8.0
KAFKA_ANSWERS_SECONDS = 180.0


class KafkaPart:
    """One broker, whose advertised address is the proxy before it."""

    def __init__(self, home: Path, port: int, advertised: int) -> None:
        self.port = port
        self._advertised = advertised
        self._home = home
        self._command = [kafka.java(), "-XX:+UseSerialGC", kafka.HEAP, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        self._command += ["-cp", os.pathsep.join(map(str, kafka.jars()))]
        self._settings = home / "server.properties"
        home.mkdir(parents=True)
        own = kafka.PROPERTIES.format(broker=self.port, controller=free_port(), data=home / "data")
        public = own.replace(
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}",
        )
        self._settings.write_text(public, encoding="utf-8")
        kafka.format_storage(self._command, home, self._settings)
        self.launch()

    def launch(self) -> None:
        """Start it, and do not wait."""
        self.pid = places.launch([*self._command, "kafka.Kafka", str(self._settings)], self._home / "kafka.log")

    def wait(self) -> None:
        """Wait until it answers through the proxy."""
        deadline = time.monotonic() + KAFKA_ANSWERS_SECONDS
        while not kafka.answers(f"127.0.0.1:{self._advertised}"):
            if time.monotonic() > deadline:
                raise TimeoutError("Kafka does not answer")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


class PostgresPart:
    """PostgreSQL on a unix socket, its database in a tablespace that can get full."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._running: Running = postgres.start(home, durable=False)
        self.disk = small_disk()
        place = ""
        if self.disk is not None:
            account = postgres.service_account()
            if account is not None:
                os.chown(self.disk, account.uid, account.gid)
            self._execute(f"CREATE TABLESPACE small LOCATION '{self.disk}'")
            place = " TABLESPACE small"
        self._execute(f"CREATE DATABASE boucle{place}")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._running.address, autocommit=True) as connection:
            connection.execute(statement)  # a statement of ours

    def socket(self) -> str:
        """Return where it listens just now."""
        return f"{self._running.leftovers[0]}/.s.PGSQL.5432"

    def pids(self) -> list[int]:
        """Return its processes, the first one first."""
        said = subprocess.run(
            ["pgrep", "-P", str(self._running.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        return [self._running.pid, *map(int, said)]

    def kill(self) -> None:
        """End it at once, as a crash does: it recovers from its log at the next start."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._running.pid, signal.SIGQUIT)
        deadline = time.monotonic() + 30
        while places.is_running(self._running) and time.monotonic() < deadline:
            time.sleep(0.02)

    def start(self) -> None:
        """Start it again."""
        self._running = postgres.start(self._home, durable=False)

    def close(self) -> None:
        """End it and take its small disk away."""
        places.end(self._running, first=signal.SIGINT)
        if self.disk is not None:
            subprocess.run(["umount", "-l", str(self.disk)], check=False)
            self.disk.rmdir()


def small_disk() -> Path | None:
    """Return a small file system of its own, or None where mounting is not allowed."""
    folder = Path(tempfile.mkdtemp(prefix="boucle-chaos-disk-", dir="/tmp"))
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode == 0:
        return folder
    folder.rmdir()
    return None


class RealGround(Ground):
    """Roles apart, on real parts."""

    WEIGHTS = MappingProxyType(
        {
            **LINES,
            "kill": 8,
            "stop": 5,
            "freeze": 2,
            "rebalance": 2,
            "kafka_killed": 1,
            "kafka_frozen": 1,
            "kafka_cut": 2,
            "kafka_reset": 1,
            "kafka_stall": 1,
            "kafka_silence": 1,
            "database_killed": 2,
            "database_frozen": 1,
            "database_cut": 2,
            "database_reset": 2,
            "database_stall": 1,
            "database_silence": 1,
            "database_locked": 2,
            "database_full": 2,
        }
    )
    LONG = ("kafka_frozen", "database_frozen", "mail_killed", "database_locked", "kafka_silence")
    LEASE_SECONDS = 20.0
    SENDERS = ("send-1", "send-2")
    ROLES = ("stream-1", "stream-2", "send-1", "send-2", "web")

    def part_settings(self) -> dict[str, str]:
        """Start the parts and their lines, and return where they are."""
        broker = free_port()
        self.kafka_line = Proxy(free_port(), lambda: ("127.0.0.1", broker))
        self.endings.callback(self.kafka_line.close)
        self.kafka = KafkaPart(self.home / "kafka", broker, self.kafka_line.port)
        self.endings.callback(self.kafka.kill)
        self.kafka.wait()
        (self.home / "services").mkdir()
        self.database = PostgresPart(self.home)
        self.endings.callback(self.database.close)
        self.database_line = Proxy(free_port(), lambda: self.database.socket())
        self._own_line = Proxy(free_port(), lambda: self.database.socket())
        self.endings.callback(self.database_line.close)
        self.endings.callback(self._own_line.close)
        self._bootstrap = f"127.0.0.1:{self.kafka_line.port}"
        topics.create(self._bootstrap, PREFIX, replication=1)
        self._ids = topics.topic_ids(self._bootstrap, topics.topic_names(PREFIX, topics.TOPICS_IN))
        self._ends: dict[tuple[str, int], int] = defaultdict(int)
        self._producer = self._new_producer()
        self._producing = threading.Lock()
        self.endings.callback(lambda: self._producer.close(5))
        self._published: list[tuple[str, str]] = []
        self._consumer: KafkaConsumer | None = None
        return {
            "kafka_bootstrap": self._bootstrap,
            "topic_prefix": PREFIX,
            "database_url": f"postgresql://postgres@127.0.0.1:{self.database_line.port}/boucle",
            "session_seconds": str(SESSION_SECONDS),
            "batch_wait": "0.02",
        }

    def make_store(self) -> Store:
        """Return the database past the line that fails."""
        url = f"postgresql://postgres@127.0.0.1:{self._own_line.port}/boucle"
        return app.Boucle(settings_module.read(self.environment | {"BOUCLE_DATABASE_URL": url})).store

    def start(self) -> None:
        """Start the roles."""
        for name in self.ROLES:
            self.supervisor.run(name, name.partition("-")[0])
        self.wait_for_web()

    def publish(self, deed: Deed) -> str:
        """Send what is said about one half of the people to Kafka, and about the other by HTTP.

        Both doors for one person would leave open which of two events comes first.
        """
        assert deed.body is not None
        topic, key = f"{PREFIX}boucle.{deed.topic}", str(deed.body["subject"]).encode()
        if sum(key) % 2:
            return super().publish(deed)
        producer = self._producer
        try:
            place = producer.send(topic, orjson.dumps(deed.body), key=key).get(DELIVERED_SECONDS)
        except (KafkaError, AssertionError):  # an assertion: it was closed meanwhile
            self._replace(producer)
            return ""
        at = (self._ids[place.topic], place.partition)
        self._ends[at] = max(self._ends[at], place.offset + 1)
        return "published"

    def _new_producer(self) -> KafkaProducer:
        return KafkaProducer(
            bootstrap_servers=self._bootstrap,
            linger_ms=5,
            max_block_ms=3_000,
            request_timeout_ms=3_000,
            delivery_timeout_ms=6_000,
        )

    def _replace(self, failed: KafkaProducer) -> None:
        """Begin with a new producer, as a CRM is started again: one that gave a record up may send no more."""
        with self._producing:
            if self._producer is failed:
                with contextlib.suppress(KafkaError):
                    self._producer = self._new_producer()
                    failed._sender.force_close()
                    failed._closed = True  # it would wait for what it gave up

    def is_consumed(self) -> bool:
        """Tell whether the consumed ranges reach the end of every log without a hole."""
        reached: dict[tuple[str, int], int] = defaultdict(int)
        table = tables.consumed
        with self.store.reading() as connection:
            for topic_id, partition, first, last in connection.execute(
                table.select()
                .with_only_columns(table.c.topic_id, table.c.partition, table.c.first, table.c.last)
                .order_by(table.c.first)
            ):
                if first <= reached[topic_id, partition]:
                    reached[topic_id, partition] = max(reached[topic_id, partition], last + 1)
        return all(reached[place] >= end for place, end in list(self._ends.items()))

    def published(self) -> list[tuple[str, str]]:
        """Return topic and key of every message that was published so far."""
        if self._consumer is None:
            self._consumer = KafkaConsumer(bootstrap_servers=self._bootstrap, auto_offset_reset="earliest")
            self.endings.callback(self._consumer.close)
            names = topics.topic_names(PREFIX, topics.TOPICS_OUT)
            places_ = [TopicPartition(name, partition) for name in names for partition in range(topics.PARTITIONS)]
            self._consumer.assign(places_)
            self._consumer.seek_to_beginning(*places_)
        ends = self._consumer.end_offsets(self._consumer.assignment())
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and any(self._consumer.position(tp) < end for tp, end in ends.items()):
            for place, records in self._consumer.poll(timeout_ms=200).items():
                topic = place.topic.removeprefix(f"{PREFIX}boucle.")
                self._published += [(topic, record.key.decode()) for record in records]
        return list(self._published)

    def part_of(self, name: str) -> str:
        """Return the part that a long fault takes away, as `boucle status` names it."""
        return {"mail": MAIL, "kafka": KAFKA, "database": DATABASE}[name.partition("_")[0]]

    # Faults

    def rebalance(self, fault: Fault) -> None:
        """Let a third stream join, and leave again."""
        self.supervisor.run("stream-3", "stream")
        time.sleep(fault.seconds + 2)
        self.supervisor.dismiss("stream-3")

    def kafka_killed(self, fault: Fault) -> None:
        """Take the broker away."""
        self.kafka.kill()
        self.last(fault)
        self.kafka.launch()
        self.kafka.wait()

    def kafka_frozen(self, fault: Fault) -> None:
        """Stop the broker in its tracks."""
        os.kill(self.kafka.pid, signal.SIGSTOP)
        self.last(fault)
        os.kill(self.kafka.pid, signal.SIGCONT)

    def kafka_cut(self, fault: Fault) -> None:
        """Cut every line to the broker after k bytes."""
        self._line(self.kafka_line, Line.CUT, fault)

    def kafka_reset(self, fault: Fault) -> None:
        """Reset every line to the broker."""
        self._line(self.kafka_line, Line.RESET, fault)

    def kafka_stall(self, fault: Fault) -> None:
        """Hand nothing on for a while."""
        self._line(self.kafka_line, Line.STALL, fault)

    def kafka_silence(self, fault: Fault) -> None:
        """Swallow everything, and reset the lines afterwards."""
        self._line(self.kafka_line, Line.SILENCE, fault)

    def database_killed(self, fault: Fault) -> None:
        """Let the database crash."""
        self.database.kill()
        self.last(fault)
        self.database.start()

    def database_frozen(self, fault: Fault) -> None:
        """Stop all of the database in its tracks."""
        pids = self.database.pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        self.last(fault)
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def database_cut(self, fault: Fault) -> None:
        """Cut every line to the database after k bytes."""
        self._line(self.database_line, Line.CUT, fault)

    def database_reset(self, fault: Fault) -> None:
        """Reset every line to the database."""
        self._line(self.database_line, Line.RESET, fault)

    def database_stall(self, fault: Fault) -> None:
        """Hand nothing on for a while."""
        self._line(self.database_line, Line.STALL, fault)

    def database_silence(self, fault: Fault) -> None:
        """Swallow everything, and reset the lines afterwards."""
        self._line(self.database_line, Line.SILENCE, fault)

    def database_locked(self, fault: Fault) -> None:
        """Lock the tables that everything writes."""
        with self.store.engine.begin() as connection:
            connection.exec_driver_sql("LOCK TABLE customer, dispatch, outbox, control IN EXCLUSIVE MODE")
            self.last(fault)

    def database_full(self, fault: Fault) -> None:
        """Let the disk of the database be full."""
        disk = self.database.disk
        if disk is None:
            return
        ballast = disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(b"\0" * BALLAST_BLOCK):
                pass
        self.last(fault)
        ballast.unlink()
