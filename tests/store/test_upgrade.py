"""An installation of 0.1.0 is brought up to date: what it planned fires, its roles go on beside the new ones."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import orjson
import pytest
import sqlalchemy as sa
from embedded import START, STRUCTURED, Embedded, journey
from make_dump import load, load_postgresql
from parts import poll

from workers.adapters.clock import StoredClock
from workers.devservices.places import free_port
from workers.domain.records import SurveyRequest, Touchpoint
from workers.domain.types import TouchpointState
from workers.store import tables
from workers.store.engine import Store
from workers.store.ledger import Taken
from workers.store.operation import giving_way
from workers.store.operation.column_statistics import unknown_tables
from workers.store.operation.schema import VERSION_TABLE
from workers.usecases.delivery.send_controls import resume
from workers.usecases.operation import migrate, status

RELEASED = "f76643e"
"""The commit of 0.1.0."""
READER_OF_BOUNCES = "def all_failures(message):\n    raise NotImplementedError('the library is not installed')\n"
"""Stands for a library that 0.1.0 imports at its start and later releases do without; no role here reads bounces."""
ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef0123456789abcdef"


class Old(Embedded):
    """An installation over a database of 0.1.0 that was migrated."""

    def __init__(self, home: Path, at: datetime, url: str) -> None:
        super().__init__(home, at, database_url=url)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give a database of 0.1.0 on each engine."""
    if request.param == "sqlite":
        path = tmp_path / "old.db"
        load(path)
        return f"sqlite:///{path}"
    address = str(request.getfixturevalue("postgres"))
    load_postgresql(address)
    return address


def counted(store: Store, names: list[str]) -> dict[str, int]:
    """Return how many rows each table has."""
    with store.reading() as connection:
        return {name: int(connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one()) for name in names}


def test_every_row_is_kept_and_the_books_hold(url: str) -> None:
    """No revision since drops, doubles or miscounts a row, on either engine."""
    store = Store(url)
    assert migrate.schema_of(store) == 1
    names = [name for name in sa.inspect(store.engine).get_table_names() if name != VERSION_TABLE]
    before = counted(store, names)
    assert all(before.values())
    migrate.migrate(store)
    assert counted(store, names) == before
    with store.reading() as connection:
        assert [check for check in status.read_books(connection).sums() if not check["ok"]] == []
        assert unknown_tables(connection) == []  # by which PostgreSQL would choose a plan blindly
    store.close()


