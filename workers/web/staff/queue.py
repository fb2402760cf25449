"""The queue page: what is planned for the days to come, what is held or left out and why; cancel, send now, pause.

Every act is confirmed on a page that says how many people it touches; if that has changed meanwhile, it asks again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.calendar import in_zone
from workers.domain.explain.engine_words import in_words_of
from workers.domain.explain.names import listed_as as named
from workers.domain.explain.words import sentence
from workers.domain.mail.compose.facts import clean, one_line
from workers.domain.mail.translations import Catalog
from workers.domain.records import Action, Customer, Touchpoint
from workers.domain.survey import support_room
from workers.errors import BadInput
from workers.store.survey.queue import ACTION, TOUCHPOINT, Chosen
from workers.usecases.queue_control import DAYS, LISTED, Day, QueueControl
from workers.usecases.waves.reach import Reach, WaveReach
from workers.web.http.answers.names import in_pieces, why
from workers.web.http.answers.pages import pages_of
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import Parameters, parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import AGENTS, READERS, Form, Visitor, act_for_roles, for_roles, go, language_of, show
from workers.web.staff.times import day, when

PLAYED = 300
"""Customers whom the page plays through the waves to come: some tenths of a second; the command plays them all."""
ACTS = ("cancel", "send_now", "pause", "resume")
PAUSING = ("pause", "resume")


LONGEST_REASON = 600
MOST_COUNTED = 99_999_999


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to do, as it stands in the address of the confirmation."""

    act: str
    kind: str
    name: str
    on: date | None
    key: str

    def query(self) -> str:
        return urlencode({"act": self.act, "kind": self.kind, "name": self.name, "on": self.day(), "key": self.key})

    def day(self) -> str:
        """Return the day as 2026-03-31, "" for a wish about no single day."""
        return self.on.isoformat() if self.on else ""


def wish_of(fields: Form) -> Wish:
    """Return the wish that fields state; raises 404 for one that makes no sense, BadAddress for a day that is none."""
    act, kind, name = fields.get("act", ""), fields.get("kind", TOUCHPOINT), clean(fields.get("name", ""))
    on = Parameters(fields).day("on")
    if act not in ACTS or kind not in (TOUCHPOINT, ACTION) or not name or len(name) > 200:
        raise HTTPException(404)
    return Wish(act, kind, name, on, fields.get("key", ""))


def queue_control_of(request: Request) -> QueueControl:
    web = web_of(request)
    return QueueControl(web.store, web.policy, web.now, web.sending)


@for_roles(READERS)
async def show_queue(request: Request, visitor: Visitor) -> Response:
    """Show the calendar, what is held, and what was left out."""
    return await run_in_threadpool(write_queue, request, visitor)


def write_queue(request: Request, visitor: Visitor) -> Response:
    """Read the outlook and write the page."""
    control, web = queue_control_of(request), web_of(request)
    outlook, today = control.outlook(), control.today()
    reach, zone = Reach(web.store, web.policy, web.now), web.policy().zone
    catalog = pages_of(request).catalog(language_of(request))
    given = parameters_of(request)
    did = given.choice("did", ACTS)
    values = {
        "days": [day_shown(planned_day, today, catalog) for planned_day in outlook.days],
        "most": max((planned_day.total for planned_day in outlook.days), default=0),
        "total": sum(planned_day.total for planned_day in outlook.days),
        "held": [
            (named(step, catalog), why(reason, detail, catalog), count) for step, reason, detail, count in outlook.held
        ],
        "left_out": [
            (named(step, catalog), catalog.text(f"staff.queue.{state}", {}), why(reason, "", catalog), count)
            for step, state, reason, count in outlook.left_out
        ],
        "sending": outlook.sending,
        "sending_reason": in_pieces(sentence(in_words_of(outlook.sending.reason, catalog)), LONGEST_REASON),
        "paused": sorted(outlook.sending.paused),
        "support": support_shown(outlook.support, zone, web.now(), catalog),
        "steps": outlook.steps,
        "quotas": outlook.quotas,
        "named": lambda id: named(id, catalog),
        "ahead": DAYS,
        "waves": [wave_shown(wave, today, zone, catalog) for wave in reach.waves(PLAYED)],
        "did": f"staff.queue.did.{did}" if did else "",
        "did_count": given.number("n", MOST_COUNTED) or 0,
    }
    return show(request, visitor, "queue.html", values)


def support_shown(support: Mapping[str, object], zone: str, now: datetime, catalog: Catalog) -> str:
    """Return whether questions wait for support, and by what figures, in words; empty where none ever does."""
    if support["state"] == support_room.OFF:
        return ""
    if support["state"] == support_room.NOT_COUNTED:
        return catalog.text("staff.queue.support-uncounted", {})
    until = when(datetime.fromisoformat(str(support["until"])), zone, now, catalog)
    figures = {"calls": support["free_calls"], "expected": support["expected_calls"], "until": until}
    if support["questions"]:
        return catalog.text("staff.queue.support-room", {**figures, "questions": support["questions"]})
    return catalog.text("staff.queue.support-busy", {**figures, "waiting": support["waiting"]})


