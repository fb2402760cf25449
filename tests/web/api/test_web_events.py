"""POST /v1/events: every mode, every refusal, and nothing lost."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from embedded import about
from webparts import START, Site, event

from workers.domain.records import DeadLetter, Inbox, Touchpoint
from workers.errors import NotNow
from workers.store import tables
from workers.usecases.operation.inquiry import explain

STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
AWAY = ("203.0.113.7", 50_000)


def test_a_structured_event_is_accepted_and_the_same_again_is_a_duplicate(site: Site) -> None:
    """Sending twice is harmless, and the answer says which it was."""
    body = orjson.dumps(event("delivery", reference="1042"))
    first = site.client.post("/v1/events", content=body, headers=STRUCTURED)
    assert first.status_code == 202
    assert first.json() == {
        "accepted": 1,
        "duplicates": 0,
        "rejected": 0,
        "results": [{"index": 0, "id": "delivery-42", "outcome": "accepted", "errors": []}],
    }
    again = site.client.post("/v1/events", content=body, headers=STRUCTURED).json()
    assert (again["accepted"], again["duplicates"], again["results"][0]["outcome"]) == (0, 1, "duplicate")
    assert len(site.rows(Inbox)) == 1


def test_binary_mode_reads_the_attributes_from_headers(site: Site) -> None:
    """The data alone in the body, percent-encoded attributes in ce- headers, is the same event."""
    whole = event("delivery", "Zoé 42", customer={"email": "zoe@example.org"}, reference="1042")
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": str(whole["id"]).replace("é", "%C3%A9").replace(" ", "%20"),
        "ce-source": "shop",
        "ce-type": "boucle.journey.delivery.v1",
        "ce-subject": "Zo%C3%A9%2042",
        "ce-time": START.isoformat(),
    }
    assert site.client.post("/v1/events", json=whole["data"], headers=headers).json()["accepted"] == 1
    structured = site.client.post("/v1/events", content=orjson.dumps(whole), headers=STRUCTURED)
    assert structured.json()["duplicates"] == 1


def test_good_events_of_a_batch_are_taken_and_bad_ones_listed_with_every_fault(site: Site) -> None:
    """One bad item holds nothing back; the answer names its place, and it is a dead letter."""
    bad = event("delivery", "43", reference=7)
    bad["time"] = "yesterday"
    answer = site.client.post(
        "/v1/events", content=orjson.dumps([event("delivery", reference="1"), bad, {"id": "x"}]), headers=BATCH
    )
    assert answer.status_code == 202
    taken = answer.json()
    assert (taken["accepted"], taken["rejected"]) == (1, 2)
    assert [result["outcome"] for result in taken["results"]] == ["accepted", "rejected", "rejected"]
    assert {error["pointer"] for error in taken["results"][1]["errors"]} == {"/time", "/data/reference"}
    assert {error["index"] for error in taken["results"][1]["errors"]} == {1}
    assert {(letter.door, letter.reason) for letter in site.rows(DeadLetter)} == {
        ("http", "bad_time"),
        ("http", "not_cloudevent"),
    }


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"not json", STRUCTURED),
        (b'{"specversion": "1.0"}', STRUCTURED),
        ("{é}".encode("latin-1"), STRUCTURED),
        (b"not json", BATCH),
        (b'{"an": "object"}', BATCH),
        (b"", STRUCTURED),
    ],
)
def test_what_holds_no_event_is_a_problem_and_a_dead_letter(site: Site, body: bytes, headers: dict[str, str]) -> None:
    """Bad bytes answer 400 with what to do about them, and are kept as they came."""
    answer = site.client.post("/v1/events", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    details = answer.json()
    assert (details["title"], details["status"]) == ("No event could be accepted", 400)
    assert all(error["detail"] for error in details["errors"])
    (letter,) = site.rows(DeadLetter)
    assert (letter.door, letter.body) == ("http", body)
    assert "authorization" not in {name.lower() for name in letter.headers}


def test_a_body_that_is_sent_twice_is_one_dead_letter(site: Site) -> None:
    """A sender that tries again does not fill the dead letters."""
    for _ in range(3):
        assert site.client.post("/v1/events", content=b"[", headers=BATCH).status_code == 400
    assert len(site.rows(DeadLetter)) == 1


def test_an_empty_batch_is_refused_and_keeps_nothing(site: Site) -> None:
    """Nothing was sent, so nothing is good and nothing is lost."""
    answer = site.client.post("/v1/events", content=b"[]", headers=BATCH)
    assert answer.status_code == 400
    assert "empty" in answer.json()["errors"][0]["detail"]
    assert site.rows(DeadLetter) == []


def test_the_same_id_with_other_content_is_refused(site: Site) -> None:
    """A conflicting duplicate says so and changes nothing."""
    site.client.post("/v1/events", content=orjson.dumps(event("delivery", reference="1")), headers=STRUCTURED)
    answer = site.client.post("/v1/events", content=orjson.dumps(event("delivery", reference="2")), headers=STRUCTURED)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/id"


def test_an_unread_content_type_is_told_what_is_read(site: Site) -> None:
    """A form or XML is answered 415 with the types that are read, and is not kept."""
    for kind in ("application/x-www-form-urlencoded", "application/xml", "application/cloudevents+avro", "text/plain"):
        answer = site.client.post("/v1/events", content=b"<a/>", headers={"content-type": kind})
        assert answer.status_code == 415, kind
        assert "application/cloudevents+json" in answer.json()["detail"]
    assert site.rows(DeadLetter) == []


def test_a_body_past_the_limit_is_refused_by_its_announced_length(site: Site) -> None:
    """Ten megabytes are answered 413 before they are read."""
    headers = {**STRUCTURED, "content-length": "10000000"}
    answer = site.client.post("/v1/events", content=b"{}", headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert site.rows(DeadLetter) == []


def test_a_body_without_length_is_cut_off_at_the_limit(open_site: Callable[..., Site]) -> None:
    """A stream that does not say its length is read no further than the limit."""
    site = open_site(max_event_bytes="2000")

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 500

    assert site.client.post("/v1/events", content=endless(), headers=STRUCTURED).status_code == 413


def test_a_dry_run_says_what_would_be_planned_and_stores_nothing(site: Site) -> None:
    """`?dry_run=1` answers the touchpoints with due time and state, in the shape of `boucle events plan`."""
    body = orjson.dumps([event("delivery", reference="1"), event("refund", "44", reference="9"), {"id": "x"}])
    answer = site.client.post("/v1/events?dry_run=1", content=body, headers=BATCH)
    assert answer.status_code == 202
    planned, nothing, refused = answer.json()
    assert planned["event"] == "delivery-42"
    assert [touchpoint["touchpoint"] for touchpoint in planned["touchpoints"]] == ["delivery-now", "delivery-6w"]
    assert set(planned["touchpoints"][0]) == {"touchpoint", "trigger", "due_at", "state", "reason"}
    assert nothing["touchpoints"] == []
    assert "journey plan" in nothing["reason"]
    assert refused["errors"]
    for kind in (Inbox, Touchpoint, DeadLetter):
        assert site.rows(kind) == []
    assert site.client.post("/v1/events?dry_run=1", content=b"{}", headers=STRUCTURED).status_code == 400


def test_without_a_key_only_this_machine_may_send(site: Site) -> None:
    """Another machine, a proxy's client, a foreign page and a rebound name are answered 401."""
    body = orjson.dumps(event("delivery", reference="1"))
    away = site.client_from(AWAY).post("/v1/events", content=body, headers=STRUCTURED)
    assert away.status_code == 401
    assert away.headers["www-authenticate"] == "Bearer"
    assert "boucle keys create" in away.json()["detail"]
    for odd in (
        {"x-forwarded-for": "203.0.113.7"},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example:8080"},
    ):
        assert site.client.post("/v1/events", content=body, headers={**STRUCTURED, **odd}).status_code == 401, odd
    assert site.rows(Inbox) == []


