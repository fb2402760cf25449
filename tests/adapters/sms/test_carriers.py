"""Each carrier by its vendor's own contract: what is sent, how its answers end, who is believed when it calls."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import orjson
import pytest

from workers.adapters.sms import brevo, ovh, twilio, vonage
from workers.adapters.sms.file_carrier import FileCarrier
from workers.adapters.sms.http_carrier import MOST_BYTES, HttpCarrier
from workers.app.text_carriers import FORMS, carrier_of
from workers.domain.delivery_result import SendKind
from workers.domain.sms.carried import InboundText, TextReport, TextResult, Told, Unproven
from workers.domain.types import TextState
from workers.errors import Misconfigured

DOOR = "https://nps.shop.example/m/carrier/0123456789abcdef"
NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
NUMBER, TEXT = "+33612345678", "Recommanderiez-vous ? \u00c7a se note de 0 \u00e0 10"
Answer = tuple[int, Any]


def made(name: str, handler: Callable[[httpx.Request], httpx.Response]) -> HttpCarrier:
    """Return a carrier whose vendor is a function."""
    transport = httpx.MockTransport(handler)
    if name == "twilio":
        return twilio.Twilio("AC1", "token", "+33700000000", DOOR, transport)
    if name == "ovh":
        return ovh.Ovh("key", "secret", "consumer", "sms-ab1-1", transport, clock=lambda: NOW)
    if name == "brevo":
        return brevo.Brevo("key", "Shop", DOOR, transport)
    return vonage.Vonage("key", "secret", "signature", "Shop", DOOR, transport)


def sent(name: str, answer: Answer | Exception) -> tuple[TextResult, list[httpx.Request]]:
    """Send one text with a vendor that answers so, and return how it ended and what was asked."""
    requests: list[httpx.Request] = []

    def vendor(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer[0], json=answer[1])

    async def hand_over() -> TextResult:
        carrier = made(name, vendor)
        try:
            return await carrier.send(NUMBER, TEXT, "reference-1")  # type: ignore[attr-defined,no-any-return]  # each has it
        finally:
            await carrier.close()

    return asyncio.run(hand_over()), requests


TAKEN: dict[str, tuple[Answer, str]] = {
    "twilio": ((201, {"sid": "SM1", "status": "queued"}), "SM1"),
    "ovh": ((200, {"ids": [77], "invalidReceivers": [], "validReceivers": [NUMBER]}), "77"),
    "brevo": ((201, {"reference": "r", "messageId": 1511882900176220}), "1511882900176220"),
    "vonage": ((200, {"message-count": "1", "messages": [{"status": "0", "message-id": "0A01"}]}), "0A01"),
}
REFUSED: dict[str, Answer] = {
    "twilio": (400, {"code": 21211, "message": "The 'To' number is not a valid phone number."}),
    "ovh": (200, {"ids": [], "invalidReceivers": [NUMBER], "validReceivers": []}),
    "brevo": (400, {"code": "invalid_parameter", "message": "Invalid telephone number"}),
    "vonage": (200, {"message-count": "1", "messages": [{"status": "3", "error-text": "Invalid to"}]}),
}
BUSY: dict[str, Answer] = {
    "twilio": (429, {"code": 20429, "message": "Too Many Requests"}),
    "ovh": (503, {"message": "Service Unavailable"}),
    "brevo": (502, {}),
    "vonage": (200, {"message-count": "1", "messages": [{"status": "1", "error-text": "Throttled"}]}),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_the_vendor_takes_has_its_id(name: str) -> None:
    """A text that was taken is known by the vendor's own id, under which it reports."""
    answer, id = TAKEN[name]
    result, (request,) = sent(name, answer)
    assert result == TextResult(SendKind.ACCEPTED, id)
    assert request.method == "POST"
    assert TEXT in dict(parse_qsl(request.content.decode())).values() or TEXT in request.content.decode()


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_vendor_refuses_is_never_tried_again(name: str) -> None:
    """A number that the vendor calls wrong ends the message, with the vendor's words."""
    result, _ = sent(name, REFUSED[name])
    assert result.kind == SendKind.NEVER
    assert result.text


