"""One ticket on one screen: everything a call needs, every act, and nothing typed is ever lost."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from staffparts import PASSWORD, Team, act, hidden, words
from starlette.testclient import TestClient
from webparts import Site

from workers.domain.records import Dispatch, SurveyRequest, TicketEntry, Touchpoint
from workers.domain.types import TicketState
from workers.store import tables

SOLVED = {"outcome": "solved", "root_cause": "delivery/damaged", "sentence": "Une lampe neuve part ce soir."}


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people and one ticket."""
    made = Team(site)
    made.low(segment="north", time_zone="America/Sao_Paulo")
    return made


def test_one_screen_says_everything(team: Team) -> None:
    """Time left, score, name, phone, comment, what and when, last scores, promises, play, reason, history."""
    page = team.client("Léa").get("/tickets/1").text
    said = words(page)
    for wanted in (
        "3 h 58 left",
        "call due: today at 14:12",
        "3 /10 Camille Roux",
        "It arrived broken",
        "Call +33 6 12 34 56 78",
        "order 42",
        "delivery",
        "French",
        "06:14 (America/Sao_Paulo)",
        "north",
        "Thursday 5 March at 10:12",
        "A call today before 6 pm.",
        "Ask what went wrong",
        "A rule matched: D1",
        "Opened 3/10 It arrived broken",
    ):
        assert wanted in said, wanted
    assert 'href="tel:+33612345678"' in page
    assert 'href="/customers/42"' in page


def test_an_unknown_ticket_is_not_there(team: Team) -> None:
    """No page, and no hint."""
    client = team.client("Léa")
    for path in ("/tickets/2", "/tickets/0", "/tickets/99999999999999999999", "/tickets/x"):
        assert client.get(path).status_code == 404, path


def test_the_main_path_of_an_agent(team: Team) -> None:
    """Claim, no answer with a mail, reached, done: the customer hears of it and is asked again."""
    client = team.client("Léa")
    assert act(client, 1, "claimed").headers["location"] == "/tickets/1?did=claimed"
    assert act(client, 1, "no_answer", mail="1", text="voice mail").status_code == 303
    assert team.ticket().state == TicketState.WAITING
    team.site.pass_time(hours=3)
    assert act(client, 1, "note", text="spoke with her", reached="1").status_code == 303
    answer = act(client, 1, "done", **SOLVED)
    assert answer.headers["location"] == "/tickets/1?did=done"
    ticket = team.ticket()
    assert (ticket.state, ticket.outcome, ticket.attempts, ticket.owner) == (TicketState.DONE, "solved", 2, "Léa")
    team.site.settle()
    mails = [dispatch.template for dispatch in team.site.rows(Dispatch) if dispatch.state == "accepted"]
    assert {"tried", "done"} <= set(mails)
    said = words(client.get("/tickets/1?did=done").text)
    assert "Done. The customer hears of it." in said
    assert "Reopen" in said
    team.site.pass_time(days=10)
    assert [request for request in team.site.rows(SurveyRequest) if request.trigger == "recovery"]


def test_two_agents_at_once_never_overwrite_each_other(team: Team) -> None:
    """The second sees the ticket as it is now, a clear message, and what they typed."""
    first, second = team.client("Léa"), team.client("Max")
    seen = hidden(second.get("/tickets/1").text)
    act(first, 1, "claimed")
    answer = second.post("/tickets/1/note", data={**seen, "text": "She called <back>"})
    assert answer.status_code == 409
    said = words(answer.text)
    assert "Somebody else changed this ticket meanwhile" in said
    assert "She called <back>" in said
    assert "Claimed · Léa" in said
    again = second.post("/tickets/1/note", data={**hidden(answer.text), "text": "She called <back>"})
    assert again.status_code == 303
    assert [entry.kind for entry in team.site.rows(TicketEntry)].count("note") == 1


def test_a_colleagues_ticket_is_taken_over_only_when_that_is_meant(team: Team) -> None:
    """The button of who saw it free does nothing once somebody has it; taking over is asked for by name."""
    act(team.client("Léa"), 1, "claimed")
    max_, page = team.client("Max"), team.client("Max").get("/tickets/1").text
    assert "Take it over from Léa" in words(page)
    fields = {name: value for name, value in hidden(page).items() if name != "take_over"}
    answer = max_.post("/tickets/1/claimed", data={**fields, **hidden_of(max_)})
    assert (answer.status_code, team.ticket().owner) == (400, "Léa")
    assert "A colleague has this ticket by now" in words(answer.text)
    assert act(max_, 1, "claimed").status_code == 303
    assert team.ticket().owner == "Max"


def hidden_of(client: TestClient) -> dict[str, str]:
    """Return the token of a person's forms and the version they see, and no leave to take over."""
    return {name: value for name, value in hidden(client.get("/tickets/1").text).items() if name != "take_over"}


