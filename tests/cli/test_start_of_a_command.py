"""A command imports what it needs: the help answers at once, and verbs that look need no client of anything else."""

import subprocess
import sys

import click
import pytest

from workers.cli.command import boucle
from workers.cli.command_index import VERBS
from workers.cli.operator import inquiry
from workers.usecases.report import nps_by_dimension

HEAVY = (
    "aiokafka", "alembic", "faust", "httpx", "jsonschema_rs", "kafka", "lxml", "openpyxl", "pydantic", "sqlalchemy",
    "starlette", "uvicorn", "yaml",
)  # fmt: skip
"""What takes long to import, each for a part that the help of a verb does not use."""
NOT_TO_LOOK = (
    "aiokafka", "aiosmtplib", "alembic", "faust", "httpx", "imaplib", "kafka", "lxml", "openpyxl", "psycopg",
    "starlette", "uvicorn",
)  # fmt: skip
"""What no verb needs that looks at an embedded database that is up to date."""
NOT_TO_READ = (
    *NOT_TO_LOOK, "babel", "email_validator", "holidays", "jinja2", "jsonschema_rs", "yaml",
    "workers.adapters.rule_files", "workers.adapters.text_files", "workers.cloudevents.codec",
    "workers.decision_table.checks.checker", "workers.decision_table.files.loader",
    "workers.domain.customer_case", "workers.domain.mail.compose.templates", "workers.domain.mail.translations",
    "workers.domain.policy", "workers.roles", "workers.usecases.intake", "workers.usecases.delivery.sender",
)  # fmt: skip
"""What reads and checks rules, templates and schemas, decides, or composes: no part of reading the database."""
READS_THE_DATABASE = (
    ("books",),
    ("clock", "show"),
    ("keys", "list"),
    ("users", "list"),
    ("audit",),
    ("dead-letters", "list"),
    ("tickets", "list"),
    ("send", "--preview"),
    ("pause",),
    ("resume",),
)
"""Verbs that read, or write a word of an operator's, and decide nothing."""
NO_TEMPLATE = (("explain", "customer", "1"), ("waves", "show"), ("status",), ("suppressions", "list"), ("places",))
"""Verbs that decide by the rules and write no mail."""
LIGHT = ("", "explain", "status", "books", "report")


def imported(arguments: list[str], home: str, *, check: bool = True) -> set[str]:
    """Return the modules that a command of its own process has imported at its end."""
    code = (
        "import sys, atexit; atexit.register(lambda: print(chr(10) + ' '.join(sys.modules)));"
        "from workers.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=check,
        timeout=120,
        env={"BOUCLE_HOME": home, "PATH": "/usr/bin:/bin"},
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("verb", LIGHT)
def test_the_help_imports_nothing_heavy(verb: str, tmp_path: object) -> None:
    """Who asks what a verb does waits for no library that the verb itself may need."""
    modules = imported([verb, "--help"] if verb else ["--help"], str(tmp_path))
    assert sorted(modules.intersection(HEAVY)) == []


def test_looking_imports_no_other_part(tmp_path: object) -> None:
    """The books and the status of an embedded installation need no client of Kafka, HTTP, workbooks or migrations."""
    imported(["status"], str(tmp_path))  # makes the database
    for verb in ("status", "books"):
        modules = imported([verb], str(tmp_path))
        assert sorted(modules.intersection(NOT_TO_LOOK)) == [], verb


def test_reading_the_database_reads_no_rules(tmp_path: object) -> None:
    """A verb that only reads the database opens no table, template or schema, and imports nothing that would."""
    imported(["status"], str(tmp_path))  # makes the database
    read = {" ".join(verb): imported([*verb], str(tmp_path)).intersection(NOT_TO_READ) for verb in READS_THE_DATABASE}
    assert {verb: sorted(modules) for verb, modules in read.items() if modules} == {}


def test_deciding_compiles_no_template(tmp_path: object) -> None:
    """A verb that decides by the rules tries no mail, reads no schema, and loads no holidays and no names in words."""
    imported(["status"], str(tmp_path))
    for verb in NO_TEMPLATE:
        modules = imported([*verb], str(tmp_path), check=False)
        in_words = {"babel"} if verb[0] != "explain" else set()
        unwanted = {
            *NOT_TO_LOOK,
            *in_words,
            "jsonschema_rs",
            "holidays",
            "workers.domain.mail.compose.templates",
            "workers.roles",
        }
        assert sorted(modules & unwanted) == [], verb


def test_the_index_is_the_verbs() -> None:
    """Every line of the list of verbs is the beginning of the verb's own help, and the verb is where the line says."""
    context = click.Context(boucle)
    for name, verb in VERBS.items():
        command = boucle.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert " ".join((command.help or "").split("\n\n")[0].split()) == verb.summary


def test_the_groups_of_a_report_are_those_of_the_command() -> None:
    """The command's help, which is written without importing the report, names all that a report can be grouped by."""
    (option,) = [option for option in inquiry.report.params if option.name == "by"]
    assert isinstance(option, click.Option)
    assert [name for name in nps_by_dimension.BY if name not in (option.help or "")] == []
