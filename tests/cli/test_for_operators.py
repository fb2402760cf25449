"""The verbs of an operator: starting, checking, keys, tickets, privacy; sentences instead of tracebacks."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import parts
import pytest
from brands import BRAND
from embedded import about, journey
from mailcatcher import MailCatcher
from returnedmails import NESTED, dsn

from workers import devservices
from workers import settings as settings_module
from workers.domain.records import SurveyRequest
from workers.errors import Misconfigured
from workers.store import read
from workers.usecases.operation.migrate import SCHEMA

if TYPE_CHECKING:
    from verbs import Boucle

NOW = datetime.now(UTC).replace(microsecond=0)
PROGRAM = (sys.executable, "-c", "from workers.cli import main; main()")
MASK = "**********"


@pytest.fixture
def answered(boucle: "Boucle") -> "Boucle":
    """Give an installation with one unhappy customer and a ticket."""
    boucle.take(json.dumps(journey("delivery", "42", NOW, reference="1042", label="lamp")).encode())
    boucle.set(settling_seconds="0")
    parts = boucle.parts()
    with parts.store.reading() as connection:
        (request,) = read.rows(connection, SurveyRequest)
    assert parts.customer_actions.answer(request.id, 2, "It came broken", wants_contact=True, phone="+33 1 23")
    parts.scheduler.wake_all()
    parts.store.close()
    return boucle


def test_json_alone_is_on_standard_output(boucle: "Boucle") -> None:
    """In a real process, standard output is one JSON value; logs and hints go to standard error."""
    environment = {
        "PATH": os.environ["PATH"],
        "BOUCLE_HOME": str(boucle.home),
        "BOUCLE_LOG": "json",
        "BOUCLE_MAIL_PER_DYA": "5",
    }
    run = subprocess.run([*PROGRAM, "status", "--format", "json"], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert set(json.loads(run.stdout)) >= {"events", "touchpoints", "due_now", "sending", "dead_letters"}
    assert "did you mean BOUCLE_MAIL_PER_DAY?" in run.stderr


def test_every_fault_of_the_settings_is_named_at_once(boucle: "Boucle") -> None:
    """Wrong values stop every verb with exit 1 and one line for each, naming its variable."""
    boucle.set(batch_size="none", send_window="mon-fri 9-25", sending="maybe")
    for verb in (["status"], ["check"], ["run"], ["books", "--format", "json"]):
        ended = boucle(*verb)
        assert ended.code == 1
        for name in ("BOUCLE_BATCH_SIZE", "BOUCLE_SEND_WINDOW", "BOUCLE_SENDING"):
            assert name in ended.err
        assert "Traceback" not in ended.err


def test_check_finds_all_faults_of_all_kinds(boucle: "Boucle", tmp_path: Path) -> None:
    """A faulty brand, a faulty table and an unknown variable are listed together, as text and as JSON."""
    rules = tmp_path / "own" / "rules" / "follow-up"
    rules.mkdir(parents=True)
    shipped = Path(__file__).parents[2] / "rules" / "follow-up"
    for file in shipped.iterdir():
        (rules / file.name).write_bytes(file.read_bytes())
    lines = (rules / "rules.csv").read_text().splitlines()
    (rules / "rules.csv").write_text("\n".join(line for line in lines if not line.startswith("P1;")) + "\n")
    brand = tmp_path / "own" / "templates" / "brand.yaml"
    brand.parent.mkdir()
    brand.write_text("name: Lamps\ncolour: blue\n")
    boucle.set(overrides=str(tmp_path / "own"), mail_per_dya="5")
    ended = boucle("check", "--format", "json")
    assert ended.code == 1
    faults = "\n".join(ended.json()["faults"])
    for part in ("brand.yaml", "BOUCLE_MAIL_PER_DYA"):
        assert part in faults
    refused = boucle("run")
    assert refused.code == 1
    assert "brand.yaml" in refused.err
    brand.unlink()
    assert "E101" in boucle("run").err


def test_check_is_content_with_a_fresh_installation(boucle: "Boucle") -> None:
    """Nothing set up, nothing wrong: exit 0."""
    ended = boucle("check", "--format", "json")
    assert (ended.code, ended.json()["ok"], ended.json()["faults"]) == (0, True, [])


def test_check_says_everything_that_keeps_mail_from_customers(
    boucle: "Boucle", smtp_catcher: MailCatcher, tmp_path: Path
) -> None:
    """Held, the sample brand, a list of addresses, links to this machine: each in words, and gone once it is mended."""
    boucle.set(smtp_url=smtp_catcher.url, mail_only_to="lea@example.org", mail_redirect="max@example.org")
    ended = boucle("check")
    assert "Everything is in order." not in ended.out
    for part in ("MAIL_ONLY_TO", "MAIL_REDIRECT", "sample shop's name", "Sending is held", "PUBLIC_URL", "no customer"):
        assert part in ended.out
    checked = boucle("check", "--format", "json").json()
    assert (ended.code, checked["ok"], checked["live"], len(checked["before_live"])) == (0, True, False, 5)
    brand = tmp_path / "own" / "templates" / "brand.yaml"
    brand.parent.mkdir(parents=True)
    brand.write_text(BRAND)
    boucle.set(
        overrides=str(tmp_path / "own"), mail_only_to="", mail_redirect="", public_url="https://ask.lamps.example"
    )
    assert [line for line in boucle("check").out.splitlines() if line.startswith("- ")] == [
        "- Sending is held: look at `boucle send --preview`, then `boucle resume` or BOUCLE_SENDING=on.",
        "- There is no key for events: anybody may send them by the proxy. `boucle keys create` makes one.",
    ]
    boucle.set(api_keys="k" * 32)
    assert boucle("migrate").code == 0
    assert boucle("resume").code == 0
    ended = boucle("check")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "Everything is in order.")
    assert boucle("pause").code == 0
    assert "Sending is paused" in boucle("check").out


def test_a_sample_brand_is_told_beside_every_other_weakness(boucle: "Boucle", smtp_catcher: MailCatcher) -> None:
    """A monitor's address that is open hides nothing."""
    boucle.set(smtp_url=smtp_catcher.url, sending="on", monitor_bind="0.0.0.0:9464")
    checked = boucle("check", "--format", "json").json()
    assert {fault["variable"] for fault in checked["settings"]} == {"BOUCLE_MONITOR_TOKEN", "BOUCLE_SENDING"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "postgresql://boucle:topsecret@127.0.0.1:1/boucle"),
        ("kafka_bootstrap", "127.0.0.1:1"),
        ("smtp_url", "smtp://boucle:topsecret@127.0.0.1:1"),
    ],
)
def test_a_part_that_is_away_is_a_sentence(boucle: "Boucle", name: str, value: str) -> None:
    """A database, broker or mail server that does not answer is a fault of `check`, without its password."""
    boucle.set(**{name: value})
    ended = boucle("check")
    assert ended.code == 1
    assert ended.err
    assert "Traceback" not in ended.err
    assert "topsecret" not in ended.err + ended.out


