"""Kafka's topics from outside Faust: their names, making and checking them, their ids and ends, publishing.

Faust must not make topics itself: it would wait for ever on one that is missing. Nothing here consumes.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    AuthorizationError,
    InvalidReplicationFactorError,
    KafkaError,
    SaslAuthenticationFailedError,
    TopicAlreadyExistsError,
    for_code,
)

from workers.words import Misconfigured, NotNow

PARTITIONS = 12  # fixed: another count would send a customer's events to another partition, and break their order
ANSWER_SECONDS = 15.0
PUBLISH_SECONDS = 120.0


class Topic(StrEnum):
    """The topics of the published interface, without the installation's prefix."""

    EVENTS = "boucle.events"
    SCORES = "boucle.scores"
    TICKET_UPDATES = "boucle.ticket-updates"
    SURVEY_REQUESTS = "boucle.survey-requests"
    RESPONSES = "boucle.responses"
    TICKETS = "boucle.tickets"
    TESTIMONIALS = "boucle.testimonials"


TOPICS_IN = (Topic.EVENTS, Topic.SCORES, Topic.TICKET_UPDATES)
TOPICS_OUT = (Topic.SURVEY_REQUESTS, Topic.RESPONSES, Topic.TICKETS, Topic.TESTIMONIALS)


class Mechanism(StrEnum):
    """How a user proves itself to the cluster (SASL)."""

    SCRAM_SHA_512 = "SCRAM-SHA-512"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    PLAIN = "PLAIN"


@dataclass(frozen=True, slots=True)
class Cluster:
    """How to reach a Kafka cluster. With neither user nor `tls` the connection is plain text."""

    bootstrap: str
    tls: bool = False
    ca_file: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: Mechanism = Mechanism.SCRAM_SHA_512
    allow_plaintext: bool = False

    @property
    def protocol(self) -> str:
        """Kafka's name for the kind of connection; a password never travels in plain text."""
        if self.user is not None:
            return "SASL_SSL"
        return "SSL" if self.tls else "PLAINTEXT"

    def faults(self) -> list[str]:
        """List what forbids connecting, each with what to do about it."""
        found = []
        far = [host for host in hosts(self.bootstrap) if not is_loopback(host)]
        if self.protocol == "PLAINTEXT" and far and not self.allow_plaintext:
            found.append(
                f"Kafka at {', '.join(far)} would be reached in plain text: set BOUCLE_KAFKA_TLS=1 or "
                "BOUCLE_KAFKA_USER, or say BOUCLE_KAFKA_ALLOW_PLAINTEXT=1 if the network between is yours alone."
            )
        if self.user is not None and not self.password:
            found.append("BOUCLE_KAFKA_USER has no password: set BOUCLE_KAFKA_PASSWORD or BOUCLE_KAFKA_PASSWORD_FILE.")
        return found


class ClientOptions(TypedDict, total=False):
    """What every kafka-python client is given."""

    bootstrap_servers: list[str]
    client_id: str
    security_protocol: str
    ssl_cafile: str
    sasl_mechanism: str
    sasl_plain_username: str
    sasl_plain_password: str


Address = str | Cluster


@dataclass(frozen=True, slots=True)
class Record:
    """One message to publish; `partition` only where a test or a replay must place it."""

    topic: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


def topic_names(prefix: str = "", topics: Sequence[Topic] = TOPICS_IN + TOPICS_OUT) -> list[str]:
    """Return the names of topics in an installation with this prefix, which is put in front as it is."""
    return [prefix + topic for topic in topics]


def hosts(bootstrap: str) -> list[str]:
    """Return the host names in a bootstrap list `host:port,host:port`."""
    return [server.strip().rpartition(":")[0].strip("[]") or server.strip() for server in bootstrap.split(",")]


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def options(address: Address, client: str = "boucle") -> ClientOptions:
    """Return kafka-python's options for an address; raise Misconfigured where a connection would be unsafe."""
    cluster = address if isinstance(address, Cluster) else Cluster(address)
    if faults := cluster.faults():
        raise Misconfigured(faults)
    found = ClientOptions(
        bootstrap_servers=[server.strip() for server in cluster.bootstrap.split(",")],
        client_id=client,
        security_protocol=cluster.protocol,
    )
    if cluster.ca_file is not None:
        found["ssl_cafile"] = cluster.ca_file
    if cluster.user is not None and cluster.password is not None:
        found["sasl_mechanism"] = cluster.mechanism.value
        found["sasl_plain_username"] = cluster.user
        found["sasl_plain_password"] = cluster.password
    return found


@contextmanager
def admin(address: Address, seconds: float = ANSWER_SECONDS) -> Iterator[KafkaAdminClient]:
    """Open an admin client; Kafka's faults become NotNow or Misconfigured with what to do."""
    client = None
    waiting = {"bootstrap_timeout_ms": int(seconds * 1000), "request_timeout_ms": int(seconds * 1000)}
    try:
        client = KafkaAdminClient(**options(address, "boucle-admin"), **waiting)
        yield client
    except (SaslAuthenticationFailedError, AuthorizationError) as fault:
        raise Misconfigured([f"Kafka refuses this user: {fault}. Correct it or ask for the right."]) from fault
    except KafkaError as fault:
        where = ",".join(options(address)["bootstrap_servers"])
        raise NotNow(f"Kafka at {where} does not answer: {fault}. Check BOUCLE_KAFKA_BOOTSTRAP.") from fault
    finally:
        if client is not None:
            client.close()


