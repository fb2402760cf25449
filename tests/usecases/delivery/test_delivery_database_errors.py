"""A database that fails while a mail is prepared: that is the database's fault, and costs no mail and no minute."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from embedded import Embedded, score
from postroom import Postman, mails, sender_of

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.types import DispatchState
from workers.errors import NotNow
from workers.store.delivery import mail_servers
from workers.usecases.delivery import mail_server

AWAY = SendResult(SendKind.LATER, 0, "the mail server is away: Connection refused", everyone=True)


@contextmanager
def failing(boucle: Embedded, words: str) -> Iterator[None]:
    """Let every statement with these words fail as SQLite does when its disk does."""

    def fail(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if words in statement:
            raise sa.exc.OperationalError(statement, {}, sqlite3.OperationalError("disk I/O error"))

    sa.event.listen(boucle.store.engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        sa.event.remove(boucle.store.engine, "before_cursor_execute", fail)


@pytest.fixture
def unhappy(boucle: Embedded) -> Embedded:
    """Give an installation with an unhappy customer, whose ticket is not told yet."""
    customer = {"id": "42", "email": "42@example.org", "name": "Camille Roux"}
    boucle.take(score(2, customer=customer))
    boucle.parts.scheduler.wake_all()
    return boucle


def test_a_mail_that_the_database_would_not_let_be_written_leaves_later(unhappy: Embedded) -> None:
    """A ticket that cannot be read now makes no mail about it one that can never be written."""
    postman = Postman()
    sender = sender_of(unhappy, postman)
    with failing(unhappy, "FROM ticket"), pytest.raises(NotNow):
        asyncio.run(sender.send_all())
    assert postman.posted == []
    asyncio.run(sender.send_all())
    [told] = mails(unhappy, "ticket")
    assert told.state == DispatchState.ACCEPTED


def test_a_probe_that_nothing_came_of_keeps_nobody_waiting(unhappy: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is back takes mails at once, also when the database failed under the mail that was to ask it."""
    monkeypatch.setattr(mail_server, "FIRST_PAUSE", timedelta(0))
    postman = Postman(always=AWAY)
    sender = sender_of(unhappy, postman)
    asyncio.run(sender.send_some())
    postman.always = None
    with failing(unhappy, "FROM dispatch_body"), pytest.raises(NotNow):
        asyncio.run(sender.send_some())
    with unhappy.store.reading() as connection:
        assert mail_servers.state_of(connection, postman.server).failures
    before = len(postman.posted)
    asyncio.run(sender.send_all())
    assert len(postman.posted) > before