def test_a_database_that_is_away_stops_a_verb_with_a_sentence(boucle: "Boucle") -> None:
    """No verb answers a closed port with a traceback, nor with the password."""
    boucle.set(database_url="postgresql://boucle:topsecret@127.0.0.1:1/boucle")
    for verb in ("status", "migrate", "books"):
        ended = boucle(verb)
        assert ended.code == 1
        assert "The database does not answer" in ended.out + ended.err
        assert "Traceback" not in ended.err
        assert "topsecret" not in ended.out + ended.err


def test_a_real_database_waits_for_migrate(boucle: "Boucle", postgres: str) -> None:
    """On PostgreSQL a role says what to run; `migrate` does it, again and again."""
    boucle.set(database_url=postgres)
    ended = boucle("status")
    assert ended.code == 1
    assert "run `boucle migrate`" in ended.err
    assert boucle("check").code == 1
    assert f"schema {SCHEMA}" in boucle("migrate").out
    assert boucle("migrate").code == 0
    assert boucle("status").code == 0


def test_services_are_those_of_home(boucle: "Boucle", postgres_server: str) -> None:
    """`services status` tells of the parts that run in HOME, whoever started them."""
    run = parts.current()
    if devservices.Part.POSTGRES.value in run.given:
        pytest.skip("PostgreSQL was given by its address, so nothing was started")
    boucle.set(home=str(run.home))
    ended = boucle("services", "status", "--format", "json")
    assert {service["name"]: service["address"] for service in ended.json()}["postgres"] == postgres_server


def test_a_key_is_shown_once_and_works(boucle: "Boucle") -> None:
    """`keys create` prints a key, keeps its hash only, and makes secrets in their forms."""
    ended = boucle("keys", "create", "--name", "shop", "--format", "json")
    assert ended.code == 0
    made = ended.json()
    assert made["webhook_secret"].startswith("whsec_")
    database = (boucle.home / "boucle.db").read_bytes()
    assert made["api_key"].encode() not in database
    assert boucle("audit", "--format", "json").json()[0]["act"] == "key.create"


