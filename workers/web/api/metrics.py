"""GET /metrics: what an operator watches, in Prometheus' text format, counted in SQL when it is asked for.

Counts only: no customer, no comment, no address. Every role counts the same rows, so scrape one of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.domain.policy import Policy
from workers.domain.types import TicketState
from workers.errors import NotNow
from workers.process.outages import MAIL, PARTS, Outage
from workers.store.connection import Connection
from workers.store.counts import books
from workers.store.delivery import mail_servers, told_outages
from workers.store.delivery.outbox import outbox_age
from workers.store.delivery.returned_mails import counted_returned
from workers.store.delivery.sent_mails import count_sent
from workers.store.delivery.webhook_targets import list_targets
from workers.store.operation.received import received_by_door
from workers.store.sign_in import accounts, api_keys
from workers.usecases.delivery import support_pacing, webhook_retries
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation.backlog import Place
from workers.usecases.operation.status import STATUS_GROUPS, due_work
from workers.usecases.rules.summary import count_refused
from workers.usecases.sign_in.access_log import Access, AccessLog
from workers.usecases.ticket_inbox import count_overdue
from workers.web.api.monitor import for_monitors
from workers.web.api.scraping import Kept, Lag
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.threads import run_in_threadpool


class Figures(Collector):
    """The collector of one scrape; `kept` holds counts that cost a walk through a table, `lag` what the broker said."""

    def __init__(self, web: Web, kept: "Kept[list[Metric]]", lag: Mapping[Place, int]) -> None:
        self._web = web
        self._kept = kept
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        """Give every metric; while the database is away only how long what is away has been so."""
        try:
            counted, outages = list(self._counted()), self._outages()
        except NotNow:
            counted, outages = [], []
        yield away_seconds([*outages, *self._web.store.outages.current()])
        yield consumer_lag(self._lag)
        yield from counted

    def _outages(self) -> list[Outage]:
        """Return what any role finds away, and the mail server that takes nothing."""
        with self._web.store.reading() as connection:
            away = told_outages.list_away(connection)
            servers = mail_servers.failing(connection)
        lost = self._web.now() - datetime.now(UTC)  # its instants are business time
        return away + [
            Outage(MAIL, server.failing_since - lost, server.reason) for server in servers if server.failing_since
        ]

    def _counted(self) -> Iterator[Metric]:
        now = self._web.now()
        with self._web.store.reading() as connection:
            yield from self._kept.get(lambda: list(counted_through(connection, self._web.policy(), now)))
            yield key_requests(connection)
            yield returned(connection)
            states = books.states(connection)
            for group in STATUS_GROUPS:
                yield by_state(group, states[group])
            yield from waiting(connection, now, self._web.policy(), states["tickets"])
            yield mails_sent(connection)
            state = sending_now(connection, self._web.sending).state
            refused = float(count_refused(connection))
            yield gauge(
                "boucle_rules_refused", "Edits of the rules that were refused; what was in use goes on", refused
            )
            yield gauge(
                "boucle_webhooks_paused",
                "Receivers of webhooks that are left alone for a while, or that want no more",
                float(
                    sum(
                        webhook_retries.describe(target, now)["state"] in ("paused", "gone")
                        for target in list_targets(connection)
                    )
                ),
            )
            yield from accesses(connection)
            yield gauge("boucle_sending_held", "1 while mails are held or paused, else 0", float(state != "on"))


def pacing(support: Mapping[str, object]) -> Iterator[Metric]:
    """Give how many questions wait for support, and how many it has room for; of no pacing, no sample of the latter."""
    yield gauge(
        "boucle_questions_waiting_for_support",
        "Questions that are due and wait until support can call",
        float(str(support["waiting"])),
    )
    room = GaugeMetricFamily("boucle_support_room", "More questions to whose answers support has room")
    if "questions" in support:
        room.add_metric([], float(str(support["questions"])))
    yield room


def away_seconds(outages: Iterable[Outage]) -> Metric:
    """Return for how long each part has been away, 0 for those that are not."""
    family = GaugeMetricFamily("boucle_part_away_seconds", "For how long a part has been away", labels=["part"])
    now = datetime.now(UTC)
    seconds = dict.fromkeys(PARTS, 0.0)
    for outage in outages:
        seconds[outage.part] = max(seconds.get(outage.part, 0.0), (now - outage.since).total_seconds())
    for part, value in seconds.items():
        family.add_metric([part], value)
    return family


def consumer_lag(lag: Mapping[Place, int]) -> Metric:
    """Return the records that wait in each partition of the topics that we read."""
    help_text = "Records in Kafka that were not taken in yet"
    family = GaugeMetricFamily("boucle_consumer_lag", help_text, labels=["topic", "partition"])
    for (topic, partition), records in sorted(lag.items()):
        family.add_metric([topic, str(partition)], float(records))
    return family


def counted_through(connection: Connection, policy: Policy, now: datetime) -> Iterator[Metric]:
    """Give what must be counted through a whole table: what came in, and how support stands by past answers."""
    yield from received(connection)
    yield from pacing(support_pacing.describe(connection, policy, now))


def received(connection: Connection) -> Iterator[Metric]:
    """Give the events that came in, by door and outcome, and the dead letters among them apart."""
    events = CounterMetricFamily(
        "boucle_events", "Events that came in, by door and outcome", labels=["door", "outcome"]
    )
    letters = CounterMetricFamily("boucle_dead_letters", "Messages that were refused, by door", labels=["door"])
    for door, counted in received_by_door(connection).items():
        for outcome, n in counted.items():
            events.add_metric([door, outcome], float(n))
        letters.add_metric([door], float(counted["dead_letters"]))
    yield events
    yield letters


def mails_sent(connection: Connection) -> Metric:
    """Return how many mails a server took, each time one did; it never falls, also when they come back."""
    return CounterMetricFamily("boucle_mails_sent", "Mails that the mail server took", value=count_sent(connection))


def returned(connection: Connection) -> Metric:
    """Return the mails that came back, by what they said; each counts once."""
    family = CounterMetricFamily("boucle_bounces", "Mails that came back, by what they said", labels=["kind"])
    for kind, n in counted_returned(connection).items():
        family.add_metric([kind], float(n))
    return family


def key_requests(connection: Connection) -> Metric:
    """Return the requests to the event door, by how they stand with their key."""
    family = CounterMetricFamily(
        "boucle_key_requests", "Requests to /v1/events, by outcome of their key", labels=["outcome"]
    )
    for outcome, n in api_keys.counted_requests(connection).items():
        family.add_metric([outcome], n)
    return family


def by_state(group: str, states: Mapping[str, int]) -> Metric:
    """Return the gauge `boucle_GROUP`, with the count of rows in each state."""
    family = GaugeMetricFamily(f"boucle_{group}", f"{group.replace('_', ' ').capitalize()} by state", labels=["state"])
    for state, n in states.items():
        family.add_metric([state], n)
    return family


def waiting(connection: Connection, now: datetime, policy: Policy, tickets: Mapping[str, int]) -> Iterator[Metric]:
    """Give what is due and not done, since when, and what people still owe customers."""
    due, oldest = due_work(connection, now)
    family = GaugeMetricFamily("boucle_due", "Work that is due and not done, by kind", labels=["kind"])
    for kind, n in due.items():
        family.add_metric([kind], n)
    yield family
    since = (now - datetime.fromisoformat(oldest["at"])).total_seconds() if oldest else 0.0
    yield gauge("boucle_oldest_due_seconds", "For how long the oldest due work has been due", max(0.0, since))
    yield gauge("boucle_outbox", "Messages that wait to be published", float(due["outbox"]))
    yield gauge("boucle_outbox_age_seconds", "For how long the oldest of them has waited", outbox_age(connection))
    overdue = float(count_overdue(connection, policy, now))
    yield gauge("boucle_tickets_overdue", "Tickets that are not done and past the time that counts next", overdue)
    open_tickets = sum(n for state, n in tickets.items() if state != TicketState.DONE)
    yield gauge("boucle_tickets_open", "Tickets that are not done", float(open_tickets))


def accesses(connection: Connection) -> Iterator[Metric]:
    """Give how often somebody was let in or refused."""
    families = {
        Access.SIGN_IN: CounterMetricFamily("boucle_sign_ins", "Sign-ins, by how they ended", labels=["outcome"]),
        Access.ACT: CounterMetricFamily("boucle_refused_acts", "Pages and acts refused, by why", labels=["outcome"]),
    }
    for (what, outcome), n in accounts.access_counts(connection).items():
        families[Access(what)].add_metric([outcome], float(n))
    yield from families.values()


def gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=value)


def lag_of(request: Request) -> Lag:
    """It is kept in the application's state, so that scrapes share what the broker answered."""
    state = request.app.state
    if not hasattr(state, "lag"):
        state.lag = Lag(web_of(request).backlog)
    lag: Lag = state.lag
    return lag


def kept_of(request: Request) -> Kept[list[Metric]]:
    """They are kept in the application's state: counting them walks through whole tables."""
    state = request.app.state
    if not hasattr(state, "counted_through"):
        state.counted_through = Kept()
    kept: Kept[list[Metric]] = state.counted_through
    return kept


async def show(request: Request) -> Response:
    """Answer the metrics of this moment."""

    access_log: AccessLog = request.app.state.access_log

    lag = await lag_of(request).current()

    def written() -> bytes:
        with suppress(NotNow):  # counted with the next scrape
            request.app.state.key_use.write_counts()
            access_log.flush()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Figures(web_of(request), kept_of(request), lag))
        return generate_latest(registry)

    return Response(await run_in_threadpool(written), headers={"Content-Type": CONTENT_TYPE_LATEST})


routes = [Route("/metrics", for_monitors(show), methods=["GET"])]
