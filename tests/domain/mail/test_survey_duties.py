"""What a country asks for: the file with its faults, what is missing of whom, and the same whatever comes first."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from eventparts import NOW, Person, an_event
from ticketparts import shipped

from workers.cloudevents.locale_names import country_code
from workers.decision_table.model.table import Unreadable
from workers.domain.customer.profile import new_customer
from workers.domain.mail.survey_duties import CONSENT, NEEDS, NOTHING, NOTICE, duty_of, read_duties, unmet
from workers.domain.policy import Policy
from workers.domain.records import Customer, Touchpoint
from workers.domain.types import MAIL, SMS, Reason
from workers.structs import replace

SHIPPED = (Path(__file__).parents[3] / "rules" / "countries.csv").read_bytes()
HEAD = "country;mail;sms;mail hours;sms hours;source\n"
REST = "*;nothing;consent;;;none known\n"
DUTIES = read_duties(SHIPPED)
HOUR = timedelta(hours=1)


def somebody(**fields: object) -> Customer:
    """Return a customer of whom this is known."""
    return replace(new_customer("42", shipped().ids, NOW), **fields)  # type: ignore[arg-type]  # fields by name


def strict(home: str = "FR", **more: object) -> Policy:
    """Return the shipped policy with the shipped duties."""
    return replace(shipped(), duties=DUTIES, country=home, **more)  # type: ignore[arg-type]  # fields by name


def test_the_shipped_file_names_its_sources() -> None:
    """Each row says where it stands written; Germany's names the ruling."""
    assert {"*", "FR", "DE", "AT", "BE", "CH", "ES", "IT", "NL", "GB", "US"} <= DUTIES.keys()
    assert "VI ZR 225/17" in DUTIES["DE"].source
    assert DUTIES["DE"].needs == {MAIL: NOTICE, SMS: CONSENT}
    assert DUTIES["US"].hours[SMS].text().endswith("08:00-21:00")
    assert not any(duty.hours[SMS].always for duty in DUTIES.values())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("UK;nothing;nothing;;;x", "row 3: 'UK' is no country: write two capitals (ISO 3166), or *. Write GB."),
        ("de;nothing;nothing;;;x", "row 3: 'de' is no country: write two capitals (ISO 3166), or *. Write DE."),
        ("Germany;nothing;nothing;;;x", "row 3: 'Germany' is no country"),
        ("DE;opt-in;nothing;;;x", "row 3, mail: 'opt-in' is not one of nothing, notice, consent."),
        ("DE;notise;nothing;;;x", "notice"),
        ("DE;;nothing;;;x", "row 3, mail: '' is not one of"),
        ("DE;notice;consent;at night;;x", "row 3, mail hours: "),
        ("DE;notice;consent;;mon-sat 20:00-08:00;x", "row 3, sms hours: "),
        ("DE;notice;consent;;;", "row 3: source is empty: name the law or ruling"),
        ("*;notice;consent;;;x", "row 3: * has a row already: keep one of them."),
        ("DE", "row 3, sms: '' is not one of"),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_to_write(line: str, said: str) -> None:
    """So that `boucle check` can be followed; every fault of the file at once."""
    with pytest.raises(Unreadable) as refused:
        read_duties(f"{HEAD}{REST}{line}\nXX;never;consent;;;x\n".encode())
    assert said in str(refused.value)
    assert "countries.csv, row 4: 'XX' is no country" in str(refused.value)
    assert "row 4, mail: 'never'" in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"country;mail\n", HEAD.encode(), b"\xff\xfe\x00", b"\0" * 100, b'"' * 9])
def test_any_other_file_is_refused_in_words(body: bytes) -> None:
    """One without a row for the rest, without its columns, or that is no text."""
    with pytest.raises(Unreadable, match=r"countries\.csv"):
        read_duties(body)


@pytest.mark.parametrize("need", NEEDS)
@pytest.mark.parametrize("told", [None, False, True])
@pytest.mark.parametrize("agreed", [None, False, True])
def test_what_is_missing(need: str, told: bool | None, agreed: bool | None) -> None:
    """Consent is more than notice; who took it back needs it again, whatever they were told before."""
    duty = replace(DUTIES["DE"], needs={MAIL: need})
    missing = unmet(somebody(survey_notice_given=told, survey_consent=agreed), duty, MAIL)
    if need == NOTHING or agreed:
        assert missing is None
    elif need == CONSENT:
        assert missing == Reason.NEEDS_CONSENT
    else:
        assert missing == (None if told and agreed is None else Reason.NEEDS_NOTICE)
    assert unmet(somebody(), duty, "web") is None
    assert unmet(somebody(), duty, "letter") is None


