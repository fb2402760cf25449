"""The key of ids: kept through every change of the secret, proved by old rows, and never another one beside it."""

import shutil
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from embedded import START, STRUCTURED, about, journey, shipped_templates

from workers import app
from workers import settings as settings_module
from workers.adapters.clock import FixedClock
from workers.adapters.home import ID_SECRET, SIGNING_SECRET, Home
from workers.domain.records import Customer
from workers.domain.types import Ingress
from workers.errors import Misconfigured
from workers.store import read
from workers.store.controls import read_controls
from workers.store.engine import Store
from workers.store.ledger import Incoming
from workers.usecases.operation.id_key import ID_KEY, fingerprint, settle_id_key
from workers.usecases.operation.migrate import migrate

sys.path.insert(0, str(Path(__file__).parents[2] / "store"))
from make_dump import load

OLD, NEW = "the-key-of-the-beginning", "a-key-made-later"
OF_THE_DUMP = "test-secret"
OTHER_KEY = (
    "ids in this database derive from another key .* Set BOUCLE_ID_SECRET to the key the installation began with"
)
NO_KEY = "Another machine made up the key .* set BOUCLE_ID_SECRET to the content of the file id-secret"


def start(home: Path, database: Path | str, **more: str) -> app.Boucle:
    """Return a machine on a database, started as a role starts."""
    address = str(database) if "://" in str(database) else f"sqlite:///{database}"
    given = {"home": str(home), "database_url": address, **more}
    settings = settings_module.read({f"BOUCLE_{name.upper()}": value for name, value in given.items()})
    machine = app.Boucle(settings, FixedClock(START))
    vars(machine)["templates"] = shipped_templates()
    migrate(machine.store)
    try:
        machine.keys.settle(machine.store, machine.now())
    except Misconfigured:
        machine.store.close()
        raise
    assert machine.inspection.faults() == []
    machine.policies.remember(machine.store, START)
    return machine


def take(machine: app.Boucle, *events: dict[str, object]) -> None:
    """Take events in as from HTTP."""
    machine.intake.take([Incoming(orjson.dumps(event), {}, STRUCTURED) for event in events], Ingress.HTTP)


def customers(machine: app.Boucle) -> dict[str, bool]:
    """Return every customer's id and whether they are erased; the machine is closed."""
    with machine.store.reading() as connection:
        rows = read.rows(connection, Customer)
    machine.store.close()
    return {str(row.id): row.erased_at is not None for row in rows}


def test_a_new_secret_changes_no_id_and_brings_nobody_back(tmp_path: Path) -> None:
    """After the secret is replaced, the known stay known and the erased stay erased, on the same machine."""
    machine = start(tmp_path / "home", tmp_path / "a.db", secret=OLD)
    take(machine, journey("delivery", "1", reference="r1"), journey("delivery", "2", reference="r2"))
    take(machine, about("erased", "2"))
    before = customers(machine)
    assert sorted(before.values()) == [False, True]
    for secret in (f"{NEW},{OLD}", f"{OLD},{NEW}", NEW, ""):
        machine = start(tmp_path / "home", tmp_path / "a.db", secret=secret)
        take(machine, journey("delivery", "1", reference=f"later {secret}"), journey("delivery", "2", reference=secret))
        assert customers(machine) == before


def test_a_machine_without_the_key_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    """Another secret on another machine, or another key of ids, starts nothing; with the right one it starts."""
    start(tmp_path / "home", tmp_path / "a.db", secret=OLD).store.close()
    for more in ({"secret": NEW}, {"secret": OLD, "id_secret": NEW}):
        with pytest.raises(Misconfigured, match=OTHER_KEY):
            start(tmp_path / "elsewhere", tmp_path / "a.db", **more)
    assert not (tmp_path / "elsewhere" / ID_SECRET).exists()
    start(tmp_path / "elsewhere", tmp_path / "a.db", secret=NEW, id_secret=OLD).store.close()


def test_two_machines_never_make_up_a_key_each(tmp_path: Path) -> None:
    """Without a secret set, the first machine makes one up, and the second is told to copy it and makes none."""
    first = start(tmp_path / "one", tmp_path / "a.db")
    made = (tmp_path / "one" / ID_SECRET).read_text()
    assert first.keys.of_ids == made != (tmp_path / "one" / SIGNING_SECRET).read_text()
    first.store.close()
    with pytest.raises(Misconfigured, match=NO_KEY):
        start(tmp_path / "two", tmp_path / "a.db")
    assert not (tmp_path / "two" / ID_SECRET).exists()
    second = start(tmp_path / "two", tmp_path / "a.db", id_secret=made)
    assert second.keys.of_ids == made
    second.store.close()


