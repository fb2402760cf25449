"""The envelope's codec: every mode and door gives the same event, and everything bad gives all its faults."""

import base64
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from envelopeparts import NOW, ROOT, SCHEMAS, delivery

from workers.cloudevents import (
    Codec,
    CustomerData,
    Event,
    EventMap,
    Kind,
    Refusal,
    Rejected,
    TicketChange,
    read_schemas,
)
from workers.errors import Misconfigured

CODEC = Codec(SCHEMAS, EventMap.load((ROOT / "rules/events.csv").read_bytes()))


def score(value: object, **data: object) -> dict[str, object]:
    """Return a score event."""
    return delivery(type="boucle.score.v1", id="s-1", data={"score": value, **data})


def parse(event: object, codec: Codec = CODEC) -> Event | Rejected:
    """Parse a structured event without headers."""
    return codec.parse(orjson.dumps(event), (), NOW)


def accepted(event: object, codec: Codec = CODEC) -> Event:
    """Parse an event that must be good."""
    result = parse(event, codec)
    assert isinstance(result, Event), result
    return result


def rejected(event: object, codec: Codec = CODEC) -> Rejected:
    """Parse an event that must be bad."""
    result = parse(event, codec)
    assert isinstance(result, Rejected), result
    return result


def binary(event: dict[str, object], prefix: str = "ce_") -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return body and headers of the same event in binary mode."""
    headers = [(prefix + name, str(value).encode()) for name, value in event.items() if name != "data"]
    return orjson.dumps(event.get("data")), [*headers, ("content-type", b"application/json")]


class TestModes:
    """Structured, binary and batch."""

    def test_an_event_says_who_what_and_when(self) -> None:
        """A delivery comes out with its customer, reference, label, details and UTC times."""
        event = accepted(delivery())
        assert (event.kind, event.name, event.crm_id) == (Kind.JOURNEY, "delivery", "C-1")
        assert (event.reference, event.label, event.details) == ("5001", "lamp", {"product": "Lumo"})
        assert event.customer == CustomerData(email="a@b.org")
        assert event.occurred_at == event.time == datetime(2026, 3, 31, 12, 5, tzinfo=UTC)

    @pytest.mark.parametrize("prefix", ["ce_", "ce-", "CE-"])
    def test_a_binary_copy_is_the_same_event(self, prefix: str) -> None:
        """Kafka's and HTTP's binary mode give the very event, digest included."""
        body, headers = binary(delivery(), prefix)
        assert CODEC.parse(body, headers, NOW) == accepted(delivery())

    def test_headers_may_be_a_mapping_of_text(self) -> None:
        """What a web server gives is taken as it is, percent-encoding undone."""
        body, headers = binary(delivery(subject="C-é", data={"reference": "1"}), "ce-")
        texts = {name: value.decode() for name, value in headers} | {"ce-subject": "C-%C3%A9"}
        event = CODEC.parse(body, texts, NOW)
        assert isinstance(event, Event)
        assert event.crm_id == "C-é"

    def test_binary_mode_needs_no_data(self) -> None:
        """An event that says all in its attributes has an empty body."""
        _, headers = binary(delivery(type="boucle.customer.opted_out.v1"))
        event = CODEC.parse(b"", headers, NOW)
        assert isinstance(event, Event)
        assert (event.kind, event.name) == (Kind.CUSTOMER, "opted_out")

    def test_a_content_type_says_structured(self) -> None:
        """With and without charset, in either place, the body is the event."""
        body = orjson.dumps(delivery())
        wanted = accepted(delivery())
        kind = "application/cloudevents+json; charset=UTF-8"
        assert CODEC.parse(body, [("content-type", kind.encode())], NOW) == wanted
        assert CODEC.parse(body, {}, NOW, content_type=kind) == wanted

    def test_a_byte_order_mark_is_harmless(self) -> None:
        """UTF-8 from Windows tools is read."""
        assert CODEC.parse(b"\xef\xbb\xbf" + orjson.dumps(delivery()), (), NOW) == accepted(delivery())

    def test_data_in_base64_is_read(self) -> None:
        """`data_base64` of CloudEvents is the same as `data`, and a broken one is refused."""
        event = delivery()
        encoded = {**event, "data_base64": base64.b64encode(orjson.dumps(event["data"])).decode()}
        del encoded["data"]
        assert parse(encoded) == accepted(event)
        assert rejected({**encoded, "data_base64": "%"}).reason == Refusal.NOT_CLOUDEVENT

    def test_a_batch_gives_one_result_each(self) -> None:
        """Good and bad events of a batch come out in order, whatever stands among them."""
        body = orjson.dumps([delivery(), score(11), 7, delivery(id="d-2")])
        results = CODEC.parse_batch(body, NOW)
        assert isinstance(results, list)
        assert [result.id for result in results] == ["d-1", "s-1", None, "d-2"]
        assert [isinstance(result, Event) for result in results] == [True, False, False, True]

    @pytest.mark.parametrize(
        ("body", "reason"), [(b"{}", "not_cloudevent"), (b"[", "not_json"), (b"\xff", "wrong_encoding")]
    )
    def test_a_body_that_is_no_batch_is_refused_whole(self, body: bytes, reason: str) -> None:
        """What is not a JSON list has no items to answer for."""
        result = CODEC.parse_batch(body, NOW)
        assert isinstance(result, Rejected)
        assert result.reason == reason

    def test_a_batch_on_a_topic_is_refused(self) -> None:
        """Kafka has no batch mode: one message, one event."""
        result = CODEC.parse(b"[]", [("content-type", b"application/cloudevents-batch+json")], NOW)
        assert isinstance(result, Rejected)
        assert "HTTP" in result.fault


class TestDigest:
    """What makes two copies one event."""

    def test_order_spacing_and_offset_do_not_matter(self) -> None:
        """The same content written another way is a duplicate, not a conflict."""
        event = delivery()
        other = dict(reversed(event.items())) | {"time": "2026-03-31T12:05:00Z"}
        assert accepted(other).digest == accepted(event).digest

    @pytest.mark.parametrize(
        "change", [{"subject": None}, {"time": "2026-03-31T14:05:01+02:00"}, {"data": {}}, {"id": "x"}]
    )
    def test_any_content_matters(self, change: dict[str, object]) -> None:
        """Other content under the same id can be told apart."""
        assert accepted(delivery(**change)).digest != accepted(delivery()).digest

    def test_extensions_do_not_matter(self) -> None:
        """A tracing header that a broker adds does not make a conflict."""
        assert accepted(delivery(traceparent="00-1")).digest == accepted(delivery()).digest


class TestKinds:
    """What each group of types carries."""

    def test_contrary_events_are_told_apart(self) -> None:
        """Refunds and the like stop a plan; deliveries start one."""
        assert accepted(delivery(type="boucle.journey.refund.v1")).kind is Kind.CONTRARY
        assert accepted(delivery(type="boucle.journey.churned.v1")).kind is Kind.CONTRARY

    @pytest.mark.parametrize("trigger", ["refund", "order_cancelled"])
    def test_a_refund_counts_without_its_reference(self, trigger: str) -> None:
        """What must stop needs the customer alone; that the reference is missing is told."""
        event = accepted(delivery(type=f"boucle.journey.{trigger}.v1", data={}))
        assert (event.kind, event.reference) == (Kind.CONTRARY, "")
        assert [each.pointer for each in event.left_out] == ["/data/reference"]

    def test_a_refund_may_be_partial(self) -> None:
        """`partial: true` is told; anything that is no truth value is left out."""
        refund = {"type": "boucle.journey.refund.v1"}
        assert accepted(delivery(**refund, data={"reference": "1", "partial": True})).partial
        assert accepted(delivery(**refund, data={"reference": "1", "partial": "yes"})).partial
        assert not accepted(delivery(**refund, data={"reference": "1", "partial": "perhaps"})).partial

    def test_purchase_says_whether_a_delivery_follows(self) -> None:
        """`delivery_expected` is needed, and is a truth value."""
        event = delivery(type="boucle.journey.purchase.v1", data={"delivery_expected": False})
        assert accepted(event).delivery_expected is False
        result = rejected(delivery(type="boucle.journey.deal_won.v1"))
        assert [each.pointer for each in result.faults] == ["/data/delivery_expected"]
        assert "true when a delivery event will follow" in result.fault

    def test_milestone_says_its_months(self) -> None:
        """`months` is needed and whole."""
        assert accepted(delivery(type="boucle.journey.milestone.v1", data={"months": 6.0})).months == 6
        assert rejected(delivery(type="boucle.journey.milestone.v1", data={"months": "6"})).reason == Refusal.SCHEMA

    def test_a_wave_may_be_for_everybody(self) -> None:
        """Without a customer it needs the name of the wave."""
        event = delivery(type="boucle.journey.wave.v1", subject=None, data={"reference": "2026-q2"})
        assert (accepted(event).crm_id, accepted(event).reference) == ("", "2026-q2")
        assert rejected({**event, "data": {}}).reason == Refusal.MISSING_CUSTOMER

    def test_the_profile_has_only_what_was_sent(self) -> None:
        """Absent fields are absent; null and empty texts clear; locales become language tags."""
        data = {"customer": {"id": "C-1", "email": "", "phone": None, "language": "fr_FR", "may_promote": True, "x": 1}}
        event = accepted(delivery(type="boucle.customer.changed.v1", data=data))
        assert event.customer == CustomerData(email=None, phone=None, language="fr-FR", may_promote=True)

    def test_the_customer_id_may_stand_in_either_place(self) -> None:
        """`subject` or `data.customer.id` is enough; two different ones are a fault."""
        assert accepted(delivery(subject=None)).crm_id == "C-1"
        assert accepted(delivery(data={})).crm_id == "C-1"
        result = rejected(delivery(subject="C-2"))
        assert [each.pointer for each in result.faults] == ["/data/customer/id"]

    def test_merging_names_who_stays(self) -> None:
        """`merged_into` is the customer that goes on."""
        event = accepted(delivery(type="boucle.customer.merged.v1", data={"merged_into": "C-7"}))
        assert (event.crm_id, event.merged_into) == ("C-1", "C-7")

    def test_a_score_brings_all_that_was_said(self) -> None:
        """Score, comment, times, wish for contact and channel; asked and answered times are instants."""
        data = {"comment": "late", "trigger": "delivery", "asked_at": "2026-03-01T00:00:00Z", "wants_contact": True}
        event = accepted(score(3, answered_at="2026-03-02T00:00:00Z", channel="phone", agent="Lea", tool="x", **data))
        said = event.score
        assert said is not None
        assert (said.score, said.comment, said.trigger, said.wants_contact) == (3, "late", "delivery", True)
        assert (said.asked_at, said.answered_at) == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
        assert (said.channel, said.agent, event.details) == ("phone", "Lea", {"tool": "x"})
        assert event.occurred_at == said.answered_at

    def test_a_score_for_our_request_needs_no_customer(self) -> None:
        """The request knows whom it asked."""
        event = accepted(delivery(type="boucle.score.v1", subject=None, data={"score": 9, "request": "r-1"}))
        assert event.score is not None
        assert (event.crm_id, event.score.request) == ("", "r-1")
        assert rejected(delivery(type="boucle.score.v1", subject=None, data={"score": 9})).reason == "missing_customer"

    @pytest.mark.parametrize("value", [11, -1, 9.5, "9", None, True, 1e30, [9]])
    def test_a_bad_score_is_named_so(self, value: object) -> None:
        """Outside 0 to 10, not whole, or not a number: bad_score, and nothing else is guessed."""
        result = rejected(score(value))
        assert result.reason == Refusal.BAD_SCORE
        assert "a whole number from 0 to 10" in result.fault

    @pytest.mark.parametrize("value", [0, 10, 9.0])
    def test_a_whole_number_is_a_score_however_it_is_written(self, value: float) -> None:
        """JSON knows one kind of number: 9.0 is 9."""
        said = accepted(score(value)).score
        assert said is not None
        assert said.score == int(value)
        assert type(said.score) is int

    def test_ticket_updates_name_the_ticket(self) -> None:
        """Number or id; no customer needed; `until` may lie ahead."""
        data = {"ticket": 17, "by": "lea", "until": "2026-05-01T09:00:00Z", "at": "2026-03-31T08:00:00Z"}
        event = accepted(delivery(type="boucle.ticket.waiting.v1", subject=None, data=data))
        assert event.ticket is not None
        assert (event.ticket.ticket, event.ticket.kind, event.ticket.by) == ("17", TicketChange.WAITING, "lea")
        assert event.ticket.until == datetime(2026, 5, 1, 9, tzinfo=UTC)
        assert event.occurred_at == event.ticket.at == datetime(2026, 3, 31, 8, tzinfo=UTC)

    def test_our_own_ticket_messages_do_not_come_back_in(self) -> None:
        """A topic wired back to itself does not run in circles."""
        event = delivery(type="boucle.ticket.done.v1", data={"ticket": 17})
        assert accepted(event).kind is Kind.TICKET
        assert [each.pointer for each in rejected({**event, "source": "boucle"}).faults] == ["/source"]

    def test_a_carrier_reports_on_a_request(self) -> None:
        """Sent, or failed and why."""
        event = accepted(
            delivery(type="boucle.survey-request.failed.v1", data={"request": "r-1", "detail": "no such number"})
        )
        assert event.report is not None
        assert (event.kind, event.report.sent, event.report.detail) == (Kind.CARRIER, False, "no such number")


class TestTimes:
    """RFC 3339, real days, not before 1990, not more than a day ahead."""

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("2026-03-31T14:05:00+02:00", datetime(2026, 3, 31, 12, 5, tzinfo=UTC)),
            ("2026-03-31t12:05:00.123456789z", datetime(2026, 3, 31, 12, 5, 0, 123456, tzinfo=UTC)),
            ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
            ("2026-03-31T00:00:00-00:00", datetime(2026, 3, 31, tzinfo=UTC)),
            ("1990-01-01T00:00:00Z", datetime(1990, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_rfc_3339_is_read(self, text: str, wanted: datetime) -> None:
        """Offsets, fractions, small letters and leap seconds are read."""
        assert accepted(delivery(time=text)).occurred_at == wanted

    @pytest.mark.parametrize(
        "text",
        [
            "2026-02-30T10:00:00Z",
            "2026-03-31T24:00:00Z",
            "2026-03-31T10:00:00",
            "2026-03-31",
            "2026-03-31 10:00:00Z",
            "31/03/2026",
            "20260331T100000Z",
            "2026-W14-2T10:00:00Z",
            "2026-03-31T10:00:00+99:00",
            "٢٠٢٦-03-31T10:00:00Z",
            "1970-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "2026-03-31T10:00:61Z",
            "",
        ],
    )
    def test_what_is_no_instant_is_refused(self, text: str) -> None:
        """Impossible days, missing offsets, other notations and stand-ins for no date are bad_time, with the place."""
        result = rejected(delivery(data={"occurred_at": text}))
        assert result.reason == Refusal.BAD_TIME
        assert [each.pointer for each in result.faults] == ["/data/occurred_at"]

    def test_the_future_ends_after_a_day(self) -> None:
        """24 hours ahead is a wrong clock's margin; one second more is refused, also in the year 9999."""
        edge = NOW + timedelta(hours=24)
        assert accepted(delivery(time=edge.isoformat())).occurred_at == edge
        assert rejected(delivery(time=(edge + timedelta(seconds=1)).isoformat())).reason == Refusal.FUTURE
        assert rejected(delivery(time="9999-12-31T23:59:59Z")).reason == Refusal.FUTURE
        assert rejected(delivery(time="9999-12-31T23:59:59-12:00")).reason in (Refusal.FUTURE, Refusal.BAD_TIME)

    def test_occurred_at_counts_before_time(self) -> None:
        """When it happened is not when it was published."""
        event = accepted(delivery(data={"occurred_at": "2026-03-01T00:00:00Z"}))
        assert event.occurred_at == datetime(2026, 3, 1, tzinfo=UTC)
        assert event.time == datetime(2026, 3, 31, 12, 5, tzinfo=UTC)

    def test_one_of_both_is_enough_and_none_is_not(self) -> None:
        """An event without any time cannot be planned."""
        assert accepted(delivery(time=None, data={"occurred_at": "2026-03-01T00:00:00Z"})).time.day == 1
        assert rejected(delivery(time=None)).reason == Refusal.BAD_TIME
        assert rejected(delivery(time=None, data={"answered_at": "2026-03-01T00:00:00Z"})).reason == Refusal.BAD_TIME


