"""Asked by SMS, answered by SMS: from the plan to the telephone, to the response and the ticket."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from embedded import Embedded, about
from houses import install
from smsparts import NIGHT, NUMBER, OTHER_NUMBER, Shop

from workers.domain.delivery_result import SendKind
from workers.domain.records import (
    Customer,
    Response,
    SmsDialogue,
    SmsMessage,
    SmsReply,
    Suppression,
    SurveyRequest,
    Ticket,
    Touchpoint,
)
from workers.domain.sms.carried import TextReport, TextResult
from workers.domain.types import DialogueState, ReplyUse, RequestState, TextState, TouchpointState
from workers.store import tables
from workers.usecases.operation import inquiry, status
from workers.usecases.sms.inbound import Taken

__all__ = ["install"]


@pytest.fixture
def shop(install: Callable[..., Embedded], tmp_path: Path) -> Iterator[Shop]:
    """Give an installation that asks by SMS; its books hold at the end."""
    shop = Shop(install, tmp_path)
    yield shop
    assert shop.faults_of_books() == []


def test_a_score_with_words_is_an_answer_and_opens_a_ticket(shop: Shop) -> None:
    """ "3 trop tard" settles, is routed like any answer, and the customer is thanked; no mail asks the same."""
    shop.deliver()
    ((number, question),) = shop.telephone.handed
    assert (number, "0" in question, "STOP" in question) == (NUMBER, True, True)
    assert shop.hear("3 trop tard") == Taken.TAKEN
    shop.later(minutes=2)
    (response,) = shop.boucle.rows(Response)
    assert (response.score, response.comment, response.channel, response.n) == (3, "trop tard", "sms", 1)
    assert [ticket.response for ticket in shop.boucle.rows(Ticket)] == [response.id]
    assert shop.messages == {"42 question": "sent", "42 thanks": "sent"}
    assert [row.state for row in shop.boucle.rows(SurveyRequest)] == [RequestState.ANSWERED]


def test_a_csat_question_is_asked_and_answered_on_its_own_scale(
    install: Callable[..., Embedded], tmp_path: Path
) -> None:
    """A 9 of 5 is asked again with the ends of the scale; "4 merci" is an answer, and none of an NPS."""
    shop = Shop(install, tmp_path, question="csat")
    shop.deliver()
    assert "de 1 (" in shop.telephone.handed[0][1]
    assert "recommand" not in shop.telephone.handed[0][1]
    for text in ("9", "4 merci"):
        assert shop.hear(text) == Taken.TAKEN
        shop.later(minutes=2)
    assert "5 (" in shop.telephone.handed[1][1]
    (response,) = shop.boucle.rows(Response)
    assert (response.score, response.question, response.band, response.channel) == (4, "csat", "", "sms")
    assert shop.faults_of_books() == []


def test_a_score_alone_is_asked_why_once(shop: Shop) -> None:
    """The words that follow become the comment of the answer; what comes after them is for a person."""
    shop.deliver()
    for text in ("9", "livraison rapide", "merci"):
        shop.hear(text)
        shop.boucle.clock.at = shop.boucle.clock.at.replace(microsecond=0)
        shop.later(seconds=5)
    (response,) = shop.boucle.rows(Response)
    assert (response.score, response.comment) == (9, "livraison rapide")
    assert shop.messages == {"42 question": "sent", "42 why": "sent", "42 thanks": "sent"}
    assert [(reply.text, customer.crm_id) for reply, customer in shop.boucle.parts.text_inbox.to_read()] == [
        ("merci", "42")
    ]


def test_what_nobody_understands_twice_is_read_by_a_person(shop: Shop) -> None:
    """One more try, then a person; once they have read it, the list is empty, and says by whom."""
    shop.deliver()
    shop.hear("bof", id="1")
    shop.hear("bof", id="2")
    inbox = shop.boucle.parts.text_inbox
    ((reply, _),) = inbox.to_read()
    assert inbox.mark_read(reply.id, "lea")
    assert not inbox.mark_read(reply.id, "max")
    assert inbox.to_read() == []
    (read,) = (row for row in shop.boucle.rows(SmsReply) if row.use == ReplyUse.READ)
    assert (read.text, read.by) == ("bof", "lea")
    assert [row.state for row in shop.boucle.rows(SmsDialogue)] == [DialogueState.HANDED_OVER]
    assert shop.boucle.rows(Response) == []


def test_words_before_a_score_become_its_comment(shop: Shop) -> None:
    """What was said before the number is not lost."""
    shop.deliver()
    shop.hear("colis perdu")
    shop.hear("2")
    (response,) = shop.boucle.rows(Response)
    assert (response.score, response.comment) == (2, "colis perdu")


def test_stop_ends_everything_at_once(shop: Shop) -> None:
    """Who writes STOP is asked nothing more on any channel and gets one confirmation; their number stays as a hash."""
    shop.deliver()
    shop.hear("STOP")
    shop.hear("STOP")
    shop.deliver("42", reference="order-2")
    (customer,) = shop.boucle.rows(Customer)
    assert customer.opted_out_at is not None
    assert shop.messages == {"42 question": "sent", "42 stopped": "sent"}
    assert not any(NUMBER in row.address for row in shop.boucle.rows(Suppression))
    assert {row.kind for row in shop.boucle.rows(Suppression)} == {"opt_out"}


def test_stop_of_a_number_holds_for_whoever_else_has_it(shop: Shop) -> None:
    """The other customer with that number is not asked by SMS any more; explain says why."""
    shop.deliver("42")
    shop.hear("STOP")
    shop.deliver("43")
    assert len(shop.telephone.handed) == 2  # the first question and its confirmation
    requests = {row.customer: (row.state, row.reason) for row in shop.boucle.rows(SurveyRequest)}
    assert (RequestState.UNDELIVERABLE, "suppressed") in requests.values()


def test_a_reply_told_twice_is_one(shop: Shop) -> None:
    """Carriers tell things again; the same reply changes nothing."""
    shop.deliver()
    assert [shop.hear("9", id="SM1") for _ in range(3)] == [Taken.TAKEN, Taken.SAME, Taken.SAME]
    assert len(shop.boucle.rows(SmsReply)) == 1
    assert [response.n for response in shop.boucle.rows(Response)] == [1]


def test_nobody_is_woken_at_night(install: Callable[..., Embedded], tmp_path: Path) -> None:
    """A question that comes due in the evening leaves when a telephone may ring, and answers leave at any hour."""
    shop = Shop(install, tmp_path)
    shop.boucle.clock.at = NIGHT
    shop.deliver()
    assert shop.telephone.handed == []
    shop.later(hours=10, minutes=31)
    assert len(shop.telephone.handed) == 1
    shop.boucle.clock.at = shop.boucle.clock.at.replace(hour=22)
    shop.hear("9")
    assert len(shop.telephone.handed) == 2


def test_an_sms_needs_what_the_law_of_the_country_asks_for(shop: Shop) -> None:
    """Without notice or consent the question waits; consent that is taken back keeps at home what has not left."""
    shop.deliver(survey_consent=False)
    assert {(row.state, row.reason) for row in shop.boucle.rows(Touchpoint) if row.rule == "J2"} == {
        (TouchpointState.HELD, "needs_notice")
    }
    shop.telephone.ends[NUMBER] = TextResult(SendKind.LATER, "", "busy")
    for agreed in (True, False):
        shop.later(minutes=1)
        who = {"id": "42", "survey_consent": agreed}
        shop.boucle.take(about("changed", at=shop.boucle.clock.at, customer=who))
        shop.settle()
    shop.telephone.ends.clear()
    shop.later(minutes=5)
    assert shop.messages == {"42 question": "cancelled"}
    assert [row.reason for row in shop.boucle.rows(SmsMessage)] == ["needs_notice"]


def test_without_a_number_the_question_waits_for_one(shop: Shop) -> None:
    """No number, or one that cannot exist, holds the touchpoint with its reason; a number told later asks."""
    shop.deliver(phone="12")
    assert {(row.state, row.reason) for row in shop.boucle.rows(Touchpoint) if row.rule == "J2"} == {
        (TouchpointState.HELD, "no_number")
    }
    shop.later(minutes=1)
    shop.boucle.take(about("changed", at=shop.boucle.clock.at, customer={"id": "42", "phone": "06 12 34 56 78"}))
    shop.settle()
    assert [number for number, _ in shop.telephone.handed] == [NUMBER]


def test_two_customers_with_one_number_are_not_asked_at_once(shop: Shop) -> None:
    """The second question waits until the first dialogue is over, and then brings a link, because nobody could tell
    whose answer a number is."""
    shop.deliver("42")
    shop.deliver("43")
    assert shop.messages == {"42 question": "sent", "43 question": "ready"}
    shop.later(hours=2)
    assert shop.messages["43 question"] == "ready"
    shop.hear("9 parfait")
    shop.later(hours=1)
    assert shop.messages["43 link"] == "sent"
    assert "/a/" in shop.telephone.handed[-1][1]
    for text in ("3 trop tard", "qui ?", "4"):
        shop.hear(text)
        shop.boucle.clock.at += timedelta(minutes=1)
    assert [response.score for response in shop.boucle.rows(Response)] == [9]
    assert [row.use for row in shop.boucle.rows(SmsReply)][1:] == [ReplyUse.HANDED_OVER] * 3
    shop.hear("STOP")
    assert shop.messages["43 stopped"] == "sent"


def test_a_failure_of_the_carrier_makes_the_question_undeliverable(shop: Shop) -> None:
    """What the carrier refuses for good, and what it reports later, ends the question with the carrier's words."""
    shop.telephone.ends[NUMBER] = TextResult(SendKind.NEVER, "", "400 21211 Invalid 'To' Phone Number")
    shop.deliver("42")
    shop.deliver("43", phone=OTHER_NUMBER)
    (sent,) = (row for row in shop.boucle.rows(SmsMessage) if row.state == TextState.SENT)
    inbox = shop.boucle.parts.text_inbox
    report = TextReport(sent.provider_id, TextState.FAILED, "error 30006")
    assert inbox.take([report, report], "telephone") == [Taken.TAKEN, Taken.SAME]
    assert {row.state for row in shop.boucle.rows(SurveyRequest)} == {RequestState.UNDELIVERABLE}
    assert {row.reason.partition(":")[0] for row in shop.boucle.rows(SurveyRequest)} == {"carrier_failed"}


