"""The Faust app: it consumes and does nothing else. Each topic has its processor in a file of its own beside this one.

No Faust tables, no Faust web server, no exactly_once: the store is the memory, and knows by its key what was taken in.
"""

import gc

import faust
from aiokafka.errors import KafkaConnectionError

from workers.errors import NotNow
from workers.settings import Settings

GROUP = "boucle"
BUFFER = 5120
"""Events of one topic that are kept in memory. Half of it costs a fifth of the intake's rate, a fifth of it four tenths
(bench/): what is fetched at once, and so a batch, gets smaller with it."""
POLLED = BUFFER // 5 - 1
"""Events fetched at once. Faust stops fetching a topic whose buffer is four fifths full: what is underway must find
room in the last fifth, or a topic that waits would hold the others up."""
HEARTBEATS_A_SESSION = 6
METADATA_SECONDS = 10
"""How old what a consumer knows of its topics may be; with the libraries' five minutes, partitions that were added and
a topic that was made again stayed unread for as long."""


def group_of(settings: Settings) -> str:
    """Return the name of the consumer group of this installation."""
    return f"{settings.topic_prefix}{GROUP}"


def make_app(settings: Settings, credentials: object = None) -> faust.App:
    """Return a Faust app that only consumes: no tables, no web server, no topics of its own."""
    servers = ";".join(f"kafka://{one.strip()}" for one in settings.kafka_bootstrap.split(","))
    return faust.App(
        group_of(settings),
        broker=servers,
        broker_credentials=credentials,
        store="memory://",
        datadir=str(settings.home / "faust"),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=1,
        key_serializer="raw",
        value_serializer="raw",
        stream_buffer_maxsize=BUFFER,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=0.5,
        broker_max_poll_records=POLLED,
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.session_seconds / HEARTBEATS_A_SESSION,
        broker_rebalance_timeout=settings.session_seconds,
        stream_wait_empty=False,
        consumer_metadata_max_age_ms=METADATA_SECONDS * 1000,
        processing_guarantee="at_least_once",
    )


async def start_app(app: faust.App) -> None:
    """Start the app; raises NotNow when the broker has gone since it was asked for its topics."""
    try:
        await app.start()
    except KafkaConnectionError as error:
        raise NotNow(f"Kafka went away while the stream began: {error}. Start it again.") from error


def freeze_startup_heap() -> None:
    """Leave what a started process holds for good out of garbage collection, and collect less often.

    A batch makes some ten thousand objects that die with it, and each full collection went through templates, tables
    and statements again: a tenth of the intake's time (bench/).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
