"""API keys at the event door: what each may send, when it ends, and what is kept of its use."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from httpx2 import Response
from webparts import START, Site, event

from workers.cloudevents import Kind
from workers.cloudevents.scopes import SENDS, Scope, as_text, kinds_of, needed_for, read_scopes
from workers.domain.records import Customer, DeadLetter, Inbox
from workers.store import tables
from workers.store.sign_in.audit_log import list_acts
from workers.usecases.dead_letters import DeadLetters
from workers.usecases.sign_in.api_keys import ApiKeys, hashed, read_given

AWAY = ("203.0.113.7", 50_000)
BATCH = "application/cloudevents-batch+json"
SCHEMAS = Path(__file__).parents[3] / "schemas" / "in"
SHIPPED: list[dict[str, Any]] = [
    example for path in sorted(SCHEMAS.glob("*.json")) for example in json.loads(path.read_text())["examples"]
]
SCOPE_OF = {
    "journey": "journey",
    "score": "scores",
    "survey-request": "scores",
    "customer": "customers",
    "ticket": "tickets",
}


def make_key(site: Site, *scopes: str, name: str = "shop") -> str:
    """Make a key and return it."""
    keys = ApiKeys(site.parts.store)
    return keys.create(name, read_scopes(scopes), owner="lea", lasts=None, by="ana")[0]


def post(site: Site, key: str, *events: dict[str, Any], path: str = "/v1/events") -> Response:
    """Send a batch with a key from another machine."""
    headers = {"content-type": BATCH, "authorization": f"Bearer {key}"}
    return site.client_from(AWAY).post(path, content=orjson.dumps(list(events)), headers=headers)


def erased(subject: str = "42", **more: Any) -> dict[str, Any]:
    """Return the event that erases a customer."""
    return {
        "specversion": "1.0",
        "id": f"erase-{subject}",
        "source": "shop",
        "type": "boucle.customer.erased.v1",
        "subject": subject,
        "time": START.isoformat(),
        "data": {"customer": {"id": subject}},
        **more,
    }


def set_key(site: Site, key: str, **values: object) -> None:
    """Change the row of a key."""
    this = tables.api_key.c.hash == hashed(key)
    site.parts.store.write(
        lambda connection: connection.execute(sa.update(tables.api_key).where(this).values(**values))
    )


def key_row(site: Site, key: str) -> Any:
    """Return the row of a key."""
    with site.parts.store.reading() as connection:
        return connection.execute(sa.select(tables.api_key).where(tables.api_key.c.hash == hashed(key))).one()


def acts(site: Site, act: str) -> list[dict[str, Any]]:
    """Return the audited acts of a kind, oldest first."""
    with site.parts.store.reading() as connection:
        return [entry for entry in reversed(list_acts(connection)) if entry["act"] == act]


def test_a_shops_key_can_neither_erase_a_customer_nor_close_a_ticket(site: Site) -> None:
    """403 names the scope that the event needs; the customer stays, and the event is kept."""
    key = make_key(site, "journey")
    assert post(site, key, event("delivery", reference="1")).status_code == 202
    for forbidden, scope in ((erased(), "customers"), ({**erased(), "type": "boucle.ticket.done.v1"}, "tickets")):
        answer = post(site, key, forbidden)
        assert answer.status_code == 403
        details = answer.json()
        assert details["title"] == "This key may not send these events"
        (error,) = details["errors"]
        assert (error["index"], error["pointer"]) == (0, "/type")
        assert f"needs the scope {scope}" in error["detail"]
        assert f"--scope {scope}" in error["detail"]
    assert site.rows(Customer)[0].erased_at is None
    assert {letter.reason for letter in site.rows(DeadLetter)} == {"forbidden"}


def test_of_a_batch_what_is_allowed_is_taken(site: Site) -> None:
    """Each event has its own outcome; a dry run answers the same and stores nothing."""
    key = make_key(site, "journey")
    batch = [event("delivery", reference="1"), erased(), {"id": "x"}]
    planned = post(site, key, *batch, path="/v1/events?dry_run=1").json()
    assert "needs the scope customers" in planned[1]["errors"][0]["detail"]
    assert (site.rows(Inbox), site.rows(DeadLetter)) == ([], [])
    answer = post(site, key, *batch)
    assert answer.status_code == 202
    assert [result["outcome"] for result in answer.json()["results"]] == ["accepted", "rejected", "rejected"]
    assert answer.json()["results"][1]["id"] == "erase-42"
    assert post(site, key, erased(), path="/v1/events?dry_run=1").status_code == 403
    assert post(site, key, erased("1"), {"id": "x"}).status_code == 400, "not the key alone is why"


@pytest.mark.parametrize("scope", [str(scope) for scope in Scope])
def test_a_scope_allows_its_own_types_and_no_other(site: Site, scope: str) -> None:
    """Every shipped example is refused by every key but those whose scope it belongs to."""
    key = make_key(site, scope)
    site.clock.at = START + timedelta(days=300)
    for example in SHIPPED:
        needed = SCOPE_OF[example["type"].split(".")[1]]
        answer = post(site, key, example)
        assert (answer.status_code == 403) == (scope not in (needed, "all")), (example["type"], answer.text)


def test_a_crms_own_types_count_as_what_they_are_made_of(site: Site) -> None:
    """A mapped type has the scope of its kind, and every kind has one."""
    assert {needed_for(kind) for kind in Kind} == set(Scope) - {Scope.ALL}
    assert kinds_of({Scope.ALL}) == set(Kind) == {kind for scope in set(Scope) - {Scope.ALL} for kind in SENDS[scope]}
    assert read_scopes(as_text({Scope.TICKETS, Scope.JOURNEY}).split()) == {Scope.TICKETS, Scope.JOURNEY}


@pytest.mark.parametrize(
    "trick",
    [
        {},
        {"time": (START + timedelta(days=400)).isoformat()},
        {"data": {"customer": "nobody"}},
        {"type": "crm.customer.deleted"},
        {"data": None},
    ],
    ids=["plain", "in the future", "no customer", "unknown type", "no data"],
)
def test_a_replay_of_everything_opens_no_door(site: Site, trick: dict[str, Any]) -> None:
    """What a key may not send stays out when an operator replays all letters, whatever else was wrong with it."""
    key = make_key(site, "journey")
    post(site, key, event("delivery", reference="1"))
    post(site, key, erased(**trick))
    site.clock.at += timedelta(days=500)
    letters = DeadLetters(site.parts.store, site.parts.intake.take, site.parts.now)
    done = letters.replay(letter.id for letter in letters.list())
    assert (done.taken, len(done.refusals)) == (0, 1)
    assert site.rows(Customer)[0].erased_at is None
    (letter,) = site.rows(DeadLetter)
    assert letter.headers["boucle-scopes"] == "journey"


def test_an_operator_may_take_in_what_a_key_may_not_send(site: Site) -> None:
    """Nothing is lost: one letter by its id is the operator's own word, and is audited."""
    key = make_key(site, "journey")
    post(site, key, event("delivery", reference="1"))
    post(site, key, erased())
    letters = DeadLetters(site.parts.store, site.parts.intake.take, site.parts.now)
    assert letters.replay([letter.id for letter in letters.list()], overrule="ana").taken == 1
    assert site.rows(Customer)[0].erased_at is not None
    assert [(act["by"], act["detail"]["scopes"]) for act in acts(site, "dead_letter.allow")] == [("ana", "journey")]