class TestRefusals:
    """What is bad is refused with a stable code and sentences one can act on."""

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", Refusal.NOT_JSON),
            (b"hello", Refusal.NOT_JSON),
            (b"{'a': 1}", Refusal.NOT_JSON),
            (b'{"score": NaN}', Refusal.NOT_JSON),
            (b"[" * 5000, Refusal.NOT_JSON),
            (b"null", Refusal.NOT_CLOUDEVENT),
            (b"[]", Refusal.NOT_CLOUDEVENT),
            (b"{}", Refusal.NOT_CLOUDEVENT),
            (b'"text"', Refusal.NOT_CLOUDEVENT),
            (b" " * 1_000_001, Refusal.TOO_LARGE),
            (b"x" * 10_000_000, Refusal.TOO_LARGE),
            (orjson.dumps(delivery()).decode().encode("utf-16"), Refusal.WRONG_ENCODING),
            (orjson.dumps(delivery()).decode().encode("utf-16-be"), Refusal.WRONG_ENCODING),
            (orjson.dumps(delivery(source="café")).decode().encode("latin-1"), Refusal.WRONG_ENCODING),
            (
                orjson.dumps(delivery(type="boucle.customer.merged.v1", data={"merged_into": "a\0b"})),
                Refusal.WRONG_ENCODING,
            ),
            (b"{\x00}", Refusal.WRONG_ENCODING),
        ],
    )
    def test_bytes_that_are_no_event(self, body: bytes, reason: Refusal) -> None:
        """Each sort of damage has its own code and a sentence."""
        result = CODEC.parse(body, (), NOW)
        assert isinstance(result, Rejected)
        assert result.reason == reason
        assert result.fault.endswith((".", "position 0"))

    def test_a_backslash_before_u0000_is_text(self) -> None:
        r"""Six characters \u0000 in a text are not the character NUL."""
        assert accepted(delivery(data={"label": "\\u0000"})).label == "\\u0000"

    def test_a_foreign_charset_is_refused(self) -> None:
        """What the content type says is believed."""
        result = CODEC.parse(orjson.dumps(delivery()), {}, NOW, content_type="application/json; charset=iso-8859-1")
        assert isinstance(result, Rejected)
        assert result.reason == Refusal.WRONG_ENCODING

    def test_binary_mode_names_the_sender_of_bad_data(self) -> None:
        """The attributes are known even if the body cannot be read."""
        _, headers = binary(delivery())
        result = CODEC.parse(b"{", headers, NOW)
        assert isinstance(result, Rejected)
        assert (result.reason, result.source, result.id, result.subject) == ("not_json", "crm", "d-1", "C-1")

    def test_binary_data_of_another_type_is_refused(self) -> None:
        """XML is not guessed at."""
        body, headers = binary(delivery())
        result = CODEC.parse(body, [*headers[:-1], ("content-type", b"text/xml")], NOW)
        assert isinstance(result, Rejected)
        assert "application/json" in result.fault

    @pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
    @pytest.mark.parametrize("value", [None, "", 7])
    def test_required_attributes(self, name: str, value: object) -> None:
        """CloudEvents needs four attributes, each a text."""
        result = rejected(delivery(**{name: value}))
        assert result.reason == Refusal.NOT_CLOUDEVENT
        assert f"/{name}" in [each.pointer for each in result.faults]

    def test_unknown_types_get_a_guess(self) -> None:
        """A slip of the pen is recognised; anything else is told where types are declared."""
        near = rejected(delivery(type="boucle.journey.delivry.v1"))
        assert near.reason == Refusal.UNKNOWN_TYPE
        assert "Did you mean boucle.journey.delivery.v1?" in near.fault
        assert "rules/events.csv" in rejected(delivery(type="com.shop.thing")).fault

    @pytest.mark.parametrize(
        "change",
        [
            {"subject": None, "data": {}},
            {"subject": "", "data": {}},
            {"subject": None, "data": None},
            {"data": {"customer": {}}},
        ],
    )
    def test_a_missing_customer(self, change: dict[str, object]) -> None:
        """Neither subject nor data.customer.id: nobody could be asked."""
        assert rejected(delivery(**change)).reason == Refusal.MISSING_CUSTOMER

    def test_every_fault_is_listed(self) -> None:
        """One look is enough to correct all of it; the gravest gives the code."""
        bad = score(11, asked_at="yesterday", answered_at="2030-01-01T00:00:00Z", comment=7)
        bad["data"] = {**score(11)["data"], **bad["data"], "customer": {"id": 5, "email": "nowhere"}}  # type: ignore[dict-item]  # built as plain JSON
        result = rejected(bad)
        assert result.reason == Refusal.BAD_SCORE
        assert {each.pointer for each in result.faults} == {
            "/data/score",
            "/data/asked_at",
            "/data/answered_at",
            "/data/comment",
            "/data/customer/id",
            "/data/customer/email",
        }

    def test_a_fault_does_not_repeat_a_megabyte(self) -> None:
        """Long values are cut in messages."""
        assert len(rejected(delivery(source="x" * 500_000)).fault) < 300

    def test_an_unknown_zone_is_named(self) -> None:
        """With the known zones given, a wrong one is a fault and a good one is not."""
        codec = Codec(SCHEMAS, zones={"Europe/Paris"})
        assert accepted(delivery(data={"customer": {"id": "C-1", "time_zone": "Europe/Paris"}}), codec)
        result = accepted(delivery(data={"customer": {"id": "C-1", "time_zone": "Europe/Pariis"}}), codec)
        assert [each.pointer for each in result.left_out] == ["/data/customer/time_zone"]

    @pytest.mark.parametrize("depth", [200, 300, 1000])
    def test_deep_nesting_is_harmless(self, depth: int) -> None:
        """Taken or refused, never a crash."""
        body = orjson.dumps(delivery(data="@")).replace(b'"@"', b'{"a":' * depth + b"1" + b"}" * depth)
        result = CODEC.parse(body, (), NOW)
        assert isinstance(result, Event) or result.reason == Refusal.SCHEMA or result.reason == Refusal.NOT_JSON


