"""Everything that operators edit is on one list: taken over while Boucle runs, or refused with a reason."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded import START, Embedded, journey
from starlette.testclient import TestClient

from workers.adapters.text_files import AT_START, LIVE, WATCHED, watch_of
from workers.roles import web_of
from workers.store.ledger import Taken
from workers.web.app import create_app

HOME = Path(__file__).parents[3]
KINDS = ("rules", "templates", "schemas")
PLAN, SCORES = (("P42D", "P43D"), ("P42D", "soon")), ((";PT4H;", ";PT2H;"), (";<28d;0-6", ";<28d;1-6"))
SALE, TEXT = "\nshop.sold;{};purchase\n", 'msgid "tables.too-large"\nmsgstr "'
SHOP = "\nshop: {{origins: [https://shop.example], triggers: {{{}: yes}}}}\n"
GOOD_AND_BAD: dict[str, tuple[str, tuple[str, str], tuple[str, str]]] = {
    "rules/journey-plan/": ("rules/journey-plan/rules.csv", *PLAN),
    "rules/follow-up/": ("rules/follow-up/rules.csv", *SCORES),
    "rules/journey-plan-candidate/": ("rules/journey-plan-candidate/rules.csv", *PLAN),
    "rules/follow-up-candidate/": ("rules/follow-up-candidate/rules.csv", *SCORES),
    "rules/calendar.yaml": ("rules/calendar.yaml", ("09:00", "08:00"), ("09:00", "25:00")),
    "rules/root-causes.yaml": ("rules/root-causes.yaml", ("delivery:", "deliveries:"), ("delivery:", "Delivery!:")),
    "rules/attributes.yaml": (
        "rules/attributes.yaml",
        ("", "\nplan: {type: text, values: [pro]}\n"),
        ("", "\nplan: {type: string}\n"),
    ),
    "rules/countries.csv": ("rules/countries.csv", ("DE;notice", "DE;consent"), ("DE;notice", "DE;notise")),
    "rules/places.yaml": (
        "rules/places.yaml",
        ("", "\ndoor: {kind: qr, label: Door}\n"),
        ("", "\ndoor: {kind: qrcode, label: Door}\n"),
    ),
    "rules/sites.yaml": ("rules/sites.yaml", ("", SHOP.format("call")), ("", SHOP.format("cal"))),
    "rules/drivers.yaml": (
        "rules/drivers.yaml",
        ("", "\nstaff: {name: {en: Staff, fr: Equipe}}\n"),
        ("", "\nstaff: {name: {en: Staff}}\n"),
    ),
    "rules/events.csv": ("rules/events.csv", ("", SALE.format("journey")), ("", SALE.format("jorney"))),
    "templates/brand.yaml": ("templates/brand.yaml", ("name:", "name: Atelier #"), ("sender:", "sender: nobody #")),
    "templates/wordings.yaml": ("templates/wordings.yaml", ("  2:", "  3:"), ("score.0:", "score.11:")),
    "templates/catalogs/": ("templates/catalogs/en.po", (TEXT, f"{TEXT}Sorry: "), (TEXT, TEXT + "{0} ")),
    "templates/mail/": ("templates/mail/thanks/mail.txt", ("{%", "{# more #}{%"), ("{%", "{% nothing %}{%")),
    "templates/layout/": ("", ("", "{# more #}"), ("", "{% nothing %}")),
}
"""For each place: a file, a change that is taken, and one that is refused. An empty text stands for the end."""


class Edited(Embedded):
    """An installation all of whose files the test may edit."""

    def __init__(self, folder: Path) -> None:
        self.own = folder / "own"
        for kind in KINDS:
            shutil.copytree(HOME / kind, self.own / kind)
        for table in ("journey-plan", "follow-up"):
            shutil.copytree(HOME / "rules" / table, self.own / "rules" / f"{table}-candidate")
        super().__init__(folder / "home", START, overrides=str(self.own), settling_seconds="0")

    def change(self, name: str, old: str, new: str) -> bytes:
        """Replace a text of a file once, or add to its end; let Boucle look, and return what the file held."""
        path = self.own / name
        before = path.read_bytes()
        text = before.decode()
        assert old in text
        path.write_text(text.replace(old, new, 1) if old else text + new, "utf-8")
        self.look()
        return before

    def look(self) -> bool:
        """Let Boucle look, as its roles do every two seconds."""
        return self.parts.look_at_rules()

    def refused(self) -> str:
        """Return what is refused, in one text."""
        refusals = self.parts.policies.refused()
        return "; ".join(f"{name}: {' '.join(refusal.faults)}" for name, refusal in refusals.items())


@pytest.fixture(scope="module")
def boucle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    """Give one installation for all tests here: each leaves it as it was."""
    made = Edited(tmp_path_factory.mktemp("live"))
    yield made
    made.close()


def test_every_file_is_on_the_list() -> None:
    """Whatever ships to be edited is watched, or named as what a start takes over; so says the operator's page."""
    page = (HOME / "rules" / "README.md").read_text("utf-8")
    for kind in KINDS:
        for file in (HOME / kind).rglob("*"):
            name = file.relative_to(HOME).as_posix()
            if file.is_file() and file.name != "README.md" and "__" not in name:
                assert watch_of(name), name
    for place, taken in WATCHED.items():
        assert f"| `{place}` | {taken} |" in page


