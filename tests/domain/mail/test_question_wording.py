"""Wordings of the question: those with a number, one of the company's own, and the choice between them."""

import dataclasses

import pytest

from workers.adapters.resources import Data
from workers.domain.mail.compose import Brand, Templates
from workers.domain.mail.compose.samples import SAMPLE_AT, SAMPLE_FACTS, sample_mail
from workers.domain.mail.links import Links
from workers.domain.mail.question_wording import PARTS, PARTS_OF, PLACE, load_worded, read_wordings, tag_of
from workers.domain.types import QuestionKind
from workers.errors import Misconfigured

SHIPPED = Data()
FIRST, SECOND = "Dans quelle mesure recommanderiez-vous", "Quelle est la probabilité que vous recommandiez"
CATALOG = "templates/catalogs/fr.po"


class Edited(Data):
    """The shipped files, with a text of one of them replaced."""

    def __init__(self, file: str, old: str, new: str) -> None:
        super().__init__()
        self._file, self._old, self._new = file, old, new

    def read(self, relative: str) -> bytes:
        """Return one file's bytes."""
        body = super().read(relative)
        if relative != self._file:
            return body
        assert self._old in body.decode()
        return body.decode().replace(self._old, self._new).encode()


@pytest.mark.parametrize("kind", QuestionKind)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_shipped_catalogs_ask_in_the_newest_version(language: str, kind: QuestionKind) -> None:
    """What a catalog says and what the list of wordings says cannot come apart, of each kind of question."""
    _, wordings = load_worded(SHIPPED, "fr", "")
    versions = [id for id, wording in wordings.numbered.items() if wording.tag == tag_of(language, kind)]
    assert wordings.id_in_use(language, kind) == versions[-1]
    assert len(versions) == (2 if (language, kind) == ("fr", QuestionKind.NPS) else 1)


def test_a_former_wording_of_another_kind_is_chosen_beside_that_of_the_nps() -> None:
    """One of each language and kind; the chosen one has every word of its scale, and the others stay."""
    former = "score.5: très bonne\n    2:\n" + "".join(
        f"      {part}: {part} d'avant\n" for part in PARTS_OF[QuestionKind.CSAT]
    )
    data = Edited(PLACE, "score.5: très bonne\n", former)
    catalogs, wordings = load_worded(data, "fr", "fr-1, fr-csat-2")
    assert wordings.id_in_use("fr", QuestionKind.CSAT) == "fr-csat-2"
    assert wordings.id_in_use("fr") == "fr-1"
    assert wordings.id_in_use("fr", QuestionKind.CES) == "fr-ces-1"
    assert catalogs.text("fr", "csat.score.3") == "score.3 d'avant"
    assert catalogs.text("fr", "ces.score.3") == "plutôt pas d'accord"
    assert wordings.with_id("fr-csat-1") == wordings.numbered["fr-csat-1"]


def test_the_former_wording_is_chosen_with_the_ends_of_its_scale() -> None:
    """The question, that after a recovery, and both ends are one instrument."""
    catalogs, wordings = load_worded(SHIPPED, "fr", "fr-1")
    assert wordings.id_in_use("fr") == "fr-1"
    said = [catalogs.text("fr", part, brand="Lueur").replace("\u00a0", " ") for part in PARTS]
    assert said == [text.replace("{brand}", "Lueur") for text in wordings.numbered["fr-1"].texts.values()]
    assert catalogs.text("en", "score.10") == "without hesitation"


def test_any_edit_is_another_wording_and_a_text_put_back_is_the_one_it_was() -> None:
    """A text of the company's own has a name that follows from its words, whatever spaces stand in it."""

    def in_use(old: str, new: str) -> str | None:
        return load_worded(Edited(CATALOG, old, new), "fr", "")[1].id_in_use("fr")

    own = in_use(SECOND, "Recommanderiez-vous")
    assert own not in (None, "fr-1", "fr-2")
    assert in_use(SECOND, "Recommanderiez-vous") == own != in_use(SECOND, "Recommanderiez -vous")
    assert in_use('"extrêmement probable"', '"très probable"') not in (None, "fr-2", own)
    assert in_use("collègue ?", "collègue\u00a0?") == "fr-2"