@pytest.mark.parametrize("name", BUSY)
def test_a_vendor_that_is_busy_is_asked_again(name: str) -> None:
    """Throttled or down is later, and no end."""
    assert sent(name, BUSY[name])[0].kind == SendKind.LATER


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("answer", [(200, {}), (302, {}), (401, {"message": "no"}), (204, {})])
def test_an_answer_that_says_nothing_is_no_success(name: str, answer: Answer) -> None:
    """Only the vendor's own sign of success is one."""
    result = sent(name, answer)[0]
    assert result.kind == (SendKind.UNKNOWN if answer[0] < 300 else SendKind.NEVER)
    assert result.text


ODD: list[object] = [None, 5, "ids", [], {"a": 1}, [None], ["x"], [{"status": []}]]


@pytest.mark.parametrize("status", [200, 201, 400])
@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("name", TAKEN)
def test_an_answer_of_any_shape_is_a_result(name: str, value: object, status: int) -> None:
    """Where a list or an id belongs a vendor may write anything: the message ends one way or another."""
    fields = ("ids", "messages", "messageId", "sid", "message", "code", "invalidReceivers")
    assert sent(name, (status, dict.fromkeys(fields, value)))[0].kind in SendKind
    assert sent(name, (status, value))[0].kind in SendKind


def test_a_text_of_which_a_part_was_taken_is_not_sent_again() -> None:
    """Vonage answers for each part of a long text: one that was taken has left, whatever became of the others."""
    parts = [{"status": "0", "message-id": "0A01"}, {"status": "1", "error-text": "Throttled"}]
    assert sent("vonage", (200, {"messages": parts}))[0].kind == SendKind.UNKNOWN


@pytest.mark.parametrize("name", TAKEN)
def test_an_answer_without_end_is_read_so_far(name: str) -> None:
    """Of a body that goes on and on, no more than a fixed length is read; its status counts."""
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 65_536
            yield b"x" * 65_536

    async def hand_over() -> TextResult:
        carrier = made(name, lambda request: httpx.Response(503, content=endless()))
        try:
            return await carrier.send(NUMBER, TEXT, "r")  # type: ignore[attr-defined,no-any-return]  # each has it
        finally:
            await carrier.close()

    assert asyncio.run(hand_over()).kind == SendKind.LATER
    assert given <= 2 * MOST_BYTES


@pytest.mark.parametrize("name", TAKEN)
def test_what_was_cut_may_have_left(name: str) -> None:
    """A vendor that cannot be reached has nothing; one that did not answer may have it."""
    assert sent(name, httpx.ConnectError("refused"))[0].kind == SendKind.LATER
    assert sent(name, httpx.ConnectTimeout("slow"))[0].kind == SendKind.LATER
    assert sent(name, httpx.ReadTimeout("slow"))[0].kind == SendKind.UNKNOWN
    assert sent(name, httpx.RemoteProtocolError("cut"))[0].kind == SendKind.UNKNOWN
    assert sent(name, ValueError("of nobody's"))[0].kind == SendKind.UNKNOWN


def test_each_vendor_is_asked_by_its_own_contract() -> None:
    """Addresses, proofs and fields are the vendors' own."""
    _, (twilio_asked,) = sent("twilio", TAKEN["twilio"][0])
    assert twilio_asked.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
    assert twilio_asked.headers["authorization"] == "Basic " + base64.b64encode(b"AC1:token").decode()
    form = dict(parse_qsl(twilio_asked.content.decode()))
    assert form == {"To": NUMBER, "From": "+33700000000", "Body": TEXT, "StatusCallback": DOOR}
    _, (ovh_asked,) = sent("ovh", TAKEN["ovh"][0])
    body = ovh_asked.content.decode()
    signed = f"secret+consumer+POST+https://eu.api.ovh.com/1.0/sms/sms-ab1-1/jobs+{body}+{STAMP}"
    assert ovh_asked.headers["x-ovh-signature"] == "$1$" + hashlib.sha1(signed.encode()).hexdigest()
    assert orjson.loads(body)["senderForResponse"] is True
    _, (brevo_asked,) = sent("brevo", TAKEN["brevo"][0])
    assert (brevo_asked.url.path, brevo_asked.headers["api-key"]) == ("/v3/transactionalSMS/send", "key")
    assert orjson.loads(brevo_asked.content)["recipient"] == NUMBER[1:]
    _, (vonage_asked,) = sent("vonage", TAKEN["vonage"][0])
    assert vonage_asked.url == "https://rest.nexmo.com/sms/json"
    assert dict(parse_qsl(vonage_asked.content.decode()))["client-ref"] == "reference-1"


