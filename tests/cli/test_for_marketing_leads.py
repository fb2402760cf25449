"""The verbs of a marketing lead: seeing what would be sent before it is, a test mail, an off switch, the figures."""

import email
import email.policy
import json
import shutil
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import segno
from brands import BRAND
from embedded import journey
from ownrules import write_rules

if TYPE_CHECKING:
    from verbs import Boucle

RULES = Path(__file__).parents[2] / "rules"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def asked(boucle: "Boucle") -> "Boucle":
    """Give an installation in which one customer is about to get a survey."""
    boucle.take(json.dumps(journey("delivery", "42", NOW, reference="1042", label="lamp")).encode())
    return boucle


def test_waves_show_says_whom_a_wave_will_reach_and_why_not_the_others(boucle: "Boucle", tmp_path: Path) -> None:
    """Before it is announced, as text and as JSON; without a wave it says how to list one."""
    assert "No wave is listed" in boucle("waves", "show").out
    folder = tmp_path / "own" / "rules" / "journey-plan"
    shutil.copytree(RULES / "journey-plan", folder)
    day = (NOW + timedelta(days=20)).date().isoformat()
    (folder / "waves.csv").write_text(f"date;name\n{day};Spring\n", encoding="utf-8")
    boucle.set(overrides=str(tmp_path / "own"))
    people = [journey("delivery", who, NOW - timedelta(days=90), reference=who) for who in ("a", "b")]
    boucle.take(*(json.dumps(event).encode() for event in [*people, journey("churned", "b", NOW)]))
    shown = boucle("waves", "show", "--format", "json")
    assert shown.code == 0, shown
    (ended,) = shown.json()
    assert (ended["wave"], ended["name"], ended["state"], ended["counted"]) == (day, "Spring", "listed", False)
    assert (ended["customers"], ended["reached"], ended["not_reached"]) == (2, 1, 1)
    assert ended["reasons"] == [{"reason": "stopped", "cause": "churned", "customers": 1}]
    said = boucle("waves", "show").out
    assert "will reach 1 of 2 customers" in said
    assert "not 1: the customer has left" in said


def test_check_names_waves_that_rest_each_other_away(boucle: "Boucle", tmp_path: Path) -> None:
    """Days that lie closer than the rest of the wave's row: a fault, with the day, the distance and what to do."""
    folder = tmp_path / "own" / "rules" / "journey-plan"
    shutil.copytree(RULES / "journey-plan", folder)
    days = [(NOW + timedelta(days=n)).date().isoformat() for n in (10, 40)]
    (folder / "waves.csv").write_text("date;name\n" + "".join(f"{day};\n" for day in days), encoding="utf-8")
    boucle.set(overrides=str(tmp_path / "own"))
    ended = boucle("check", "--format", "json")
    assert ended.code == 1
    (fault,) = [sentence for sentence in ended.json()["faults"] if "W803" in sentence]
    assert f"the wave of {days[1]} asks nobody who was asked in the waves before it: 30 days" in fault
    listed = boucle("rules", "check", str(folder), "--format", "json").json()
    assert [row["code"] for row in listed] == ["W803"]


def with_brand(boucle: "Boucle", folder: Path) -> None:
    """Give the installation a brand of its own."""
    path = folder / "own" / "templates" / "brand.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(BRAND)
    boucle.set(overrides=str(folder / "own"))


def test_the_next_mails_are_shown_with_their_reason(asked: "Boucle") -> None:
    """`send --preview` lists who would get what, when and why, and sends nothing."""
    ended = asked("send", "--preview", "--format", "json")
    assert ended.code == 0
    mails = ended.json()
    assert {"at", "customer", "template", "reason"} <= set(mails[0])
    assert mails[0]["template"] == "ask-delivery"
    assert all(mail["reason"] for mail in mails)
    assert not (asked.home / "mailbox").exists()
    assert asked("send", "--preview").out.startswith("Sending is on.")


