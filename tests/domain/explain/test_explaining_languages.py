"""Explain in the reader's language: each sentence, reason and name has its text in every catalog."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from workers.adapters.resources import Data
from workers.domain.explain import ENGLISH, PHRASES, clause, lead, moment, words
from workers.domain.explain.followup import time_after
from workers.domain.explain.names import NAMES, name_in
from workers.domain.explain.text import LISTS
from workers.domain.mail.translations import Catalog, Catalogs
from workers.domain.types import Reason

VARIABLE = re.compile(r"\{(\w+)\}")
NOW = datetime(2026, 3, 1, 9, 12, tzinfo=UTC)
CATALOGS = Catalogs.load(Data(), "fr")
OTHERS = sorted(CATALOGS.languages - {"en"})
ALIKE = frozenset(
    {"more", "about-ticket", "did-ticket", "input", "after.minutes", "after.hours", "reason.stopped", "reason.hold/2"}
)
"""Texts that are the same in some languages: names, units, what is only put together."""


def text_of(catalog: Catalog, id: str) -> str:
    """Return a text with its variables in braces."""
    chain, _, place = f"explain.{id}".partition("/")
    text = catalog.chains[chain][int(place or 1) - 1]
    return text.fill({name: f"{{{name}}}" for name in text.needs}, 0)


@pytest.mark.parametrize("id", sorted(PHRASES))
def test_every_sentence_is_in_every_catalog(id: str) -> None:
    """English is what the command says; the others say it with the same variables and in other words."""
    assert text_of(CATALOGS.catalog("en"), id) == PHRASES[id]
    for language in OTHERS:
        sentence = text_of(CATALOGS.catalog(language), id)
        assert set(VARIABLE.findall(sentence)) == set(VARIABLE.findall(PHRASES[id])), language
        assert sentence != PHRASES[id] or id in ALIKE, f"{language}: {id} is still English"


@pytest.mark.parametrize("language", sorted(CATALOGS.languages))
def test_every_kind_of_entry_has_its_name_on_the_pages(language: str) -> None:
    """The page of a customer names the kind of each line: one that came without its name had the page fail."""
    names = {f"staff.kind.{kind.replace(' ', '-')}" for kind in LISTS.values()}
    assert names - CATALOGS.catalog(language).ids == set()


@pytest.mark.parametrize("language", OTHERS)
def test_every_catalog_has_no_other_sentence(language: str) -> None:
    """A sentence that is gone from the code is gone from the catalogs."""
    there = {id.removeprefix("explain.") for id in CATALOGS.catalog(language).ids if id.startswith("explain.")}
    assert there == set(PHRASES)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("reason", [*Reason, *words.TRANSPORT])
def test_every_reason_is_translated(reason: str, language: str) -> None:
    """With all that its row may add, and with nothing: a reason that is new fails here until it has its text."""
    catalog = CATALOGS.catalog(language)
    places = dict.fromkeys(
        ["detail", "until", "asked", "due", "wake", "opens", "due_on", "gives_up", "before", "because"], "§"
    )
    for given in ({}, places):
        sentence = clause(reason, given, catalog)
        assert sentence != clause(reason, given)
        assert not set("{}_") & set(sentence.replace("BOUCLE_MAIL_ONLY_TO", ""))


@pytest.mark.parametrize("language", OTHERS)
def test_every_state_and_name_is_translated(language: str) -> None:
    """How each state is told, and what each shipped touchpoint, mail and next step is called."""
    catalog = CATALOGS.catalog(language)
    for states in words.LEADS:
        for state in states:
            assert lead(state, catalog) != lead(state)
    for id in NAMES:
        assert name_in(id, catalog) != id.replace("_", " ")
        assert any(
            prefix + id in catalog.ids for prefix in ("report.touchpoint.", "action.", "mail.name.", "trigger.")
        ), id


def test_dates_and_durations_are_said_as_people_say_them() -> None:
    """The brand's zone, the catalog's months and hours; the year only where it is another."""
    french = CATALOGS.catalog("fr")
    assert moment(NOW, "Europe/Paris", NOW, french) == "1er mars à 10\u00a0h\u00a012"
    assert moment(NOW - timedelta(days=400), "Europe/Paris", NOW, french).startswith("25 janvier 2025 à 10")
    assert moment(NOW, "Europe/Paris", NOW, ENGLISH) == "1 March at 10:12"
    assert [time_after(days, french) for days in (0.0086, 0.5, 10.1)] == [
        "12 min après",
        "12 h après",
        "10 jours après",
    ]


@pytest.mark.parametrize(
    ("type", "english", "french"),
    [
        ("boucle.journey.purchase.v1", "purchase", "achat"),
        ("boucle.journey.delivery.v1", "delivery arrived", "livraison arrivée"),
        ("boucle.customer.opted_out.v1", "opted out", "désinscription"),
        ("boucle.ticket.handed_over.v1", "ticket handed over", "ticket transmis"),
        ("boucle.journey.moved_abroad.v1", "moved abroad", "moved abroad"),
    ],
)
def test_events_have_names(type: str, english: str, french: str) -> None:
    """A type is a word; an operator's own one its last part."""
    assert (words.event_name(type), words.event_name(type, CATALOGS.catalog("fr"))) == (english, french)


def test_every_type_of_event_has_a_name() -> None:
    """Whatever a schema of what comes in describes is called something in a story, in every language."""
    schemas = [Data().read(f"schemas/in/{name}").decode() for name in Data().list("schemas/in")]
    types = {type for text in schemas for type in re.findall(r"boucle\.[a-z_.-]+\.v1", text)}
    assert len(types) > 15
    for type in types:
        name = type.removeprefix("boucle.").removesuffix(".v1").removeprefix("journey.")
        assert f"type.{name}" in PHRASES, f"{type} has no name"