def create(address: Address, prefix: str = "", replication: int = -1, partitions: int = PARTITIONS) -> list[str]:
    """Make the topics that are missing and return their names; idempotent.

    `replication` -1 takes the cluster's default. Raises Misconfigured when the cluster cannot have that many copies.
    """
    wanted = topic_names(prefix)
    made = []
    with admin(address) as client:
        missing = sorted(set(wanted) - set(client.list_topics()))
        if not missing:
            return []
        request = {name: {"num_partitions": partitions, "replication_factor": replication} for name in missing}
        for answer in client.create_topics(request, raise_errors=False)["topics"]:
            fault = for_code(answer["error_code"])
            if fault is InvalidReplicationFactorError:
                raise Misconfigured([f"{answer['name']}: {answer['error_message']} Ask for fewer copies."])
            if answer["error_code"] and fault is not TopicAlreadyExistsError:
                raise fault(answer["error_message"])
            made.append(str(answer["name"]))
        client.wait_for_topics(missing)
    return made


def check(address: Address, prefix: str = "") -> list[str]:
    """Return what is wrong with the topics, each with what to do; an empty list means all is well.

    Never raises for a cluster that is away or refuses: that is a fault like the others.
    """
    try:
        described = describe(address, topic_names(prefix))
    except (NotNow, Misconfigured) as fault:
        return [str(fault)]
    faults = []
    for name in topic_names(prefix):
        partitions = described.get(name)
        if partitions is None:
            faults.append(f"Topic {name} is missing: run `boucle topics create`.")
        elif leaderless := sorted(number for number, leader in partitions.items() if leader < 0):
            faults.append(f"Topic {name} has no leader for partitions {leaderless}: see to the brokers.")
    return faults


def describe(address: Address, names: Sequence[str]) -> dict[str, dict[int, int]]:
    """Return for each topic that exists its partitions and the broker that leads each (-1: none)."""
    with admin(address) as client:
        known = set(client.list_topics())
        rows = client.describe_topics([name for name in names if name in known]) if known.intersection(names) else []
    return {
        str(row["name"]): {int(part["partition_index"]): int(part["leader_id"]) for part in row["partitions"]}
        for row in rows
    }


def topic_ids(address: Address, names: Sequence[str]) -> dict[str, str]:
    """Return the cluster's own id of each topic that exists; a topic that was made again has another one."""
    with admin(address) as client:
        known = set(client.list_topics())
        wanted = [name for name in names if name in known]
        return {str(row["name"]): str(row["topic_id"]) for row in client.describe_topics(wanted)} if wanted else {}


def cluster_id(address: Address) -> str:
    """Return the id that the cluster was given when it was made."""
    with admin(address) as client:
        return str(client.describe_cluster()["cluster_id"])


def log_ends(address: Address, names: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return for each (topic, partition) the offset that the next message will get; topics must exist."""
    return offsets(address, names, OffsetSpec.LATEST)


def log_starts(address: Address, names: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return for each (topic, partition) the first offset that is still kept; topics must exist."""
    return offsets(address, names, OffsetSpec.EARLIEST)


def offsets(address: Address, names: Sequence[str], which: OffsetSpec) -> dict[tuple[str, int], int]:
    """Return one kind of offset for every partition of the topics."""
    if not names:
        return {}
    with admin(address) as client:
        wanted = {
            TopicPartition(row["name"], part["partition_index"]): which
            for row in client.describe_topics(list(names))
            for part in row["partitions"]
        }
        found = client.list_partition_offsets(wanted)
    return {(place.topic, place.partition): int(value.offset) for place, value in found.items()}


class Publisher:
    """Publish batches over one connection, in the order given, acknowledged by all in-sync copies."""

    def __init__(self, address: Address, client: str = "boucle-publish") -> None:
        """Connect; raise NotNow when Kafka is away."""
        self.address = address
        self.known: set[str] = set()
        waiting = {"linger_ms": 20, "max_block_ms": 15_000, "bootstrap_timeout_ms": int(ANSWER_SECONDS * 1000)}
        try:
            self.producer = KafkaProducer(**options(address, client), **waiting)
        except KafkaError as fault:
            raise NotNow(
                f"Kafka does not answer: {fault}. Check BOUCLE_KAFKA_BOOTSTRAP, then publish again."
            ) from fault

    def publish(self, records: Iterable[Record], seconds: float = PUBLISH_SECONDS) -> int:
        """Publish records, wait until the cluster has all of them, and return how many.

        Raises Misconfigured for a topic that does not exist, and NotNow when a record could not be written: some
        before it may have been, and publishing all again does no harm, because a repeated event is recognised by its
        source and id.
        """
        promises = []
        try:
            for record in records:
                self.expect(record.topic)
                key, headers = record.key.encode(), list(record.headers)
                promises.append(
                    self.producer.send(record.topic, record.value, key=key, headers=headers, partition=record.partition)
                )
            self.producer.flush(timeout=seconds)
            for promise in promises:
                promise.get(timeout=seconds)
        except KafkaError as fault:
            raise NotNow(f"Kafka did not take every message: {fault}. Publish again; repeats do no harm.") from fault
        return len(promises)

    def expect(self, name: str) -> None:
        """Refuse a topic that does not exist at once; the producer would ask for it until its time is up."""
        if name not in self.known:
            if not describe(self.address, [name]):
                raise Misconfigured([f"Topic {name} is missing: run `boucle topics create`."])
            self.known.add(name)

    def close(self) -> None:
        """Disconnect; what was not acknowledged by then is not known to be written."""
        self.producer.close(timeout=5)


def publish(address: Address, records: Iterable[Record], seconds: float = PUBLISH_SECONDS) -> int:
    """Publish records over a connection of their own; see Publisher.publish."""
    publisher = Publisher(address)
    try:
        return publisher.publish(records, seconds)
    finally:
        publisher.close()
