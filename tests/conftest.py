"""Fixtures for the real parts. A test that takes one of them is marked `real` by itself.

kafka            bootstrap string of a real broker, for the whole run
topic_prefix     a prefix of this test's own whose seven topics exist (12 partitions); they are removed afterwards
postgres         URL of an empty PostgreSQL database of this test's own
postgres_server  URL of the server itself, for a test that needs several databases (parts.empty_database)
smtp_catcher     a mail server in this process: .url .mails .to(address) .wait_for(n)
                 .refuse(address, "450 4.2.1 later", times=2) .refuse_data(address) .cut_before_250(address)
real_smtp        Debian's postfix: .url .mails(address) .wait_for(address, n); shared, so use addresses of your own;
                 addresses `refused-...` get 550, `later-...` get 450
chromium         a Playwright browser (sync API), for the module; while it is open, asyncio.run() does not work in the
                 test's thread, so keep browser tests in modules of their own and run servers in threads or processes
page             a fresh page in a fresh context of that browser

A part is found by its variable (BOUCLE_KAFKA_BOOTSTRAP, BOUCLE_DATABASE_URL) or started once per run, shared by all
processes of pytest-xdist, and stopped at the end. BOUCLE_TEST_HOME=/some/folder keeps the parts running from one run
to the next, which saves seconds while working; `boucle services down` with that folder as BOUCLE_HOME ends them.
A missing part skips the test at home and fails it when CI is set. All other BOUCLE_ variables are hidden from tests.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import hypothesis
import pytest

# Warnings are errors (pyproject.toml), but not those that a library raises about itself, however we call it.
FOREIGN_WARNINGS = (
    # kafka-python 3 reads its protocol files that way on Python 3.11 and 3.12.
    ("(read|open)_text is deprecated", "DeprecationWarning"),
    # Starlette's test client would rather have another client than httpx, which Boucle uses anyway.
    ("Using .httpx. with .starlette.testclient. is deprecated", "Warning"),
)
warnings.filterwarnings("ignore", FOREIGN_WARNINGS[0][0], DeprecationWarning)

import canaries  # noqa: E402
import mailcatcher  # noqa: E402  # after the filter: this import already warns
import parts  # noqa: E402

from workers import devservices  # noqa: E402
from workers.adapters import kafka as topics  # noqa: E402
from workers.errors import NotNow  # noqa: E402
from workers.store import engine as engine_module  # noqa: E402
from workers.store.patience import Patience  # noqa: E402

# A property is no benchmark: on a busy machine one example may take long.
hypothesis.settings.register_profile("boucle", deadline=None)
hypothesis.settings.load_profile("boucle")

# The client of the pages' tests tells each address that it asks for: what it tells is no line of ours.
logging.getLogger("httpx2").setLevel(logging.WARNING)

if TYPE_CHECKING:  # half a second that only browser tests need
    from playwright.sync_api import Browser, Page
    from sqlalchemy.engine import Engine

REAL_FIXTURES = {"kafka", "postgres_server", "real_smtp", "chromium"}


def pytest_configure(config: pytest.Config) -> None:
    """Name the foreign warnings, and choose the folder of this run, in the first process only."""
    for message, category in FOREIGN_WARNINGS:
        config.addinivalue_line("filterwarnings", f"ignore:{message}:{category}")
    if not hasattr(config, "workerinput"):
        parts.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started, in the first process only."""
    if not hasattr(config, "workerinput"):
        parts.finish()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that takes a real part, so that nobody has to remember it."""
    for item in items:
        if REAL_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.real)


@pytest.fixture(autouse=True)
def closed_databases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test left open: from Python 3.13 on, an SQLite connection that is only forgotten is a warning.

    What a fixture of a wider scope opened meanwhile connects again by itself.
    """
    opened: list[Engine] = []
    connect = engine_module.connect

    def remembered(url: str, *patience: Patience) -> "Engine":
        opened.append(connect(url, *patience))
        return opened[-1]

    monkeypatch.setattr(engine_module, "connect", remembered)
    yield
    for engine in opened:
        engine.dispose()


@pytest.fixture(autouse=True)
def silent_about_people() -> Iterator[None]:
    """Fail a test during which a log line told an address, or the id of a person."""
    listener = canaries.Listener()
    logging.getLogger().addHandler(listener)
    yield
    logging.getLogger().removeHandler(listener)
    assert listener.leaked == []


@pytest.fixture(scope="session")
def kafka() -> str:
    """Give the bootstrap string of a real broker."""
    return parts.current().address(devservices.Part.KAFKA)


@pytest.fixture
def topic_prefix(kafka: str) -> Iterator[str]:
    """Give a prefix of this test's own whose topics exist, and remove them afterwards."""
    prefix = parts.fresh_name("t") + "-"
    topics.create(kafka, prefix, replication=1)
    yield prefix
    with suppress(NotNow), topics.admin(kafka) as client:
        client.delete_topics([name for name in client.list_topics() if name.startswith(prefix)])


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """Give the URL of a real server's own database."""
    return parts.current().address(devservices.Part.POSTGRES)


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """Give the URL of an empty database, dropped afterwards."""
    with parts.empty_database(postgres_server) as url:
        yield url


@pytest.fixture
def smtp_catcher() -> Iterator[mailcatcher.MailCatcher]:
    """Give a mail server in this process."""
    catcher = mailcatcher.MailCatcher()
    controller = mailcatcher.serve(catcher)
    yield catcher
    controller.stop()


@pytest.fixture(scope="session")
def real_smtp() -> parts.RealMail:
    """Give the machine's real mail server."""
    return parts.real_mail(parts.current())


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """Give a browser for the module."""
    with parts.browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: "Browser") -> Iterator["Page"]:
    """Give a fresh page, with no cookie of another test."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()