def test_with_a_mail_server_sending_is_held_until_the_brand_is_ones_own(asked: "Boucle", tmp_path: Path) -> None:
    """Sample values hold sending whatever is said; with a brand of one's own, `resume` switches it on."""
    asked.set(smtp_url="smtp://127.0.0.1:1", sending="on")
    assert "sample values" in asked("send", "--preview").out
    refused = asked("resume")
    assert refused.code == 1
    assert "Sending stays held" in refused.err
    with_brand(asked, tmp_path)
    asked.set(sending="held")
    status = asked("status", "--format", "json").json()["sending"]
    assert status["state"] == "held"
    assert "boucle resume" in status["reason"]
    assert asked("resume").code == 0
    assert asked("status", "--format", "json").json()["sending"]["state"] == "on"


def test_sending_is_paused_and_goes_on(asked: "Boucle") -> None:
    """`pause` stops all sending or one touchpoint, `resume` undoes it, and the audit log says who did both."""
    assert asked("pause").code == 0
    assert asked("status", "--format", "json").json()["sending"]["state"] == "paused"
    assert asked("pause", "--touchpoint", "delivery-now").code == 0
    assert asked("resume").code == 0
    sending = asked("status", "--format", "json").json()["sending"]
    assert (sending["state"], sending["paused"]) == ("on", ["delivery-now"])
    assert asked("resume", "--touchpoint", "delivery-now").code == 0
    assert asked("status", "--format", "json").json()["sending"]["paused"] == []
    acts = asked("audit", "--format", "json").json()
    assert [act["act"] for act in acts] == ["sending.resume"] * 2 + ["sending.pause"] * 2


def test_a_touchpoint_that_does_not_exist_cannot_be_paused(asked: "Boucle") -> None:
    """A slip of the pen is said to be one: otherwise the mails one meant to stop would leave."""
    ended = asked("pause", "--touchpoint", "delivery-nwo")
    assert ended.code == 2
    assert "delivery-now" in ended.err
    assert asked("status", "--format", "json").json()["sending"]["paused"] == []


def test_a_test_mail_goes_to_ones_own_address(asked: "Boucle") -> None:
    """`mail test` writes one template with a customer's facts to another address and changes nothing for them."""
    before = asked("explain", "customer", "42", "--format", "json").json()["touchpoints"]
    ended = asked("mail", "test", "ask-delivery", "--to", "me@lampes.example", "--customer", "42")
    assert ended.code == 0
    (path,) = (asked.home / "mailbox").glob("*.eml")
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert "me@lampes.example" in str(mail["To"])
    assert mail["Content-Language"] == "fr"
    assert asked("explain", "customer", "42", "--format", "json").json()["touchpoints"] == before


def test_a_test_mail_names_what_is_missing(asked: "Boucle") -> None:
    """An unknown customer or template is not found (exit 1); a missing address is wrong use (exit 2)."""
    nobody = asked("mail", "test", "ask-delivery", "--to", "me@lampes.example", "--customer", "77")
    assert (nobody.code, nobody.out) == (1, "")
    assert "No customer 77 is known here." in nobody.err
    wrong = asked("mail", "test", "ask-devilery", "--to", "me@lampes.example", "--customer", "42")
    assert wrong.code == 1
    assert "ask-devilery" in wrong.err
    assert asked("mail", "test", "ask-delivery", "--customer", "42").code == 2


def test_the_figures_are_one_json_value(asked: "Boucle") -> None:
    """`report` gives NPS with n, interval and response rate, over all and by group; no answer is no figure."""
    ended = asked("report", "--format", "json")
    assert ended.code == 0
    assert {
        "n",
        "promoters",
        "passives",
        "detractors",
        "nps",
        "low",
        "high",
        "asked",
        "response_rate",
        "groups",
    } <= set(ended.json())
    assert ended.json()["n"] == 0
    assert asked("report", "--by", "trigger", "--format", "json").code == 0
    assert asked("report", "--by", "weather").code == 2


def test_responses_are_exported(asked: "Boucle", tmp_path: Path) -> None:
    """`export responses` writes a CSV file; a folder that is not there is wrong use."""
    ended = asked("export", "responses", str(tmp_path / "r.csv"), "--format", "json")
    assert (ended.code, ended.json()["rows"]) == (0, 0)
    assert (tmp_path / "r.csv").read_text("utf-8-sig").startswith("id,customer,received_at")
    assert asked("export", "responses", str(tmp_path / "no" / "r.csv")).code == 2


