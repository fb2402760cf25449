"""Roles: what runs for long: the sender's loop, the web server, the Faust app; each until it is told to stop.

The process that runs them owns the event loop and the signals. A role that crashes ends its process, so that a
supervisor starts it again; a database or broker that is away is waited for.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from workers.adapters import kafka as topics
from workers.app import Boucle, kafka_of, topic_names
from workers.errors import Misconfigured, Never, NotNow
from workers.process import stop_signal
from workers.process.farewell import close_all
from workers.process.rounds import attempt, repeat, wait_or_stop
from workers.process.startup_heap import freeze_startup_heap
from workers.process.watchdog import keep_beating, start_watching
from workers.settings import Settings
from workers.settings.checks import bind_of
from workers.store.delivery import mail_servers
from workers.usecases.bounces.collection import Collector
from workers.usecases.operation.backlog import Backlog, count_waiting
from workers.usecases.operation.consumer_audit import ConsumerAudit
from workers.usecases.operation.outage_watch import Observing
from workers.usecases.operation.recount import fold_counts, recount_report
from workers.web.http.requests.tour import Tour

if TYPE_CHECKING:  # what one role alone needs, it imports when it is made: Faust takes half a second
    from workers.web.http.requests.context import Web

log = logging.getLogger(__name__)
Role = Callable[[asyncio.Event], Awaitable[None]]
ROUND_SECONDS = 5.0
"""After so long a round ends between two transactions, so that a stop is obeyed however much is due."""
THREADS = 32
"""Every loop's and every page's work has one at once: a duty whose thread hangs takes none from the others."""
LONGEST_WAIT_SECONDS = 10.0
BY = "boucle"
"""Who did what a role does by itself, in the audit."""
LOOK_AT_THE_DAY_SECONDS = 60.0
LOOK_AT_RULES_SECONDS = 2.0
"""How often edits of the rules are looked for; while there are none it costs some file times and one short query."""
STALL_SECONDS = 180.0
OBSERVE_SECONDS = 5.0
KAFKA_ANSWERS_SECONDS = 4.0


async def run_roles(roles: Sequence[Role], stall_seconds: float = STALL_SECONDS) -> None:
    """Run roles side by side until SIGTERM or SIGINT; the first that fails ends all and raises.

    The process ends within the grace of `stop_signal` whatever a role is doing, and by itself when one stands still.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="role"))
    stop_request = stop_signal.listen()
    stop_request.hand_over(lambda: loop.call_soon_threadsafe(stop.set))
    start_watching(stall_seconds)
    beating = asyncio.ensure_future(keep_beating(stall_seconds))
    tasks = [asyncio.ensure_future(role(stop)) for role in roles]
    ending = asyncio.ensure_future(stop.wait())
    await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        stop_request.end_within_grace(1)  # whatever the others are in the middle of
    for failed in [task.exception() for task in tasks if task.done() and not task.cancelled()]:
        if failed is not None:
            log.critical("a role ended: %s", failed, extra={"action": "role.failed"})
    stop.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    beating.cancel()
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


def sender(parts: Boucle) -> Role:
    """Return the role that wakes what is due, hands over what is ready, relays the outbox, and looks letters through.

    Each duty has a loop of its own, because none may wait for another: with a mail server that takes ten minutes over
    a mail, an unhappy customer's ticket is there within seconds, and so is its webhook and its message to Kafka.
    """

    async def run(stop: asyncio.Event) -> None:
        dispatching, relaying, letters = parts.outgoing.delivery(), parts.outgoing.outbox_relay(), parts.letter_search()
        texting = parts.texting()
        tick, scheduler, guard = parts.settings.tick_seconds, parts.scheduler, parts.clock_guard
        freeze_startup_heap()

        def wake() -> int:
            guard.look()  # what it finds is a control, which everything that asks or gives up reads
            return scheduler.wake_all(ROUND_SECONDS)

        duties = (
            repeat(stop, tick, "wake", lambda: asyncio.to_thread(wake)),
            repeat(stop, tick, "dispatch", lambda: dispatching.send_mails(stop)),
            repeat(stop, tick, "webhooks", lambda: dispatching.send_webhooks(stop)),
            *([repeat(stop, tick, "sms", lambda: texting.send_all(stop))] if texting else []),
            repeat(stop, tick, "relay", lambda: asyncio.to_thread(relaying.relay_all, ROUND_SECONDS)),
            repeat(stop, tick, "letters", lambda: asyncio.to_thread(letters.search_all, ROUND_SECONDS)),
        )
        try:
            await asyncio.gather(*duties)
        finally:
            texts = [texting.close()] if texting else []
            await close_all(dispatching.close(), asyncio.to_thread(relaying.close), *texts)

    return run


