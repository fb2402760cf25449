"""HOME: the folder of the embedded database, the local mailbox, the outbox file and the secrets that were made up.

Everything in it is for the account that runs Boucle alone: files 0600, folders 0700, whatever the umask says. Only what
Boucle made itself is ever changed: a HOME that holds other people's files keeps its mode, and that is told.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from workers.errors import Misconfigured

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
OTHERS = 0o077
"""Everybody but the owner."""
SECRET_BYTES = 32
SIGNING_SECRET = "secret"
ID_SECRET = "id-secret"
SQLITE = "sqlite:///"
BESIDE_A_DATABASE = ("", "-wal", "-shm", "-journal")
"""What SQLite appends to a database's name: the log holds what was written last, personal data included."""
OURS = frozenset({"boucle.db", SIGNING_SECRET, ID_SECRET, "mailbox", "outbox.jsonl", "faust"})
"""What Boucle makes in HOME; a HOME with nothing else in it is Boucle's own folder and may be closed to others."""


def make_private_folder(path: Path) -> None:
    """Make a folder and what is missing above it for this account alone; what is there stays. Raises OSError."""
    if path.is_dir():
        return
    if path.parent != path:
        make_private_folder(path.parent)
    try:
        path.mkdir(mode=PRIVATE_FOLDER)  # of roles that start at once, one makes it: only the making itself can tell
    except FileExistsError:
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def open_private(path: Path, flags: int = os.O_CREAT | os.O_TRUNC) -> BinaryIO:
    """Open a file for writing that only this account may read, from its first byte on. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | flags, PRIVATE_FILE)
    return cast("BinaryIO", os.fdopen(descriptor, "ab" if flags & os.O_APPEND else "wb"))


def put_unless_there(whole: Path, place: Path) -> None:
    """Give a whole file its name unless that is taken. Raises OSError."""
    try:
        os.link(whole, place)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not place.exists():
            whole.replace(place)


def is_open_to_others(path: Path) -> bool:
    """Tell whether another account may do anything with a file or folder; False when it is not there."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & OTHERS)
    except OSError:
        return False


def close_to_others(path: Path) -> bool:
    """Take every right of other accounts away; False when there was none, or when it is not ours to change."""
    if not is_open_to_others(path):
        return False
    with suppress(OSError):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
        return True
    return False


def make_database_file(path: Path) -> None:
    """Make an empty SQLite database for this account alone before SQLite does; its -wal and -shm take its mode.

    Raises Misconfigured when the folder or the file cannot be made.
    """
    try:
        make_private_folder(path.parent)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not path.exists():
            open_private(path, os.O_CREAT).close()
    except OSError as error:
        raise Misconfigured([no_database_file(path, error)]) from error


def database_file_faults(path: Path) -> list[str]:
    """Return why an embedded database that is not there could not be made, without making it."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        see_that_it_can_be_made(path.parent)
    except OSError as error:
        return [no_database_file(path, error)]
    return []


def no_database_file(path: Path, error: OSError) -> str:
    """Return that an embedded database cannot be made, and why."""
    return f"The embedded database {path} cannot be made: {reason_of(error)}. Set BOUCLE_HOME or BOUCLE_DATABASE_URL."


def see_that_it_can_be_made(folder: Path) -> None:
    """Write into the nearest folder above that is there, and take it away again. Raises OSError."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    with TemporaryFile(dir=there):
        pass


def reason_of(error: OSError) -> str:
    """Return why the system refused, in lower case and without the path."""
    return (error.strerror or str(error)).lower()


class Home:
    """The folder that BOUCLE_HOME names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder where there is none, and see that it can be written.

        Raises Misconfigured with a sentence that names it.
        """
        try:
            make_private_folder(self.path)
            with TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise Misconfigured([self._not_writable(error)]) from error

    def faults(self) -> list[str]:
        """Return why the folder cannot be used, without making it."""
        try:
            see_that_it_can_be_made(self.path)
        except OSError as error:
            return [self._not_writable(error)]
        return []

    def _not_writable(self, error: OSError) -> str:
        return (
            f"BOUCLE_HOME names {self.path}, which cannot be written: {reason_of(error)}. "
            "Name a folder that this account may write to."
        )

    def secret(self, name: str) -> str:
        """Return a secret that is kept here, or nothing. Raises Misconfigured when it cannot be read."""
        try:
            return (self.path / name).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except NotADirectoryError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            why = (getattr(error, "strerror", None) or "it is no text").lower()
            raise Misconfigured(
                [f"{self.path / name} cannot be read ({why}): let this account read it, or restore it."]
            ) from error

    def keep_secret(self, name: str, value: str) -> str:
        """Keep a secret unless one is kept already, and return the one that is. Raises Misconfigured.

        It is written beside its place and linked there whole: of roles that start at once, none reads half a secret.
        """
        self.make()
        whole = self.path / f".{name}.{secrets.token_hex(8)}"
        try:
            with open_private(whole, os.O_CREAT | os.O_EXCL) as file:
                file.write(value.encode())
            put_unless_there(whole, self.path / name)
        except OSError as error:
            raise Misconfigured([self._not_writable(error)]) from error
        finally:
            whole.unlink(missing_ok=True)
        return self.secret(name)

    def make_up_secret(self, name: str) -> str:
        """Return the secret that is kept here, made up where there is none. Raises Misconfigured."""
        secret = self.secret(name) or self.keep_secret(name, secrets.token_urlsafe(SECRET_BYTES))
        if not secret:
            raise Misconfigured([f"{self.path / name} is empty: restore it, or remove it if nothing was ever sent."])
        return secret

    def close_to_others(self, database: str) -> list[str]:
        """Close what others may read: the database and its log, mailbox, outbox, secrets; return what was changed."""
        changed = [str(path) for path in self._private_files(database) if close_to_others(path)]
        if self.is_our_own() and close_to_others(self.path):
            changed.append(str(self.path))
        return changed

    def open_to_others(self, database: str) -> list[str]:
        """Return what others may read although it is private."""
        wanted = [self.path, *self._private_files(database)]
        return [str(path) for path in wanted if is_open_to_others(path)]

    def is_our_own(self) -> bool:
        """Tell whether nothing but Boucle's files is in the folder, so that its mode is Boucle's to set."""
        try:
            names = {path.name for path in self.path.iterdir()}
        except OSError:
            return False
        return all(name in OURS or name.startswith("boucle.db-") for name in names)

    def _private_files(self, database: str) -> Iterator[Path]:
        """Give what may hold personal data or a secret; the mails of a folder that was closed need no look each."""
        if database.startswith(SQLITE):
            for suffix in BESIDE_A_DATABASE:
                yield Path(database.removeprefix(SQLITE) + suffix)
        for name in (SIGNING_SECRET, ID_SECRET, "outbox.jsonl"):
            yield self.path / name
        mailbox = self.path / "mailbox"
        if is_open_to_others(mailbox):
            yield from mailbox.glob("*.eml")
        yield mailbox