def test_a_country_is_told_and_never_guessed() -> None:
    """Who speaks German may live anywhere: without a country the company's own counts, then the row `*`."""
    german = somebody(language="de", time_zone="Europe/Berlin", phone="+49 30 1")
    assert duty_of(german, DUTIES, "FR") == DUTIES["FR"]
    assert duty_of(german, DUTIES, "") == DUTIES["*"]
    assert duty_of(somebody(country="PL"), DUTIES, "DE") == DUTIES["*"]
    assert duty_of(somebody(country="DE"), DUTIES, "FR") == DUTIES["DE"]
    assert duty_of(somebody(country="DE"), {}, "FR") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[("DE", "DE"), (" de ", "DE"), ("Germany", "DE"), ("uk", "GB"), ("USA", "US")],
        *[("EU", None), ("QQ", None), ("", None), ("Gaul", None), ("D", None), ("x" * 200, None)],
    ],
)
def test_countries_as_crms_write_them(text: str, code: str | None) -> None:
    """A code however it is capitalised, or an English name; anything else is none."""
    assert country_code(text) == code


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_end_is_the_same_in_any_order(order: tuple[int, ...]) -> None:
    """A delivery, a country, consent and its withdrawal: what is planned follows from the facts."""
    events = [
        an_event("delivery", NOW - 4 * HOUR, reference="A"),
        an_event("changed", NOW - 3 * HOUR, customer={"country": "DE"}),
        an_event("changed", NOW - 2 * HOUR, customer={"survey_consent": True}),
        an_event("changed", NOW - HOUR, customer={"survey_consent": False}),
    ]
    person = Person(policy=strict())
    for place in order:
        person.hear(events[place])
    assert person.states() == {
        "delivery-now": ("held", Reason.NEEDS_NOTICE),
        "delivery-6w": ("held", Reason.NEEDS_NOTICE),
    }
    person.wake(NOW + HOUR)
    person.hear(an_event("changed", NOW, customer={"survey_consent": True}))
    assert person.states()["delivery-6w"] == ("planned", "")
    before = person.portrait()
    assert person.hear(an_event("changed", NOW, customer={"survey_consent": True})).changed == {}
    assert person.portrait() == before


def test_what_waits_too_long_is_given_up() -> None:
    """Nobody is asked about a delivery of long ago because consent came at last."""
    person = Person(policy=strict())
    person.hear(an_event("delivery", NOW, reference="A", customer={"country": "DE"}))
    for days in range(1, 12):
        person.wake(NOW + timedelta(days=days))
    assert person.states()["delivery-now"] == ("skipped", Reason.TOO_LATE)
    assert person.touchpoint("delivery-now").detail == Reason.NEEDS_NOTICE


def test_an_edit_of_the_file_is_seen_within_a_day() -> None:
    """What a stricter row held goes on under a milder one, without any event."""
    person = Person(policy=strict())
    person.hear(an_event("delivery", NOW, reference="A", customer={"country": "DE"}))
    assert person.touchpoint("delivery-now").wake_at <= NOW + timedelta(days=1)
    person.policy = replace(strict(), duties={**DUTIES, "DE": DUTIES["GB"]})
    person.wake(NOW + timedelta(days=1))
    assert person.states()["delivery-now"] == ("asked", "")


def test_messages_by_sms_keep_the_hours_of_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """At night, and on a Sunday, they wait for the next lawful hour where the customer is; mails do not."""
    night = datetime(2026, 3, 7, 22, 0, tzinfo=UTC)  # a Saturday; 23:00 in Paris
    for channel, opens in ((SMS, datetime(2026, 3, 9, 7, 0, tzinfo=UTC)), (MAIL, night)):
        monkeypatch.setattr("workers.domain.survey.planning.eligibility.channel_of", lambda case, row, by=channel: by)
        person = Person(policy=strict(), now=night)
        given = {"survey_consent": True, "time_zone": "Europe/Paris"}
        person.hear(an_event("delivery", night, reference="A", customer=given))
        (touchpoint,) = (row for row in person.rows(Touchpoint) if row.step == "delivery-now")
        assert touchpoint.wake_at == opens
