"""A demo's year under test: played in a home, and what each way of asking and answering has left in its books."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from workers import app, settings
from workers.demo import Demo, DemoResult
from workers.demo.start import demo_settings
from workers.demo.text_replies import NUMBER_WORDS, misspelt
from workers.domain.records import (
    Dispatch,
    History,
    PlaceAnswer,
    Response,
    SmsMessage,
    SmsReply,
    SurveyRequest,
    Ticket,
    Touchpoint,
)
from workers.domain.sms.carried import TextReport
from workers.domain.sms.reply import ReplyKind, read_reply
from workers.domain.types import Band, DispatchState, Reason, ReplyUse, TextState
from workers.store import read, tables
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.usecases.customer_actions import CustomerActions
from workers.usecases.intake import Intake
from workers.usecases.operation import status
from workers.usecases.places.place_answers import PlaceAnswers
from workers.usecases.sites.web_questions import WebQuestions
from workers.usecases.sms.inbound import Taken, TextInbox
from workers.usecases.testimonials import Testimonials

SEED, CUSTOMERS = 3972, 20
"""A small shop in which everything happens at least once."""
DELIVERED: tuple[tuple[type, str], ...] = (
    (Intake, "take"),
    (CustomerActions, "answer"),
    (CustomerActions, "improve"),
    (Testimonials, "write"),
    (TextInbox, "take_reply"),
    (WebQuestions, "ask"),
    (WebQuestions, "shown"),
    (WebQuestions, "answer"),
    (WebQuestions, "close"),
    (PlaceAnswers, "answer"),
)
"""What comes from outside, over nets that deliver a second time when they are not sure of the first."""
MISSPELT = frozenset(misspelt(word) for words in NUMBER_WORDS.values() for word in words)


def play(home: Path, **more: str) -> DemoResult:
    """Play the year in a home."""
    return Demo(read_settings(home, **more), seed=SEED, customers=CUSTOMERS, tell=lambda share: None).run()


def deliver_twice(patch: pytest.MonkeyPatch) -> Counter[str]:
    """Have everything delivered twice from now on, and return the count of what is."""
    times: Counter[str] = Counter()
    for owner, name in DELIVERED:
        patch.setattr(owner, name, twice(getattr(owner, name), f"{owner.__name__}.{name}", times))
    return times


def twice(deliver: Callable[..., Any], name: str, times: Counter[str]) -> Callable[..., Any]:
    """Return what delivers, and then delivers the very same again; what is answered first counts."""

    @wraps(deliver)
    def delivered(*args: object, **named: object) -> object:
        answer = deliver(*args, **named)
        deliver(*args, **named)
        times[name] += 1
        return answer

    return delivered


def report_texts(boucle: app.Boucle) -> int:
    """Report every SMS that left as delivered, as its carrier does, and return how many were not yet."""
    with boucle.store.reading() as connection:
        messages = read.rows(connection, SmsMessage, tables.sms_message.c.provider_id != "")
    reports = [TextReport(message.provider_id, TextState.DELIVERED) for message in messages]
    taken = [boucle.text_inbox.take_report(report, messages[0].provider) for report in reports]
    return taken.count(Taken.TAKEN)


def digest_of(store: Store) -> str:
    """Return the fingerprint of a year's books; fails where a sum does not hold."""
    with store.reading() as connection:
        books = status.read_books(connection)
    assert books.ok(), [line for line in books.sums() if not line["ok"]]
    return books.digest()


def read_settings(home: Path, **more: str) -> settings.Settings:
    """Return the settings of an installation in a home."""
    return settings.read({"BOUCLE_HOME": str(home), **more})


def played_in(home: Path, **more: str) -> app.Boucle:
    """Return the installation that a year was played in."""
    return app.Boucle(demo_settings(read_settings(home, **more), SEED))


def rows_of(store: Store) -> list[tuple[str, str]]:
    """Return every comparable row of a year."""
    with store.reading() as connection:
        return list(status.book_rows(connection))


def counted(connection: Connection) -> dict[str, int]:
    """Return how often each thing happened that a demo is to show, by what it is; zero for what never did."""
    return {**asked(connection), **by_sms(connection), **answered(connection), **waited(connection)}


def asked(connection: Connection) -> dict[str, int]:
    """Count questions by how they were asked, and who comes round or was left out of a sample."""
    channels = Counter(request.channel for request in read.rows(connection, SurveyRequest))
    reasons = Counter(touchpoint.reason for touchpoint in read.rows(connection, Touchpoint))
    requests = Counter(
        (request.customer, request.step) for request in read.rows(connection, SurveyRequest) if request.step == "trial"
    )
    mails = read.rows(connection, Dispatch, tables.dispatch.c.template == "reminder")
    return {
        **{f"asked by {channel}": channels[channel] for channel in ("mail", "sms", "web")},
        "reminders that left": sum(mail.state == DispatchState.ACCEPTED for mail in mails),
        "asked on the site, so not by mail": reasons[Reason.ASKED_ON_WEB],
        "left out of the sample": reasons[Reason.NOT_SAMPLED],
        "customers asked again when it came round": sum(n > 1 for n in requests.values()),
    }


def by_sms(connection: Connection) -> dict[str, int]:
    """Count what customers wrote by SMS, and what was written back."""
    replies = read.rows(connection, SmsReply)
    kinds = Counter(read_reply(reply.text).kind for reply in replies)
    messages = Counter(message.message for message in read.rows(connection, SmsMessage))
    return {
        "scores by SMS": kinds[ReplyKind.SCORE],
        "scores with a reason beside them": sum(
            reply.use == ReplyUse.USED and bool(read_reply(reply.text).comment)
            for reply in replies
            if read_reply(reply.text).kind == ReplyKind.SCORE
        ),
        "misspelt replies": sum(reply.text in MISSPELT for reply in replies),
        "asked for the reason": messages["why"],
        "asked once more": messages["again"],
    }


def answered(connection: Connection) -> dict[str, int]:
    """Count answers by where they came from and by what they say beside the score."""
    responses = read.rows(connection, Response)
    places = Counter(bool(answer.held) for answer in read.rows(connection, PlaceAnswer))
    accounts = [row for row in read.rows(connection, Response) if row.customer in of_accounts(connection)]
    named = Counter(response.band for response in responses if response.drivers)
    return {
        "answers by SMS": sum(response.channel == "sms" for response in responses),
        "answers on the site": sum(response.channel == "web" for response in responses),
        "answers at the till": places[False],
        "answers at the till kept apart": places[True],
        "answers of accounts": len(accounts),
        **{f"drivers named by {band}s": named[band] for band in Band},
        "competitors named": sum(bool(response.competitor) for response in responses),
        "ratings after a call": sum(response.question is not None for response in responses),
        "tickets": len(read.rows(connection, Ticket)),
    }


def of_accounts(connection: Connection) -> frozenset[str]:
    """Return the customers who answer for an account."""
    people = connection.execute(sa.select(tables.customer.c.id).where(tables.customer.c.account.is_not(None)))
    return frozenset(str(id) for (id,) in people)


def waited(connection: Connection) -> dict[str, int]:
    """Count questions that waited for support."""
    return {"questions that waited for support": sum(1 for _ in waits(connection))}


def waits(connection: Connection) -> Iterator[History]:
    """Give what the history says of each."""
    yield from read.rows(connection, History, tables.history.c.reason == Reason.SUPPORT_BUSY)
