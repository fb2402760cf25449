"""The parts that are started on this machine are real, shared and idempotent."""

import os
import signal
import smtplib
import subprocess
from pathlib import Path

import parts
import psycopg
import pytest
from kafka import KafkaConsumer, TopicPartition
from mailcatcher import MailCatcher
from playwright.sync_api import Page

from workers import devservices
from workers.adapters import kafka as topics
from workers.devservices import places
from workers.devservices.places import Running
from workers.errors import Misconfigured, NotNow


def test_a_message_comes_back_from_the_broker(kafka: str, topic_prefix: str) -> None:
    """What is published under a key comes back with its key, value and headers."""
    name = topic_prefix + topics.Topic.EVENTS
    topics.publish(kafka, [topics.Record(name, "c1", b"\xff{}", (("ce_id", b"1"),), partition=3)])
    consumer = KafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", group_id=None)
    consumer.assign([TopicPartition(name, 3)])
    [record] = next(iter(consumer.poll(timeout_ms=20_000).values()))
    consumer.close()
    assert (record.key, record.value, list(record.headers)) == (b"c1", b"\xff{}", [("ce_id", b"1")])


def test_databases_are_empty_and_apart(postgres: str, postgres_server: str) -> None:
    """A test's database is PostgreSQL 18 or later, empty, in UTF-8 with bytewise order, and gone afterwards."""
    with psycopg.connect(postgres) as connection:
        assert connection.info.server_version >= 180000
        assert connection.info.parameter_status("server_encoding") == "UTF8"
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        assert connection.execute("SELECT 'B' < 'a'").fetchone() == (True,)
    with parts.empty_database(postgres_server) as other:
        assert other != postgres
    with pytest.raises(psycopg.OperationalError), psycopg.connect(other):
        pass


def test_starting_again_gives_the_same_parts(kafka: str, postgres_server: str) -> None:
    """A second `up` starts nothing and answers the same addresses; `status` shows both."""
    run = parts.current()
    assert devservices.up(run.home, environment=run.given) == {"kafka": kafka, "postgres": postgres_server}
    states = {row.name: row.state for row in devservices.status(run.home, environment=run.given)}
    assert states["kafka"] in ("running", "given")
    assert states["postgres"] in ("running", "given")


def test_an_address_in_the_environment_is_used_as_it_is(tmp_path: Path) -> None:
    """What the environment names is not started, and `down` does not touch it."""
    environment = {"BOUCLE_KAFKA_BOOTSTRAP": "broker.example:9092", "BOUCLE_DATABASE_URL": "postgresql://db.example/b"}
    services = devservices.up(tmp_path, environment=environment)
    assert services == {"kafka": "broker.example:9092", "postgres": "postgresql://db.example/b"}
    assert devservices.down(tmp_path) == []
    assert {row.state for row in devservices.status(tmp_path, environment=environment)} == {"given", "stopped"}


def test_a_mail_server_starts_keeps_mail_and_stops(tmp_path: Path) -> None:
    """`up smtp` gives a server whose mails can be read from a folder; `down` ends it, twice without a fault."""
    url = devservices.up(tmp_path, ("smtp",), environment={})["smtp"]
    host, port = url.removeprefix("smtp://").split(":")
    with smtplib.SMTP(host, int(port)) as client:
        client.sendmail("shop@example.org", ["reader@example.org"], b"Subject: Bonjour\r\n\r\nText\r\n")
    folder = devservices.mail_folder(tmp_path)
    assert folder is not None
    parts.poll(lambda: any((folder / "new").glob("*")), 30, "the mail in its folder")
    assert devservices.down(tmp_path, discard=True) == ["smtp"]
    assert devservices.down(tmp_path) == []
    assert devservices.mail_folder(tmp_path) is None


def test_addresses_are_told_as_a_shell_reads_them() -> None:
    """The lines of `boucle services up` survive a shell, whatever an address holds."""
    address = "postgresql://postgres@/postgres?host=/tmp/a b&x='1'"
    lines = devservices.shell_lines({"postgres": address, "kafka": "127.0.0.1:9092"})
    assert lines[0] == "BOUCLE_KAFKA_BOOTSTRAP=127.0.0.1:9092"
    shown = subprocess.run(
        ["/bin/sh", "-c", f'{lines[1]}; printf %s "$BOUCLE_DATABASE_URL"'], capture_output=True, text=True, check=True
    )
    assert shown.stdout == address


