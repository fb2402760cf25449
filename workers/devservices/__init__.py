"""Real Kafka, PostgreSQL and a mail server for this machine, from ordinary packages: up, down, status.

A part whose address stands in the environment is used as it is and never started or stopped. What is started outlives
the command and is remembered in `HOME/services/state.json`. For trying out, tests and benchmarks; not for production.
"""

import os
import shlex
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workers.devservices import kafka, places, postgres, smtp
from workers.devservices.places import Running
from workers.errors import Misconfigured


class Part(StrEnum):
    """The parts that can be started, by the names the command line takes."""

    KAFKA = "kafka"
    POSTGRES = "postgres"
    SMTP = "smtp"


class PartState(StrEnum):
    """Whether a part is somebody else's, ours and up, or down."""

    GIVEN = "given"
    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part as `boucle services status` shows it."""

    name: str
    state: PartState
    address: str
    setting: str
    kind: str
    directory: str


SETTINGS = {
    Part.KAFKA: "BOUCLE_KAFKA_BOOTSTRAP",
    Part.POSTGRES: "BOUCLE_DATABASE_URL",
    Part.SMTP: "BOUCLE_SMTP_URL",
}
# Fast shutdown for PostgreSQL is SIGINT: it does not wait for clients to leave.
ENDINGS = {Part.KAFKA: signal.SIGTERM, Part.POSTGRES: signal.SIGINT, Part.SMTP: signal.SIGTERM}
DEFAULT_PARTS = (Part.KAFKA.value, Part.POSTGRES.value)


def up(
    home: Path,
    names: Sequence[str] = DEFAULT_PARTS,
    *,
    environment: Mapping[str, str] | None = None,
    durable: bool = True,
) -> dict[str, str]:
    """Start the named parts that do not run yet and return the address of each; idempotent.

    `durable=False` is for data that is thrown away: PostgreSQL does not wait for the disk. Raises Misconfigured when
    something is missing on this machine, NotNow when a part does not come up.
    """
    given = addresses_given(os.environ if environment is None else environment)
    addresses: dict[str, str] = {}
    with places.alone(home):
        running = alive(home)
        for part in parts(names):
            if part in given:
                addresses[part.value] = given[part]
                continue
            if part not in running:
                running[part.value] = start(part, home, durable=durable)
                places.remember(home, running)
            addresses[part.value] = running[part].address
    return addresses


def down(home: Path, names: Sequence[str] = tuple(Part), *, discard: bool = False) -> list[str]:
    """Stop what `up` started for `home` and return the names of what was stopped; idempotent.

    Data stays for the next `up`, unless `discard` is set.
    """
    stopped = []
    with places.alone(home):
        started = places.remembered(home)
        for part in parts(names):
            running = started.pop(part, None)
            if running is None:
                continue
            if places.is_running(running):
                stopped.append(part.value)
            places.end(running, first=signal.SIGKILL if discard and part is Part.KAFKA else ENDINGS[part])
            if discard:
                shutil.rmtree(running.directory, ignore_errors=True)
        places.remember(home, started)
    return stopped


def status(home: Path, *, environment: Mapping[str, str] | None = None) -> list[PartStatus]:
    """Tell of every part whether it is given, running or stopped, and at which address."""
    given = addresses_given(os.environ if environment is None else environment)
    running = alive(home)
    rows = []
    for part in Part:
        state, address, kind, directory = PartState.STOPPED, "", "", ""
        if part in given:
            state, address, kind = PartState.GIVEN, given[part], "from the environment"
        elif part in running:
            ours = running[part]
            state, address, kind, directory = PartState.RUNNING, ours.address, ours.kind, ours.directory
        rows.append(PartStatus(part.value, state, address, SETTINGS[part], kind, directory))
    return rows


def shell_lines(addresses: Mapping[str, str]) -> list[str]:
    """Turn what `up` returned into lines that a shell can read: the settings that point Boucle at these parts."""
    return [f"{SETTINGS[part]}={shlex.quote(addresses[part])}" for part in Part if part in addresses]


def mail_folder(home: Path) -> Path | None:
    """Return the Maildir into which the mail server that `up` started puts what it takes."""
    running = alive(home).get(Part.SMTP)
    return Path(running.directory) / smtp.MAIL_FOLDER if running is not None else None


def parts(names: Sequence[str]) -> list[Part]:
    """Turn names from the command line into parts; Misconfigured lists every unknown one."""
    unknown = [name for name in names if name not in set(Part)]
    if unknown:
        choices = ", ".join(Part)
        raise Misconfigured([f"There is no part {name!r}: choose among {choices}." for name in unknown])
    return [Part(name) for name in names]


def addresses_given(environment: Mapping[str, str]) -> dict[Part, str]:
    """Return the parts that the environment names an address of; an SQLite file is no server."""
    address_of = {part: environment.get(setting, "") for part, setting in SETTINGS.items()}
    return {part: address for part, address in address_of.items() if address and not address.startswith("sqlite")}


def alive(home: Path) -> dict[str, Running]:
    """Return what was started for `home` and still runs, by the name of the part."""
    return {name: part for name, part in places.remembered(home).items() if places.is_running(part)}


def start(part: Part, home: Path, *, durable: bool) -> Running:
    if part is Part.KAFKA:
        return kafka.start(places.place(home, "kafka", None))
    if part is Part.POSTGRES:
        return postgres.start(home, durable=durable)
    return smtp.start(home)
