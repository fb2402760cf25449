"""Where a carrier of SMS calls: its secret, its signature, and what becomes of what it tells."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from smsparts import NUMBER, plan_by_sms
from webparts import Site, event

from workers.adapters.sms.twilio import signature
from workers.app.text_carriers import carrier_of
from workers.domain.changeset import ChangeSet
from workers.domain.records import DeadLetter, Response, SmsMessage, SmsReply, Suppression
from workers.domain.types import ReplyUse, TextState
from workers.store.apply import apply
from workers.usecases.dead_letters import DeadLetters

URL = "twilio://AC1:token@+33700000000"


@pytest.fixture
def site(open_site: Callable[..., Site], tmp_path: Path) -> Site:
    """Give an installation that asks by SMS, with a customer who was asked."""
    folder = plan_by_sms(tmp_path / "own")
    site = open_site(overrides=str(folder), sms_url="file:", public_url="https://nps.shop.example")
    carrier = carrier_of(URL, site.web.text_door, tmp_path)
    site.app.state.web = replace(site.web, text_carrier=carrier)
    site.events(
        event("delivery", "42", at=site.clock.at, customer={"phone": NUMBER, "survey_consent": True}, reference="1042")
    )
    site.settle()
    (message,) = site.rows(SmsMessage)
    changes = ChangeSet()
    changes.change(message.but(state=TextState.SENT, provider="twilio", provider_id="SM1", text="?", parts=1))
    site.parts.store.write(lambda connection: apply(connection, changes, site.clock.at))
    return site


def call(site: Site, fields: dict[str, str], *, token: str = "token", path: str = "", **more: str) -> int:
    """Call the door as Twilio does, and return the status."""
    door = site.parts.outgoing.text_door
    headers = {"X-Twilio-Signature": signature(token, door, fields), **more}
    return int(site.client.post(path or urlsplit(door).path, data=fields, headers=headers).status_code)


REPLY = {"MessageSid": "SM2", "From": NUMBER, "To": "+33700000000", "Body": "3 trop tard"}


def test_a_signed_reply_is_an_answer(site: Site) -> None:
    """Through the door to the response, once however often it comes."""
    assert [call(site, REPLY) for _ in range(3)] == [200, 200, 200]
    (response,) = site.rows(Response)
    assert (response.score, response.comment, response.channel) == (3, "trop tard", "sms")
    assert len(site.rows(SmsReply)) == 1


def test_a_signed_report_moves_the_message(site: Site) -> None:
    """Delivered is delivered; the answer says nothing that Twilio would send on."""
    assert call(site, {"MessageSid": "SM1", "MessageStatus": "delivered"}) == 200
    assert [row.state for row in site.rows(SmsMessage)] == [TextState.DELIVERED]


def test_whoever_is_not_the_carrier_changes_nothing(site: Site) -> None:
    """Another token, another secret in the address, another carrier's name, and no signature are refused."""
    door = urlsplit(site.parts.outgoing.text_door).path
    assert call(site, REPLY, token="another") == 403
    assert call(site, REPLY, path=door[:-1] + ("0" if door[-1] != "0" else "1")) == 403
    assert call(site, REPLY, path=door.replace("file", "vonage")) == 403
    assert site.client.post(door, data=REPLY).status_code == 403
    assert site.client.post(door, data=REPLY, headers={b"X-Twilio-Signature": b"\xe9"}).status_code == 403
    assert site.client.get(door).status_code == 403
    assert site.rows(SmsReply) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"&" * 20_000, b"a=" + b"%00" * 9_000, "=\u20ac&".encode() * 500, b"{" * 1_000],
)
def test_hostile_calls_are_refused_in_words(site: Site, body: bytes) -> None:
    """Whatever is sent to the door is answered with a status below 500, and nothing is kept."""
    door = urlsplit(site.parts.outgoing.text_door).path
    for kind in ("application/x-www-form-urlencoded", "application/json", "text/plain"):
        assert site.client.post(door, content=body, headers={"Content-Type": kind}).status_code in (400, 403, 413)
    assert site.rows(SmsReply) == []