def test_two_that_begin_at_once_end_with_one_key(tmp_path: Path) -> None:
    """Of two machines that begin on an empty database in the same moment, one key stands and the other is refused."""
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(store)
    ready = threading.Barrier(2)
    ended: list[str] = []

    def begin(key: str) -> None:
        ready.wait()
        try:
            ended.append(settle_id_key(store, [key], START))
        except Misconfigured:
            ended.append("refused")

    threads = [threading.Thread(target=begin, args=(key,)) for key in (OLD, NEW)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as connection:
        kept = read_controls(connection)[ID_KEY]
    store.close()
    assert sorted(ended) in (sorted(["refused", OLD]), sorted(["refused", NEW]))
    assert kept == fingerprint(OLD if OLD in ended else NEW)


def test_links_of_one_machine_are_read_by_the_other(tmp_path: Path, postgres: str) -> None:
    """On a server's database, a second machine that would sign links with a secret of its own is told so."""
    made = start(tmp_path / "one", postgres)
    key, signing = made.keys.of_ids, made.keys.signing[0]
    made.store.close()
    with pytest.raises(Misconfigured, match="Set BOUCLE_SECRET to the same value on every machine"):
        start(tmp_path / "two", postgres, id_secret=key)
    second = start(tmp_path / "two", postgres, id_secret=key, secret=signing)
    second.store.close()


def test_a_machine_without_the_secret_that_others_were_given_is_told(tmp_path: Path, postgres: str) -> None:
    """A secret may be given and changed anywhere; who would make one up beside it is refused, and `check` says so."""
    first = start(tmp_path / "one", postgres, secret=OLD)
    key = first.keys.of_ids
    first.store.close()
    for secret in (NEW, f"{NEW},{OLD}", OLD):
        start(tmp_path / "one", postgres, id_secret=key, secret=secret).store.close()
    with pytest.raises(Misconfigured, match="Set BOUCLE_SECRET to the same value on every machine"):
        start(tmp_path / "two", postgres, id_secret=key)
    given = {"BOUCLE_HOME": str(tmp_path / "three"), "BOUCLE_DATABASE_URL": postgres, "BOUCLE_ID_SECRET": key}
    third = app.Boucle(settings_module.read(given), FixedClock(START))
    assert any("BOUCLE_SECRET is unset" in fault for fault in third.keys.faults(third.store))
    assert not (tmp_path / "three").exists()
    third.store.close()


def test_roles_that_start_at_once_share_the_secrets_of_their_home(tmp_path: Path) -> None:
    """Of many that make a HOME and a secret in it, one stands, nobody reads half of it, and none is refused."""
    ready, home = threading.Barrier(8), tmp_path / "data" / "home"
    made: list[str] = []

    def make_up() -> None:
        ready.wait()
        made.append(Home(home).make_up_secret(ID_SECRET))

    with turns_change_often():
        for _ in range(40):
            threads = [threading.Thread(target=make_up) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(made) == 8
            assert set(made) == {(home / ID_SECRET).read_text()}
            assert [path.name for path in home.iterdir()] == [ID_SECRET]
            shutil.rmtree(home.parent)
            made.clear()


@contextmanager
def turns_change_often() -> Iterator[None]:
    """Have threads take turns so often that what looks first and acts afterwards is met in between."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def test_an_empty_secret_is_never_a_key(tmp_path: Path) -> None:
    """A file that was cut to nothing is told, not taken for a key that everybody knows."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ID_SECRET).touch()
    with pytest.raises(Misconfigured, match="id-secret is empty"):
        start(tmp_path / "home", tmp_path / "a.db")


@pytest.mark.parametrize("secret", [OF_THE_DUMP, f"{NEW},{OF_THE_DUMP}", f"{OF_THE_DUMP},{NEW}"])
def test_a_database_of_0_1_0_proves_the_key_it_was_begun_with(tmp_path: Path, secret: str) -> None:
    """After the upgrade its rows say which key of the secret it was, wherever that stands; people stay the same."""
    load(tmp_path / "old.db")
    machine = start(tmp_path / "home", tmp_path / "old.db", secret=secret)
    assert machine.keys.of_ids == OF_THE_DUMP
    with machine.store.reading() as connection:
        before = connection.execute(sa.text("SELECT count(*) FROM customer")).scalar()
        assert read_controls(connection)[ID_KEY] == fingerprint(OF_THE_DUMP)
    take(machine, journey("delivery", "1", reference="new"), journey("delivery", "5", reference="new"))
    assert len(customers(machine)) == before
    again = start(tmp_path / "home", tmp_path / "old.db", secret=NEW)
    assert again.keys.of_ids == OF_THE_DUMP
    again.store.close()


@pytest.mark.parametrize("erased", [False, True])
def test_a_database_of_0_1_0_is_refused_with_another_key(tmp_path: Path, erased: bool) -> None:
    """Upgrading with the key lost stops before anything is written, also where every customer is erased."""
    load(tmp_path / "old.db")
    store = Store(f"sqlite:///{tmp_path / 'old.db'}")
    if erased:
        with store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE customer SET crm_id = NULL"))
    for secret in (NEW, f"{NEW},another"):
        with pytest.raises(Misconfigured, match=OTHER_KEY):
            start(tmp_path / "home", tmp_path / "old.db", secret=secret)
    with store.reading() as connection:
        assert ID_KEY not in read_controls(connection)
    store.close()
    start(tmp_path / "home", tmp_path / "old.db", secret=OF_THE_DUMP).store.close()


def test_a_secret_that_0_1_0_made_up_goes_on(tmp_path: Path) -> None:
    """An embedded installation that set no secret keeps the one in its HOME, also once a secret is set."""
    load(tmp_path / "old.db")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / SIGNING_SECRET).write_text(OF_THE_DUMP)
    for secret in ("", NEW):
        machine = start(tmp_path / "home", tmp_path / "old.db", secret=secret)
        assert machine.keys.of_ids == OF_THE_DUMP
        assert machine.keys.signing == [secret or OF_THE_DUMP]
        machine.store.close()


def test_the_database_holds_a_fingerprint_and_not_the_key(tmp_path: Path) -> None:
    """Neither the key of ids nor the secret stands in the database; what is kept of them in HOME is 0600."""
    start(tmp_path / "home", tmp_path / "a.db", secret=OLD, id_secret=NEW).store.close()
    start(tmp_path / "other", tmp_path / "b.db", secret=OLD).store.close()
    for path in tmp_path.glob("?.db*"):
        assert OLD.encode() not in path.read_bytes()
        assert NEW.encode() not in path.read_bytes()
    assert not (tmp_path / "home" / ID_SECRET).exists()
    assert stat.S_IMODE((tmp_path / "other" / ID_SECRET).stat().st_mode) == 0o600