def test_a_done_ticket_asks_for_no_call(team: Team) -> None:
    """The number stays to be read; the button that invites to call is gone, and so are the deadlines."""
    client = team.client("Léa")
    assert "Two deadlines:" in words(client.get("/tickets/1").text)
    act(client, 1, "done", outcome="solved", root_cause="delivery/late", sentence="Sorry.")
    page = client.get("/tickets/1").text
    assert 'class="button wide" href="tel:' not in page
    assert "Two deadlines:" not in words(page)
    assert "06 12" in words(page) or "6 12 34" in words(page)


def test_every_fault_of_a_form_stands_at_its_field(team: Team) -> None:
    """A field at fault is marked as invalid and described by its fault; the summary leads to it."""
    client = team.client("Léa")
    for name, fields, wrong in (
        ("done", {}, {"outcome"}),
        ("done", {"outcome": "solved"}, {"cause", "sentence"}),
        ("done", {"outcome": "passed_on", "root_cause": "other", "sentence": "x"}, {"cause-text", "promised"}),
        ("note", {}, {"note-text"}),
        ("waiting", {"day": "2020-01-01"}, {"wait-day"}),
    ):
        page = act(client, 1, name, **fields).text
        marked = set(
            re.findall(r'<(?:input|select|textarea|fieldset)[^>]* id="([^"]+)"[^>]* aria-invalid="true"', page)
        )
        assert marked == wrong
        for field in wrong:
            assert re.search(rf'id="{field}"[^>]*aria-describedby="{field}-wrong', page)
            assert f'id="{field}-wrong"' in page
            assert f'href="#{field}"' in page


def test_a_session_that_ends_in_mid_note_keeps_the_note(team: Team) -> None:
    """Sign in again, and the ticket is there with what was typed; sent once more, it is saved once."""
    client = team.client("Léa")
    fields = hidden(client.get("/tickets/1").text)
    gone = sa.delete(tables.session)
    team.site.parts.store.write(lambda connection: connection.execute(gone))
    note = 'Customer says: "call\nafter six" & <b>soon</b>'
    answer = client.post("/tickets/1/note", data={**fields, "text": note})
    assert answer.status_code == 401
    assert "What you typed is kept" in words(answer.text)
    login = hidden(answer.text)
    wrong = client.post("/login", data={**login, "username": "Léa", "password": "oops"})
    assert wrong.status_code == 401
    page = client.post("/login", data={**hidden(wrong.text), "username": "Léa", "password": PASSWORD})
    assert page.status_code == 403
    assert "You are signed in again. Your text is below" in words(page.text)
    assert "call after six" in words(page.text)
    assert 'details class="fold" name="acts" open' in page.text
    assert not [entry for entry in team.site.rows(TicketEntry) if entry.kind == "note"]
    again = client.post("/tickets/1/note", data={**hidden(page.text), "text": note})
    assert again.status_code == 303
    assert [entry.text for entry in team.site.rows(TicketEntry) if entry.kind == "note"] == [note]


def test_a_note_kept_for_a_role_that_may_not_is_not_shown(team: Team) -> None:
    """Whoever signs in next on the same machine sees what their role may see."""
    client = team.client()
    answer = client.post("/tickets/1/note", data={"text": "for agents only"})
    page = client.post("/login", data={**hidden(answer.text), "username": "Marc", "password": PASSWORD})
    assert page.status_code == 303