def test_reports_move_a_message_forward_only(shop: Shop) -> None:
    """Delivered stays delivered when "sent" comes after it; a report of nobody's message changes nothing."""
    shop.deliver()
    (sent,) = shop.boucle.rows(SmsMessage)
    states = [TextState.DELIVERED, TextState.SENT, TextState.FAILED]
    told = [TextReport(sent.provider_id, state) for state in states]
    taken = shop.boucle.parts.text_inbox.take([*told, TextReport("unknown", TextState.SENT)], "telephone")
    assert taken == [Taken.TAKEN, Taken.SAME, Taken.SAME, Taken.NOBODY]
    assert [row.state for row in shop.boucle.rows(SmsMessage)] == [TextState.DELIVERED]


def test_what_may_have_left_never_leaves_again(shop: Shop) -> None:
    """A sender that ends while a message is leaving costs no second one: it is unknown, and a reply still counts."""
    shop.boucle.take()
    shop.telephone.cut = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        shop.deliver()
    shop.telephone.cut = None
    shop.later(minutes=6)
    assert shop.messages == {"42 question": "unknown"}
    assert shop.telephone.handed == []
    assert shop.hear("9") == Taken.TAKEN
    assert [response.score for response in shop.boucle.rows(Response)] == [9]


def test_what_the_carrier_puts_off_is_tried_again(shop: Shop) -> None:
    """A busy carrier is asked again after a while, and the customer gets one message."""
    shop.telephone.ends[NUMBER] = TextResult(SendKind.LATER, "", "429 slow down")
    shop.deliver()
    shop.telephone.ends.clear()
    shop.later(minutes=3)
    assert shop.messages == {"42 question": "sent"}