def test_a_key_of_the_settings_opens_the_door_from_anywhere(open_site: Callable[..., Site]) -> None:
    """With keys set, this machine needs one too, and a wrong one is no key."""
    site = open_site(api_keys="first-key, second-key")
    body = orjson.dumps(event("delivery", reference="1"))
    for headers, status in (
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Basic second-key"}, 401),
        ({"authorization": "Bearer second-key"}, 202),
        ({"authorization": "bearer first-key"}, 202),
    ):
        answer = site.client_from(AWAY).post("/v1/events", content=body, headers={**STRUCTURED, **headers})
        assert answer.status_code == status, headers


def test_a_stored_key_opens_the_door_when_its_scope_allows_it(site: Site) -> None:
    """A key in the database works by its hash; once there is one, this machine needs one too."""

    def store(key: str, scope: str) -> None:
        row: dict[str, Any] = {"hash": hashlib.sha256(key.encode()).hexdigest(), "name": key, "scope": scope}
        site.parts.store.write(
            lambda connection: connection.execute(sa.insert(tables.api_key).values(**row, created_at=START))
        )

    store("for-events", "events")
    store("for-reading", "report")
    body = orjson.dumps(event("delivery", reference="1"))
    for key, status in (("for-events", 202), ("for-reading", 401)):
        headers = {**STRUCTURED, "authorization": f"Bearer {key}"}
        assert site.client_from(AWAY).post("/v1/events", content=body, headers=headers).status_code == status
    assert site.client.post("/v1/events", content=body, headers=STRUCTURED).status_code == 401


