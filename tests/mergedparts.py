"""What the tests of merged customers share: one person whom the CRM knows under two ids."""

from datetime import timedelta

from eventparts import NOW, Person

from workers.cloudevents import Event
from workers.domain.customer.merge import merge_customers
from workers.domain.customer.profile import new_customer
from workers.domain.customer_case import CustomerCase

OTHER = "43"


class Pair:
    """A person whom the CRM knows under two ids until it merges them; events after that go to the second."""

    def __init__(self) -> None:
        self.first, self.second = Person(email=None), Person(email=None)
        self.second.case = CustomerCase(new_customer(OTHER, self.second.policy.ids, NOW), self.second.case.work)
        self.merged = False

    def hear(self, event: Event, *, second: bool = False) -> None:
        """Take an event in under one of the two ids."""
        person = self.second if second or self.merged else self.first
        person.hear(event)

    def merge(self) -> None:
        """Merge the first into the second."""
        self.first.case.work = self.second.case.work
        merge_customers(self.first.case, self.second.case)
        changes = self.second.case.work.hand_over()
        assert all(moving.into == self.second.case.id for moving in changes.moved)
        self.merged = True

    def wake(self, at: timedelta) -> None:
        """Let time pass for both."""
        for person in (self.first, self.second) if not self.merged else (self.second,):
            person.wake(NOW + at)
