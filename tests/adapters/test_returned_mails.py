"""Where returned mails lie: each place gives every mail, each by itself, and is tidied by the sender alone."""

import asyncio
import mailbox
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from embedded import Embedded, journey
from imapserver import FakeImap, Kept, serving
from returnedmails import LETTER, NESTED, OUT_OF_OFFICE, PATH, dsn

from workers import app, roles, settings
from workers.adapters.imap_folder import ImapFolder
from workers.adapters.returned_mails import place_at
from workers.domain.records import Dispatch, Suppression
from workers.errors import BadInput, Conflict, Misconfigured, NotNow
from workers.store.delivery.returned_mails import counted_returned
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.bounces.collection import Collector, Place
from workers.usecases.bounces.intake import BounceIntake, Taken, count


@pytest.fixture
def imap() -> Iterator[FakeImap]:
    """Give an IMAP server."""
    with serving() as server:
        yield server


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Embedded]:
    """Give an installation that asked one customer."""
    made = Embedded(tmp_path / "home")
    made.take(journey("delivery", reference="1042"))
    made.settle()
    yield made
    made.close()


def report(house: Embedded) -> bytes:
    """Return a hard bounce of the customer's mail."""
    mail = next(dispatch for dispatch in house.rows(Dispatch) if dispatch.template == "ask-delivery")
    path = house.parts.links.return_path(mail.id, "lamps.example")
    return dsn("5.1.1").replace(PATH.encode(), path.encode())


def read(house: Embedded, place: Place) -> list[Taken]:
    """Read everything in a place, as the verb does."""
    letters = (letter for item in place.items(fresh=False) for letter in item.letters)
    return house.parts.outgoing.bounce_intake().take_all(letters, str(place), "ana")


def shown(taken: list[Taken]) -> dict[str, int]:
    """Return how many mails there were of each kind."""
    return {name: number for name, number in count(taken).items() if number}


def lay_out(house: Embedded, kind: str, folder: Path, imap: FakeImap) -> Place:
    """Put a bomb, a bounce, an out-of-office note and a letter into a place of a kind, the bomb first."""
    mails = [NESTED, report(house), OUT_OF_OFFICE, LETTER]
    if kind == "imap":
        imap.messages = [Kept(raw) for raw in mails]
        return ImapFolder.parse(imap.url)
    if kind == "mbox":
        separated = (b"From x@y Tue Mar  3 09:12:00 2026\n" + raw + b"\n\n" for raw in mails)
        (folder / "box").write_bytes(b"".join(separated))
        return place_at(folder / "box")
    for number, raw in enumerate(mails):
        name = Path(f"{number}.eml")
        if kind == "maildir":
            name = Path("new") / f"{number}.host" if number else Path("cur") / "0.host:2,"
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(raw)
    return place_at(folder)


def snapshot(folder: Path) -> list[tuple[str, bytes]]:
    """Return every file of a folder."""
    return sorted((str(path.relative_to(folder)), path.read_bytes()) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["folder", "maildir", "mbox", "imap"])
def test_every_place_gives_every_mail_and_is_left_as_it_is(
    house: Embedded, kind: str, tmp_path: Path, imap: FakeImap
) -> None:
    """A mail that cannot be read is counted, and the real bounce beside it is read; looking changes nothing."""
    folder = tmp_path / "mails"
    folder.mkdir()
    place = lay_out(house, kind, folder, imap)
    before = snapshot(folder)
    taken = read(house, place)
    assert shown(taken) == {"hard": 1, "auto_reply": 1, "none": 1, "unreadable": 1}
    assert [suppression.kind for suppression in house.rows(Suppression)] == ["bounce"]
    bounced = next(bounce.as_dict() for bounce in taken if bounce.followed == "hard")
    assert (bounced["kind"], bounced["status"], bounced["recipient"]) == ("hard", "5.1.1", "camille@example.org")
    assert len({bounce.name for bounce in taken}) == 4
    assert (snapshot(folder), [message.flags for message in imap.messages if message.flags]) == (before, [])
    assert shown(read(house, place)) == {"known": 1, "auto_reply": 1, "none": 1, "unreadable": 1}