@pytest.mark.parametrize("place", [place for place, taken in WATCHED.items() if taken == LIVE])
def test_an_edit_is_taken_over_or_refused_with_its_reason(boucle: Edited, place: str) -> None:
    """A bad edit is told and what was in use goes on; undone, nothing is refused; a good one is taken over."""
    name, good, bad = GOOD_AND_BAD[place]
    name = name or next(f"{place}{file.name}" for file in sorted((boucle.own / place).iterdir()) if file.is_file())
    before = boucle.change(name, *bad)
    assert boucle.refused()
    (boucle.own / name).write_bytes(before)
    boucle.look()
    assert not boucle.refused()
    boucle.change(name, *good)
    assert not boucle.refused()
    (boucle.own / name).write_bytes(before)
    assert boucle.look()
    assert not boucle.look()


@pytest.mark.parametrize("place", [place for place, taken in WATCHED.items() if taken == AT_START])
def test_what_only_a_start_takes_over_is_told(boucle: Edited, place: str) -> None:
    """The edit is named, with what to do; undone, it is forgotten."""
    name = next(path for path in sorted((boucle.own / place).rglob("*")) if path.is_file()).relative_to(boucle.own)
    before = boucle.change(str(name), "", "\n")
    assert "start Boucle again" in boucle.refused()
    (boucle.own / name).write_bytes(before)
    boucle.look()
    assert not boucle.refused()


def test_brand_texts_and_events_are_used_at_once(boucle: Edited) -> None:
    """The next mail and page bear the new name and text, and the next event of a new type is understood."""
    app = create_app(web_of(boucle.parts))
    client = TestClient(app, base_url="http://127.0.0.1:8080", client=("127.0.0.1", 50_000))
    assert "Atelier Neuf" not in client.get("/login").text
    style = client.get("/static/brand.css").text
    kept = [
        ("templates/brand.yaml", boucle.change("templates/brand.yaml", "name:", "name: Atelier Neuf #")),
        ("templates/brand.yaml", boucle.change("templates/brand.yaml", "colour:", "colour: '#123456' #")),
        ("rules/events.csv", boucle.change("rules/events.csv", "", "\nshop.delivered;journey;delivery\n")),
    ]
    assert "Atelier Neuf" in client.get("/login").text
    assert client.get("/static/brand.css").text != style
    event = journey("delivery", "ann", START, reference="o-1", label="lamp") | {"type": "shop.delivered"}
    assert [outcome.taken for outcome in boucle.take(event)] == [Taken.ACCEPTED]
    boucle.settle()
    mailbox = boucle.parts.outgoing.mailbox
    assert mailbox is not None
    assert mailbox.count() == 1
    assert "Atelier Neuf" in mailbox.read(mailbox.list(1, 0)[0].id).raw.decode("utf-8", "replace")
    for name, before in reversed(kept):
        (boucle.own / name).write_bytes(before)
    boucle.look()


def test_a_new_template_can_be_named_without_a_start(boucle: Edited) -> None:
    """A table that names a template before it is there is refused; with the template it is taken, in one look."""
    table = "rules/follow-up/rules.csv"
    before = boucle.change(table, ";thanks;", ";thanks-twice;")
    assert "thanks-twice" in boucle.refused()
    mails = boucle.own / "templates" / "mail"
    shutil.copytree(mails / "thanks", mails / "thanks-twice")
    for catalog in (boucle.own / "templates" / "catalogs").glob("*.po"):
        text = catalog.read_text("utf-8")
        catalog.write_text(text + more_texts(text), "utf-8")
    boucle.look()
    assert not boucle.refused()
    assert "thanks-twice" in boucle.parts.policies.known_names().templates  # type: ignore[operator]  # it is given
    shutil.rmtree(mails / "thanks-twice")
    boucle.look()
    assert "templates/mail/thanks-twice is gone" in boucle.refused()
    shutil.copytree(mails / "thanks", mails / "thanks-twice")
    (boucle.own / table).write_bytes(before)
    boucle.look()
    assert not boucle.refused()


def more_texts(catalog: str) -> str:
    """Return the texts of the template `thanks` for one called `thanks-twice`."""
    blocks = [block for block in catalog.split("\n\n") if 'msgid "thanks.' in block]
    return "\n" + "\n\n".join(block.replace('msgid "thanks.', 'msgid "thanks-twice.') for block in blocks) + "\n"
