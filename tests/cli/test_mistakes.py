"""Mistakes that are made when Boucle is set up: each is one sentence that says what to do, before any work is done."""

import re
import shutil
import socket
import sqlite3
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from workers.adapters.rule_files import FILES
from workers.store import tables

if TYPE_CHECKING:
    from verbs import Boucle

SHIPPED = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(60)
JARGON = re.compile(
    r"Traceback|Input should|validation error|type=|value_error|pydantic|sqlalchemy|psycopg\.|Errno|string_pattern",
    re.IGNORECASE,
)
"""Words of libraries, which no operator should meet."""
WHSEC = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True, slots=True)
class Mistake:
    """Settings, named without BOUCLE_, with {tmp} for a folder of the test; the verb; what its sentence says."""

    name: str
    given: dict[str, str]
    says: str
    verb: tuple[str, ...] = ("run",)
    code: int = 1


MISTAKES = (
    Mistake("a word for a number", {"batch_size": "none"}, "BATCH_SIZE=none: .* whole number from 1 to 5000"),
    Mistake("a number too small", {"batch_size": "0"}, "BATCH_SIZE=0: .* from 1 to 5000.*unset it for 500"),
    Mistake("no end of time", {"batch_wait": "inf"}, "BATCH_WAIT=inf: this is not a number above 0"),
    Mistake("another word", {"sending": "yes"}, "SENDING=yes: this is not held or on"),
    Mistake("neither yes nor no", {"kafka_tls": "perhaps"}, "KAFKA_TLS=perhaps: this is not yes or no"),
    Mistake("a form of logs", {"log": "loud"}, "LOG=loud: this is not auto, console or json"),
    Mistake("a window", {"send_window": "9 to 5"}, "SEND_WINDOW=9 to 5: .*mon-fri 09:00-18:00"),
    Mistake("a port alone", {"http_bind": "8080"}, "HTTP_BIND=8080: this is not HOST:PORT"),
    Mistake("a port too large", {"http_bind": "127.0.0.1:99999"}, "HTTP_BIND=.*a port from 1 to 65535"),
    Mistake("an address of nobody", {"http_bind": "203.0.113.7:8080"}, "this machine has no such address"),
    Mistake("a home that is a file", {"home": "{tmp}/file"}, "HOME names .*/file, which cannot be written"),
    Mistake("a home below a file", {"home": "{tmp}/file/home"}, "HOME names .*not a directory.*Name a folder"),
    Mistake("a home nobody can make", {"home": "/proc/boucle"}, "HOME names /proc/boucle, which cannot be written"),
    Mistake("another database", {"database_url": "mysql://u:topsecret@db/x"}, "mysql is no database that Boucle"),
    Mistake("the old scheme", {"database_url": "postgres://u:topsecret@db/x"}, "the scheme is called postgresql"),
    Mistake("no name of a database", {"database_url": "postgresql://u:topsecret@db"}, "name of the database"),
    Mistake("a port of words", {"database_url": "postgresql://db:five/x"}, "host, port or the name"),
    Mistake("no file", {"database_url": "sqlite://"}, "this names no file"),
    Mistake("a scope with a slip", {"api_keys": "topsecretkeytopsecretkey:jurney"}, r"Write KEY:journey\+scores"),
    Mistake("one scope too many", {"api_keys": "topsecretkeytopsecretkey:scores+typo"}, r"Write KEY:journey\+scores"),
    Mistake(
        "links with a password",
        {"public_url": "https://u:topsecret@nps.example"},
        "a password, which every link would show",
    ),
    Mistake("a folder as file", {"database_url": "sqlite:///{tmp}"}, "cannot be made: is a directory"),
    Mistake("no database file", {"database_url": "sqlite:///{tmp}/file"}, "file is not a database"),
    Mistake("a schema of words", {"database_url": "sqlite:///{tmp}/words.db"}, "schema 'abc', which is no number"),
    Mistake("an empty schema", {"database_url": "sqlite:///{tmp}/nothing.db"}, "schema '', which is no number"),
    Mistake("two schemas", {"database_url": "sqlite:///{tmp}/two.db"}, "schema '0016 and 0017', which is no number"),
    Mistake("a home in a circle", {"home": "{tmp}/circle"}, "/circle.*(Name a folder|too many levels)"),
    Mistake("an absent server", {"database_url": "postgresql://127.0.0.1:1/x"}, "The database does not answer"),
    Mistake("a broker without port", {"kafka_bootstrap": "kafka1"}, "kafka1 is not HOST:PORT"),
    Mistake("a far broker in the clear", {"kafka_bootstrap": "kafka.example:9092"}, "plain text: set BOUCLE_KAFKA_TLS"),
    Mistake("a user without password", {"kafka_user": "crm"}, "KAFKA_PASSWORD: BOUCLE_KAFKA_USER is set"),
    Mistake("half a mechanism", {"kafka_mechanism": "SCRAM"}, "KAFKA_MECHANISM=SCRAM: .*SCRAM-SHA-512"),
    Mistake("no such authority", {"kafka_ca_file": "{tmp}/ca.pem"}, "KAFKA_CA_FILE=.*there is no such file"),
    Mistake("a prefix with a blank", {"topic_prefix": "a b"}, "TOPIC_PREFIX=a b: .*letters, digits"),
    Mistake("a mail server's name alone", {"smtp_url": "mail.example"}, "SMTP_URL=.*smtp://"),
    Mistake("an address without scheme", {"public_url": "nps.example.com"}, "PUBLIC_URL=.*https://nps.example.com"),
    Mistake("an address with a query", {"public_url": "https://nps.example?a=1"}, "PUBLIC_URL=.*without \\? and #"),
    Mistake("a CRM without a customer", {"crm_url": "https://crm.example/people"}, "CRM_URL=.*has no {id}"),
    Mistake("an unsigned webhook", {"webhook_url": "https://desk.example/h"}, "WEBHOOK_SECRET: BOUCLE_WEBHOOK_URL is"),
    Mistake(
        "half a secret", {"webhook_url": "https://d.example/h", "webhook_secret": "whsec_%"}, "WEBHOOK_SECRET=.*not"
    ),
    Mistake("a plain webhook", {"webhook_url": "http://d.example/h", "webhook_secret": WHSEC}, "WEBHOOK_URL .*https"),
    Mistake("a provider without id", {"oidc_issuer": "https://id.example"}, "OIDC_CLIENT_ID: BOUCLE_OIDC_ISSUER is"),
    Mistake(
        "a missing extra", {"oidc_issuer": "https://id.example", "oidc_client_id": "x"}, "pip install 'boucle.oidc"
    ),
    Mistake("a mailbox without @", {"mail_only_to": "ana@shop.example, bob"}, "MAIL_ONLY_TO=.*bob is no mail address"),
    Mistake("no place of bounces", {"bounces": "{tmp}/gone"}, "BOUCLE_BOUNCES: "),
    Mistake("two where one fits", {"mail_redirect": "a@b.example,c@d.example"}, "MAIL_REDIRECT=.*only one address"),
    Mistake("everybody trusted", {"trusted_proxies": "0.0.0.0/0"}, "TRUSTED_PROXIES=.*everybody"),
    Mistake("everybody in halves", {"trusted_proxies": "0.0.0.0/1, 128.0.0.0/1"}, "TRUSTED_PROXIES=.*everybody"),
    Mistake("the whole of IPv6", {"trusted_proxies": "fd00::/8, 2000::/3"}, "TRUSTED_PROXIES=.*2000::/3 is everybody"),
    Mistake("a secret's file that is gone", {"api_keys_file": "{tmp}/gone"}, "API_KEYS_FILE: cannot read .*/gone"),
    Mistake("an empty secret's file", {"api_keys_file": "{tmp}/empty"}, "API_KEYS_FILE: cannot read .*empty"),
    Mistake("a secret twice", {"secret_file": "{tmp}/file"}, "SECRET_FILE.*: BOUCLE_SECRET is set as well"),
    Mistake("own files that are gone", {"overrides": "{tmp}/own"}, "OVERRIDES=.*/own: this is not a folder"),
    Mistake("open to all, unprotected", {"http_bind": "0.0.0.0:{free}"}, "API_KEYS: there is no key for events"),
    Mistake("a stream without broker", {}, "needs BOUCLE_KAFKA_BOOTSTRAP", ("stream",)),
    Mistake("events for no broker", {}, "POST the events to /v1/events", ("events", "publish", "{tmp}/file")),
    Mistake("topics of no broker", {}, "Set BOUCLE_KAFKA_BOOTSTRAP first", ("topics", "create")),
    Mistake("a demo that writes to people", {"smtp_url": "smtp://mail.example"}, "made-up addresses", ("demo",)),
    Mistake("a file that is gone", {}, "does not exist", ("events", "plan", "{tmp}/gone"), 2),
    Mistake("a verb that is none", {}, "No such command", ("strat",), 2),
    Mistake("a day for an instant", {"clock": "stored"}, "not an instant", ("clock", "set", "tomorrow"), 2),
    Mistake("an instant without zone", {"clock": "stored"}, "which zone", ("clock", "set", "2026-03-03T09:00"), 2),
    Mistake("a clock that nobody moves", {}, "machine's time", ("clock", "advance", "P1D")),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a file that is no database, an empty one, and a database of somebody else's."""
    (tmp_path / "file").write_text("no database, " * 100)
    (tmp_path / "empty").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name, versions in {"words": ["abc"], "nothing": [""], "two": ["0016", "0017"]}.items():
        with sqlite3.connect(tmp_path / f"{name}.db") as connection:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.executemany("INSERT INTO alembic_version VALUES (?)", [(version,) for version in versions])
        connection.close()
    return tmp_path


@pytest.fixture
def taken() -> Iterator[str]:
    """Give an address where another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_mistake_is_a_sentence(
    boucle: "Boucle", folder: Path, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    """The verb ends with its code and says what is wrong and what to do, in no library's words, without secrets."""
    monkeypatch.setitem(sys.modules, "authlib", None)  # the extra that was not installed
    fill = {"{tmp}": str(folder), "{free}": str(free_port())}

    def filled(text: str) -> str:
        for mark, value in fill.items():
            text = text.replace(mark, value)
        return text

    boucle.set(http_bind=f"127.0.0.1:{free_port()}")
    boucle.set(**{name: filled(value) for name, value in mistake.given.items()})
    ended = boucle(*map(filled, mistake.verb))
    assert ended.code == mistake.code, ended.err
    assert re.search(mistake.says, ended.err), ended.err
    assert not JARGON.search(ended.err), ended.err
    assert "topsecret" not in ended.err
    assert ended.out == ""


AT_REST = [mistake for mistake in MISTAKES if mistake.verb == ("run",) and mistake.name != "an address of nobody"]
"""What is known without a role; whether an address can be bound is known where the role runs."""


@pytest.mark.parametrize("mistake", AT_REST, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_check_finds_it_as_well(
    boucle: "Boucle", folder: Path, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    """What stops a role's start is a fault of `boucle check`, which makes nothing."""
    monkeypatch.setitem(sys.modules, "authlib", None)
    boucle.set(
        **{name: value.replace("{tmp}", str(folder)).replace("{free}", "1") for name, value in mistake.given.items()}
    )
    before = sorted(folder.rglob("*"))
    ended = boucle("check", "--format", "json")
    assert ended.code == 1
    assert re.search(mistake.says, "\n".join(ended.json()["faults"]))
    assert not JARGON.search(ended.out.replace('"type"', ""))
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("verb", ["run", "web", "demo"])
@pytest.mark.parametrize("name", ["http_bind", "monitor_bind"])
def test_a_port_in_use_is_told_before_any_work(boucle: "Boucle", taken: str, name: str, verb: str) -> None:
    """Nothing was made when the port turns out to be somebody else's: neither a database nor a demo's year."""
    boucle.set(**{"http_bind": f"127.0.0.1:{free_port()}", name: taken})
    ended = boucle(verb)
    assert ended.code == 1
    assert f"BOUCLE_{name.upper()}={taken}: another program listens there" in ended.err
    assert not boucle.home.exists()


def test_all_faults_come_at_once_and_as_a_list(boucle: "Boucle", folder: Path) -> None:
    """Bad, unknown and missing ones together; as JSON each with variable, kind, value, problem and advice."""
    boucle.set(
        batch_size="none", mail_per_dya="5", database_url="mysql://u:topsecret@db/x", webhook_url="https://d.example"
    )
    ended = boucle("check", "--format", "json")
    listed = {fault["variable"]: fault for fault in ended.json()["settings"]}
    assert {name: fault["kind"] for name, fault in listed.items()} == {
        "BOUCLE_BATCH_SIZE": "bad",
        "BOUCLE_DATABASE_URL": "bad",
        "BOUCLE_WEBHOOK_SECRET": "bad",
        "BOUCLE_MAIL_PER_DYA": "unknown",
    }
    assert all(fault["problem"] and fault["advice"] and fault["sentence"] for fault in listed.values())
    assert ended.json()["faults"] == [fault["sentence"] for fault in ended.json()["settings"]]
    assert "topsecret" not in ended.out
    refused = boucle("run")
    assert set(refused.err.splitlines()) == set(ended.json()["faults"])


WEAK = {
    "http_bind": "0.0.0.0:8080",
    "secret": "short",
    "api_keys": f"also-short:journey+scores,{'k' * 32}",
    "public_url": "http://nps.example.com",
    "smtp_url": "smtp://127.0.0.1:1",
    "sending": "on",
    "monitor_token": "m",
    "webhook_url": "https://desk.example/hook",
    "webhook_secret": f"whsec_{b64encode(b's' * 32).decode()} whsec_{b64encode(b's' * 23).decode()}",
}
STRONG = {
    "secret": "s" * 32,
    "api_keys": "k" * 32,
    "public_url": "https://nps.example.com",
    "sending": "held",
    "monitor_token": "t" * 32,
    "webhook_secret": f"whsec_{b64encode(b's' * 24).decode()}",
}


def weak_ones(boucle: "Boucle") -> set[str]:
    """Return the variables that `check` calls weak."""
    listed = boucle("check", "--format", "json").json()["settings"]
    return {fault["variable"].removeprefix("BOUCLE_").lower() for fault in listed if fault["kind"] == "weak"}


@pytest.mark.parametrize("name", STRONG)
def test_each_weakness_is_found_by_itself(boucle: "Boucle", name: str) -> None:
    """On an address that others reach, each weak setting is a fault of `check` and of the start."""
    boucle.set(**WEAK)
    assert weak_ones(boucle) == set(STRONG)
    boucle.set(**{other: value for other, value in STRONG.items() if other != name})
    assert weak_ones(boucle) == {name}
    refused = boucle("send")
    assert refused.code == 1
    assert f"BOUCLE_{name.upper()}" in refused.err
    boucle.set(**STRONG)
    assert weak_ones(boucle) == set()


@pytest.mark.parametrize("bind", ["127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080", "127.3.2.1:80"])
def test_nothing_is_weak_that_only_this_machine_reaches(boucle: "Boucle", bind: str) -> None:
    """On a loopback address a trial needs no key; only a sample brand that is to send is a fault there as well."""
    boucle.set(
        **WEAK,
    )
    boucle.set(http_bind=bind)
    assert weak_ones(boucle) == {"sending"}


def test_pages_that_others_reach_do_not_show_the_counts(boucle: "Boucle") -> None:
    """/metrics on the pages' own open address needs a token, or an address of its own that nobody else reaches."""
    boucle.set(**{**STRONG, "http_bind": "192.0.2.4:8080", "monitor_token": ""})
    assert weak_ones(boucle) == {"monitor_token"}
    assert "BOUCLE_HTTP_BIND (192.0.2.4:8080)" in boucle("check").err
    boucle.set(monitor_bind="127.0.0.1:9464")
    assert weak_ones(boucle) == set()


@pytest.mark.parametrize("token", ["", "m"])
def test_a_monitor_that_others_reach_needs_a_token(boucle: "Boucle", token: str) -> None:
    """Its address counts by itself: also where the pages are for this machine alone; without others none is needed."""
    boucle.set(http_bind="127.0.0.1:8080", monitor_bind="0.0.0.0:9464", monitor_token=token)
    assert weak_ones(boucle) == {"monitor_token"}
    refused = boucle("web")
    assert refused.code == 1
    assert "BOUCLE_MONITOR_TOKEN" in refused.err
    boucle.set(monitor_bind="127.0.0.1:9464")
    assert weak_ones(boucle) == set()
    boucle.set(monitor_bind="192.0.2.4:9464", monitor_token="t" * 32)
    assert weak_ones(boucle) == set()


@pytest.mark.parametrize("bind", ["0.0.0.0:80", "[::]:80", "192.0.2.4:80", "nps.example:80"])
def test_whatever_is_not_loopback_is_open(boucle: "Boucle", bind: str) -> None:
    """Every other address counts as one that others reach."""
    boucle.set(**WEAK)
    boucle.set(http_bind=bind)
    assert weak_ones(boucle) == set(STRONG)


def test_a_key_that_was_made_counts(boucle: "Boucle") -> None:
    """`boucle keys create` works before the start is allowed, and answers the fault."""
    boucle.set(**{**STRONG, "http_bind": "0.0.0.0:8080", "api_keys": ""})
    assert weak_ones(boucle) == {"api_keys"}
    assert boucle("keys", "create").code == 0
    assert weak_ones(boucle) == set()


@pytest.mark.parametrize("verb", ["run", "send", "web"])
def test_a_demo_s_home_is_no_home_for_real_events(boucle: "Boucle", verb: str) -> None:
    """Roles refuse the database of a demo, `check` names it, and verbs that look at it go on."""
    boucle("status")
    parts = boucle.parts()
    with parts.store.engine.begin() as connection:
        row = {"name": "demo", "value": "yes", "at": parts.now(), "by": "demo"}
        connection.execute(sa.insert(tables.control).values(**row))
    parts.store.close()
    boucle.set(http_bind=f"127.0.0.1:{free_port()}")
    refused = boucle(verb)
    assert refused.code == 1
    assert "holds the year of a demo" in refused.err
    assert "Set BOUCLE_HOME to another place" in refused.err
    assert "holds the year of a demo" in boucle("check").err
    assert boucle("books").code == 0


def test_check_looks_on_beside_faulty_settings(boucle: "Boucle", folder: Path) -> None:
    """A bad setting, a faulty brand, an unknown variable and a lost key are told in one run, and nothing untrue."""
    boucle("status")
    brand = folder / "own" / "templates" / "brand.yaml"
    brand.parent.mkdir(parents=True)
    brand.write_text("name: Lamps\ncolour: blue\n")
    boucle.set(overrides=str(folder / "own"), batch_size="none", mail_per_dya="5", id_secret="another", smtp_url="mail")
    boucle.set(http_bind="0.0.0.0:8080", public_url="nps.example.com")
    ended = boucle("check", "--format", "json").json()
    listed = {fault["variable"].removeprefix("BOUCLE_").lower(): fault["kind"] for fault in ended["settings"]}
    assert listed == {
        "batch_size": "bad",
        "smtp_url": "bad",
        "public_url": "bad",
        "mail_per_dya": "unknown",
        "secret": "weak",
        "api_keys": "weak",
        "monitor_token": "weak",
    }
    others = [fault for fault in ended["faults"] if fault not in {fault["sentence"] for fault in ended["settings"]}]
    assert any("derive from another key" in fault for fault in others)
    assert all("brand.yaml" in fault or "derive from another key" in fault for fault in others), others


VERBS_WITH_IDS = (
    ("status",),
    ("run",),
    ("send",),
    ("web",),
    ("resume",),
    ("retention",),
    ("clock", "show"),
    ("users", "add", "ana", "--role", "lead", "--no-password"),
    ("keys", "create", "shop"),
    ("events", "plan", "{tmp}/file"),
    ("privacy", "erase", "42"),
    ("explain", "customer", "42"),
    ("tickets", "claim", "1"),
    ("dead-letters", "replay"),
)


def test_no_verb_works_with_another_key_of_ids(boucle: "Boucle", folder: Path) -> None:
    """Roles and verbs refuse with one sentence that says what to do, write nothing, and work again with the key."""
    boucle("status")
    key = (boucle.home / "id-secret").read_text()
    before = (boucle.home / "boucle.db").read_bytes()
    boucle.set(id_secret="another key", http_bind=f"127.0.0.1:{free_port()}")
    for verb in (*VERBS_WITH_IDS, ("check",)):
        ended = boucle(*(part.replace("{tmp}", str(folder)) for part in verb))
        assert ended.code == 1, verb
        assert "Set BOUCLE_ID_SECRET to the key the installation began with" in ended.err, verb
    assert (boucle.home / "boucle.db").read_bytes() == before
    boucle.set(id_secret=key)
    assert boucle("check").code == boucle("status").code == 0


def test_what_needs_no_database_asks_none(boucle: "Boucle", folder: Path) -> None:
    """With the database away, tables are checked and events are published all the same."""
    boucle.set(database_url="postgresql://127.0.0.1:1/x", kafka_bootstrap="127.0.0.1:1")
    shipped = Path(__file__).parents[2] / "rules" / "follow-up"
    for verb in ("check", "test", "version"):
        ended = boucle("rules", verb, str(shipped))
        assert ended.code == 0, verb
        assert ended.err.count("The database does not answer") == (verb == "check")
    assert boucle("services", "status").code == 0
    for arguments in (["events", "publish", str(folder / "file")], ["topics", "create"]):
        ended = boucle(*arguments)
        assert "database" not in ended.err
        assert "Kafka" in ended.err


EDITED = {
    "templates/brand.yaml": "nme: Lamps",
    "rules/events.csv": "event;kind",
    "rules/journey-plan/rules.csv": "x;y",
    "rules/follow-up/rules.csv": "x;y",
    "rules/journey-plan/contrary.csv": "x;y",
    "rules/journey-plan/waves.csv": "x;y",
    "rules/attributes.yaml": "plan: {type: words}",
    "rules/calendar.yaml": "hours: always",
    "rules/root-causes.yaml": "Price!: [high]",
    "rules/sites.yaml": "shop: {origins: none}",
    "rules/places.yaml": "till: {kind: desk}",
    "rules/drivers.yaml": "price: dear",
    "rules/countries.csv": "country;consent",
}
"""A slip in every file that an operator writes."""


def test_every_faulty_file_is_named_at_once(boucle: "Boucle", tmp_path: Path) -> None:
    """One after another would be a run of `boucle check` for each: also where the brand, or an attribute, is faulty."""
    own = tmp_path / "own"
    for folder in ("rules/journey-plan", "rules/follow-up"):
        shutil.copytree(SHIPPED / folder, own / folder)
    for place, text in EDITED.items():
        (own / place).parent.mkdir(parents=True, exist_ok=True)
        (own / place).write_text(text, "utf-8")
    assert {Path(place).name for place in EDITED} >= {Path(place).name for place in FILES}
    boucle.set(overrides=str(own))
    ended = boucle("check")
    faults = (ended.out + ended.err).splitlines()
    named = {place for place in EDITED if any(names(fault, place) for fault in faults)}
    assert (ended.code, named) == (1, set(EDITED))


def names(fault: str, place: str) -> bool:
    """Tell whether a fault begins with the place of a file, or with that of the table that it holds."""
    folder, _, name = place.rpartition("/")
    return fault.startswith((place, f"{folder}: {name}"))