def test_a_call_that_is_too_large_is_turned_away(site: Site) -> None:
    """Beyond 32 kB nothing is read."""
    door = urlsplit(site.parts.outgoing.text_door).path
    assert site.client.post(door, content=b"a" * 40_000).status_code == 413


def test_stop_from_a_number_that_was_never_asked_is_kept(site: Site) -> None:
    """Nobody is talked to there, and nobody will be asked."""
    assert call(site, {**REPLY, "MessageSid": "SM3", "From": "+33611111111", "Body": "STOP"}) == 200
    assert [row.kind for row in site.rows(Suppression)] == ["opt_out"]


def test_a_wish_to_stop_in_the_words_of_the_account_is_one(site: Site) -> None:
    """Twilio says so where its account has words of its own."""
    assert call(site, {**REPLY, "Body": "Fini", "OptOutType": "STOP"}) == 200
    assert [row.use for row in site.rows(SmsReply)] == [ReplyUse.STOP]
    assert call(site, {**REPLY, "MessageSid": "SM7", "Body": "Fini"}) == 200
    assert [row.state for row in site.rows(DeadLetter)] == []


def test_what_belongs_to_nobody_is_a_dead_letter(site: Site) -> None:
    """A report of an SMS that is not ours, and a reply from a number that nobody was asked on: once, and the carrier
    hears that it was taken."""
    report = {"MessageSid": "SM404", "MessageStatus": "undelivered", "ErrorCode": "30003"}
    stranger = {**REPLY, "MessageSid": "SM405", "From": "+33611111111", "Body": "Qui \u00eates-vous ?"}
    for fields in (report, stranger, report, stranger):
        assert call(site, fields) == 200
    letters = sorted(site.rows(DeadLetter), key=lambda letter: letter.event_id or "")
    assert [(letter.reason, letter.source, letter.event_id) for letter in letters] == [
        ("unknown_message", "sms/twilio", "SM404"),
        ("unknown_message", "sms/twilio", "SM405"),
    ]
    assert json.loads(letters[0].body) == {
        "carrier": "twilio",
        "id": "SM404",
        "state": "failed",
        "detail": "error 30003",
    }
    assert "\u00eates-vous" in json.loads(letters[1].body)["text"]
    replayed = DeadLetters(site.parts.store, site.parts.intake.take, site.parts.now).replay([letters[0].id])
    assert (replayed.taken, "No SMS of ours" in replayed.refusals[0]) == (0, True)


def test_a_report_that_overtakes_the_answer_to_the_sending_is_taken(site: Site) -> None:
    """The carrier may say that an SMS has arrived before its id is written down here."""
    (message,) = site.rows(SmsMessage)

    def become(state: TextState, id: str) -> None:
        changes = ChangeSet()
        changes.change(message.but(state=state, provider_id=id))
        site.parts.store.write(lambda connection: apply(connection, changes, site.clock.at))

    become(TextState.SENDING, "")
    with ThreadPoolExecutor(1) as threads:
        calling = threads.submit(call, site, {"MessageSid": "SM9", "MessageStatus": "delivered"})
        become(TextState.SENT, "SM9")
        assert calling.result(timeout=30) == 200
    assert [row.state for row in site.rows(SmsMessage)] == [TextState.DELIVERED]
    assert site.rows(DeadLetter) == []


def test_without_a_carrier_the_door_is_shut(open_site: Callable[..., Site]) -> None:
    """An installation that sends no SMS takes nothing."""
    site = open_site()
    assert site.client.post("/m//x").status_code in (403, 404)
    assert site.client.post("/m/twilio/0123456789").status_code == 403


def test_two_replies_at_once_are_both_taken(site: Site) -> None:
    """A score and its words in two messages that arrive together make one answer."""
    second = {**REPLY, "MessageSid": "SM5", "Body": "colis cass\u00e9"}

    async def both() -> list[int]:
        first = {**REPLY, "MessageSid": "SM4", "Body": "3"}
        return list(await asyncio.gather(*(asyncio.to_thread(call, site, fields) for fields in (first, second))))

    assert asyncio.run(both()) == [200, 200]
    (response,) = site.rows(Response)
    assert response.score == 3
    assert "colis cass\u00e9" in response.comment or ReplyUse.HANDED_OVER in {row.use for row in site.rows(SmsReply)}
