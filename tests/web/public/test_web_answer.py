"""The answer page: opening changes nothing, one form is one answer, and nothing typed is lost."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from webparts import Site

from workers.domain.changeset import ChangeSet
from workers.domain.records import Click, Decision, Response, ResponseRevision, SurveyRequest, Ticket
from workers.domain.survey.response import VERSIONS_KEPT
from workers.errors import NotNow
from workers.store.apply import apply
from workers.structs import replace
from workers.usecases.customer_actions import MOST_CLICKS

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)> {{ 7*7 }}'


def form(html: str) -> dict[str, str]:
    """Return the hidden fields of a page's form, as a browser would send them."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', html))


def test_opening_the_link_shows_the_score_and_keeps_a_click_only(site: Site) -> None:
    """GET and HEAD answer nothing for anybody: mail scanners open every link."""
    path = site.asked()
    shown = site.client.get(f"{path}?score=3")
    assert shown.status_code == 200
    assert re.search(r'value="3" checked', shown.text)
    assert shown.text.count("checked") == 2  # the score, and "any time"
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert site.client.head(f"{path}?score=9").status_code == 200
    assert site.rows(Response) == []
    assert [(click.score, click.method, click.signal) for click in site.rows(Click)] == [
        (3, "GET", ""),
        (9, "HEAD", "head"),
    ]


def test_the_page_needs_no_script_and_asks_a_neutral_question(site: Site) -> None:
    """Without JavaScript there is a whole form with the question that suits every score."""
    shown = site.client.get(f"{site.asked()}?score=3").text
    assert "Pourquoi cette note" in shown
    assert re.search(r'<form[^>]+method="post"', shown)
    assert len(re.findall(r'type="radio" name="score"', shown)) == 11
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", shown)


@pytest.mark.parametrize("odd", ["11", "-1", "9.5", "", "٣", "3 or 1=1", "null"])
def test_an_odd_score_in_the_link_preselects_nothing(site: Site, odd: str) -> None:
    """Whatever stands in the address, the page opens and no score is taken from it."""
    shown = site.client.get(site.asked(), params={"score": odd})
    assert shown.status_code == 200
    assert "checked" not in shown.text.partition('class="ends"')[0]
    assert site.rows(Click)[-1].score is None


def test_nobody_is_promised_a_call_without_a_number(site: Site) -> None:
    """The page after the answer says that we write, and by when; with a number it says that we call."""
    path = site.asked()
    data = {**form(site.client.get(f"{path}?score=8").text), "score": "8", "comment": "Nice", "wants_contact": "yes"}
    thanks = site.client.get(site.client.post(path, data=data).headers["location"]).text
    assert "nous vous écrivons mercredi 4 mars avant 13" in thanks
    assert "Nous vous appelons" not in thanks


def test_a_posted_form_is_the_answer_and_leads_to_thanks(site: Site) -> None:
    """Score, comment, wish and number are stored; the thank-you page says until when it may change."""
    path = site.asked()
    hidden = form(site.client.get(f"{path}?score=3").text)
    answer = site.client.post(
        path,
        data={
            **hidden,
            "score": "2",
            "comment": "It arrived broken.\r\nTwice.",
            "wants_contact": "yes",
            "phone": " +33 1 23 45 67 89 ",
            "half_day": "morning",
        },
    )
    assert answer.status_code == 303
    thanks = site.client.get(answer.headers["location"])
    assert thanks.status_code == 200
    assert "mardi 17 mars" in thanks.text
    (response,) = site.rows(Response)
    assert (response.score, response.band, response.comment) == (2, "detractor", "It arrived broken.\nTwice.")
    assert (response.wants_contact, response.phone, response.half_day) == (True, "+33 1 23 45 67 89", "morning")
    assert "Nous vous appelons mardi 3 mars avant 18" in thanks.text
    site.pass_time(minutes=2)
    (ticket,) = site.rows(Ticket)
    assert (ticket.phone, ticket.half_day) == ("+33 1 23 45 67 89", "morning")


def test_twenty_posts_at_once_are_one_response(site: Site) -> None:
    """Double clicks, and a page sent again, give one answer and one ticket."""
    path = site.asked()
    data = {**form(site.client.get(path).text), "score": "2", "comment": "late"}

    def post(_: int) -> int:
        return site.client_from(("127.0.0.1", 50_001)).post(path, data=data).status_code

    with ThreadPoolExecutor(5) as pool:
        assert set(pool.map(post, range(20))) == {303}
    assert len(site.rows(Response)) == 1
    assert len(site.rows(ResponseRevision)) == 1
    site.pass_time(minutes=2)
    assert len(site.rows(Ticket)) == 1