def test_a_foreign_form_is_not_kept_for_after_the_login(team: Team) -> None:
    """Nobody else's words wait on our login page."""
    answer = team.client().post("/tickets/1/note", data={"text": "planted"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 401
    assert "planted" not in answer.text


def test_what_is_missing_is_said_and_the_rest_is_kept(team: Team) -> None:
    """All faults at once, in words, with everything that was typed."""
    client = team.client("Léa")
    answer = act(client, 1, "done", outcome="passed_on", root_cause="other", sentence="We asked the carrier.")
    assert answer.status_code == 400
    said = words(answer.text)
    assert "Say in a few words what the other cause is." in said
    assert "Choose the day that you promised" in said
    assert "We asked the carrier." in said
    assert 'value="passed_on" checked' in answer.text
    assert team.ticket().state == TicketState.OPEN


def test_the_mail_is_shown_before_it_is_sent(team: Team) -> None:
    """In the customer's language, with the agent's sentence, and nothing has happened yet."""
    client = team.client("Léa")
    answer = act(client, 1, "done", preview="1", **SOLVED)
    assert answer.status_code == 200
    said = words(answer.text)
    assert "order 42 : voici ce que nous avons fait" in said.replace("\u00a0", " ")
    assert said.count("Une lampe neuve part ce soir.") == 2
    assert "To 42@example.org" in said
    assert team.ticket().state == TicketState.OPEN
    assert client.post("/tickets/1/done", data={**hidden(answer.text), **SOLVED}).status_code == 303


def test_waiting_until_a_half_day(team: Team) -> None:
    """A day and a half of it; a day off is the next working one; what has passed is refused."""
    client = team.client("Léa")
    for day, half, until in (
        ("2026-03-04", "morning", "2026-03-04T08:00:00+00:00"),
        ("2026-03-05", "afternoon", "2026-03-05T12:00:00+00:00"),
        ("2026-03-07", "morning", "2026-03-09T08:00:00+00:00"),
    ):
        assert act(client, 1, "waiting", day=day, half_day=half).status_code == 303
        waiting = team.ticket().waiting_until
        assert waiting is not None
        assert waiting.isoformat() == until
    for wrong in ("2026-03-02", "", "2099-01-01"):
        answer = act(client, 1, "waiting", day=wrong, half_day="morning", text="kept words")
        assert answer.status_code == 400
        assert "kept words" in words(answer.text)


def test_handing_over_to_a_person_and_to_the_team(team: Team) -> None:
    """The choice lists agents and leads; nobody means the team."""
    client = team.client("Léa")
    page = client.get("/tickets/1").text
    assert '<option value="Max">' in page
    assert '<option value="Marc">' not in page
    act(client, 1, "handed_over", to="Max", text="speaks Portuguese")
    assert team.ticket().owner == "Max"
    act(client, 1, "handed_over", to="")
    assert (team.ticket().owner, team.ticket().state) == ("", TicketState.OPEN)


def test_a_promise_is_kept_on_the_same_page(team: Team) -> None:
    """Passed on with a date: the inbox has it until somebody says that it was kept."""
    client = team.client("Léa")
    promised = {"outcome": "passed_on", "root_cause": "delivery/carrier", "sentence": "The carrier looks for it."}
    assert act(client, 1, "done", promised="2026-03-05", **promised).status_code == 303
    assert "promised: Thursday 5 March at 18:00" in words(client.get("/inbox").text)
    assert act(client, 1, "kept", sentence="It has arrived.").status_code == 303
    assert "order 42" not in words(client.get("/inbox").text)
    assert [touchpoint.trigger for touchpoint in team.site.rows(Touchpoint) if touchpoint.trigger == "recovery"] == [
        "recovery"
    ]


def test_reopening_keeps_how_it_had_ended(team: Team) -> None:
    """The history says both; the clocks start anew."""
    client = team.client("Léa")
    act(client, 1, "done", **SOLVED)
    team.site.clock.at += timedelta(days=1)
    assert act(client, 1, "reopened", text="She called: broken again").status_code == 303
    said = words(client.get("/tickets/1").text)
    assert "Reopened · Léa She called: broken again" in said
    assert "solved; delivery/damaged; Une lampe neuve part ce soir." in said
    assert "call due: today" in said or "call due: tomorrow" in said


def test_a_ticket_that_was_done_elsewhere_meanwhile_is_a_conflict(team: Team) -> None:
    """Done twice by two people: the second learns that it is done, and keeps the sentence."""
    first, second = team.client("Léa"), team.client("Max")
    seen = hidden(second.get("/tickets/1").text)
    act(first, 1, "done", **SOLVED)
    answer = second.post("/tickets/1/done", data={**seen, **SOLVED, "sentence": "Mine"})
    assert answer.status_code == 409
    assert len([dispatch for dispatch in team.site.rows(Dispatch) if dispatch.template == "done"]) == 1


@pytest.mark.parametrize("version", ["", "0", "-1", "x", "1e9"])
def test_a_form_without_the_version_that_was_seen_changes_nothing(team: Team, version: str) -> None:
    """No form of ours is without it."""
    client = team.client("Léa")
    token = hidden(client.get("/tickets/1").text)["csrf"]
    assert client.post("/tickets/1/claimed", data={"csrf": token, "version": version}).status_code == 409
    assert team.ticket().state == TicketState.OPEN


def test_a_text_that_is_too_long_is_kept_and_refused(team: Team) -> None:
    """Nothing is cut without a word."""
    answer = act(team.client("Léa"), 1, "note", text="x" * 4001)
    assert answer.status_code == 400
    assert "x" * 4001 in answer.text


def test_an_empty_note_says_what_to_do(team: Team) -> None:
    """Write something, or tick that you spoke with the customer."""
    answer = act(team.client("Léa"), 1, "note", text="  ")
    assert answer.status_code == 400
    assert "tick that you spoke" in words(answer.text)


def test_a_link_to_the_crm_where_one_is_set_up(open_site: object) -> None:
    """The address has the CRM's own id in it."""
    team = Team(open_site(crm_url="https://crm.example/c/{id}"))  # type: ignore[operator]
    team.low()
    assert 'href="https://crm.example/c/42"' in team.client("Léa").get("/tickets/1").text


def test_an_erased_customers_ticket_is_gone(team: Team) -> None:
    """After an erasure no page shows the person any more."""
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": "e1",
        "source": "shop",
        "type": "boucle.customer.erased.v1",
        "subject": "42",
        "time": team.site.clock.at.isoformat(),
        "data": {},
    }
    team.site.events(event)
    client = team.client("Léa")
    assert client.get("/tickets/1").status_code == 404
    assert "Camille" not in client.get("/inbox?all=1").text
    assert "Camille" not in client.get("/inbox?q=1").text