@pytest.mark.parametrize("kind", ["folder", "maildir", "imap"])
def test_the_sender_takes_each_mail_once_and_puts_it_away(
    house: Embedded, kind: str, tmp_path: Path, imap: FakeImap
) -> None:
    """What was read is marked as read, what could not be is set aside, and neither is looked at again; new mail is."""
    folder = tmp_path / "mails"
    folder.mkdir()
    collector = Collector(lay_out(house, kind, folder, imap), house.parts.outgoing.bounce_intake())
    assert [collector.collect("boucle"), collector.collect("boucle")] == [4, 0]
    assert [suppression.kind for suppression in house.rows(Suppression)] == ["bounce"]
    names = [name for name, _ in snapshot(folder)]
    if kind == "imap":
        assert [message.flags for message in imap.messages] == [{"\\Seen", "\\Flagged"}, *[{"\\Seen"}] * 3]
        imap.messages.append(Kept(LETTER))
    elif kind == "maildir":
        assert names == [".Unreadable/cur/0.host:2,S", *(f"cur/{n}.host:2,S" for n in (1, 2, 3))]
        mailbox.Maildir(folder).add(LETTER)
    else:
        assert names == ["read/1.eml", "read/2.eml", "read/3.eml", "unreadable/0.eml"]
        (folder / "later.eml").write_bytes(LETTER)
    assert [collector.collect("boucle"), collector.collect("boucle")] == [1, 0]
    with house.store.reading() as connection:
        acts = [act for act in list_acts(connection) if act["act"] == "bounces.read"]
    assert [(act["by"], act["detail"]["unreadable"]) for act in acts] == [("boucle", 0), ("boucle", 1)]
    assert "s3cret" not in str(acts)
    with house.store.reading() as connection:
        assert counted_returned(connection) == {"hard": 1, "unreadable": 1}


@pytest.mark.parametrize("error", [Conflict("busy"), RuntimeError("a fault")])
def test_a_mail_that_breaks_something_is_its_own_end(house: Embedded, tmp_path: Path, error: Exception) -> None:
    """Other writers in the way: it stays and comes again. A fault: it is set aside. The next one is taken."""
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "0.eml").write_bytes(dsn("5.1.1"))
    (folder / "1.eml").write_bytes(report(house))
    errors = [error]

    def read_return_path(path: str) -> str | None:
        if path == PATH and errors:
            raise errors.pop()
        return house.parts.links.read_return_path(path)

    collector = Collector(
        place_at(folder), BounceIntake(house.store, house.parts.policies.current, house.clock.now, read_return_path)
    )
    collector.collect("boucle")
    assert [suppression.kind for suppression in house.rows(Suppression)] == ["bounce"]
    left = sorted(path.name for path in folder.iterdir() if path.is_file())
    assert left == (["0.eml"] if isinstance(error, Conflict) else [])
    collector.collect("boucle")
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == []


def test_a_place_that_cannot_be_written_to_is_read_once(house: Embedded, tmp_path: Path) -> None:
    """What cannot be put away is taken once by this process, not for ever."""
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "1.eml").write_bytes(report(house))
    (folder / "read").write_bytes(b"a file stands where the folder should be")
    collector = Collector(place_at(folder), house.parts.outgoing.bounce_intake())
    assert collector.collect("boucle") == 1
    assert collector.collect("boucle") == 0


def test_an_mbox_is_split_where_a_mail_begins_and_nowhere_else(house: Embedded, tmp_path: Path) -> None:
    """A sentence that begins with From splits nothing; a mail of many megabytes costs its beginning."""
    begin = b"From MAILER-DAEMON Tue Mar  3 09:12:00 2026\n"
    box = tmp_path / "box"
    box.write_bytes(begin + LETTER + b"\nFrom now on I like it.\n\n" + begin + report(house) + b"\n" + b"x" * 9_000_000)
    taken = read(house, place_at(box))
    assert [(bounce.name, bounce.followed) for bounce in taken] == [("box#1", "none"), ("box#2", "hard")]


def test_an_empty_file_is_no_bounce(house: Embedded, tmp_path: Path) -> None:
    """A mail that is still being written, or is empty, is that file's own affair."""
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "0.eml").write_bytes(b"")
    (tmp_path / "mails" / "1.eml").write_bytes(report(house))
    assert [bounce.followed for bounce in read(house, place_at(tmp_path / "mails"))] == ["none", "hard"]


