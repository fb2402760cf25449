"""Up to three reminders of a question: each at its time, none after an answer, and the last one says so."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

from embedded import START, Embedded, journey
from houses import install
from ownrules import write_plan
from postroom import Postman, mails, sender_of

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import SurveyRequest
from workers.usecases.operation import status

__all__ = ["install"]
DAY = timedelta(days=1)


def plan_with_three(folder: Path) -> Path:
    """Write a journey plan that reminds three times of its question after a delivery."""
    return write_plan(folder, ["reminder 2: wait", "reminder 3: wait"], {"J2": ["P6D", "P9D"]})


def a_day_passes(boucle: Embedded, postman: Postman) -> None:
    """Let the roles do what is due, and a day go by."""
    boucle.parts.scheduler.wake_all()
    asyncio.run(sender_of(boucle, postman).send_all())
    boucle.clock.at += DAY


def last_words(postman: Postman, recipient: str) -> list[bool]:
    """Return of each mail that somebody got whether it says that there will be no other reminder."""
    told = []
    for mail in postman.posted:
        if mail.recipient == recipient:
            part = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",))
            assert part is not None
            told.append("Nous ne vous le rappellerons pas" in part.get_content())
    return told


def test_each_reminder_leaves_at_its_time_and_none_after_an_answer(
    install: Callable[..., Embedded], tmp_path: Path
) -> None:
    """Four, six and nine days after the question; who answers after the first gets no other; the books add up."""
    boucle, postman = install(overrides=str(plan_with_three(tmp_path / "own"))), Postman()
    events = [journey("delivery", who, START, reference=f"order-{who}") for who in ("1", "2")]
    boucle.take(*events)
    for day in range(16):
        a_day_passes(boucle, postman)
        if day == 5:
            (first,) = (request for request in boucle.rows(SurveyRequest) if request.reference == "order-1")
            assert boucle.parts.customer_actions.answer(first.id, 8)
            boucle.take(*events)
    made = list(mails(boucle, "reminder"))
    left = {mail.accepted_at for mail in made if mail.recipient == "2@example.org"}
    assert left == {START + days * DAY for days in (4, 6, 9)}
    assert last_words(postman, "2@example.org") == [False, False, False, True]
    assert last_words(postman, "1@example.org")[:2] == [False, False]
    texts = [message_from_bytes(mail.raw, policy=policy.default) for mail in postman.posted if "2@" in mail.recipient]
    assert len({str(text["subject"]) for text in texts}) == len(texts) == 4
    said = [text.get_body(("plain",)) for text in texts[1:]]
    words = ("attend encore", "arrivée à un mauvais moment", "Avant d'en rester là")
    assert all(part is not None and word in part.get_content() for part, word in zip(said, words, strict=True))
    answered = sorted((str(mail.state), mail.reason) for mail in made if mail.request == first.id)
    assert answered == [("accepted", ""), ("cancelled", "answered"), ("cancelled", "answered")]
    with boucle.store.reading() as connection:
        sums = {line["name"]: line for line in status.read_books(connection).sums()}
    assert all(line["ok"] for line in sums.values())
    (reminders,) = (line for name, line in sums.items() if name.startswith("reminders planned"))
    assert reminders["left"] == len(made) == 6


def test_nobody_who_complains_is_reminded(install: Callable[..., Embedded], tmp_path: Path) -> None:
    """Also after the complaint was closed; one that was over when it was told of changes nothing; the books add up."""
    boucle, postman = install(overrides=str(plan_with_three(tmp_path / "own"))), Postman()
    boucle.take(*(journey("delivery", who, START, reference=f"order-{who}") for who in ("1", "2", "3")))
    for day in range(12):
        a_day_passes(boucle, postman)
        if day in (1, 5):
            boucle.take(journey("complaint_opened" if day == 1 else "complaint_closed", "1", boucle.clock.at))
        if day == 2:
            old = [START - days * DAY for days in (90, 80)]
            boucle.take(journey("complaint_closed", "2", old[1]), journey("complaint_opened", "2", old[0]))
    left = [mail.recipient for mail in mails(boucle, "reminder") if mail.accepted_at]
    assert sorted(left) == ["2@example.org"] * 3 + ["3@example.org"] * 3
    assert [mail.reason for mail in mails(boucle, "reminder") if mail.reason] == ["stopped: complaint_opened"] * 3
    with boucle.store.reading() as connection:
        assert status.read_books(connection).ok()


def test_reminders_that_waited_for_a_mail_server_keep_their_distance(
    install: Callable[..., Embedded], tmp_path: Path
) -> None:
    """A server that puts the first off for days does not get two at once when it is back."""
    boucle, postman = install(overrides=str(plan_with_three(tmp_path / "own"))), Postman()
    boucle.take(journey("delivery", "1", START, reference="order-1"))
    for day in range(15):
        later = SendResult(SendKind.LATER, 450, "4.2.0", 3_600.0)
        postman.answers = {"1@example.org": [later] * 9} if 4 <= day < 8 else {}
        a_day_passes(boucle, postman)
    left = sorted(mail.accepted_at for mail in mails(boucle, "reminder") if mail.accepted_at)
    assert left == [START + days * DAY for days in (8, 10, 13)]
