"""A fault in an optional field costs that field, and not the event; what must stop needs the customer alone."""

from collections.abc import Iterator
from zoneinfo import available_timezones

import orjson
import pytest
from envelopeparts import NOW, SCHEMAS, delivery

from workers.cloudevents import Codec, Event, EventMap, Rejected

CODEC = Codec(SCHEMAS, zones=available_timezones())
STOPS = (
    "customer.opted_out",
    "customer.erased",
    "journey.deceased",
    "journey.churned",
    "journey.refund",
    "journey.order_cancelled",
    "journey.complaint_opened",
    "journey.complaint_closed",
)
OTHERS = ("journey.delivery", "journey.customer_started", "journey.interaction_ended", "customer.changed")
WRONG: tuple[object, ...] = (
    [],
    {},
    ["a"],
    {"a": {"b": 1}},
    "x" * 25_000,
    "a\0b",
    "\ud7ff\n\r\t",
    -1,
    1e300,
    12345678901234567890,
    True,
    "deleted",
    " ",
    "=?x?=",
)
"""What no field of a customer may hold, or only some."""
CUSTOMER = ("email", "name", "phone", "language", "time_zone", "segment", "owner", "may_promote")


def read(type_: str, customer: object = None, codec: Codec = CODEC, **changes: object) -> Event | Rejected:
    """Read an event of a type; `data` is added to a customer."""
    data = changes.pop("data", {})
    if isinstance(data, dict) and customer is not None:
        data = {**data, "customer": customer}
    return codec.parse(orjson.dumps(delivery(type=f"boucle.{type_}.v1", data=data, **changes)), (), NOW)


def taken(type_: str, customer: object = None, codec: Codec = CODEC, **changes: object) -> Event:
    """Read an event that must be good."""
    event = read(type_, customer, codec, **changes)
    assert isinstance(event, Event), event
    return event


def places(event: Event) -> list[str]:
    """Return where something was left out or mended."""
    return [each.pointer for each in event.left_out]


def wrong_customers() -> Iterator[tuple[str, object]]:
    """Give each field of a customer with each wrong value."""
    for field in CUSTOMER:
        for value in WRONG:
            yield field, value


class TestWhatMustStop:
    """Stopping needs the customer's id and nothing else."""

    @pytest.mark.parametrize("type_", STOPS)
    def test_any_wrong_field_of_the_customer(self, type_: str) -> None:
        """Whatever a field holds, the event counts and says what it did without."""
        for field, value in wrong_customers():
            event = taken(type_, {"id": "C-1", field: value})
            assert event.crm_id == "C-1", (field, value)
            assert set(places(event)) <= {"/data/customer/" + field, "/data/reference"}

    @pytest.mark.parametrize("type_", STOPS)
    @pytest.mark.parametrize("field", ["reference", "label", "product", "occurred_at", "partial", "customer"])
    def test_any_other_wrong_field(self, type_: str, field: str) -> None:
        """The same of fields beside the customer."""
        for value in WRONG:
            assert taken(type_, data={field: value}).crm_id == "C-1", (field, value)

    @pytest.mark.parametrize("type_", STOPS)
    @pytest.mark.parametrize("value", [None, "", "yesterday", "1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z", 7, []])
    def test_any_wrong_time(self, type_: str, value: object) -> None:
        """Without a time that holds, it happened when it came."""
        event = taken(type_, time=value)
        assert (event.occurred_at, "/time" in places(event)) == (NOW, True)

    @pytest.mark.parametrize("type_", STOPS)
    @pytest.mark.parametrize("data", [None, [], "gone", 5])
    def test_any_wrong_data(self, type_: str, data: object) -> None:
        """Data that is no object is left out whole."""
        assert taken(type_, data=data).crm_id == "C-1"

    @pytest.mark.parametrize("type_", STOPS)
    def test_the_customer_stays_needed(self, type_: str) -> None:
        """Nobody, or two different people, is nobody."""
        assert isinstance(read(type_, subject=None), Rejected)
        assert isinstance(read(type_, {"id": "C-2"}), Rejected)
        assert taken(type_, {"id": 42}, subject=None).crm_id == "42"
        assert taken(type_, {"email": "deleted"}).crm_id == "C-1"

    def test_several_faults_at_once(self) -> None:
        """What CRMs really send: four wrong fields, all named, none kept."""
        given = {"id": "C-1", "email": "deleted", "name": "x" * 300, "phone": 33123456789, "time_zone": "Mars/Base"}
        event = taken("customer.opted_out", given)
        assert places(event) == [f"/data/customer/{name}" for name in ("name", "phone", "email", "time_zone")]
        assert event.customer == {"phone": "33123456789"}
        assert "marie@example.org" in next(each.detail for each in event.left_out if each.pointer.endswith("email"))
        assert not any("deleted" in each.done for each in event.left_out)

    def test_a_kind_of_ones_own(self) -> None:
        """A type of the CRM's own that stops something is as forgiving, and is told where its own fields are."""
        rows = b"type;kind;name;customer.id;customer.email;reference\nshop.refunded;contrary;refund;who;mail;order.no\n"
        codec = Codec(SCHEMAS, EventMap.load(rows))
        given = delivery(type="shop.refunded", data={"who": "C-1", "mail": "none", "order": {"no": []}})
        event = codec.parse(orjson.dumps(given), (), NOW)
        assert isinstance(event, Event)
        assert sorted(places(event)) == ["/data/mail", "/data/order/no"]


