"""Roles: what runs for long: the sender's loop, the web server, the Faust app; each until it is told to stop.

The process that runs them owns the event loop and the signals. A role that crashes ends its process, so that a
supervisor starts it again; a database or broker that is away is waited for.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence

from workers import topics
from workers.stream import Positions, add_agent, make_app
from workers.wiring import Boucle, kafka_of, topic_names
from workers.words import Misconfigured, Never, NotNow

log = logging.getLogger(__name__)
Role = Callable[[asyncio.Event], Awaitable[None]]
LONGEST_WAIT_SECONDS = 30.0


async def run_roles(roles: Sequence[Role]) -> None:
    """Run roles side by side until SIGTERM or SIGINT; the first that fails ends all and raises."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    tasks = [asyncio.ensure_future(role(stop)) for role in roles]
    ending = asyncio.ensure_future(stop.wait())
    await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


def sender(parts: Boucle) -> Role:
    """Return the role that wakes what is due, hands over what is ready and relays the outbox."""

    async def run(stop: asyncio.Event) -> None:
        dispatching, relaying = parts.dispatching(), parts.relaying()
        while not stop.is_set():
            await attempt(lambda: asyncio.to_thread(parts.waking.wake_all), "wake")
            await attempt(dispatching.send_all, "dispatch")
            await attempt(lambda: asyncio.to_thread(relaying.relay_all), "relay")
            await wait_or_stop(stop, parts.settings.tick_seconds)

    return run


async def attempt(work: Callable[[], Awaitable[int]], action: str) -> None:
    """Do one round of work; a part that is away is waited for, any other failure is recorded and tried again."""
    try:
        await work()
    except NotNow as error:
        log.warning("%s", error, extra={"action": f"{action}.wait"})
    except Exception:  # the sender's edge: one broken row must not stop the rest
        log.exception("round failed; it is tried again", extra={"action": f"{action}.failed"})


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> None:
    """Wait some seconds, or less when told to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def web(parts: Boucle) -> Role:
    """Return the role that serves pages and the HTTP doors."""
    import uvicorn

    from workers.web.app import create_app
    from workers.web.context import Web

    host, _, port = parts.settings.http_bind.rpartition(":")
    context = Web(
        settings=parts.settings,
        store=parts.store,
        policy=parts.policies.current,
        now=parts.now,
        serving=parts.serving,
        intake=parts.intake,
        codec=parts.codec,
        templates=parts.templates,
        links=parts.links,
        mailbox=parts.mailbox,
        data=parts.data,
        sending=parts.sending,
    )
    config = uvicorn.Config(
        create_app(context),
        host=host or "127.0.0.1",
        port=int(port),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=3,
    )

    async def run(stop: asyncio.Event) -> None:
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # the process owns the signals
        serving = asyncio.ensure_future(server._serve())
        ending = asyncio.ensure_future(stop.wait())
        await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        if not stop.is_set():
            raise Never(f"The web server stopped by itself; is {parts.settings.http_bind} in use?")

    return run


def stream(parts: Boucle) -> Role:
    """Return the role that takes events from Kafka; raises Misconfigured when a topic is missing."""
    cluster = kafka_of(parts.settings)
    if cluster is None:
        raise Misconfigured(["The stream role needs BOUCLE_KAFKA_BOOTSTRAP."])

    async def run(stop: asyncio.Event) -> None:
        names = topic_names(parts.settings, topics.TOPICS_IN)
        await reach(cluster, parts.settings.topic_prefix, stop)
        if stop.is_set():
            return
        ids = await asyncio.to_thread(topics.topic_ids, cluster, names)
        positions = Positions(await asyncio.to_thread(topics.cluster_id, cluster), lambda name: ids.get(name, name))
        app = make_app(parts.settings, topics.credentials(cluster))
        settings = parts.settings
        add_agent(app, names, parts.intake, positions, batch_size=settings.batch_size, batch_wait=settings.batch_wait)
        await app.start()
        ended = asyncio.ensure_future(app.wait_until_stopped())
        ending = asyncio.ensure_future(stop.wait())
        await asyncio.wait([ended, ending], return_when=asyncio.FIRST_COMPLETED)
        crashed = not stop.is_set()
        await app.stop()
        if crashed:
            raise Never("The Faust app stopped by itself; the log above says why.")

    return run


async def reach(cluster: topics.Cluster, prefix: str, stop: asyncio.Event) -> None:
    """Wait for the broker, then see that every topic is there; raises Misconfigured naming those that are missing."""
    pause = 1.0
    while not stop.is_set():
        try:
            faults = await asyncio.to_thread(topics.check, cluster, prefix)
        except NotNow as error:
            log.warning("%s", error, extra={"action": "stream.wait"})
            await wait_or_stop(stop, pause)
            pause = min(LONGEST_WAIT_SECONDS, pause * 2)
        else:
            if faults:
                raise Misconfigured(faults)
            return