def test_unknown_parts_are_all_named(tmp_path: Path) -> None:
    """A wrong name is refused with the names that exist."""
    with pytest.raises(Misconfigured) as refused:
        devservices.up(tmp_path, ("kafka", "redis", "oracle"), environment={})
    assert len(refused.value.faults) == 2
    assert "redis" in refused.value.faults[0]
    assert "postgres" in refused.value.faults[0]


def test_a_part_that_dies_is_told_with_its_log(tmp_path: Path) -> None:
    """A program that ends at once is NotNow with the end of its log and what to do next."""
    log = tmp_path / "log"
    pid = places.launch(["/bin/sh", "-c", "echo no room left >&2; exit 3", "the-mark"], log)
    with pytest.raises(NotNow, match="no room left"):
        places.until(lambda: False, Running("", pid, "the-mark", "It", "", str(log)), seconds=20)


def test_a_process_id_that_was_given_out_again_is_left_alone(tmp_path: Path) -> None:
    """Ending never signals a process that does not carry the mark of what was started."""
    places.end(Running("", os.getpid(), "no such mark", "It", "", ""), first=signal.SIGKILL)


def test_real_mail_arrives_and_refusals_are_real(real_smtp: parts.RealMail) -> None:
    """Postfix delivers to the folder, answers 550 to `refused-` and 450 to `later-`."""
    host, port = real_smtp.url.removeprefix("smtp://").split(":")
    reader = f"{parts.fresh_name('reader')}@client.example"
    with smtplib.SMTP(host, int(port)) as client:
        client.sendmail("shop@example.org", [reader], "Subject: Été\r\n\r\nText\r\n".encode())
        codes = []
        for refused in ("refused-1@client.example", "later-1@client.example"):
            client.mail("shop@example.org")
            codes.append(client.rcpt(refused)[0])
            client.rset()
    assert codes == [550, 450]
    [mail] = real_smtp.wait_for(reader)
    assert mail["Return-Path"] == "<shop@example.org>"


def test_the_catcher_answers_with_scripted_faults(smtp_catcher: MailCatcher) -> None:
    """Refusals, late refusals and a cut before 250 come as scripted, and a cut mail is kept."""
    smtp_catcher.refuse("no@x.example")
    smtp_catcher.refuse("busy@x.example", "450 4.2.1 Later", times=1)
    smtp_catcher.refuse_data("spam@x.example")
    smtp_catcher.cut_before_250("cut@x.example")
    with smtplib.SMTP("127.0.0.1", smtp_catcher.port) as client:
        for address, fault in (("no", smtplib.SMTPRecipientsRefused), ("busy", smtplib.SMTPRecipientsRefused)):
            with pytest.raises(fault):
                client.sendmail("s@x.example", [f"{address}@x.example"], b"Subject: 1\r\n\r\n")
        with pytest.raises(smtplib.SMTPDataError):
            client.sendmail("s@x.example", ["spam@x.example"], b"Subject: 2\r\n\r\n")
        client.sendmail("s@x.example", ["busy@x.example"], b"Subject: 3\r\n\r\n")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail("s@x.example", ["cut@x.example"], b"Subject: 4\r\n\r\n")
    with smtplib.SMTP("127.0.0.1", smtp_catcher.port) as client:
        client.sendmail("s@x.example", ["cut@x.example"], b"Subject: 4\r\n\r\n")
    assert [mail.message["Subject"] for mail in smtp_catcher.wait_for(3)] == ["3", "4", "4"]
    assert smtp_catcher.attempts["busy@x.example"] == 2


def test_a_page_opens_in_a_real_browser(page: Page) -> None:
    """Chromium renders and runs a page."""
    page.set_content("<title>Boucle</title><script>document.title += 'r'</script>")
    assert page.title() == "Boucler"