def test_guessing_keys_is_slowed_down_and_valid_keys_are_not(open_site: Callable[..., Site]) -> None:
    """Refused senders have to wait; a sender with a key may send as fast as it likes."""
    site = open_site(api_keys="right", rate_limit="3")
    away = site.client_from(AWAY)
    statuses = [away.post("/v1/events", headers=STRUCTURED, content=b"{}").status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    good = {**STRUCTURED, "authorization": "Bearer right"}
    body = orjson.dumps(event("delivery", reference="1"))
    assert {away.post("/v1/events", headers=good, content=body).status_code for _ in range(9)} == {202}


def test_a_database_that_is_away_asks_the_sender_to_come_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After: the sender keeps the event and nothing is lost."""

    def away(*_: object, **__: object) -> None:
        raise NotNow("The database does not answer; waiting for it.")

    monkeypatch.setattr(site.parts.intake, "take", away)
    answer = site.client.post("/v1/events", content=orjson.dumps(event("delivery")), headers=STRUCTURED)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"


HOSTILE = {
    "byte order marks": b"\xef\xbb\xbf" * 1_100 + b"{}",
    "a number that no double holds": b'{"a": 1e400}',
    "a number of 5,000 digits": b"9" * 5_000,
    "deep lists": b"[" * 100_000,
    "deep data": b'{"specversion":"1.0","type":"boucle.score.v1","data":' + b'{"a":' * 400 + b"1" + b"}" * 401,
    "half a surrogate pair": b'{"id": "\\ud800"}',
    "bytes": bytes(range(256)),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("headers", [STRUCTURED, BATCH, {"content-type": "application/json"}], ids=str)
def test_hostile_bodies_are_answered_400_and_kept(site: Site, body: bytes, headers: dict[str, str]) -> None:
    """Nothing that is sent is an error of ours: the sender is told what is wrong, and it is a dead letter."""
    answer = site.client.post("/v1/events", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["errors"][0]["detail"]
    assert len(site.rows(DeadLetter)) == 1
    assert site.client.post("/v1/events?dry_run=1", content=body, headers=headers).status_code == 400


@pytest.mark.parametrize("value", ["1%00", "%ed%a0%80", "%ff", "x" * 5_000])
def test_hostile_attribute_headers_are_answered_400(site: Site, value: str) -> None:
    """Percent-encoded NUL, halves of characters and endless ids in ce- headers are refused, each with a sentence."""
    headers = {"content-type": "application/json", "ce-specversion": "1.0", "ce-source": "shop", "ce-id": value}
    headers["ce-type"] = "boucle.journey.delivery.v1"
    answer = site.client.post("/v1/events", content=b"{}", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_a_batch_of_more_than_a_thousand_events_is_refused_before_it_is_read(site: Site) -> None:
    """The answer is 413 with the limit, also for a dry run; nothing of the batch is taken, and nothing kept."""
    for body in (b"[" + b"{}," * 1_000 + b"{}]", orjson.dumps([event("delivery", reference="1")] * 1_001)):
        for address in ("/v1/events", "/v1/events?dry_run=1"):
            answer = site.client.post(address, content=body, headers=BATCH)
            assert answer.status_code == 413
            assert "1,000" in answer.json()["detail"]
    assert site.rows(DeadLetter) == []
    assert site.rows(Inbox) == []
    most = site.client.post("/v1/events", content=b"[" + b"{}," * 999 + b"{}]", headers=BATCH)
    assert most.status_code == 400


def test_a_sender_may_ask_before_it_delivers(site: Site) -> None:
    """The handshake of CloudEvents webhooks needs no key and opens nothing; without an origin the methods are named."""
    answer = site.client.options("/v1/events", headers={"WebHook-Request-Origin": "events.example.org"})
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "events.example.org"
    assert answer.headers["webhook-allowed-rate"] == "*"
    plain = site.client.options("/v1/events")
    assert (plain.status_code, plain.headers["allow"]) == (204, "POST, OPTIONS")


def test_what_was_left_out_is_answered_and_explained(site: Site) -> None:
    """An opt-out with a broken address counts; the answer, a dry run and the explanation name the field."""
    body = orjson.dumps(about("opted_out", "y2", customer={"id": "y2", "email": "deleted"}))
    dry = site.client.post("/v1/events?dry_run=1", content=body, headers=STRUCTURED).json()
    (result,) = site.client.post("/v1/events", content=body, headers=STRUCTURED).json()["results"]
    assert result["outcome"] == "accepted"
    assert [fault["pointer"] for fault in result["left_out"]] == ["/data/customer/email"]
    assert dry[0]["left_out"] == result["left_out"]
    with site.parts.store.reading() as connection:
        explanation: Any = explain(connection, "customer", "y2", START, site.parts.policies.current())
    (event,) = explanation["events"]
    assert event["left_out"] == [{"pointer": "/data/customer/email", "detail": "left out"}]
    assert "`customer.email` was wrong and was left out" in event["reason"]
