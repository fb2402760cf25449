"""The page of replies by SMS: what waits for a person, and the button that says it was read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from smsparts import NUMBER, plan_by_sms
from staffparts import Team, hidden, words
from webparts import Site, event

from workers.domain.changeset import ChangeSet
from workers.domain.records import SmsMessage, SmsReply
from workers.domain.sms.carried import InboundText
from workers.domain.types import ReplyUse, TextState
from workers.store.apply import apply

SAID = "<b>bof</b> & rien"


@pytest.fixture
def team(open_site: Callable[..., Site], tmp_path: Path) -> Team:
    """Give a site where a customer has written twice what nobody understands."""
    site = open_site(overrides=str(plan_by_sms(tmp_path / "own")), sms_url="file:")
    who: dict[str, object] = {"phone": NUMBER, "survey_consent": True, "name": "Camille Roux"}
    site.events(event("delivery", "42", at=site.clock.at, customer=who, reference="1042"))
    site.settle()
    (message,) = site.rows(SmsMessage)
    changes = ChangeSet()
    changes.change(message.but(state=TextState.SENT, text="?", parts=1))
    site.parts.store.write(lambda connection: apply(connection, changes, site.clock.at))
    for n in range(2):
        site.parts.text_inbox.take_reply(InboundText(str(n), NUMBER, SAID, site.clock.at))
    return Team(site)


def test_what_was_handed_over_is_listed_and_marked_as_read(team: Team) -> None:
    """An agent reads who wrote what, and says so; the list is empty then, and the reply names the agent."""
    client = team.client("L\u00e9a")
    page = client.get("/sms")
    assert page.status_code == 200
    assert "Camille Roux" in words(page.text)
    assert SAID not in page.text
    answer = client.post("/sms/read", data=hidden(page.text))
    assert answer.headers["location"].endswith("/sms?did=read")
    assert "Nothing waits to be read." in words(client.get("/sms?did=read").text)
    assert {(row.use, row.by) for row in team.site.rows(SmsReply)} == {
        (ReplyUse.USED, ""),
        (ReplyUse.READ, "L\u00e9a"),
    }


def test_who_does_not_call_customers_does_not_read_them(team: Team) -> None:
    """The page is for those who call customers; marketing and strangers are turned away."""
    assert team.client("Marc").get("/sms").status_code == 403
    assert team.client().get("/sms").status_code in (302, 303)
