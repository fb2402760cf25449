"""Catalogs: complete, checked at start, with stand-ins for what is unknown."""

from datetime import UTC, date, datetime

import pytest

from workers.adapters.resources import Data
from workers.domain.mail.translations import Catalogs
from workers.errors import Misconfigured, Never

HEAD = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

"""


class Files:
    """Catalogs from texts in memory."""

    def __init__(self, **catalogs: str) -> None:
        self._catalogs = {f"{language.replace('_', '-')}.po": body for language, body in catalogs.items()}

    def read(self, relative: str) -> bytes:
        return (HEAD + self._catalogs[relative.rpartition("/")[2]]).encode()

    def list(self, relative: str) -> list[str]:
        return sorted(self._catalogs)


def po(**texts: str) -> str:
    """Write a catalog; `__` in a name stands for a slash."""
    return "".join(f'msgid "{id.replace("__", "/")}"\nmsgstr "{text}"\n\n' for id, text in texts.items())


@pytest.fixture(scope="module")
def shipped() -> Catalogs:
    """The catalogs as shipped."""
    return Catalogs.load(Data(), "fr")


def test_a_missing_text_is_a_fault_that_names_catalog_and_id() -> None:
    """Each text exists in every language, or nothing starts."""
    with pytest.raises(Misconfigured) as caught:
        Catalogs.load(Files(fr=po(a="A", b="B"), en=po(a="A", c="C")), "fr")
    assert len(caught.value.faults) == 2
    assert "en.po" in caught.value.faults[0]
    assert "'b'" in caught.value.faults[0]


def test_all_faults_of_all_catalogs_are_told_at_once() -> None:
    """An empty text, a broken variable and a language without catalog come in one list."""
    with pytest.raises(Misconfigured) as caught:
        Catalogs.load(Files(fr=po(a="", b="{x.__class__}"), en=po(a="A", b="B")), "de")
    faults = "\n".join(caught.value.faults)
    assert "'a' has no text" in faults
    assert "__class__" in faults
    assert "'de'" in faults


def test_a_file_that_is_no_catalog_is_a_fault() -> None:
    """A catalog that cannot be parsed is named."""
    with pytest.raises(Misconfigured, match=r"en\.po cannot be read"):
        Catalogs.load(Files(fr=po(a="A"), en='msgid "a\n'), "fr")


def test_a_stand_in_is_taken_when_a_variable_is_unknown() -> None:
    """Nobody reads an empty name: the first text whose variables are known is used."""
    catalogs = Catalogs.load(Files(en=po(a="Dear {first} {last}", a__2="Dear {first}", a__3="Hello")), "en")
    assert catalogs.text("en", "a", first="Ada", last="L") == "Dear Ada L"
    assert catalogs.text("en", "a", first="Ada", last="") == "Dear Ada"
    assert catalogs.text("en", "a", first=None) == "Hello"


def test_zero_is_a_value() -> None:
    """A score of 0 is known, not missing."""
    catalogs = Catalogs.load(Files(en=po(a="{score}/10", a__2="no score")), "en")
    assert catalogs.text("en", "a", score=0) == "0/10"


def test_an_unknown_text_says_what_is_missing() -> None:
    """Neither a key nor an empty text is ever shown in place of a text."""
    catalogs = Catalogs.load(Files(en=po(a="{first}")), "en")
    with pytest.raises(Never, match="nothing"):
        catalogs.text("en", "nothing")
    with pytest.raises(Never, match="first"):
        catalogs.text("en", "a")


def test_values_are_never_read_as_templates() -> None:
    """Braces and percent signs in customer data stay as they are."""
    catalogs = Catalogs.load(Files(en=po(a="Hello {first}")), "en")
    assert catalogs.text("en", "a", first="{first} %s {{x}}") == "Hello {first} %s {{x}}"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("fr", "fr"), ("fr-CA", "fr"), ("FR_fr", "fr"), ("en-Latn-GB", "en"), ("de", "fr"), (None, "fr"), ("", "fr")],
)
def test_the_language_is_the_nearest_that_there_is(shipped: Catalogs, tag: str | None, language: str) -> None:
    """A region finds its language, anything else the brand's."""
    assert shipped.negotiate(tag) == language


def test_plurals_follow_each_language(shipped: Catalogs) -> None:
    """French counts 1 as one; English has months, French has mois."""
    assert shipped.text("fr", "duration.years", n=1) == "1 an"
    assert shipped.text("fr", "duration.years", n=2) == "2 ans"
    assert shipped.text("en", "duration.months", n=1) == "1 month"
    assert shipped.text("en", "duration.months", n=6) == "6 months"


def test_dates_are_written_as_people_write_them(shipped: Catalogs) -> None:
    """A French month begins with 1er, an English one with 1."""
    assert shipped.date("fr", date(2026, 3, 1)) == "1er mars 2026"
    assert shipped.date("fr", date(2026, 3, 12), "format.day") == "12 mars"
    assert shipped.date("en", date(2026, 3, 1)) == "1 March 2026"
    at = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
    assert shipped.catalog("fr").moment(at) == "lundi 5 janvier à 15\xa0h"
    assert shipped.catalog("fr").moment(at.replace(minute=5)) == "lundi 5 janvier à 15\xa0h\xa005"
    assert shipped.catalog("en").moment(at) == "Monday 5 January at 15:00"


def test_french_punctuation_stays_on_its_line(shipped: Catalogs) -> None:
    """Question marks and colons are never alone at the beginning of a line."""
    french = shipped.catalog("fr")
    for chain in french.chains.values():
        for text in chain:
            for form in text.forms:
                assert not any(" ?" in piece or " :" in piece or " !" in piece for piece, _ in form)


def test_a_new_language_is_one_file() -> None:
    """A third catalog is found and negotiated without any other change."""
    catalogs = Catalogs.load(Files(fr=po(a="A"), pt_BR=po(a="B")), "fr")
    assert catalogs.languages == {"fr", "pt-BR"}
    assert catalogs.negotiate("pt-br") == "pt-BR"