def test_two_senders_may_read_one_place(house: Embedded, tmp_path: Path) -> None:
    """What another sender takes and puts away in between is neither an error nor counted twice."""
    folder = tmp_path / "mails"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.eml").write_bytes(LETTER)
    place = place_at(folder)
    slow = place.items(fresh=True)
    first = next(slow)
    assert Collector(place_at(folder), house.parts.outgoing.bounce_intake()).collect("boucle") == 3
    later = [letter for item in [first, *slow] for letter in item.letters]
    assert later == []


def test_nothing_at_a_path_is_said(tmp_path: Path) -> None:
    """A wrong path is said to be one, not read as empty."""
    with pytest.raises(BadInput, match="does not exist"):
        place_at(tmp_path / "no")


@pytest.mark.parametrize("at", ["LOGIN", "UID SEARCH", "UID FETCH", "UID STORE"])
def test_an_imap_server_that_is_away_is_waited_for(house: Embedded, imap: FakeImap, at: str) -> None:
    """A line cut at any step is "not now", without the password in the message; the next round goes on."""
    imap.messages = [Kept(report(house)), Kept(LETTER)]
    imap.drop_at = at
    collector = Collector(ImapFolder.parse(imap.url), house.parts.outgoing.bounce_intake())
    with pytest.raises(NotNow) as raised:
        collector.collect("boucle")
    assert "s3cret" not in str(raised.value)
    imap.drop_at = ""
    assert collector.collect("boucle") == 2
    assert [suppression.kind for suppression in house.rows(Suppression)] == ["bounce"]


@pytest.mark.parametrize("wrong", [("s3cret", "other"), ("/Bounces", "/Nowhere")])
def test_an_imap_server_that_refuses_is_told(imap: FakeImap, wrong: tuple[str, str]) -> None:
    """A wrong password or folder is said, without the password."""
    place = ImapFolder.parse(imap.url.replace(*wrong))
    with pytest.raises(BadInput, match="refuses") as raised:
        list(place.items(fresh=True))
    assert "other" not in str(raised.value)


@pytest.mark.parametrize("url", ["imaps://host/INBOX", "imaps://ana:secret@", "imap://ana:secret@h:x/INBOX"])
def test_an_imap_address_that_names_no_server_is_a_fault(url: str) -> None:
    """The fault says what one looks like, and repeats no password."""
    with pytest.raises(Misconfigured, match="imaps://user:password@host/INBOX") as raised:
        ImapFolder.parse(url)
    assert "secret" not in str(raised.value)


def test_the_role_send_reads_bounces_and_keeps_its_tables_small_by_itself(house: Embedded, tmp_path: Path) -> None:
    """Both in loops of their own: a bounce is taken, retention runs once a day of business time, until told to stop."""
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "1.eml").write_bytes(report(house))
    environment = {"BOUCLE_HOME": str(tmp_path / "home"), "BOUCLE_SECRET": "test-secret"}
    parts = app.Boucle(
        settings.read({**environment, "BOUCLE_BOUNCES": str(folder), "BOUCLE_BOUNCES_SECONDS": "0.05"}), house.clock
    )

    async def run_both() -> None:
        stop = asyncio.Event()
        running = [asyncio.ensure_future(role(stop)) for role in (roles.returns(parts), roles.keeper(parts))]
        deadline = asyncio.get_running_loop().time() + 20
        while not {"bounces.read", "retention"} <= acts() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        stop.set()
        await asyncio.gather(*running)

    def acts() -> set[str]:
        with house.store.reading() as connection:
            return {str(act["act"]) for act in list_acts(connection) if act["by"] == "boucle"}

    asyncio.run(run_both())
    assert acts() == {"bounces.read", "retention"}
    assert [suppression.kind for suppression in house.rows(Suppression)] == ["bounce"]
    retention = parts.retention()
    assert retention.run_if_due("boucle") == 0
    house.clock.at += timedelta(days=40)
    assert retention.run_if_due("boucle") > 0
    parts.store.close()


@pytest.mark.parametrize("name", ["one.eml", "nowhere"])
def test_a_place_that_the_sender_cannot_tidy_is_a_fault_at_the_start(tmp_path: Path, name: str) -> None:
    """One file, or none, is said before anything runs."""
    (tmp_path / "one.eml").write_bytes(LETTER)
    parts = app.Boucle(settings.read({"BOUCLE_BOUNCES": str(tmp_path / name)}))
    with pytest.raises(Misconfigured, match="BOUCLE_BOUNCES"):
        roles.returns(parts)
