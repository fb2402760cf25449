"""Where a visitor of a demo goes on: pages for staff, tickets and mails, each by a link that opens for them."""

from dataclasses import dataclass

from starlette.requests import Request

from workers.domain.explain.view import Entry
from workers.usecases.sign_in.accounts import Role
from workers.web.http.answers.banner import HOSTS, players
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import Web
from workers.web.staff.frame import AGENTS, Visitor


@dataclass(frozen=True, slots=True)
class CaseAddresses:
    """The addresses for one visitor; `visitor` is whom they are signed in as, None for nobody."""

    request: Request
    web: Web
    visitor: Visitor | None

    def staff_page(self, path: str, player: str) -> str:
        """Return a page for staff: by a link that signs the visitor in as a player, unless they may see it already."""
        role = self.visitor.user.role if self.visitor else None
        allowed = AGENTS if path.startswith("/tickets") else frozenset[Role](HOSTS)
        if role in allowed:
            return pages_of(self.request).url(path)
        ways = players(self.request, self.web, path, (player,))
        return pages_of(self.request).url(ways[0].url if ways else path)

    def ticket(self, ticket: Entry) -> str:
        """Return the page of a ticket, opened by an agent."""
        return self.staff_page(f"/tickets/{ticket['number']}", "claire")

    def mail(self, mail: Entry) -> str:
        """Return where a mail is read: in the mailbox, or as it was sent when mails leave by a mail server."""
        if self.web.mailbox is None:
            return self.staff_page(f"/sent/{mail['id']}", "ines")
        return pages_of(self.request).url(f"/mailbox/{mail['id']}")

    def to_act_on(self, mail: Entry, link: str) -> str:
        """Return where a mail's link is followed: in the mailbox, or the link itself when mails leave by a server."""
        return link if self.web.mailbox is None else self.mail(mail)
