"""Bouncing: what follows from a mail that came back, for its customer and for all sending."""

import mailbox
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from embedded import Embedded, cloud_event, journey
from returnedmails import COMPLAINT, LETTER, OUT_OF_OFFICE, PATH, dsn

from workers.adapters.returned_mails import place_at
from workers.domain import explain as explaining
from workers.domain.mail.bounce_parser.letters import Letter
from workers.domain.mail.deliverability import DeadRule, is_dead
from workers.domain.records import Customer, Dispatch, Suppression, SurveyRequest, Touchpoint
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.bounces.intake import BounceIntake, count
from workers.usecases.delivery.send_controls import refusing_domains, sending_now
from workers.usecases.operation import status as counting
from workers.usecases.operation.inquiry import explain
from workers.usecases.privacy.suppressions import Suppressions


class House(Embedded):
    """An installation that reads its returned mails."""

    def mail(self, template: str = "ask-delivery", crm_id: str = "42") -> Dispatch:
        """Return a customer's mail of a kind."""
        owner = next(customer.id for customer in self.rows(Customer) if customer.crm_id == crm_id)
        return next(
            dispatch for dispatch in self.rows(Dispatch) if dispatch.template == template and dispatch.customer == owner
        )

    def mails(self, crm_id: str) -> list[Dispatch]:
        """Return every question that left for a customer."""
        owner = next(customer.id for customer in self.rows(Customer) if customer.crm_id == crm_id)
        return [
            dispatch
            for dispatch in self.rows(Dispatch)
            if dispatch.customer == owner and dispatch.request and dispatch.recipient
        ]

    def path(self, mail: Dispatch) -> str:
        """Return the return path that the mail left with."""
        return self.parts.links.return_path(mail.id, "lamps.example")

    def back(self, report: bytes, mail: Dispatch | None = None) -> str:
        """Let a report about a mail come back and return what it was taken for."""
        return self.bouncing().take(report.replace(PATH.encode(), self.path(mail or self.mail()).encode()))

    def bouncing(self) -> BounceIntake:
        """Return the use case."""
        parts = self.parts
        return BounceIntake(parts.store, parts.policies.current, self.clock.now, parts.links.read_return_path)

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
    assert [suppression.kind for suppression in house.rows(Suppression)] == ["bounce"]
    house.later(days=42, hours=2)
    assert [str(touchpoint.state) for touchpoint in house.rows(Touchpoint) if touchpoint.step == "delivery-6w"] == [
        "held"
    ]
    assert house.mail("reminder").state == "cancelled"
    assert house.sending() == "on"


def test_for_now_means_later(house: House) -> None:
    """4.x: nobody is suppressed; what waits is put off for days, twice as long after the next bounce."""
    house.take(journey("interaction_ended", at=house.clock.at + timedelta(minutes=1), reference="call"))
    assert house.back(dsn("4.4.7")) == "soft"
    assert house.rows(Suppression) == []
    assert str(house.request().state) == "undeliverable"
    waiting = {touchpoint.step: touchpoint for touchpoint in house.rows(Touchpoint) if touchpoint.state == "planned"}
    call = next(one for step, one in waiting.items() if step.startswith("interaction"))
    assert (call.wake_at, call.reason) == (house.clock.at + timedelta(days=3), "bounced")
    assert "delivery-6w" in waiting
    assert waiting["delivery-6w"].wake_at > house.clock.at + timedelta(days=30)