def test_keys_are_listed_and_revoked(boucle: "Boucle") -> None:
    """Name, scopes, owner, end, last use and state; never the key; revoked by name or by id, at once."""
    boucle.set(api_keys="from-the-settings:tickets")
    shop = ("keys", "create", "shop", "--scope", "scores", "--scope", "journey", "--expires", "P90D", "--owner", "lea")
    made = boucle(*shop, "--format", "json").json()
    assert made["scopes"] == ["journey", "scores"]
    assert "may send journey, scores, until " in boucle(*shop).out
    assert "may send all." in boucle("keys", "create").out
    listed = boucle("keys", "list", "--format", "json").json()
    assert [(row["name"], row["state"], row["scopes"]) for row in listed] == [
        ("shop", "active", ["journey", "scores"]),
        ("shop", "active", ["journey", "scores"]),
        ("crm", "active", ["all"]),
        ("BOUCLE_API_KEYS 1", "in the settings", ["tickets"]),
    ]
    assert (listed[0]["owner"], listed[0]["last_used_at"]) == ("lea", None)
    assert made["api_key"] not in boucle("keys", "list").out
    assert boucle("keys", "revoke", made["id"]).code == 0
    assert "shop" in boucle("keys", "revoke", "shop").out
    assert "was revoked before" in boucle("keys", "revoke", "shop").out
    assert [key_listed["state"] for key_listed in boucle("keys", "list", "--format", "json").json()][:3] == [
        *("revoked", "revoked"),
        "active",
    ]
    unknown = boucle("keys", "revoke", "nobody")
    assert (unknown.code, "There is no key nobody" in unknown.err) == (1, True)
    assert "take it out there" in boucle("keys", "revoke", "BOUCLE_API_KEYS 1").err
    assert [act["act"] for act in boucle("audit", "--format", "json").json()].count("key.revoke") == 2
    for wrong in (
        ["--expires", "soon"],
        ["--expires", "PT0S"],
        ["--scope", "everything"],
        ["--name", "a\nb"],
        [""],
        [" "],
    ):
        assert boucle("keys", "create", *wrong).code == 2, wrong


