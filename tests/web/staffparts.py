"""What the tests of the team's pages share: people, a browser-like client that signs in, forms, tickets."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

from argon2 import PasswordHasher
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from starlette.testclient import TestClient
from webparts import HERE, Site, event

from workers.adapters.resources import Data
from workers.domain.records import SurveyRequest, Ticket
from workers.domain.types import TicketState
from workers.usecases.sign_in.accounts import Accounts, Role
from workers.usecases.sign_in.sign_ins import SignIns
from workers.web.http.answers import pages

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
NAMES = {Role.AGENT: "Léa", Role.LEAD: "Nadia", Role.MARKETING: "Marc", Role.OPERATOR: "Olga"}
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Compiled(BytecodeCache):
    """Keeps what Jinja compiled, for every site of this process: compiling all pages takes longer than most tests."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template's code where the same source was compiled before."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code."""
        self._kept[bucket.key, bucket.checksum] = bucket.code


COMPILED = Compiled()


def compiled_once(make: Callable[[Data], Environment]) -> Callable[[Data], Environment]:
    """Return the maker of page environments with the kept code."""

    def made(data: Data) -> Environment:
        environment = make(data)
        environment.bytecode_cache = COMPILED
        return environment

    return made


pages._environment = compiled_once(pages._environment)  # type: ignore[assignment]  # the same shape


class Team:
    """A site with one person of each role and a second agent, Max."""

    def __init__(self, site: Site) -> None:
        self.site = site
        idle = timedelta(minutes=site.web.settings.session_idle_minutes)
        self.people = Accounts(site.parts.store, site.parts.now, CHEAP)
        self.sign_ins = SignIns(site.parts.store, site.parts.now, CHEAP, idle=idle)
        site.app.state.people, site.app.state.sign_ins = self.people, self.sign_ins
        for role, name in NAMES.items():
            self.people.add(name, role, PASSWORD, by="test")
        self.people.add("Max", Role.AGENT, PASSWORD, by="test")

    def client(self, name: str = "") -> TestClient:
        """Return a client, signed in where a name is given; it asks for pages in English."""
        client = self.site.client_from(HERE)
        client.headers["accept-language"] = "en"
        if name:
            answer = client.post("/login", data={"username": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return client

    def low(
        self, subject: str = "42", score: int = 3, comment: str = "It arrived broken", **customer: object
    ) -> Ticket:
        """Have a customer asked and answer with a low score, and return the ticket."""
        fields = {"name": "Camille Roux", "phone": "+33 6 12 34 56 78", **customer}
        self.site.events(
            event("delivery", subject, customer=fields, reference=f"o-{subject}", label=f"order {subject}")
        )
        self.site.settle()
        request = next(request for request in self.site.rows(SurveyRequest) if request.reference == f"o-{subject}")
        assert self.site.parts.customer_actions.answer(request.id, score, comment)
        self.site.clock.at += timedelta(minutes=2)
        self.site.settle()
        return next(ticket for ticket in self.site.rows(Ticket) if ticket.reference == f"o-{subject}")

    def ticket(self, number: int = 1) -> Ticket:
        """Return a ticket as it is now."""
        return next(ticket for ticket in self.site.rows(Ticket) if ticket.number == number)

    def open_numbers(self) -> set[int]:
        """Return the numbers of the tickets that are not done."""
        return {ticket.number for ticket in self.site.rows(Ticket) if ticket.state != TicketState.DONE}


def hidden(html: str) -> dict[str, str]:
    """Return the hidden fields of a page's forms."""
    return {name: unescape(value) for name, value in FIELD.findall(html)}


def act(client: TestClient, number: int, name: str, **fields: str) -> Any:
    """Open a ticket's page and send one of its forms, as a person would."""
    page = client.get(f"/tickets/{number}")
    assert page.status_code == 200
    return client.post(f"/tickets/{number}/{name}", data={**hidden(page.text), **fields})


def words(html: str) -> str:
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))
