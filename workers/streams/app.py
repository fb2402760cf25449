"""The Faust app: it consumes and does nothing else. Each topic has its processor in a file of its own beside this one.

No Faust tables, no Faust web server, no exactly_once: the store is the memory, and knows by its key what was taken in.
"""

import faust
from aiokafka.errors import KafkaConnectionError

from workers.errors import NotNow
from workers.settings import Settings
from workers.streams.fetches import AHEAD_FETCHES, hand_on_fetches

GROUP = "boucle"
HEARTBEATS_A_SESSION = 6
NEVER_FULL = 4
"""Faust's own buffers count events, here fetches of one record to a whole batch, and one that is full would hold every
topic up. What is read ahead is bound by fetches.py, so they are too large to be ever reached."""
METADATA_SECONDS = 10
"""How old what a consumer knows of its topics may be; with the libraries' five minutes, partitions that were added and
a topic that was made again stayed unread for as long."""


def group_of(settings: Settings) -> str:
    return f"{settings.topic_prefix}{GROUP}"


def make_app(settings: Settings, credentials: object = None) -> faust.App:
    """Return a Faust app that only consumes: no tables, no web server, no topics of its own."""
    servers = ";".join(f"kafka://{broker.strip()}" for broker in settings.kafka_bootstrap.split(","))
    app = faust.App(
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
        stream_buffer_maxsize=NEVER_FULL * AHEAD_FETCHES * settings.batch_size,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=0.5,
        broker_max_poll_records=settings.batch_size,
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.session_seconds / HEARTBEATS_A_SESSION,
        broker_rebalance_timeout=settings.session_seconds,
        stream_wait_empty=False,
        consumer_metadata_max_age_ms=METADATA_SECONDS * 1000,
        processing_guarantee="at_least_once",
    )
    hand_on_fetches(app)
    return app


async def start_app(app: faust.App) -> None:
    """Start the app; raises NotNow when the broker has gone since it was asked for its topics."""
    try:
        await app.start()
    except KafkaConnectionError as error:
        raise NotNow(f"Kafka went away while the stream began: {error}. Start it again.") from error
