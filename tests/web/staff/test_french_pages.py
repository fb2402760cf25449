"""The team's pages in French say nothing in English that is not marked as English."""

import re
from html import unescape

import pytest
import sqlalchemy as sa
from staffparts import Team
from webparts import Site, event

from workers.domain.explain.engine_words import ENGINE, forms, in_words_of, pieces
from workers.domain.explain.phrases import PHRASES
from workers.domain.records import DeadLetter, Dispatch, Inbox
from workers.store import tables
from workers.store.delivery.mail_servers import ServerState
from workers.text.directions import FSI, PDI
from workers.usecases.delivery import send_controls

PAGES = ("/inbox", "/tickets/1", "/customers", "/customers/42", "/queue", "/report", "/themes", "/account", "/people")
PLACE = re.compile(r"\{\w+\}")
MARKED = re.compile(r'<(\w+)[^>]*\blang="(?:en)?"[^>]*>.*?</\1>', re.DOTALL)
REPLY = "550 5.1.1 No such user here"
ENGLISH = {part.strip() for text in PHRASES.values() for part in PLACE.split(text) if part.strip().count(" ") >= 2}
"""What is said between the places of every English phrase of explain, where it is three words or more."""


@pytest.fixture
def team(site: Site) -> Team:
    """Give a site with everything that is told in words of the engine, of a server and of a person who paused."""
    made = Team(site)
    made.low(language="Klingon (Kronos)")
    site.events(
        event("nonsense", reference="o-1"),
        {**event("interaction_ended"), "data": {"customer": {"id": "42", "name": 7}, "label": "two\nlines"}},
    )
    site.settle()
    ends = ("the mail server is away: [Errno 111] Connection refused", REPLY)
    with site.parts.store.engine.begin() as connection:
        for end, mail in zip(ends, site.rows(Dispatch), strict=False):
            failed = {"state": "failed", "reason": "refused_by_server", "detail": end}
            connection.execute(sa.update(tables.dispatch).where(tables.dispatch.c.id == mail.id).values(**failed))
        send_controls.pause(connection, site.clock.at, "olga", why="we move house until Friday")
    return made


def unmarked(html: str) -> str:
    """Return what the main part of a page says, without what is marked as English."""
    main = html.partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", MARKED.sub(" ", main))))


def test_no_sentence_of_the_engine_is_english_on_a_french_page(team: Team) -> None:
    """Held and paused sending, failed mails, events with faults: each is told in French, others' words are marked."""
    letters = {letter.fault for letter in team.site.rows(DeadLetter)}
    assert letters
    assert any(received.left_out for received in team.site.rows(Inbox))
    client = team.client("Nadia")
    for path in PAGES:
        answer = client.get(path, params={"lang": "fr"})
        if answer.status_code == 403:
            answer = team.client("Olga").get(path, params={"lang": "fr"})
        assert answer.status_code == 200, path
        said = unmarked(answer.text)
        assert {part for part in ENGLISH | letters | {REPLY, "move house"} if part in said} == set(), path
        assert FSI not in answer.text
        assert PDI not in answer.text
    page = client.get("/customers/42?lang=fr").text
    assert f'<span lang="en">{REPLY}</span>' in page
    for part in (
        "le serveur de mail ne répond pas",
        "son type n'est pas connu",
        "mis sur une ligne",
        "pris comme texte",
    ):
        assert part in unmarked(page), part
    assert '<span lang="">we move house until Friday</span>' in client.get("/queue?lang=fr").text


def test_what_the_engine_says_of_itself_has_its_words_in_french(team: Team) -> None:
    """Each sentence as it is made where it happens, nothing of it left in English but a server's reply."""
    catalog = team.site.web.templates.catalogs.catalog("fr")
    blocked = "templates/brand.yaml still holds sample values (name, sender): write your own, then start again."
    held = "sending starts held; look at `boucle send --preview`, then `boucle resume` or BOUCLE_SENDING=on."
    made = (
        blocked,
        held,
        send_controls.leap_told("2026-03-03T09:12 2027-03-03T09:12"),
        ServerState(
            "mx.example:25", 3, team.site.clock.at, None, "later", "the mail server is away: timed out"
        ).sentence,
        ServerState("mx.example:25", 3, reason="the connection broke: reset").sentence,
    )
    for sentence in made:
        translated = in_words_of(sentence, catalog)
        own = " ".join(text for text, is_foreign in pieces(translated) if not is_foreign)
        assert own.strip(), sentence
        assert {part for part in ENGLISH if part in own} == set(), own
        assert in_words_of(sentence, team.site.web.templates.catalogs.catalog("en")) == sentence
    assert [is_foreign for _, is_foreign in pieces(in_words_of("anything else", catalog))] == [True]


def test_every_form_is_known_by_itself() -> None:
    """No sentence of the engine is taken for another one."""
    for id, _ in forms():
        filled = PLACE.sub("x", PHRASES[id])
        assert next(other for other, form in forms() if form.fullmatch(filled)) == id
    assert len(forms()) == sum(id.startswith(ENGINE) for id in PHRASES)
