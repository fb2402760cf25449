"""GET /metrics: what an operator watches, in Prometheus' text format, counted in SQL when it is asked for.

Counts only: no customer, no comment, no address. Every role counts the same rows, so scrape one of them.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.accesslog import Access, AccessLog
from workers.controls import sending_now
from workers.counting import STATUS_GROUPS, due_work
from workers.dispatching import webhooks
from workers.outages import MAIL, PARTS, Outage
from workers.store import accounts, api_keys, mail_servers, overview, rulelive, tables, told_outages
from workers.store.returned_mails import counted_returned
from workers.store.webhook_targets import list_targets
from workers.web.context import Web, web_of
from workers.web.monitor import for_monitors
from workers.web.threads import run_in_threadpool
from workers.words import NotNow, TicketState

OUTCOMES = ("accepted", "duplicates", "dead_letters")


class Figures(Collector):
    """Counts at each scrape."""

    def __init__(self, web: Web) -> None:
        self._web = web

    def collect(self) -> Iterator[Metric]:
        """Give every metric; while the database is away only how long what is away has been so."""
        try:
            counted, told = list(self._counted()), self._told()
        except NotNow:
            counted, told = [], []
        yield away_seconds([*told, *self._web.store.outages.current()])
        yield from counted

    def _told(self) -> list[Outage]:
        """Return what any role finds away, and the mail server that takes nothing."""
        with self._web.store.reading() as connection:
            away = told_outages.list_away(connection)
            servers = mail_servers.failing(connection)
        lost = self._web.now() - datetime.now(UTC)  # its instants are business time
        return away + [Outage(MAIL, one.failing_since - lost, one.reason) for one in servers if one.failing_since]

    def _counted(self) -> Iterator[Metric]:
        now = self._web.now()
        with self._web.store.reading() as connection:
            yield received(connection)
            yield key_requests(connection)
            yield returned(connection)
            for group in STATUS_GROUPS:
                yield by_state(connection, group)
            yield from waiting(connection, now)
            state = sending_now(connection, self._web.sending).state
            refused = float(len(rulelive.refusals(connection)))
            yield gauge(
                "boucle_rules_refused", "Edits of the rules that were refused; what was in use goes on", refused
            )
            yield gauge(
                "boucle_webhooks_paused",
                "Receivers of webhooks that are left alone for a while, or that want no more",
                float(
                    sum(webhooks.describe(one, now)["state"] in ("paused", "gone") for one in list_targets(connection))
                ),
            )
            yield from accesses(connection)
            yield gauge("boucle_sending_held", "1 while mails are held or paused, else 0", float(state != "on"))


def away_seconds(outages: Iterable[Outage]) -> Metric:
    """Return for how long each part has been away, 0 for those that are not."""
    found = GaugeMetricFamily("boucle_part_away_seconds", "For how long a part has been away", labels=["part"])
    now = datetime.now(UTC)
    seconds = dict.fromkeys(PARTS, 0.0)
    for one in outages:
        seconds[one.part] = max(seconds.get(one.part, 0.0), (now - one.since).total_seconds())
    for part, value in seconds.items():
        found.add_metric([part], value)
    return found


def received(connection: Connection) -> Metric:
    """Return the events that came in, by door and outcome."""
    found = CounterMetricFamily("boucle_events", "Events that came in, by door and outcome", labels=["door", "outcome"])
    columns = tables.received.c
    sums = [sa.func.sum(columns[outcome]) for outcome in OUTCOMES]
    for door, *counted in connection.execute(sa.select(columns.door, *sums).group_by(columns.door)):
        for outcome, n in zip(OUTCOMES, counted, strict=True):
            found.add_metric([door, outcome], float(n or 0))
    return found


def returned(connection: Connection) -> Metric:
    """Return the mails that came back, by what they said; each counts once."""
    found = CounterMetricFamily("boucle_bounces", "Mails that came back, by what they said", labels=["kind"])
    for kind, n in counted_returned(connection).items():
        found.add_metric([kind], float(n))
    return found


def key_requests(connection: Connection) -> Metric:
    """Return the requests to the event door, by how they stand with their key."""
    found = CounterMetricFamily(
        "boucle_key_requests", "Requests to /v1/events, by outcome of their key", labels=["outcome"]
    )
    for outcome, n in api_keys.counted_requests(connection).items():
        found.add_metric([outcome], n)
    return found


def by_state(connection: Connection, group: str) -> Metric:
    """Return the rows of one group by state."""
    found = GaugeMetricFamily(f"boucle_{group}", f"{group.replace('_', ' ').capitalize()} by state", labels=["state"])
    for state, n in overview.by_state(connection, group).items():
        found.add_metric([state], n)
    return found


def waiting(connection: Connection, now: datetime) -> Iterator[Metric]:
    """Give what is due and not done, since when, and what people still owe customers."""
    due, oldest = due_work(connection, now)
    found = GaugeMetricFamily("boucle_due", "Work that is due and not done, by kind", labels=["kind"])
    for kind, n in due.items():
        found.add_metric([kind], n)
    yield found
    since = (now - datetime.fromisoformat(oldest["at"])).total_seconds() if oldest else 0.0
    yield gauge("boucle_oldest_due_seconds", "For how long the oldest due work has been due", max(0.0, since))
    yield gauge("boucle_outbox", "Messages that wait to be published", float(due["outbox"]))
    open_tickets = overview.count(connection, tables.ticket, tables.ticket.c.state != TicketState.DONE)
    yield gauge("boucle_tickets_open", "Tickets that are not done", float(open_tickets))


def accesses(connection: Connection) -> Iterator[Metric]:
    """Give how often somebody was let in or refused."""
    found = {
        Access.SIGN_IN: CounterMetricFamily("boucle_sign_ins", "Sign-ins, by how they ended", labels=["outcome"]),
        Access.ACT: CounterMetricFamily("boucle_refused_acts", "Pages and acts refused, by why", labels=["outcome"]),
    }
    for (what, outcome), n in accounts.access_counts(connection).items():
        found[Access(what)].add_metric([outcome], float(n))
    yield from found.values()


def gauge(name: str, help: str, value: float) -> Metric:
    """Return a metric of one value."""
    return GaugeMetricFamily(name, help, value=value)


async def show(request: Request) -> Response:
    """Answer the metrics of this moment."""

    access_log: AccessLog = request.app.state.access_log

    def written() -> bytes:
        with suppress(NotNow):  # counted with the next scrape
            request.app.state.key_use.write_counts()
            access_log.flush()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Figures(web_of(request)))
        return generate_latest(registry)

    return Response(await run_in_threadpool(written), headers={"Content-Type": CONTENT_TYPE_LATEST})


routes = [Route("/metrics", for_monitors(show), methods=["GET"])]
