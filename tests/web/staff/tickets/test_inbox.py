"""The inbox: what is due first, found by name, phone and number, live, and safe against what customers write."""

import re
from datetime import timedelta

import pytest
from staffparts import Team, act, hidden, words
from webparts import LARGEST, Site, travelling

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}\u202egnp"


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people."""
    return Team(site)


def lists(html: str) -> dict[str, list[int]]:
    """Return the numbers of the tickets in each list of the page."""
    numbers_by_list = {}
    for name, body in re.findall(r'<h2 id="list-(\w+)">(.*?)</section>', html, re.DOTALL):
        numbers_by_list[name] = [int(number) for number in re.findall(r'href="/tickets/(\d+)"', body)]
    return numbers_by_list


def test_what_is_late_comes_first_and_what_waits_last(team: Team) -> None:
    """Overdue, today, waiting, later: each ticket once, with the working time that is left."""
    for n in range(3):
        team.low(f"c{n}")
    client = team.client("Nadia")
    act(client, 3, "waiting", day="2026-03-05", half_day="morning")
    act(client, 2, "note", text="spoke", reached="1")
    page = client.get("/inbox?all=1").text
    assert lists(page) == {"today": [1], "waiting": [3], "later": [2]}
    assert "3 h 54 left" in words(page)
    assert "call due: today at 14:12" in words(page)
    team.site.pass_time(hours=6)
    page = client.get("/inbox?all=1").text
    assert lists(page) == {"overdue": [1, 3], "today": [], "later": [2]}
    assert "2 h 06 late" in words(page)


def test_an_agent_starts_with_their_own_and_what_nobody_has(team: Team) -> None:
    """The rest is one tap away."""
    for n in range(4):
        team.low(f"c{n}")
    mine = {ticket.number for ticket in (team.ticket(n) for n in range(1, 5)) if ticket.owner == "Max"}
    assert len(mine) == 2
    page = team.client("Max").get("/inbox").text
    assert {number for numbers in lists(page).values() for number in numbers} == mine
    page = team.client("Max").get("/inbox?all=1").text
    assert {number for numbers in lists(page).values() for number in numbers} == {1, 2, 3, 4}


def test_nobody_is_praised_above_waiting_tickets(team: Team) -> None:
    """With nothing due today but tickets that wait, the page says so; praise is for an empty inbox."""
    client = team.client("Nadia")
    assert "Well done" in words(client.get("/inbox?all=1").text)
    team.low("c1")
    act(client, 1, "waiting", day="2026-03-05", half_day="morning")
    said = words(client.get("/inbox?all=1").text)
    assert "Nothing is due today. What waits for you stands in the other lists." in said
    assert "Well done" not in said


SEARCHES = [
    *[("dupont", [2]), ("07 99 88", [2]), ("#1", [1]), ("nobody", []), ("JEAN@example", [2]), ("o-c2", [2])],
    *[("two cracks", [2]), ("order c1", [1]), ("arrived BROKEN", [1])],
]


@pytest.mark.parametrize(("text", "numbers"), SEARCHES)
def test_a_search_finds_done_tickets_as_well(team: Team, text: str, numbers: list[int]) -> None:
    """A customer who calls back about something that is done is found."""
    team.low("c1")
    team.low("c2", comment="It has two cracks", name="Jean Dupont", phone="+33 7 99 88 77 66", email="jean@example.org")
    client = team.client("Léa")
    act(client, 2, "done", outcome="solved", root_cause="delivery/late", sentence="Sorry.")
    page = client.get("/inbox", params={"q": text}).text
    assert "tel:" not in page or numbers == [1]
    assert [int(number) for number in re.findall(r'<a href="/tickets/(\d+)"', page)] == numbers


def test_what_customers_write_is_shown_and_never_run(team: Team) -> None:
    """Names, comments and labels are text on every page."""
    team.low("c1", comment=HOSTILE, name=HOSTILE, segment=HOSTILE, phone="<b>1</b>")
    client = team.client("Léa")
    for path in ("/inbox", "/inbox?q=script", "/tickets/1", "/customers?q=script", "/customers/c1"):
        page = client.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "\u202e" not in page.text, path
    assert "<script>alert(1)</script>" in words(client.get("/tickets/1").text)
    page = client.get("/inbox", params={"q": '"><script>alert(1)</script>'})
    assert "<script>alert" not in page.text


def test_a_phone_number_becomes_a_link_that_phones_understand(team: Team) -> None:
    """tel: takes digits and a plus; the number is shown as it was written."""
    team.low("c1", phone="+33 (0)6-12.34 56 78")
    page = team.client("Léa").get("/inbox?all=1").text
    assert 'href="tel:+33612345678"' in page


def test_being_away_hands_over_and_passes_by(team: Team) -> None:
    """One form: my tickets go to who is there, and the page says until when; one button ends it."""
    for n in range(4):
        team.low(f"c{n}")
    client = team.client("Max")
    page = client.get("/inbox").text
    assert "Your 2 open tickets" in words(page)
    answer = client.post("/inbox/away", data={**hidden(page), "until": "2026-03-06"})
    assert answer.headers["location"] == "/inbox?did=away"
    assert {team.ticket(n).owner for n in range(1, 5)} == {"Léa"}
    page = client.get("/inbox").text
    assert "You are away until Friday 6 March" in words(page)
    client.post("/inbox/back", data=hidden(page))
    assert "You are away" not in words(client.get("/inbox").text)


@pytest.mark.parametrize("until", ["", "2026-03-03", "2020-01-01", "9999-12-31", "soon"])
def test_away_until_a_day_that_makes_no_sense_is_refused(team: Team, until: str) -> None:
    """The page comes back and says what to choose."""
    client = team.client("Max")
    answer = client.post("/inbox/away", data={**hidden(client.get("/inbox").text), "until": until})
    assert answer.status_code == 400
    assert "Choose a day still to come" in words(answer.text)


def test_the_stream_tells_of_a_change(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first word comes at once, and the stream ends by itself, so that a stopping server need not wait."""
    monkeypatch.setattr("workers.web.staff.tickets.inbox.STREAM_LASTS", 0.05)
    monkeypatch.setattr("workers.web.staff.tickets.inbox.LOOKS_EVERY", 0.01)
    client = team.client("Léa")
    first = client.get("/inbox/events")
    assert first.headers["content-type"].startswith("text/event-stream")
    assert first.text.count("event: tickets") == 1
    team.low("c1")
    assert client.get("/inbox/events").text != first.text


def test_the_inbox_stays_small(team: Team) -> None:
    """Fifty tickets are one page under 100 kB."""
    for n in range(25):
        team.low(f"c{n}", comment="Everything was late, " * 20)
    assert travelling(team.client("Nadia").get("/inbox?all=1").content) < LARGEST


def test_a_ticket_that_comes_back_is_live_in_the_lists(team: Team) -> None:
    """The stamp of the page changes with every ticket, which is what the stream compares."""
    client = team.client("Nadia")

    def stamp() -> str:
        attribute = re.search(r'data-stamp="([^"]+)"', client.get("/inbox?all=1").text)
        assert attribute
        return attribute[1]

    seen = {stamp()}
    team.low("c1")
    seen.add(stamp())
    act(client, 1, "note", text="hello")
    seen.add(stamp())
    team.site.clock.at += timedelta(hours=5)
    team.site.settle()
    seen.add(stamp())
    assert len(seen) == 4