def test_an_answer_may_change_until_the_question_closes(site: Site) -> None:
    """The earlier score is shown and prefilled; a new one is a revision of the same response, the words stay."""
    path = site.answered(3, "late")
    shown = site.client.get(path).text
    assert re.search(r'value="3" checked', shown)
    assert "late" not in shown
    assert "Votre réponse actuelle" in shown
    assert re.search(r'value="8" checked', site.client.get(f"{path}?score=8").text)
    site.client.post(path, data={**form(shown), "keep": "yes", "score": "8", "comment": ""})
    (response,) = site.rows(Response)
    assert (response.score, response.comment, response.n) == (8, "late", 2)


def test_what_is_wrong_is_said_in_place_and_the_text_is_kept(site: Site) -> None:
    """A missing score and an odd number come back with the comment as typed; nothing is stored."""
    path = site.asked()
    hidden = form(site.client.get(path).text)
    answer = site.client.post(path, data={**hidden, "comment": HOSTILE, "wants_contact": "yes", "phone": "call me"})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "Choisissez une note" in answer.text
    assert 'id="phone-fault"' in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "<script>alert" not in answer.text
    assert "{{ 7*7 }}" in answer.text
    for odd in ("11", "9.5", "٣", ""):
        assert site.client.post(path, data={**hidden, "score": odd}).status_code == 400
    assert site.client.post(path, data={**hidden, "score": "9", "comment": "x" * 5_001}).status_code == 400
    assert site.rows(Response) == []


def test_a_forged_or_old_nonce_shows_the_page_again_with_the_text(site: Site) -> None:
    """A form of somebody else's making, or a page left open for days, has to be sent once more."""
    path = site.asked()
    hidden = form(site.client.get(path).text)
    for nonce in ("forged", hidden["nonce"][:-2] + "xx", ""):
        answer = site.client.post(path, data={"nonce": nonce, "score": "2", "comment": "kept"})
        assert answer.status_code == 403
        assert "kept</textarea>" in answer.text
    site.pass_time(days=4)
    old = site.client.post(path, data={**hidden, "score": "2", "comment": "kept"})
    assert old.status_code == 403
    assert site.client.post(path, data={**form(old.text), "score": "2"}).status_code == 303