def test_an_answer_elsewhere_keeps_the_sms_at_home(shop: Shop) -> None:
    """A question that was called back before it left is not sent."""
    shop.telephone.ends[NUMBER] = TextResult(SendKind.LATER, "", "busy")
    shop.deliver()
    shop.boucle.take(about("opted_out", at=shop.boucle.clock.at))
    shop.telephone.ends.clear()
    handed = len(shop.telephone.handed)
    shop.later(minutes=3)
    assert len(shop.telephone.handed) == handed
    assert shop.messages == {"42 question": "cancelled"}


def test_a_trial_reaches_listed_numbers_only(install: Callable[..., Embedded], tmp_path: Path) -> None:
    """While mails go to some addresses only, SMS go to the numbers of a list of their own, and to nobody else."""
    shop = Shop(install, tmp_path, mail_only_to="me@example.org")
    shop.only_to = [OTHER_NUMBER]
    shop.deliver("42")
    shop.deliver("43", phone=OTHER_NUMBER)
    assert [number for number, _ in shop.telephone.handed] == [OTHER_NUMBER]


def test_with_a_carrier_nobody_is_asked_until_somebody_lets_go(
    install: Callable[..., Embedded], tmp_path: Path
) -> None:
    """What leaves the machine starts held, by SMS as by mail; a trial in a file does not."""
    shop = Shop(install, tmp_path, carrier="twilio://AC1:token@+33700000000")
    shop.deliver()
    assert shop.telephone.handed == []
    assert shop.boucle.rows(SurveyRequest) == []
    assert "boucle resume" in shop.boucle.parts.sending.held