def told(values: Mapping[str, str], body: bytes = b"", **headers: str) -> Told:
    """Return a call of a carrier."""
    return Told(DOOR, {name.replace("_", "-"): value for name, value in headers.items()}, values, body)


def by_twilio(values: Mapping[str, str], token: str = "token") -> Told:
    """Return a call as Twilio signs it: the address, then names and values in order."""
    signed = DOOR + "".join(name + values[name] for name in sorted(values))
    proof = base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    return told(values, x_twilio_signature=proof)


@pytest.mark.parametrize(
    ("url", "caller", "expected"),
    [
        ("https://mycompany.com/myapp.php?foo=1&bar=2", "+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://example.com/myapp.php?foo=1&bar=2", "+14158675310", "L/OH5YylLD5NRKLltdqwSvS0BnU="),
    ],
)
def test_a_signature_is_the_one_that_twilio_documents(url: str, caller: str, expected: str) -> None:
    """Both examples of "Webhooks security", with the token 12345."""
    values = {"Digits": "1234", "To": "+18005551212", "From": caller, "Caller": caller, "CallSid": "CA1234567890ABCDE"}
    assert twilio.signature("12345", url, values) == expected


def by_vonage(values: Mapping[str, str], secret: str = "signature") -> Told:
    """Return a call as Vonage signs it: every parameter in order, & and = in values as _."""
    stamped = {"timestamp": STAMP, "nonce": "n1", **values}
    plain = {name: value.replace("&", "_").replace("=", "_") for name, value in stamped.items()}
    signed = "".join(f"&{name}={plain[name]}" for name in sorted(plain))
    return told({**stamped, "sig": hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest().upper()})


def read(name: str, call: Told) -> list[TextReport | InboundText]:
    """Return what a carrier reads in a call."""
    reading: list[TextReport | InboundText] = made(name, lambda request: httpx.Response(200)).read(call, NOW)  # type: ignore[attr-defined]
    return reading


def json_told(value: Mapping[str, Any]) -> Told:
    """Return a call with a JSON body."""
    return told({}, orjson.dumps(value))


SMS_REPLY = "3 trop tard & cher = nul"


def test_replies_are_read_from_each_vendor() -> None:
    """Number and words come whole, whatever signs they have, with an id that a second telling shares."""
    calls = {
        "twilio": by_twilio({"MessageSid": "SM9", "From": NUMBER, "To": "+337", "Body": SMS_REPLY}),
        "vonage": by_vonage({"msisdn": NUMBER[1:], "to": "337", "messageId": "0B", "text": SMS_REPLY}),
        "brevo": json_told({"messageId": 5, "to": NUMBER[1:], "msg_status": "replied", "reply": SMS_REPLY}),
        "ovh": told({"id": "12", "senderid": "0033612345678", "message": SMS_REPLY}),
    }
    for name, call in calls.items():
        (reply,) = read(name, call)
        assert isinstance(reply, InboundText), name
        assert (reply.number, reply.text) == (NUMBER, SMS_REPLY), name
        assert read(name, call) == [reply], name


def test_reports_are_read_from_each_vendor() -> None:
    """Delivered and failed are known by the vendors' own words; what is under way says nothing."""
    assert read("twilio", by_twilio({"MessageSid": "SM1", "MessageStatus": "delivered"})) == [
        TextReport("SM1", TextState.DELIVERED)
    ]
    assert read("twilio", by_twilio({"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003"})) == [
        TextReport("SM1", TextState.FAILED, "error 30003")
    ]
    assert read("twilio", by_twilio({"MessageSid": "SM1", "MessageStatus": "queued"})) == []
    assert read("vonage", by_vonage({"messageId": "0A", "status": "rejected", "err-code": "4"})) == [
        TextReport("0A", TextState.FAILED, "error 4")
    ]
    assert read("brevo", json_told({"messageId": 5, "to": "336", "msg_status": "hard_bounce"})) == [
        TextReport("5", TextState.FAILED)
    ]
    assert read("ovh", told({"id": "77", "ptt": "1"})) == [TextReport("77", TextState.DELIVERED)]
    assert read("ovh", told({"id": "77", "ptt": "8"})) == []


