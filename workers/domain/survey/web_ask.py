"""The question on the company's own pages: whether a customer who is there now may be asked, and what that makes.

The browser only offers the moment. Who rests, has opted out or was asked before is not asked, by the same rules as by
mail; what is asked counts against the same rest period.
"""

from dataclasses import dataclass
from datetime import datetime

from workers.calendar import add_wait, in_zone, parse_wait
from workers.domain.customer_case import CustomerCase
from workers.domain.history import Subject, Why, history
from workers.domain.records import Journey, SurveyRequest, Touchpoint
from workers.domain.reporting.scales import kind_of
from workers.domain.survey.day_quotas import DayQuotas
from workers.domain.survey.planning import (
    SITE_RULE,
    assess,
    channel_of,
    follow_recurrence,
    is_in_share,
    not_selected,
    with_inputs,
)
from workers.domain.survey.request import OF_MAILBOX, dates_of, question_of, quota_full, rest_of, send_request
from workers.domain.types import WEB, Reason, RequestState, TouchpointState
from workers.domain.web_sites import WebSite
from workers.structs import replace

VISITED, PURCHASE = "website_visited", "purchase"
STEP = "web"
"""The touchpoint of a question that a visit planned, and no row of the journey plan."""
TEMPLATE = "ask-web"
"""What it counts as against the rest period of a template; there is no mail of this name."""
GIVES_UP_AFTER = parse_wait("P1D")
LATER = parse_wait("P1D")
"""How long a question that the customer has put off stays away; it comes back once."""
UNSEEN_AFTER = parse_wait("PT1M")
"""How soon a question comes back that no page has shown: the customer had moved on before it came."""
SHOWN, PUT_OFF, AGAIN = "shown", "put_off", "again"
"""What the details of a request keep of it: when it stood on a page, was put off by the customer, and came back."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A moment that a page offered: `trigger` is one of the site's, `reference` what the site's token says."""

    site: WebSite
    trigger: str
    page: str
    reference: str = ""
    language: str = ""


def ask_on_web(case: CustomerCase, visit: Visit, quotas: DayQuotas) -> SurveyRequest | Why:
    """Ask a customer who is on a site now, and return the request; else why not, which is kept in the history."""
    result: SurveyRequest | Why | None = unless_offered(case, visit)
    if result is None:
        earlier = open_question(case)
        result = ask_anew(case, visit, quotas) if earlier is None else ask_again(case, visit, earlier)
    if isinstance(result, Why):
        note_visit(case, visit.site.id, result)
    return result


def ask_anew(case: CustomerCase, visit: Visit, quotas: DayQuotas) -> SurveyRequest | Why:
    """Ask what is due for this visit, or what the visit plans; return why not where the core says no."""
    touchpoint = with_inputs(case, due_for_visit(case) or planned_by_visit(case, visit))
    why = unless_eligible(case, touchpoint)
    if why is None and not quotas.admit(case, touchpoint):
        why = quota_full(case, touchpoint)
    if why is not None:
        return why
    request = asked(case, touchpoint, visit)
    follow_recurrence(case)
    return request


def ask_again(case: CustomerCase, visit: Visit, request: SurveyRequest) -> SurveyRequest | Why:
    """Bring an open question back that was put off, or never seen: the same one, once, and by the rules of today."""
    if not comes_back(case, request, visit.site.id):
        return Why(Reason.OPEN_QUESTION)
    touchpoint = case.get(Touchpoint, request.journey, request.step)
    assert touchpoint is not None  # it was asked by it
    open_until = {"due_at": case.now, "wake_at": case.now, "give_up_at": request.closes_at}
    why = unless_stopped(case, touchpoint.but(state=TouchpointState.PLANNED, reason="", detail="", **open_until))
    if why is not None:
        return why
    return noted(case, request, AGAIN)