def test_a_key_that_ended_or_was_revoked_is_told_so(site: Site) -> None:
    """401 with a sentence that says since when and what to do; a revoked key is refused from the next request on."""
    key = make_key(site, "all")
    body = event("delivery", reference="1")
    assert post(site, key, body).status_code == 202
    ApiKeys(site.parts.store).revoke("shop", by="ana")
    answer = post(site, key, body)
    assert answer.status_code == 401
    assert "(shop) was revoked on" in answer.json()["detail"]
    assert "invalid_token" in answer.headers["www-authenticate"]
    ended = make_key(site, "all", name="old")
    set_key(site, ended, expires_at=START - timedelta(days=1))
    assert "(old) ended on 2026-03-02" in post(site, ended, body).json()["detail"]
    set_key(site, ended, expires_at=START + timedelta(days=100_000))
    assert post(site, ended, body).status_code == 202
    assert site.client.post("/v1/events", content=b"{}").status_code == 401, "no door opens when all keys are revoked"


def test_a_key_of_the_release_before_still_sends_everything(site: Site) -> None:
    """Rows without the new columns keep working; a role of 0.1.0 refuses what is narrower, has an end or is revoked."""
    row = {"hash": hashed("old-key"), "name": "crm", "scope": "events", "created_at": START}
    site.parts.store.write(lambda connection: connection.execute(sa.insert(tables.api_key).values(**row)))
    assert post(site, "old-key", erased()).status_code == 202
    narrow, wide = make_key(site, "journey"), make_key(site, "all")
    assert (key_row(site, narrow).scope, key_row(site, wide).scope) == ("limited", "all")
    ApiKeys(site.parts.store).revoke("shop", by="ana")
    assert key_row(site, wide).scope == "revoked"
    set_key(site, "old-key", scopes="something newer")
    assert post(site, "old-key", erased()).status_code == 401