def test_a_mail_asks_in_the_wording_that_it_is_given() -> None:
    """One that waited while the text was edited asks what its request says."""
    templates = Templates.load(SHIPPED, Brand.load(SHIPPED))
    links = Links(["sample"], "https://sample.example")
    first = templates.wordings().numbered["fr-1"]
    for name in ("ask-delivery", "reminder", "ask-recovery"):
        now = sample_mail(name, "fr", SAMPLE_FACTS)
        then = dataclasses.replace(now, wording=first)
        for mail, asks, other in ((now, SECOND, FIRST), (then, FIRST, SECOND), (now, SECOND, FIRST)):
            _, text, html = templates.write(mail, links, SAMPLE_AT)
            for part in (text.lower(), html.lower()):
                assert asks.lower() in part
                assert other.lower() not in part
        assert "sans hésiter" in templates.write(then, links, SAMPLE_AT)[1]
        english = dataclasses.replace(sample_mail(name, "en", SAMPLE_FACTS), wording=first)
        assert "How likely" in templates.write(english, links, SAMPLE_AT)[1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    score.0: not at all\n", "", "en-1: score.0 is missing: write it"),
        ("score.0: not at all", "score.0: [not at all]", "en-1: score.0 is missing: write it"),
        ("score.0: not at all", "score.11: not at all", "en-1: score.11 is no text of a wording"),
        ("score.0: not at all", "score.0: '{first}'", "en-1: score.0 names {first}; the only variable here is {brand}"),
        ("score.0: not at all", "score.0: '{'", "en-1: score.0: "),
        ("score.0: not at all", f"score.0: {'a' * 301}", "en-1: score.0 has 301 characters; write at most 300"),
        ("en:\n  1:", "en:\n  first:", "en-first: its version is not a whole number from 1"),
        ("en:\n  1:", "en:\n  0:", "en-0: its version is not a whole number from 1"),
        ("en:\n  1:", "en:\n  01:", "en-01: its version is not a whole number from 1"),
        ("fr:\n", "de: 7\nfr:\n", "'de' has no versions"),
        ("fr:\n", "de: {csat: 7}\nfr:\n", "'de-csat' has no versions"),
        ("      score.7: strongly agree\n", "", "en-ces-1: score.7 is missing: write it"),
        ("      score.5: very satisfied", "      score.0: none", "en-csat-1: score.0 is no text of a wording"),
        ("  csat:\n    1:", "  csat:\n    first:", "en-csat-first: its version is not a whole number from 1"),
        ("  csat:\n", "  cast:\n", "en-cast: its version is not a whole number from 1"),
    ],
)
def test_a_faulty_list_is_refused_with_what_to_do(old: str, new: str, said: str) -> None:
    """The place, the version, what is wrong with it."""
    with pytest.raises(Misconfigured) as refused:
        read_wordings(Edited(PLACE, old, new))
    assert any(fault.startswith(f"{PLACE}: {said}") for fault in refused.value.faults)


def test_norwegian_is_a_language_of_the_list() -> None:
    """A bare `no` is a language here, and no answer to a question."""
    assert "no-1" in read_wordings(Edited(PLACE, "en:\n", "no:\n"))


@pytest.mark.parametrize("body", ["", "[]", "1", "en: {1: 2}", "fr: [", "{1: {1: {}}}"])
def test_any_other_file_is_refused_in_words(body: str) -> None:
    """No other error than a fault that names the file."""
    data = Edited(PLACE, SHIPPED.read(PLACE).decode(), body)
    with pytest.raises(Misconfigured, match=PLACE):
        read_wordings(data)


@pytest.mark.parametrize("choice", ["fr-3", "de-1", "fr-1, fr-2", "fr", "fr-csat-9", "fr-csat", "fr-csat-1, fr-csat-1"])
def test_a_choice_that_cannot_be_is_refused(choice: str) -> None:
    """What there is to choose of is said, or that one language has one."""
    with pytest.raises(Misconfigured, match="choose"):
        load_worded(SHIPPED, "fr", choice)
    with pytest.raises(Misconfigured, match="choose"):
        Templates.load(SHIPPED, dataclasses.replace(Brand.load(SHIPPED), wording=choice))


def test_a_layout_of_ones_own_that_does_not_pass_the_scale_on_is_told() -> None:
    """Customers would be asked for 1 to 5 and find buttons from 0 to 10: the check names the mail and what to write."""
    own = Templates.load(Edited("templates/layout/survey.html", "brand, scale)", "brand)"), Brand.load(SHIPPED))
    faults = own.scale_faults("ask-interaction", QuestionKind.CSAT)
    assert len(faults) == len(own.languages)
    assert "has not the buttons of csat, 1 to 5" in faults[0]
    assert own.scale_faults("reminder", QuestionKind.CES) == []
