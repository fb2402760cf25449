"""The topics of an installation on its broker: making and checking them, their ids and ends."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    AuthorizationError,
    InvalidReplicationFactorError,
    KafkaError,
    SaslAuthenticationFailedError,
    TopicAlreadyExistsError,
    for_code,
)

from workers.adapters.kafka.connection import ANSWER_SECONDS, Address, options, reach
from workers.adapters.kafka.names import PARTITIONS, topic_names
from workers.errors import Misconfigured, NotNow


@contextmanager
def admin(address: Address, seconds: float = ANSWER_SECONDS) -> Iterator[KafkaAdminClient]:
    """Open an admin client; Kafka's faults become NotNow or Misconfigured with what to do."""
    client, settings = None, options(address, "boucle-admin")
    waiting = {"bootstrap_timeout_ms": int(seconds * 1000), "request_timeout_ms": int(seconds * 1000)}
    reach(settings["bootstrap_servers"], seconds)
    try:
        client = KafkaAdminClient(**settings, **waiting)
        yield client
    except (SaslAuthenticationFailedError, AuthorizationError) as fault:
        raise Misconfigured([f"Kafka refuses this user: {fault}. Correct it or ask for the right."]) from fault
    except KafkaError as fault:
        where = ", ".join(settings["bootstrap_servers"])
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
        with suppress(KafkaError):  # they exist by now; this waits until their leaders have taken office
            client.list_partition_offsets(ends_of(client, missing, OffsetSpec.LATEST))
    return made


def check(address: Address, prefix: str = "") -> list[str]:
    """Return what is wrong with the topics, each with what to do; an empty list means all is well.

    Never raises for a cluster that is away or refuses: that is a fault like the others.
    """
    try:
        return faults_of(address, prefix)
    except (NotNow, Misconfigured) as fault:
        return [str(fault)]


def faults_of(address: Address, prefix: str = "") -> list[str]:
    """Return the same; raises NotNow for a cluster that is away and Misconfigured for one that refuses."""
    described = describe(address, topic_names(prefix))
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
        existing = set(client.list_topics())
        rows = (
            client.describe_topics([name for name in names if name in existing]) if existing.intersection(names) else []
        )
    return {
        str(row["name"]): {int(part["partition_index"]): int(part["leader_id"]) for part in row["partitions"]}
        for row in rows
    }


def topic_ids(address: Address, names: Sequence[str]) -> dict[str, str]:
    """Return the cluster's own id of each topic that exists; a topic that was made again has another one."""
    with admin(address) as client:
        existing = set(client.list_topics())
        wanted = [name for name in names if name in existing]
        return {str(row["name"]): str(row["topic_id"]) for row in client.describe_topics(wanted)} if wanted else {}


def cluster_id(address: Address) -> str:
    """Ask for the id that the cluster got when it was made; another cluster at the same address has another one."""
    with admin(address) as client:
        return str(client.describe_cluster()["cluster_id"])


def answers(address: Address, seconds: float) -> None:
    """See that the cluster answers a question within some seconds; raises NotNow or Misconfigured."""
    with admin(address, seconds) as client:
        client.describe_cluster()


def log_ends(address: Address, names: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return for each (topic, partition) the offset that the next message will get; topics must exist."""
    return offsets(address, names, OffsetSpec.LATEST)


def log_starts(address: Address, names: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return for each (topic, partition) the first offset that is still kept; topics must exist."""
    return offsets(address, names, OffsetSpec.EARLIEST)


def offsets(address: Address, names: Sequence[str], which: OffsetSpec) -> dict[tuple[str, int], int]:
    """Ask for the earliest or the latest offset of every partition, by topic and partition."""
    if not names:
        return {}
    with admin(address) as client:
        offset_of = client.list_partition_offsets(ends_of(client, names, which))
    return {(place.topic, place.partition): int(value.offset) for place, value in offset_of.items()}


def ends_of(client: KafkaAdminClient, names: Sequence[str], which: OffsetSpec) -> dict[TopicPartition, OffsetSpec]:
    """Ask for one kind of offset of every partition of the topics."""
    return {
        TopicPartition(row["name"], part["partition_index"]): which
        for row in client.describe_topics(list(names))
        for part in row["partitions"]
    }
