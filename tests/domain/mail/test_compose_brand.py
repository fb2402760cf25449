"""The brand: checked as a whole, and known apart from the sample shop."""

from collections.abc import Mapping

import pytest
import yaml

from workers.adapters.resources import Data
from workers.domain.mail.compose import Brand
from workers.errors import Misconfigured

OWN = {
    "name": "Café Zoé",
    "sender": "bonjour@cafe-zoe.example",
    "reply_to": "zoe@cafe-zoe.example",
    "logo": "",
    "colour": "#00464a",
    "postal_address": "1 quai du Port, 13002 Marseille",
    "privacy_url": "https://cafe-zoe.example/vie-privee",
    "language": "fr",
    "time_zone": "Europe/Paris",
}


class Files:
    """A brand file in memory."""

    def __init__(self, **changes: object) -> None:
        self._body = yaml.safe_dump({**OWN, **changes}).encode()

    def read(self, relative: str) -> bytes:
        return self._body

    def list(self, relative: str) -> list[str]:
        return []


class Lines:
    """A brand file with lines as a person writes them in place of some."""

    def __init__(self, lines: Mapping[str, str]) -> None:
        kept = {key: value for key, value in OWN.items() if key not in lines}
        self._body = "\n".join((yaml.safe_dump(kept), *lines.values())).encode()

    def read(self, relative: str) -> bytes:
        return self._body

    def list(self, relative: str) -> list[str]:
        return []


def test_the_shipped_brand_is_the_sample_and_says_so() -> None:
    """As shipped, every value but language and zone is a sample value."""
    brand = Brand.load(Data())
    assert set(brand.sample_values(Brand.sample(Data()))) == {
        *("name", "sender", "reply_to", "colour", "postal_address", "privacy_url")
    }
    assert brand == Brand.sample(Data())


def test_a_brand_of_ones_own_has_no_sample_value() -> None:
    """A French shop without a logo may send."""
    assert Brand.load(Files()).sample_values(Brand.sample(Data())) == []


@pytest.mark.parametrize("key", ["name", "sender", "reply_to", "colour", "postal_address", "privacy_url"])
def test_one_sample_value_is_enough_to_be_told(key: str) -> None:
    """Each value that readers see counts."""
    sample = Brand.sample(Data())
    assert Brand.load(Files(**{key: getattr(sample, key)})).sample_values(sample) == [key]


def test_all_faults_are_told_at_once() -> None:
    """A missing name, a wrong address, colour, zone and an unknown key come in one list."""
    with pytest.raises(Misconfigured) as caught:
        Brand.load(Files(name="", sender="zoe", colour="green", time_zone="Paris", slogan="x", privacy_url="here"))
    faults = "\n".join(caught.value.faults)
    for part in ("name is missing", "'zoe'", "'green'", "'Paris'", "'slogan'", "privacy_url"):
        assert part in faults
    assert len(caught.value.faults) == 6


@pytest.mark.parametrize(("colour", "ink"), [("#000000", "#ffffff"), ("#ffffff", "#000000"), ("#8a3b12", "#ffffff")])
def test_text_on_the_brand_colour_can_be_read(colour: str, ink: str) -> None:
    """Buttons are black or white on the brand's colour, whichever has more contrast."""
    assert Brand.load(Files(colour=colour)).ink == ink


def test_the_readme_explains_every_key() -> None:
    """The operator's page knows every key of brand.yaml."""
    readme = Data().read("templates/README.md").decode()
    assert all(f"| `{key}` |" in readme for key in OWN)


@pytest.mark.parametrize(
    ("country", "said"),
    [("UK", "write GB"), ("fr", "write FR"), ("Germany", "write DE"), ("XX", "(ISO 3166)"), ("F", "two capitals")],
)
def test_a_country_that_is_none_is_told_with_the_one_meant(country: str, said: str) -> None:
    """Of a code that nobody has, customers would be asked by the law of nowhere."""
    with pytest.raises(Misconfigured) as refused:
        Brand.load(Files(country=country))
    assert f"country {country!r}" in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("line", "key", "text"),
    [("country: NO", "country", "NO"), ("language: no", "language", "no"), ("name: On", "name", "On")],
)
def test_a_word_stays_the_word_it_is(line: str, key: str, text: str) -> None:
    """`country: NO` is Norway to who writes it, and false to YAML."""
    assert getattr(Brand.load(Lines({key: line})), key) == text


@pytest.mark.parametrize("line", ["logo:", "logo: ~", "logo: null", 'logo: ""'])
def test_nothing_is_nothing_however_it_is_written(line: str) -> None:
    """A brand without a logo says so in any of YAML's ways."""
    assert Brand.load(Lines({"logo": line})).logo == ""
