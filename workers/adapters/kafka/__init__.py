"""Kafka's topics from outside Faust: their names, making and checking them, their ids and ends, publishing.

Faust must not make topics itself: it would wait for ever on one that is missing. Nothing here consumes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workers.adapters.kafka.connection import Address, Cluster, Mechanism, credentials, options
from workers.adapters.kafka.names import PARTITIONS, TOPICS_IN, TOPICS_OUT, Topic, topic_names

if TYPE_CHECKING:
    from workers.adapters.kafka.offsets import Log
    from workers.adapters.kafka.producer import STRUCTURED, Publisher, Record, TopicOutlet, publish
    from workers.adapters.kafka.record_batches import read_by_record
    from workers.adapters.kafka.topics import (
        admin,
        answers,
        check,
        cluster_id,
        create,
        describe,
        faults_of,
        log_ends,
        log_starts,
        topic_ids,
    )

__all__ = [
    "PARTITIONS",
    "STRUCTURED",
    "TOPICS_IN",
    "TOPICS_OUT",
    "Address",
    "Cluster",
    "Log",
    "Mechanism",
    "Publisher",
    "Record",
    "Topic",
    "TopicOutlet",
    "admin",
    "answers",
    "check",
    "cluster_id",
    "create",
    "credentials",
    "describe",
    "faults_of",
    "log_ends",
    "log_starts",
    "options",
    "publish",
    "read_by_record",
    "topic_ids",
    "topic_names",
]

NEEDS_CLIENT = {
    **dict.fromkeys(("STRUCTURED", "Publisher", "Record", "TopicOutlet", "publish"), "producer"),
    "Log": "offsets",
    "read_by_record": "record_batches",
}
"""Where a name is that needs Kafka's client, which takes long to import; those that are not here are in `topics`."""


def __getattr__(name: str) -> Any:
    """Import what needs Kafka's client when somebody asks for it."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{NEEDS_CLIENT.get(name, 'topics')}"), name)