def returns(parts: Boucle) -> Role:
    """Return the role that reads mails that came back, where BOUCLE_BOUNCES says; in a loop that nothing waits for."""
    place = parts.outgoing.returned_mail()

    async def run(stop: asyncio.Event) -> None:
        if place is None:
            await stop.wait()
            return
        collector = Collector(place, parts.outgoing.bounce_intake())
        while not stop.is_set():
            await attempt(lambda: asyncio.to_thread(collector.collect, BY, lambda: not stop.is_set()), "bounces")
            await wait_or_stop(stop, parts.settings.bounces_seconds)

    return run


def keeper(parts: Boucle) -> Role:
    """Return the role that runs retention once a day of business time, sends the digests of a week and adds counts up;
    nothing waits for it."""

    async def run(stop: asyncio.Event) -> None:
        retention, guard, digests = parts.retention(), parts.clock_guard, parts.digests()

        def keep() -> int:
            return retention.run_if_due(BY) if guard.look() else 0

        def send_digests() -> int:
            return digests.send_due() if guard.look() else 0

        while not stop.is_set():
            await attempt(lambda: asyncio.to_thread(keep), "retention")
            await attempt(lambda: asyncio.to_thread(send_digests), "digest")
            await attempt(lambda: asyncio.to_thread(fold_counts, parts.store), "counts")
            await attempt(lambda: asyncio.to_thread(recount_report, parts.store), "report's cells")
            await wait_or_stop(stop, LOOK_AT_THE_DAY_SECONDS)

    return run


def sending_roles(parts: Boucle) -> list[Role]:
    """Return what the role `send` does, each in a loop of its own."""
    return [sender(parts), returns(parts), keeper(parts)]


def rules(parts: Boucle) -> Role:
    """Return the role that takes over edits of the rules, so that nothing must be started again for them."""

    async def look() -> int:
        return int(await asyncio.to_thread(parts.look_at_rules))

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await attempt(look, "rules")
            await wait_or_stop(stop, LOOK_AT_RULES_SECONDS)

    return run


def observer(parts: Boucle) -> Role:
    """Return the role that says what is away: one line when that changes, and a row that `boucle status` reads."""
    cluster = kafka_of(parts.settings)
    kafka = partial(topics.answers, cluster, KAFKA_ANSWERS_SECONDS) if cluster else None
    observing = Observing(parts.store, f"{socket.gethostname()}/{os.getpid()}", kafka)

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await attempt(lambda: asyncio.to_thread(observing.look), "observe")
            await wait_or_stop(stop, OBSERVE_SECONDS)

    return run


def web(parts: Boucle, tour: Tour | None = None) -> Role:
    """Return the role that serves pages and the HTTP doors; a demo's have a `tour`."""
    from workers.web.app import create_app, create_monitor
    from workers.web.server import serve_all

    settings = parts.settings
    served_by = web_of(parts, tour)
    app = create_app(served_by)

    monitor = create_monitor(app)
    served = {settings.http_bind: app, **({settings.monitor_bind: monitor} if monitor else {})}

    async def run(stop: asyncio.Event) -> None:
        try:
            await serve_all(served, settings.http_connections, stop)
        finally:
            if served_by.text_carrier is not None:
                await close_all(served_by.text_carrier.close())

    return run


def address_of(bind: str) -> tuple[str, int]:
    """Return host and port of BOUCLE_HTTP_BIND; raises Misconfigured."""
    address = bind_of(bind)
    if address is None:
        raise Misconfigured([f"BOUCLE_HTTP_BIND={bind} is not HOST:PORT, such as 127.0.0.1:8080."])
    return address


def see_that_ports_are_free(settings: Settings) -> None:
    """Raise Misconfigured, with every fault, when the web servers could not listen; asked before any work is done."""
    named = {"BOUCLE_HTTP_BIND": settings.http_bind, "BOUCLE_MONITOR_BIND": settings.monitor_bind}
    faults = [port_fault(variable, bind) for variable, bind in named.items() if bind]
    if any(faults):
        raise Misconfigured([fault for fault in faults if fault])


def port_fault(variable: str, bind: str) -> str:
    """Return why no server could listen there, or nothing."""
    host, port = address_of(bind)
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the web server does
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        why = {
            errno.EADDRINUSE: "another program listens there",
            errno.EACCES: "this account may not use that port (below 1024)",
            errno.EADDRNOTAVAIL: "this machine has no such address",
        }.get(error.errno or 0, "this machine does not know that name")
        return f"{variable}={bind}: {why}. Set another address or port, such as 127.0.0.1:{port % 60000 + 1}."
    return ""


def web_of(parts: Boucle, tour: Tour | None = None) -> "Web":
    """Return what the pages and the HTTP doors work with."""
    from workers.web.http.requests.context import Web

    return Web(
        settings=parts.settings,
        store=parts.store,
        policy=parts.policies.current,
        now=parts.now,
        customer_actions=parts.customer_actions,
        web_questions=parts.web_questions,
        place_answers=parts.place_answers,
        claims=parts.claims,
        given_answers=parts.given_answers,
        anonymous_questions=parts.anonymous_questions,
        text_inbox=parts.text_inbox,
        text_door=parts.outgoing.text_door,
        text_carrier=parts.outgoing.text_carrier(),
        testimonials=parts.testimonials,
        ticket_actions=parts.ticket_actions,
        intake=parts.intake,
        codec=parts.files.codec,
        templates=parts.files.templates,
        links=parts.links,
        ids=parts.ids,
        mailbox=parts.outgoing.mailbox,
        data=parts.files.data,
        sending=parts.sending,
        rules=parts.rules,
        refused=parts.policies.refused,
        tour=tour,
        checks=checks_of(parts),
        backlog=backlog_of(parts),
    )


