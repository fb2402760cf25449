"""Bouncing: what follows from a mail that came back, for its customer and for all sending."""

import mailbox
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from embedded import Embedded, journey
from returning import COMPLAINT, LETTER, OUT_OF_OFFICE, PATH, dsn

from workers import counting
from workers.bouncing import Bouncing, Letter, count
from workers.controls import sending_now
from workers.records import Customer, Dispatch, Suppression, SurveyRequest, Touchpoint
from workers.returned import Collector, place_at
from workers.store.auditlog import list_acts
from workers.words import BadInput


class House(Embedded):
    """An installation that reads its returned mails."""

    def mail(self, template: str = "ask-delivery", crm_id: str = "42") -> Dispatch:
        """Return a customer's mail of a kind."""
        owner = next(one.id for one in self.rows(Customer) if one.crm_id == crm_id)
        return next(one for one in self.rows(Dispatch) if one.template == template and one.customer == owner)

    def path(self, mail: Dispatch) -> str:
        """Return the return path that the mail left with."""
        return self.parts.links.return_path(mail.id, "lamps.example")

    def back(self, report: bytes, mail: Dispatch | None = None) -> str:
        """Let a report about a mail come back and return what it was taken for."""
        return self.bouncing().take(report.replace(PATH.encode(), self.path(mail or self.mail()).encode()))

    def bouncing(self) -> Bouncing:
        """Return the use case."""
        parts = self.parts
        return Bouncing(parts.store, parts.policies.current, self.clock.now, parts.links.read_return_path)

    def sending(self) -> str:
        """Return whether mail goes out."""
        with self.store.reading() as connection:
            return sending_now(connection, self.parts.sending).state

    def request(self) -> SurveyRequest:
        """Return the only request."""
        (found,) = self.rows(SurveyRequest)
        return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Give an installation that asked one customer, who has another touchpoint to come."""
    made = House(tmp_path)
    made.take(journey("delivery", reference="1042"))
    made.settle()
    return made


def test_an_address_that_is_none_is_suppressed_at_once(house: House) -> None:
    """5.1.1: the mail bounced, its request cannot be delivered, nothing more is written to that address."""
    assert house.back(dsn("5.1.1")) == "hard"
    mail = house.mail()
    assert (str(mail.state), mail.reason) == ("bounced", "bounced")
    assert mail.detail.startswith("5.1.1 ")
    assert (str(house.request().state), house.request().reason) == ("undeliverable", "bounced")
    assert [one.kind for one in house.rows(Suppression)] == ["bounce"]
    house.later(days=42, hours=2)
    assert [str(one.state) for one in house.rows(Touchpoint) if one.step == "delivery-6w"] == ["cancelled"]
    assert house.mail("reminder").state == "cancelled"
    assert house.sending() == "on"


def test_for_now_means_later(house: House) -> None:
    """4.x: nobody is suppressed; what waits is put off for days, twice as long after the next bounce."""
    house.take(journey("interaction_ended", at=house.clock.at + timedelta(minutes=1), reference="call"))
    assert house.back(dsn("4.4.7")) == "soft"
    assert house.rows(Suppression) == []
    assert str(house.request().state) == "undeliverable"
    waiting = {one.step: one for one in house.rows(Touchpoint) if one.state == "planned"}
    call = next(one for step, one in waiting.items() if step.startswith("interaction"))
    assert (call.wake_at, call.reason) == (house.clock.at + timedelta(days=3), "bounced")
    assert "delivery-6w" in waiting
    assert waiting["delivery-6w"].wake_at > house.clock.at + timedelta(days=30)


def test_a_refusal_because_of_us_pauses_all_sending(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """5.7.x: sending is paused with the reason, an alarm is logged, and no customer is suppressed."""
    assert house.back(dsn("5.7.26", diagnosis="smtp; 550 DMARC of lamps.example failed")) == "ours"
    assert house.sending() == "paused"
    assert house.rows(Suppression) == []
    (alarm,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert "DMARC of lamps.example failed" in alarm.getMessage()
    with house.store.reading() as connection:
        assert "because of us: 5.7.26" in sending_now(connection, house.parts.sending).reason


def test_a_complaint_suppresses_and_opts_out(house: House) -> None:
    """Who calls a mail spam gets none any more, of no kind, and is opted out for ever."""
    assert house.back(COMPLAINT) == "complaint"
    assert sorted(one.kind for one in house.rows(Suppression)) == ["complaint", "opt_out"]
    assert house.rows(Customer)[0].opted_out_at == house.clock.at
    assert str(house.mail().state) == "accepted"  # it arrived
    assert {str(one.state) for one in house.rows(Touchpoint)} == {"asked", "cancelled"}


def test_a_late_delivery_changes_nothing(house: House) -> None:
    """A report that the server still tries is not a bounce."""
    assert house.back(dsn("4.4.1", "delayed")) == "delayed"
    assert str(house.mail().state) == "accepted"


@pytest.mark.parametrize("report", [OUT_OF_OFFICE, LETTER])
def test_what_persons_and_their_machines_write_is_no_answer(house: House, report: bytes) -> None:
    """An out-of-office note or a letter, even to our return path, answers nothing and stops nothing."""
    house.back(report)
    assert str(house.mail().state) == "accepted"
    assert str(house.request().state) == "open"
    assert house.rows(Suppression) == []


def forged(house: House) -> str:
    """Return a return path that nobody signed."""
    good = house.path(house.mail())
    return good.replace(good[10], "a" if good[10] != "a" else "b", 1)


@pytest.mark.parametrize("path", [forged, lambda house: "hello@lamps.example", lambda house: "bounce+@lamps.example"])
def test_only_a_signed_return_path_is_believed(house: House, path: Callable[[House], str]) -> None:
    """A report to any other address changes nothing, whatever addresses it names."""
    report = (
        dsn("5.1.1").replace(b"camille@example.org", b"42@example.org").replace(PATH.encode(), path(house).encode())
    )
    assert house.bouncing().take(report) == "untrusted"
    assert house.rows(Suppression) == []
    assert str(house.mail().state) == "accepted"


@pytest.mark.parametrize("report", [dsn("5.1.1"), dsn("4.4.7"), dsn("5.7.1"), COMPLAINT])
def test_the_same_report_twice_is_one(house: House, report: bytes) -> None:
    """Reading a mailbox again changes nothing."""
    house.back(report)
    before = (house.rows(Dispatch), house.rows(Suppression), house.rows(Touchpoint), house.rows(SurveyRequest))
    house.clock.at += timedelta(hours=1)
    assert house.back(report) == "known"
    after = (house.rows(Dispatch), house.rows(Suppression), house.rows(Touchpoint), house.rows(SurveyRequest))
    assert after == before


def test_the_teams_mailbox_is_never_suppressed(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A ticket mail that comes back is told to a person; the customer's and the team's address stay."""
    house.parts.serving.answer(house.request().id, 1, wants_contact=True)
    house.later(minutes=5)
    assert house.back(dsn("5.1.1"), house.mail("ticket")) == "hard"
    assert house.rows(Suppression) == []
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == [
        "a mail to the team came back: 5.1.1 smtp; 550 no"
    ]