def test_tickets_are_listed_claimed_noted_and_done(answered: "Boucle") -> None:
    """An agent's way through a ticket on the command line; each step is in its history."""
    (listed,) = answered("tickets", "list", "--format", "json").json()
    assert (listed["number"], listed["score"], listed["state"], listed["customer"]) == (1, 2, "open", "42")
    assert answered("tickets", "claim", "1", "--by", "ana").code == 0
    assert answered("tickets", "note", "1", "will call at noon", "--by", "ana").code == 0
    unfinished = answered("tickets", "done", "1")
    assert unfinished.code == 2
    assert "root cause" in unfinished.err
    done = [
        "tickets",
        "done",
        "1",
        "--cause",
        "delivery/late",
        "--sentence",
        "A new lamp is on its way.",
        "--by",
        "ana",
    ]
    assert answered(*done).code == 0
    shown = answered("tickets", "show", "1", "--format", "json").json()
    assert (shown["state"], shown["outcome"], shown["comment"]) == ("done", "solved", "It came broken")
    assert [entry["kind"] for entry in shown["history"]] == ["opened", "claimed", "note", "done"]
    assert answered("tickets", "list", "--format", "json").json() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["tickets", "show", "99"],
        ["tickets", "claim", "99"],
        ["tickets", "note", "99", "x"],
        ["explain", "customer", "nobody"],
        ["explain", "response", "nothing"],
        ["explain", "response", "00000000-0000-8000-8000-000000000000"],
        ["privacy", "export", "nobody"],
        ["privacy", "erase", "nobody"],
    ],
)
def test_what_is_unknown_is_not_found(boucle: "Boucle", arguments: list[str]) -> None:
    """An unknown id is exit 1 with a sentence on standard error, and nothing on standard output."""
    ended = boucle(*arguments)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("No ")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["tickets", "show", "one"],
        ["explain", "weather", "42"],
        ["status", "--format", "xml"],
        ["no-such-verb"],
        ["retention", "--dry"],
        ["audit", "--limit", "0"],
    ],
)
def test_wrong_use_is_exit_2(boucle: "Boucle", arguments: list[str]) -> None:
    """What cannot be meant is exit 2 with the usage on standard error."""
    ended = boucle(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err


def test_a_person_is_shown_and_forgotten(answered: "Boucle") -> None:
    """`privacy export` prints everything as JSON, `privacy erase` forgets, and both are in the audit log."""
    ended = answered("privacy", "export", "42")
    assert ended.code == 0
    assert ended.json()["response"][0]["comment"] == "It came broken"
    assert answered("privacy", "erase", "42").code == 0
    after = answered("privacy", "export", "42", "--format", "json")
    assert (after.code, after.out) == (1, "")
    acts = answered("audit", "--format", "json").json()
    assert [act["act"] for act in acts] == ["privacy.export", "privacy.erase", "privacy.export"]
    assert answered("books").code == 0


def test_retention_says_what_would_go(answered: "Boucle") -> None:
    """`retention --dry-run` has each table with its days and rows; the run leaves the young ones."""
    dry = answered("retention", "--dry-run", "--format", "json").json()
    assert dry["dry_run"]
    assert {table["table"]: table["days"] for table in dry["tables"]} == {
        "inbox": 30,
        "dead_letter": 30,
        "click": 90,
        "dispatch_body": 30,
        "shadow": 90,
        "place_answer": 90,
        "history": 730,
    }
    assert answered("retention").code == 0
    assert answered("books").code == 0


def test_bounces_are_read_from_a_file(boucle: "Boucle", tmp_path: Path) -> None:
    """Each mail of a file, a folder or BOUCLE_BOUNCES is told with its kind; a place that is not there is exit 2."""
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"Subject: hello\n\nHello.\n")
    ended = boucle("bounces", "read", str(letter), "--format", "json")
    expected = [{"file": "letter.eml", "kind": "none", "status": "", "recipient": ""}]
    assert (ended.code, ended.json()) == (0, expected)
    assert boucle("bounces", "read", str(tmp_path / "no")).code == 2
    assert boucle("bounces", "read").code == 2
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "bounce.eml").write_bytes(dsn("5.0.0", diagnosis="smtp; 550 5.1.1 user unknown"))
    (folder / "bomb.eml").write_bytes(NESTED)
    ended = boucle("bounces", "read", str(folder), "--format", "json")
    assert ended.json() == [
        {"file": "bomb.eml", "kind": "none", "status": "", "recipient": ""},
        {"file": "bounce.eml", "kind": "hard", "status": "5.1.1", "recipient": "camille@example.org"},
    ]
    boucle.set(bounces=str(folder))
    said = boucle("bounces", "read").out
    assert "too many parts" in said
    assert "not sent to a return path of ours" in said


def test_books_say_where_they_do_not_hold(answered: "Boucle") -> None:
    """A row that was lost by hand is a sum that does not hold: exit 1, and the sum is named."""
    import sqlite3

    assert answered("books", "--format", "json").code == 0
    with sqlite3.connect(answered.home / "boucle.db") as connection:
        connection.execute("DELETE FROM survey_request")
    connection.close()
    ended = answered("books", "--format", "json")
    assert ended.code == 1
    assert [total for total in ended.json()["sums"] if not total["ok"]]


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """Every secret may stand in a file that BOUCLE_..._FILE names; a missing file is a fault that names both."""
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    settings = settings_module.read({"BOUCLE_SECRET_FILE": str(secret), "BOUCLE_API_KEYS_FILE": str(secret)})
    assert settings.secret.get_secret_value() == settings.api_keys.get_secret_value() == "from-a-file"
    with pytest.raises(Misconfigured, match=r"BOUCLE_SECRET_FILE: cannot read .*nothing"):
        settings_module.read({"BOUCLE_SECRET_FILE": str(tmp_path / "nothing")})


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    """No form of the settings shows a password, a key or a secret."""
    secrets = {
        "SECRET": "s3cret-one",
        "API_KEYS": "s3cret-two",
        "WEBHOOK_SECRET": "whsec_s3cret",
        "SMTP_URL": "smtp://me:s3cret@mail.example:25",
        "KAFKA_PASSWORD": "s3cret-five",
        "OIDC_CLIENT_SECRET": "s3cret-six",
        "DATABASE_URL": "postgresql://boucle:s3cret@db.example/boucle",
    }
    settings = settings_module.read({f"BOUCLE_{name}": value for name, value in secrets.items()})
    for shown in (repr(settings), str(settings), f"{settings.model_dump()}", settings.model_dump_json()):
        assert "s3cret" not in shown
    assert MASK in repr(settings)