def backlog_of(parts: Boucle) -> Backlog | None:
    """Return what counts the records that wait in the broker, where there is one."""
    cluster, settings = kafka_of(parts.settings), parts.settings
    if cluster is None:
        return None
    from workers.streams import group_of

    names = topic_names(settings, topics.TOPICS_IN)
    return partial(count_waiting, parts.store, topics.Log(cluster, names, group_of(settings)))


def checks_of(parts: Boucle) -> dict[str, Callable[[], str]]:
    """Return what /readyz asks beside the database: the broker and the mail server, where there are any.

    Of the mail server it says what the senders found; it is not asked once more.
    """
    cluster, prefix = kafka_of(parts.settings), parts.settings.topic_prefix
    checks: dict[str, Callable[[], str]] = {}

    def kafka() -> str:
        faults = topics.check(cluster, prefix) if cluster else []
        if faults:
            raise Misconfigured(faults)
        return "answers, and every topic is there"

    def mail() -> str:
        with parts.store.reading() as connection:
            failing = mail_servers.failing(connection)
        if failing:
            raise NotNow("; ".join(server.sentence for server in failing))
        return "takes mails, as far as senders know"

    if cluster is not None:
        checks["kafka"] = kafka
    if parts.settings.has_smtp:
        checks["mail"] = mail
    return checks


def log_of(cluster: topics.Cluster, settings: Settings) -> topics.Log:
    """Return the logs that the stream reads; from now on this process reads every record by itself (batches.py)."""
    from workers.streams import group_of

    topics.read_by_record(settings.max_event_bytes)
    return topics.Log(cluster, topic_names(settings, topics.TOPICS_IN), group_of(settings))


def stream(parts: Boucle) -> Role:
    """Return the role that takes events from Kafka; raises Misconfigured when a topic is missing."""
    cluster, settings = kafka_of(parts.settings), parts.settings
    if cluster is None:
        raise Misconfigured(["The stream role needs BOUCLE_KAFKA_BOOTSTRAP."])
    from workers.streams import PROCESSORS, WRITERS, Batching, Positions, make_app, start_app
    from workers.streams.guards import StreamGuards

    log_of_topics = log_of(cluster, settings)

    async def run(stop: asyncio.Event) -> None:
        """Run until told to stop: 1. the broker is there, 2. holes are closed, 3. Faust consumes, with two guards."""
        await reach(cluster, settings.topic_prefix, stop)
        if stop.is_set():
            return
        ids = await asyncio.to_thread(log_of_topics.topic_ids)
        positions = Positions(await asyncio.to_thread(log_of_topics.cluster), ids)
        auditing = ConsumerAudit(parts.store, parts.intake, log_of_topics)
        guards = StreamGuards(parts.store, auditing, log_of_topics, positions, settings)
        await attempt(guards.audit, "audit")
        app = make_app(settings, topics.credentials(cluster))
        batching = Batching(settings.batch_size, settings.batch_wait, writers=1 if parts.store.sqlite else WRITERS)
        for add_processor in PROCESSORS:
            add_processor(app, settings.topic_prefix, parts.intake, positions, batching)
        app.on_partitions_assigned.connect(lambda *_, **__: guards.changed.set(), weak=False)
        freeze_startup_heap()
        await start_app(app)
        guarding = [asyncio.ensure_future(guard) for guard in (guards.audit_now_and_then(), guards.watch(app))]
        ended = asyncio.ensure_future(app.wait_until_stopped())
        ending = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([ended, ending], return_when=asyncio.FIRST_COMPLETED)
            crashed = not stop.is_set()
        finally:
            for guard in guarding:
                guard.cancel()
            await app.stop()
        if crashed:
            raise Never("The Faust app stopped by itself; the log above says why.")

    return run


async def reach(cluster: topics.Cluster, prefix: str, stop: asyncio.Event) -> None:
    """Wait for the broker, then see that every topic is there; raises Misconfigured naming those that are missing."""
    pause = 1.0
    while not stop.is_set():
        try:
            faults = await asyncio.to_thread(topics.faults_of, cluster, prefix)
        except NotNow as error:
            log.debug("%s", error, extra={"action": "stream.wait"})  # told once, by the observer
            await wait_or_stop(stop, pause)
            pause = min(LONGEST_WAIT_SECONDS, pause * 2)
        else:
            if faults:
                raise Misconfigured(faults)
            return
