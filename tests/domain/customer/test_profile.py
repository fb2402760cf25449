"""What is known of a customer: the latest word by its own time counts, an opt-out is for ever, two may be one."""

from eventparts import DAY, NOW, Person, an_event, asked, say, settle

from workers.domain.customer.profile import customer_id, opt_out
from workers.domain.mailbox_keys import address_key
from workers.domain.records import Action, Suppression, SurveyRequest, Touchpoint
from workers.structs import replace


def test_the_latest_word_on_each_field_counts() -> None:
    """By the event's own time, field by field, in any order of arrival."""
    person = Person(email=None)
    person.hear(
        an_event("changed", NOW - DAY, customer={"name": "New", "email": "new@example.org"}),
        an_event("changed", NOW - 3 * DAY, customer={"name": "Old", "phone": "+33 1"}),
        an_event("changed", NOW - 2 * DAY, customer={"email": None, "language": "fr"}),
    )
    who = person.case.customer
    assert (who.name, who.email, who.phone, who.language) == ("New", "new@example.org", "+33 1", "fr")


def test_a_field_that_an_event_does_not_name_stays() -> None:
    """Only what is said changes; null clears."""
    person = Person()
    person.hear(
        an_event("changed", NOW, customer={"name": "Camille"}), an_event("delivery", NOW, customer={"phone": None})
    )
    assert (person.case.customer.email, person.case.customer.name) == ("42@example.org", "Camille")


def test_the_same_word_again_changes_nothing() -> None:
    """No write for nothing new."""
    person = Person()
    event = an_event("changed", NOW, customer={"name": "Camille", "may_promote": True})
    person.hear(event)
    assert not person.hear(event)


def test_of_two_words_of_one_instant_any_order_agrees_on_one() -> None:
    """And where it is about permission, on the one that is safe."""
    profiles = set()
    for first, second in (("a", "b"), ("b", "a")):
        person = Person(email=None)
        for name in (first, second):
            person.hear(an_event("changed", NOW, customer={"name": name, "may_promote": name == "a"}, id=name))
        profiles.add((person.case.customer.name, person.case.customer.may_promote))
    assert profiles == {("b", False)}


def test_a_key_says_nothing_about_the_customer_and_is_always_the_same() -> None:
    """Two writers who meet somebody new agree; the key does not hold the CRM's id."""
    ids = Person().policy.ids
    assert customer_id("42", ids) == customer_id("42", ids) != customer_id("43", ids)
    assert address_key(" A@Example.org", ids) == address_key("a@example.ORG ", ids)


def test_an_opt_out_is_at_once_and_for_ever() -> None:
    """What is planned is cancelled, what has not left is called back, the address is suppressed."""
    person, request = asked()
    person.case.know(replace(request, sent_at=None))
    person.hear(an_event("purchase", NOW, reference="2", delivery_expected=True))
    changes = person.do(lambda: opt_out(person.case, how="customer"))
    assert person.case.customer.opted_out_at == NOW
    assert {str(touchpoint.state) for touchpoint in person.rows(Touchpoint) if touchpoint.step != "delivery-now"} == {
        "cancelled"
    }
    assert sorted(str(cancellation.mail_class) for cancellation in changes.cancelled) == ["promotion", "survey"]
    assert [(str(row.state), row.reason) for row in person.rows(SurveyRequest)] == [("withdrawn", "opted_out")]
    (suppressed,) = [row for row in changes.rows_added() if isinstance(row, Suppression)]
    assert (suppressed.kind, suppressed.address) == ("opt_out", address_key("42@example.org", person.policy.ids))
    person.now = NOW + DAY
    assert not person.do(lambda: opt_out(person.case, how="customer"))


def test_an_opt_out_reaches_an_address_that_is_learnt_later() -> None:
    """The person said no; whichever address they have."""
    person = Person(email=None)
    person.hear(an_event("opted_out"))
    changes = person.hear(an_event("changed", NOW, customer={"email": "late@example.org"}))
    kept = [row.address for row in changes.rows_added() if isinstance(row, Suppression)]
    assert kept == [address_key("late@example.org", person.policy.ids)]


def test_an_opt_out_after_a_question_that_left_takes_its_answer_all_the_same() -> None:
    """Whoever answers first and stops then is still heard."""
    person, request = asked()
    person.do(lambda: opt_out(person.case, how="customer"))
    assert [str(row.state) for row in person.rows(SurveyRequest)] == ["open"]
    say(person, request, 2)
    settle(person)
    assert [action.name for action in person.rows(Action)] == ["urgent_contact"]


def test_an_opt_out_keeps_the_service_that_waits() -> None:
    """A call that a rule lets wait is still made; a question that waits is not asked."""
    person, request = asked()
    say(person, request, 8)
    settle(person)
    (question,) = person.rows(Action)
    call = replace(question, id="a-call", name="call_back", template="")
    thanks = replace(question, id="a-thanks", name="thank_you", template="thanks")
    for waiting in (call, thanks):
        person.case.know(waiting)
    person.do(lambda: opt_out(person.case, how="customer"))
    assert {action.name: str(action.state) for action in person.rows(Action)} == {
        "improvement_question": "cancelled",
        "call_back": "planned",
        "thank_you": "planned",
    }