def test_a_report_about_an_erased_person_changes_nothing(house: House) -> None:
    """Of a person who was forgotten nothing is known any more, and nothing new is kept."""
    from workers.privacy import Privacy

    mail = house.mail()
    Privacy(house.store, house.parts.policies.current, house.clock.now).erase("42", "ana")
    assert house.back(dsn("5.1.1"), mail) == "untrusted"


def test_the_books_hold_after_every_kind_of_report(house: House) -> None:
    """Bounced mails, put-off touchpoints and undeliverable requests are counted once each."""
    for n, report in enumerate((dsn("5.1.1"), dsn("4.4.7"), dsn("5.2.2"), COMPLAINT)):
        house.take(journey("delivery", f"more{n}", reference=f"{n}"))
        house.settle()
        house.back(report, house.mail(crm_id=f"more{n}"))
    house.later(days=70)
    with house.store.reading() as connection:
        assert [one for one in counting.read_books(connection).sums() if not one["ok"]] == []


def test_a_maildir_an_mbox_and_a_file_are_read_and_left_as_they_are(house: House, tmp_path: Path) -> None:
    """The three places give the same mails; what was read is counted by kind, with one audit row a reading."""
    report = dsn("5.1.1").replace(PATH.encode(), house.path(house.mail()).encode())
    maildir = mailbox.Maildir(tmp_path / "maildir")
    box = mailbox.mbox(tmp_path / "box")
    for raw in (report, OUT_OF_OFFICE, LETTER):
        maildir.add(raw)
        box.add(raw)
    box.close()
    single = tmp_path / "one.eml"
    single.write_bytes(report)
    before = sorted(path.name for path in (tmp_path / "maildir").rglob("*"))
    counted = [
        count(house.bouncing().take_all(letters(path), path.name, "ana"))
        for path in (tmp_path / "maildir", tmp_path / "box", single)
    ]
    assert sorted(path.name for path in (tmp_path / "maildir").rglob("*")) == before
    shown = [{name: n for name, n in one.items() if n} for one in counted]
    assert shown == [
        {"hard": 1, "auto_reply": 1, "none": 1},
        {"auto_reply": 1, "none": 1, "known": 1},
        {"known": 1},
    ]
    with house.store.reading() as connection:
        acts = list_acts(connection)
    assert [(one["act"], one["subject"]) for one in acts] == [
        ("bounces.read", name) for name in ("one.eml", "box", "maildir")
    ]


def test_a_folder_that_is_no_maildir_is_refused(tmp_path: Path) -> None:
    """A wrong path is said to be one, not read as empty."""
    with pytest.raises(BadInput, match="is no Maildir"):
        list(mails_in(tmp_path))