def wave_shown(wave: WaveReach, today: date, zone: str, catalog: Catalog) -> dict[str, object]:
    """Return whom a wave reaches and why not the others, in words."""
    missed = sorted(wave.not_reached.items(), key=lambda item: (-item[1], item[0]))
    return {
        "name": wave.name or wave.id,
        "day": day(in_zone(wave.at, zone).date(), today, catalog),
        "state": wave.state,
        "reached": wave.reached,
        "later": wave.later,
        "support_days": wave.support_days,
        "looked_at": wave.looked_at,
        "customers": wave.customers,
        "missed": [(why(reason, "", catalog), count) for reason, count in missed],
    }


def day_shown(planned_day: Day, today: date, catalog: Catalog) -> dict[str, object]:
    """Return one day of the calendar in words, with its groups and how many people each is planned for."""
    return {
        "iso": planned_day.date.isoformat(),
        "name": day(planned_day.date, today, catalog),
        "total": planned_day.total,
        "planned": [
            {"kind": kind, "name": name, "said": named(name, catalog), "count": count}
            for kind, name, count in planned_day.planned
        ],
    }


@for_roles(READERS)
async def show_people(request: Request, visitor: Visitor) -> Response:
    """Show whom a group of the calendar is planned for."""
    return await run_in_threadpool(write_people, request, visitor)


def write_people(request: Request, visitor: Visitor) -> Response:
    """Read the people of a group and write the page."""
    wish = wish_of({**parameters_of(request).values, "act": "cancel"})
    chosen = chosen_of(request, wish)
    control = queue_control_of(request)
    catalog, web = pages_of(request).catalog(language_of(request)), web_of(request)
    counted = control.count(chosen)

    def shown(row: Touchpoint | Action, customer: Customer) -> dict[str, object]:
        at, key = (row.wake_at, row.journey) if isinstance(row, Touchpoint) else (row.due_at, row.id)
        return {
            "name": one_line(customer.name, 60),
            "id": customer.crm_id or "",
            "when": when(at, web.policy().zone, web.now(), catalog),
            "why": why(row.reason, "", catalog),
            "key": key,
        }

    values = {
        "wish": wish,
        "said": named(wish.name, catalog),
        "people": [shown(*person) for person in control.people(chosen)],
        "counted": counted,
        "listed": LISTED,
        "day": day(wish.on, control.today(), catalog) if wish.on else "",
        "may_look": visitor.user.role in AGENTS,
    }
    return show(request, visitor, "queue-people.html", values)


def chosen_of(request: Request, wish: Wish) -> Chosen:
    """Return the rows that a wish is about; raises 404 for one that makes no sense."""
    try:
        return queue_control_of(request).choose(wish.kind, wish.name, wish.on, wish.key)
    except BadInput as error:
        raise HTTPException(404) from error


@for_roles(READERS)
async def confirm(request: Request, visitor: Visitor) -> Response:
    """Ask whether an act is meant, with the number of people that it touches."""
    return await run_in_threadpool(write_confirm, request, visitor, wish_of(dict(parameters_of(request).values)))


def write_confirm(request: Request, visitor: Visitor, wish: Wish, problem: str = "", status: int = 200) -> Response:
    """Count whom an act touches and write the page."""
    control = queue_control_of(request)
    counted = control.count(chosen_of(request, wish))
    catalog = pages_of(request).catalog(language_of(request))
    values = {
        "wish": wish,
        "said": named(wish.name, catalog),
        "counted": counted,
        "problem": problem,
        "day": day(wish.on, control.today(), catalog) if wish.on else "",
    }
    return show(request, visitor, "queue-confirm.html", values, status=status)


async def again(request: Request, visitor: Visitor, form: Form, problem: str) -> Response:
    """Ask once more, on a fresh page."""
    if not form:
        return go(request, "/queue")
    return await run_in_threadpool(write_confirm, request, visitor, wish_of(form), problem, 403)


@act_for_roles(READERS, again)
async def act(request: Request, visitor: Visitor, form: Form) -> Response:
    """Do what was confirmed, if it still touches as many people; else ask again."""
    return await run_in_threadpool(carry_out, request, visitor, form)


def carry_out(request: Request, visitor: Visitor, form: Form) -> Response:
    """Do it, and go back to the calendar."""
    wish, control, by = wish_of(form), queue_control_of(request), visitor.user.name
    chosen = chosen_of(request, wish)
    counted = control.count(chosen)
    if wish.act not in PAUSING and form.get("people") != str(counted.people):
        return write_confirm(request, visitor, wish, "staff.queue.changed", 409)
    done = counted.people
    if wish.act == "pause":
        control.pause(wish.name, by)
    elif wish.act == "resume":
        control.resume(wish.name, by)
    elif wish.act == "cancel":
        done = control.cancel(chosen, by)
    else:
        done = control.send_now(chosen, by)
    return go(request, f"/queue?did={wish.act}&n={done}")


routes = [
    Route("/queue", show_queue, methods=["GET"]),
    Route("/queue/people", show_people, methods=["GET"]),
    Route("/queue/confirm", confirm, methods=["GET"]),
    Route("/queue/act", act, methods=["POST"]),
]