def test_what_0_1_0_had_planned_fires_after_the_migration(url: str, tmp_path: Path) -> None:
    """A touchpoint that the old release planned is asked by the new one at its time, and its mail is written."""
    at = START + timedelta(days=43)
    boucle = Old(tmp_path / "home", at, url)
    planned = [
        touchpoint
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.state == TouchpointState.PLANNED and touchpoint.wake_at <= at
    ]
    assert planned
    asked = len(boucle.rows(SurveyRequest))
    boucle.settle()  # paused, as the operator of the dump had it
    assert len(boucle.rows(SurveyRequest)) == asked
    boucle.store.write(lambda connection: resume(connection, boucle.parts.sending, at, "operator"))
    boucle.settle()
    fired = [
        touchpoint
        for touchpoint in boucle.rows(Touchpoint)
        if (touchpoint.journey, touchpoint.step) in {(p.journey, p.step) for p in planned}
    ]
    assert {str(touchpoint.state) for touchpoint in fired} <= {"asked", "skipped", "planned"}
    assert any(touchpoint.state == TouchpointState.ASKED for touchpoint in fired)
    assert list((tmp_path / "home" / "mailbox").rglob("*.eml"))
    with boucle.store.reading() as connection:
        assert [check for check in status.read_books(connection).sums() if not check["ok"]] == []
    boucle.close()


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Give the code of 0.1.0, from the history."""
    folder = tmp_path / "released"
    folder.mkdir()
    archive = subprocess.run(
        ["git", "archive", RELEASED, "workers", "rules", "templates", "schemas", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        pytest.skip("the history of this checkout does not hold 0.1.0")
    subprocess.run(["tar", "x", "-C", str(folder)], input=archive.stdout, check=True)
    dropped = folder / "flufl"
    dropped.mkdir()
    (dropped / "bounce.py").write_text(READER_OF_BOUNCES)
    return folder


@contextmanager
def old_role(code: Path, home: Path, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a role of 0.1.0 beside."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOUCLE_")}
    environment |= {"PYTHONPATH": str(code), "BOUCLE_HOME": str(home), "BOUCLE_SECRET": "test-secret"}
    environment |= {f"BOUCLE_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-P", "-c", "from workers.cli import main; main()", *arguments]
    with subprocess.Popen(command, env=environment, cwd=code) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def test_old_and_new_roles_work_side_by_side_through_the_migrations(
    postgres: str, released: Path, tmp_path: Path
) -> None:
    """Roles of 0.1.0 take events, ask and write mails while the schema moves under them and new roles start."""
    load_postgresql(postgres)
    port, key = free_port(), {"Authorization": f"Bearer {KEY}"}
    store = Store(postgres)
    clock = StoredClock(store)
    more = {"database_url": postgres, "clock": "stored", "api_keys": KEY, "http_bind": f"127.0.0.1:{port}"}
    with store.engine.begin() as connection:
        at = START + timedelta(days=20)
        connection.execute(sa.delete(tables.clock))
        connection.execute(sa.insert(tables.clock).values(name="business", at=at))
        connection.execute(sa.delete(tables.control).where(tables.control.c.name == "paused"))
    with (
        closing(store),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=key) as door,
        ExitStack() as stack,
    ):
        roles = [stack.enter_context(old_role(released, tmp_path / "web", "web", **more))]

        def post(subject: str) -> int:
            event = orjson.dumps(journey("delivery", subject, at, reference=subject))
            return door.post("/v1/events", content=event, headers={"Content-Type": STRUCTURED}).status_code

        def see_that_they_run() -> None:
            assert [role.poll() for role in roles if role.poll() is not None] == [], "an old role ended"

        def is_up() -> bool:
            see_that_they_run()
            try:
                return door.get("/healthz").status_code == 200
            except httpx.TransportError:
                return False

        poll(is_up, 60, "the old web role")
        roles.append(stack.enter_context(old_role(released, tmp_path / "send", "send", **more)))
        assert post("before") == 202
        boucle = Old(tmp_path / "new", at, postgres)  # migrates while they run
        assert migrate.schema_of(store) == migrate.SCHEMA
        assert post("old") == 202
        boucle.take(journey("delivery", "new", at, reference="new"))
        (again,) = boucle.take(journey("delivery", "old", at, reference="old"))
        assert again.taken == Taken.DUPLICATE

        def is_done() -> bool:
            see_that_they_run()
            boucle.settle()
            with store.reading() as connection:
                due, _ = status.due_work(connection, clock.now())
            return not due["touchpoints"] and not due["dispatches"]

        poll(is_done, 60, "both senders to have done what is due")
        see_that_they_run()
        new_ones = [request for request in boucle.rows(SurveyRequest) if request.reference in ("before", "old", "new")]
        assert sorted(request.reference for request in new_ones) == ["before", "new", "old"]
        with store.reading() as connection:
            assert [check for check in status.read_books(connection).sums() if not check["ok"]] == []
        boucle.close()


def test_a_migration_gives_way_to_a_role_that_holds_a_table(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a role is in the middle of its work the migration lets others pass, and ends when that is done."""
    load_postgresql(postgres)
    monkeypatch.setattr(giving_way, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.05)
    d = tables.dispatch.c
    with closing(Store(postgres)) as store:
        with store.engine.begin() as role:
            role.execute(sa.text("UPDATE dispatch SET reason = reason"))
            migrating = threading.Thread(target=migrate.migrate, args=(store,), daemon=True)
            migrating.start()
            poll(lambda: migrate.schema_of(store) >= 2, 30, "the first revision")
            role.execute(sa.text("UPDATE touchpoint SET reason = reason"))
            role.execute(sa.select(d.id))
            assert migrating.is_alive()
        migrating.join(60)
        assert not migrating.is_alive()
        assert migrate.schema_of(store) == migrate.SCHEMA