def test_a_faulty_secret_is_not_repeated() -> None:
    """A fault of a secret's value names the variable, never the value."""
    with pytest.raises(Misconfigured) as caught:
        settings_module.read(
            {"BOUCLE_BATCH_SIZE": "none", "BOUCLE_WEBHOOK_URL": "https://x", "BOUCLE_SECRET": "s3cret"}
        )
    assert "s3cret" not in str(caught.value)


def test_check_says_that_returned_mails_cannot_be_read(boucle: "Boucle", tmp_path: Path) -> None:
    """A folder that is not there, or a server that is away, is a fault before anything runs; no password shows."""
    for wrong, said in (
        (str(tmp_path / "no"), "does not exist"),
        ("imap://ana:s3cret@127.0.0.1:1/INBOX", "does not answer"),
        ("imaps://host", "imaps://user:password@host/INBOX"),
    ):
        boucle.set(bounces=wrong)
        ended = boucle("check", "--format", "json")
        faults = [fault for fault in ended.json()["faults"] if fault.startswith("BOUCLE_BOUNCES")]
        assert ended.code == 1
        assert len(faults) == 1
        assert said in faults[0]
        assert "s3cret" not in ended.out + ended.err


def test_a_mailbox_is_given_back(boucle: "Boucle") -> None:
    """Listed with whose it is, lifted by any spelling with a reason; what is not there, or no address, is said."""
    boucle.take(orjson.dumps(about("opted_out", "1", customer={"id": "1", "email": "jean@exämple.fr"})))
    (listed,) = boucle("suppressions", "list", "--format", "json").json()
    assert (listed["kind"], listed["customers"]) == ("opt_out", ["1"])
    assert "customer 1" in boucle("suppressions", "list").out
    assert boucle("suppressions", "lift", "jean@exämple.fr").code == 2
    assert boucle("suppressions", "lift", "jean, and others", "--why", "x").code == 2
    done = boucle("suppressions", "lift", "Jean@xn--exmple-cua.fr", "--why", "asked by phone", "--format", "json")
    assert done.json() == {"lifted": ["opt_out"], "opted_out": ["1"]}
    assert boucle("suppressions", "lift", "jean@exämple.fr", "--why", "again").code == 1
    assert "suppression.lift" in boucle("audit").out
    assert "No mailbox" in boucle("suppressions", "list").out


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("templates/brand.yaml", "name: [", "brand.yaml"),
        ("templates/brand.yaml", "language: xx\n", "brand.yaml"),
        ("rules/events.csv", "type;kind;name\ncom.shop.paid;journey;\n", "events.csv"),
        ("templates/catalogs/fr.po", 'msgid "a\n', "fr.po"),
    ],
    ids=["unreadable brand", "brand of no language", "event types", "texts"],
)
def test_a_faulty_text_keeps_nobody_from_pausing(
    boucle: "Boucle", tmp_path: Path, name: str, content: str, says: str
) -> None:
    """While a file of one's own is faulty the service goes on; so do pause and explain, and the status names it."""
    boucle.take(json.dumps(journey("delivery", "42", NOW, reference="1042")).encode())
    faulty = tmp_path / "own" / name
    faulty.parent.mkdir(parents=True)
    faulty.write_text(content)
    boucle.set(overrides=str(tmp_path / "own"))
    assert boucle("pause").code == 0
    status = boucle("status", "--format", "json")
    assert (status.code, status.json()["sending"]["state"], says in status.err) == (0, "paused", True)
    assert boucle("explain", "customer", "42", "--format", "json").code == 0
    assert boucle("check").code == 1


def test_check_names_sites_that_can_ask_nobody(boucle: "Boucle", tmp_path: Path) -> None:
    """A site without a key, and a key without a site, each with what to do."""
    own = tmp_path / "own" / "rules"
    own.mkdir(parents=True)
    lines = "  origins: [https://www.shop.example]\n  triggers: {call: yes}\n"
    (own / "sites.yaml").write_text(f"shop:\n{lines}blog:\n{lines}help:\n{lines}", "utf-8")
    boucle.set(overrides=str(own.parent), site_keys=f"shop:{'k' * 32},blog:{'b' * 32},shopp:{'x' * 32}")
    ended = boucle("check")
    assert ended.code == 1
    assert "help has no key, so nobody is asked there: set BOUCLE_SITE_KEYS=help:KEY" in ended.err
    assert "'shopp' is no site of rules/sites.yaml; there are: shop, blog, help" in ended.err
    assert "shop has no key" not in ended.err