class TestOptionalFields:
    """The same idea for every event."""

    @pytest.mark.parametrize("type_", OTHERS)
    def test_any_wrong_field_of_the_customer(self, type_: str) -> None:
        """An event is not lost for what it can do without."""
        for field, value in wrong_customers():
            assert taken(type_, {"id": "C-1", field: value}).crm_id == "C-1", (field, value)

    def test_required_fields_stay_required(self) -> None:
        """What an event is about is never guessed, and every fault is told at once."""
        assert isinstance(read("journey.purchase", data={"delivery_expected": "later"}), Rejected)
        assert isinstance(read("journey.delivery", data={"occurred_at": "yesterday"}), Rejected)
        refused = read("score", data={"score": 11, "label": "x\ny", "customer": {"id": "C-1", "phone": 7}})
        assert isinstance(refused, Rejected)
        assert {each.pointer for each in refused.faults} == {"/data/score", "/data/label", "/data/customer/phone"}

    def test_a_long_comment_is_cut(self) -> None:
        """A detractor's 20,001 characters are an answer like any other, with a mark where they end."""
        event = taken("score", data={"score": 0, "comment": "é" * 20_001})
        assert event.score is not None
        assert len(event.score.comment) == 20_000
        assert event.score.comment.endswith("é […]")
        assert places(event) == ["/data/comment"]

    def test_an_answer_is_not_lost_for_its_time(self) -> None:
        """A score whose own time is wrong was given when it was published."""
        event = taken("score", data={"score": 3, "answered_at": "soon", "asked_at": "2999-01-01T00:00:00Z"})
        assert event.occurred_at == event.time
        assert sorted(places(event)) == ["/data/answered_at", "/data/asked_at"]

    def test_a_line_break_in_a_label(self) -> None:
        """One line it was meant to be."""
        event = taken("journey.delivery", data={"label": "lamp\r\n\tblue", "reference": "5001\n"})
        assert (event.label, event.reference) == ("lamp blue", "5001")
        assert sorted(places(event)) == ["/data/label", "/data/reference"]

    def test_nobody_s_permission_is_guessed(self) -> None:
        """`yes` as a text permits nothing; `no` forbids."""
        assert "may_promote" not in taken("customer.changed", {"id": "C-1", "may_promote": "yes"}).customer
        assert taken("customer.changed", {"id": "C-1", "may_promote": "no"}).customer == {"may_promote": False}

    def test_a_bad_time_beside_a_good_one(self) -> None:
        """Where `occurred_at` counts, `time` may be anything."""
        event = taken("journey.delivery", time="soon", data={"occurred_at": "2026-03-01T00:00:00Z"})
        assert places(event) == ["/time"]

    def test_a_text_with_nul_loses_it(self) -> None:
        """The database cannot hold it, and nobody misses it; a name of a field that has it goes."""
        event = taken("score", data={"score": 3, "comment": "a\0b", "x\0": "y", "deep": {"z": ["\0"]}})
        assert event.score is not None
        assert (event.score.comment, event.details) == ("ab", {})

    @pytest.mark.parametrize(
        ("given", "tag"),
        [
            ("fr-CA", "fr-CA"),
            ("fr_FR", "fr-FR"),
            ("zh-Hans-CN", "zh-Hans-CN"),
            ("fra", "fr"),
            ("French (France)", "fr-FR"),
            ("GERMAN", "de"),
            ("Português (Brasil)", "pt-BR"),
            ("日本語", "ja"),
            ("English (UK)", "en-GB"),
            ("Chinese (Simplified)", "zh-Hans"),
            ("Klingonish", None),
            ("x" * 99, None),
        ],
    )
    def test_languages(self, given: str, tag: str | None) -> None:
        """By tag, English name or the name in the language itself."""
        event = taken("customer.changed", {"id": "C-1", "language": given})
        assert event.customer.get("language") == tag
        assert places(event) == ([] if tag else ["/data/customer/language"])

    @pytest.mark.parametrize(
        ("given", "zone"),
        [
            ("europe/paris", "Europe/Paris"),
            ("Romance Standard Time", "Europe/Paris"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("Eastern Time (US & Canada)", "America/New_York"),
            ("(GMT-08:00) Pacific Time (US & Canada)", "America/Los_Angeles"),
            ("New Delhi", "Asia/Kolkata"),
            ("Buenos Aires", "America/Buenos_Aires"),
            ("Mars/Base", None),
            ("+02:00", None),
        ],
    )
    def test_zones(self, given: str, zone: str | None) -> None:
        """By IANA, Windows or Rails name."""
        event = taken("customer.changed", {"id": "C-1", "time_zone": given})
        assert event.customer.get("time_zone") == zone
        assert places(event) == ([] if zone else ["/data/customer/time_zone"])

    def test_every_fault_of_what_is_no_cloudevent(self) -> None:
        """No id, an unknown type and an impossible date are three faults."""
        refused = read("nothing", id=None, time="2026-02-30T10:00:00Z")
        assert isinstance(refused, Rejected)
        assert [each.pointer for each in refused.faults] == ["/id", "/type", "/time"]


# Who it is, told in one of two places


@pytest.mark.parametrize("type_", [*STOPS, *OTHERS])
@pytest.mark.parametrize("subject", ["", "  ", "\t", " 42 ", "42\n", 42])
def test_a_subject_that_says_nobody_costs_nothing_where_the_data_say_who(type_: str, subject: object) -> None:
    """The id in the data counts, also where the subject is the same id badly written; it is told."""
    event = taken(type_, {"id": "42"}, subject=subject, data={"reference": "1"})
    assert event.crm_id == "42"
    taken_as_it_is = subject == 42 and type_ in STOPS  # of what stops, a number is the id that it is
    assert places(event) == ([] if taken_as_it_is else ["/subject"])


@pytest.mark.parametrize("subject", ["43", 43, "x" * 300, True, ["42"]])
def test_two_customers_in_one_event_are_refused(subject: object) -> None:
    """Which of the two is meant nobody can know."""
    refused = read("journey.delivery", {"id": "42"}, subject=subject, data={"reference": "1"})
    assert isinstance(refused, Rejected)


@pytest.mark.parametrize("subject", ["", "  "])
def test_an_event_that_says_nobody_is_refused(subject: object) -> None:
    """And a wave whose subject is empty is not one for everybody: somebody may have been meant."""
    for type_ in ("journey.delivery", "journey.wave"):
        refused = read(type_, subject=subject, data={"reference": "spring"})
        assert isinstance(refused, Rejected)
        assert [fault.pointer for fault in refused.faults] == ["/subject"]


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("subject", {"subject": "", "data": {"reference": "1"}}),
        ("source", {"source": ""}),
        ("id", {"id": ""}),
        ("subject", {"subject": "\n" * 300, "data": {"reference": "1"}}),
        ("data/customer/id", {"data": {"reference": "1", "customer": {"id": ""}}}),
        ("data/score", {"type": "boucle.score.v1", "data": {"score": 10.5}}),
    ],
)
def test_each_fault_is_told_once(place: str, wrong: dict[str, object]) -> None:
    """A value that breaks two rules of the schema at once is one fault."""
    refused = CODEC.parse(orjson.dumps(delivery(**wrong)), (), NOW)
    assert isinstance(refused, Rejected)
    assert [fault.pointer for fault in refused.faults] == [f"/{place}"]


def test_a_score_that_answers_our_request_needs_no_subject() -> None:
    """The request says whose it is."""
    event = taken("score", subject="", data={"score": 9, "request": "0195e9a0-5d2c-8aaa-9bbb-0123456789ab"})
    assert (event.crm_id, places(event)) == ("", ["/subject"])


def test_a_subject_of_null_is_none() -> None:
    """Serialisers write what is not there."""
    event = CODEC.parse(orjson.dumps({**delivery(), "subject": None}), (), NOW)
    assert isinstance(event, Event)
    assert places(event) == ["/subject"]
