"""The queue page: what is planned and why something is not, and acts that say first whom they touch."""

import re
from datetime import timedelta

import pytest
from embedded import START, shipped_templates
from staffparts import Team, hidden, words
from webparts import LARGEST, Site, event, travelling

from workers.domain.records import Action, History, SurveyRequest, Touchpoint
from workers.domain.types import ActionState, Reason, TouchpointState
from workers.store.sign_in.audit_log import list_acts
from workers.web.staff.queue import support_shown

FRIDAY = "2026-03-06"


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with its people, and five customers who are planned to be asked on Friday."""
    made = Team(site)
    for n in range(5):
        site.events(event("feature_first_used", f"f{n}", customer={"name": f"Person {n}"}, reference="search"))
    site.settle()
    return made


def states(team: Team) -> list[str]:
    """Return the states of the touchpoints."""
    return sorted(str(touchpoint.state) for touchpoint in team.site.rows(Touchpoint))


def confirmed(team: Team, who: str = "Nadia", **wish: str) -> tuple[object, str]:
    """Open a confirmation and press its button; return the answer and what the page had said."""
    client = team.client(who)
    page = client.get("/queue/confirm", params={"kind": "touchpoint", "name": "feature", **wish})
    assert page.status_code == 200
    return client.post("/queue/act", data=hidden(page.text)), words(page.text)


def test_the_calendar_counts_what_is_planned(team: Team) -> None:
    """Fourteen days, each with its groups; what waits for other things is below, with the reason."""
    team.low()
    page = team.client("Marc").get("/queue")
    said = words(page.text)
    assert "Planned for the next 14 days 5" in said
    assert re.search(r"Friday 6 March 5\b.*After a new feature 5", said)
    assert page.text.count("card-day") == 14
    assert "Six weeks after delivery Waits for something to be settled: a ticket" in said
    assert travelling(page.content) < LARGEST


def test_a_wave_says_whom_it_will_reach_before_it_comes(team: Team) -> None:
    """How many, and why not the others; nothing about waves where there is none."""
    assert "Waves" not in words(team.client("Marc").get("/queue").text)
    wave = {**event("wave"), "data": {"reference": "spring"}}
    del wave["subject"]
    team.site.events(event("churned", "f0"), wave)
    said = words(team.client("Marc").get("/queue").text)
    assert re.search(r"spring today announced 4 of 5 customers 1 the customer has left", said)
    team.site.settle()
    assert re.search(r"spring today over 4 of 5 customers", words(team.client("Marc").get("/queue").text))


def test_what_was_left_out_is_counted_by_reason(team: Team) -> None:
    """Skipped and cancelled, with why."""
    team.site.events(event("interaction_ended", "late", reference="call"))
    team.site.clock.at += timedelta(days=5)
    team.site.settle()
    said = words(team.client("Marc").get("/queue").text)
    assert "After a support call skipped Too late to ask 1" in said


def test_cancelling_says_how_many_people_it_touches_and_is_kept_in_the_history(team: Team) -> None:
    """Five people: the page says so, does so, and each story says who decided it."""
    answer, said = confirmed(team, act="cancel", on=FRIDAY)
    assert "5 people will not be asked." in said
    assert answer.headers["location"] == "/queue?did=cancel&n=5"  # type: ignore[attr-defined]  # a response
    assert states(team) == ["cancelled"] * 5
    assert {(touchpoint.reason, touchpoint.detail) for touchpoint in team.site.rows(Touchpoint)} == {
        (Reason.OPERATOR, "Nadia")
    }
    assert len([change for change in team.site.rows(History) if change.reason == Reason.OPERATOR]) == 5
    with team.site.parts.store.reading() as connection:
        last = list_acts(connection)[0]
    assert (last["act"], last["by"], last["subject"], last["detail"]["count"]) == (
        "queue.cancel",
        "Nadia",
        "feature",
        5,
    )


def test_a_number_that_is_no_longer_true_is_asked_about_again(team: Team) -> None:
    """Between the page and the button a sixth person was planned: nothing happens before somebody has seen it."""
    client = team.client("Nadia")
    fields = hidden(client.get("/queue/confirm?act=cancel&kind=touchpoint&name=feature").text)
    team.site.events(event("feature_first_used", "f9", reference="search"))
    answer = client.post("/queue/act", data=fields)
    assert answer.status_code == 409
    assert "6 people will not be asked." in words(answer.text)
    assert states(team) == ["planned"] * 6
    assert client.post("/queue/act", data=hidden(answer.text)).status_code == 303
    assert states(team) == ["cancelled"] * 6


def test_one_person_alone_can_be_cancelled(team: Team) -> None:
    """From the list of a group."""
    client = team.client("Nadia")
    page = client.get(f"/queue/people?kind=touchpoint&name=feature&on={FRIDAY}").text
    assert words(page).count("Person") >= 5
    link = next(
        link for link in re.findall(r'href="(/queue/confirm[^"]+)"', page) if "act=cancel" in link and "key=0" in link
    )
    fields = hidden(client.get(link.replace("&amp;", "&")).text)
    assert client.post("/queue/act", data=fields).headers["location"] == "/queue?did=cancel&n=1"
    assert states(team) == ["cancelled"] + ["planned"] * 4


def test_sending_now_asks_now_and_still_keeps_the_rules(team: Team) -> None:
    """Who has opted out or has an open ticket is not asked, whoever is in a hurry."""
    opted_out = {**event("purchase", "f0"), "id": "out", "type": "boucle.customer.opted_out.v1", "data": {}}
    complaint = {
        **event("purchase", "f1"),
        "id": "c",
        "type": "boucle.journey.complaint_opened.v1",
        "data": {"reference": "x"},
    }
    assert [outcome.taken for outcome in team.site.events(opted_out, complaint)] == ["accepted"] * 2
    answer, said = confirmed(team, act="send_now")
    assert "4 people are contacted now." in said
    assert answer.status_code == 303  # type: ignore[attr-defined]  # a response
    team.site.settle()
    assert len([request for request in team.site.rows(SurveyRequest) if request.step == "feature"]) == 3
    assert states(team) == ["asked", "asked", "asked", "cancelled", "held"]


def test_a_waiting_action_can_be_cancelled_or_done_now(team: Team) -> None:
    """A testimonial request planned for the tenth day is an entry of the calendar like any other."""
    request = team.site.ask("delivery")
    team.site.parts.customer_actions.answer(request.id, 9)
    team.site.pass_time(minutes=2)
    assert "testimonial_request" in team.client("Marc").get("/queue").text
    answer, _ = confirmed(team, "Marc", act="send_now", kind="action", name="testimonial_request")
    assert answer.status_code == 303  # type: ignore[attr-defined]  # a response
    team.site.settle()
    (done,) = [action for action in team.site.rows(Action) if action.name == "testimonial_request"]
    assert done.state == ActionState.DONE


def test_pausing_holds_a_touchpoint_back_and_lets_it_go_on(team: Team) -> None:
    """Nothing is lost: what is due waits, and leaves when it may."""
    answer, said = confirmed(team, act="pause")
    assert "planned for 5 people" in said
    assert answer.headers["location"] == "/queue?did=pause&n=5"  # type: ignore[attr-defined]  # a response
    team.site.pass_time(days=4)
    assert states(team) == ["planned"] * 5
    assert "feature is paused" in words(team.client("Marc").get("/queue").text)
    confirmed(team, act="resume")
    team.site.settle()
    assert states(team) == ["asked"] * 5


def test_cancelling_twice_changes_nothing_more(team: Team) -> None:
    """The same button pressed twice."""
    client = team.client("Nadia")
    fields = hidden(client.get("/queue/confirm?act=cancel&kind=touchpoint&name=feature").text)
    assert client.post("/queue/act", data=fields).status_code == 303
    assert client.post("/queue/act", data=fields).status_code == 409
    assert len([change for change in team.site.rows(History) if change.reason == Reason.OPERATOR]) == 5


@pytest.mark.parametrize(
    "query", ["", "act=explode&name=feature", "act=cancel", "act=cancel&name=x&kind=user", "act=cancel&name=x&key=k"]
)
def test_a_wish_that_makes_no_sense_is_not_there(team: Team, query: str) -> None:
    """No page, and nothing happens."""
    assert team.client("Nadia").get(f"/queue/confirm?{query}").status_code == 404


def test_many_people_are_done_in_several_transactions(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time: every one is done once, and sending now ends although all fall on the same day then."""
    monkeypatch.setattr("workers.usecases.queue_control.CUSTOMERS_A_ROUND", 2)
    answer, _ = confirmed(team, act="send_now")
    assert answer.headers["location"] == "/queue?did=send_now&n=5"  # type: ignore[attr-defined]  # a response
    assert {touchpoint.wake_at for touchpoint in team.site.rows(Touchpoint)} == {team.site.clock.at}
    assert all(touchpoint.state == TouchpointState.PLANNED for touchpoint in team.site.rows(Touchpoint))


@pytest.mark.parametrize(
    ("support", "said"),
    [
        ({"state": "off", "waiting": 0}, ""),
        ({"state": "not counted", "waiting": 0}, "calendar.yaml says no calls_a_day"),
        ({"questions": 12}, "room for the answers to more questions: 12. Calls that it can still take until"),
        ({"questions": 0}, "Calls expected from what was asked: 3. Questions that wait: 20."),
    ],
)
def test_the_room_of_support_is_told_with_its_figures(support: dict[str, object], said: str) -> None:
    """Nothing where nothing waits for it; what a lead does about it else."""
    figures = {"state": "on", "waiting": 20, "free_calls": 3, "expected_calls": 3, "until": "2026-03-06T17:00:00+00:00"}
    catalog = shipped_templates().catalogs.catalog("en")
    shown = support_shown(figures | support, "Europe/Paris", START, catalog)
    assert said in shown if said else not shown
