"""The demo's year through the real use cases: every channel is in it, its books add up, and a seed gives one year."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from workers import app, settings
from workers.demo import Demo, DemoResult
from workers.demo.own_rules import FOLDER
from workers.demo.start import demo_settings
from workers.demo.summary import figures, waterfall
from workers.domain.attributes import FILE
from workers.domain.reporting import Filters
from workers.usecases.report.accounts import report

SEED, CUSTOMERS = 5, 14
SECRET = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="
CARRIER = "twilio://AC0123456789:token@+33700000000"


@dataclass(frozen=True)
class Played:
    """A year that was played twice, and the counts of its waterfall."""

    first: DemoResult
    again: DemoResult
    counts: dict[str, dict[str, int]]
    accounts: dict[str, object]
    home: Path


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play a small year twice, each in a home of its own: the first with a carrier and a receiver of webhooks set."""
    home = tmp_path_factory.mktemp("demo")
    first = play(
        tmp_path_factory.mktemp("first"),
        BOUCLE_SMS_URL=CARRIER,
        BOUCLE_WEBHOOK_URL="https://crm.example/hook",
        BOUCLE_WEBHOOK_SECRET=SECRET,
    )
    again = play(home)
    boucle = app.Boucle(demo_settings(settings.read({"BOUCLE_HOME": str(home)}), SEED))
    with boucle.store.reading() as connection:
        counts = figures(connection)
        policy = boucle.policies.current()
        accounts = report(connection, Filters(), boucle.now(), policy.attributes)
    yield Played(first, again, counts, accounts, home)
    boucle.store.close()


def play(home: Path, **more: str) -> DemoResult:
    """Play the year in a home."""
    read = settings.read({"BOUCLE_HOME": str(home), **more})
    return Demo(read, seed=SEED, customers=CUSTOMERS, tell=lambda share: None).run()


def test_the_same_seed_gives_the_same_books(played: Played) -> None:
    """Two plays of a seed end with one digest in any home, whatever an operator has set: a demo reaches nobody."""
    assert played.first.digest == played.again.digest
    assert (played.first.sums_hold, played.again.sums_hold) == (True, True)
    assert len((played.home / "sms.jsonl").read_text("utf-8").splitlines()) == sum(played.counts["sms"].values())


def test_customers_are_asked_and_answer_by_mail_by_sms_and_on_the_site(played: Played) -> None:
    """Each way is in the year and in the summary that the demo prints, with what customers wrote back."""
    assert set(played.counts["asked by"]) == {"mail", "sms", "web"}
    assert set(played.counts["answered by"]) == {"mail", "sms", "web"}
    assert sum(played.counts["replies"].values()) > 0
    assert {"skipped: not_selected", "skipped: not_sampled"} <= set(played.counts["reasons"])
    assert sum(played.counts["asked"].values()) == played.counts["touchpoints"]["asked"]
    printed = "\n".join(waterfall(played.counts))
    assert " mail + " in printed
    assert "replies" in printed


def test_whoever_is_at_the_till_answers_and_what_is_played_with_it_is_kept_apart(played: Played) -> None:
    """They stand beside the others, in a line of their own."""
    at_places = played.counts["at places"]
    assert (at_places["counted"] > 40, at_places["kept apart"] > 5) == (True, True)
    assert "at places" in "\n".join(waterfall(played.counts))


def test_hotels_and_decorators_are_accounts(played: Played) -> None:
    """Who buys for one is of it, and the report of accounts has something to say."""
    assert 0 < int(str(played.accounts["accounts"])) <= int(str(played.accounts["people"])) < CUSTOMERS
    assert int(str(played.accounts["accounts_answered"])) > 0


def test_the_lamp_shops_rules_are_a_folder_and_an_operators_own_are_left_alone(played: Played, tmp_path: Path) -> None:
    """What the demo goes by lies in its home, to edit; where BOUCLE_OVERRIDES names a folder, that one counts."""
    assert (played.home / FOLDER / FILE).is_file()
    own = settings.read({"BOUCLE_HOME": str(tmp_path), "BOUCLE_OVERRIDES": str(tmp_path)})
    assert demo_settings(own, SEED).overrides == tmp_path
