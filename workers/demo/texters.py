"""The customers whom the shop asks by SMS: they reply as people do, and what was not understood an agent reads."""

from collections.abc import Callable
from datetime import datetime, timedelta

from workers.app import Boucle
from workers.demo import text_replies as replies
from workers.demo.reactions import came_late
from workers.demo.shop import Person
from workers.domain.sms.carried import InboundText
from workers.domain.sms.dialogue import Message
from workers.domain.sms.phone_numbers import international
from workers.store.demo.crowd import ArrivedText

Plan = Callable[[datetime, str, Callable[[], object]], None]
"""Keeps an act for its time, by its natural key."""


class Texters:
    """Customers with a telephone; `plan` keeps what they do for its time, `send` lets the machine's answer leave."""

    def __init__(self, parts: Boucle, seed: int, plan: Plan, send: Callable[[], object]) -> None:
        self._parts = parts
        self._seed = seed
        self._plan = plan
        self._send = send

    def read(self, text: ArrivedText, person: Person, now: datetime) -> None:
        """Plan what a customer replies to one SMS."""
        key = f"{text.step}/{text.reference}"
        said = self._reply(text, person, key)
        if said:
            at = now + replies.delay_of(self._seed, person, key, text.message)
            name = f"{person.id}/{key}/sms/{text.message}"
            self._plan(at, name, lambda: self._say(name, person, said))

    def _reply(self, text: ArrivedText, person: Person, key: str) -> str:
        if text.message in (Message.QUESTION, Message.LINK):
            return replies.reply_to_question(self._seed, person, key, text.survey, text.anchor_at)
        if text.message == Message.WHY and text.score is not None:
            late = came_late(person, text.survey, text.anchor_at)
            return replies.reply_to_why(self._seed, person, key, text.score, late=late)
        if text.message == Message.AGAIN:
            return replies.reply_again(self._seed, person, key, text.survey, text.anchor_at)
        return ""

    def _say(self, name: str, person: Person, said: str) -> None:
        """Write a reply, and have what answers it leave: an hour later it would be worth nothing."""
        number = international(person.phone, self._parts.policies.current().numbers_country)
        if number is not None:
            self._parts.text_inbox.take_reply(InboundText(name, number, said, self._parts.now()))
            self._send()

    def read_by_hand(self, agent: str, before: timedelta) -> None:
        """Have an agent read what has waited for a person for some time."""
        inbox, until = self._parts.text_inbox, self._parts.now() - before
        for reply, _ in inbox.to_read():
            if reply.at <= until:
                inbox.mark_read(reply.id, agent)