def test_places_are_listed_with_their_links_and_codes(boucle: "Boucle", tmp_path: Path) -> None:
    """Without a place it says where to write one; the codes to print hold the links, and stay the same."""
    assert "rules/places.yaml" in boucle("places").out
    (tmp_path / "own" / "rules").mkdir(parents=True)
    (tmp_path / "own" / "rules" / "places.yaml").write_text(
        "till: {kind: kiosk, label: Till 2}\ndoor: {kind: qr, label: Porte d'été, until: 2020-01-31}\n", "utf-8"
    )
    boucle.set(overrides=str(tmp_path / "own"))
    unprintable = boucle("places", "--qr", str(tmp_path / "codes"))
    assert "BOUCLE_PUBLIC_URL is unset" in unprintable.err
    boucle.set(public_url="https://ask.example.org/b")
    ended = boucle("places", "--qr", str(tmp_path / "codes"), "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    till, door = ended.json()
    assert (till["id"], till["kind"], till["label"], till["open"], door["open"]) == (
        "till",
        "kiosk",
        "Till 2",
        True,
        False,
    )
    assert till["link"].startswith("https://ask.example.org/b/p/")
    assert (till["answers"], till["nps"], till["kept_apart"]) == (0, None, {})
    code = Path(till["qr"]).read_bytes()
    wanted = BytesIO()
    segno.make(till["link"], error="m", micro=False).save(wanted, kind="svg", scale=8, border=4, light="white")
    assert code == wanted.getvalue()
    assert boucle("places", "--format", "json").json()[0]["link"] == till["link"]
    said = boucle("places").out
    assert "until 2020-01-31, closed" in said
    assert till["link"] in said


def test_codes_for_receipts_are_printed(boucle: "Boucle", tmp_path: Path) -> None:
    """For purchases or made up; without a key, a place or a reference it says what is missing."""
    (tmp_path / "own" / "rules").mkdir(parents=True)
    (tmp_path / "own" / "rules" / "places.yaml").write_text("till: {kind: receipt, label: Till 2}\n", "utf-8")
    boucle.set(overrides=str(tmp_path / "own"), public_url="https://ask.example.org")
    assert "till has no key" in boucle("check").err
    assert "set BOUCLE_PLACE_KEYS=till:KEY" in boucle("places", "--receipts", "till", "--count", "1").err
    boucle.set(place_keys=f"till:{'k' * 32}")
    assert "till has no key" not in boucle("check").err
    ended = boucle("places", "--receipts", "till", "--reference", "1042-7", "--count", "2", "--format", "json")
    codes = ended.json()
    assert [len(codes), codes[0]["reference"], codes[0]["code"][:7]] == [3, "1042-7", "1042-7-"]
    assert codes[0]["link"].startswith("https://ask.example.org/p/")
    assert boucle("places", "--receipts", "till", "--reference", "1042-7").out.startswith(codes[0]["code"] + ";https")
    for wrong in (["door", "--count", "1"], ["till"], ["till", "--reference", "a b"]):
        assert boucle("places", "--receipts", *wrong).code == 2
    assert boucle("places", "--count", "1").code == 2


def test_accounts_by_coverage_silence_and_one_by_one(boucle: "Boucle", tmp_path: Path) -> None:
    """What the pages say, in the terminal; where no account is declared, the line that declares it."""
    said = boucle("report", "--accounts")
    assert said.code != 0
    assert "declare `account: {type: text" in said.err
    write_rules(tmp_path / "own", "account: {type: text, personal: no}\n")
    boucle.set(overrides=str(tmp_path / "own"))
    events = [journey("delivery", subject, NOW, reference=subject) for subject in "123"]
    for event, name in zip(events, ("Acme", "ACME", "Bolt"), strict=True):
        event["data"]["customer"] |= {"attributes": {"account": name}}
    boucle.take(*(json.dumps(event).encode() for event in events))
    figures = boucle("report", "--accounts", "--format", "json").json()
    assert (figures["accounts"], figures["people"], figures["coverage"]) == (2, 3, 0.0)
    assert boucle("accounts", "silent").out == "No account is silent.\n"
    assert "0 of 2 people answered." in boucle("explain", "account", "acme").out
    assert boucle("explain", "account", "nobody").code == 1