def noted(case: CustomerCase, request: SurveyRequest, what: str) -> SurveyRequest:
    """Keep in the details of a request that something happened to it now, and return it."""
    after = replace(request, details={**request.details, what: case.now.isoformat()}, changed_at=case.now)
    case.change(after)
    return after


def comes_back(case: CustomerCase, request: SurveyRequest, site: str) -> bool:
    """Tell whether a question was put off or never shown on a site, did not come back since, and its time has come."""
    details = request.details
    if request.reason or AGAIN in details or details.get("site") != site:
        return False
    if PUT_OFF in details:
        return back_from(details[PUT_OFF], case.zone) <= case.now
    return SHOWN not in details and add_wait(request.asked_at, UNSEEN_AFTER, case.zone) <= case.now


def back_from(put_off: str, zone: str) -> datetime:
    """Return from when on a question may come back that was put off at an instant."""
    return add_wait(datetime.fromisoformat(put_off), LATER, zone)


def unless_offered(case: CustomerCase, visit: Visit) -> Why | None:
    """Return why the site does not offer this moment, or does not ask this customer."""
    site = visit.site
    if visit.trigger not in site.triggers:
        return Why(Reason.NOT_OFFERED, visit.trigger[:40])
    if not site.shows_on(visit.page):
        return Why(Reason.NOT_OFFERED, visit.page[:200])
    if not is_in_share(case, site.share, SITE_RULE, site.id, str(case.now.year)):
        return Why(Reason.NOT_SAMPLED, f"{site.share} %")
    return None


def open_question(case: CustomerCase) -> SurveyRequest | None:
    """Return the question that is open on a site: one customer has one, in however many tabs."""
    for request in case.all(SurveyRequest):
        if request.channel == WEB and request.state == RequestState.OPEN and request.closes_at > case.now:
            return request
    return None


def due_for_visit(case: CustomerCase) -> Touchpoint | None:
    """Return the touchpoint that the plan wants asked on the web and that is due, the earliest of them."""
    due = [
        touchpoint for touchpoint in case.pending() if channel_of(case, touchpoint) == WEB and is_due(case, touchpoint)
    ]
    return due[0] if due else None


def is_due(case: CustomerCase, touchpoint: Touchpoint) -> bool:
    """Tell whether a touchpoint's time has come and is not over."""
    return touchpoint.due_at <= case.now <= touchpoint.give_up_at


def planned_by_visit(case: CustomerCase, visit: Visit) -> Touchpoint:
    """Return a touchpoint for this visit; one reference has one, and a visit without any has one a day."""
    trigger = PURCHASE if visit.trigger == PURCHASE else VISITED
    reference = visit.reference or f"{visit.site.id} {in_zone(case.now, case.zone).date().isoformat()}"
    journey = case.journey(VISITED, reference)
    key = journey.id if journey else case.ids.derive(case.now, "journey", case.id, VISITED, reference)
    earlier = case.get(Touchpoint, key, STEP)
    if earlier is not None:
        return earlier
    return Touchpoint(
        journey=key,
        step=STEP,
        customer=case.id,
        trigger=trigger,
        reference=reference,
        rule=f"{SITE_RULE}{visit.site.id}",
        plan_version=case.policy.plan.written_as,
        template=case.policy.plan.template_for(trigger) or TEMPLATE,
        anchor_at=case.now,
        due_at=case.now,
        wake_at=case.now,
        give_up_at=add_wait(case.now, GIVES_UP_AFTER, case.zone),
        if_resting="drop",
        reminder="",
        state=TouchpointState.PLANNED,
        reason="",
        detail="",
        changed_at=case.now,
        planned_at=case.now,
    )