def test_two_senders_send_each_message_once(shop: Shop) -> None:
    """Side by side they share the work, and nobody gets a question twice."""
    people = {str(n): f"+336123456{n:02}" for n in range(10, 22)}
    for subject, phone in people.items():
        event_phone = {"phone": phone}
        shop.boucle.take(delivery_of(subject, event_phone))
    shop.boucle.settle()

    async def both() -> None:
        await asyncio.gather(shop.texting().send_all(), shop.texting().send_all())

    asyncio.run(both())
    assert sorted(number for number, _ in shop.telephone.handed) == sorted(people.values())


def delivery_of(subject: str, more: dict[str, str]) -> dict[str, object]:
    """Return a delivery to a customer with more in their profile."""
    from embedded import journey

    event = journey("delivery", subject, reference=f"order-{subject}")
    event["data"]["customer"] |= {"survey_consent": True, **more}
    return event


def test_a_person_who_is_erased_leaves_no_words(shop: Shop) -> None:
    """Numbers, messages and replies of a person who must be forgotten are gone; what was counted stays counted."""
    shop.deliver()
    shop.hear("3 trop tard")
    shop.boucle.take(about("erased", at=shop.boucle.clock.at))
    shop.settle()
    assert {row.text for row in shop.boucle.rows(SmsMessage)} == {""}
    assert {row.text for row in shop.boucle.rows(SmsReply)} == {""}
    assert {(row.number, row.said) for row in shop.boucle.rows(SmsDialogue)} == {("", "")}


def test_explain_tells_the_dialogue(shop: Shop) -> None:
    """Whoever asks what happened reads each message and each reply, in words."""
    shop.deliver()
    shop.hear("3 trop tard")
    with shop.boucle.store.reading() as connection:
        policy, now = shop.boucle.parts.policies.current(), shop.boucle.clock.now()
        told = inquiry.explain(connection, "customer", "42", now, policy)
    assert told is not None
    lines = [str(entry["reason"]) for entry in told["sms"]]  # type: ignore[attr-defined]  # a list of entries
    assert lines[0] == "Answered by SMS."
    assert lines[1].startswith("An SMS was sent: \u201c")
    assert lines[-1] == "The customer wrote by SMS: \u201c3 trop tard\u201d."


FAULTS = {
    "dialogues by SMS =": "DELETE FROM sms_message WHERE message = 'question'",
    "SMS = ready": "UPDATE sms_message SET state = 'lost' WHERE message = 'question'",
    "SMS with a text =": "UPDATE sms_message SET text = '' WHERE message = 'question'",
    "replies by SMS =": "UPDATE sms_reply SET use = 'lost'",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_its_sum(shop: Shop, name: str) -> None:
    """A message or a reply that was lost, or changed by hand, makes its sum fail."""
    shop.deliver()
    shop.hear("3 trop tard")
    with shop.boucle.store.engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql(FAULTS[name])
        failing = [line["name"] for line in status.read_books(connection).sums() if not line["ok"]]
        transaction.rollback()
    assert [line for line in failing if line.startswith(name)]


def test_every_dialogue_row_has_its_place() -> None:
    """What is said between us and a customer lies with the customer."""
    for table in (tables.sms_dialogue, tables.sms_message, tables.sms_reply):
        assert "customer" in table.primary_key.columns