def test_a_key_of_the_settings_may_be_narrowed(open_site: Callable[..., Site]) -> None:
    """KEY sends everything, KEY:journey+scores what it says; a colon within a key stays part of it."""
    site = open_site(api_keys="wide, narrow:journey+scores, co:lon, :all")
    for key, status in (("wide", 202), ("narrow", 403), ("narrow:journey+scores", 401), ("co:lon", 202), (":all", 202)):
        assert post(site, key, erased(key)).status_code == status, key
    assert [key.scopes for key in read_given("a:all, b:tickets")] == [{Scope.ALL}, {Scope.TICKETS}]


def test_last_use_is_written_once_a_minute(site: Site) -> None:
    """Many requests write one row; after a minute the next one writes it again."""
    key = make_key(site, "all")
    assert key_row(site, key).last_used_at is None
    post(site, key, event("delivery", reference="1"))
    first = key_row(site, key).last_used_at
    assert first is not None
    statements: list[str] = []
    sa.event.listen(site.parts.store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for _ in range(5):
        post(site, key, event("delivery", reference="1"))
    assert key_row(site, key).last_used_at == first
    assert not [
        statement
        for statement in statements
        if statement.startswith("UPDATE") and ("api_key" in statement or "counter" in statement)
    ]
    site.ticks += 61
    set_key(site, key, last_used_at=first - timedelta(minutes=2))
    post(site, key, event("delivery", reference="1"))
    assert key_row(site, key).last_used_at >= first


def test_use_failures_and_revocations_are_audited_and_counted(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """One row for a day's use of a key and for a network that is refused; every request counts; no row holds a key."""
    caplog.set_level("INFO")
    key = make_key(site, "journey")
    for _ in range(3):
        post(site, key, event("delivery", reference="1"))
        post(site, "guessed-key", event("delivery", reference="1"))
    post(site, key, erased())
    ApiKeys(site.parts.store).revoke("shop", by="ana")
    post(site, key, erased())
    site.ticks += 61
    post(site, "guessed-key", event("delivery", reference="1"))
    text = site.client.get("/metrics").text
    for outcome, n in (("allowed", 4), ("unknown", 4), ("forbidden", 1), ("revoked", 1)):
        assert f'boucle_key_requests_total{{outcome="{outcome}"}} {n}.0' in text
    assert [act["subject"] for act in acts(site, "key.use")] == ["shop"]
    assert [(act["by"], act["subject"]) for act in acts(site, "key.revoke")] == [("ana", "shop")]
    refused = acts(site, "key.refused")
    assert {(act["by"], act["detail"]["why"]) for act in refused} == {
        ("nobody", "unknown"),
        ("shop", "forbidden"),
        ("shop", "revoked"),
    }
    assert sum(act["detail"]["times"] for act in refused) == 6
    assert {act["detail"]["network"] for act in refused} == {"203.0.113.0/24"}
    assert {"key.use", "key.refused"} <= {getattr(record, "action", "") for record in caplog.records}
    for kept in (repr(acts(site, "key.refused") + acts(site, "key.use")), caplog.text):
        assert key not in kept
        assert "guessed-key" not in kept


def test_guessing_from_many_networks_fills_no_table(site: Site) -> None:
    """A flood writes a bounded number of audit rows a minute, and each guess is counted."""
    make_key(site, "all")
    for place in range(60):
        away = site.client_from((f"203.0.{place}.7", 50_000))
        assert away.post("/v1/events", content=b"{}", headers={"authorization": "Bearer x"}).status_code == 401
    assert len(acts(site, "key.refused")) == 30
    assert 'boucle_key_requests_total{outcome="unknown"} 60.0' in site.client.get("/metrics").text


@pytest.mark.parametrize("sent", ["é", "x" * 5000, "\x7f", "a b"])
def test_an_odd_key_is_a_wrong_key(site: Site, sent: str) -> None:
    """Whatever stands after Bearer is compared, and no more."""
    make_key(site, "all")
    headers = [(b"authorization", b"Bearer " + sent.encode("latin-1"))]
    assert site.client_from(AWAY).post("/v1/events", content=b"{}", headers=headers).status_code == 401
