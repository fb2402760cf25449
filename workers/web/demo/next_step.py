"""What a visitor of a demo can do next, found in what explains their case: for themselves, the team, then the clock.

Reads the explanation only. Must not act.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from workers.calendar import in_zone
from workers.domain.explain.view import Entry
from workers.domain.mail.translations import Catalog
from workers.domain.reporting import RECOVERY
from workers.domain.types import DispatchState
from workers.web.demo.case_addresses import CaseAddresses
from workers.web.http.requests.context import Web

SOON = timedelta(seconds=20)
"""What is due within this time is waited for; what should have come long ago is held, and waits for something else."""
PENDING = ("planned", "held")


@dataclass(frozen=True, slots=True)
class Step:
    """What a visitor can do next: the text `try.next.NAME`, where to do it, and what the text needs."""

    name: str
    url: str = ""
    what: str = ""
    when: str = ""


def listed(story: Entry, name: str) -> list[Entry]:
    """Return what an explanation lists under a name, such as its mails; raises KeyError for a name it has not."""
    return cast("list[Entry]", story[name])


def mails_received(story: Entry) -> list[Entry]:
    """Return the mails that the customer has got, the newest first; not the team's own about a ticket."""
    received = [
        mail
        for mail in listed(story, "mails")
        if mail["kind"] == "mail" and mail["state"] == DispatchState.ACCEPTED and mail["template"] != "ticket"
    ]
    return sorted(received, key=lambda mail: (str(mail["at"]), str(mail["id"])), reverse=True)


def moment(web: Web, catalog: Catalog, at: object) -> str:
    """Return an instant of an explanation (ISO 8601) in the brand's zone, in words."""
    return catalog.moment(in_zone(datetime.fromisoformat(str(at)), web.templates.brand.time_zone))


def is_question(mail: Entry) -> bool:
    """A question asks for a score, also when it is asked again."""
    return str(mail["template"]).startswith("ask-") or mail["template"] == "reminder"


class NextStepFinder:
    """Finds the next step of one case, in a visitor's language."""

    def __init__(self, web: Web, catalog: Catalog, addresses: CaseAddresses) -> None:
        self._web = web
        self._catalog = catalog
        self._addresses = addresses

    def find(self, story: Entry) -> Step:
        """Return what can be done next: what waits for the visitor first, then for the team, then for the clock."""
        finders: tuple[Callable[[Entry], Step | None], ...] = (
            self._unanswered,
            self._settling,
            self._open_ticket,
            self._wanted,
            self._won_back,
            self._waiting,
        )
        return next((next_step for find in finders if (next_step := find(story)) is not None), Step("nothing"))

    def _unanswered(self, story: Entry) -> Step | None:
        waiting = {request["id"] for request in listed(story, "survey_requests") if request["state"] == "open"}
        questions = (mail for mail in mails_received(story) if mail["request"] in waiting and is_question(mail))
        answer_url = self._web.links.answer_url
        return next(
            (Step("mail", self._addresses.to_act_on(mail, answer_url(str(mail["request"])))) for mail in questions),
            None,
        )

    def _settling(self, story: Entry) -> Step | None:
        settling = any(response["state"] == "settling" for response in listed(story, "responses"))
        return Step("settling") if settling else None

    def _open_ticket(self, story: Entry) -> Step | None:
        open_tickets = [ticket for ticket in listed(story, "tickets") if ticket["state"] != "done"]
        if not open_tickets:
            return None
        due = moment(self._web, self._catalog, open_tickets[0]["due_at"])
        return Step("ticket", self._addresses.ticket(open_tickets[0]), when=due)

    def _wanted(self, story: Entry) -> Step | None:
        """Return the mail that asks for words and has none yet."""
        asked = {str(entry["response"]) for entry in listed(story, "testimonials") if entry["state"] == "asked"}
        silent = {str(entry["id"]) for entry in listed(story, "responses") if not entry["improvement"]}
        for mail in mails_received(story):
            template, response = str(mail["template"]), str(mail["response"])
            if template.endswith("testimonial") and response in asked:
                link = self._web.links.testimonial_url(response)
                return Step("testimonial", self._addresses.to_act_on(mail, link))
            if template.startswith("improve-") and response in silent:
                link = self._web.links.improvement_url(response)
                return Step("improve", self._addresses.to_act_on(mail, link))
        return None

    def _won_back(self, story: Entry) -> Step | None:
        """Return the report, where it counts the visitor among those who answered better after a ticket."""
        scores = {str(response["trigger"]): cast(int, response["score"]) for response in listed(story, "responses")}
        again = scores.pop(RECOVERY, None)
        better = again is not None and any(again > score for score in scores.values())
        return Step("won", self._addresses.staff_page("/report#loop", "ines")) if better else None

    def _waiting(self, story: Entry) -> Step | None:
        """Return what comes due next when the clock moves on."""
        waiting = [(entry["due_at"], entry) for entry in listed(story, "actions") if entry["state"] in PENDING]
        waiting += [(entry["expected_at"], entry) for entry in listed(story, "touchpoints") if entry["expected_at"]]
        if not waiting:
            return None
        due, first = min(waiting, key=lambda pair: str(pair[0]))
        soon = abs(datetime.fromisoformat(str(due)) - self._web.now()) <= SOON
        when = moment(self._web, self._catalog, due)
        return Step("soon" if soon else "clock", what=self._name_in_words(first), when=when)

    def _name_in_words(self, entry: Entry) -> str:
        """Return an action's or a touchpoint's name in the catalog's words; an operator's own one as it is."""
        name = str(entry.get("name") or entry.get("touchpoint"))
        text_id = next((id for id in (f"try.what.{name}", f"report.touchpoint.{name}") if id in self._catalog.ids), "")
        return self._catalog.text(text_id, {}) if text_id else name.replace("_", " ")