def test_one_report_of_a_refusal_because_of_us_pauses_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """5.7.x from one domain, true or forged by whoever got a mail: told and counted, and all other mail goes on."""
    assert house.back(dsn("5.7.26", diagnosis="smtp; 550 DMARC of lamps.example failed")) == "ours"
    assert (house.sending(), house.rows(Suppression)) == ("on", [])
    (told,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "DMARC of lamps.example failed" in told.getMessage()
    with house.store.reading() as connection:
        assert refusing_domains(connection, house.clock.at) == ["example.org"]


def ask_at(house: House, *hosts: str) -> list[Dispatch]:
    """Ask a customer at each of some domains and return their mails."""
    for host in hosts:
        who = {"id": host, "email": f"x@{host}"}
        at = house.clock.at
        house.take(cloud_event("boucle.journey.delivery.v1", host, at, customer=who, reference=at.isoformat()))
    house.settle()
    return [max((mail for mail in house.mails(host)), key=lambda mail: mail.created_at) for host in hosts]


def test_reports_from_several_unrelated_domains_pause_all_mail(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Three unrelated domains within an hour: sending is paused with the reason, an alarm is logged."""
    mails = ask_at(house, "a.example", "sub.a.example", "b.example", "c.example")
    for mail in mails[:3]:
        assert house.back(dsn("5.7.1", diagnosis="smtp; 554 5.7.1 blocked using zen.spamhaus.org"), mail) == "ours"
        assert house.sending() == "on"
    house.back(dsn("5.7.1"), mails[3])
    assert (house.sending(), house.rows(Suppression)) == ("paused", [])
    assert [record.levelname for record in caplog.records if "sending is paused" in record.message] == ["ERROR"]
    with house.store.reading() as connection:
        assert "a.example, b.example, c.example" in sending_now(connection, house.parts.sending).reason


@pytest.mark.parametrize(
    "diagnosis",
    [
        "smtp; 550 5.7.13 Account disabled",
        "smtp; 550 5.7.124 not in the allowed senders list of the group",
        "smtp; 550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup",
        "smtp; 554 5.7.1 account locked",
    ],
)
def test_what_the_recipients_side_decided_is_its_own_affair(house: House, diagnosis: str) -> None:
    """A locked account, a closed group: nobody is suppressed, and it does not count as a refusal of ours."""
    assert house.back(dsn("5.7.1", diagnosis=diagnosis)) == "policy"
    with house.store.reading() as connection:
        assert refusing_domains(connection, house.clock.at) == []
    assert house.rows(Suppression) == []


@pytest.mark.parametrize("status", ["5.1.7", "5.1.8"])
def test_nobody_is_suppressed_because_of_our_sender(house: House, status: str) -> None:
    """5.1.7, 5.1.8 and words about the sender are about our address, although they begin with 5.1."""
    assert house.back(dsn(status, diagnosis="smtp; 550 no")) == "ours"
    assert house.rows(Suppression) == []


def fail_softly(house: House, *kinds: str, every: timedelta) -> None:
    """Ask the customer at one mailbox again and again, and let mails come back, or not."""
    for kind in kinds:
        (mail,) = ask_at(house, "full.example")
        if kind != "arrives":
            house.back(dsn(kind), mail)
        house.later(days=every.days)


def test_a_mailbox_that_fails_again_and_again_is_given_up_and_told(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Five soft failures over months with no success between: suppressed as dead, in history, log and explain."""
    fail_softly(house, "4.2.2", "5.2.2", "5.7.13", "4.4.7", every=timedelta(days=100))
    assert house.rows(Suppression) == []
    fail_softly(house, "5.2.2", every=timedelta(days=100))
    (row,) = house.rows(Suppression)
    assert (row.kind, row.detail[:14]) == ("dead", "failed 5 times")
    assert [record.levelname for record in caplog.records if "given up" in record.message] == ["WARNING"]
    with house.store.reading() as connection:
        told = explain(connection, "customer", "full.example", house.clock.at, house.parts.policies.current())
    assert "dead: the mailbox failed 5 times since 2026-03-03, with no success between" in explaining.as_text(
        told or {}
    )
    asked = len(house.mails("full.example"))
    house.take(journey("delivery", "full.example", house.clock.at, reference="again"))
    house.later(days=100)
    assert len(house.mails("full.example")) == asked


def test_a_mailbox_that_was_given_back_is_counted_anew(house: House) -> None:
    """What failed before an operator lifted it says nothing more: it takes as many failures again."""
    four = ["4.2.2"] * 4
    fail_softly(house, *four, "4.2.2", every=timedelta(days=100))
    (dead,) = house.rows(Suppression)
    suppressions = Suppressions(house.store, house.parts.policies.current, house.clock.now)
    assert suppressions.lift(house.mails("full.example")[0].recipient, "they made room", by="lea") is not None
    house.later(hours=1)
    fail_softly(house, *four, every=timedelta(days=100))
    assert house.rows(Suppression) == []
    fail_softly(house, "4.2.2", every=timedelta(days=100))
    (again,) = house.rows(Suppression)
    assert (dead.kind, again.kind, again.detail[:14]) == ("dead", "dead", "failed 5 times")


def test_one_success_resets_the_count(house: House) -> None:
    """Four failures, one mail that arrives, four failures: the mailbox lives."""
    four = ["4.2.2"] * 4
    fail_softly(house, *four, "arrives", *four, every=timedelta(days=100))
    assert house.rows(Suppression) == []
    fail_softly(house, "4.2.2", every=timedelta(days=100))
    assert [suppression.kind for suppression in house.rows(Suppression)] == ["dead"]


def test_a_full_mailbox_of_one_week_is_not_dead(tmp_path: Path) -> None:
    """Many failures within a few days are one holiday; how many and how long are settings."""
    at = datetime(2026, 3, 3, tzinfo=UTC)
    days = [at + timedelta(days=n) for n in range(9)]
    assert not is_dead(days, DeadRule(5, timedelta(days=14)))
    assert is_dead([*days, at + timedelta(days=14)], DeadRule(5, timedelta(days=14)))
    assert not is_dead([*days, at + timedelta(days=99)], DeadRule(0, timedelta(days=14)))


def test_refusals_because_of_us_say_nothing_about_the_mailbox(house: House) -> None:
    """A customer behind a server that lists us is not given up for it."""
    fail_softly(house, *["5.7.1"] * 6, every=timedelta(days=100))
    assert house.rows(Suppression) == []


def test_a_complaint_suppresses_and_opts_out(house: House) -> None:
    """Who calls a mail spam gets none any more, of no kind, and is opted out for ever."""
    assert house.back(COMPLAINT) == "complaint"
    assert sorted(suppression.kind for suppression in house.rows(Suppression)) == ["complaint", "opt_out"]
    assert house.rows(Customer)[0].opted_out_at == house.clock.at
    assert str(house.mail().state) == "accepted"  # it arrived
    assert {str(touchpoint.state) for touchpoint in house.rows(Touchpoint)} == {"asked", "cancelled"}


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


def letters_in(path: Path) -> Iterator[Letter]:
    """Give the mails of a place, as the verb reads them."""
    return (letter for item in place_at(path).items(fresh=False) for letter in item.letters)


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
    house.parts.customer_actions.answer(house.request().id, 1, wants_contact=True)
    house.later(minutes=5)
    assert house.back(dsn("5.1.1"), house.mail("ticket")) == "hard"
    assert house.rows(Suppression) == []
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "a mail to the team came back: 5.1.1 smtp; 550 no"
    ]


def test_a_report_about_an_erased_person_changes_nothing(house: House) -> None:
    """Of a person who was forgotten nothing is known any more, and nothing new is kept."""
    from workers.usecases.privacy.person import Privacy

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
        assert [line for line in counting.read_books(connection).sums() if not line["ok"]] == []


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
        count(house.bouncing().take_all(letters_in(path), path.name, "ana"))
        for path in (tmp_path / "maildir", tmp_path / "box", single)
    ]
    assert sorted(path.name for path in (tmp_path / "maildir").rglob("*")) == before
    shown = [{name: n for name, n in counts.items() if n} for counts in counted]
    assert shown == [
        {"hard": 1, "auto_reply": 1, "none": 1},
        {"auto_reply": 1, "none": 1, "known": 1},
        {"known": 1},
    ]
    with house.store.reading() as connection:
        acts = list_acts(connection)
    assert [(act["act"], act["subject"]) for act in acts] == [
        ("bounces.read", name) for name in ("one.eml", "box", "maildir")
    ]
