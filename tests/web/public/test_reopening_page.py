"""A customer says that it is not solved: by the link in the mail, once or often, and nobody else by it."""

from datetime import timedelta

import pytest
from staffparts import Team, act, hidden, words
from webparts import Site

from workers.domain.records import Dispatch, TicketEntry
from workers.domain.types import TicketState


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people and one ticket that is done."""
    made = Team(site)
    made.low()
    act(made.client("Léa"), 1, "done", outcome="solved", root_cause="delivery/late", sentence="Sorry.")
    made.site.settle()
    return made


def link(team: Team) -> str:
    """Return the path of the link in the mail."""
    (mail,) = [dispatch for dispatch in team.site.rows(Dispatch) if dispatch.template == "done"]
    return f"/r/{team.site.parts.links.sign('reopen', mail.id)}"


def test_the_link_stands_in_the_mail(team: Team) -> None:
    """In both halves of it."""
    assert team.site.parts.outgoing.mailbox is not None
    kept = next(mail for mail in team.site.parts.outgoing.mailbox.list(20, 0) if "voici ce que" in mail.subject)
    mail = team.site.parts.outgoing.mailbox.read(kept.id)
    assert link(team) in mail.text
    assert link(team) in mail.html


def test_opening_the_link_changes_nothing_and_the_button_reopens(team: Team) -> None:
    """A mail scanner opens links and reopens no ticket; the customer reads by when somebody calls."""
    client = team.client()
    page = client.get(link(team))
    assert page.status_code == 200
    assert team.ticket().state == TicketState.DONE
    answer = client.post(link(team), data={**hidden(page.text), "text": "Encore cassée <b>!</b>"})
    assert "Nous vous contactons mardi 3 mars avant 18 h." in words(answer.text).replace("\u00a0", " ")
    assert (team.ticket().state, team.ticket().reopened) == (TicketState.OPEN, 1)
    said = words(team.client("Léa").get("/tickets/1").text)
    assert "Reopened · customer Encore cassée <b>!</b>" in said


def test_nothing_is_thanked_for_before_it_was_sent(team: Team) -> None:
    """The page behind the link says that the button sends it; thanks stand on the page after it."""
    client = team.client()
    page = client.get(f"{link(team)}?lang=en").text
    assert "Thank you" not in words(page)
    assert "nothing has been sent yet" in words(page)


def test_the_button_pressed_twice_reopens_once(team: Team) -> None:
    """The same words are one line; other words are added to the ticket that is open already."""
    client = team.client()
    fields = hidden(client.get(link(team)).text)
    for text in ("still broken", "still broken", "and call me at home"):
        assert client.post(link(team), data={**fields, "text": text}).status_code == 200
    assert team.ticket().reopened == 1
    texts = [entry.text for entry in team.site.rows(TicketEntry) if entry.by == "customer"]
    assert sorted(texts) == ["and call me at home", "still broken"]


def test_with_another_ticket_open_the_words_go_there(team: Team) -> None:
    """One open ticket per customer, and nothing lost."""
    team.site.clock.at += timedelta(days=40)
    score: dict[str, object] = {
        "specversion": "1.0",
        "id": "s",
        "source": "tool",
        "type": "boucle.score.v1",
        "subject": "42",
        "time": team.site.clock.at.isoformat(),
        "data": {"score": 0},
    }
    team.site.events(score)
    team.site.settle()
    assert team.open_numbers() == {2}
    client = team.client()
    fields = hidden(client.get(link(team)).text)
    assert client.post(link(team), data={**fields, "text": "the lamp, still"}).status_code == 200
    assert team.open_numbers() == {2}
    assert "1: the lamp, still" in [entry.text for entry in team.site.rows(TicketEntry)]


def test_a_link_that_is_forged_or_too_old_leads_nowhere(team: Team) -> None:
    """Unknown, foreign and expired look alike."""
    client = team.client()
    other = next(dispatch for dispatch in team.site.rows(Dispatch) if dispatch.template == "ack")
    links = ["/r/x", f"/r/{team.site.parts.links.sign('reopen', other.id)}", link(team).replace("/r/", "/r/x")]
    for path in links:
        assert client.get(path).status_code == 404
        assert client.post(path, data={"text": "x"}).status_code == 404
    team.site.clock.at += timedelta(days=91)
    assert client.get(link(team)).status_code == 404
    assert team.ticket().state == TicketState.DONE