class TestSchemas:
    """The schemas an operator may override are checked at start."""

    @pytest.fixture
    def damaged(self) -> dict[str, dict[str, object]]:
        """Return a set of schemas with a fault of each sort."""
        return {
            **SCHEMAS,
            "in/a.json": {"type": "nope"},
            "in/b.json": {"properties": {"type": {"enum": ["com.shop.paid"]}}},
            "in/c.json": {"$ref": "../gone.json"},
            "in/d.json": {"properties": {"type": {"enum": ["boucle.score.v1"]}}},
        }

    def test_all_faults_at_once(self, damaged: dict[str, dict[str, object]]) -> None:
        """Every unusable schema is named in one go."""
        with pytest.raises(Misconfigured) as caught:
            Codec(damaged)
        assert [fault.partition(":")[0] for fault in caught.value.faults] == [
            "schemas/in/a.json",
            "schemas/in/b.json",
            "schemas/in/c.json",
            "schemas/in/score.json",
        ]

    def test_a_weaker_schema_of_the_operator_stops_nothing(self) -> None:
        """What it lets through and cannot be used is refused, and the schema is named."""
        weak: dict[str, object] = {"properties": {"type": {"enum": ["boucle.score.v1"]}}}
        codec = Codec(
            {**{name: schema for name, schema in SCHEMAS.items() if name != "in/score.json"}, "in/score.json": weak}
        )
        for event in (score("nine"), score(None), delivery(type="boucle.score.v1", data=[]), score(3, customer=[])):
            assert "Correct the schema" in rejected(event, codec).fault
        assert accepted(score(3), codec).score is not None

    def test_files_that_are_no_schema(self) -> None:
        """Files that cannot be read are named, all of them."""
        with pytest.raises(Misconfigured) as caught:
            read_schemas({"in/a.json": b"{", "in/b.json": b"[]"})
        assert len(caught.value.faults) == 2