def unless_eligible(case: CustomerCase, touchpoint: Touchpoint) -> Why | None:
    """Return why the core does not let this be asked now: facts, stops, suppression, rest period, yearly maximum."""
    if touchpoint.state == TouchpointState.ASKED:
        return Why(Reason.ASKED_ON_WEB)
    if (why := unless_stopped(case, touchpoint)) is not None:
        return why
    if touchpoint.if_resting == "exempt":
        return None
    rests = rest_of(case, question_of(touchpoint, case.policy))
    return Why(Reason(rests.reason), dates_of(rests)) if rests else None


def unless_stopped(case: CustomerCase, touchpoint: Touchpoint) -> Why | None:
    """Return what of the customer's facts stands against a question on a site, whenever they were asked last."""
    stands = assess(case, touchpoint)
    if stands.state == TouchpointState.HELD and (other := not_selected(case, touchpoint)).reason:
        return other
    if stands.reason != Reason.AWAITS_VISIT:
        return Why(stands.reason, stands.detail)
    if case.suppressed and case.suppressed not in OF_MAILBOX:
        return Why(Reason.SUPPRESSED, case.suppressed)
    return None


def asked(case: CustomerCase, touchpoint: Touchpoint, visit: Visit) -> SurveyRequest:
    """Keep the question as asked now, with the journey that a visit begins, and return it."""
    is_new = case.get(Touchpoint, *touchpoint.key()) is None
    if is_new and not any(journey.id == touchpoint.journey for journey in case.all(Journey)):
        case.add(journey_of(case, touchpoint, visit))
    stands = send_request(case, touchpoint)
    if is_new:
        case.add(stands)
    else:
        case.change(stands)
    (request,) = (
        request
        for request in case.all(SurveyRequest)
        if request.journey == touchpoint.journey and request.step == touchpoint.step
    )
    language = request.language if case.customer.language else visit.language or request.language
    details = {**request.details, "site": visit.site.id}
    shown = replace(
        request, details=details, language=language, wording=case.policy.wording(language, kind_of(request.question))
    )
    case.change(shown)
    return shown


def journey_of(case: CustomerCase, touchpoint: Touchpoint, visit: Visit) -> Journey:
    """Return the journey that a visit begins."""
    return Journey(
        id=touchpoint.journey,
        customer=case.id,
        trigger=VISITED,
        reference=touchpoint.reference,
        label=visit.reference or visit.site.name,
        details={},
        anchor_at=case.now,
        event=f"{SITE_RULE}{visit.site.id}",
        state="open",
        plan_version=case.policy.plan.written_as,
        began=VISITED,
    )


def note_visit(case: CustomerCase, site: str, why: Why) -> None:
    """Keep why nothing was shown to a customer on a site: a line a day for each reason, however often they come."""
    day = in_zone(case.now, case.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    subject = Subject(case.id, "web_visit", site)
    case.add(history(subject, TouchpointState.SKIPPED, why, day.astimezone(case.now.tzinfo), case.ids))


def close_on_web(case: CustomerCase, request: SurveyRequest) -> bool:
    """Keep that the customer closed the question: asked and not answered; nothing where it was answered before."""
    if request.channel != WEB or request.state != RequestState.OPEN:
        return False
    case.change(replace(request, state=RequestState.EXPIRED, reason=Reason.CLOSED_BY_VISITOR, changed_at=case.now))
    return True


def put_off_on_web(case: CustomerCase, request: SurveyRequest) -> bool:
    """Keep that the customer wants to answer later; once, and it counts as asked all the same."""
    if request.channel != WEB or request.state != RequestState.OPEN or not may_be_put_off(request):
        return False
    noted(case, request, PUT_OFF)
    return True


def may_be_put_off(request: SurveyRequest) -> bool:
    """Tell whether the customer may put a question off: not one that came back already."""
    return PUT_OFF not in request.details and AGAIN not in request.details


def show_on_web(case: CustomerCase, request: SurveyRequest) -> bool:
    """Keep that the question stood on a page, the first time."""
    if request.channel != WEB or request.state != RequestState.OPEN or SHOWN in request.details:
        return False
    noted(case, request, SHOWN)
    return True
