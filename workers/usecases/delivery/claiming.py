"""Claiming: what may be claimed now is leased, kept while it is worked on, and given back when nothing of it left."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from workers.domain.policy import Policy
from workers.domain.records import Dispatch
from workers.errors import NotNow
from workers.store.apply import next_number
from workers.store.connection import Connection
from workers.store.controls import read_controls
from workers.store.delivery import claim, departures, mail_servers
from workers.store.delivery.claim import MAIL, WEBHOOK, Ready
from workers.store.delivery.webhook_targets import state_of
from workers.store.engine import Store, database_now
from workers.usecases.delivery import mail_server, webhook_retries
from workers.usecases.delivery.recording import Recording
from workers.usecases.delivery.send_controls import Sending, mails_sent_today, sending_now, state_by

log = logging.getLogger(__name__)
CLAIMS = "claim"
"""The counter that makes claims wait for each other where a day has a maximum."""
RATE = "mails"
"""The name of the rate that all senders share."""


class Claiming:
    """Leases what is ready; `recording` names the other sides, and ends what waited for them too long."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        sending: Sending,
        recording: Recording,
        lease_seconds: float,
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._sending = sending
        self._recording = recording
        self._lease = lease_seconds
        self._probes_until: datetime | None = None
        self._is_asking = False

    @property
    def is_probing(self) -> bool:
        """Tell whether what was claimed last asks whether its other side is back: until it ends no more is claimed."""
        return self._is_asking

    def reserve(self, count: int) -> float:
        """Reserve places in the shared rate of mails, and return in how many seconds the first of them comes."""
        rate = self._sending.per_second
        return self._store.write(lambda connection: claim.next_slot(connection, RATE, count, rate))

    def renew(self, ours: Sequence[Dispatch]) -> None:
        """Prolong what is still ours."""
        self._store.write(lambda connection: departures.renew_many(connection, ours, self._lease))

    def give_back(self, group: Sequence[Dispatch]) -> None:
        """Give back what nothing of has left."""

        def work(connection: Connection) -> None:
            for dispatch in sorted(group, key=lambda row: row.id):
                claim.give_back(connection, dispatch)

        self._store.write(work)

    def end_probe(self) -> None:
        """Let anybody ask the server again at once when the probe of this sender was none; NotNow: it ends by time."""
        if self._probes_until is None:
            return
        try:
            self._store.write(self._end_probe)
        except NotNow:
            log.info("a probe is left to end by itself", extra={"action": "mailserver.probe"})
        self._probes_until = None

    def lease(self, kind: str, limit: int) -> list[Dispatch]:
        """Lease some of a kind that may leave now; empty when there is nothing. Raises NotNow."""
        now = self._now()

        with self._store.reading() as connection:
            if not claim.anything(connection, kind, now):
                return []

        def work(connection: Connection) -> list[Dispatch]:
            ended = claim.take_back(connection, kind, now)
            if ended:
                log.error(
                    "%s dispatches end as unknown: they may have arrived", ended, extra={"action": "dispatch.unknown"}
                )
            ready = self._webhooks_ready(connection, now) if kind == WEBHOOK else self._mails_ready(connection, now)
            self._is_asking = ready.probe or ready.webhooks == 1
            return claim.lease(connection, ready, now, self._lease, limit)

        claimed = self._store.write(work)
        if kind == MAIL and not claimed:
            self._give_up(now)
        return claimed

    def _webhooks_ready(self, connection: Connection, now: datetime) -> Ready:
        target = self._recording.hook_target
        room = webhook_retries.may_leave(state_of(connection, target), now) if target else None
        return Ready(False, 0, webhooks=room)

    def _mails_ready(self, connection: Connection, now: datetime) -> Ready:
        state, left = state_by(read_controls(connection), self._sending), None
        if self._sending.per_day:
            next_number(connection, CLAIMS)  # two claims at once would each take what is left of the day
            left = max(0, self._sending.per_day - mails_sent_today(connection, now, self._policy().zone))
        room = self._room(connection) if state.on else 0
        return Ready(room != 0, left, state.paused, webhooks=0, probe=room == 1)

    def _room(self, connection: Connection) -> int | None:
        """Return how many mails the server may be offered: all, none, or the one with which this sender probes it."""
        if not self._recording.server:
            return None
        server = mail_servers.state_of(connection, self._recording.server)
        room = mail_server.may_leave(server, database_now(connection))
        if room == 1:
            server = mail_servers.state_of(connection, self._recording.server, lock=True)
            room = mail_server.may_leave(server, database_now(connection))
            if room == 1:
                asking = mail_server.probing(server, database_now(connection))
                mail_servers.keep_state(connection, asking)
                self._probes_until = asking.probe_at
        return room

    def _end_probe(self, connection: Connection) -> None:
        """Let anybody ask the server again at once when the probe of this sender was none: nothing of it left.

        A probe that ended has set the next one's time itself, and is left alone.
        """
        server = mail_servers.state_of(connection, self._recording.server, lock=True)
        if server.failures and server.probe_at == self._probes_until:
            mail_servers.keep_state(connection, replace(server, probe_at=database_now(connection)))

    def _give_up(self, now: datetime) -> None:
        """End mails that have waited for their server for longer than mails of their class are kept."""
        if not self._recording.server:
            return
        with self._store.reading() as connection:
            server = mail_servers.state_of(connection, self._recording.server)
            if sending_now(connection, self._sending).clock_leapt:
                return
        if server.failures and self._recording.give_up_on_server(server, now):
            log.error("mails were given up: %s", server.sentence, extra={"action": "mailserver.gave_up"})
