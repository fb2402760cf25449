"""When a person can next be asked, and what stands in the way. Asks `domain.survey`; decides nothing."""

from datetime import datetime

from workers.calendar import next_in_window
from workers.decision_table.model.rest_period import Question, Resting
from workers.domain.explain.survey import expected_at, places, support_busy, unmeant
from workers.domain.explain.view import Entry, View, iso
from workers.domain.explain.words import sentence
from workers.domain.mail.survey_duties import unmet
from workers.domain.records import Touchpoint
from workers.domain.survey.planning import channel_of, duty_towards, hold_ended, hold_ends
from workers.domain.survey.request import OF_MAILBOX, rest_of
from workers.domain.types import MAIL, Effect, Reason, TouchpointState

ANY = Question("", "")
"""A question of no template and no touchpoint: what rests is the person."""


def next_ask(view: View) -> Entry:
    """Return the instant from which the customer may be asked again (None: not while this lasts), and the reason."""
    never = barred(view)
    if never:
        return {"at": None, "reason": view.words.say("next.never", why=never)}
    held, held_until = hold(view)
    if held and held_until is None:
        return {"at": None, "reason": view.words.say("next.not-now", why=held)}
    rests = rest_of(view.case(), ANY)
    until = max(filter(None, (held_until, rests.until if rests else None)), default=None)
    if until is None or until <= view.now:
        at, why = view.now, view.words.say("next.any-time")
    else:
        at, why = until, held if rests is None or until != rests.until else rest_clause(rests, view)
    opens = next_in_window(at, view.policy.window, view.zone, view.policy.holidays)
    parts = [why, *pending(opens, view), *view.stalled()]
    return {"at": iso(opens), "reason": sentence(view.words.together(parts))}


def rests_until(view: View) -> datetime | None:
    """Return until when the customer rests; a question that never reached them gives its time back."""
    rests = rest_of(view.case(), ANY)
    return rests.until if rests else None


def barred(view: View) -> str:
    """Return why the customer is not asked at all, as a clause, or empty."""
    customer = view.story.customer
    if customer.erased_at:
        return view.words.clause(Reason.ERASED)
    if customer.merged_into:
        return view.words.clause(Reason.MERGED)
    if customer.opted_out_at:
        return view.words.clause(Reason.OPTED_OUT)
    for stop in view.story.stops:
        if stop.effect == Effect.CANCEL and stop.scope == "customer":
            return view.words.cause(stop.cause)
    mail_alone = asked_by_mail_alone(view)
    if view.story.suppressed and (mail_alone or view.story.suppressed not in OF_MAILBOX):
        return view.words.clause(Reason.SUPPRESSED, {"detail": view.story.suppressed})
    if not mail_alone:
        return ""
    if not customer.email:
        return view.words.clause(Reason.NO_ADDRESS)
    lacking = unmet(customer, duty_towards(view.case()), MAIL)
    return view.words.clause(lacking, {"detail": customer.country or ""}) if lacking else ""


def asked_by_mail_alone(view: View) -> bool:
    """Tell whether nothing that is planned for the customer is asked on another channel, such as SMS."""
    case = view.case()
    return all(channel_of(case, touchpoint) == MAIL for touchpoint in case.pending())


def hold(view: View) -> tuple[str, datetime | None]:
    """Return the cause of the longest hold on the whole customer as a clause, and its end (None: not known yet)."""
    case = view.case()
    longest: tuple[str, datetime | None] = ("", None)
    for stop in view.story.stops:
        if stop.effect != Effect.HOLD or stop.scope != "customer":
            continue
        until = hold_ends(case, stop)
        if until is None:
            return view.words.held_by(stop.cause, ended=False), None
        if until > view.now and (longest[1] is None or until > longest[1]):
            ended = hold_ended(case, stop)
            why = view.words.held_by(stop.cause, ended=ended)
            longest = (
                view.words.say("next.holds" if ended else "next.holds-at-most", why=why, until=view.words.day(until)),
                until,
            )
    return longest


def rest_clause(rests: Resting, view: View) -> str:
    """Return the rest period as a clause with both its dates."""
    return view.words.clause(
        Reason(rests.reason), {"asked": view.words.day(rests.since), "until": view.words.day(rests.until)}
    )


def pending(opens: datetime, view: View) -> list[str]:
    """Return the earliest question that will be asked, as a clause; one that a rest will drop is none."""
    waiting = view.case().pending()
    if not waiting:
        return [view.words.say("next.nothing")]
    expected = []
    for touchpoint in waiting:
        earliest = expected_at(touchpoint, view)
        if earliest is not None:
            asked_at = earliest if touchpoint.if_resting == "exempt" else max(earliest, opens)
            expected.append((asked_at, touchpoint))
    if not expected:
        why = in_the_way(waiting[0], view)
        return [view.words.say("next.unasked", why=why) if why else view.words.say("next.dropped")]
    at, following = min(expected, key=lambda question: (question[0], question[1].step))
    named = view.words.say("next.planned", name=view.words.name(following.step), day=view.words.day(at))
    return [named, *support_busy(following, view)]


def in_the_way(touchpoint: Touchpoint, view: View) -> str:
    """Return why a pending question is not asked as things stand, as a clause; empty where it is a rest that drops it.

    What the plan says comes before what is lacking.
    """
    why = unmeant(touchpoint, view)
    if why or touchpoint.state != TouchpointState.HELD:
        return why
    return view.words.clause(touchpoint.reason, places(touchpoint, view))