def test_a_program_may_post_without_a_page_and_a_foreign_page_may_not(site: Site) -> None:
    """Who holds the link may answer by program, which is kept as evidence; another site's form is refused."""
    path = site.asked()
    foreign = {"origin": "https://evil.example"}
    assert site.client.post(path, data={"score": "0"}, headers=foreign).status_code == 403
    assert site.client.post(path, data={"score": "0"}, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert site.rows(Response) == []
    assert site.client.post(path, data={"score": "9", "comment": "by program"}).status_code == 303
    assert [(click.method, click.signal) for click in site.rows(Click)] == [("POST", "no form")]


def test_unknown_erased_and_closed_links_look_alike(site: Site) -> None:
    """Nobody learns from a dead link whether it ever led to somebody."""
    path, unknown = site.asked(), site.link("answer", "0195f2a0-0000-8000-8000-000000000001")
    other = site.link("unsubscribe", "0195f2a0-0000-8000-8000-000000000001").replace("/u/", "/a/")
    pages = {p: site.client.get(p) for p in ("/a/nothing", unknown, other, path + "x")}
    site.clock.at = site.clock.at.replace(month=4)
    pages["closed"] = site.client.get(path)
    site.clock.at = site.clock.at.replace(month=3)
    erased = {"specversion": "1.0", "id": "e", "source": "shop", "type": "boucle.customer.erased.v1", "subject": "42"}
    site.events({**erased, "time": site.clock.at.isoformat(), "data": {"customer": {"id": "42"}}})
    pages["erased"] = site.client.get(path)
    assert {page.status_code for page in pages.values()} == {404}
    switch = re.compile(r'href="[^"]*lang=en"')
    assert len({switch.sub("", page.text) for page in pages.values()}) == 1
    for dead in pages:
        if dead.startswith("/"):
            assert site.client.post(dead, data={"score": "9"}).status_code == 404
    assert site.rows(Response) == []


def test_the_language_is_the_customers_and_can_be_switched(site: Site) -> None:
    """The page speaks as the mail did; one link turns it over, and the switch is kept when sending."""
    path = site.asked(language="en-GB")
    shown = site.client.get(f"{path}?score=4", headers={"accept-language": "fr"}).text
    assert '<html lang="en">' in shown
    assert re.search(r'href="[^"]*\?score=4&amp;lang=fr"', shown)
    assert '<html lang="fr">' in site.client.get(f"{path}?lang=fr").text
    answer = site.client.post(f"{path}?lang=fr", data={"score": "4"})
    assert answer.headers["location"].endswith("/thanks?lang=fr")


def test_a_recovery_survey_asks_whether_it_is_solved(site: Site) -> None:
    """After a ticket the page asks about today, and the tick says that it is not solved."""
    request = site.ask()
    changes = ChangeSet()
    changes.change(replace(request, trigger="recovery"))
    site.parts.store.write(lambda connection: apply(connection, changes, site.clock.at))
    shown = site.client.get(site.link("answer", request.id) + "?lang=en").text
    assert "It is not solved, please call me." in shown
    assert "today?" in shown


def test_following_the_hidden_link_is_kept_as_evidence(site: Site) -> None:
    """No person sees the link; who follows it is a machine, and is marked as one."""
    path = site.asked()
    trap = re.search(r'<a href="([^"]+)" hidden', site.client.get(path).text)
    assert trap is not None
    assert site.client.get(trap[1]).status_code == 204
    assert site.rows(Click)[-1].signal == "hidden link"


def test_the_known_number_is_hinted_at_and_never_shown(site: Site) -> None:
    """The link may have been passed on: two digits tell the owner, and nobody else, which number it is."""
    shown = site.client.get(site.asked(phone="+33 1 23 45 67 89")).text
    assert "finit par 89" in shown
    assert "23 45 67" not in shown


def test_a_database_that_is_away_keeps_the_text_in_the_form(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is not saved yet, the page says so, and the words are still there."""
    path = site.asked()

    def away(*_: object, **__: object) -> bool:
        raise NotNow("The database does not answer; waiting for it.")

    monkeypatch.setattr(type(site.parts.customer_actions), "answer", away)
    answer = site.client.post(path, data={"score": "2", "comment": "It arrived broken"})
    assert answer.status_code == 503
    assert "It arrived broken</textarea>" in answer.text
    assert "réessayez dans quelques minutes" in answer.text


def test_comments_are_shown_as_text_everywhere(site: Site) -> None:
    """What a customer writes is never markup, in the form and on the thank-you page."""
    path = site.asked()
    answer = site.client.post(path, data={"score": "9", "comment": HOSTILE})
    for shown in (site.client.get(path), site.client.get(answer.headers["location"])):
        assert "<script>alert" not in shown.text
        assert "<img src=x" not in shown.text
    assert "alert(1)" in shown.text


def test_control_characters_do_not_reach_the_database(site: Site) -> None:
    """NUL, escapes and direction overrides become spaces; PostgreSQL text cannot hold the first."""
    path = site.asked()
    site.client.post(path, data={"score": "9", "comment": "a\x00b\x1b[31m\u202ec"})
    assert site.rows(Response)[0].comment == "a b [31m c"


def test_a_form_that_is_too_long_is_cut_off(open_site: Callable[..., Site]) -> None:
    """A body past the limit is answered 413 and changes nothing."""
    site = open_site()
    answer = site.client.post(site.asked(), data={"score": "9", "comment": "x" * 100_000})
    assert (answer.status_code, answer.headers["content-language"]) == (413, "fr")
    assert site.rows(Response) == []


def test_a_post_to_a_closed_question_changes_nothing(site: Site) -> None:
    """The page was open when the question closed: the answer comes too late, and is told so."""
    path = site.asked()
    hidden = form(site.client.get(path).text)
    site.pass_time(days=15)
    assert site.client.post(path, data={**hidden, "score": "9"}).status_code == 404
    assert site.rows(Response) == []
    assert {str(request.state) for request in site.rows(SurveyRequest)} == {"expired"}


WORDS, PHONE = "The driver left it in the rain, and my son Théo cut his hand", "+33 6 12 34 56 78"


def private(text: str) -> bool:
    """Tell whether a page holds neither the words nor the number."""
    return "rain" not in text and "Théo" not in text and "12 34" not in text


def test_who_opens_the_link_later_reads_neither_words_nor_number(site: Site) -> None:
    """Mails are passed on: the form and the thanks page show how the comment begins and the number's last digits."""
    path = site.asked()
    data = {"score": "2", "comment": WORDS, "wants_contact": "yes", "phone": PHONE}
    answer = site.client.post(path, data=data)
    assert "my son Théo" in site.client.get(answer.headers["location"]).text  # whoever wrote it sees it once more
    for later in (path, f"{path}?score=3", f"{path}/thanks", f"{path}/thanks?posted=x"):
        shown = site.client.get(later).text
        assert private(shown), later
    shown = site.client.get(path).text
    assert "The driv…" in shown
    assert "78" in shown
    site.clock.at += timedelta(minutes=11)
    assert private(site.client.get(answer.headers["location"]).text)


def test_a_stranger_who_sends_the_form_learns_nothing(site: Site) -> None:
    """Sending the form as it stands keeps words and number, and the page after it does not show them."""
    path = site.asked()
    site.client.post(path, data={"score": "2", "comment": WORDS, "wants_contact": "yes", "phone": PHONE})
    shown = site.client.get(path).text
    assert 'name="keep" value="yes" checked' in shown
    data = {**form(shown), "keep": "yes", "score": "2", "comment": "", "wants_contact": "yes", "phone": ""}
    answer = site.client.post(path, data=data)
    assert private(site.client.get(answer.headers["location"]).text)
    (response,) = site.rows(Response)
    assert (response.comment, response.phone, response.n) == (WORDS, PHONE, 1)


def test_words_can_be_changed_and_taken_back(site: Site) -> None:
    """New words replace the earlier ones; without the tick and without words they are gone."""
    path = site.answered(2, WORDS)
    site.client.post(path, data={"score": "2", "comment": "Solved since", "keep": "yes"})
    assert site.rows(Response)[0].comment == "Solved since"
    site.client.post(path, data={"score": "2", "comment": "", "wants_contact": "yes", "phone": PHONE})
    assert site.rows(Response)[0].comment == ""
    site.client.post(path, data={"score": "2", "comment": "Ring", "wants_contact": "yes", "phone": PHONE})
    data = {**form(site.client.get(path).text), "score": "2", "comment": "", "wants_contact": "yes", "phone": ""}
    site.client.post(path, data=data)  # without the tick: the words go, the number of the hint stays
    assert (site.rows(Response)[0].comment, site.rows(Response)[0].phone) == ("", PHONE)


def test_a_link_that_is_opened_for_ever_costs_the_same(site: Site) -> None:
    """Of a thousand visits fifty are kept, and no more are read."""
    request = site.ask()
    path = site.link("answer", request.id)
    for n in range(MOST_CLICKS + 20):
        assert site.client.get(f"{path}?score={n % 11}").status_code == 200
    assert len(site.rows(Click)) == MOST_CLICKS
    plan: list[str] = []
    sa.event.listen(site.parts.store.engine, "before_cursor_execute", lambda *given: plan.append(given[2]))
    assert site.client.get(path).status_code == 200
    assert not [line for line in plan if "FROM click" in line and "LIMIT" not in line]


def test_an_answer_that_changes_for_ever_has_few_versions_and_its_last_word_counts(site: Site) -> None:
    """A hundred changes a day are one decision a day from the twentieth on; what was said last is what is decided."""
    request = site.ask()
    path = site.link("answer", request.id)
    for n in range(VERSIONS_KEPT + 40):
        assert site.client.post(path, data={"score": str(n % 11), "comment": f"word {n}"}).status_code == 303
    last = VERSIONS_KEPT + 39
    for day in range(3):
        for n in range(20):
            site.pass_time(minutes=30)
            site.client.post(path, data={"score": "1", "comment": f"day {day} word {n}"})
    site.client.post(path, data={"score": str(last % 11), "comment": "the last word"})
    site.pass_time(days=2)
    (response,) = site.rows(Response)
    assert VERSIONS_KEPT <= response.n <= VERSIONS_KEPT + 8
    revisions = {revision.n: revision for revision in site.rows(ResponseRevision)}
    assert len(revisions) == response.n
    assert (response.comment, revisions[response.n].comment) == ("the last word", "the last word")
    assert str(response.state) == "decided"
    [current] = [decision for decision in site.rows(Decision) if str(decision.state) == "current"]
    assert str(current.inputs["score"]) == str(response.score)
    assert len(site.rows(Decision)) <= 6


def test_a_last_word_shortly_before_the_question_closes_is_decided(site: Site) -> None:
    """Slow settling ends with the question: no answer waits beyond it."""
    request = site.ask()
    path = site.link("answer", request.id)
    for n in range(VERSIONS_KEPT + 5):
        site.client.post(path, data={"score": "3", "comment": f"word {n}"})
    site.clock.at = request.closes_at - timedelta(minutes=30)
    site.settle()
    site.client.post(path, data={"score": "0", "comment": "call me now"})
    site.clock.at = request.closes_at + timedelta(minutes=1)
    site.settle()
    (response,) = site.rows(Response)
    assert (response.comment, str(response.state) in ("decided", "closed")) == ("call me now", True)
    assert [str(decision.inputs["score"]) for decision in site.rows(Decision) if str(decision.state) == "current"] == [
        "0"
    ]
