"""How a demo starts: from nothing, in a database of its own, with doors that feed it events."""

import asyncio
import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from time import monotonic, sleep
from urllib.parse import urlsplit

from pydantic import SecretStr

from workers import app
from workers.adapters import kafka
from workers.adapters.home import ID_SECRET, Home
from workers.adapters.resources import Data
from workers.demo import own_rules
from workers.demo.shop import ShopEvent
from workers.domain.mail.compose import Brand
from workers.domain.types import Ingress
from workers.errors import Misconfigured, NotNow
from workers.settings import Settings
from workers.store.controls import is_demo
from workers.store.demo.crowd import any_customer
from workers.store.engine import Store
from workers.store.ledger import Incoming
from workers.store.operation.schema import drop_everything, has_customers
from workers.store.positions import count_consumed
from workers.usecases.operation import migrate
from workers.web.http.requests.tour import PRIVACY

SETTLING_SECONDS = 5
DEMO_KEY = "demo-"
"""How the keys of ids begin that demos keep."""
CONTENT_TYPE = "application/cloudevents+json"
PATIENCE_SECONDS = 120.0


def demo_settings(settings: Settings, seed: int) -> Settings:
    """Return the settings of a demo: a short settling time, no caps, topics of its own.

    Raises Misconfigured for a mail server off this machine: the demo writes to made-up addresses.
    """
    if settings.has_smtp:
        host = urlsplit(settings.smtp_url.get_secret_value()).hostname or ""
        if not kafka.connection.is_loopback(host):
            raise Misconfigured(
                [f"The demo writes to made-up addresses: it sends only to this machine, not to {host}."]
            )
    changed: dict[str, object] = {
        "settling_seconds": SETTLING_SECONDS,
        "mail_per_second": 0,
        "mail_per_day": 0,
        "rate_limit": 0,
        "clock": "stored",
        "webhook_url": "",
        "sms_url": SecretStr("file:"),
        "sms_only_to": "",
        "site_keys": SecretStr(f"{own_rules.SITE}:{site_key(seed)}"),
    }
    if settings.overrides is None:
        changed["overrides"] = settings.home / own_rules.FOLDER
    if settings.kafka_bootstrap:
        changed["topic_prefix"] = f"{settings.topic_prefix}demo-{seed}-{int(monotonic() * 1000)}."
    return settings.model_copy(update=changed)


def site_key(seed: int) -> str:
    """Return the key with which the lamp shop's site signs who is there; a secret of nobody's."""
    return hashlib.sha256(f"lamp shop {seed}".encode()).hexdigest()


def demo_brand(settings: Settings) -> Brand:
    """Return the lamp shop; its privacy page is one of the demo's own, so that no link leaves this machine."""
    return replace(Brand.load(Data(settings.overrides)), privacy_url=f"{settings.base_url}{PRIVACY}")


def begin_from_nothing(settings: Settings, seed: int) -> None:
    """Empty the database of an earlier demo; raises Misconfigured when it holds anything else."""
    home = Home(settings.home)
    home.make()
    if settings.overrides == settings.home / own_rules.FOLDER:
        own_rules.write_rules(settings.overrides, Data())
    store = app.Boucle(settings).store
    if is_of_others(store):
        raise Misconfigured([f"{store.address} holds data that is not a demo's: choose another BOUCLE_HOME."])
    keep_id_key(home, seed)
    drop_everything(store)
    migrate.migrate(store)
    for name in ("mailbox", "outbox.jsonl", "sms.jsonl"):
        place = settings.home / name
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def keep_id_key(home: Home, seed: int) -> None:
    """Keep the key of ids that follows from the seed: who is in a share is drawn by it, and a seed gives one year.

    A key that no demo has kept stays, and counts.
    """
    if home.secret(ID_SECRET).startswith(DEMO_KEY):
        (home.path / ID_SECRET).unlink()
    home.keep_secret(ID_SECRET, f"{DEMO_KEY}{hashlib.sha256(f'ids {seed}'.encode()).hexdigest()}")


def is_of_others(store: Store) -> bool:
    """Tell whether a database holds customers that no demo made."""
    if not has_customers(store):
        return False
    with store.reading() as connection:
        return any_customer(connection) and not is_demo(connection)


@dataclass(frozen=True, slots=True)
class EventDoor:
    """By which door the demo's events come in; `take` returns when they are stored."""

    take: Callable[[list[ShopEvent]], None]


@contextmanager
def doors_of(parts: app.Boucle) -> Iterator[EventDoor]:
    """Give the door for events: Kafka with a Faust worker beside it, or the intake itself."""
    cluster = app.kafka_of(parts.settings)
    if cluster is None:
        yield EventDoor(lambda batch: take_in(parts, batch))
        return
    kafka.create(cluster, parts.settings.topic_prefix, parts.settings.replication)
    publisher = kafka.Publisher(cluster, "boucle-demo")
    with closing(publisher), worker(parts) as failed:
        total = 0

        def take(batch: list[ShopEvent]) -> None:
            nonlocal total
            name = f"{parts.settings.topic_prefix}{kafka.Topic.EVENTS}"
            headers = (("content-type", CONTENT_TYPE.encode()),)
            publisher.publish(
                kafka.Record(topic=name, key=message.key, value=message.body, headers=headers) for message in batch
            )
            total += len(batch)
            wait_until_taken(parts, total, failed)

        yield EventDoor(take)


def take_in(parts: app.Boucle, batch: list[ShopEvent]) -> None:
    parts.intake.take([Incoming(message.body, {}, CONTENT_TYPE) for message in batch], Ingress.HTTP)


@contextmanager
def worker(parts: app.Boucle) -> Iterator[list[BaseException]]:
    """Run the stream role in a thread of its own while the demo lasts; gives a list that holds why it failed."""
    from workers import roles

    failed: list[BaseException] = []
    ready = threading.Event()
    handle: dict[str, object] = {}

    async def main() -> None:
        stop = asyncio.Event()
        handle["stop"], handle["loop"] = stop, asyncio.get_running_loop()
        ready.set()
        await roles.stream(parts)(stop)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # handed to the driver, which raises it
            failed.append(error)

    thread = threading.Thread(target=run, name="stream", daemon=True)
    thread.start()
    ready.wait()
    try:
        yield failed
    finally:
        loop, stop = handle["loop"], handle["stop"]
        if isinstance(loop, asyncio.AbstractEventLoop) and isinstance(stop, asyncio.Event) and thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=30)


def wait_until_taken(parts: app.Boucle, total: int, failed: list[BaseException]) -> None:
    """Wait until the consumed positions cover everything that was published.

    Raises what the worker `failed` with, and NotNow when it is not done in time.
    """
    deadline = monotonic() + PATIENCE_SECONDS
    while monotonic() < deadline:
        if failed:
            raise failed[0]
        with parts.store.reading() as connection:
            if count_consumed(connection) >= total:
                return
        sleep(0.02)
    raise NotNow(f"The worker did not take {total} events in within {PATIENCE_SECONDS:.0f} s.")
