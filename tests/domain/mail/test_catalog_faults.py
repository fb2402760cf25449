"""Catalogs against their languages: the plural rule, the plural forms, the variables."""

import pytest

from workers.adapters.resources import Data
from workers.domain.mail.catalog_faults import faults_of_catalogs
from workers.domain.mail.translations import Catalogs

TWO, FRENCH = "nplurals=2; plural=(n != 1);", "nplurals=2; plural=(n > 1);"
POLISH = "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
ARABIC = "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"


def catalog(rule: str, texts: dict[str, str | list[str]]) -> bytes:
    """Return a catalog of texts; a list is the forms of one that counts."""
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    head += f'"Plural-Forms: {rule}\\n"\n' if rule else ""
    body = ""
    for id, text in texts.items():
        if isinstance(text, str):
            body += f'\nmsgid "{id}"\nmsgstr "{text}"\n'
        else:
            forms = "".join(f'msgstr[{n}] "{form}"\n' for n, form in enumerate(text))
            body += f'\nmsgid "{id}"\nmsgid_plural "{id}"\n{forms}'
    return (head + body).encode()


class Files:
    """Catalogs in memory."""

    def __init__(self, catalogs: dict[str, bytes]) -> None:
        self._catalogs = catalogs

    def read(self, relative: str) -> bytes:
        """Return one file's bytes."""
        return self._catalogs[relative.removeprefix("templates/catalogs/").removesuffix(".po")]

    def list(self, relative: str) -> list[str]:
        """Return the names of the files."""
        return [f"{name}.po" for name in self._catalogs]


def faults_of(**catalogs: bytes) -> list[str]:
    """Return the faults of catalogs by their languages."""
    return faults_of_catalogs(Catalogs.load(Files(catalogs), next(iter(catalogs)).replace("_", "-")))


def test_the_shipped_catalogs_have_none() -> None:
    """Or nobody could start."""
    assert faults_of_catalogs(Catalogs.load(Data(), "fr")) == []


@pytest.mark.parametrize(
    ("language", "rule"),
    [
        ("en", TWO),
        ("de", TWO),
        ("fr", FRENCH),
        ("fr", ""),
        ("pt_BR", FRENCH),
        ("pl", POLISH),
        ("ar", ARABIC),
        ("es", TWO),
    ],
)
def test_a_rule_that_counts_as_its_language_is_right(language: str, rule: str) -> None:
    """With two forms where a third is for millions alone, and without a header, which is the language's own."""
    assert faults_of(**{language: catalog(rule, {"a": "A"})}) == []


@pytest.mark.parametrize(
    ("language", "rule", "said"),
    [
        ("fr", TWO, "tell 0 and 1 apart"),
        ("en", FRENCH, "count 0 and 1 alike"),
        ("pl", TWO, "count 0 and 2 alike"),
        ("ar", TWO, "count 0 and 2 alike"),
        ("ja", TWO, "tell 0 and 1 apart"),
        ("sv", "nplurals=1; plural=0;", "count 0 and 1 alike"),
    ],
)
def test_a_rule_of_another_language_is_told_with_the_right_one(language: str, rule: str, said: str) -> None:
    """By the first two numbers that would be written wrongly."""
    (fault, *_) = [fault for fault in faults_of(**{language: catalog(rule, {"a": "A"})}) if said in fault]
    assert fault.startswith(f"templates/catalogs/{language.replace('_', '-')}.po: its Plural-Forms")
    right = fault.partition('write "Plural-Forms: ')[2].removesuffix('"')
    assert faults_of(**{language: catalog(right, {"a": "A"})}) == []


def test_a_text_that_counts_has_a_form_for_each_kind_and_says_how_many() -> None:
    """A form for 1, or for 0 and 1, need not name the number; one for several does; a text without forms is none."""
    english = catalog(TWO, {"days": ["one day", "{n} days"], "left": ["{n} of {all}", "{n} of {all}"]})
    french = catalog(FRENCH, {"days": ["un jour", "quelques jours"], "left": ["{n} sur {all}", "{n}"]})
    german = catalog(TWO, {"days": "{n} Tage", "left": ["{n} von {all}", "{n} von {all}"]})
    one = POLISH.replace("n==1", "n%10==1 && n%100!=11")
    russian = catalog(one, {"days": ["den", "{n} dnya", "{n} dney"], "left": ["{n} / {all}"] * 3})
    assert faults_of(en=english, fr=french, de=german, ru=russian) == [
        "templates/catalogs/de.po: 'days' has 1 of 2 plural forms: write msgid_plural and each msgstr[]",
        "templates/catalogs/fr.po: 'left', msgstr[1] has not {all}: only one for a single number may leave out {n}",
        "templates/catalogs/fr.po: 'days' has not {n}, which all other languages have: write it",
        "templates/catalogs/ru.po: 'days', msgstr[0] has not {n}: only one for a single number may leave out {n}",
    ]


def test_a_variable_that_one_language_alone_has_or_lacks_is_told() -> None:
    """A slip of the pen would leave a text unwritten, or a link out of it."""
    texts = {"en": "Open {link}", "fr": "Ouvrez {link}", "de": "Bitte {lnk} aufrufen"}
    faults = faults_of(**{language: catalog("", {"a": text, "b": "B"}) for language, text in texts.items()})
    assert faults == [
        "templates/catalogs/de.po: 'a' has {lnk}, which no other language has: write it in all of them or in none",
        "templates/catalogs/de.po: 'a' has not {link}, which all other languages have: write it",
    ]
    assert faults_of(en=catalog("", {"a": "A {x}"})) == []
