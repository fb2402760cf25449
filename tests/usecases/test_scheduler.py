"""What is due is taken up once, by any number of wakers, whatever breaks for one customer."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from embedded import START, Embedded, about, journey, score

from workers.domain.records import Action, Customer, Decision, Dispatch, Response, SurveyRequest, Ticket, Touchpoint
from workers.store import due, read
from workers.usecases import scheduler
from workers.usecases.delivery import send_controls
from workers.usecases.operation.status import due_work

DAY = timedelta(days=1)


def deliveries(boucle: Embedded, *customers: str, orders: int = 1) -> None:
    """Let some orders of some customers be delivered."""
    for order in range(orders):
        boucle.take(*(journey("delivery", customer, START, reference=f"{customer}/{order}") for customer in customers))


def nothing_due(boucle: Embedded) -> bool:
    """Tell whether nothing is due but what waits to leave."""
    with boucle.store.reading() as connection:
        found, _ = due_work(connection, boucle.clock.now())
    return not any(count for kind, count in found.items() if kind not in ("dispatches", "outbox"))


def side_by_side(boucle: Embedded, count: int = 4) -> None:
    """Let several wakers run at once."""
    barrier = threading.Barrier(count)
    faults: list[BaseException] = []

    def work() -> None:
        try:
            barrier.wait(10)
            boucle.parts.scheduler.wake_all()
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    boucle.parts.scheduler.wake_all()  # whom one of them held while another looked


def asked_per_customer(boucle: Embedded) -> set[int]:
    """Return how many requests the customers have who have any."""
    return set(Counter(request.customer for request in boucle.rows(SurveyRequest)).values())


def test_wakers_at_once_ask_each_customer_once(boucle: Embedded) -> None:
    """Two orders due at the same moment: the rest period is looked at and taken in one step."""
    deliveries(boucle, *(f"c{n}" for n in range(25)), orders=2)
    side_by_side(boucle)
    assert len(boucle.rows(SurveyRequest)) == 25
    assert asked_per_customer(boucle) == {1}
    assert nothing_due(boucle)


def test_wakers_at_once_ask_each_customer_once_on_a_server(postgres: str, install: Callable[..., Embedded]) -> None:
    """On PostgreSQL, where they really run at once."""
    boucle = install(database_url=postgres)
    deliveries(boucle, *(f"c{n}" for n in range(40)), orders=2)
    side_by_side(boucle, 6)
    assert len(boucle.rows(SurveyRequest)) == 40
    assert asked_per_customer(boucle) == {1}
    assert nothing_due(boucle)


def test_answers_settle_once_beside_each_other(postgres: str, install: Callable[..., Embedded]) -> None:
    """One current decision, one ticket, one acknowledgement for each, and numbers without holes."""
    boucle = install(database_url=postgres)
    deliveries(boucle, *(f"c{n}" for n in range(20)))
    boucle.parts.scheduler.wake_all()
    for request in boucle.rows(SurveyRequest):
        assert boucle.parts.customer_actions.answer(request.id, 2)
    boucle.clock.at += timedelta(minutes=2)
    side_by_side(boucle, 6)
    assert [str(decision.state) for decision in boucle.rows(Decision)] == ["current"] * 20
    assert sorted(ticket.number for ticket in boucle.rows(Ticket)) == list(range(1, 21))
    templates = Counter(dispatch.template for dispatch in boucle.rows(Dispatch))
    assert (templates["ack"], templates["ticket"]) == (20, 20)


def test_one_customer_whom_something_breaks_does_not_stop_the_others(
    boucle: Embedded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are taken up in the same round; the broken one is told about, and tried again later."""
    deliveries(boucle, "a", "b", "c")
    (broken,) = [customer.id for customer in boucle.rows(Customer) if customer.crm_id == "b"]
    taking = scheduler.wake

    def breaking(case: Any, *rest: Any) -> Any:
        taking(case, *rest)
        if case.id == broken:
            raise RuntimeError("no such step")

    with monkeypatch.context() as patched:
        patched.setattr(scheduler, "wake", breaking)
        boucle.parts.scheduler.wake_all()
    assert {request.customer for request in boucle.rows(SurveyRequest)} == {
        customer.id for customer in boucle.rows(Customer) if customer.id != broken
    }
    assert any(broken in str(vars(record)) for record in caplog.records)
    assert {record.action for record in caplog.records if record.levelname == "ERROR"} == {"wake.failed"}  # type: ignore[attr-defined]
    boucle.parts.scheduler.wake_all()
    assert len(boucle.rows(SurveyRequest)) == 3