FORGED = {
    "twilio": [
        by_twilio({"MessageSid": "SM1", "From": NUMBER, "Body": "STOP"}, token="another"),
        told({"MessageSid": "SM1", "From": NUMBER, "Body": "STOP"}),
        told({"MessageSid": "SM1", "From": NUMBER, "Body": "STOP"}, x_twilio_signature="\u00e9"),
        Told(DOOR + "?x=1", by_twilio({"Body": "9"}).headers, {"Body": "9"}, b""),
    ],
    "vonage": [
        by_vonage({"msisdn": "336", "messageId": "0B", "text": "STOP"}, secret="another"),
        by_vonage({"msisdn": "336", "messageId": "0B", "text": "STOP", "timestamp": str(int(STAMP) - 600)}),
        by_vonage({"msisdn": "336", "messageId": "0B", "text": "STOP", "timestamp": "soon"}),
        told({"msisdn": "336", "messageId": "0B", "text": "STOP", "timestamp": STAMP, "sig": "\u00e9"}),
        told({}, b"{"),
    ],
    "brevo": [told({}, b"not json"), json_told({"event": "click"})],
    "ovh": [told({}), told({"id": "1"})],
}


@pytest.mark.parametrize(("name", "call"), [(name, call) for name, calls in FORGED.items() for call in calls])
def test_a_call_that_is_not_the_vendors_is_refused(name: str, call: Told) -> None:
    """Another secret, none, an old one, another address, or another form: nothing of it is taken."""
    with pytest.raises(Unproven):
        read(name, call)


def test_a_trial_writes_lines(tmp_path: Path) -> None:
    """Without a carrier each SMS is a line of a file; a folder that cannot be written is told, and tried again."""
    carrier = FileCarrier(tmp_path / "sms.jsonl")
    assert asyncio.run(carrier.send(NUMBER, TEXT, "r1")) == TextResult(SendKind.ACCEPTED, "r1")
    assert orjson.loads((tmp_path / "sms.jsonl").read_bytes()) == {"to": NUMBER, "text": TEXT, "reference": "r1"}
    missing = FileCarrier(tmp_path / "missing" / "sms.jsonl")
    assert asyncio.run(missing.send(NUMBER, TEXT, "r1")).kind == SendKind.LATER
    with pytest.raises(Unproven):
        carrier.read(told({}), NOW)


@pytest.mark.parametrize("url", [form for kind, form in FORMS.items() if kind != "file"])
def test_each_form_of_the_setting_names_its_carrier(url: str, tmp_path: Path) -> None:
    """What the message advises is what is read."""
    carrier = carrier_of(url, DOOR, tmp_path)
    assert carrier.name == url.partition(":")[0]
    asyncio.run(carrier.close())


@pytest.mark.parametrize("kind", [kind for kind in FORMS if kind != "file"])
@pytest.mark.parametrize("rest", ["", "hunter2", "only:hunter2", "only@sender", ":hunter2@sender", "[bad:hunter2@x"])
def test_a_setting_that_lacks_a_part_is_refused_with_its_form(kind: str, rest: str, tmp_path: Path) -> None:
    """What is missing is told by the whole form, and a secret is not repeated."""
    with pytest.raises(Misconfigured) as refusal:
        carrier_of(f"{kind}://{rest}", DOOR, tmp_path)
    assert FORMS[kind] in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_an_unknown_carrier_is_refused_without_its_secret(tmp_path: Path) -> None:
    """A misspelt carrier says which there are, and repeats nothing of what may be a secret."""
    with pytest.raises(Misconfigured) as refusal:
        carrier_of("twillio://AC1:hunter2@+337", DOOR, tmp_path)
    assert "twilio://" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)
