"""The lamp shop's own rules, through Kafka, PostgreSQL and a mail server: the year has the books of the embedded one.

Those rules have what the shipped ones leave to each company: SMS, the site, the till, accounts, ratings, samples, what
comes round and what waits for support. As an operator plays it, by the command.
"""

import json
import os
import subprocess
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import pytest
from demoyear import CUSTOMERS, SEED, counted, play, played_in, rows_of
from mailcatcher import MailCatcher
from parts import fresh_name
from worlds import BOUCLE

from workers.adapters import kafka as topics
from workers.domain.invariants import difference
from workers.errors import NotNow
from workers.store.engine import Store

SECONDS = 500


@pytest.mark.timeout(SECONDS + 100)  # some half a minute on a machine with nothing else to do
def test_the_lamp_shops_rules_give_the_same_books_on_real_parts(
    kafka: str, postgres: str, smtp_catcher: MailCatcher, tmp_path: Path
) -> None:
    """Everything that those rules do has happened, row by row as embedded, and each mail left once."""
    embedded = play(tmp_path / "embedded")
    prefix = fresh_name("shop") + "-"
    real = play_by_command(
        tmp_path,
        BOUCLE_HOME=str(tmp_path / "real"),
        BOUCLE_KAFKA_BOOTSTRAP=kafka,
        BOUCLE_DATABASE_URL=postgres,
        BOUCLE_SMTP_URL=smtp_catcher.url,
        BOUCLE_TOPIC_PREFIX=prefix,
    )
    with suppress(NotNow), topics.admin(kafka) as client:
        client.delete_topics([name for name in client.list_topics() if name.startswith(prefix)])
    assert real["parts"] == {"transport": "kafka", "database": "postgresql", "mail": "smtp"}
    with closing(played_in(tmp_path / "embedded").store) as here, closing(Store(postgres)) as there:
        assert list(difference(rows_of(here), rows_of(there)))[:20] == []
        with there.reading() as connection:
            assert [name for name, n in counted(connection).items() if not n] == []
    assert (real["digest"], real["sums_hold"]) == (embedded.digest, True)
    ids = Counter(mail.message["Message-ID"] for mail in smtp_catcher.mails)
    assert set(ids.values()) == {1}


def play_by_command(folder: Path, **settings: str) -> dict[str, object]:
    """Play the year by `boucle demo` with some settings, and return the line that it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOUCLE_")}
    arguments = ("demo", "--seed", str(SEED), "--customers", str(CUSTOMERS), "--no-serve", "--format", "json")
    done = subprocess.run(
        [*BOUCLE, *arguments],
        env=environment | {"BOUCLE_BATCH_WAIT": "0.02", **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    line: dict[str, object] = json.loads(done.stdout)
    return line