def test_a_broken_customer_does_not_hide_those_who_wait_behind(
    boucle: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are taken up in one round."""
    deliveries(boucle, *(f"c{n}" for n in range(6)))
    broken = {customer.id for customer in boucle.rows(Customer) if customer.crm_id in ("c0", "c1", "c2")}
    taking = scheduler.wake

    def breaking(case: Any, *rest: Any) -> Any:
        if case.id in broken:
            raise RuntimeError("no such step")
        return taking(case, *rest)

    monkeypatch.setattr(scheduler, "CUSTOMERS_A_ROUND", 2)
    monkeypatch.setattr(scheduler, "wake", breaking)
    boucle.parts.scheduler.wake_all()
    assert len(boucle.rows(SurveyRequest)) == 3


def test_a_killed_waker_leaves_nothing_behind(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is leased: what was not committed is due as before."""

    class Killed(BaseException):
        pass

    def dying(*_args: object) -> None:
        raise Killed

    deliveries(boucle, "a", "b")
    with monkeypatch.context() as patched:
        patched.setattr(scheduler, "apply", dying)
        with pytest.raises(Killed):
            boucle.parts.scheduler.wake_all()
    assert boucle.rows(SurveyRequest) == []
    boucle.parts.scheduler.wake_all()
    assert len(boucle.rows(SurveyRequest)) == 2


def test_a_life_in_order_of_time(boucle: Embedded) -> None:
    """Asked, answered, thanked, asked for a testimonial, asked again, closed: each when it is due and not before."""
    boucle.take(journey("purchase", "a", START, reference="1", delivery_expected=True))
    deliveries(boucle, "a")
    seen: list[tuple[int, str]] = []
    known: set[str] = set()
    for day in range(100):
        boucle.clock.at = START + day * DAY
        boucle.settle()
        for request in boucle.rows(SurveyRequest):
            if request.id not in known and request.step == "delivery-now":
                boucle.parts.customer_actions.answer(request.id, 10)
                boucle.clock.at += timedelta(minutes=2)
                boucle.settle()
            known.add(request.id)
        for mail in boucle.rows(Dispatch):
            if mail.accepted_at and mail.id not in known:
                known.add(mail.id)
                seen.append((day, mail.template))
    assert seen == [
        (0, "ask-delivery"),
        (0, "thanks"),
        (10, "testimonial"),
        (42, "ask-in-use"),
        (47, "reminder"),
        (92, "ask-relationship"),
        (97, "reminder"),
    ]
    assert nothing_due(boucle)


def test_nothing_is_due_before_its_time_and_next_due_says_when(boucle: Embedded) -> None:
    """A driver may jump to the next moment and misses nothing."""
    boucle.take(journey("delivery", "a", START, reference="1"))
    boucle.settle()
    with boucle.store.reading() as connection:
        assert due.next_due(connection) == START + 4 * DAY
    boucle.clock.at = START + 4 * DAY - timedelta(seconds=1)
    before = len(boucle.rows(Dispatch)), boucle.rows(SurveyRequest)
    boucle.settle()
    assert (len(boucle.rows(Dispatch)), boucle.rows(SurveyRequest)) == before


@pytest.mark.parametrize("step", ["delivery-now", "delivery-6w"])
def test_a_paused_touchpoint_is_not_asked_and_is_given_up_all_the_same(boucle: Embedded, step: str) -> None:
    """A pause is no excuse for asking about what is long over."""
    boucle.store.write(lambda connection: send_controls.pause(connection, START, "ops", touchpoint=step))
    deliveries(boucle, "a")
    boucle.settle()
    boucle.later(days=43)
    boucle.later(days=20)
    states = {touchpoint.step: (str(touchpoint.state), touchpoint.reason) for touchpoint in boucle.rows(Touchpoint)}
    other = "delivery-6w" if step == "delivery-now" else "delivery-now"
    assert states == {step: ("skipped", "too_late"), other: ("asked", "")}


def test_what_another_holds_is_left_for_the_next_round(postgres: str, install: Callable[..., Embedded]) -> None:
    """A customer in somebody else's transaction is skipped, not waited for."""
    boucle = install(database_url=postgres)
    deliveries(boucle, "a", "b")
    (held,) = [customer.id for customer in boucle.rows(Customer) if customer.crm_id == "a"]
    with boucle.store.engine.begin() as connection:
        read.lock_customers(connection, [held])
        boucle.parts.scheduler.wake_all()
        assert len(boucle.rows(SurveyRequest)) == 1
    boucle.parts.scheduler.wake_all()
    assert len(boucle.rows(SurveyRequest)) == 2


def test_an_answer_settles_while_sending_is_held(install: Callable[..., Embedded]) -> None:
    """Holding mail stops mail, not tickets: whoever is unhappy is called."""
    boucle = install()
    boucle.take(about("changed", "a", customer={"id": "a", "email": "a@example.org"}))
    boucle.store.write(lambda connection: send_controls.pause(connection, START, "ops"))
    boucle.take(journey("delivery", "a", START, reference="1"), score(2, "a", START, trigger="delivery"))
    boucle.settle()
    assert len(boucle.rows(Ticket)) == 1
    assert {str(dispatch.state) for dispatch in boucle.rows(Dispatch)} == {"ready"}
    assert boucle.rows(SurveyRequest) == []
    assert [str(response.state) for response in boucle.rows(Response)] == ["decided"]
    assert [action.name for action in boucle.rows(Action)] == ["urgent_contact"]


def test_a_lasting_collision_of_one_customer_keeps_nobody_waiting(
    boucle: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is there each time is that customer's own end: the others are asked, in this round and in the next."""
    deliveries(boucle, "a", "b", "c")
    (broken,) = [customer.id for customer in boucle.rows(Customer) if customer.crm_id == "b"]
    tries: Counter[bool] = Counter()
    taking = scheduler.wake

    def colliding(case: Any, *rest: Any) -> None:
        taking(case, *rest)
        tries[case.id == broken] += 1
        if case.id == broken:
            case.add(case.customer)  # a row that is there already

    monkeypatch.setattr(scheduler, "wake", colliding)
    boucle.parts.scheduler.wake_all()
    deliveries(boucle, "d")
    before = tries[False]
    boucle.parts.scheduler.wake_all()
    assert tries[False] == before + 1, "whom something broke is taken alone, and splits no round any more"
    for _ in range(3):
        boucle.parts.scheduler.wake_all()
    known = tries[True]
    boucle.parts.scheduler.wake_all()
    assert tries[True] == known, "and is left alone for longer each time"
    asked = {request.customer for request in boucle.rows(SurveyRequest)}
    assert asked == {customer.id for customer in boucle.rows(Customer) if customer.id != broken}


def test_what_somebody_waits_for_comes_before_a_wave_and_the_mornings_questions(
    boucle: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is to be asked, a low score's ticket is opened in the first turn; a stop waits for one turn."""
    deliveries(boucle, "unhappy")
    boucle.parts.scheduler.wake_all()
    (request,) = boucle.rows(SurveyRequest)
    boucle.parts.customer_actions.answer(request.id, 1)
    deliveries(boucle, *(f"c{n}" for n in range(9)))
    boucle.clock.at += timedelta(minutes=2)
    monkeypatch.setattr(scheduler, "CUSTOMERS_A_ROUND", 2)
    boucle.parts.scheduler.wake_all(seconds=0)
    assert len(boucle.rows(Ticket)) == 1
    assert len(boucle.rows(SurveyRequest)) <= 1 + 2
    boucle.parts.scheduler.wake_all()
    assert len(boucle.rows(SurveyRequest)) == 1 + 9
