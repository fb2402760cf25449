"""Kafka's topics from outside Faust: their names, making and checking them, their ids and ends, publishing.

Faust must not make topics itself: it would wait for ever on one that is missing. Nothing here consumes.
"""

from workers.topics.batches import read_by_record
from workers.topics.catalogue import (
    PARTITIONS,
    TOPICS_IN,
    TOPICS_OUT,
    Topic,
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
    topic_names,
)
from workers.topics.cluster import Address, Cluster, Mechanism, credentials, options
from workers.topics.publishing import STRUCTURED, Publisher, Record, TopicOutlet, publish
from workers.topics.reading import Log

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
