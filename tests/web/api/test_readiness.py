"""/readyz says within two seconds, whatever hangs, whether a role has what it needs; /metrics says what is away."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from embedded import Embedded
from silence import SilentProxy
from starlette.testclient import TestClient
from webparts import Site

from workers import roles
from workers.errors import NotNow
from workers.store.delivery.mail_servers import ServerState, keep_state
from workers.store.engine import Store
from workers.store.operation.readiness import hurried, see_that_it_takes_writes
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.operation.migrate import migrate
from workers.usecases.operation.status import status
from workers.web.app import create_app

WITHIN = 2.0


@contextmanager
def promptly() -> Iterator[None]:
    """Fail when the block takes longer than a monitor waits."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < WITHIN


def test_a_check_that_hangs_is_told_in_time_and_asked_once(site: Site) -> None:
    """The other checks are told beside it, and probes do not pile up behind what hangs."""
    asked, free = [], threading.Event()

    def hangs() -> str:
        asked.append(1)
        free.wait()
        return "at last"

    with TestClient(create_app(replace(site.web, checks={"disk": hangs}))) as client:
        for _ in range(2):
            with promptly():
                answer = client.get("/readyz")
            assert answer.status_code == 503
            checks = answer.json()["checks"]
            assert "has not answered for" in checks["disk"]["detail"]
            assert checks["database"]["ok"]
        assert len(asked) == 1
        free.set()


def test_an_embedded_database_that_is_locked_is_not_ready(site: Site) -> None:
    """Somebody keeps the file: it answers every SELECT, and takes nothing."""
    assert site.client.get("/readyz").status_code == 200
    path = site.web.store.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with TestClient(create_app(site.web)) as client, promptly():
            answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "a lock was not had in time" in answer.json()["checks"]["database"]["detail"]


FULL = """
import resource, signal, sys
from workers.store.operation.readiness import hurried, see_that_it_takes_writes
from workers.errors import NotNow
store = hurried(sys.argv[1])
see_that_it_takes_writes(store)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
try:
    see_that_it_takes_writes(store)
except NotNow as error:
    print(error)
"""


def test_an_embedded_database_that_cannot_grow_is_not_ready(site: Site) -> None:
    """A full disk takes nothing, although every SELECT is answered."""
    command = [sys.executable, "-c", FULL, site.web.store.url]
    child = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "The database does not answer as it should" in child.stdout


def test_a_database_that_is_read_only_is_not_ready(postgres: str) -> None:
    """A standby or a server set to read only answers, and takes nothing."""
    owner = Store(postgres)
    migrate(owner)
    see_that_it_takes_writes(hurried(postgres))
    with owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = connection.execute(sa.text("SELECT current_database()")).scalar_one()
        connection.execute(sa.text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    with pytest.raises(NotNow, match="it is read-only"):
        see_that_it_takes_writes(hurried(postgres))
    owner.close()


def test_a_database_with_a_locked_table_is_not_ready(postgres: str) -> None:
    """Customers, or the switches of sending, are locked: what comes would wait, so the role says so, in time."""
    owner = Store(postgres)
    migrate(owner)
    for table in ("customer", "control", "action"):
        with owner.engine.begin() as holding:
            holding.execute(sa.text(f"LOCK TABLE {table}"))
            with promptly(), pytest.raises(NotNow, match="a lock was not had in time"):
                see_that_it_takes_writes(hurried(postgres))
    see_that_it_takes_writes(hurried(postgres))
    owner.close()


def test_a_silent_database_is_told_in_time(postgres: str, tmp_path: Path) -> None:
    """A server that neither answers nor hangs up: not ready within two seconds, and no longer."""
    with SilentProxy(postgres) as proxy:
        boucle = Embedded(tmp_path, database_url=proxy.url, database_statement_seconds="1")
        with TestClient(create_app(roles.web_of(boucle.parts))) as client:
            assert client.get("/readyz").status_code == 200
            proxy.be_silent()
            with promptly():
                answer = client.get("/readyz")
            proxy.speak_again()
        assert answer.status_code == 503
        assert "has not answered" in answer.json()["checks"]["database"]["detail"]
        boucle.close()


def test_metrics_say_what_is_away(site: Site) -> None:
    """Without a database there is nothing to count, and the one figure that matters is there."""
    assert 'boucle_part_away_seconds{part="database"} 0.0' in site.client.get("/metrics").text
    gone = Store("sqlite:////nowhere/at/all.db")
    gone.outages.note("database", "it cannot be reached")
    with TestClient(create_app(replace(site.web, store=gone))) as client:
        metrics = client.get("/metrics")
    assert metrics.status_code == 200
    (line,) = [
        line for line in metrics.text.splitlines() if line.startswith('boucle_part_away_seconds{part="database"}')
    ]
    assert float(line.split()[1]) > 0


def test_status_readiness_and_metrics_agree_on_a_mail_server(open_site: Callable[..., Site]) -> None:
    """What one says is away, and since when, all say; a sender needs it, pages and the stream go on without."""
    site = open_site(smtp_url="smtp://mail.example:2525", sending="on")
    since = site.clock.at - timedelta(hours=3)

    def keep(failures: int) -> None:
        state = ServerState("smtp://mail.example:2525", failures, since, None, "later", "connection refused")
        site.web.store.write(lambda connection: keep_state(connection, state))

    def said_by_each() -> tuple[list[object], dict[str, object], float]:
        with site.web.store.reading() as connection:
            state = status(connection, site.clock.at, sending=sending_now(connection, site.parts.sending))
        checks = site.client.get("/readyz?role=send").json()["checks"]
        metrics = site.client.get("/metrics").text.splitlines()
        (line,) = [line for line in metrics if line.startswith('boucle_part_away_seconds{part="mail server"}')]
        away = state["away"]
        assert isinstance(away, list)
        return [(outage["part"], outage["since"]) for outage in away], checks["mail"], float(line.split()[-1])

    keep(0)
    away, check, seconds = said_by_each()
    assert (away, check["ok"], seconds) == ([], True, 0.0)
    keep(7)
    away, check, seconds = said_by_each()
    assert away == [("mail server", since.isoformat())]
    assert (check["ok"], check["needed"]) == (False, True)
    assert f"{since:%Y-%m-%d %H:%M} UTC: connection refused" in str(check["detail"])
    assert seconds == pytest.approx(3 * 3600, abs=60)
    assert [site.client.get(f"/readyz?role={role}").status_code for role in ("web", "stream", "send")] == [
        200,
        200,
        503,
    ]
