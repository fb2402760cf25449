"""The demo's year through the real use cases: everything is in it, its books add up, and a seed gives one year.

It is played twice: once as it is, and once with everything that comes from outside delivered two times.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from demoyear import (
    CUSTOMERS,
    DELIVERED,
    SEED,
    counted,
    deliver_twice,
    digest_of,
    play,
    played_in,
    report_texts,
    rows_of,
    waits,
)

from workers import app, settings
from workers.demo import DemoResult
from workers.demo.own_rules import FOLDER
from workers.demo.start import demo_settings
from workers.demo.summary import figures, waterfall
from workers.domain.attributes import FILE
from workers.domain.invariants import difference
from workers.domain.records import SurveyRequest
from workers.domain.reporting import Filters
from workers.store import read
from workers.usecases.report.accounts import report

SECRET = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="
CARRIER = "twilio://AC0123456789:token@+33700000000"


@dataclass(frozen=True)
class Played:
    """A year that was played twice, with the counts of its waterfall and of everything that it is to show."""

    first: DemoResult
    again: DemoResult
    once: app.Boucle
    boucle: app.Boucle
    delivered: Counter[str]
    counts: dict[str, dict[str, int]]
    things: dict[str, int]
    home: Path


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play a small year twice: first with a carrier and a receiver of webhooks set, then with everything delivered
    twice."""
    first_home, home = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("demo")
    first = play(
        first_home,
        BOUCLE_SMS_URL=CARRIER,
        BOUCLE_WEBHOOK_URL="https://crm.example/hook",
        BOUCLE_WEBHOOK_SECRET=SECRET,
    )
    with pytest.MonkeyPatch.context() as patch:
        delivered = deliver_twice(patch)
        again = play(home)
    once, boucle = played_in(first_home), played_in(home)
    with boucle.store.reading() as connection:
        counts, things = figures(connection), counted(connection)
    yield Played(first, again, once, boucle, delivered, counts, things, home)
    once.store.close()
    boucle.store.close()


def test_the_same_seed_gives_the_same_books_and_everything_twice_changes_nothing(played: Played) -> None:
    """One digest in any home, whatever an operator has set, and however often each event, answer, reply, visit and
    closing is delivered: a demo reaches nobody, and each is taken once."""
    assert {f"{owner.__name__}.{name}" for owner, name in DELIVERED} == set(played.delivered)
    differences = difference(rows_of(played.once.store), rows_of(played.boucle.store))
    assert list(differences)[:20] == []
    assert played.first.digest == played.again.digest
    assert (played.first.sums_hold, played.again.sums_hold) == (True, True)
    assert len((played.home / "sms.jsonl").read_text("utf-8").splitlines()) == sum(played.counts["sms"].values())


def test_everything_that_a_customer_may_meet_is_in_a_small_year(played: Played) -> None:
    """SMS with misspelt replies, the site, the till, accounts, reasons by band, a rating after a call,
    reminders, a sample, what comes round and what waits for support: each is counted in its books."""
    assert [name for name, n in played.things.items() if not n] == []
    share = played.things["asked by sms"] / played.counts["touchpoints"]["asked"]
    assert 0.02 < share < 0.2, "one question in twenty by SMS in a large shop"


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
    with played.boucle.store.reading() as connection:
        told = report(connection, Filters(), played.boucle.now(), played.boucle.policies.current().attributes)
    assert 0 < int(str(told["accounts"])) <= int(str(told["people"])) < CUSTOMERS
    assert int(str(told["accounts_answered"])) > 0


def test_only_what_may_wait_for_support_does_and_no_longer_than_it_may(played: Played) -> None:
    """Each question that waited is of a row that says so, and was asked within its bound and a look of the demo."""
    may_wait = played.boucle.policies.current().plan.may_wait
    with played.boucle.store.reading() as connection:
        asked_at = {f"{row.journey}/{row.step}": row.asked_at for row in read.rows(connection, SurveyRequest)}
        began = {wait.subject_id: wait.at for wait in waits(connection)}
    assert {subject.rpartition("/")[2] for subject in began} <= set(may_wait)
    waited = [asked_at[subject] - at for subject, at in began.items() if subject in asked_at]
    assert timedelta(hours=1) < max(waited) <= max(may_wait.values()) + timedelta(days=1)


def test_the_lamp_shops_rules_are_a_folder_and_an_operators_own_are_left_alone(played: Played, tmp_path: Path) -> None:
    """What the demo goes by lies in its home, to edit; where BOUCLE_OVERRIDES names a folder, that one counts."""
    assert (played.home / FOLDER / FILE).is_file()
    own = settings.read({"BOUCLE_HOME": str(tmp_path), "BOUCLE_OVERRIDES": str(tmp_path)})
    assert demo_settings(own, SEED).overrides == tmp_path


def test_a_carriers_reports_come_twice_as_well(played: Played) -> None:
    """Every SMS is reported as delivered: once here and twice there, with the same books. The last one, as it goes on
    from the end of the year."""
    texts = sum(played.counts["sms"].values())
    assert (report_texts(played.once), report_texts(played.boucle), report_texts(played.boucle)) == (texts, texts, 0)
    assert digest_of(played.once.store) == digest_of(played.boucle.store) != played.first.digest
